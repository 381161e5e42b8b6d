//! Texts from people, delivered as Twilio delivers inbound messages: opt-out words, a signed webhook to the number's owner or its
//! Messaging Service, and the replies of the returned TwiML.
//!
//! The report shows what the person would see: Twilio's automatic reply and every message that was sent to them since.

pub(crate) mod delivery;
mod live_text;
mod media;
pub(crate) mod opt_out;
mod segments;
mod twiml;

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    SandboxError, Shared, ambient,
    state::{
        Number, ProviderState,
        messaging::{Event, Media, Message, Service, Step},
    },
    stock, upkeep,
    webhook::Target,
};
use opt_out::Word;

pub(crate) use media::{MediaRequest, url as media_url};
pub(crate) use segments::smart_encoded;

/// Maximum length of a body in characters.
pub(crate) const MAX_BODY: usize = 1600;
/// Maximum number of media of a message.
pub(crate) const MAX_MEDIA: usize = 10;

/// Request to send a text to an owned number.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextRequest {
    /// Number in E.164 form. An account must own it.
    to: String,
    /// Person's number. Default: a fictional American number.
    from: Option<String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    media: Vec<MediaRequest>,
    /// Value of the webhook's `OptOutType`. By default only Messaging Services with Advanced Opt-Out send it.
    opt_out_type: Option<String>,
    /// Message SID. Set it to repeat an earlier message's webhook.
    message_sid: Option<String>,
    /// Further parameters of the webhook.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// Reason why a text was not accepted.
pub(crate) enum Refusal {
    /// No account owns the number.
    NotOwned,
    Invalid(String),
    Unsaved(SandboxError),
}

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        Self::Unsaved(error)
    }
}

/// Where Twilio sends the webhook of an inbound message.
#[derive(Default)]
struct Route {
    target: Option<Target>,
    fallback: Option<Target>,
}

/// A received message with what follows from it.
struct Received {
    message: Message,
    route: Route,
    opt_out_type: Option<String>,
}

/// Delivers a text and executes the response. Returns the report.
pub(crate) async fn place(sandbox: Shared, request: TextRequest) -> Result<Value, Refusal> {
    upkeep::settle(&sandbox);
    let Some(received) = sandbox.store.change(|state| receive(state, &request))?? else {
        return Ok(json!({
            "message_sid": null, "answered_with": [], "auto_reply": null, "replies": [], "seen": [],
            "note": "the number's Messaging Service has no InboundRequestUrl: the message is dropped without a record",
        }));
    };
    let sid = received.message.sid.clone();
    delivery::start(&sandbox, sid.clone());
    let replies = live_text::run(&sandbox, received, request.parameters).await?;
    // The person sees a reply once it is sent. Settings of the control API can delay that: the report does not wait for long.
    for _ in 0..100 {
        let is_waiting = {
            let state = sandbox.store.read();
            state
                .messaging
                .messages
                .iter()
                .any(|reply| replies.contains(&reply.sid) && reply.status == "queued")
        };
        if !is_waiting {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let state = sandbox.store.read();
    report(&sandbox, &state, &sid)
        .ok_or_else(|| Refusal::Invalid("the message was deleted meanwhile".to_owned()))
}

/// Records an inbound message and applies opt-out words. Returns `None` if Twilio would drop the message.
fn receive(state: &mut ProviderState, request: &TextRequest) -> Result<Option<Received>, Refusal> {
    let number = state.number(&request.to).cloned().ok_or(Refusal::NotOwned)?;
    if !state.is_active(&number.account) {
        return Err(Refusal::Invalid(format!("the account that owns {} is not active", request.to)));
    }
    let (_, sms, mms, _) = stock::capabilities(&number.country, number.kind);
    if !sms || (!mms && !request.media.is_empty()) {
        let what = if sms { "pictures" } else { "messages" };
        return Err(Refusal::Invalid(format!("{} does not accept {what}", request.to)));
    }
    if request.body.chars().count() > MAX_BODY || request.media.len() > MAX_MEDIA {
        let reason = format!("at most {MAX_BODY} characters and {MAX_MEDIA} media are allowed");
        return Err(Refusal::Invalid(reason));
    }
    if request.body.is_empty() && request.media.is_empty() {
        return Err(Refusal::Invalid("a text needs a body or media".to_owned()));
    }
    let files: Result<Vec<_>, _> = request.media.iter().map(MediaRequest::file).collect();
    let files = files.map_err(Refusal::Invalid)?;
    let service = state.service_of(&number.sid).cloned();
    let Some(route) = route(state, &number, service.as_ref()) else { return Ok(None) };
    let person = request.from.clone().unwrap_or_else(|| "+13125550199".to_owned());
    let is_lost = state.take_rule(true, Some(&person), &request.to).is_some();
    let word = Word::of(&request.body, number.kind);
    let has_advanced = service
        .as_ref()
        .is_some_and(|service| state.messaging.settings.advanced_opt_out.contains(&service.sid));
    let advanced = word.filter(|_| has_advanced).map(|word| word.opt_out_type().to_owned());
    let opt_out_type = request.opt_out_type.clone().or(advanced);
    let known = request.message_sid.as_ref().and_then(|sid| state.message_mut(sid).cloned());
    if known.as_ref().is_some_and(|message| message.direction != "inbound" || message.to != request.to) {
        return Err(Refusal::Invalid("message_sid is that of another message".to_owned()));
    }
    let is_repeated = known.is_some();
    let mut message = match known {
        Some(message) => message,
        None => {
            let media = files.into_iter().map(|file| file.record(state)).collect();
            record(state, request, &person, (&number, service.as_ref()), media)
        }
    };
    if let Some(word) = word.filter(|_| !is_repeated) {
        let reply = opt_out::apply(state, word, &person, &request.to, number.kind);
        message.auto_reply = reply.map(str::to_owned);
        if let Some(record) = state.message_mut(&message.sid) {
            record.auto_reply.clone_from(&message.auto_reply);
        }
    }
    let route = if is_lost { Route::default() } else { route };
    Ok(Some(Received { message, route, opt_out_type }))
}

fn record(
    state: &mut ProviderState,
    request: &TextRequest,
    person: &str,
    (number, service): (&Number, Option<&Service>),
    media: Vec<Media>,
) -> Message {
    let now = state.now();
    let prefix = if media.is_empty() { "SM" } else { "MM" };
    let price = Step { after_ms: state.messaging.settings.priced_after_ms, event: Event::Price };
    let message = Message {
        serial: state.serial(),
        sid: request.message_sid.clone().unwrap_or_else(|| ambient::sid(prefix)),
        account: number.account.clone(),
        direction: "inbound".to_owned(),
        from: Some(person.to_owned()),
        to: request.to.clone(),
        body: request.body.clone(),
        service_sid: service.map(|service| service.sid.clone()),
        status: "received".to_owned(),
        error_code: None,
        segments: if media.is_empty() { segments::count(&request.body) } else { 1 },
        media_count: media.len(),
        media,
        media_urls: Vec::new(),
        created: now,
        updated: now,
        sent: Some(now),
        send_at: None,
        is_priced: false,
        status_callback: None,
        steps: vec![price],
        is_shuffled: false,
        is_doubled: false,
        exchanges: Vec::new(),
        auto_reply: None,
    };
    state.charge_message(&message.account, &message.sid, "inbound", message.segments);
    state.counters.messages_received += 1;
    state.messaging.messages.push(message.clone());
    message
}

/// Returns where the webhook of a message to this number goes. `None`: the number's Messaging Service does not receive messages.
fn route(state: &ProviderState, number: &Number, service: Option<&Service>) -> Option<Route> {
    if let Some(service) = service.filter(|service| !service.flag("use_inbound_webhook_on_number")) {
        let target = Target::of(service.text("inbound_request_url"), service.text("inbound_method"))?;
        let fallback = Target::of(service.text("fallback_url"), service.text("fallback_method"));
        return Some(Route { target: Some(target), fallback });
    }
    let settings = match number.setting("sms_application_sid") {
        "" => Some(&number.settings),
        // An application takes the place of the number's own URLs, even one that has been deleted.
        sid => {
            let application = state.messaging.applications.iter().find(|known| known.sid == sid);
            application.map(|application| &application.settings)
        }
    };
    let setting = |name: &str| settings.and_then(|settings| settings.get(name)).map_or("", String::as_str);
    Some(Route {
        target: Target::of(setting("sms_url"), setting("sms_method")),
        fallback: Target::of(setting("sms_fallback_url"), setting("sms_fallback_method")),
    })
}

/// Returns the report of a text. `None` if there is no inbound message with this SID.
pub(crate) fn report(sandbox: &Shared, state: &ProviderState, sid: &str) -> Option<Value> {
    let text = state.messaging.messages.iter().find(|message| message.sid == sid)?;
    if text.direction != "inbound" {
        return None;
    }
    // A person sees the messages of the number in one thread, whoever caused them.
    let replies: Vec<&Message> = state
        .messaging
        .messages
        .iter()
        .filter(|message| message.serial > text.serial && message.direction != "inbound")
        .filter(|message| message.from.as_ref() == Some(&text.to) && Some(&message.to) == text.from.as_ref())
        .collect();
    let arrived = replies.iter().filter(|reply| matches!(reply.status.as_str(), "sent" | "delivered"));
    let arrived = arrived.map(|reply| {
        let files = reply.media.iter().map(|file| format!("[{}]", file.content_type));
        let parts = Some(reply.body.clone()).filter(|body| !body.is_empty()).into_iter().chain(files);
        parts.collect::<Vec<_>>().join(" ")
    });
    let seen: Vec<String> = text.auto_reply.clone().into_iter().chain(arrived).collect();
    let mut report = to_json(sandbox, text);
    if let Some(members) = report.as_object_mut() {
        let replies: Vec<Value> = replies.iter().map(|reply| to_json(sandbox, reply)).collect();
        members.insert("replies".to_owned(), json!(replies));
        members.insert("seen".to_owned(), json!(seen));
    }
    Some(report)
}

/// Returns a message with its trace, as the control API shows it.
pub(crate) fn to_json(sandbox: &Shared, message: &Message) -> Value {
    let media = message.media.iter().map(
        |file| json!({"content_type": file.content_type, "url": media_url(sandbox, message, &file.sid)}),
    );
    json!({
        "message_sid": message.sid, "account_sid": message.account, "direction": message.direction, "from": message.from, "to": message.to,
        "service_sid": message.service_sid, "body": message.body, "status": message.status,
        "error_code": message.error_code, "segments": message.segments, "media": media.collect::<Vec<_>>(),
        "created": message.created, "auto_reply": message.auto_reply, "answered_with": message.exchanges,
    })
}
