//! `ElevenLabs-Signature`: proves that an event comes from our workspace at ElevenLabs, and not long ago.
//!
//! `t=<unix seconds>,v0=<hex>`, where the digest is HMAC-SHA256 over `t`, a dot and the body, byte by byte.
//! Stricter than the provider's own clients where those disagree: one `t` of digits only, and no
//! far future. One matching `v0` is enough.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

/// The oldest event that is taken, in seconds: the provider's clients take the same.
const OLDEST: i64 = 30 * 60;
/// How far the sender's clock may be ahead of ours, in seconds.
const MOST_AHEAD: i64 = 5 * 60;

/// Whether an event with this raw body and `ElevenLabs-Signature` header was signed with one of `secrets`, at most
/// half an hour before `now`.
#[must_use]
pub fn verify_event(raw_body: &[u8], header: &str, secrets: &[SecretString], now: DateTime<Utc>) -> bool {
    let members = || header.split(',').filter_map(|member| member.split_once('='));
    let mut times = members().filter(|(name, _)| *name == "t").map(|(_, value)| value);
    let (Some(time), None) = (times.next(), times.next()) else {
        return false;
    };
    if !is_recent(time, now) {
        return false;
    }
    let signed = [time.as_bytes(), b".", raw_body].concat();
    secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()).any(|secret| {
        let key = Key::new(HMAC_SHA256, secret.as_bytes());
        members()
            .filter(|(name, _)| *name == "v0")
            .filter_map(|(_, hex)| bytes(hex))
            .any(|digest| verify(&key, &signed, &digest).is_ok())
    })
}

fn is_recent(time: &str, now: DateTime<Utc>) -> bool {
    let digits = time.bytes().all(|b| b.is_ascii_digit());
    let signed_at = time.parse::<i64>().ok().filter(|_| digits);
    signed_at.is_some_and(|at| (-MOST_AHEAD..=OLDEST).contains(&now.timestamp().saturating_sub(at)))
}

/// Bytes written as lower-case hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
