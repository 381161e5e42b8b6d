//! The settings of a number at the carrier: reads, compares and restores them.

use tracing::info;

use crate::carrier::{Carrier, CarrierError, METHOD, NumberSettings, OwnedNumber, RECEIVE_MODE};

/// How the settings of a number at the carrier compare with the expected ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provisioning) enum Setting {
    /// The settings are as expected.
    Right,
    /// The settings differ: another tool changed them, or the carrier did not apply them.
    Different,
    /// The carrier no longer has the number.
    Gone,
}

/// Reads and compares the settings in the account that holds the number, without changing them.
pub(super) async fn check(
    carrier: Result<Carrier, CarrierError>,
    sid: &str,
    settings: &NumberSettings,
) -> Result<Setting, CarrierError> {
    let owned = carrier?.fetch(sid).await?;
    Ok(owned.map_or(Setting::Gone, |owned| compare(&owned, settings)))
}

/// Reads the settings and writes them if they are different. Safe to repeat.
pub(in crate::provisioning) async fn restore(
    carrier: Result<Carrier, CarrierError>,
    sid: &str,
    settings: &NumberSettings,
) -> Result<Setting, CarrierError> {
    let carrier = carrier?;
    let Some(owned) = carrier.fetch(sid).await? else { return Ok(Setting::Gone) };
    if compare(&owned, settings) == Setting::Right {
        return Ok(Setting::Right);
    }
    info!(sid, "number has different settings at the carrier; restoring them");
    Ok(compare(&carrier.update(sid, settings, owned.capabilities.sms).await?, settings))
}

fn compare(owned: &OwnedNumber, settings: &NumberSettings) -> Setting {
    if deviations(owned, settings).is_empty() { Setting::Right } else { Setting::Different }
}

/// The carrier's names of the settings that differ. Compares every setting that a purchase sets, and those that would
/// take precedence over them.
pub(in crate::provisioning) fn deviations(
    owned: &OwnedNumber,
    settings: &NumberSettings,
) -> Vec<&'static str> {
    let elsewhere = |set: &Option<String>, wanted: &url::Url| set.as_deref() != Some(wanted.as_str());
    // A missing value is no deviation: Twilio need not return these fields.
    let other = |set: &Option<String>, wanted: &str| {
        set.as_ref().is_some_and(|set| !set.eq_ignore_ascii_case(wanted))
    };
    let checked = [
        ("FriendlyName", settings.friendly_name.as_ref().is_some_and(|name| owned.friendly_name != *name)),
        ("VoiceUrl", elsewhere(&owned.voice_url, &settings.voice_url)),
        ("VoiceFallbackUrl", elsewhere(&owned.voice_fallback_url, &settings.voice_fallback_url)),
        ("StatusCallback", elsewhere(&owned.status_callback, &settings.status_callback)),
        ("VoiceMethod", other(&owned.voice_method, METHOD)),
        ("VoiceFallbackMethod", other(&owned.voice_fallback_method, METHOD)),
        ("StatusCallbackMethod", other(&owned.status_callback_method, METHOD)),
        ("VoiceReceiveMode", other(&owned.voice_receive_mode, RECEIVE_MODE)),
        // Twilio ignores the voice URLs while either of these is set.
        ("VoiceApplicationSid", owned.voice_application_sid.is_some()),
        ("TrunkSid", owned.trunk_sid.is_some()),
    ];
    let texts = [
        ("SmsUrl", elsewhere(&owned.sms_url, &settings.sms_url)),
        ("SmsFallbackUrl", elsewhere(&owned.sms_fallback_url, &settings.sms_fallback_url)),
        ("SmsMethod", other(&owned.sms_method, METHOD)),
        ("SmsFallbackMethod", other(&owned.sms_fallback_method, METHOD)),
        // Twilio ignores the URLs for text messages while it is set.
        ("SmsApplicationSid", owned.sms_application_sid.is_some()),
    ];
    let texts = texts.into_iter().filter(|_| owned.capabilities.sms);
    checked.into_iter().chain(texts).filter_map(|(name, deviates)| deviates.then_some(name)).collect()
}
