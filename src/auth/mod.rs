//! From what a request presents to who is asking: a tenant, an operator or an agent.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use uuid::Uuid;

use crate::domain::{AgentId, Clock, TenantId};
use crate::store::SystemStore;

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// A client of the platform.
    Tenant(TenantId),
    /// One of the platform's own people; acts for a tenant when one is named.
    Operator {
        /// The token's subject.
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
    /// From `Authorization: Bearer …`.
    pub bearer: Option<SecretString>,
    /// From `X-Agent-Token`.
    pub agent_token: Option<SecretString>,
    /// From `X-Tenant-Id`; operators only.
    pub tenant: Option<String>,
}

/// Why somebody is not who they say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nothing was presented, or nothing that holds; the reason is plain and the same for everybody.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// It could not be checked: the database or the key server does not answer.
    #[error("the token cannot be checked at the moment")]
    Unavailable,
}

/// How tokens are checked.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Checks HS256 tokens.
    pub hs256_secret: Option<SecretString>,
    /// Where RS256 and ES256 keys are published.
    pub jwks_url: Option<url::Url>,
    /// The issuer every token must name.
    pub issuer: Option<String>,
    /// The audience every token must name.
    pub audience: Option<String>,
    /// A JSON pointer to the claim that names the tenant, `/sub` by default.
    pub tenant_claim: String,
}

/// Checks what requests present. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator {}

impl Authenticator {
    /// An authenticator over the system's door: for agents' tokens, and to write down tenants at first sight.
    ///
    /// # Errors
    /// When a configured key cannot be used.
    pub fn new(_config: AuthConfig, _store: SystemStore, _clock: Clock) -> Result<Self, AuthError> {
        todo!()
    }

    /// Who presents these.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn authenticate(&self, _credentials: &Credentials) -> Result<Authenticated, AuthError> {
        todo!()
    }
}
