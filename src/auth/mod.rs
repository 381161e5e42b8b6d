//! From what a request presents to who is asking: a tenant, an operator or an agent.
//!
//! Bearer tokens are JSON Web Tokens signed with our secret (HS256) or by a key of the configured key set (RSA, elliptic
//! curves, Ed25519; never a shared secret). Which key checks a token follows from its algorithm and key id, and each key serves one algorithm only:
//! a token cannot choose how it is checked. Everything in it is read after its signature held, and against
//! [`Clock`], never the machine's own. The key set is the one thing this module fetches over the network.
//!
//! An agent's token is looked up in the database each time, beside the connections that answer calls. Which agent it was when
//! it was looked up last is remembered ([`Authenticator::known`]), only so that whoever presents it is counted before the
//! database is asked: a token is never accepted from memory, so one that is taken away ends at once.
//!
//! A tenant is written down at first sight. Refusals say one of a few constant reasons, never what was presented.

mod claims;
mod error;
mod jwks;
mod mint;

pub use error::{AuthConfigError, AuthError};
pub use mint::mint;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::{AgentId, AgentToken, Clock, TenantId};
use crate::store::SystemStore;
use jwks::KeySet;

/// Longer tokens are refused unread.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Longer key ids are refused: they are looked up, and what nobody knows costs a request to the key server.
const MAX_KEY_ID_BYTES: usize = 256;
/// RFC 7518 wants an HS256 secret at least as long as the hash.
const MIN_SECRET_BYTES: usize = 32;
/// How many tenants are remembered as written down, before the memory starts anew.
const MAX_TENANTS_SEEN: usize = 10_000;
/// How many agents' tokens are remembered as proven, before the memory starts anew.
const MAX_TOKENS_PROVEN: usize = 10_000;

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// A client of the platform.
    Tenant(TenantId),
    /// One of the platform's own people; acts for a tenant when one is named.
    Operator {
        /// The token's subject; nil when it names none, as a service's own token may.
        subject: Uuid,
        /// The tenant acted for.
        acting_for: Option<TenantId>,
    },
    /// A voice agent's tools: sees its own agent, reads only.
    Agent {
        /// Whose agent it is.
        tenant: TenantId,
        /// Which one.
        agent: AgentId,
    },
}

/// What is known of presented credentials before they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A bearer token: checking it does not ask the database about the token.
    Signed,
    /// A token that was this agent's when it was checked last.
    Proven(Principal),
    /// A token that has not proved lately to be an agent's: it may be made up.
    Guess,
}

/// A principal whose proof was checked.
#[derive(Debug, Clone, Copy)]
pub struct Authenticated {
    /// Who is asking.
    pub principal: Principal,
    /// When the proof runs out; agents' tokens do not.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a request presents, as text; taken from headers or from a socket's `connection_init`.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// From `Authorization: Bearer …`. When it is there it decides, whatever else is.
    pub bearer: Option<SecretString>,
    /// From `X-Agent-Token`.
    pub agent_token: Option<SecretString>,
    /// From `X-Tenant-Id`; operators only, ignored from everybody else.
    pub tenant: Option<String>,
}

/// How tokens are checked.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Checks HS256 tokens; at least 32 bytes.
    pub hs256_secret: Option<SecretString>,
    /// Where public keys are published.
    pub jwks_url: Option<url::Url>,
    /// The issuer every token must name.
    pub issuer: Option<String>,
    /// The audience every token must name.
    pub audience: Option<String>,
    /// A JSON pointer to the claim that names the tenant, `/sub` by default.
    pub tenant_claim: String,
    /// Whether a token whose claim `is_anonymous` is set speaks for a tenant.
    pub allow_anonymous: bool,
}

/// Checks what requests present. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    config: AuthConfig,
    hs256: Option<DecodingKey>,
    keys: Option<KeySet>,
    store: SystemStore,
    clock: Clock,
    seen: Mutex<HashSet<TenantId>>,
    /// Whose agents' tokens were when they were checked last, by their hashes; with keys of this process, so that nobody
    /// outside finds two tokens with one hash.
    proven: Mutex<HashMap<u64, Principal>>,
    hasher: RandomState,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// An authenticator over the system's door: for agents' tokens, and to write down tenants at first sight.
    /// Reaches nothing yet; keys are fetched when the first token asks for one.
    ///
    /// # Errors
    /// When there is neither a secret nor a key set, or one of them cannot be used.
    pub fn new(config: AuthConfig, store: SystemStore, clock: Clock) -> Result<Self, AuthConfigError> {
        let hs256 = match &config.hs256_secret {
            Some(secret) if secret.expose_secret().len() < MIN_SECRET_BYTES => {
                return Err(AuthConfigError::ShortSecret);
            }
            Some(secret) => Some(DecodingKey::from_secret(secret.expose_secret().as_bytes())),
            None => None,
        };
        let keys = match &config.jwks_url {
            Some(url) => Some(KeySet::new(url.clone(), clock.clone())?),
            None => None,
        };
        if hs256.is_none() && keys.is_none() {
            return Err(AuthConfigError::NoKeys);
        }
        if !config.tenant_claim.starts_with('/') {
            return Err(AuthConfigError::TenantClaim);
        }
        let (seen, proven, hasher) = (Mutex::default(), Mutex::default(), RandomState::new());
        Ok(Self(Arc::new(Inner { config, hs256, keys, store, clock, seen, proven, hasher })))
    }

    /// Fetches the key set, if there is one, so that the log says at start whether it can be used. Tokens do not wait for
    /// it, and a failure is made good when a token asks for a key.
    pub async fn fetch_keys(&self) {
        if let Some(keys) = &self.0.keys {
            keys.fetch_first().await;
        }
    }

    /// Who presents these.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn authenticate(&self, credentials: &Credentials) -> Result<Authenticated, AuthError> {
        match (&credentials.bearer, &credentials.agent_token) {
            (Some(token), _) => self.bearer(token.expose_secret(), credentials.tenant.as_deref()).await,
            (None, Some(token)) => self.agent(token.expose_secret()).await,
            (None, None) => Err(AuthError::MISSING),
        }
    }

    /// What is known of these before they are checked, to count whoever presents them. It proves nothing.
    #[must_use]
    pub fn known(&self, credentials: &Credentials) -> Known {
        match (&credentials.bearer, &credentials.agent_token) {
            (None, Some(token)) => {
                let hash = self.0.hasher.hash_one(token.expose_secret());
                let proven = self.0.proven.lock().unwrap_or_else(PoisonError::into_inner);
                proven.get(&hash).map_or(Known::Guess, |agent| Known::Proven(*agent))
            }
            _ => Known::Signed,
        }
    }

    async fn bearer(&self, token: &str, acting_for: Option<&str>) -> Result<Authenticated, AuthError> {
        let claims = self.verified_claims(token).await?;
        let authenticated = claims::read(&claims, &self.0.config, self.0.clock.now(), acting_for)?;
        match authenticated.principal {
            Principal::Tenant(tenant) | Principal::Operator { acting_for: Some(tenant), .. } => {
                self.write_down(tenant).await?;
            }
            Principal::Operator { acting_for: None, .. } | Principal::Agent { .. } => {}
        }
        Ok(authenticated)
    }

    /// The token's claims, once its signature holds; nothing in them is checked yet.
    async fn verified_claims(&self, token: &str) -> Result<Value, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::INVALID);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::INVALID)?;
        // `crit` names extensions we must understand or refuse (RFC 7515, 4.1.11); we understand none.
        if header.crit.is_some() || header.kid.as_ref().is_some_and(|id| id.len() > MAX_KEY_ID_BYTES) {
            return Err(AuthError::INVALID);
        }
        let key = match header.alg {
            Algorithm::HS256 => self.0.hs256.clone().ok_or(AuthError::INVALID)?,
            // A published key is no shared secret.
            Algorithm::HS384 | Algorithm::HS512 => return Err(AuthError::INVALID),
            public => {
                let keys = self.0.keys.as_ref().ok_or(AuthError::INVALID)?;
                keys.find(public, header.kid.as_deref()).await?
            }
        };
        // The library would compare times with the machine's clock: `claims` does it with ours.
        let mut signature_only = Validation::new(header.alg);
        signature_only.required_spec_claims.clear();
        signature_only.validate_exp = false;
        signature_only.validate_nbf = false;
        signature_only.validate_aud = false;
        let token = jsonwebtoken::decode(token, &key, &signature_only).map_err(|_| AuthError::INVALID)?;
        Ok(token.claims)
    }

    async fn agent(&self, token: &str) -> Result<Authenticated, AuthError> {
        let token = AgentToken::parse(token).map_err(|_| AuthError::INVALID)?;
        let agent = Box::pin(self.0.store.agent_by_token(&token));
        let agent = agent.await.map_err(|error| AuthError::unavailable(&error))?;
        let principal = agent.map(|agent| Principal::Agent { tenant: agent.tenant_id, agent: agent.id });
        self.note_proof(&token, principal);
        Ok(Authenticated { principal: principal.ok_or(AuthError::INVALID)?, expires_at: None })
    }

    fn note_proof(&self, token: &AgentToken, whose: Option<Principal>) {
        let hash = self.0.hasher.hash_one(token.expose());
        let mut proven = self.0.proven.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(agent) = whose else {
            proven.remove(&hash);
            return;
        };
        if proven.len() >= MAX_TOKENS_PROVEN {
            proven.clear();
        }
        proven.insert(hash, agent);
    }

    async fn write_down(&self, tenant: TenantId) -> Result<(), AuthError> {
        if self.seen().contains(&tenant) {
            return Ok(());
        }
        // On the heap: a token of a tenant seen before would carry the room for it along.
        let ensured = Box::pin(self.0.store.ensure_tenant(tenant));
        ensured.await.map_err(|error| AuthError::unavailable(&error))?;
        let mut seen = self.seen();
        if seen.len() >= MAX_TENANTS_SEEN {
            seen.clear();
        }
        seen.insert(tenant);
        Ok(())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashSet<TenantId>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
