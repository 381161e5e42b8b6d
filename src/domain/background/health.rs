//! Health of the parts of a server, as operators see it.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// State of a part. Ordered from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthStatus {
    /// It works.
    Ok,
    /// It works in part, or is behind.
    Degraded,
    /// It does not work.
    Down,
}

/// State of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentHealth {
    /// Name of the part, as in metrics.
    pub name: String,
    /// Its state.
    pub status: HealthStatus,
    /// What is wrong or in progress. Contains no secret, no SQL and nothing of a tenant.
    pub detail: Option<String>,
    /// Since when; `None` if unknown.
    pub since: Option<DateTime<Utc>>,
}

impl ComponentHealth {
    /// A part in this state.
    #[must_use]
    pub fn new(name: impl Into<String>, status: HealthStatus) -> Self {
        Self { name: name.into(), status, detail: None, since: None }
    }

    /// The same, with an explanation.
    #[must_use]
    pub fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same, with the time since when.
    #[must_use]
    pub fn since(self, since: Option<DateTime<Utc>>) -> Self {
        Self { since, ..self }
    }
}

type Probe = dyn Fn() -> Vec<ComponentHealth> + Send + Sync;

/// Asks the parts of a server how they are. The probes only read memory. Cheap to clone.
#[derive(Clone)]
pub struct HealthProbes(Arc<[Box<Probe>]>);

impl HealthProbes {
    /// Probes that are asked in this order.
    #[must_use]
    pub fn new(probes: Vec<Box<Probe>>) -> Self {
        Self(probes.into())
    }

    /// The state of every part.
    #[must_use]
    pub fn all(&self) -> Vec<ComponentHealth> {
        self.0.iter().flat_map(|probe| probe()).collect()
    }
}

impl fmt::Debug for HealthProbes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HealthProbes").field(&self.0.len()).finish()
    }
}
