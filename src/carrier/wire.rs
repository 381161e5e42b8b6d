//! Twilio's JSON. Unset text is `""` or null, any member may be null, new members appear without notice, and the names of
//! capabilities differ in case between resources.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::calls::call_status;
use super::{CarrierCall, EmergencyAddress, NumberOnSale, NumberSearch, OwnedNumber, list_price};
use crate::domain::{Capabilities, E164, NumberType};

/// A search's answer. It has no further pages.
#[derive(Deserialize)]
pub(super) struct OnSalePage {
    available_phone_numbers: Vec<OnSale>,
}

#[derive(Deserialize)]
struct OnSale {
    phone_number: Option<String>,
    friendly_name: Option<String>,
    locality: Option<String>,
    region: Option<String>,
    iso_country: Option<String>,
    capabilities: Option<HashMap<String, Option<bool>>>,
    address_requirements: Option<String>,
}

impl OnSalePage {
    /// Returns the numbers found, without those that have no E.164 form: they cannot be bought.
    pub(super) fn numbers(
        self,
        search: &NumberSearch,
        offered_at: Option<DateTime<Utc>>,
    ) -> Vec<NumberOnSale> {
        let read = |number: OnSale| Some(NumberOnSale { offered_at, ..number.read(search)? });
        self.available_phone_numbers.into_iter().filter_map(read).collect()
    }
}

impl OnSale {
    fn read(self, search: &NumberSearch) -> Option<NumberOnSale> {
        let number: E164 = self.phone_number?.parse().ok()?;
        // Twilio need not name it: every number found is of the country that was searched.
        let country = self.iso_country.and_then(|code| code.parse().ok()).unwrap_or(search.country);
        Some(NumberOnSale {
            friendly_name: set(self.friendly_name).unwrap_or_else(|| number.to_string()),
            number,
            locality: set(self.locality),
            region: set(self.region),
            country,
            kind: search.kind,
            capabilities: capabilities(self.capabilities),
            // `none`, `any`, `local` or `foreign`; we send no address, so each of the last three prevents the purchase.
            needs_address: set(self.address_requirements).is_some_and(|rule| rule != "none"),
            // Twilio's search names no prices.
            monthly_cost: list_price(search.kind),
            offered_at: None,
        })
    }
}

/// A page of the account's numbers.
#[derive(Deserialize)]
pub(super) struct OwnedPage {
    pub(super) incoming_phone_numbers: Vec<Owned>,
    pub(super) next_page_uri: Option<String>,
}

/// A number of the account.
#[derive(Deserialize)]
pub(super) struct Owned {
    sid: Option<String>,
    phone_number: Option<String>,
    friendly_name: Option<String>,
    voice_url: Option<String>,
    voice_method: Option<String>,
    voice_fallback_method: Option<String>,
    status_callback_method: Option<String>,
    voice_receive_mode: Option<String>,
    voice_fallback_url: Option<String>,
    status_callback: Option<String>,
    voice_application_sid: Option<String>,
    sms_url: Option<String>,
    sms_method: Option<String>,
    sms_fallback_url: Option<String>,
    sms_fallback_method: Option<String>,
    sms_application_sid: Option<String>,
    trunk_sid: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    capabilities: Option<HashMap<String, Option<bool>>>,
    /// `twilio` or `hosted` (Twilio, resource IncomingPhoneNumber).
    origin: Option<String>,
    date_created: Option<String>,
    emergency_address_sid: Option<String>,
    emergency_address_status: Option<String>,
}

impl Owned {
    /// Whether the entry has a number and an id. A list with an entry that lacks either counts as incomplete.
    pub(super) fn is_whole(&self) -> bool {
        let named = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        named(&self.sid) && named(&self.phone_number)
    }

    /// Reads the entry; `None` without an E.164 number: we buy only those, so it is not ours.
    pub(super) fn read(self) -> Option<OwnedNumber> {
        Some(OwnedNumber {
            number: self.phone_number?.parse().ok()?,
            sid: set(self.sid)?,
            friendly_name: self.friendly_name.unwrap_or_default(),
            voice_url: set(self.voice_url),
            voice_method: set(self.voice_method),
            voice_fallback_method: set(self.voice_fallback_method),
            status_callback_method: set(self.status_callback_method),
            voice_receive_mode: set(self.voice_receive_mode),
            voice_fallback_url: set(self.voice_fallback_url),
            status_callback: set(self.status_callback),
            voice_application_sid: set(self.voice_application_sid),
            sms_url: set(self.sms_url),
            sms_method: set(self.sms_method),
            sms_fallback_url: set(self.sms_fallback_url),
            sms_fallback_method: set(self.sms_fallback_method),
            sms_application_sid: set(self.sms_application_sid),
            trunk_sid: set(self.trunk_sid),
            kind: self.kind.as_deref().and_then(kind),
            capabilities: capabilities(self.capabilities),
            is_hosted: self.origin.is_some_and(|origin| origin.eq_ignore_ascii_case("hosted")),
            created_at: self.date_created.as_deref().and_then(instant),
            emergency_address: EmergencyAddress::read(
                set(self.emergency_address_sid),
                self.emergency_address_status.as_deref().unwrap_or_default(),
            ),
        })
    }
}

/// A call. Twilio sends its duration as text.
#[derive(Deserialize)]
pub(super) struct Call {
    sid: String,
    status: String,
    duration: Option<String>,
    end_time: Option<String>,
}

impl Call {
    pub(super) fn read(self) -> CarrierCall {
        CarrierCall {
            sid: self.sid,
            status: call_status(&self.status),
            word: self.status,
            duration_seconds: self.duration.and_then(|seconds| seconds.trim().parse().ok()),
            ended_at: self.end_time.as_deref().and_then(instant),
        }
    }
}

/// Reads an RFC 2822 time: `Thu, 30 Jul 2015 23:19:04 +0000`.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|at| at.to_utc())
}

/// Reads the kind of an owned number; `None` for kinds that we do not sell.
fn kind(text: &str) -> Option<NumberType> {
    match text {
        "local" => Some(NumberType::Local),
        "toll-free" => Some(NumberType::TollFree),
        "mobile" => Some(NumberType::Mobile),
        _ => None,
    }
}

fn set(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn capabilities(named: Option<HashMap<String, Option<bool>>>) -> Capabilities {
    let named = named.unwrap_or_default();
    // A search writes `SMS`, an owned number `sms`.
    let has = |name| named.iter().any(|(key, value)| key.eq_ignore_ascii_case(name) && *value == Some(true));
    Capabilities { voice: has("voice"), sms: has("sms"), mms: has("mms") }
}
