//! Reads Twilio's error answers.
//!
//! An answer counts as Twilio's only if its body is in Twilio's own form ([`ErrorBody::is_twilios`]). A proxy's page is not,
//! nor is a gateway's JSON: whatever their status, they leave the outcome of a write unknown. In particular, a number is gone
//! only if Twilio itself says so.

use serde::Deserialize;

use crate::provider::{Answer, ProviderError, ProviderRejection, shown};

/// Why a request to the carrier did not succeed.
pub type CarrierError = ProviderError<Rejection>;

/// What the carrier rejected, by Twilio's error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 20404: it does not exist.
    #[error("not found")]
    NotFound,
    /// 21421, 21422: the number is invalid, sold, or held by somebody else.
    #[error("the number is not available")]
    NumberNotAvailable,
    /// 21451, 21452: no number in this area code.
    #[error("no numbers in this area code")]
    NoneInAreaCode,
    /// 21402, 21403: Twilio does not accept the URL of our webhooks.
    #[error("the webhook URL was not accepted")]
    WebhookAddress,
    /// 21404, 10002: a trial account, which cannot hold more numbers.
    #[error("the carrier's trial account cannot hold more numbers")]
    TrialLimit,
    /// 21613, 21615, 21631, 21649, 21650, 21651: the country requires an address or documents on file.
    #[error("the country requires an address or documents on file at the carrier")]
    Regulation,
    /// 20003, 20005, 10001, 20008, and any 401 or 403: the credentials are invalid or the account is suspended.
    #[error("the carrier account or its credentials are invalid")]
    Account,
    /// Any other rejection, with Twilio's code and message.
    #[error("code {code}: {words}")]
    Other {
        /// Twilio's code, else the HTTP status.
        code: u32,
        /// Twilio's message, cut short and safe to show.
        words: String,
    },
}

impl Rejection {
    /// Maps one of Twilio's codes, whatever the HTTP status.
    fn of(code: u32, message: &str) -> Self {
        match code {
            NOT_FOUND => Self::NotFound,
            21421 | 21422 => Self::NumberNotAvailable,
            21451 | 21452 => Self::NoneInAreaCode,
            21402 | 21403 => Self::WebhookAddress,
            21404 | 10002 => Self::TrialLimit,
            21613 | 21615 | 21631 | 21649 | 21650 | 21651 => Self::Regulation,
            20003 | 20005 | 20008 | 10001 => Self::Account,
            code => Self::Other { code, words: without_account_sids(shown(message)) },
        }
    }
}

impl ProviderRejection for Rejection {
    const PROVIDER: &'static str = "the carrier";

    fn is_definitive(&self) -> bool {
        *self != Self::Account
    }

    /// Classifies by the HTTP status first, then by Twilio's code, never by its message.
    fn classify(answer: &Answer) -> CarrierError {
        // The body of a gateway's 502 or 503 may be HTML or empty, so an unreadable one is not a failure of its own.
        let body: ErrorBody = serde_json::from_slice(answer.body()).unwrap_or_default();
        let (status, request_id) = (answer.status(), answer.header("twilio-request-id"));
        // Twilio's support asks for the id of a request.
        let reason = match (body.code, request_id) {
            (Some(code), Some(id)) => format!("status {status}, code {code}, request {id}"),
            (Some(code), None) => format!("status {status}, code {code}"),
            (None, _) => format!("status {status}"),
        };
        if let Some(failure) = answer.failure_by_status(&reason) {
            return failure;
        }
        match status {
            // Sent by a proxy or a gateway. If it were believed, we would keep paying for a number that counts as released, or
            // lose one that counts as never bought.
            _ if !body.is_twilios(status, request_id) => answer.effect().lost(reason),
            // A conflict with a request in progress.
            409 => answer.unavailable(&reason),
            // Twilio does not document the status of every account code, such as 20005: any 401 or 403 counts as one.
            401 | 403 => CarrierError::Rejected(Self::Account),
            // Twilio may omit the code.
            404 if body.code.is_none() => CarrierError::Rejected(Self::NotFound),
            _ => CarrierError::Rejected(Self::of(
                body.code.unwrap_or(status.into()),
                body.message.as_deref().unwrap_or_default(),
            )),
        }
    }
}

/// Twilio's codes. Gateways send the HTTP status as `code`.
pub(super) const TWILIO_CODES: std::ops::Range<u32> = 10_000..100_000;
const NOT_FOUND: u32 = 20404;

/// `{"code", "message", "more_info", "status"}`.
#[derive(Default, Deserialize)]
struct ErrorBody {
    code: Option<u32>,
    message: Option<String>,
    status: Option<u16>,
}

impl ErrorBody {
    /// Gateways answer in JSON too, with a `message` and sometimes the HTTP status as `code`. Twilio's codes have five digits.
    /// Where Twilio omits the code, it repeats the HTTP status and sends the request's id.
    fn is_twilios(&self, status: u16, request_id: Option<&str>) -> bool {
        match self.code {
            Some(code) => TWILIO_CODES.contains(&code),
            None => self.status == Some(status) && request_id.is_some(),
        }
    }
}

/// Removes account SIDs from a message that tenants see: the account is the operator's.
fn without_account_sids(mut message: String) -> String {
    while let Some(at) = account_sid(&message) {
        message.replace_range(at..at + 34, "(account)");
    }
    message
}

/// The position of the first account SID: `AC` and 32 hexadecimal digits.
fn account_sid(text: &str) -> Option<usize> {
    let is_sid = |at: usize| {
        let digits = text.get(at + 2..at + 34);
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    text.match_indices("AC").map(|(at, _)| at).find(|at| is_sid(*at))
}
