//! `ElevenLabs-Signature`: proves that an event was sent recently by our workspace at ElevenLabs.
//!
//! Its form is `t=<unix seconds>,v0=<hex>`. The digest is HMAC-SHA256 over `t`, a dot and the body, byte by byte. The rules
//! are stricter than those of the provider's own clients: exactly one `t` of digits only, and not far in the future. One
//! matching `v0` is enough.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

/// Maximum age of an event in seconds, as in the provider's clients.
const OLDEST: i64 = 30 * 60;
/// Maximum time by which the sender's clock may be ahead of ours, in seconds.
const MOST_AHEAD: i64 = 5 * 60;

/// The signature of an event whose body is still arriving. The body is hashed in parts, so it need not be kept.
#[derive(Debug)]
pub struct EventSignature {
    /// One hash for each secret.
    hashes: Vec<Context>,
    /// The digests of the header; one hash must match one of them.
    digests: Vec<Vec<u8>>,
}

impl EventSignature {
    /// Reads an `ElevenLabs-Signature` header. `None` if no body can make it valid: it is malformed, or was not made in the
    /// half hour before `now`.
    #[must_use]
    pub fn read(header: &str, secrets: &[SecretString], now: DateTime<Utc>) -> Option<Self> {
        let members = || header.split(',').filter_map(|member| member.split_once('='));
        let mut times = members().filter(|(name, _)| *name == "t").map(|(_, value)| value);
        let (Some(time), None) = (times.next(), times.next()) else {
            return None;
        };
        let digests: Vec<_> =
            members().filter(|(name, _)| *name == "v0").filter_map(|(_, hex)| bytes(hex)).collect();
        if digests.is_empty() || !is_recent(time, now) {
            return None;
        }
        // Anybody can sign with an empty secret.
        let secrets = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
        let begin = |secret: &str| {
            let mut hash = Context::with_key(&Key::new(HMAC_SHA256, secret.as_bytes()));
            hash.update(time.as_bytes());
            hash.update(b".");
            hash
        };
        Some(Self { hashes: secrets.map(begin).collect(), digests })
    }

    /// Adds the next part of the body.
    pub fn update(&mut self, part: &[u8]) {
        for hash in &mut self.hashes {
            hash.update(part);
        }
    }

    /// Whether the whole body was signed with one of the secrets.
    #[must_use]
    pub fn is_valid(self) -> bool {
        let Self { hashes, digests } = self;
        hashes
            .into_iter()
            .map(Context::sign)
            // Compared in constant time: the answer must not show how many digits were right.
            .any(|tag| digests.iter().any(|digest| verify_slices_are_equal(tag.as_ref(), digest).is_ok()))
    }
}

fn is_recent(time: &str, now: DateTime<Utc>) -> bool {
    // `parse` alone also accepts a sign.
    let digits = time.bytes().all(|b| b.is_ascii_digit());
    let signed_at = time.parse::<i64>().ok().filter(|_| digits);
    signed_at.is_some_and(|at| (-MOST_AHEAD..=OLDEST).contains(&now.timestamp().saturating_sub(at)))
}

/// Decodes lower-case hexadecimal digits.
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
