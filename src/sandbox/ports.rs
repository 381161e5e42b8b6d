//! Life of a port: review, signature of the letter of authorization, confirmation by the losing carrier, and the port minute, at which
//! the number appears in the account. A port takes weeks of the providers' clock, which the control API moves.
//!
//! Every change of status is an event for the webhooks. Changes that come due while the clock jumps happen one after the other, each at
//! its own time. A number that is rejected leaves the others of its request alone.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ambient,
    state::{
        Charge, Number, ProviderState,
        porting::{NumberStatus, PortNumber, PortRequest, RequestStatus},
    },
    twilio::iso_date,
};

/// Time before the port date after which a port can no longer be cancelled.
const CANCEL_UNTIL: TimeDelta = TimeDelta::days(2);

/// A change of status, as webhooks report it.
pub(crate) struct Event {
    /// Account in which the numbers arrive.
    pub(crate) account: String,
    pub(crate) kind: &'static str,
    pub(crate) body: Value,
}

/// An act of a person or a carrier, by the control API.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, tag = "action", rename_all = "snake_case")]
pub(crate) enum Act {
    /// Whatever comes next happens now.
    Advance,
    /// The representative signs the letter of authorization.
    Sign,
    /// The losing carrier rejects numbers: all that it has, or these.
    Reject {
        code: u32,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        numbers: Vec<String>,
    },
    /// Rejected numbers are submitted again, as the carrier's support does after a correction.
    Resubmit,
    /// The losing carrier confirms a port date, or moves it.
    Date { port_date: DateTime<Utc> },
    /// Nobody signs in time.
    Expire,
    /// Somebody other than the API's user cancels the request.
    Cancel {
        #[serde(default)]
        reason: Option<String>,
    },
    /// The status is shown as this word until it changes.
    Word { word: String },
}

/// Returns whether a port changes by itself at this time.
pub(crate) fn is_due(state: &ProviderState) -> bool {
    let now = state.now();
    state.porting.requests.iter().any(|request| next_due(request).is_some_and(|due| due <= now))
}

fn next_due(request: &PortRequest) -> Option<DateTime<Utc>> {
    let numbers = request.numbers.iter().filter_map(number_due);
    numbers.chain(request.due).min()
}

fn number_due(number: &PortNumber) -> Option<DateTime<Utc>> {
    match number.status {
        NumberStatus::Submitted => number.due,
        NumberStatus::Pending => number.port_date,
        _ => None,
    }
}

/// Makes all changes that are due, in the order of their times.
pub(crate) fn settle(state: &mut ProviderState) -> Vec<Event> {
    let now = state.now();
    let mut events = Vec::new();
    loop {
        let dated = state.porting.requests.iter().enumerate();
        let dated = dated.filter_map(|(index, request)| Some((next_due(request)?, index)));
        let Some((due, index)) = dated.min().filter(|(due, _)| *due <= now) else { return events };
        let Some(mut request) = state.porting.requests.get(index).cloned() else { return events };
        step(state, &mut request, due, &mut events);
        put(state, request);
    }
}

fn put(state: &mut ProviderState, request: PortRequest) {
    if let Some(record) = state.porting.requests.iter_mut().find(|known| known.sid == request.sid) {
        *record = request;
    }
}

/// Makes the changes of a request that are due at this time.
fn step(state: &mut ProviderState, request: &mut PortRequest, at: DateTime<Utc>, events: &mut Vec<Event>) {
    if request.due.is_some_and(|due| due <= at) {
        request.due = None;
        match request.status {
            RequestStatus::InReview => {
                let expires = at + TimeDelta::days(state.porting.settings.expire_days.into());
                for_each_open(request, |request, index| {
                    set_number(request, index, NumberStatus::WaitingForSignature, at, events);
                });
                set_request(request, RequestStatus::WaitingForSignature, at, events);
                request.due = Some(expires);
            }
            RequestStatus::WaitingForSignature => expire(request, at, events),
            _ => {}
        }
    }
    for index in 0..request.numbers.len() {
        let Some(number) =
            request.numbers.get(index).filter(|number| number_due(number).is_some_and(|due| due <= at))
        else {
            continue;
        };
        if number.status == NumberStatus::Submitted {
            set_number(request, index, NumberStatus::Pending, at, events);
        } else {
            arrive(state, request, index, at);
            set_number(request, index, NumberStatus::Completed, at, events);
        }
    }
    conclude(request, at, events);
}

/// Calls a function for every number that is still to be ported.
fn for_each_open(request: &mut PortRequest, mut change: impl FnMut(&mut PortRequest, usize)) {
    for index in 0..request.numbers.len() {
        let is_open = |number: &PortNumber| number.status.is_open() && number.not_portable.is_none();
        if request.numbers.get(index).is_some_and(is_open) {
            change(request, index);
        }
    }
}

fn set_request(request: &mut PortRequest, status: RequestStatus, at: DateTime<Utc>, events: &mut Vec<Event>) {
    if request.status == status {
        return;
    }
    (request.status, request.updated, request.word) = (status, at, None);
    let kind = match status {
        RequestStatus::InReview => return,
        RequestStatus::WaitingForSignature => "PortInWaitingForSignature",
        RequestStatus::InProgress => "PortInInProgress",
        RequestStatus::ActionRequired => "PortInActionRequired",
        RequestStatus::Completed => "PortInCompleted",
        RequestStatus::Canceled => "PortInCanceled",
        RequestStatus::Expired => "PortInExpired",
    };
    let mut body = json!({"port_in_request_sid": request.sid, "status": status.name(), "event_type": kind,
                          "last_date_updated": iso_date(at)});
    if let Some(reason) = &request.cancellation_reason {
        body["order_cancellation_reason"] = json!(reason);
    }
    events.push(Event { account: request.account.clone(), kind, body });
}

fn set_number(
    request: &mut PortRequest,
    index: usize,
    status: NumberStatus,
    at: DateTime<Utc>,
    events: &mut Vec<Event>,
) {
    let Some(number) = request.numbers.get_mut(index) else { return };
    (number.status, number.updated) = (status, at);
    let kind = match status {
        NumberStatus::InReview => return,
        NumberStatus::WaitingForSignature => "PortInPhoneNumberWaitingForSignature",
        NumberStatus::Submitted => "PortInPhoneNumberSubmitted",
        NumberStatus::Pending => "PortInPhoneNumberPending",
        NumberStatus::Completed => "PortInPhoneNumberCompleted",
        NumberStatus::Rejected => "PortInPhoneNumberRejected",
        NumberStatus::Canceled => "PortInPhoneNumberCanceled",
    };
    let mut body = json!({
        "port_in_request_sid": request.sid, "port_in_phone_number_sid": number.sid,
        "phone_number": number.phone_number, "status": status.name(), "event_type": kind, "portable": true,
        "last_date_updated": iso_date(at),
    });
    if let Some(date) = number.port_date.filter(|_| status == NumberStatus::Pending) {
        body["port_date"] = json!(iso_date(date));
    }
    if let Some((reason, code)) = number.rejection.as_ref().filter(|_| status == NumberStatus::Rejected) {
        body["rejection_reason"] = json!(reason);
        body["rejection_reason_code"] = json!(code);
    }
    events.push(Event { account: request.account.clone(), kind, body });
}

/// Ends a request whose numbers have all ended, or reports that some need a correction.
fn conclude(request: &mut PortRequest, at: DateTime<Utc>, events: &mut Vec<Event>) {
    if request.status.is_final() {
        return;
    }
    let numbers = request.numbers.iter().filter(|number| number.not_portable.is_none());
    let statuses: Vec<NumberStatus> = numbers.map(|number| number.status).collect();
    let has = |status| statuses.contains(&status);
    if has(NumberStatus::Rejected) {
        set_request(request, RequestStatus::ActionRequired, at, events);
    } else if !statuses.iter().any(|status| status.is_open()) {
        let completed = has(NumberStatus::Completed);
        let status = if completed { RequestStatus::Completed } else { RequestStatus::Canceled };
        set_request(request, status, at, events);
    } else if request.status == RequestStatus::ActionRequired {
        set_request(request, RequestStatus::InProgress, at, events);
    }
}

/// Makes a ported number one of the account: without URLs, as at Twilio.
fn arrive(state: &mut ProviderState, request: &PortRequest, index: usize, at: DateTime<Utc>) {
    let Some(number) = request.numbers.get(index) else { return };
    if state.number(&number.phone_number).is_some() {
        return;
    }
    let arrived = Number {
        serial: state.serial(),
        sid: ambient::sid("PN"),
        account: request.account.clone(),
        phone_number: number.phone_number.clone(),
        kind: number.kind,
        country: "US".to_owned(),
        settings: std::collections::BTreeMap::new(),
        origin: crate::sandbox::state::Origin::Twilio,
        emergency: crate::sandbox::state::emergency::Registration::default(),
        obstacle: None,
        created: at,
        updated: at,
    };
    state.charges.push(Charge::of(&arrived));
    state.counters.ports += 1;
    state.numbers.push(arrived);
}

fn sign(state: &ProviderState, request: &mut PortRequest, at: DateTime<Utc>, events: &mut Vec<Event>) {
    let confirmed = at + TimeDelta::seconds(state.porting.settings.confirm_seconds.into());
    request.due = None;
    for_each_open(request, |request, index| {
        submit(request, index, confirmed, at, events);
    });
    set_request(request, RequestStatus::InProgress, at, events);
}

/// Hands a number to the losing carrier, which confirms it later. The port is at least a day after the confirmation.
fn submit(
    request: &mut PortRequest,
    index: usize,
    confirmed: DateTime<Utc>,
    at: DateTime<Utc>,
    events: &mut Vec<Event>,
) {
    if let Some(number) = request.numbers.get_mut(index) {
        let earliest = confirmed + TimeDelta::days(1);
        number.rejection = None;
        number.due = Some(confirmed);
        number.port_date = Some(number.port_date.unwrap_or(earliest).max(earliest));
    }
    set_number(request, index, NumberStatus::Submitted, at, events);
}

fn expire(request: &mut PortRequest, at: DateTime<Utc>, events: &mut Vec<Event>) {
    request.due = None;
    for number in request.numbers.iter_mut().filter(|number| number.status.is_open()) {
        (number.status, number.updated) = (NumberStatus::Canceled, at);
    }
    set_request(request, RequestStatus::Expired, at, events);
}

fn cancel_all(request: &mut PortRequest, reason: &str, at: DateTime<Utc>, events: &mut Vec<Event>) {
    request.due = None;
    request.cancellation_reason = Some(reason.to_owned());
    for_each_open(request, |request, index| {
        set_number(request, index, NumberStatus::Canceled, at, events);
    });
    set_request(request, RequestStatus::Canceled, at, events);
}

/// Cancels a request, or one number of it, for the API's user.
///
/// # Errors
/// Why it is too late.
pub(crate) fn cancel(
    state: &mut ProviderState,
    sid: &str,
    number_sid: Option<&str>,
) -> Result<Vec<Event>, &'static str> {
    let at = state.now();
    let found = state.porting.requests.iter().find(|request| request.sid == sid);
    let mut request = found.cloned().ok_or("there is no such request")?;
    if request.status.is_final() {
        return Err("the port in request has ended");
    }
    let chosen = |number: &&PortNumber| number_sid.is_none_or(|sid| number.sid == sid);
    for number in request.numbers.iter().filter(chosen) {
        let is_near = number.port_date.is_some_and(|date| date - at < CANCEL_UNTIL);
        match number.status {
            NumberStatus::Completed => return Err("the number has been ported"),
            NumberStatus::Pending if is_near => return Err("the port date is too near"),
            NumberStatus::Canceled if number_sid.is_some() => return Err("the number has been canceled"),
            _ => {}
        }
    }
    let mut events = Vec::new();
    match number_sid.and_then(|sid| request.numbers.iter().position(|number| number.sid == sid)) {
        Some(index) => {
            set_number(&mut request, index, NumberStatus::Canceled, at, &mut events);
            conclude(&mut request, at, &mut events);
        }
        None => cancel_all(&mut request, "Customer request", at, &mut events),
    }
    put(state, request);
    Ok(events)
}

/// Applies an act to a request. Returns `None` if the request does not exist.
///
/// # Errors
/// Why the act does not fit the request's status.
pub(crate) fn act(state: &mut ProviderState, sid: &str, act: Act) -> Option<Result<Vec<Event>, String>> {
    let mut request = state.porting.requests.iter().find(|request| request.sid == sid)?.clone();
    let mut events = Vec::new();
    let outcome = perform(state, &mut request, act, &mut events);
    Some(outcome.map(|()| {
        put(state, request);
        events
    }))
}

fn perform(
    state: &mut ProviderState,
    request: &mut PortRequest,
    act: Act,
    events: &mut Vec<Event>,
) -> Result<(), String> {
    use RequestStatus as Status;
    let at = state.now();
    let misfit = Err(format!("this does not fit a request that is {}", request.status.name()));
    match (act, request.status) {
        (Act::Word { word }, _) => request.word = Some(word),
        (_, Status::Completed | Status::Canceled | Status::Expired) => return misfit,
        (Act::Advance | Act::Sign, Status::WaitingForSignature) => sign(state, request, at, events),
        (Act::Advance, Status::InReview) => {
            request.due = Some(at);
            step(state, request, at, events);
        }
        (Act::Advance, Status::InProgress) => advance(state, request, at, events),
        (Act::Advance | Act::Resubmit, Status::ActionRequired) => {
            let confirmed = at + TimeDelta::seconds(state.porting.settings.confirm_seconds.into());
            for_each_open(request, |request, index| {
                let is_rejected = |number: &PortNumber| number.status == NumberStatus::Rejected;
                if request.numbers.get(index).is_some_and(is_rejected) {
                    submit(request, index, confirmed, at, events);
                }
            });
            conclude(request, at, events);
        }
        (Act::Reject { code, reason, numbers }, Status::InProgress | Status::ActionRequired) => {
            let reason = reason.unwrap_or_else(|| rejection_reason(code).to_owned());
            for_each_open(request, |request, index| {
                let Some(number) = request.numbers.get_mut(index) else { return };
                if numbers.is_empty() || numbers.contains(&number.phone_number) {
                    number.rejection = Some((reason.clone(), code));
                    set_number(request, index, NumberStatus::Rejected, at, events);
                }
            });
            conclude(request, at, events);
        }
        (Act::Date { port_date }, Status::InProgress) => {
            for_each_open(request, |request, index| {
                if let Some(number) = request.numbers.get_mut(index) {
                    number.port_date = Some(port_date);
                }
                set_number(request, index, NumberStatus::Pending, at, events);
            });
        }
        (Act::Expire, Status::WaitingForSignature) => expire(request, at, events),
        (Act::Cancel { reason }, _) => {
            cancel_all(request, reason.as_deref().unwrap_or("Canceled by the losing carrier"), at, events);
        }
        _ => return misfit,
    }
    Ok(())
}

/// Confirms submitted numbers now, or ports the confirmed ones now.
fn advance(state: &mut ProviderState, request: &mut PortRequest, at: DateTime<Utc>, events: &mut Vec<Event>) {
    let has_submitted = request.numbers.iter().any(|number| number.status == NumberStatus::Submitted);
    for number in &mut request.numbers {
        match number.status {
            NumberStatus::Submitted => number.due = Some(at),
            NumberStatus::Pending if !has_submitted => number.port_date = Some(at),
            _ => {}
        }
    }
    step(state, request, at, events);
}

/// Returns the reason that Twilio gives with a code.
pub(crate) fn rejection_reason(code: u32) -> &'static str {
    match code {
        22130 => "UNSUPPORTED",
        22131 => "ALREADY_IN_TARGET_ACCOUNT",
        22132 => "ALREADY_IN_TWILIO_DIFFERENT_OWNER",
        22133 => "MANUAL_PORTING_AVAILABLE",
        22135 => "INTERNAL_ERROR",
        22136 => "ALREADY_IN_ONE_OF_YOUR_TWILIO_ACCOUNTS",
        22137 => "PORT_IN_ALREADY_IN_PROGRESS",
        22151 => "The number has a freeze at the losing carrier",
        22152 => "The line is not active",
        22153 => "Authorized representative does not match",
        22154 => "Service address does not match",
        22155 => "PIN does not match",
        22156 => "Account number does not match",
        22158 => "The losing carrier refused the port date",
        22159 => "The number cannot be ported",
        _ => "Rejected by the losing carrier",
    }
}
