//! Authentication: turns a request's credentials into a [`Principal`] (tenant, operator or agent).
//!
//! Bearer tokens are JSON Web Tokens, signed with the configured secret (HS256) or by a key of the configured
//! key set (RSA, elliptic curves, Ed25519). The algorithm and the key id select the key, and each key
//! verifies one algorithm only: a token cannot choose how it is verified. Claims are read only after the
//! signature is verified, and against [`Clock`], never the machine's clock. The key set is the only thing
//! this module fetches over the network.
//!
//! An agent's token is looked up in the database on every request, on connections that calls do not use. The agent
//! found last is cached ([`Authenticator::hint`]) for rate limiting only: it decides who is charged before the database
//! is queried. A token is never accepted from the cache, so a revoked token stops working at once.
//!
//! A tenant's row is created when its first token arrives. Error messages are constants and never
//! repeat a request's input.

mod claims;
mod error;
mod jwks;
mod media_link;
mod mint;

pub use error::{AuthConfigError, AuthError};
pub use media_link::{GrantedMedia, MediaLinks};
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

/// Longest accepted token. Longer ones are refused before they are decoded.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Longest accepted key id. An unknown key id can cause a request to the key server.
const MAX_KEY_ID_BYTES: usize = 256;
/// RFC 7518 requires an HS256 secret to be at least as long as the hash.
const MIN_SECRET_BYTES: usize = 32;
/// Tenants cached as having a row. When the cache is full it is cleared.
const MAX_REGISTERED_TENANTS: usize = 10_000;
/// Agent tokens cached with their agent. When the cache is full it is cleared.
const MAX_RECENT_AGENTS: usize = 10_000;

/// The authenticated caller of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// A customer of the platform. Sees and changes its own rows only.
    Tenant(TenantId),
    /// Staff of the platform. Acts for the tenant named in `X-Tenant-Id`, if any.
    Operator {
        /// The token's `sub`. Nil if the token has none, as a service token may.
        subject: Uuid,
        /// The tenant in whose name the request runs. `None` for requests that concern no tenant.
        acting_for: Option<TenantId>,
    },
    /// The tools of a voice agent, authenticated by `X-Agent-Token`. Reads its own agent and nothing else.
    Agent {
        /// The tenant that owns the agent.
        tenant: TenantId,
        /// The agent that the token belongs to.
        agent: AgentId,
    },
}

/// What can be said of credentials before they are checked. Used to choose the rate limit they count against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialHint {
    /// A bearer token, or nothing. Verifying a bearer token needs no database lookup of the token.
    Bearer,
    /// An agent token that belonged to this agent at its last check.
    RecentAgent(Principal),
    /// An agent token without a recent successful check. It may be invented.
    UnknownAgentToken,
}

/// A principal whose credentials have been verified.
#[derive(Debug, Clone, Copy)]
pub struct Authenticated {
    /// The caller that the credentials identify.
    pub principal: Principal,
    /// Expiry of the bearer token. `None` for agent tokens, which do not expire.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Unverified credentials, taken from a request's headers or from a socket's `connection_init`.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// From `Authorization: Bearer …`. Takes precedence over `agent_token`.
    pub bearer: Option<SecretString>,
    /// From `X-Agent-Token`. Used only without a bearer token.
    pub agent_token: Option<SecretString>,
    /// From `X-Tenant-Id`. Ignored unless the bearer token is an operator's.
    pub tenant: Option<String>,
}

/// Configuration of the [`Authenticator`]. At least one of `hs256_secret` and `jwks_url` is required.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Secret that verifies and mints HS256 tokens, at least 32 bytes.
    pub hs256_secret: Option<SecretString>,
    /// URL of the issuer's JSON Web Key Set.
    pub jwks_url: Option<url::Url>,
    /// Required value of the claim `iss`. `None` accepts any issuer.
    pub issuer: Option<String>,
    /// Value that the claim `aud` must contain. `None` accepts any audience.
    pub audience: Option<String>,
    /// JSON pointer to the claim that names the tenant, `/sub` by default.
    pub tenant_claim: String,
    /// Whether tokens with the claim `is_anonymous` are accepted as a tenant's.
    pub allow_anonymous: bool,
}

/// Verifies the credentials of requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<AuthenticatorInner>);

struct AuthenticatorInner {
    config: AuthConfig,
    hs256: Option<DecodingKey>,
    keys: Option<KeySet>,
    store: SystemStore,
    clock: Clock,
    /// Tenants whose row exists, so that a known tenant's request writes nothing.
    registered_tenants: Mutex<HashSet<TenantId>>,
    /// Agents by the hash of their token, as of the token's last check. The hash is keyed per process, so
    /// that a collision cannot be constructed from outside.
    recent_agents: Mutex<HashMap<u64, Principal>>,
    hasher: RandomState,
}

impl std::fmt::Debug for AuthenticatorInner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Builds an authenticator. `store` looks up agent tokens and creates the rows of new tenants. Opens no
    /// connection: keys are fetched by [`Self::fetch_keys`], or when the first token needs one.
    ///
    /// # Errors
    /// [`AuthConfigError`] if neither a secret nor a key set is configured, or one of them is unusable.
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
        Ok(Self(Arc::new(AuthenticatorInner {
            config,
            hs256,
            keys,
            store,
            clock,
            registered_tenants: Mutex::default(),
            recent_agents: Mutex::default(),
            hasher: RandomState::new(),
        })))
    }

    /// Fetches the key set, if one is configured, so that the log shows at startup whether it is usable.
    /// Requests do not wait for this fetch. After a failure, the next token that needs a key fetches again.
    pub async fn fetch_keys(&self) {
        if let Some(keys) = &self.0.keys {
            keys.fetch_first().await;
        }
    }

    /// Verifies credentials and returns their principal. Creates the tenant's row if this is its first request.
    ///
    /// # Errors
    /// [`AuthError::Unauthenticated`] if the credentials are missing or invalid, [`AuthError::Unavailable`]
    /// if they could not be checked.
    pub async fn authenticate(&self, credentials: &Credentials) -> Result<Authenticated, AuthError> {
        match (&credentials.bearer, &credentials.agent_token) {
            // A bearer token decides alone, even if it is invalid: no second token is tried after a rejected one.
            (Some(token), _) => self.bearer(token.expose_secret(), credentials.tenant.as_deref()).await,
            (None, Some(token)) => self.agent(token.expose_secret()).await,
            (None, None) => Err(AuthError::MISSING),
        }
    }

    /// Classifies credentials without I/O, so that the request can be rate-limited before it is
    /// authenticated. The result proves nothing.
    #[must_use]
    pub fn hint(&self, credentials: &Credentials) -> CredentialHint {
        match (&credentials.bearer, &credentials.agent_token) {
            (None, Some(token)) => {
                let hash = self.0.hasher.hash_one(token.expose_secret());
                let recent = self.0.recent_agents.lock().unwrap_or_else(PoisonError::into_inner);
                recent
                    .get(&hash)
                    .map_or(CredentialHint::UnknownAgentToken, |agent| CredentialHint::RecentAgent(*agent))
            }
            _ => CredentialHint::Bearer,
        }
    }

    async fn bearer(&self, token: &str, acting_for: Option<&str>) -> Result<Authenticated, AuthError> {
        let claims = self.verified_claims(token).await?;
        let authenticated = claims::authenticate(&claims, &self.0.config, self.0.clock.now(), acting_for)?;
        match authenticated.principal {
            Principal::Tenant(tenant) | Principal::Operator { acting_for: Some(tenant), .. } => {
                self.register_tenant(tenant).await?;
            }
            Principal::Operator { acting_for: None, .. } | Principal::Agent { .. } => {}
        }
        Ok(authenticated)
    }

    /// Verifies the token's signature and returns its claims, unchecked.
    async fn verified_claims(&self, token: &str) -> Result<Value, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::INVALID);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::INVALID)?;
        // `crit` lists extensions that a verifier must understand or refuse (RFC 7515, 4.1.11). None is
        // supported here.
        if header.crit.is_some() || header.kid.as_ref().is_some_and(|id| id.len() > MAX_KEY_ID_BYTES) {
            return Err(AuthError::INVALID);
        }
        let key = match header.alg {
            Algorithm::HS256 => self.0.hs256.clone().ok_or(AuthError::INVALID)?,
            // Symmetric algorithms other than HS256 have no key here: the key set holds public keys only.
            Algorithm::HS384 | Algorithm::HS512 => return Err(AuthError::INVALID),
            public => {
                let keys = self.0.keys.as_ref().ok_or(AuthError::INVALID)?;
                keys.find(public, header.kid.as_deref()).await?
            }
        };
        // The library compares times with the machine's clock. `claims` compares them with `Clock` instead.
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
        self.remember_agent(&token, principal);
        Ok(Authenticated { principal: principal.ok_or(AuthError::INVALID)?, expires_at: None })
    }

    fn remember_agent(&self, token: &AgentToken, agent: Option<Principal>) {
        let hash = self.0.hasher.hash_one(token.expose());
        let mut recent = self.0.recent_agents.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(agent) = agent else {
            // If it was revoked, its requests count against their address from now on.
            recent.remove(&hash);
            return;
        };
        // Clearing costs each agent one request that counts against its address, and needs no record of ages.
        if recent.len() >= MAX_RECENT_AGENTS {
            recent.clear();
        }
        recent.insert(hash, agent);
    }

    async fn register_tenant(&self, tenant: TenantId) -> Result<(), AuthError> {
        if self.registered_tenants().contains(&tenant) {
            return Ok(());
        }
        // Boxed, so that the future of every other request stays small.
        let ensured = Box::pin(self.0.store.ensure_tenant(tenant));
        ensured.await.map_err(|error| AuthError::unavailable(&error))?;
        let mut registered = self.registered_tenants();
        if registered.len() >= MAX_REGISTERED_TENANTS {
            // Costs each tenant one statement at its next request.
            registered.clear();
        }
        registered.insert(tenant);
        Ok(())
    }

    fn registered_tenants(&self) -> std::sync::MutexGuard<'_, HashSet<TenantId>> {
        self.0.registered_tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
