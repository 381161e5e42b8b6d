//! Encryption at rest: AES-256-GCM under `ENCRYPTION_KEY`. What a value belongs to is authenticated with it, so that it cannot be put
//! into another row: for a token, the current or the previous one, the id and the SID of the account; for the secret of an API key,
//! which cannot take a token's place, the id and the key's SID.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::{CarrierAccountId, hex};

/// Version of the format, which precedes the key's fingerprint: `1.{fingerprint}.{Base64 of nonce, ciphertext and tag}`.
const VERSION: &str = "1";
const NONCE: usize = 12;
/// Bytes of the key's hash that name it.
const FINGERPRINT: usize = 4;

/// The keys: values are encrypted with the current one and decrypted with either.
#[derive(Debug)]
pub(super) struct Keyring {
    current: Key,
    previous: Option<Key>,
}

struct Key {
    key: RandomizedNonceKey,
    fingerprint: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// A value cannot be encrypted or decrypted. Says nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret cannot be read with ENCRYPTION_KEY or ENCRYPTION_KEY_PREVIOUS")]
pub struct Unreadable;

impl Key {
    fn new(text: &SecretString) -> Option<Self> {
        let bytes = STANDARD.decode(text.expose_secret()).ok()?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok()?;
        let fingerprint = hex(digest(&SHA256, &bytes).as_ref().get(..FINGERPRINT)?);
        Some(Self { key, fingerprint })
    }
}

impl Keyring {
    /// Keys of 32 bytes in Base64; `None` if one is not.
    pub(super) fn new(current: &SecretString, previous: Option<&SecretString>) -> Option<Self> {
        let previous = match previous {
            Some(previous) => Some(Key::new(previous)?),
            None => None,
        };
        Some(Self { current: Key::new(current)?, previous })
    }

    /// Encrypts a token or the secret of an API key with the current key. The SID is that of what it belongs to.
    pub(super) fn seal(
        &self,
        (id, sid): (CarrierAccountId, &str),
        token: &SecretString,
    ) -> Result<String, Unreadable> {
        self.seal_bytes(&context(id, sid), token.expose_secret().as_bytes())
    }

    /// Decrypts a token or the secret of an API key.
    pub(super) fn open(
        &self,
        (id, sid): (CarrierAccountId, &str),
        sealed: &str,
    ) -> Result<SecretString, Unreadable> {
        let token = self.open_bytes(&context(id, sid), sealed)?;
        Ok(SecretString::from(String::from_utf8(token).map_err(|_| Unreadable)?))
    }

    /// Encrypts with the current key. The context is authenticated, and says where the value belongs.
    pub(super) fn seal_bytes(&self, context: &str, plain: &[u8]) -> Result<String, Unreadable> {
        let mut text = plain.to_vec();
        // The library chooses a random nonce for each value.
        let nonce = self
            .current
            .key
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut text)
            .map_err(|_| Unreadable)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend(text);
        Ok(format!("{VERSION}.{}.{}", self.current.fingerprint, STANDARD.encode(sealed)))
    }

    /// Decrypts what [`Self::seal_bytes`] encrypted with either key in the same context.
    pub(super) fn open_bytes(&self, context: &str, sealed: &str) -> Result<Vec<u8>, Unreadable> {
        let (named, text) = split(sealed).ok_or(Unreadable)?;
        let keys = std::iter::once(&self.current).chain(&self.previous);
        let key = keys.into_iter().find(|key| key.fingerprint == named).ok_or(Unreadable)?;
        let bytes = STANDARD.decode(text).map_err(|_| Unreadable)?;
        let (nonce, text) = bytes.split_at_checked(NONCE).ok_or(Unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unreadable)?;
        let mut text = text.to_vec();
        let open = key.key.open_in_place(nonce, Aad::from(context.as_bytes()), &mut text);
        Ok(open.map_err(|_| Unreadable)?.to_vec())
    }

    /// Whether a token is encrypted with the current key.
    pub(super) fn is_current(&self, sealed: &str) -> bool {
        split(sealed).is_some_and(|(named, _)| named == self.current.fingerprint)
    }
}

fn split(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

fn context(id: CarrierAccountId, sid: &str) -> String {
    format!("switchboard carrier account {} {sid}", id.0.simple())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(byte: u8) -> SecretString {
        STANDARD.encode([byte; 32]).into()
    }

    #[test]
    fn a_token_is_read_with_either_key_and_for_its_own_account_only() {
        let account = (CarrierAccountId(Uuid::from_u128(7)), "AC1");
        let token = SecretString::from("0123456789abcdef");
        let old = Keyring::new(&key(1), None).unwrap();
        let sealed = old.seal(account, &token).unwrap();
        assert!(!sealed.contains("0123456789abcdef") && old.is_current(&sealed));
        assert_ne!(sealed, old.seal(account, &token).unwrap());
        let opened = |ring: &Keyring, account, sealed: &str| {
            ring.open(account, sealed).map(|token| token.expose_secret().to_owned())
        };
        assert_eq!(opened(&old, account, &sealed).as_deref(), Ok("0123456789abcdef"));

        let rotated = Keyring::new(&key(2), Some(&key(1))).unwrap();
        assert_eq!(opened(&rotated, account, &sealed).as_deref(), Ok("0123456789abcdef"));
        assert!(!rotated.is_current(&sealed));
        let done = Keyring::new(&key(2), None).unwrap();
        // Not a text.
        let bill = [0xff, 0x00, 0xd8];
        let sealed_bill = old.seal_bytes("bill 7", &bill).unwrap();
        assert_eq!(rotated.open_bytes("bill 7", &sealed_bill).as_deref(), Ok(&bill[..]));
        assert_eq!(rotated.open_bytes("bill 8", &sealed_bill), Err(Unreadable));
        assert_eq!(opened(&done, account, &sealed), Err(Unreadable));

        assert_eq!(opened(&old, (account.0, "AC2"), &sealed), Err(Unreadable));
        assert_eq!(opened(&old, (CarrierAccountId(Uuid::from_u128(8)), "AC1"), &sealed), Err(Unreadable));
        for broken in ["", "1", "1.", "1.x.y", "2.a.b", &sealed[..sealed.len() - 4], &sealed.to_lowercase()] {
            assert_eq!(opened(&old, account, broken), Err(Unreadable), "{broken}");
        }
        for bad in ["", "short", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33]), "%%%"] {
            assert!(Keyring::new(&bad.into(), None).is_none(), "{bad}");
        }
    }
}
