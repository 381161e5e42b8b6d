//! Clock and randomness of the sandbox. It shares no code with the rest of the crate, so it cannot
//! use those of `domain`.

use chrono::{DateTime, SubsecRound, Utc};

/// Returns the current time in whole seconds, the resolution of both providers' dates.
#[expect(clippy::disallowed_methods, reason = "the sandbox emulates a provider, whose clock is its own")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(0)
}

/// Returns 32 random lower-case hexadecimal digits.
#[expect(clippy::disallowed_methods, reason = "the sandbox emulates a provider, whose ids are its own")]
pub(crate) fn hex32() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Returns a Twilio SID: two letters and 32 hexadecimal digits.
pub(crate) fn sid(prefix: &str) -> String {
    format!("{prefix}{}", hex32())
}

/// Returns an ElevenLabs id: a word, an underscore and 28 lower-case letters and digits.
pub(crate) fn word_id(prefix: &str) -> String {
    format!("{prefix}_{:.28}", hex32())
}
