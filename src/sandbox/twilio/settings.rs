//! What the owner of a number may set: names, checks, and how an unset one reads.
//!
//! A field left out stays as it is; an empty one is cleared. Nothing is applied unless everything is valid.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    super::{state::Number, stock::formatted},
    Fields, Refusal,
};

/// How a value is checked, and how it reads when unset.
#[derive(Clone, Copy)]
enum Check {
    /// Up to 64 characters; unset, the formatted number.
    Name,
    /// A public http or https URL, here a private one too; unset, `""`.
    WebAddress,
    /// GET or POST; unset, POST.
    Method,
    /// A SID with this prefix; unset, null.
    Sid(&'static str),
    /// One of these; unset, the first.
    OneOf(&'static [&'static str]),
    /// true or false; unset, false.
    Flag,
}

/// Form name, JSON name, check.
const SETTINGS: &[(&str, &str, Check)] = &[
    ("FriendlyName", "friendly_name", Check::Name),
    ("VoiceUrl", "voice_url", Check::WebAddress),
    ("VoiceMethod", "voice_method", Check::Method),
    ("VoiceFallbackUrl", "voice_fallback_url", Check::WebAddress),
    ("VoiceFallbackMethod", "voice_fallback_method", Check::Method),
    ("StatusCallback", "status_callback", Check::WebAddress),
    ("StatusCallbackMethod", "status_callback_method", Check::Method),
    ("VoiceApplicationSid", "voice_application_sid", Check::Sid("AP")),
    ("TrunkSid", "trunk_sid", Check::Sid("TK")),
    ("VoiceCallerIdLookup", "voice_caller_id_lookup", Check::Flag),
    ("VoiceReceiveMode", "voice_receive_mode", Check::OneOf(&["voice", "fax"])),
    ("SmsUrl", "sms_url", Check::WebAddress),
    ("SmsMethod", "sms_method", Check::Method),
    ("SmsFallbackUrl", "sms_fallback_url", Check::WebAddress),
    ("SmsFallbackMethod", "sms_fallback_method", Check::Method),
    ("SmsApplicationSid", "sms_application_sid", Check::Sid("AP")),
    ("AddressSid", "address_sid", Check::Sid("AD")),
    ("BundleSid", "bundle_sid", Check::Sid("BU")),
    ("IdentitySid", "identity_sid", Check::Sid("RI")),
    ("EmergencyStatus", "emergency_status", Check::OneOf(&["Inactive", "Active"])),
    ("EmergencyAddressSid", "emergency_address_sid", Check::Sid("AD")),
];

/// The settings after these fields, or the first refusal.
pub(crate) fn applied(
    fields: &Fields,
    settings: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut settings = settings.clone();
    for (form, member, check) in SETTINGS {
        match fields.get(form) {
            None => {}
            Some("") => drop(settings.remove(*member)),
            Some(value) => {
                check.examine(form, value)?;
                settings.insert((*member).to_owned(), value.to_owned());
            }
        }
    }
    // Setting one of the two deletes the other.
    for (set, deleted) in [("VoiceApplicationSid", "trunk_sid"), ("TrunkSid", "voice_application_sid")] {
        if fields.filled(set).is_some() {
            settings.remove(deleted);
        }
    }
    Ok(settings)
}

/// Every setting as it reads in the resource.
pub(crate) fn rendered(number: &Number) -> impl Iterator<Item = (&'static str, Value)> {
    SETTINGS.iter().map(|(_, member, check)| {
        let value = match (number.settings.get(*member), check) {
            (Some(value), Check::Flag) => json!(value.eq_ignore_ascii_case("true")),
            (Some(value), _) => json!(value),
            (None, Check::Name) => json!(formatted(&number.phone_number)),
            (None, Check::WebAddress) => json!(""),
            (None, Check::Method) => json!("POST"),
            (None, Check::Sid(_)) => Value::Null,
            (None, Check::OneOf(values)) => json!(values.first()),
            (None, Check::Flag) => json!(false),
        };
        (*member, value)
    })
}

impl Check {
    fn examine(self, name: &str, value: &str) -> Result<(), Refusal> {
        let refuse = |code: u32| Err(Refusal::bad(code, format!("{name} is not valid: {value}")));
        match self {
            Self::Name if value.chars().count() > 64 => refuse(20001),
            Self::WebAddress if !is_web_address(value) => refuse(21402),
            Self::Method if !matches!(value, "GET" | "POST") => refuse(21403),
            Self::Sid(prefix) if !is_sid(value, prefix) => refuse(if prefix == "AP" { 21420 } else { 20001 }),
            Self::OneOf(values) if !values.contains(&value) => refuse(20001),
            Self::Flag if !matches!(value, "true" | "false" | "True" | "False") => refuse(20001),
            _ => Ok(()),
        }
    }
}

/// Twilio also refuses hosts it cannot reach, such as localhost; a sandbox reaches them.
fn is_web_address(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let host_is_fine = match url.host() {
        Some(Host::Domain(name)) => !name.contains('_'),
        Some(_) => true,
        None => false,
    };
    matches!(url.scheme(), "http" | "https") && host_is_fine
}

fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.chars().all(|c| c.is_ascii_hexdigit()))
}
