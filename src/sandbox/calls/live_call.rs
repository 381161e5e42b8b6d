//! Execution of one call: fetches TwiML documents and executes their verbs until the call ends or is held.

use super::{
    super::{
        SandboxError, Shared, ambient,
        elevenlabs::{Pickup, connect},
        state::{Call, CallTrace, Number},
        webhook::{self, Subject, Target},
    },
    CallRequest, DialResult,
    twiml::{self, Stream, Verb},
    webhook_fields,
};

/// Maximum number of documents per call: Twilio follows at most 10 redirects.
const MAX_DOCUMENTS: usize = 11;

/// End of a call.
pub(super) struct CallEnd {
    /// Twilio's final call status.
    pub(super) status: &'static str,
    /// Duration. 0 unless the call was completed.
    pub(super) seconds: u64,
}

/// What follows a verb, or a document.
enum Next {
    /// The next verb of the document.
    Verb,
    /// Another document, requested with these additional parameters.
    Document(Target, Vec<(String, String)>),
    /// The end of the call, with Twilio's final status.
    End(&'static str),
    /// Nothing: the call stays in progress until it is hung up.
    Held,
}

/// A call in execution, with its trace.
pub(super) struct LiveCall {
    sandbox: Shared,
    call: Call,
    request: CallRequest,
    trace: CallTrace,
    /// Duration so far. Each verb that the caller hears counts as 3 s.
    seconds: u64,
    is_answered: bool,
    /// Whether the fallback URL was used. Twilio uses it once per call.
    has_fallen_back: bool,
}

impl LiveCall {
    /// Starts with a ringing call.
    pub(super) fn new(sandbox: Shared, call: Call, request: CallRequest) -> Self {
        Self {
            sandbox,
            call,
            request,
            trace: CallTrace::default(),
            seconds: 0,
            is_answered: false,
            has_fallen_back: false,
        }
    }

    /// Returns the trace of the executed call.
    pub(super) fn into_trace(self) -> CallTrace {
        self.trace
    }

    fn add_heard(&mut self, words: impl Into<String>) {
        self.trace.heard.push(words.into());
    }

    /// Executes the call. Returns `None` if it is held.
    pub(super) async fn run(&mut self) -> Result<Option<CallEnd>, SandboxError> {
        let number = {
            let state = self.sandbox.store.read();
            state.number(&self.call.to).map(|number| (number.clone(), state.is_active(&number.account)))
        };
        let status = match number {
            Some((_, false)) => {
                self.add_heard("the account that owns the number is not active: the call fails at once");
                Some("failed")
            }
            Some((number, true)) => self.execute_documents(&number).await?,
            None => Some("failed"),
        };
        Ok(status.map(|status| {
            let seconds = if status == "completed" { self.seconds.max(1) } else { 0 };
            CallEnd { status, seconds }
        }))
    }

    async fn execute_documents(&mut self, number: &Number) -> Result<Option<&'static str>, SandboxError> {
        // Twilio ignores the voice URLs of a number with a trunk or an application.
        for (name, sid) in [("trunk", "trunk_sid"), ("application", "voice_application_sid")] {
            if !number.setting(sid).is_empty() {
                self.add_heard(format!("the number's {name} takes the call; its voice URL is not requested"));
                return Ok(Some("failed"));
            }
        }
        let Some(mut target) = Target::of(number.setting("voice_url"), number.setting("voice_method")) else {
            self.add_heard("the number has no voice URL: the call fails at once");
            return Ok(Some("failed"));
        };
        let mut parameters = Vec::new();
        for _ in 0..MAX_DOCUMENTS {
            let Some(verbs) = self.fetch_or_fall_back(number, &target, parameters).await else {
                self.add_heard("an application error has occurred");
                return Ok(Some("failed"));
            };
            match self.execute(verbs)? {
                Next::Document(next, further) => (target, parameters) = (next, further),
                Next::End(status) => return Ok(Some(status)),
                Next::Held => return Ok(None),
                Next::Verb => return Ok(Some("completed")),
            }
        }
        self.add_heard("11215: more than 10 redirects; an application error has occurred");
        Ok(Some("failed"))
    }

    /// Fetches a document. If that fails, fetches the number's fallback URL, once per call.
    async fn fetch_or_fall_back(
        &mut self,
        number: &Number,
        target: &Target,
        parameters: Vec<(String, String)>,
    ) -> Option<Vec<Verb>> {
        let error = match self.fetch(target, parameters).await {
            Ok(verbs) => return Some(verbs),
            Err(error) => error,
        };
        let fallback =
            Target::of(number.setting("voice_fallback_url"), number.setting("voice_fallback_method"));
        let fallback = fallback.filter(|_| !self.has_fallen_back)?;
        self.has_fallen_back = true;
        // Our errors begin with the code of Twilio that they stand for.
        let code = error.split(':').next().unwrap_or_default().to_owned();
        let parameters = vec![("ErrorCode".to_owned(), code), ("ErrorUrl".to_owned(), target.url.clone())];
        self.fetch(&fallback, parameters).await.ok()
    }

    async fn fetch(
        &mut self,
        target: &Target,
        parameters: Vec<(String, String)>,
    ) -> Result<Vec<Verb>, String> {
        let status = if self.is_answered { "in-progress" } else { "ringing" };
        let mut fields = webhook_fields(&self.call, status);
        fields.extend(parameters);
        let mut exchange =
            webhook::send(&self.sandbox, &self.call.account, Subject::Call, target, &fields).await;
        let verbs = match exchange.error.clone() {
            Some(error) => Err(error),
            None => twiml::parse(&exchange.twiml, &target.url),
        };
        if let Err(error) = &verbs {
            exchange.error = Some(error.clone());
        }
        self.trace.answered_with.push(exchange);
        verbs
    }

    fn execute(&mut self, verbs: Vec<Verb>) -> Result<Next, SandboxError> {
        for verb in verbs {
            let next = match verb {
                Verb::Reject { busy } if !self.is_answered => {
                    self.add_heard("reject");
                    return Ok(Next::End(if busy { "busy" } else { "no-answer" }));
                }
                // `<Reject>` rejects a call only as its first verb: any other verb answers it.
                Verb::Reject { .. } => Next::Verb,
                Verb::Heard(words) => {
                    self.add_heard(words);
                    self.seconds += 3;
                    Next::Verb
                }
                Verb::Hangup => {
                    self.add_heard("hangup");
                    Next::End("completed")
                }
                Verb::Redirect(target) => Next::Document(target, Vec::new()),
                Verb::Dial { who, caller_id, action } => self.dial(&who, caller_id, action),
                Verb::Connect { stream, action } => self.connect(stream, action)?,
            };
            // Every verb answers the call, except a `<Reject>` that comes first: that has returned above.
            self.is_answered = true;
            if !matches!(next, Next::Verb) {
                return Ok(next);
            }
        }
        Ok(Next::Verb)
    }

    fn dial(&mut self, who: &[String], caller_id: Option<String>, action: Option<Target>) -> Next {
        // Without `callerId`, Twilio shows the caller's own number, which may be hidden or a word.
        let shown = caller_id.unwrap_or_else(|| self.call.from.clone());
        if !is_number(&shown) {
            self.add_heard("13214: the caller id is not a number; an application error has occurred");
            return Next::End("failed");
        }
        let result = self.request.dial_result;
        self.add_heard(format!("dial {}: {}", who.join(", "), result.name()));
        let talked = if result == DialResult::Completed { self.talk() } else { 0 };
        let Some(action) = action else { return Next::Verb };
        let mut fields = vec![
            ("DialCallStatus".to_owned(), result.name().to_owned()),
            ("DialCallSid".to_owned(), ambient::sid("CA")),
        ];
        // Only a dial that was answered has a duration.
        if talked > 0 {
            fields.push(("DialCallDuration".to_owned(), talked.to_string()));
            fields.push(("DialBridged".to_owned(), "true".to_owned()));
        }
        Next::Document(action, fields)
    }

    /// Adds a conversation of the requested duration and returns its seconds.
    fn talk(&mut self) -> u64 {
        let talked = self.request.duration_seconds.unwrap_or(30);
        self.seconds += talked;
        talked
    }

    fn connect(&mut self, stream: Option<Stream>, action: Option<Target>) -> Result<Next, SandboxError> {
        let id = stream.as_ref().and_then(|stream| {
            stream.parameters.iter().find(|(name, _)| name == "conversation_id").map(|(_, id)| id.clone())
        });
        let Some((stream, id)) = stream.zip(id) else {
            self.add_heard("connected to nobody: no stream, or one without a conversation_id");
            return Ok(action.map_or(Next::Verb, |action| Next::Document(action, Vec::new())));
        };
        let sid = self.call.sid.clone();
        let hold = self.request.hold;
        let pickup = self.sandbox.store.change(|state| {
            let pickup = connect(state, &id, &sid);
            let talking = matches!(pickup, Pickup::Talking { .. });
            // In one change with the connection: a hang-up in between must not be undone.
            if let Some(call) = state.call_mut(&sid).filter(|call| talking && hold && !call.is_over()) {
                call.status = "in-progress".to_owned();
            }
            pickup
        })?;
        self.trace.conversation_id = Some(id.clone());
        match pickup {
            Pickup::Rejected(reason) => {
                self.add_heard(format!("the stream to {} is closed at once: {reason}", stream.url));
                Ok(action.map_or(Next::Verb, |action| Next::Document(action, Vec::new())))
            }
            Pickup::Talking { agent, garbled } => {
                let noise =
                    if garbled { ", heard as noise: its audio formats are not ulaw_8000" } else { "" };
                self.add_heard(format!("connected to agent {} (conversation {id}){noise}", agent.name));
                self.trace.agent = Some(agent);
                self.talk();
                Ok(if hold { Next::Held } else { Next::End("completed") })
            }
        }
    }
}

/// Returns whether Twilio accepts the text as a caller id: a number in E.164 form.
fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
