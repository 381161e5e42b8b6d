//! Rows of a list of numbers, as far as they are read.

use crate::domain::{AgentId, AgentName, AgentStatus, E164, NumberId, NumberStatus, PhoneNumber};
use crate::store::AgentProfile;

/// How much of a row is read: a wide row costs several times what a narrow one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What most lists show.
    Summary,
    /// Everything that is shown.
    Whole,
}

/// How much is read for a list of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListExtent {
    /// Of each number.
    pub numbers: Extent,
    /// Of each number's agent.
    pub agents: Option<Extent>,
}

/// What most lists show of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSummary {
    /// Its id.
    pub id: NumberId,
    /// The agent that answers it.
    pub agent_id: AgentId,
    /// The number.
    pub number: E164,
    /// Where it is in its life.
    pub status: NumberStatus,
}

/// A number of a list, as far as it was read.
#[derive(Debug, Clone)]
pub enum ListedNumber {
    /// [`Extent::Summary`].
    Summary(NumberSummary),
    /// [`Extent::Whole`].
    Whole(PhoneNumber),
}

/// What most lists show of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSummary {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// The lifecycle state.
    pub status: AgentStatus,
}

/// An agent that was read with its number, as far as it was.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a page holds one kind only")]
pub enum ListedAgent {
    /// [`Extent::Summary`].
    Summary(AgentSummary),
    /// [`Extent::Whole`].
    Whole(AgentProfile),
}
