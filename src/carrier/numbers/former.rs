//! The settings of a number as they were before this server took it over, and how they are put back.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{NUMBERS, checked};
use crate::carrier::{Carrier, CarrierError, OwnedNumber, Rejection};

/// A new number at Twilio points to this host until somebody sets it: it is not in use.
const DEMONSTRATION: &str = "demo.twilio.com";
/// Longest part of a URL that is shown.
const LONGEST_URL: usize = 200;

/// What decided where a number's calls and texts went before it was taken over, by Twilio's names. Everything that
/// [`Carrier::point`] changes is in it, so that [`Carrier::put_back`] undoes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FormerSettings {
    /// The carrier's name of the number. It is not changed, and so not put back.
    pub friendly_name: String,
    voice_url: Option<String>,
    voice_method: Option<String>,
    voice_fallback_url: Option<String>,
    voice_fallback_method: Option<String>,
    voice_receive_mode: Option<String>,
    voice_application_sid: Option<String>,
    trunk_sid: Option<String>,
    status_callback: Option<String>,
    status_callback_method: Option<String>,
    sms_url: Option<String>,
    sms_method: Option<String>,
    sms_fallback_url: Option<String>,
    sms_fallback_method: Option<String>,
    sms_application_sid: Option<String>,
}

impl FormerSettings {
    /// The settings that the number has now.
    #[must_use]
    pub fn of(owned: &OwnedNumber) -> Self {
        let owned = owned.clone();
        Self {
            friendly_name: owned.friendly_name,
            voice_url: owned.voice_url,
            voice_method: owned.voice_method,
            voice_fallback_url: owned.voice_fallback_url,
            voice_fallback_method: owned.voice_fallback_method,
            voice_receive_mode: owned.voice_receive_mode,
            voice_application_sid: owned.voice_application_sid,
            trunk_sid: owned.trunk_sid,
            status_callback: owned.status_callback,
            status_callback_method: owned.status_callback_method,
            sms_url: owned.sms_url,
            sms_method: owned.sms_method,
            sms_fallback_url: owned.sms_fallback_url,
            sms_fallback_method: owned.sms_fallback_method,
            sms_application_sid: owned.sms_application_sid,
        }
    }

    /// Whether the number has these settings, whatever its name.
    #[must_use]
    pub fn are_set_on(&self, owned: &OwnedNumber) -> bool {
        let now = Self::of(owned);
        // A missing method or mode is the default: Twilio need not return it.
        let fields = self.fields(owned.capabilities.sms);
        fields.iter().zip(now.fields(owned.capabilities.sms)).all(|((name, former), (_, now))| {
            let is_word = name.ends_with("Method") || name.ends_with("Mode");
            former == &now
                || (is_word && (former.is_empty() || now.is_empty() || former.eq_ignore_ascii_case(now)))
        })
    }

    /// What sends the number's calls or texts to another system than this server, in words: a trunk, applications, and URLs of hosts
    /// that are not `ours`.
    #[must_use]
    pub fn elsewhere(&self, ours: &[&Url]) -> Vec<String> {
        let sids = [
            ("SIP trunk", &self.trunk_sid),
            ("application for calls", &self.voice_application_sid),
            ("application for texts", &self.sms_application_sid),
        ];
        let urls = [
            ("VoiceUrl", &self.voice_url),
            ("VoiceFallbackUrl", &self.voice_fallback_url),
            ("StatusCallback", &self.status_callback),
            ("SmsUrl", &self.sms_url),
            ("SmsFallbackUrl", &self.sms_fallback_url),
        ];
        let sids = sids.into_iter().filter_map(|(what, sid)| Some(format!("{what} {}", sid.as_ref()?)));
        let urls = urls.into_iter().filter_map(|(name, url)| {
            let url = url.as_deref().filter(|url| !is_ours(url, ours))?;
            Some(format!("{name} {}", shown(url)))
        });
        sids.chain(urls).collect()
    }

    /// Whether the incoming call webhook is this one, and neither an application nor a trunk takes precedence.
    #[must_use]
    pub fn calls_go_to(&self, is_here: impl Fn(&str) -> bool) -> bool {
        let is_first = self.voice_application_sid.is_none() && self.trunk_sid.is_none();
        is_first && self.voice_url.as_deref().is_some_and(is_here)
    }

    /// The form fields that set them. An empty value clears a setting.
    fn fields(&self, takes_texts: bool) -> Vec<(&'static str, &str)> {
        let mut fields = vec![
            ("VoiceUrl", &self.voice_url),
            ("VoiceMethod", &self.voice_method),
            ("VoiceFallbackUrl", &self.voice_fallback_url),
            ("VoiceFallbackMethod", &self.voice_fallback_method),
            ("VoiceReceiveMode", &self.voice_receive_mode),
            ("StatusCallback", &self.status_callback),
            ("StatusCallbackMethod", &self.status_callback_method),
            ("VoiceApplicationSid", &self.voice_application_sid),
            ("TrunkSid", &self.trunk_sid),
        ];
        if takes_texts {
            fields.extend([
                ("SmsUrl", &self.sms_url),
                ("SmsMethod", &self.sms_method),
                ("SmsFallbackUrl", &self.sms_fallback_url),
                ("SmsFallbackMethod", &self.sms_fallback_method),
                ("SmsApplicationSid", &self.sms_application_sid),
            ]);
        }
        fields.into_iter().map(|(name, value)| (name, value.as_deref().unwrap_or_default())).collect()
    }
}

fn is_ours(url: &str, ours: &[&Url]) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    url.host_str() == Some(DEMONSTRATION) || ours.iter().any(|base| base.origin() == url.origin())
}

/// A URL without what may be a secret: the password and the query.
fn shown(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "(not a URL)".to_owned() };
    url.set_query(None);
    // Both fail only for a URL without a host, which has neither.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.as_str().chars().take(LONGEST_URL).collect()
}

impl Carrier {
    /// Puts former settings of a number back. Its name stays. Returns the number read back afterwards, as [`Carrier::update`] does.
    ///
    /// # Errors
    /// [`CarrierError`]; the outcome is unknown until the number has been read back. Safe to repeat.
    pub async fn put_back(
        &self,
        sid: &str,
        former: &FormerSettings,
        takes_texts: bool,
    ) -> Result<OwnedNumber, CarrierError> {
        let form = former.fields(takes_texts);
        let is_word = |name: &str| name.ends_with("Method") || name.ends_with("Mode");
        // An empty method is not a method: what is not known stays as it is, and counts as the default.
        let form: Vec<_> =
            form.into_iter().filter(|(name, value)| !(is_word(name) && value.is_empty())).collect();
        let _: IgnoredAny = self.post(self.url(&[NUMBERS, checked(sid)?]), &form).await?;
        self.read_back(sid).await
    }

    /// Reads a number that was changed just now.
    pub(super) async fn read_back(&self, sid: &str) -> Result<OwnedNumber, CarrierError> {
        match self.fetch(sid).await {
            Ok(stored) => stored.ok_or(CarrierError::Rejected(Rejection::NotFound)),
            Err(error) => {
                // Whatever the class of the read's failure, the update itself succeeded.
                Err(CarrierError::OutcomeUnknown { reason: format!("set, but not read back: {error}") })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn settings_that_point_elsewhere_are_named_without_secrets() {
        let settings = FormerSettings {
            voice_url: Some("https://user:secret@old.example.com/voice?token=secret".into()),
            sms_url: Some("https://calls.example.com/api/webhooks/message/incoming".into()),
            status_callback: Some("https://demo.twilio.com/status".into()),
            trunk_sid: Some("TK1".into()),
            ..FormerSettings::default()
        };
        let ours = url("https://calls.example.com/");
        assert_eq!(settings.elsewhere(&[&ours]), ["SIP trunk TK1", "VoiceUrl https://old.example.com/voice"]);
        assert!(FormerSettings::default().elsewhere(&[&ours]).is_empty());
        let other_port = url("https://calls.example.com:8443/");
        assert_eq!(settings.elsewhere(&[&other_port]).len(), 3);
    }

    #[test]
    fn stored_settings_read_back_also_those_of_other_versions() {
        let settings = FormerSettings {
            voice_url: Some("https://old.example.com/".into()),
            ..FormerSettings::default()
        };
        let stored = serde_json::to_value(&settings).unwrap();
        assert_eq!(serde_json::from_value::<FormerSettings>(stored).unwrap(), settings);
        assert_eq!(serde_json::from_str::<FormerSettings>("{}").unwrap(), FormerSettings::default());
    }
}
