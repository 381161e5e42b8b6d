//! Records of verified caller IDs, and of validation calls that wait for their digits.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Caller IDs of all accounts.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CallerIds {
    pub(crate) verified: Vec<CallerId>,
    pub(crate) calls: Vec<ValidationCall>,
}

/// A number that its holder has verified: an account may show it as the caller of outgoing calls.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct CallerId {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    pub(crate) account: String,
    pub(crate) phone_number: String,
    pub(crate) friendly_name: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

/// A call to a number whose holder must type the code.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ValidationCall {
    pub(crate) sid: String,
    pub(crate) account: String,
    pub(crate) phone_number: String,
    pub(crate) friendly_name: String,
    pub(crate) code: String,
    pub(crate) status_callback: String,
    pub(crate) status_callback_method: String,
}
