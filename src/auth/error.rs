//! Why somebody is not who they say, and why tokens cannot be checked at all.

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

impl AuthError {
    pub(super) const MISSING: Self = Self::Unauthenticated("no token was presented");
    pub(super) const INVALID: Self = Self::Unauthenticated("the token is not valid");
    pub(super) const EXPIRED: Self = Self::Unauthenticated("the token has expired");
    pub(super) const ANONYMOUS: Self =
        Self::Unauthenticated("anonymous users are not accepted: sign up first");
    pub(super) const TENANT: Self = Self::Unauthenticated("X-Tenant-Id must be the UUID of a tenant");

    /// The database failed: logged here, because whoever gets this knows no more than that.
    pub(super) fn unavailable(error: &crate::store::StoreError) -> Self {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(%error, cause, "a token could not be checked against the database");
        Self::Unavailable
    }
}

/// Why tokens cannot be checked as configured, or minted.
#[derive(Debug, thiserror::Error)]
pub enum AuthConfigError {
    /// There is nothing to check tokens with.
    #[error("neither a secret nor the address of a key set is configured, so that no token could be checked")]
    NoKeys,
    /// HS256 with a short secret can be guessed from one token.
    #[error("the secret for tokens is shorter than 32 bytes")]
    ShortSecret,
    /// The tenant's claim is no JSON pointer.
    #[error("the tenant's claim must be a JSON pointer such as \"/sub\" or \"/app_metadata/tenant_id\"")]
    TenantClaim,
    /// Without a secret of our own there is nothing to sign with.
    #[error("tokens can only be minted with a secret, and none is configured")]
    NoSecret,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    /// No client for the key server: usually the machine has no certificate authorities to trust.
    #[error("the key server cannot be reached from this machine")]
    Client(#[source] reqwest::Error),
}
