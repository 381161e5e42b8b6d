//! What can be asked: a file a noun, merged into one root.

mod account;
mod agent;
mod audit_event;
mod call;
mod node;
mod number;
mod operation;
mod reconciliation;

use async_graphql::MergedObject;

/// What can be asked. You see what is yours, and nothing that is not.
#[derive(MergedObject, Default)]
pub(crate) struct Query(
    node::NodeQuery,
    account::AccountQuery,
    agent::AgentQuery,
    number::NumberQuery,
    operation::OperationQuery,
    call::CallQuery,
    reconciliation::ReconciliationQuery,
    audit_event::AuditEventQuery,
);
