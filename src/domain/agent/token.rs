//! Agent tokens: a voice agent's tools authenticate with one to act for their agent.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::{Entropy, Invalid};

const PREFIX: &str = "vami_agent_";
// 256 random bits cannot be guessed, so the stored hash needs neither salt nor a slow algorithm.
const SECRET_BYTES: usize = 32;
// Four characters are 24 of the 256 bits: enough to tell tokens apart, useless for guessing one.
const PREVIEW_CHARS: usize = PREFIX.len() + 4;

/// `vami_agent_` and 32 random bytes in URL-safe base64. Shown once; only its hash is stored.
#[derive(Debug, Clone)]
pub struct AgentToken(SecretString);

impl AgentToken {
    /// Generates a token from 32 random bytes.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        let secret = URL_SAFE_NO_PAD.encode(entropy.bytes::<SECRET_BYTES>());
        Self(format!("{PREFIX}{secret}").into())
    }

    /// Parses a token from a request, so that malformed text costs no query.
    ///
    /// # Errors
    /// The text does not have a token's form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let secret = text.strip_prefix(PREFIX).and_then(|secret| URL_SAFE_NO_PAD.decode(secret).ok());
        match secret {
            // Only the form is checked. Whether the token is valid is known to the database
            // alone, which compares hashes.
            Some(secret) if secret.len() == SECRET_BYTES => Ok(Self(text.into())),
            _ => Err(Invalid::new("this is no agent's token")),
        }
    }

    /// The whole token: shown once at creation, and hashed.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The first characters, which tell tokens apart without revealing one: `vami_agent_xJ8k…`.
    #[must_use]
    pub fn preview(&self) -> String {
        self.expose().chars().take(PREVIEW_CHARS).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_made_and_does_not_print_it() {
        let token = AgentToken::generate(&Entropy::from_fn(|bytes| bytes.fill(7)));
        assert_eq!(AgentToken::parse(token.expose()).unwrap().expose(), token.expose());
        assert_eq!(token.preview(), "vami_agent_BwcH…");
        assert!(!format!("{token:?}").contains("BwcH"));
        for bad in ["", "vami_agent_", "vami_agent_BwcH", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"] {
            assert!(AgentToken::parse(bad).is_err(), "{bad}");
        }
    }
}
