//! The audit trail: who did what, on which object, when, in which request, and what came of it.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AuditEventId, Refusal, RefusalCode, TenantId};

/// An entry of a tenant's trail. What it says is text as it was written then: nobody can change it, so whoever reads it
/// may know other words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditEventId,
    /// Who: an [`Actor`] as it prints.
    pub actor: String,
    /// What: a mutation's public name, or how an operator asked.
    pub action: String,
    /// On which object: its global id. An operator's access is about no single one.
    pub subject: Option<String>,
    /// What came of it: an [`AuditOutcome`] as it prints.
    pub outcome: String,
    /// In which request.
    pub request_id: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The tenant itself.
    Tenant(TenantId),
    /// One of the platform's own people, by the token's subject.
    Operator(Uuid),
    /// The server, which carries out what was asked for.
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

/// Who does something, in which request: what every event of one writing door has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub actor: Actor,
    /// The request's id.
    pub request_id: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was let in, and goes on: what comes of it has events of its own.
    Accepted,
    /// It was done.
    Succeeded,
    /// It ended without, for this reason.
    Failed(RefusalCode),
}

impl AuditOutcome {
    /// What came of something that is over.
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
