//! Settings of an owned number: names, validation and defaults.
//!
//! An omitted field keeps its value; an empty one clears it. Nothing is changed unless all fields are valid.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    super::{state::Number, stock::formatted},
    Fields, TwilioError,
};

/// Type of a setting: valid values and default.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// Any text of up to 64 characters. Default: `""`.
    Text,
    /// Text of up to 64 characters. Default: the formatted number.
    Name,
    /// An http or https URL. Default: `""`.
    WebAddress,
    /// `GET` or `POST`. Default: `POST`.
    Method,
    /// A SID with this prefix. Default: null.
    Sid(&'static str),
    /// One of these values. Default: the first.
    OneOf(&'static [&'static str]),
    /// `true` or `false`. Default: `false`.
    Flag,
}

/// All settings: name in the form, name in JSON, type.
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
];

/// Returns the settings with these fields applied.
///
/// # Errors
/// 400 for the first invalid field.
pub(crate) fn apply(
    fields: &Fields,
    settings: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TwilioError> {
    let mut settings = apply_table(SETTINGS, fields, settings)?;
    // At Twilio a number belongs to an application or a trunk: setting one deletes the other.
    for (set, deleted) in [("VoiceApplicationSid", "trunk_sid"), ("TrunkSid", "voice_application_sid")] {
        if fields.filled(set).is_some() {
            settings.remove(deleted);
        }
    }
    if settings.contains_key("sms_fallback_url") && !settings.contains_key("sms_url") {
        return Err(TwilioError::bad_request(21406, "SmsFallbackUrl requires SmsUrl"));
    }
    Ok(settings)
}

/// Returns the settings of a table with these fields applied.
///
/// # Errors
/// 400 for the first invalid field.
pub(super) fn apply_table(
    table: &[(&str, &str, Check)],
    fields: &Fields,
    settings: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TwilioError> {
    // A copy: the first invalid field leaves the settings as they were.
    let mut settings = settings.clone();
    for (form, member, check) in table {
        match fields.get(form) {
            None => {}
            Some("") => drop(settings.remove(*member)),
            Some(value) => {
                check.validate(form, value)?;
                settings.insert((*member).to_owned(), value.to_owned());
            }
        }
    }
    Ok(settings)
}

/// Returns the settings with changes by JSON name applied. An empty value clears.
///
/// # Errors
/// The first unknown name or invalid value.
pub(super) fn apply_members<'a>(
    changes: impl Iterator<Item = (&'a str, String)>,
    settings: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let pairs = changes.map(|(name, value)| {
        let row = SETTINGS.iter().find(|(_, member, _)| *member == name);
        let (form, ..) = row.ok_or_else(|| format!("{name} is not a setting of a number"))?;
        Ok(((*form).to_owned(), value))
    });
    let fields = Fields(pairs.collect::<Result<_, String>>()?);
    apply(&fields, settings).map_err(|error| error.message)
}

/// Returns every setting by its JSON name, with defaults for unset ones.
pub(crate) fn to_json(number: &Number) -> impl Iterator<Item = (&'static str, Value)> {
    SETTINGS.iter().map(|(_, member, check)| {
        (*member, check.to_json(number.settings.get(*member), &formatted(&number.phone_number)))
    })
}

impl Check {
    /// Returns a value, or the default if it is unset. `name` is the default of a [`Self::Name`].
    pub(super) fn to_json(self, value: Option<&String>, name: &str) -> Value {
        match (value, self) {
            (Some(value), Self::Flag) => json!(value.eq_ignore_ascii_case("true")),
            (Some(value), _) => json!(value),
            (None, Self::Name) => json!(name),
            (None, Self::Text | Self::WebAddress) => json!(""),
            (None, Self::Method) => json!("POST"),
            (None, Self::Sid(_)) => Value::Null,
            (None, Self::OneOf(values)) => json!(values.first()),
            (None, Self::Flag) => json!(false),
        }
    }

    /// Checks a value that is not empty.
    ///
    /// # Errors
    /// 400 with Twilio's code.
    pub(super) fn validate(self, name: &str, value: &str) -> Result<(), TwilioError> {
        let refuse = |code: u32| Err(TwilioError::bad_request(code, format!("{name} is not valid: {value}")));
        match self {
            Self::Name | Self::Text if value.chars().count() > 64 => refuse(20001),
            Self::WebAddress if !is_web_address(value) => refuse(21402),
            Self::Method if !matches!(value, "GET" | "POST") => refuse(21403),
            Self::Sid(prefix) if !is_sid(value, prefix) => refuse(if prefix == "AP" { 21420 } else { 20001 }),
            Self::OneOf(values) if !values.contains(&value) => refuse(20001),
            Self::Flag if !matches!(value, "true" | "false" | "True" | "False") => refuse(20001),
            _ => Ok(()),
        }
    }
}

/// Returns whether the text is an http or https URL. Twilio also refuses hosts that it cannot reach, such as
/// localhost; the sandbox can reach them.
pub(super) fn is_web_address(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let host_is_fine = match url.host() {
        // Twilio rejects host names with an underscore.
        Some(Host::Domain(name)) => !name.contains('_'),
        Some(_) => true,
        None => false,
    };
    matches!(url.scheme(), "http" | "https") && host_is_fine
}

/// Returns whether a text is this prefix and 32 hexadecimal digits.
pub(crate) fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.chars().all(|c| c.is_ascii_hexdigit()))
}
