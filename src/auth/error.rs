//! Authentication failures of a request, and configuration errors of the authenticator.

/// Reason why a request could not be authenticated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No valid credentials. The reason is a constant text: it never repeats what the request sent.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The credentials could not be checked: the database or the key server is unavailable. Retryable.
    #[error("the token cannot be checked at the moment: try again later")]
    Unavailable,
}

impl AuthError {
    pub(super) const MISSING: Self = Self::Unauthenticated("no token was presented");
    pub(super) const INVALID: Self = Self::Unauthenticated("the token is not valid");
    pub(super) const EXPIRED: Self = Self::Unauthenticated("the token has expired");
    pub(super) const ANONYMOUS: Self =
        Self::Unauthenticated("tokens of anonymous users are not accepted: sign up first");
    pub(super) const TENANT: Self = Self::Unauthenticated("X-Tenant-Id must be the UUID of a tenant");

    /// Logs a database error and returns `Unavailable`. The cause is logged here because the error drops it.
    pub(super) fn unavailable(error: &crate::store::StoreError) -> Self {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(%error, cause, "token check failed: database error");
        Self::Unavailable
    }
}

/// Reason why tokens cannot be checked or minted with the given configuration.
#[derive(Debug, thiserror::Error)]
pub enum AuthConfigError {
    /// Neither `JWT_SECRET` nor `JWT_JWKS_URL` is set.
    #[error("no token could be checked: configure a secret or the URL of a key set")]
    NoKeys,
    /// A short HS256 secret can be brute-forced offline from a single token.
    #[error("the secret for tokens must be at least 32 bytes long")]
    ShortSecret,
    /// `JWT_TENANT_CLAIM` is not a JSON pointer.
    #[error("the tenant claim must be a JSON pointer such as \"/sub\" or \"/app_metadata/tenant_id\"")]
    TenantClaim,
    /// Minting signs with HS256 and needs the secret; public keys cannot sign.
    #[error("a token cannot be minted: no secret is configured")]
    NoSecret,
    /// The JWT library failed to sign the token.
    #[error("the token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    /// The HTTP client for the key server could not be built, usually because the machine has no CA certificates.
    #[error("the HTTP client for the key server could not be built: are CA certificates installed?")]
    Client(#[source] reqwest::Error),
}
