//! Twilio: the client of its REST API, the signature of its webhooks, and TwiML, the language of answers to calls.
//!
//! Guarantees: every request has a deadline, every failure belongs to one of three classes ([`CarrierError`]), a carrier that
//! keeps failing is not called for a while, and a number is bought only by its exact E.164.

mod accounts;
mod calls;
mod client;
mod endpoint;
mod error;
mod messages;
mod numbers;
mod porting;
mod prices;
mod search;
pub mod signature;
mod turns;
mod twiml;
mod webhook;
mod wire;

pub use accounts::{AccountState, Subaccount};
pub use client::{AccountCredentials, ApiKey, Carrier, CarrierConfig};
pub use error::{CarrierError, Rejection};
pub use messages::{CarrierMessage, FetchedMedia, MediaFailure, MessagingService, TextToSend};
pub use numbers::{DispatchAddress, EmergencyAddress, FormerSettings, Purchase};
pub use porting::{PortCancellation, PortIn, PortOrder, PortStatus, PortableNumber};
pub use prices::{CountryPrices, LIST_MESSAGE_PRICE, list_minute_price, list_price};
pub use twiml::{Dial, Twiml, TwimlRenderer, Verb};
pub use webhook::{
    DialCallback, MessageRequest, MessageStatusCallback, Parameters, StatusCallback, VoiceRequest,
};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use url::Url;

use crate::domain::{AreaCode, CallStatus, Capabilities, CountryCode, E164, NumberType};

/// A search for numbers on sale.
#[derive(Debug, Clone)]
pub struct NumberSearch {
    /// The country to search in.
    pub country: CountryCode,
    /// The kind of number.
    pub kind: NumberType,
    /// US and Canada only. For toll-free numbers, a prefix such as 888.
    pub area_code: Option<AreaCode>,
    /// Digits, keypad letters and wildcards, in the carrier's syntax.
    pub contains: Option<String>,
    /// The most numbers to return, 1 to 1000.
    pub limit: u16,
}

/// A number on sale. A search does not reserve it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NumberOnSale {
    /// The number in E.164.
    pub number: E164,
    /// The number formatted for people.
    pub friendly_name: String,
    /// Its city, if it has one.
    pub locality: Option<String>,
    /// Its state or region, if it has one.
    pub region: Option<String>,
    /// The country that sells the number.
    pub country: CountryCode,
    /// The kind of number.
    pub kind: NumberType,
    /// Voice, SMS and MMS.
    pub capabilities: Capabilities,
    /// Whether the purchase requires an address on file. We send none, so such a number cannot be bought.
    // May be missing in a purchase that an earlier version stored.
    #[serde(default)]
    pub needs_address: bool,
    /// The carrier's list price in US dollars a month.
    pub monthly_cost: Decimal,
    /// When the carrier's clock said that it was on sale, or somewhat earlier. `None` if the answer had no date.
    #[serde(default)]
    pub offered_at: Option<DateTime<Utc>>,
}

/// The HTTP method of our webhooks.
// Not GET: Twilio caches its answers by `ETag` and `Last-Modified`.
pub const METHOD: &str = "POST";
/// How our numbers receive calls: as voice, not fax.
pub const RECEIVE_MODE: &str = "voice";

/// The webhooks of a number and its name, which carries our mark if we bought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSettings {
    /// At most 64 characters; carries the id of the operation that bought the number. `None`: the name stays as it is.
    pub friendly_name: Option<String>,
    /// The webhook that answers incoming calls.
    pub voice_url: Url,
    /// The webhook that answers when `voice_url` fails.
    pub voice_fallback_url: Url,
    /// The webhook that is called when a call has ended.
    pub status_callback: Url,
    /// The webhook that stores incoming text messages, for numbers that can take them.
    pub sms_url: Url,
    /// The webhook that stores them when `sms_url` fails.
    pub sms_fallback_url: Url,
}

/// A number that the account owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedNumber {
    /// The carrier's id, `PN…`.
    pub sid: String,
    /// The number in E.164.
    pub number: E164,
    /// The carrier's name of the number. It contains our mark if we bought the number.
    pub friendly_name: String,
    /// The webhook that answers incoming calls; `None` if unset.
    pub voice_url: Option<String>,
    /// The method of `voice_url`. We set [`METHOD`]; `None` if the carrier does not return it.
    pub voice_method: Option<String>,
    /// The method of `voice_fallback_url`.
    pub voice_fallback_method: Option<String>,
    /// The method of `status_callback`.
    pub status_callback_method: Option<String>,
    /// Whether calls are received as voice or fax. We set [`RECEIVE_MODE`].
    pub voice_receive_mode: Option<String>,
    /// The webhook that answers when `voice_url` fails.
    pub voice_fallback_url: Option<String>,
    /// The webhook that is called when a call has ended.
    pub status_callback: Option<String>,
    /// The webhook that stores incoming text messages; `None` if unset.
    pub sms_url: Option<String>,
    /// The method of `sms_url`.
    pub sms_method: Option<String>,
    /// The webhook that stores them when `sms_url` fails.
    pub sms_fallback_url: Option<String>,
    /// The method of `sms_fallback_url`.
    pub sms_fallback_method: Option<String>,
    /// If set, Twilio ignores the URLs for text messages.
    pub sms_application_sid: Option<String>,
    /// If set, Twilio ignores the voice URLs.
    pub voice_application_sid: Option<String>,
    /// If set, Twilio ignores the voice URLs and the application.
    pub trunk_sid: Option<String>,
    /// The kind of number; `None` for kinds that we do not sell.
    pub kind: Option<NumberType>,
    /// Voice, SMS and MMS.
    pub capabilities: Capabilities,
    /// Whether it is hosted: the account takes its texts, and its calls stay with another carrier.
    pub is_hosted: bool,
    /// When the account bought it; `None` if the carrier's date is missing or unreadable.
    pub created_at: Option<DateTime<Utc>>,
    /// What stands in the way of a release.
    pub emergency_address: EmergencyAddress,
}

/// A call in the carrier's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierCall {
    /// The carrier's id, `CA…`.
    pub sid: String,
    /// The status; `None` for a value that Twilio does not document.
    pub status: Option<CallStatus>,
    /// Twilio's own value, such as `in-progress` or `completed`.
    pub word: String,
    /// Duration in seconds; `None` before the call has ended.
    pub duration_seconds: Option<i32>,
    /// When it ended; `None` while it is under way.
    pub ended_at: Option<DateTime<Utc>>,
}
