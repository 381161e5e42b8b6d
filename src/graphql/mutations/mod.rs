//! Mutations, one file each, merged into one root.
//!
//! Each parses its input completely and reports all errors at once ([`input`]). It then opens a write transaction, writes, adds
//! to the audit trail and commits. Only after that it calls a provider, and returns the result ([`outcome`]). The store records
//! the start and end of an operation in the trail.

mod call_group;
mod carrier_account;
mod create_agent;
mod delete_agent;
mod input;
mod kept;
mod messaging;
mod number;
mod outcome;
mod rotate_agent_token;
mod set_tenant_plan;
mod update_agent;

use async_graphql::MergedObject;

/// Mutations. Each one succeeds or fails by itself: a failed one returns `null` and does not affect the others.
/// Errors that the client can correct are in `userErrors`.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    create_agent::CreateAgent,
    update_agent::UpdateAgent,
    delete_agent::DeleteAgent,
    rotate_agent_token::RotateAgentToken,
    number::ProvisionPhoneNumber,
    number::ReleasePhoneNumber,
    number::RepairPhoneNumber,
    number::ImportPhoneNumber,
    number::RestorePhoneNumber,
    number::CancelRelease,
    number::AssignPhoneNumber,
    number::SetPrimaryPhoneNumber,
    call_group::CreateCallGroup,
    call_group::UpdateCallGroup,
    call_group::DeleteCallGroup,
    number::SetRoutingRules,
    set_tenant_plan::SetTenantPlan,
    messaging::SendMessage,
    messaging::SetThreadHandling,
    messaging::SetMessagingConsent,
    carrier_account::ConnectCarrierAccount,
    carrier_account::DisconnectCarrierAccount,
    carrier_account::MovePhoneNumber,
    kept::KeepPhoneNumber,
    kept::AnnounceTestCall,
    kept::RequestPort,
    kept::CancelPort,
);
