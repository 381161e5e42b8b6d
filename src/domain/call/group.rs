//! Call groups: agents that answer the calls to a number together, and the order in which a call is offered to them.

use chrono::{DateTime, Utc};

use crate::domain::{
    AgentId, AgentStatus, AnsweringAgent, CallGroupId, Invalid, TenantId, bounded_text, text_enum,
};

text_enum! {
    /// How a call group chooses the member that takes a call.
    CallGroupStrategy {
        /// By weight: over many calls each member gets its share.
        Weighted = "weighted",
        /// The first member that has room for the call.
        Overflow = "overflow",
    }
}

bounded_text! {
    /// A call group's name: 1 to 100 characters.
    CallGroupName, "name", 100
}

/// A call group of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallGroup {
    /// Identifier in this system.
    pub id: CallGroupId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// Name for people.
    pub name: CallGroupName,
    /// How the member that takes a call is chosen.
    pub strategy: CallGroupStrategy,
    /// The members, in the order in which [`CallGroupStrategy::Overflow`] offers them a call.
    pub members: Vec<CallGroupMember>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// 1 for a new group, incremented by every update.
    pub version: i32,
}

/// An agent in a call group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallGroupMember {
    /// The agent.
    pub agent_id: AgentId,
    /// Its share of the calls, compared with the weights of the others: 1 to [`CallGroup::MAX_WEIGHT`].
    pub weight: u16,
    /// Maximum number of its open calls with which the group offers it another one; `None`: no limit but the plan's.
    pub max_calls: Option<u16>,
}

impl CallGroup {
    /// Maximum number of a tenant's groups.
    pub const MAX_PER_TENANT: u64 = 100;
    /// Maximum number of a group's members.
    pub const MAX_MEMBERS: usize = 20;
    /// Maximum weight of a member.
    pub const MAX_WEIGHT: u16 = 1000;
    /// Maximum of [`CallGroupMember::max_calls`]: that of a plan's concurrent calls.
    pub const MAX_CALLS: u16 = 50;

    /// Checks the members of a group.
    ///
    /// # Errors
    /// Too many members, an agent that is listed twice, or a number out of its range.
    pub fn check_members(members: &[(AgentId, i32, Option<i32>)]) -> Result<Vec<CallGroupMember>, Invalid> {
        if members.is_empty() || members.len() > Self::MAX_MEMBERS {
            let (most, got) = (Self::MAX_MEMBERS, members.len());
            return Err(Invalid::new(format!("a call group has 1 to {most} members; got {got}")));
        }
        let within = |what: &str, value: i32, most: u16| {
            u16::try_from(value)
                .ok()
                .filter(|value| (1..=most).contains(value))
                .ok_or_else(|| Invalid::new(format!("{what} must be 1 to {most}; got {value}")))
        };
        let mut checked = Vec::<CallGroupMember>::with_capacity(members.len());
        for (agent_id, weight, max_calls) in members {
            if checked.iter().any(|member| member.agent_id == *agent_id) {
                return Err(Invalid::new(format!("{agent_id} is listed twice: list each agent once")));
            }
            checked.push(CallGroupMember {
                agent_id: *agent_id,
                weight: within("weight", *weight, Self::MAX_WEIGHT)?,
                max_calls: max_calls.map(|most| within("maxCalls", most, Self::MAX_CALLS)).transpose()?,
            });
        }
        Ok(checked)
    }
}

impl CallGroupStrategy {
    /// The members that a group offers this call to, in this order: those that are ready, else the first that is not deleted,
    /// whose fallback number then rings. `member` returns a member's agent and weight.
    pub fn offers<'a, T>(
        self,
        sid: &str,
        members: &'a [T],
        member: impl Fn(&T) -> (&AnsweringAgent, u16),
    ) -> Vec<&'a T> {
        let mut offered: Vec<&'a T> = members.iter().filter(|one| member(one).0.is_ready()).collect();
        self.sort(sid, &mut offered, |one| {
            let (agent, weight) = member(one);
            (agent.id, weight)
        });
        if offered.is_empty() {
            offered.extend(members.iter().find(|one| member(one).0.status != AgentStatus::Deleted));
        }
        offered
    }

    /// Sorts members into the order in which this call is offered to them. Depends on nothing but the arguments, so that a
    /// repeated request is answered alike by every server, with and without the database.
    pub fn sort<T>(self, sid: &str, members: &mut [T], key: impl Fn(&T) -> (AgentId, u16)) {
        if self == Self::Weighted {
            // Weighted sampling without replacement: of exponential waiting times with the weights as rates, the shortest is
            // a member's in proportion to its weight, and the rest is ordered alike.
            members.sort_by_cached_key(|member| {
                let (agent, weight) = key(member);
                let wait = -uniform(sid, agent).ln() / f64::from(weight.max(1));
                // Positive, so that the bits are in the order of the numbers.
                wait.to_bits()
            });
        }
    }
}

/// A number between 0 and 1, evenly distributed over calls and agents.
fn uniform(sid: &str, agent: AgentId) -> f64 {
    // FNV-1a with the finalizer of MurmurHash3, which spreads similar ids. The carrier chooses the ids, so nobody aims at a member.
    let bytes = sid.bytes().chain(agent.0.into_bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    // 53 bits fit exactly; the half keeps the logarithm finite.
    ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::Language;

    fn members(weights: &[u16]) -> Vec<(AgentId, u16)> {
        weights.iter().enumerate().map(|(n, weight)| (AgentId(Uuid::from_u128(n as u128)), *weight)).collect()
    }

    #[test]
    fn ten_thousand_calls_are_shared_by_weight_and_so_are_those_of_a_missing_member() {
        let weights = [1, 3, 6, 10];
        let (mut first, mut second) = ([0_u32; 4], [0_u32; 4]);
        for call in 0..10_000 {
            let mut order = members(&weights);
            CallGroupStrategy::Weighted.sort(&format!("CA{call:032x}"), &mut order, |member| *member);
            let place = |(agent, _): (AgentId, u16)| agent.0.as_u128() as usize;
            first[place(order[0])] += 1;
            // Without the heaviest member, the others share its calls by their weights.
            let next = order.iter().copied().find(|member| member.1 != 10).unwrap();
            second[place(next)] += 1;
        }
        // Five standard deviations of the largest share.
        for (calls, expected) in first.into_iter().zip([500, 1500, 3000, 5000]) {
            assert!(calls.abs_diff(expected) < 250, "{first:?}");
        }
        for (calls, expected) in second.into_iter().zip([1000, 3000, 6000, 0]) {
            assert!(calls.abs_diff(expected) < 250, "{second:?}");
        }
    }

    #[test]
    fn a_call_is_offered_in_the_same_order_whatever_the_members_order_is() {
        let (mut one, mut other) = (members(&[5, 5, 5, 5, 5]), members(&[5, 5, 5, 5, 5]));
        other.reverse();
        CallGroupStrategy::Weighted.sort("CA1", &mut one, |member| *member);
        CallGroupStrategy::Weighted.sort("CA1", &mut other, |member| *member);
        assert_eq!(one, other);
        let mut kept = members(&[1, 1000, 2]);
        CallGroupStrategy::Overflow.sort("CA1", &mut kept, |member| *member);
        assert_eq!(kept, members(&[1, 1000, 2]));
    }

    #[test]
    fn a_call_is_offered_to_those_that_are_ready_else_to_the_first_that_is_left() {
        use AgentStatus::{Active, Deleted, Inactive};
        let agent = |n: u128, status, is_created: bool| AnsweringAgent {
            id: AgentId(Uuid::from_u128(n)),
            tenant_id: TenantId(Uuid::from_u128(1)),
            voice_agent_id: is_created.then(|| format!("agent_{n}")),
            language: Language::default(),
            fallback_number: None,
            status,
        };
        let offered = |members: &[AnsweringAgent]| {
            let offered = CallGroupStrategy::Overflow.offers("CA1", members, |member| (member, 1));
            offered.into_iter().map(|member| member.id.0.as_u128()).collect::<Vec<_>>()
        };
        let (gone, off) = (agent(1, Deleted, true), agent(2, Inactive, true));
        let uncreated = agent(3, Active, false);
        let (fourth, fifth) = (agent(4, Active, true), agent(5, Active, true));
        assert_eq!(offered(&[gone.clone(), off.clone(), fifth, uncreated.clone(), fourth]), [5, 4]);
        assert_eq!(offered(&[gone.clone(), off, uncreated.clone()]), [2]);
        assert_eq!(offered(&[gone.clone(), uncreated]), [3]);
        assert_eq!(offered(&[gone]), [0_u128; 0]);
    }

    #[test]
    fn members_are_checked() {
        let agent = |n| AgentId(Uuid::from_u128(n));
        let check = |members: &[(AgentId, i32, Option<i32>)]| CallGroup::check_members(members);
        assert_eq!(check(&[(agent(1), 1000, Some(50)), (agent(2), 1, None)]).unwrap().len(), 2);
        for bad in [
            vec![],
            vec![(agent(1), 0, None)],
            vec![(agent(1), 1001, None)],
            vec![(agent(1), 1, Some(0))],
            vec![(agent(1), 1, Some(51))],
            vec![(agent(1), 1, None), (agent(1), 2, None)],
            (0..21).map(|n| (agent(n), 1, None)).collect(),
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }
}
