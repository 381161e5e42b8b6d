//! Limits of incoming connections.

use std::time::Duration;

use super::values::Values;
use super::{Mistake, table};

/// Limits of incoming connections.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// Maximum simultaneous connections, WebSockets included.
    pub most: usize,
    /// Maximum of these from one address; `None`: no limit.
    pub most_of_address: Option<usize>,
    /// Time a connection may be idle between two requests.
    pub idle: Duration,
    /// Time a server goes on accepting connections after SIGTERM while `/readyz` answers 503.
    pub drain_delay: Duration,
}

impl Connections {
    /// Behind a proxy all connections have its address, so that a limit for each address would be one for all.
    pub(super) fn read(values: &Values<'_>) -> Result<Self, Mistake> {
        let most = values.get(&table::MAX_CONNECTIONS)?;
        let is_behind_proxy = values.get(&table::TRUST_FORWARDED_FOR)? > 0;
        let of_address = values.optional(&table::MAX_CONNECTIONS_PER_ADDRESS)?;
        // A quarter: no single address can keep the others out.
        let of_address = of_address.unwrap_or_else(|| if is_behind_proxy { 0 } else { most.div_ceil(4) });
        Ok(Self {
            most: most as usize,
            most_of_address: (of_address > 0).then_some(of_address as usize),
            idle: values.get(&table::IDLE_TIMEOUT)?,
            drain_delay: values.get(&table::DRAIN_DELAY)?,
        })
    }
}
