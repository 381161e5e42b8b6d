//! The audit trail: actor, action, object, outcome, time and request of every change.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AuditEventId, Refusal, RefusalCode, TenantId};

/// An entry of a tenant's audit trail. Entries cannot change, so their words are stored as text: a later version may use other words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Identifier of the entry.
    pub id: AuditEventId,
    /// The [`Actor`], as text.
    pub actor: String,
    /// The mutation's public name, or the kind of an operator's access.
    pub action: String,
    /// Global id of the object; `None` for an operator's access, which is about no single object.
    pub subject: Option<String>,
    /// The [`AuditOutcome`], as text.
    pub outcome: String,
    /// Identifier of the request.
    pub request_id: String,
    /// Time of the action.
    pub at: DateTime<Utc>,
}

/// Who performs an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The tenant, by its own token or an agent's.
    Tenant(TenantId),
    /// An operator, by the token's subject.
    Operator(Uuid),
    /// The server, while it carries out an operation or repairs drift.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => write!(f, "tenant:{}", tenant.0),
            Self::Operator(subject) => write!(f, "operator:{subject}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// Actor and request of every change made through one writing [`TenantStore`](crate::store::TenantStore).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who makes the changes: the tenant, an operator, or the server itself.
    pub actor: Actor,
    /// Identifier of the request.
    pub request_id: String,
}

/// Outcome of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// An operation was accepted. Its result is an entry of its own.
    Accepted,
    /// The action succeeded, and no further entry about it follows.
    Succeeded,
    /// The action failed, with this code.
    Failed(RefusalCode),
}

super::text_enum! {
    /// The outcome of an action without the reason of a failure: the first word of an [`AuditOutcome`]'s text.
    AuditOutcomeKind {
        /// An operation was accepted.
        Accepted = "accepted",
        /// The action succeeded.
        Succeeded = "succeeded",
        /// The action failed.
        Failed = "failed",
    }
}

impl AuditOutcome {
    /// The outcome of a finished action: success, or the error's code.
    #[must_use]
    pub fn of(error: Option<&Refusal>) -> Self {
        error.map_or(Self::Succeeded, |why| Self::Failed(why.code))
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}
