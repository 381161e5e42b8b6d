//! The `Messages` resource: send, list, read, redact, cancel and delete messages.
//!
//! Twilio has no idempotency key: the same request sent twice is two messages.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::request;
use crate::sandbox::{
    Shared,
    state::{ProviderState, messaging::Message},
    texts::delivery,
    twilio::{Account, Fields, TwilioError, date, page, resource},
};

/// `POST /Messages.json`: accepts a message.
pub(crate) async fn send(
    State(sandbox): State<Shared>,
    Account(account): Account,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let accepted = sandbox.store.change(|state| {
        let outcome =
            request::read(state, &account, &fields).map(|outbound| delivery::accept(state, outbound));
        match outcome {
            Ok(_) => state.counters.messages_accepted += 1,
            Err(_) => state.counters.messages_refused += 1,
        }
        outcome
    })??;
    delivery::start(&sandbox, accepted.sid.clone());
    Ok((StatusCode::CREATED, Json(resource::message(&accepted))))
}

/// Period of the filters of `DateSent`.
struct Sent {
    from: Option<DateTime<Utc>>,
    /// Exclusive.
    until: Option<DateTime<Utc>>,
}

impl Sent {
    /// Reads `DateSent`, a whole day, and `DateSent>` and `DateSent<`, which are part of the parameters' names: `DateSent>=2026-01-02`.
    /// A day means its first instant in UTC, and both bounds are inclusive.
    fn read(fields: &Fields) -> Result<Self, TwilioError> {
        let moment = |name: &str| {
            let Some(text) = fields.filled(name) else { return Ok(None) };
            parse_moment(text)
                .map(Some)
                .ok_or_else(|| TwilioError::bad_request(20001, format!("{name} is not a date: {text}")))
        };
        if let Some(day) = moment("DateSent")? {
            return Ok(Self { from: Some(day), until: Some(day + TimeDelta::days(1)) });
        }
        let until = moment("DateSent<")?.map(|until| until + TimeDelta::seconds(1));
        Ok(Self { from: moment("DateSent>")?, until })
    }

    fn contains(&self, message: &Message) -> bool {
        if self.from.is_none() && self.until.is_none() {
            return true;
        }
        message.sent.is_some_and(|sent| {
            self.from.is_none_or(|from| sent >= from) && self.until.is_none_or(|until| sent < until)
        })
    }
}

fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text)) {
        return Some(moment.to_utc());
    }
    let parsed = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f"));
    let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0);
    parsed.ok().or_else(|| text.parse::<NaiveDate>().ok().and_then(midnight)).map(|moment| moment.and_utc())
}

/// `GET /Messages.json`: newest first, filtered by `To`, `From` and `DateSent`.
pub(crate) async fn list(
    State(sandbox): State<Shared>,
    Account(account): Account,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let sent = Sent::read(&fields)?;
    let state = sandbox.store.read();
    let same = |name: &str, is: Option<&str>| fields.filled(name).is_none_or(|wanted| Some(wanted) == is);
    let fits = |message: &&Message| {
        message.account == account
            && same("To", Some(&message.to))
            && same("From", message.from.as_deref())
            && sent.contains(message)
    };
    let records = state.messaging.messages.iter().rev().filter(fits);
    let records = records.map(|message| (message.serial, resource::message(message)));
    page::page("messages", uri.path(), &fields, records).map(Json)
}

/// `GET /Messages/{SM}.json`: one message.
pub(crate) async fn fetch(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let mut state = sandbox.store.read();
    let message = state.own_message_mut(&account, name.trim_end_matches(".json"));
    message.map(|message| Json(resource::message(message))).ok_or_else(|| TwilioError::not_found(uri.path()))
}

fn unfinished() -> TwilioError {
    TwilioError::new(
        StatusCode::CONFLICT,
        20009,
        "Cannot delete message because delivery has not been completed.",
    )
}

/// `POST /Messages/{SM}.json`: redacts a message with an empty `Body`, or cancels a scheduled one with `Status=canceled`.
pub(crate) async fn update(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let sid = name.trim_end_matches(".json").to_owned();
    let updated = sandbox.store.change(|state| {
        let now = state.now();
        let message =
            state.own_message_mut(&account, &sid).ok_or_else(|| TwilioError::not_found(uri.path()))?;
        change(message, &fields)?;
        message.updated = now;
        Ok::<Message, TwilioError>(message.clone())
    })??;
    if updated.status == "canceled"
        && let Some(callback) = delivery::callback(&updated, updated.updated)
    {
        let sandbox = sandbox.clone();
        sandbox.tasks.clone().spawn(async move { delivery::report(&sandbox, &sid, &callback).await });
    }
    Ok(Json(resource::message(&updated)))
}

fn change(message: &mut Message, fields: &Fields) -> Result<(), TwilioError> {
    match (fields.get("Status"), fields.get("Body")) {
        (Some("canceled"), _) if message.status == "scheduled" => {
            "canceled".clone_into(&mut message.status);
            message.steps.clear();
            Ok(())
        }
        (Some("canceled"), _) => {
            Err(TwilioError::bad_request(30409, "Only a scheduled message can be canceled"))
        }
        (Some(other), _) => Err(TwilioError::bad_request(20001, format!("Status is not valid: {other}"))),
        (None, Some("")) => {
            // A message that has been handed over can be redacted, although its receipt is still to come.
            if matches!(message.status.as_str(), "accepted" | "scheduled" | "queued" | "sending") {
                return Err(unfinished());
            }
            message.body.clear();
            Ok(())
        }
        (None, Some(_)) => Err(TwilioError::bad_request(20001, "Body can only be emptied")),
        (None, None) => Err(TwilioError::bad_request(20001, "Body or Status is required")),
    }
}

/// `DELETE /Messages/{SM}.json`: deletes a message with its media, once its delivery is complete.
pub(crate) async fn delete(
    State(sandbox): State<Shared>,
    Path((account, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, TwilioError> {
    let sid = name.trim_end_matches(".json");
    sandbox.store.change(|state| remove(state, (&account, sid), uri.path()))??;
    Ok(StatusCode::NO_CONTENT)
}

fn remove(state: &mut ProviderState, (account, sid): (&str, &str), path: &str) -> Result<(), TwilioError> {
    let messages = &mut state.messaging.messages;
    let index = messages.iter().position(|message| message.sid == sid && message.account == account);
    let index = index.ok_or_else(|| TwilioError::not_found(path))?;
    if messages.get(index).is_some_and(|message| !message.is_settled()) {
        return Err(unfinished());
    }
    messages.remove(index);
    Ok(())
}

/// `POST /Messages/{SM}/Feedback.json`: accepts a report of the recipient's reaction, which nothing reads.
pub(crate) async fn feedback(
    State(sandbox): State<Shared>,
    Path((account, sid)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let outcome = fields.filled("Outcome").unwrap_or("confirmed");
    if !matches!(outcome, "confirmed" | "unconfirmed") {
        return Err(TwilioError::bad_request(20001, format!("Outcome is not valid: {outcome}")));
    }
    let mut state = sandbox.store.read();
    let now = date(state.now());
    state.own_message_mut(&account, &sid).ok_or_else(|| TwilioError::not_found(uri.path()))?;
    let feedback = json!({"account_sid": account, "message_sid": sid, "outcome": outcome, "date_created": now,
                          "date_updated": now, "uri": uri.path()});
    Ok((StatusCode::CREATED, Json(feedback)))
}
