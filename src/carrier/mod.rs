//! Twilio: the client of its REST API, the signature of its webhooks, and TwiML, the language of answers to calls.
//!
//! Guarantees: every request has a deadline, every failure belongs to one of three classes ([`CarrierError`]), a carrier that
//! keeps failing is not called for a while, and a number is bought only by its exact E.164.

mod calls;
mod client;
mod endpoint;
mod error;
mod numbers;
mod prices;
mod search;
pub mod signature;
mod turns;
mod twiml;
mod webhook;
mod wire;

pub use client::{Carrier, CarrierConfig};
pub use error::{CarrierError, Rejection};
pub use numbers::Purchase;
pub use prices::{CountryPrices, list_minute_price, list_price};
pub use twiml::{Dial, RejectReason, Twiml, Verb};
pub use webhook::{CallStatusReport, DialResult, IncomingCall, Parameters};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use url::Url;

use crate::domain::{AreaCode, Capabilities, CountryCode, E164, NumberType};

/// What to look for among the numbers on sale.
#[derive(Debug, Clone)]
pub struct NumberSearch {
    /// The country.
    pub country: CountryCode,
    /// The kind of number.
    pub kind: NumberType,
    /// US and Canada only; for toll-free numbers a prefix such as 888.
    pub area_code: Option<AreaCode>,
    /// Digits, keypad letters and wildcards, as the carrier takes them.
    pub contains: Option<String>,
    /// At most so many; 1 to 1000.
    pub limit: u16,
}

/// A number on sale. A search reserves nothing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NumberOnSale {
    /// The number.
    pub number: E164,
    /// As people read it.
    pub friendly_name: String,
    /// Its place, where it has one.
    pub locality: Option<String>,
    /// Its state or region, where it has one.
    pub region: Option<String>,
    /// Its country.
    pub country: CountryCode,
    /// What kind it is.
    pub kind: NumberType,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// Whether the carrier sells it only to an account with an address on file: we name none.
    #[serde(default)]
    pub needs_address: bool,
    /// US dollars a month: the carrier's list price.
    pub monthly_cost: Decimal,
    /// When it was on sale, by the carrier's own clock, or somewhat earlier; `None` where the carrier did not say.
    #[serde(default)]
    pub offered_at: Option<DateTime<Utc>>,
}

/// How the carrier asks our webhooks.
pub const METHOD: &str = "POST";
/// How the carrier takes calls to our numbers.
pub const RECEIVE_MODE: &str = "voice";

/// Where the carrier sends a number's calls, and the mark by which we know it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSettings {
    /// At most 64 characters; carries the id of the operation that bought the number.
    pub friendly_name: String,
    /// Asked for TwiML when a call comes in.
    pub voice_url: Url,
    /// Asked when that fails.
    pub voice_fallback_url: Url,
    /// Told when a call has ended.
    pub status_callback: Url,
}

/// A number we own at the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedNumber {
    /// The carrier's id, `PN…`.
    pub sid: String,
    /// The number.
    pub number: E164,
    /// The name it was bought under: our mark, when it is ours.
    pub friendly_name: String,
    /// Where calls go; `None` when unset.
    pub voice_url: Option<String>,
    /// How that is asked: [`METHOD`] is what we set; `None` where the carrier does not tell.
    pub voice_method: Option<String>,
    /// The same for `voice_fallback_url`.
    pub voice_fallback_method: Option<String>,
    /// The same for `status_callback`.
    pub status_callback_method: Option<String>,
    /// Whether calls are taken as voice or fax: [`RECEIVE_MODE`] is what we set.
    pub voice_receive_mode: Option<String>,
    /// Where calls go when that fails.
    pub voice_fallback_url: Option<String>,
    /// Who is told of a call's end.
    pub status_callback: Option<String>,
    /// When set, every voice URL is ignored.
    pub voice_application_sid: Option<String>,
    /// When set, voice URLs and application are ignored.
    pub trunk_sid: Option<String>,
    /// What kind it is; `None` for kinds we do not sell.
    pub kind: Option<NumberType>,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// When it was bought.
    pub created_at: Option<DateTime<Utc>>,
}

/// A call as the carrier knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierCall {
    /// The carrier's id, `CA…`.
    pub sid: String,
    /// The carrier's word: `in-progress`, `completed` …
    pub status: String,
    /// How long it lasted, once it is over.
    pub duration_seconds: Option<i32>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}
