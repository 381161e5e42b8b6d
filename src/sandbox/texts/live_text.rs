//! Execution of one inbound message: requests the webhook, reads the response, and sends the replies.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::super::{
    SandboxError, Shared,
    state::{ProviderState, messaging::Message},
    webhook::{self, Subject, Target},
};
use super::{
    MAX_BODY, MAX_MEDIA, Received, delivery,
    delivery::Outbound,
    media_url,
    twiml::{self, Reply, Verb},
};

/// Maximum number of documents per message: Twilio follows at most 10 redirects.
const MAX_DOCUMENTS: usize = 11;
/// Maximum number of replies to one message.
const MAX_REPLIES: usize = 10;
/// Maximum number of replies between two numbers in [`BURST`].
const MAX_BURST: usize = 30;
const BURST: TimeDelta = TimeDelta::seconds(30);

/// The next document, requested with these additional parameters.
type NextDocument = (Target, Vec<(String, String)>);

/// An inbound message in execution.
struct LiveText<'a> {
    sandbox: &'a Shared,
    message: Message,
    /// Used once per message.
    fallback: Option<Target>,
    fields: Vec<(String, String)>,
    replies: Vec<String>,
}

/// Executes a message. Returns the SIDs of the replies.
pub(super) async fn run(
    sandbox: &Shared,
    received: Received,
    parameters: BTreeMap<String, String>,
) -> Result<Vec<String>, SandboxError> {
    let mut fields = webhook_fields(sandbox, &received.message, received.opt_out_type.as_deref());
    fields.extend(parameters);
    let mut live = LiveText {
        sandbox,
        message: received.message,
        fallback: received.route.fallback,
        fields,
        replies: Vec::new(),
    };
    let Some(mut target) = received.route.target else { return Ok(Vec::new()) };
    let mut further = Vec::new();
    for _ in 0..MAX_DOCUMENTS {
        let Some(verbs) = live.fetch_or_fall_back(&target, further).await? else { break };
        match live.execute(verbs)? {
            Some((next, parameters)) => (target, further) = (next, parameters),
            None => break,
        }
    }
    Ok(live.replies)
}

/// Returns the parameters of an inbound message's webhook.
fn webhook_fields(sandbox: &Shared, message: &Message, opt_out_type: Option<&str>) -> Vec<(String, String)> {
    let from = message.from.as_deref().unwrap_or_default();
    let (segments, media_count) = (message.segments.to_string(), message.media.len().to_string());
    let mut fields: Vec<(String, String)> = [
        ("MessageSid", message.sid.as_str()),
        ("SmsSid", &message.sid),
        ("SmsMessageSid", &message.sid),
        ("AccountSid", &message.account),
        ("From", from),
        ("To", &message.to),
        ("Body", &message.body),
        ("NumMedia", &media_count),
        ("NumSegments", &segments),
        ("SmsStatus", "received"),
        ("ApiVersion", "2010-04-01"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    fields.extend(webhook::place_fields("From", from));
    fields.extend(webhook::place_fields("To", &message.to));
    if let Some(sid) = &message.service_sid {
        fields.push(("MessagingServiceSid".to_owned(), sid.clone()));
    }
    if let Some(word) = opt_out_type {
        fields.push(("OptOutType".to_owned(), word.to_owned()));
    }
    for (index, file) in message.media.iter().enumerate() {
        fields.push((format!("MediaUrl{index}"), media_url(sandbox, message, &file.sid)));
        fields.push((format!("MediaContentType{index}"), file.content_type.clone()));
    }
    fields
}

impl LiveText<'_> {
    async fn fetch_or_fall_back(
        &mut self,
        target: &Target,
        further: Vec<(String, String)>,
    ) -> Result<Option<Vec<Verb>>, SandboxError> {
        let error = match self.fetch(target, further).await? {
            Ok(verbs) => return Ok(Some(verbs)),
            Err(error) => error,
        };
        let Some(fallback) = self.fallback.take() else { return Ok(None) };
        // Our errors begin with the code of Twilio that they stand for.
        let code = error.split(':').next().unwrap_or_default().to_owned();
        let further = vec![("ErrorCode".to_owned(), code), ("ErrorUrl".to_owned(), target.url.clone())];
        Ok(self.fetch(&fallback, further).await?.ok())
    }

    async fn fetch(
        &mut self,
        target: &Target,
        further: Vec<(String, String)>,
    ) -> Result<Result<Vec<Verb>, String>, SandboxError> {
        let mut fields = self.fields.clone();
        fields.extend(further);
        let mut exchange =
            webhook::send(self.sandbox, &self.message.account, Subject::Message, target, &fields).await;
        let is_text = exchange.content_type.as_deref().is_some_and(|kind| kind.starts_with("text/plain"));
        let outcome = match exchange.error.clone() {
            Some(error) => Err(error),
            None if exchange.twiml.is_empty() => Ok((Vec::new(), None)),
            // The body is the reply.
            None if is_text => {
                let reply = Reply { body: exchange.twiml.clone(), ..Reply::default() };
                Ok((vec![Verb::Message(reply)], None))
            }
            None => twiml::parse(&exchange.twiml, &target.url),
        };
        let outcome = outcome.map(|(verbs, warning)| {
            exchange.error = warning;
            verbs
        });
        if let Err(error) = &outcome {
            exchange.error = Some(error.clone());
        }
        self.sandbox.store.change(|state| {
            if let Some(message) = state.message_mut(&self.message.sid) {
                message.exchanges.push(exchange);
            }
        })?;
        Ok(outcome)
    }

    /// Executes verbs. Returns the next document, if one follows.
    fn execute(&mut self, verbs: Vec<Verb>) -> Result<Option<NextDocument>, SandboxError> {
        for verb in verbs {
            match verb {
                Verb::Redirect(target) => return Ok(Some((target, Vec::new()))),
                Verb::Message(mut reply) => {
                    let action = reply.action.take();
                    let sent = self.sandbox.store.change(|state| self.reply(state, reply))?;
                    if let Ok(sent) = &sent {
                        self.replies.push(sent.sid.clone());
                        delivery::start(self.sandbox, sent.sid.clone());
                    }
                    let Some(action) = action else { continue };
                    let outcome = match sent {
                        Ok(sent) => vec![
                            ("MessageSid".to_owned(), sent.sid),
                            ("MessageStatus".to_owned(), sent.status),
                        ],
                        Err(_) => vec![("MessageStatus".to_owned(), "failed".to_owned())],
                    };
                    return Ok(Some((action, outcome)));
                }
            }
        }
        Ok(None)
    }

    /// Records a reply, or the reason why Twilio drops it.
    fn reply(&self, state: &mut ProviderState, reply: Reply) -> Result<Message, ()> {
        let from = reply.from.unwrap_or_else(|| self.message.to.clone());
        let to = reply.to.or_else(|| self.message.from.clone()).unwrap_or_default();
        let problem = if self.replies.len() >= MAX_REPLIES {
            Some("14109: more than 10 replies to one message")
        } else if is_burst(state, &from, &to) {
            Some("14107: more than 30 replies between two numbers in 30 s")
        } else if state.own_number(&self.message.account, &from).is_none() {
            Some("14102: the account does not own the number in the attribute from")
        } else if reply.body.chars().count() > MAX_BODY {
            Some("21617: the reply is longer than 1600 characters")
        } else if reply.media_urls.len() > MAX_MEDIA {
            Some("21623: the reply has more than 10 media")
        } else if reply.body.is_empty() && reply.media_urls.is_empty() {
            Some("14103: the reply has neither text nor media")
        } else {
            None
        };
        if let Some(problem) = problem {
            let last = state.message_mut(&self.message.sid).and_then(|message| message.exchanges.last_mut());
            if let Some(exchange) = last {
                exchange.error = Some(problem.to_owned());
            }
            return Err(());
        }
        // To somebody who has opted out it fails when it is sent.
        Ok(delivery::accept(
            state,
            Outbound {
                account: self.message.account.clone(),
                direction: "outbound-reply",
                from: Some(from),
                to,
                body: reply.body,
                media_urls: reply.media_urls,
                status_callback: reply.status_callback,
                ..Outbound::default()
            },
        ))
    }
}

fn is_burst(state: &ProviderState, from: &str, to: &str) -> bool {
    let since = state.now() - BURST;
    let recent = state.messaging.messages.iter().rev().take_while(|message| message.created >= since);
    let replies = recent.filter(|message| {
        message.direction == "outbound-reply" && message.from.as_deref() == Some(from) && message.to == to
    });
    replies.count() >= MAX_BURST
}
