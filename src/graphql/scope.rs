//! The rows of a tenant that a caller may see: all of them, or those of one agent. Loaders and lists ask
//! here and nowhere else.

use crate::domain::{AgentId, TenantId};

/// The rows that a caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    tenant: TenantId,
    only: Option<AgentId>,
}

impl Scope {
    /// All of a tenant's rows.
    pub(super) fn whole(tenant: TenantId) -> Self {
        Self { tenant, only: None }
    }

    /// The rows of one agent: all that its token may see.
    pub(super) fn only(tenant: TenantId, agent: AgentId) -> Self {
        Self { tenant, only: Some(agent) }
    }

    /// The tenant to which all visible rows belong.
    pub(crate) fn tenant(self) -> TenantId {
        self.tenant
    }

    /// Whether all of the tenant's rows are visible.
    pub(crate) fn is_whole(self) -> bool {
        self.only.is_none()
    }

    /// The only agent whose rows are visible, if it is only one.
    pub(crate) fn agent(self) -> Option<AgentId> {
        self.only
    }

    /// Whether rows of this agent are visible.
    pub(crate) fn admits(self, agent: impl Into<Option<AgentId>>) -> bool {
        // A row without an agent belongs to the tenant as a whole, so an agent's token does not see it.
        self.only.is_none_or(|only| agent.into() == Some(only))
    }

    /// Restricts a list's agent filter to what is visible; `None`: nothing is.
    pub(crate) fn narrow(self, asked: Option<AgentId>) -> Option<Option<AgentId>> {
        match (self.only, asked) {
            (None, asked) => Some(asked),
            (Some(only), None) => Some(Some(only)),
            // Not an error: a filter for another agent finds nothing, as one for an agent that does not exist.
            (Some(only), Some(asked)) => (only == asked).then_some(Some(only)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_agents_token_sees_its_own_agent_whatever_it_asks_for() {
        let (mine, other) = (AgentId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)));
        let scope = Scope::only(TenantId(Uuid::nil()), mine);
        assert!(scope.admits(mine) && !scope.admits(other));
        assert_eq!(scope.narrow(None), Some(Some(mine)));
        assert_eq!(scope.narrow(Some(mine)), Some(Some(mine)));
        assert_eq!(scope.narrow(Some(other)), None);
        assert_eq!(Scope::whole(TenantId(Uuid::nil())).narrow(Some(other)), Some(Some(other)));
    }
}
