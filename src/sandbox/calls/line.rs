//! One call as it goes: documents are fetched and obeyed until somebody hangs up.

use super::{
    super::{
        SandboxError, Shared, ambient,
        elevenlabs::{Pickup, connect},
        state::{Call, Number, Story},
    },
    DialResult, Order,
    twiml::{self, Stream, Target, Verb},
    webhook,
};

/// Twilio gives up after so many documents that lead to another.
const MOST_DOCUMENTS: usize = 11;

/// How a call ended.
pub(super) struct End {
    /// Twilio's final status.
    pub(super) status: &'static str,
    /// How long it lasted.
    pub(super) seconds: u64,
}

/// What follows a verb, or a document.
enum Next {
    /// The next verb.
    On,
    /// Another document, asked for with further parameters.
    Document(Target, Vec<(String, String)>),
    End(&'static str),
    Held,
}

/// A call and what has happened on it.
pub(super) struct Line {
    sandbox: Shared,
    call: Call,
    order: Order,
    story: Story,
    seconds: u64,
    is_answered: bool,
    has_fallen_back: bool,
}

impl Line {
    /// A call that begins to ring.
    pub(super) fn new(sandbox: Shared, call: Call, order: Order) -> Self {
        Self {
            sandbox,
            call,
            order,
            story: Story::default(),
            seconds: 0,
            is_answered: false,
            has_fallen_back: false,
        }
    }

    /// What has happened.
    pub(super) fn story(self) -> Story {
        self.story
    }

    fn hear(&mut self, words: impl Into<String>) {
        self.story.heard.push(words.into());
    }

    /// Follows the call; None when it is held.
    pub(super) async fn run(&mut self) -> Result<Option<End>, SandboxError> {
        let number = self.sandbox.store.read().number(&self.call.to).cloned();
        let status = match number {
            Some(number) => self.follow(&number).await?,
            None => Some("failed"),
        };
        Ok(status.map(|status| {
            let seconds = if status == "completed" { self.seconds.max(1) } else { 0 };
            End { status, seconds }
        }))
    }

    async fn follow(&mut self, number: &Number) -> Result<Option<&'static str>, SandboxError> {
        for (name, sid) in [("trunk", "trunk_sid"), ("application", "voice_application_sid")] {
            if !number.setting(sid).is_empty() {
                self.hear(format!("the number's {name} takes the call, its voice URL is not asked"));
                return Ok(Some("failed"));
            }
        }
        let Some(mut target) = Target::of(number.setting("voice_url"), number.setting("voice_method")) else {
            self.hear("the number has no voice URL: the call fails at once");
            return Ok(Some("failed"));
        };
        let mut parameters = Vec::new();
        for _ in 0..MOST_DOCUMENTS {
            let Some(verbs) = self.document(number, &target, parameters).await else {
                self.hear("an application error has occurred");
                return Ok(Some("failed"));
            };
            match self.perform(verbs)? {
                Next::Document(next, further) => (target, parameters) = (next, further),
                Next::End(status) => return Ok(Some(status)),
                Next::Held => return Ok(None),
                Next::On => return Ok(Some("completed")),
            }
        }
        self.hear("11215: more than 10 redirects; an application error has occurred");
        Ok(Some("failed"))
    }

    /// Asks for a document; when that fails, the number's fallback URL, once.
    async fn document(
        &mut self,
        number: &Number,
        target: &Target,
        parameters: Vec<(String, String)>,
    ) -> Option<Vec<Verb>> {
        let failed = match self.ask(target, parameters).await {
            Ok(verbs) => return Some(verbs),
            Err(error) => error,
        };
        let fallback =
            Target::of(number.setting("voice_fallback_url"), number.setting("voice_fallback_method"));
        let fallback = fallback.filter(|_| !self.has_fallen_back)?;
        self.has_fallen_back = true;
        let code = failed.split(':').next().unwrap_or_default().to_owned();
        let parameters = vec![("ErrorCode".to_owned(), code), ("ErrorUrl".to_owned(), target.url.clone())];
        self.ask(&fallback, parameters).await.ok()
    }

    async fn ask(&mut self, target: &Target, parameters: Vec<(String, String)>) -> Result<Vec<Verb>, String> {
        let status = if self.is_answered { "in-progress" } else { "ringing" };
        let mut fields = webhook::fields(&self.sandbox, &self.call, status);
        fields.extend(parameters);
        let mut answer = webhook::send(&self.sandbox, target, &fields).await;
        let verbs = match answer.error.clone() {
            Some(error) => Err(error),
            None => twiml::read(&answer.twiml, &target.url),
        };
        if let Err(error) = &verbs {
            answer.error = Some(error.clone());
        }
        self.story.answered_with.push(answer);
        verbs
    }

    fn perform(&mut self, verbs: Vec<Verb>) -> Result<Next, SandboxError> {
        for verb in verbs {
            let next = match verb {
                Verb::Reject { busy } if !self.is_answered => {
                    self.hear("reject");
                    return Ok(Next::End(if busy { "busy" } else { "no-answer" }));
                }
                Verb::Reject { .. } => Next::On,
                Verb::Heard(words) => {
                    self.hear(words);
                    self.seconds += 3;
                    Next::On
                }
                Verb::Hangup => {
                    self.hear("hangup");
                    Next::End("completed")
                }
                Verb::Redirect(target) => Next::Document(target, Vec::new()),
                Verb::Dial { who, caller_id, action } => self.dial(&who, caller_id, action),
                Verb::Connect { stream, action } => self.connect(stream, action)?,
            };
            self.is_answered = true;
            if !matches!(next, Next::On) {
                return Ok(next);
            }
        }
        Ok(Next::On)
    }

    fn dial(&mut self, who: &[String], caller_id: Option<String>, action: Option<Target>) -> Next {
        let shown = caller_id.unwrap_or_else(|| self.call.from.clone());
        if !is_number(&shown) {
            self.hear("13214: the caller id is not a number; an application error has occurred");
            return Next::End("failed");
        }
        let result = self.order.dial_result;
        self.hear(format!("dial {}: {}", who.join(", "), result.name()));
        let talked = if result == DialResult::Completed { self.talk() } else { 0 };
        let Some(action) = action else { return Next::On };
        let mut fields = vec![
            ("DialCallStatus".to_owned(), result.name().to_owned()),
            ("DialCallSid".to_owned(), ambient::sid("CA")),
        ];
        if talked > 0 {
            fields.push(("DialCallDuration".to_owned(), talked.to_string()));
            fields.push(("DialBridged".to_owned(), "true".to_owned()));
        }
        Next::Document(action, fields)
    }

    /// A conversation of the length that was asked for.
    fn talk(&mut self) -> u64 {
        let talked = self.order.duration_seconds.unwrap_or(30);
        self.seconds += talked;
        talked
    }

    fn connect(&mut self, stream: Option<Stream>, action: Option<Target>) -> Result<Next, SandboxError> {
        let id = stream.as_ref().and_then(|stream| {
            stream.parameters.iter().find(|(name, _)| name == "conversation_id").map(|(_, id)| id.clone())
        });
        let Some((stream, id)) = stream.zip(id) else {
            self.hear("connected to nobody: no stream, or one without a conversation_id");
            return Ok(action.map_or(Next::On, |action| Next::Document(action, Vec::new())));
        };
        let sid = self.call.sid.clone();
        let hold = self.order.hold;
        let pickup = self.sandbox.store.change(|state| {
            let pickup = connect(state, &id, &sid);
            let talking = matches!(pickup, Pickup::Talking { .. });
            if let Some(call) = state.call_mut(&sid).filter(|call| talking && hold && !call.is_over()) {
                call.status = "in-progress".to_owned();
            }
            pickup
        })?;
        self.story.conversation_id = Some(id.clone());
        match pickup {
            Pickup::Refused(reason) => {
                self.hear(format!("the stream to {} is closed at once: {reason}", stream.url));
                Ok(action.map_or(Next::On, |action| Next::Document(action, Vec::new())))
            }
            Pickup::Talking { agent, garbled } => {
                let noise =
                    if garbled { ", heard as noise: its audio formats are not ulaw_8000" } else { "" };
                self.hear(format!("connected to agent {} (conversation {id}){noise}", agent.name));
                self.story.agent = Some(agent);
                self.talk();
                Ok(if hold { Next::Held } else { Next::End("completed") })
            }
        }
    }
}

/// What Twilio takes for a caller id: a number in E.164 form.
fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
