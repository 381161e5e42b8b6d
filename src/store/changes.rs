//! What changed, told to whoever watches in this process.

use crate::domain::{AgentId, CallId, OperationId, TenantId};

/// Something of a tenant's changed. Carries ids only: watchers read again through their own door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An operation.
    Operation {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: OperationId,
    },
    /// A call.
    Call {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: CallId,
        /// Its agent.
        agent: AgentId,
    },
}
