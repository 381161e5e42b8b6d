//! How a call to the carrier can fail. The third class decides everything: it may have happened.
//!
//! An answer counts as the carrier's only if it is in the carrier's own words ([`ErrorBody::is_carriers`]). A page of a
//! proxy is not, nor is a gateway's JSON: both leave a write's outcome unknown, whatever their status. Above all a number
//! is gone only if the carrier itself says so. Only [`CarrierError::is_verdict`] says whether an answer settles what was asked
//! for.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::provider::retry_after;

/// How far the carrier's own clocks may differ from each other, and what rounding to seconds adds.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::seconds(5);

/// Why a call to the carrier did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    /// The carrier said no; nothing happened, and asking again changes nothing.
    #[error("the carrier refused: {0}")]
    Rejected(Rejection),
    /// It did not happen: the request never arrived, or the carrier turned it away for now.
    #[error("the carrier is not available: {reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// How long the carrier asks us to wait, or how long it is left alone.
        retry_after: Option<Duration>,
        /// It was not asked: it has failed so often in a row that it is left alone for a while.
        breaker_open: bool,
    },
    /// It may have happened: look before doing anything else.
    #[error("the carrier's answer was lost: {reason}")]
    OutcomeUnknown {
        /// For the log.
        reason: String,
    },
}

/// What the carrier said no to. Numbers are Twilio's error codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 20404: there is no such thing.
    #[error("not found")]
    NotFound,
    /// 21421, 21422: the number cannot be bought: not valid, sold, or somebody else's.
    #[error("the number is not available")]
    NumberNotAvailable,
    /// 21451, 21452: nothing in this area code.
    #[error("no numbers in this area code")]
    NoneInAreaCode,
    /// 21402, 21403: it does not accept our webhook address.
    #[error("the webhook address was not accepted")]
    WebhookAddress,
    /// 21404, 10002: the account is on trial and may hold no more numbers.
    #[error("the carrier's trial account holds all the numbers it may")]
    TrialLimit,
    /// 21613, 21615, 21631, 21649, 21650, 21651: the country wants an address or documents on file.
    #[error("the country asks for an address or documents on file at the carrier")]
    Regulation,
    /// 20003, 20005, 10001, 20008: our credentials or our account are not in order.
    #[error("the carrier account is not in order")]
    Account,
    /// Anything else.
    #[error("code {code}: {words}")]
    Other {
        /// Twilio's code; the HTTP status where there is none.
        code: u32,
        /// The carrier's own words, cut short and fit to be shown.
        words: String,
    },
}

/// Whether a request changes something at the carrier: then a lost answer leaves its outcome open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Writes,
}

impl Effect {
    /// The failure of a request whose answer never came, or came in pieces.
    pub(super) fn lost(self, reason: String) -> CarrierError {
        match self {
            Self::Reads => CarrierError::unavailable(reason),
            Self::Writes => CarrierError::OutcomeUnknown { reason },
        }
    }
}

/// An answer, whatever it says.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Or why it could not be read to its end.
    pub(super) body: Result<Vec<u8>, String>,
    /// When it came.
    pub(super) at: DateTime<Utc>,
    /// How long the carrier took for it.
    pub(super) took: Duration,
}

/// `{"code", "message", "more_info", "status"}`; a gateway's answers are HTML, or nothing at all.
#[derive(Default, Deserialize)]
struct ErrorBody {
    code: Option<u32>,
    message: Option<String>,
    status: Option<u16>,
}

impl ErrorBody {
    /// Whether the carrier itself says this. Gateways answer in JSON too, with a `message` and sometimes the HTTP status as
    /// `code`. Twilio's codes have five digits; where it leaves the code out, it repeats the HTTP status and names the request.
    fn is_carriers(&self, status: StatusCode, request_id: Option<&str>) -> bool {
        match self.code {
            Some(code) => TWILIO_CODES.contains(&code),
            None => self.status == Some(status.as_u16()) && request_id.is_some(),
        }
    }
}

const TWILIO_CODES: std::ops::Range<u32> = 10_000..100_000;
const NOT_FOUND: u32 = 20404;

/// The longest of the carrier's messages that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// The carrier's words as they may be shown: no control characters, and no account's SID.
fn words(message: &str) -> String {
    let mut words: String = message.chars().filter(|c| !c.is_control()).take(LONGEST_MESSAGE).collect();
    while let Some(at) = account_sid(&words) {
        words.replace_range(at..at + 34, "(account)");
    }
    if words.is_empty() { "no reason given".to_owned() } else { words }
}

/// Where an account's SID begins: `AC` and 32 hexadecimal digits.
fn account_sid(text: &str) -> Option<usize> {
    let is_sid = |at: usize| {
        let digits = text.get(at + 2..at + 34);
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    text.match_indices("AC").map(|(at, _)| at).find(|at| is_sid(*at))
}

impl Answer {
    /// The body of an answer that says yes.
    pub(super) fn into_body(self, effect: Effect) -> Result<Vec<u8>, CarrierError> {
        if self.status.is_success() {
            return self.body.map_err(|why| effect.lost(why));
        }
        Err(self.error(effect))
    }

    /// Whether the carrier failed itself. A request that it turned away shows that it lives.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 500..) || (self.status.is_success() && self.body.is_err())
    }

    /// How long the carrier asks to be left alone, if it says that it cannot serve this request now but may shortly.
    /// Twilio does not document the header.
    pub(super) fn asks_to_wait(&self) -> Option<Duration> {
        matches!(self.status.as_u16(), 429 | 500..).then(|| self.retry_after().unwrap_or_default())
    }

    /// When the request began by the carrier's own clock, or somewhat earlier; `None` when the answer does not say.
    pub(super) fn request_began(&self) -> Option<DateTime<Utc>> {
        let answered = DateTime::parse_from_rfc2822(self.header("date")?).ok()?.to_utc();
        answered.checked_sub_signed(TimeDelta::from_std(self.took).ok()? + CLOCKS_DIFFER)
    }

    /// The class of failure: by the HTTP status first, then by Twilio's code, never by its message.
    fn error(&self, effect: Effect) -> CarrierError {
        let body = self.body.as_deref().unwrap_or_default();
        let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let request_id = self.header("twilio-request-id");
        let reason = || match (body.code, request_id) {
            (Some(code), Some(id)) => format!("status {}, code {code}, request {id}", self.status.as_u16()),
            (Some(code), None) => format!("status {}, code {code}", self.status.as_u16()),
            (None, _) => format!("status {}", self.status.as_u16()),
        };
        match self.status.as_u16() {
            // Documented as not carried out, whoever between us says so.
            429 => self.unavailable(reason()),
            408 | 500.. if effect == Effect::Writes => CarrierError::OutcomeUnknown { reason: reason() },
            408 | 500.. => self.unavailable(reason()),
            // Somebody between us answered: believing that would count a number we go on paying for as given back, or as
            // never bought.
            _ if !body.is_carriers(self.status, request_id) => effect.lost(reason()),
            // It conflicts with something under way.
            409 => self.unavailable(reason()),
            401 | 403 => CarrierError::Rejected(Rejection::Account),
            404 if body.code.is_none() => CarrierError::Rejected(Rejection::NotFound),
            status => CarrierError::Rejected(Rejection::of(
                body.code.unwrap_or(status.into()),
                body.message.as_deref().unwrap_or_default(),
            )),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn unavailable(&self, reason: String) -> CarrierError {
        CarrierError::Unavailable { reason, retry_after: self.retry_after(), breaker_open: false }
    }

    fn retry_after(&self) -> Option<Duration> {
        retry_after(self.header("retry-after")?, self.at)
    }
}

impl Rejection {
    /// What a code says, whatever the HTTP status beside it.
    fn of(code: u32, message: &str) -> Self {
        match code {
            NOT_FOUND => Self::NotFound,
            21421 | 21422 => Self::NumberNotAvailable,
            21451 | 21452 => Self::NoneInAreaCode,
            21402 | 21403 => Self::WebhookAddress,
            21404 | 10002 => Self::TrialLimit,
            21613 | 21615 | 21631 | 21649 | 21650 | 21651 => Self::Regulation,
            20003 | 20005 | 20008 | 10001 => Self::Account,
            code => Self::Other { code, words: words(message) },
        }
    }
}

impl CarrierError {
    /// Whether this settles what was asked for: the carrier itself said no to it, for good. A refusal of the account or its
    /// credentials speaks of the moment, and says nothing about what an earlier request did.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::Rejected(rejection) if *rejection != Rejection::Account)
    }

    pub(super) fn unavailable(reason: String) -> Self {
        Self::Unavailable { reason, retry_after: None, breaker_open: false }
    }

    /// An earlier request may still be carried out for so long: what it did cannot be told before.
    pub(crate) fn settling(wait: Duration) -> Self {
        let reason = "an earlier request may still be carried out".to_owned();
        Self::Unavailable { reason, retry_after: Some(wait), breaker_open: false }
    }

    /// It was not asked, and will not be for so long.
    pub(super) fn left_alone(wait: Duration) -> Self {
        let reason = "it has failed again and again and is not asked for a while".to_owned();
        Self::Unavailable { reason, retry_after: Some(wait), breaker_open: true }
    }
}
