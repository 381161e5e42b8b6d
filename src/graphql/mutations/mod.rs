//! What can be done: a file a mutation, merged into one root.
//!
//! Each reads its input whole, and names everything that is wrong with it at once ([`input`]); opens the writing
//! door, writes, adds to the audit trail and commits; only then calls a provider; and says what came of it
//! ([`outcome`]). An operation's beginning and end the store adds to the trail by itself.

mod cancel_release;
mod create_agent;
mod delete_agent;
mod input;
mod outcome;
mod provision_phone_number;
mod release_phone_number;
mod repair_phone_number;
mod rotate_agent_token;
mod set_routing_rules;
mod set_tenant_plan;
mod update_agent;

use async_graphql::MergedObject;

/// What can be done. Each answers for itself: one that fails reads null and leaves the others' answers alone.
/// What you can put right stands in `userErrors`.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    create_agent::CreateAgent,
    update_agent::UpdateAgent,
    delete_agent::DeleteAgent,
    rotate_agent_token::RotateAgentToken,
    provision_phone_number::ProvisionPhoneNumber,
    release_phone_number::ReleasePhoneNumber,
    repair_phone_number::RepairPhoneNumber,
    cancel_release::CancelRelease,
    set_routing_rules::SetRoutingRules,
    set_tenant_plan::SetTenantPlan,
);
