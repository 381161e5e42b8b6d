//! `X-Twilio-Signature`: HMAC-SHA1 in Base64, over the address and the sorted form parameters.

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Signs and verifies with one auth token.
#[derive(Debug)]
pub(crate) struct Signer(Key);

impl Signer {
    /// Prepares the key once.
    pub(crate) fn new(auth_token: &str) -> Self {
        Self(Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes()))
    }

    /// The signature of `text`: the address, then each parameter's name and value.
    pub(crate) fn sign(&self, text: &str) -> String {
        STANDARD.encode(hmac::sign(&self.0, text.as_bytes()))
    }

    /// Whether `signature` is that of a form sent to `url`.
    pub(crate) fn verifies(&self, url: &str, form: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let mut parameters: Vec<_> = form_urlencoded::parse(form).collect();
        parameters.sort();
        let mut text = url.to_owned();
        for (name, value) in parameters {
            text.push_str(&name);
            text.push_str(&value);
        }
        hmac::verify(&self.0, text.as_bytes(), &signature).is_ok()
    }
}
