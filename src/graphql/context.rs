//! What every resolver can ask of its request: who asks, and the door that is theirs.

use crate::auth::Principal;
use crate::domain::Clock;
use crate::provisioning::Provisioning;
use crate::store::Database;

/// What the resolvers work with.
#[derive(Debug, Clone)]
pub struct Services {
    /// Opens doors.
    pub database: Database,
    /// Does durable work.
    pub provisioning: Provisioning,
    /// Tells the time.
    pub clock: Clock,
}

/// Who asks, in which request. `principal` is `None` for introspection by nobody.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who asks.
    pub principal: Option<Principal>,
    /// The request's id, for answers, logs and the audit trail.
    pub request_id: String,
}
