//! Detection of forwarding loops among a tenant's numbers.

use std::collections::HashSet;

use super::cache::MAX_CHAIN;
use crate::domain::{AgentId, E164, NumberStatus};
use crate::store::{StoreError, TenantStore};

impl TenantStore {
    /// Whether a call to `to` may be forwarded until it reaches one of `these`, by the routing rules of the
    /// tenant's numbers and the fallback numbers of their agents. Follows at most [`MAX_CHAIN`] numbers.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if a stored value is unreadable.
    pub async fn leads_to(&self, to: &E164, these: &[E164]) -> Result<bool, StoreError> {
        let (mut next, mut seen) = (vec![to.clone()], HashSet::new());
        while let Some(number) = next.pop() {
            if these.contains(&number) {
                return Ok(true);
            }
            // Rules may also form a circle that contains none of `these`.
            if seen.len() >= MAX_CHAIN || !seen.insert(number.digits()) {
                // Goes on without further queries: what is left of `next` is still compared with `these`.
                continue;
            }
            let held = self.number_by_e164(&number).await?;
            let Some(held) = held.filter(|held| NumberStatus::TAKING_CALLS.contains(&held.status)) else {
                continue;
            };
            let rules = self.routing_rules(&[held.id]).await?;
            next.extend(rules.values().flat_map(|(_, rules)| rules.forwards()).cloned());
            let mut agents: Vec<AgentId> = held.assigned_to().into_iter().collect();
            if let Some(group) = held.call_group_id {
                let groups = self.call_groups_by_id(&[group]).await?;
                agents.extend(groups.iter().flat_map(|group| &group.members).map(|member| member.agent_id));
            }
            let agents = self.agents_by_id(&agents).await?;
            next.extend(agents.into_iter().filter_map(|agent| agent.fallback_number));
        }
        Ok(false)
    }
}
