//! The settings of a number at the carrier: read, compared with what they should be, and restored.

use tracing::info;

use crate::carrier::{CarrierError, METHOD, NumberSettings, OwnedNumber, RECEIVE_MODE};
use crate::provisioning::Provisioning;

/// The settings of a number at the carrier, as they were found or left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provisioning) enum Setting {
    /// As they should be.
    Right,
    /// Different: another tool changed them, or the carrier has not taken them.
    Different,
    /// The carrier does not have the number any more.
    Gone,
}

/// Reads the settings and changes nothing.
pub(super) async fn look(
    driver: &Provisioning,
    sid: &str,
    settings: &NumberSettings,
) -> Result<Setting, CarrierError> {
    let owned = driver.carrier().fetch(sid).await?;
    Ok(owned.map_or(Setting::Gone, |owned| compare(&owned, settings)))
}

/// Reads the settings and writes them if they are different. Safe to repeat.
pub(in crate::provisioning) async fn restore(
    driver: &Provisioning,
    sid: &str,
    settings: &NumberSettings,
) -> Result<Setting, CarrierError> {
    let found = look(driver, sid, settings).await?;
    if found != Setting::Different {
        return Ok(found);
    }
    info!(sid, "the settings of a number were changed at the carrier: restoring them");
    Ok(compare(&driver.carrier().update(sid, settings).await?, settings))
}

fn compare(owned: &OwnedNumber, settings: &NumberSettings) -> Setting {
    if deviations(owned, settings).is_empty() { Setting::Right } else { Setting::Different }
}

/// The settings that are not as they should be, by the carrier's names: every one that a purchase sets, and those that would
/// take precedence.
pub(in crate::provisioning) fn deviations(
    owned: &OwnedNumber,
    settings: &NumberSettings,
) -> Vec<&'static str> {
    let elsewhere = |set: &Option<String>, wanted: &url::Url| set.as_deref() != Some(wanted.as_str());
    let other = |set: &Option<String>, wanted: &str| {
        set.as_ref().is_some_and(|set| !set.eq_ignore_ascii_case(wanted))
    };
    let looked_at = [
        ("FriendlyName", owned.friendly_name != settings.friendly_name),
        ("VoiceUrl", elsewhere(&owned.voice_url, &settings.voice_url)),
        ("VoiceFallbackUrl", elsewhere(&owned.voice_fallback_url, &settings.voice_fallback_url)),
        ("StatusCallback", elsewhere(&owned.status_callback, &settings.status_callback)),
        ("VoiceMethod", other(&owned.voice_method, METHOD)),
        ("VoiceFallbackMethod", other(&owned.voice_fallback_method, METHOD)),
        ("StatusCallbackMethod", other(&owned.status_callback_method, METHOD)),
        ("VoiceReceiveMode", other(&owned.voice_receive_mode, RECEIVE_MODE)),
        ("VoiceApplicationSid", owned.voice_application_sid.is_some()),
        ("TrunkSid", owned.trunk_sid.is_some()),
    ];
    looked_at.into_iter().filter_map(|(name, deviates)| deviates.then_some(name)).collect()
}
