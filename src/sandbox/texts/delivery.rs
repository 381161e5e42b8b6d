//! Life of an outbound message: a task takes its steps one after the other and sends the signed status callbacks.
//!
//! Every status is on disk before its callback is sent. The steps that remain are on disk too, so that a restarted sandbox goes on with
//! messages that were under way.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::super::{
    SandboxError, Shared, ambient,
    state::{
        ProviderState,
        messaging::{Event, Message, Outcome, RegistrationDuty, RegistrationKind, Step},
    },
    stock::{self, Kind},
    webhook::{self, Subject, Target},
};
use super::{
    media::{self, File},
    opt_out, segments,
};

/// Interval at which a scheduled message looks at the providers' clock, which the control API can move.
const SCHEDULE_POLL: Duration = Duration::from_millis(100);
/// Twilio's code for a message that was not sent within its validity period.
const VALIDITY_EXPIRED: u32 = 30036;

/// An outbound message before it is accepted.
#[derive(Default)]
pub(crate) struct Outbound {
    pub(crate) account: String,
    pub(crate) direction: &'static str,
    pub(crate) from: Option<String>,
    pub(crate) to: String,
    pub(crate) body: String,
    pub(crate) media_urls: Vec<String>,
    pub(crate) service_sid: Option<String>,
    pub(crate) status_callback: Option<String>,
    pub(crate) send_at: Option<DateTime<Utc>>,
    /// Seconds after which a message that is still queued fails.
    pub(crate) validity_seconds: Option<u32>,
}

/// Records a message with the steps that follow. The caller starts them once the change is saved.
pub(crate) fn accept(state: &mut ProviderState, outbound: Outbound) -> Message {
    let rule = state.take_rule(false, outbound.from.as_deref(), &outbound.to);
    let settings = &state.messaging.settings;
    let sent_after = rule.as_ref().and_then(|rule| rule.sent_after_ms).unwrap_or(settings.sent_after_ms);
    let delivered_after =
        rule.as_ref().and_then(|rule| rule.delivered_after_ms).unwrap_or(settings.delivered_after_ms);
    let code = rule.as_ref().and_then(|rule| rule.code);
    let validity = outbound.validity_seconds.map(|seconds| u64::from(seconds) * 1000);
    let mut steps = Vec::new();
    let mut step = |after_ms, event| steps.push(Step { after_ms, event });
    // A service chooses the sender after the request was answered.
    if outbound.from.is_none() {
        step(0, Event::Queue);
    }
    match rule.as_ref().map_or(Outcome::Delivered, |rule| rule.outcome) {
        Outcome::Failed => step(sent_after, Event::Fail(code.unwrap_or(30008))),
        _ if validity.is_some_and(|valid_ms| valid_ms < sent_after) => {
            step(validity.unwrap_or_default(), Event::Fail(VALIDITY_EXPIRED));
        }
        outcome => {
            step(sent_after, Event::Send);
            match outcome {
                Outcome::Undelivered => step(delivered_after, Event::Undeliver(code.unwrap_or(30003))),
                Outcome::Delivered => step(delivered_after, Event::Deliver),
                Outcome::NoReceipt | Outcome::Failed | Outcome::LostWebhook => {}
            }
            step(settings.priced_after_ms, Event::Price);
        }
    }
    let now = state.now();
    let is_queued = outbound.from.is_some() && outbound.send_at.is_none();
    let status = match (outbound.send_at, &outbound.from) {
        (Some(_), _) => "scheduled",
        (None, None) => "accepted",
        (None, Some(_)) => "queued",
    };
    let message = Message {
        serial: state.serial(),
        sid: ambient::sid(if outbound.media_urls.is_empty() { "SM" } else { "MM" }),
        direction: outbound.direction.to_owned(),
        status: status.to_owned(),
        error_code: None,
        // Known once the sender is.
        segments: if is_queued { segments_of(&outbound) } else { 0 },
        account: outbound.account,
        from: outbound.from,
        to: outbound.to,
        body: outbound.body,
        service_sid: outbound.service_sid,
        media_count: outbound.media_urls.len(),
        media: Vec::new(),
        media_urls: outbound.media_urls,
        created: now,
        updated: now,
        sent: outbound.send_at.is_none().then_some(now),
        send_at: outbound.send_at,
        is_priced: false,
        status_callback: outbound.status_callback,
        steps,
        is_shuffled: rule.as_ref().is_some_and(|rule| rule.shuffled),
        is_doubled: rule.as_ref().is_some_and(|rule| rule.doubled),
        exchanges: Vec::new(),
        auto_reply: None,
    };
    state.messaging.messages.push(message.clone());
    message
}

fn segments_of(outbound: &Outbound) -> usize {
    if outbound.media_urls.is_empty() { segments::count(&outbound.body) } else { 1 }
}

/// Starts the steps of a message in the background.
pub(crate) fn start(sandbox: &Shared, sid: String) {
    let (task, stopping) = (run(Arc::clone(sandbox), sid), sandbox.stopping.clone());
    sandbox.tasks.spawn(async move {
        // Stopped between two steps or during a request: the rest is in the state.
        stopping.run_until_cancelled(task).await;
    });
}

/// Starts all messages that were under way when the state was saved.
pub(crate) fn resume(sandbox: &Shared) {
    let waiting: Vec<String> = {
        let state = sandbox.store.read();
        let messages = state.messaging.messages.iter().filter(|message| !message.steps.is_empty());
        messages.map(|message| message.sid.clone()).collect()
    };
    for sid in waiting {
        start(sandbox, sid);
    }
}

/// A status callback to send.
pub(crate) struct Callback {
    account: String,
    target: Target,
    fields: Vec<(String, String)>,
    is_doubled: bool,
    is_shuffled: bool,
}

async fn run(sandbox: Shared, sid: String) {
    wait_until_due(&sandbox, &sid).await;
    let mut kept_back = Vec::new();
    while let Some((step, urls)) = next_step(&sandbox, &sid) {
        tokio::time::sleep(Duration::from_millis(step.after_ms)).await;
        let files =
            if step.event == Event::Send { media::fetch(&sandbox, &urls).await } else { Ok(Vec::new()) };
        match sandbox.store.change(|state| take(state, &sid, &step, files)) {
            Ok(Some(callback)) if callback.is_shuffled => kept_back.push(callback),
            Ok(Some(callback)) => report(&sandbox, &sid, &callback).await,
            Ok(None) => {}
            Err(error) => return log_unsaved(&error),
        }
        let is_settled = {
            let state = sandbox.store.read();
            let message = state.messaging.messages.iter().find(|message| message.sid == sid);
            message.is_none_or(Message::is_settled)
        };
        if is_settled {
            for callback in std::mem::take(&mut kept_back).iter().rev() {
                report(&sandbox, &sid, callback).await;
            }
        }
    }
}

fn log_unsaved(error: &SandboxError) {
    tracing::error!(%error, "saving a message's status failed");
}

async fn wait_until_due(sandbox: &Shared, sid: &str) {
    loop {
        {
            let mut state = sandbox.store.read();
            let now = state.now();
            let due = state.message_mut(sid).and_then(|message| message.send_at);
            if due.is_none_or(|due| due <= now) {
                return;
            }
        }
        tokio::time::sleep(SCHEDULE_POLL).await;
    }
}

fn next_step(sandbox: &Shared, sid: &str) -> Option<(Step, Vec<String>)> {
    let mut state = sandbox.store.read();
    let message = state.message_mut(sid)?;
    Some((message.steps.first()?.clone(), message.media_urls.clone()))
}

/// Takes a step, unless the message was cancelled or deleted meanwhile.
fn take(
    state: &mut ProviderState,
    sid: &str,
    step: &Step,
    files: Result<Vec<File>, u32>,
) -> Option<Callback> {
    let message = state.messaging.messages.iter().find(|message| message.sid == sid)?.clone();
    if message.steps.first() != Some(step) {
        return None;
    }
    let event = match (step.event, &files) {
        (Event::Queue, _) if sender(state, &message).is_none() => Event::Fail(21704),
        (Event::Send, Err(code)) => Event::Fail(*code),
        (Event::Send, Ok(_)) => block_code(state, &message).map_or(Event::Send, Event::Fail),
        (event, _) => event,
    };
    let chosen = if event == Event::Queue { sender(state, &message) } else { None };
    let now = state.now();
    let media: Vec<_> = files.unwrap_or_default().into_iter().map(|file| file.record(state)).collect();
    if event == Event::Send {
        state.charge_message(&message.account, sid, &message.direction, message.segments.max(1));
    }
    let message = state.message_mut(sid)?;
    message.steps.remove(0);
    message.updated = now;
    match event {
        Event::Queue => {
            message.from = chosen;
            message.segments = if message.media_urls.is_empty() { segments::count(&message.body) } else { 1 };
            "queued".clone_into(&mut message.status);
        }
        Event::Send => {
            message.media = media;
            message.sent = Some(now);
            "sent".clone_into(&mut message.status);
        }
        Event::Deliver => "delivered".clone_into(&mut message.status),
        Event::Undeliver(code) => {
            message.error_code = Some(code);
            "undelivered".clone_into(&mut message.status);
        }
        Event::Fail(code) => {
            message.error_code = Some(code);
            "failed".clone_into(&mut message.status);
            message.steps.clear();
        }
        Event::Price => {
            message.is_priced = true;
            return None;
        }
    }
    callback(message, now)
}

/// Returns the number that a service sends from: the last one that the person had a message from or to, else the first of the pool.
fn sender(state: &ProviderState, message: &Message) -> Option<String> {
    let service =
        state.messaging.services.iter().find(|known| Some(&known.sid) == message.service_sid.as_ref())?;
    let pool: Vec<&str> = service
        .pool
        .iter()
        .filter_map(|member| state.numbers.iter().find(|number| number.sid == member.number_sid))
        .filter(|number| stock::capabilities(&number.country, number.kind).1)
        .map(|number| number.phone_number.as_str())
        .collect();
    let known = state.messaging.messages.iter().rev().find_map(|earlier| {
        let from = earlier.from.as_deref()?;
        match (earlier.to == message.to, from == message.to) {
            (true, _) => Some(from),
            (_, true) => Some(earlier.to.as_str()),
            _ => None,
        }
        .filter(|number| pool.contains(number))
    });
    known.or(pool.first().copied()).map(str::to_owned)
}

/// Returns the code with which a message fails instead of being sent: the recipient has opted out, or the sender is not registered.
fn block_code(state: &ProviderState, message: &Message) -> Option<u32> {
    let from = message.from.as_deref()?;
    if opt_out::is_blocked(state, &message.to, from) {
        return Some(21610);
    }
    let number = state.number(from)?;
    let is_duty = state.messaging.settings.registration == RegistrationDuty::Enforced;
    if !is_duty || !message.to.starts_with("+1") || !from.starts_with("+1") {
        return None;
    }
    let has = |kind, subject: &str, status: &str| {
        state.messaging.registrations.iter().any(|registration| {
            registration.kind == kind && registration.subject_sid == subject && registration.status == status
        })
    };
    match number.kind {
        Kind::TollFree => {
            let is_approved = has(RegistrationKind::TollfreeVerification, &number.sid, "TWILIO_APPROVED");
            (!is_approved).then_some(30032)
        }
        Kind::Local if number.country == "US" => {
            let service = state.service_of(&number.sid);
            let is_verified =
                service.is_some_and(|service| has(RegistrationKind::Campaign, &service.sid, "VERIFIED"));
            (!is_verified).then_some(30034)
        }
        Kind::Local | Kind::Mobile => None,
    }
}

/// Returns the status callback of a message. `None` if nobody asked for one.
pub(crate) fn callback(message: &Message, now: DateTime<Utc>) -> Option<Callback> {
    let target = Target::of(message.status_callback.as_deref()?, "POST")?;
    let mut fields: Vec<(String, String)> = [
        ("MessageSid", message.sid.as_str()),
        ("SmsSid", &message.sid),
        ("MessageStatus", &message.status),
        ("SmsStatus", &message.status),
        ("AccountSid", &message.account),
        ("From", message.from.as_deref().unwrap_or_default()),
        ("To", &message.to),
        ("ApiVersion", "2010-04-01"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if let Some(sid) = &message.service_sid {
        fields.push(("MessagingServiceSid".to_owned(), sid.clone()));
    }
    if let Some(code) = message.error_code {
        fields.push(("ErrorCode".to_owned(), code.to_string()));
    }
    if matches!(message.status.as_str(), "delivered" | "undelivered") {
        fields.push(("RawDlrDoneDate".to_owned(), now.format("%y%m%d%H%M").to_string()));
    }
    Some(Callback {
        account: message.account.clone(),
        target,
        fields,
        is_doubled: message.is_doubled,
        is_shuffled: message.is_shuffled,
    })
}

/// Sends a status callback and records the response.
pub(crate) async fn report(sandbox: &Shared, sid: &str, callback: &Callback) {
    let times = if callback.is_doubled { 2 } else { 1 };
    for _ in 0..times {
        let exchange = webhook::send(
            sandbox,
            &callback.account,
            Subject::MessageStatus,
            &callback.target,
            &callback.fields,
        )
        .await;
        let saved = sandbox.store.change(|state| {
            if let Some(message) = state.message_mut(sid) {
                message.exchanges.push(exchange);
            }
        });
        if let Err(error) = saved {
            log_unsaved(&error);
        }
    }
}
