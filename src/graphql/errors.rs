//! GraphQL errors: one enum with the codes that clients see, and the conversion of every failure into it.
//!
//! Resolvers return `Result<_, ApiError>` and use `?`. The error passes through the library unchanged;
//! [`super::Api`] adds `extensions.code` and `requestId`, logs what an operator must know, and masks unknown
//! errors as `INTERNAL`. What the client of a mutation can correct is not among these: it is in `userErrors`.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, PathSegment, ServerError, Value};

use super::context::MAX_ANSWER;
use crate::domain::{Refusal, RefusalCode};
use crate::provisioning::ReconcileError;
use crate::store::StoreError;

/// Maximum errors in one response.
const MAX_ERRORS: usize = 50;

/// Maximum characters of one message.
const MAX_MESSAGE: usize = 500;

/// Message of masked errors.
const MASKED: &str = "something went wrong on our side; quote the request id when you report it";

/// Why a field or a request failed. Its text is for clients: it contains no secrets and no provider's messages.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// No token was sent, or it is not valid.
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller lacks permission.
    #[error("{0}")]
    Forbidden(String),
    /// The document or the response exceeds a limit.
    #[error("{0}")]
    QueryTooComplex(String),
    /// An argument is invalid.
    #[error("{0}")]
    BadUserInput(String),
    /// A refusal outside a mutation's payload.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The document is not GraphQL.
    #[error("{0}")]
    ParseFailed(String),
    /// The hash of a persisted document is unknown. Clients recognize this message.
    #[error("PersistedQueryNotFound")]
    PersistedQueryNotFound,
    /// A mutation or subscription was sent by GET.
    #[error("send mutations by POST and subscriptions to /graphql/ws: GET is for queries")]
    ReadsOnly,
    /// The document or its variables are invalid for the schema.
    #[error("{0}")]
    ValidationFailed(String),
    /// The server cannot answer at the moment; nothing was changed.
    #[error("the service is temporarily unavailable: try again")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The request exceeded its time limit.
    #[error("the request took too long: ask for less, or try again")]
    Timeout,
    /// A defect. Logged in full, masked for the client.
    #[error("{MASKED}")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// An invalid argument; `message` states what is allowed.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::BadUserInput(message.into())
    }

    /// The response would exceed its maximum size.
    #[must_use]
    pub fn answer_too_large() -> Self {
        let message = format!(
            "the response would be larger than {} MB: ask for fewer items a page, or send several requests",
            MAX_ANSWER / 1_000_000
        );
        Self::QueryTooComplex(message)
    }

    /// The field requires a token.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::Unauthenticated("send a token: Authorization: Bearer <token>".to_owned())
    }

    /// The caller lacks permission; `message` states who has it.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden(message.into())
    }

    /// A defect, with its cause for the log.
    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(source))
    }

    /// The value of `extensions.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::QueryTooComplex(_) => "QUERY_TOO_COMPLEX",
            Self::BadUserInput(_) => "BAD_USER_INPUT",
            Self::Refused(refusal) => match refusal.code {
                RefusalCode::CarrierUnavailable => "CARRIER_UNAVAILABLE",
                RefusalCode::NotFound => "NOT_FOUND",
                _ => "BAD_USER_INPUT",
            },
            Self::ParseFailed(_) => "GRAPHQL_PARSE_FAILED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::ReadsOnly => "METHOD_NOT_ALLOWED",
            Self::ValidationFailed(_) => "GRAPHQL_VALIDATION_FAILED",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout => true,
            Self::Refused(refusal) => refusal.code == RefusalCode::CarrierUnavailable,
            _ => false,
        }
    }

    fn extend(&self, extensions: &mut ErrorExtensionValues) {
        extensions.set("code", self.code());
        if self.is_retryable() {
            extensions.set("retryable", true);
        }
        if let Self::Refused(refusal) = self {
            extensions.set("reason", refusal.code.as_str());
        }
    }

    /// Logs what the client is not told.
    fn log(&self, path: &[PathSegment]) {
        match self {
            Self::Unavailable(source) => {
                tracing::warn!(error = %chain(source.as_ref()), path = %dotted(path), "field failed: temporarily unavailable");
            }
            Self::Internal(source) => {
                tracing::error!(error = %chain(source.as_ref()), path = %dotted(path), "field failed");
            }
            _ => {}
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self::Refused(refusal),
            StoreError::Unavailable(_) | StoreError::Busy => Self::Unavailable(Arc::new(error)),
            StoreError::LeaseLost
            | StoreError::Corrupt { .. }
            | StoreError::Foreign(_)
            | StoreError::Locked
            | StoreError::Database(_) => Self::internal(error),
        }
    }
}

impl From<ReconcileError> for ApiError {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Store(error) => error.into(),
            ReconcileError::UnderWay | ReconcileError::Unreadable => Self::internal(error),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ApiError> for ServerError {
    fn from(error: ApiError) -> Self {
        let mut server_error = Self::new(error.to_string(), None);
        server_error.source = Some(Arc::new(error));
        server_error
    }
}

/// Prepares a response's errors for sending: adds code and request id, truncates, and masks what must not be
/// disclosed. `began` says whether execution started.
pub(super) fn finish(errors: &mut Vec<ServerError>, began: bool, request_id: &str) {
    // Each item of a list may add an error for each of its failing fields.
    errors.truncate(MAX_ERRORS);
    for error in errors {
        let known = match error.source::<ApiError>() {
            Some(known) => known.clone(),
            None => of_the_library(error, began),
        };
        // Logged here, because the cause is dropped below.
        known.log(&error.path);
        error.message = cut(known.to_string());
        let extensions = error.extensions.get_or_insert_default();
        known.extend(extensions);
        extensions.set("requestId", request_id);
        error.source = None;
    }
}

/// Code of the first error, if there is one.
pub(super) fn first_code(errors: &[ServerError]) -> Option<&str> {
    match errors.first()?.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// Prefixes of the messages of the library's input coercion, which happens during execution for custom scalars and for the range
/// of an `Int`. The library marks these errors in no other way.
const COERCION: [&str; 2] = ["Failed to parse \"", "Expected input type \""];

/// Converts an error that is not an [`ApiError`]: one of the library, which knows only schema and request, or
/// an unknown one, which is masked.
fn of_the_library(error: &ServerError, began: bool) -> ApiError {
    let message = error.message.clone();
    // Before execution no resolver has run, so the message speaks of schema and document only.
    if error.source.is_none() && !began {
        return ApiError::ValidationFailed(message);
    }
    if error.source.is_none() && COERCION.iter().any(|prefix| message.starts_with(prefix)) {
        return ApiError::BadUserInput(message);
    }
    ApiError::internal(Stray(message))
}

/// An error of unknown origin. Its text may disclose anything, so clients never see it.
#[derive(Debug, thiserror::Error)]
#[error("not an ApiError: {0}")]
struct Stray(String);

fn cut(message: String) -> String {
    match message.char_indices().nth(MAX_MESSAGE - 1) {
        Some((at, _)) if message.len() > at + 1 => format!("{}…", message.split_at(at).0),
        _ => message,
    }
}

fn dotted(path: &[PathSegment]) -> String {
    let segments = path.iter().map(|segment| match segment {
        PathSegment::Field(name) => name.clone(),
        PathSegment::Index(index) => index.to_string(),
    });
    segments.collect::<Vec<_>>().join(".")
}

/// An error with all its causes, for the log.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use async_graphql::{InputType, InputValueError, Pos};

    use super::*;

    fn finished(error: ServerError, began: bool) -> serde_json::Value {
        let mut errors = vec![error];
        finish(&mut errors, began, "r-1");
        serde_json::to_value(errors.remove(0)).unwrap()
    }

    #[test]
    fn a_stray_error_is_masked_and_ours_keeps_its_words() {
        let stray =
            async_graphql::Error::new_with_source("password=hunter2").into_server_error(Default::default());
        let masked = finished(stray, true);
        assert_eq!(masked["extensions"]["code"], "INTERNAL");
        assert!(!masked.to_string().contains("hunter2"), "{masked}");

        let ours = finished(ApiError::forbidden("operators only").into(), true);
        assert_eq!(ours["message"], "operators only");
        assert_eq!(ours["extensions"], serde_json::json!({"code": "FORBIDDEN", "requestId": "r-1"}));

        let refused = StoreError::Refused(Refusal::new(RefusalCode::InvalidInput, "pass 20"));
        let refused = finished(ApiError::from(refused).into(), true);
        assert_eq!(refused["extensions"]["reason"], "INVALID_INPUT");
        assert_eq!(refused["extensions"]["code"], "BAD_USER_INPUT");
    }

    #[test]
    fn library_errors_are_shown_only_if_they_contain_no_secrets() {
        let validation = finished(ServerError::new("Unknown field \"x\"", None), false);
        assert_eq!(validation["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
        // Made by the library, so that this fails if a new version words them differently.
        let too_large = <i32 as InputType>::parse(Some(Value::from(1_i64 << 40))).unwrap_err();
        for coercion in
            [too_large, InputValueError::expected_type(Value::Null), InputValueError::custom("no")]
        {
            let coercion = finished(coercion.into_server_error(Pos::default()), true);
            assert_eq!(coercion["extensions"]["code"], "BAD_USER_INPUT", "{coercion}");
        }
        let data = finished(ServerError::new("Data `x::Secret` does not exist.", None), true);
        assert_eq!(data["extensions"]["code"], "INTERNAL");
    }

    #[test]
    fn messages_are_cut_between_characters() {
        let long = finished(ServerError::new("é".repeat(600), None), false);
        assert_eq!(long["message"].as_str().unwrap().chars().count(), MAX_MESSAGE);
        assert_eq!(cut("é".repeat(MAX_MESSAGE)).chars().count(), MAX_MESSAGE);
    }
}
