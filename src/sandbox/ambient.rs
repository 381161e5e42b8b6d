//! The sandbox's own door to the clock and to randomness. It shares nothing with the rest of the crate, so it cannot
//! use the `domain` ones; everything here is real time and real randomness, never for production decisions.

use chrono::{DateTime, SubsecRound, Utc};

/// The present moment, in whole seconds: neither provider's dates are finer than that.
#[expect(clippy::disallowed_methods, reason = "the sandbox emulates a provider, whose clock is its own")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(0)
}

/// 32 random lower-case hexadecimal digits.
#[expect(clippy::disallowed_methods, reason = "the sandbox emulates a provider, whose ids are its own")]
pub(crate) fn hex32() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// A Twilio SID: two letters and 32 hexadecimal digits.
pub(crate) fn sid(prefix: &str) -> String {
    format!("{prefix}{}", hex32())
}

/// An ElevenLabs id: a word, an underscore and 28 lower-case letters and digits.
pub(crate) fn word_id(prefix: &str) -> String {
    format!("{prefix}_{:.28}", hex32())
}
