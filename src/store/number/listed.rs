//! Rows of a list of numbers, with the columns that a request needs.

use crate::domain::{AgentId, AgentName, AgentStatus, E164, NumberId, NumberStatus, PhoneNumber};
use crate::store::AgentProfile;

/// Columns to read. A wide row costs several times as much as a narrow one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The columns that most lists show.
    Summary,
    /// All columns that any query shows.
    Whole,
}

/// Columns to read for a list of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListExtent {
    /// Columns of each number.
    pub numbers: Extent,
    /// Columns of each number's agent; `None`: agents are not read.
    pub agents: Option<Extent>,
}

/// The columns of a number that most lists show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSummary {
    /// Id in this database, not the carrier's.
    pub id: NumberId,
    /// Agent that answers the number; `None`: it is in the pool.
    pub assigned_to: Option<AgentId>,
    /// The number in E.164 format.
    pub number: E164,
    /// Lifecycle state of the number.
    pub status: NumberStatus,
}

/// A listed number, with the columns that were read.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a page holds one kind only")]
pub enum ListedNumber {
    /// Variant for lists read with [`Extent::Summary`].
    Summary(NumberSummary),
    /// Variant for lists read with [`Extent::Whole`].
    Whole(PhoneNumber),
}

/// The columns of an agent that most lists show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSummary {
    /// Id in this database, not the voice provider's.
    pub id: AgentId,
    /// Name given by the tenant.
    pub name: AgentName,
    /// Lifecycle state of the agent.
    pub status: AgentStatus,
}

/// The agent of a listed number, with the columns that were read.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a page holds one kind only")]
pub enum ListedAgent {
    /// Variant for lists read with [`Extent::Summary`].
    Summary(AgentSummary),
    /// Variant for lists read with [`Extent::Whole`].
    Whole(AgentProfile),
}
