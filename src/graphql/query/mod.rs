//! Queries, one file for each noun, merged into one root.

mod account;
mod agent;
mod audit_event;
mod call;
mod call_group;
mod carrier_account;
mod estate;
mod kept_number;
mod message;
mod node;
mod number;
mod operation;
mod reconciliation;
mod statistics;

use async_graphql::MergedObject;

/// Queries. They return only the tenant's own objects.
#[derive(MergedObject, Default)]
pub(crate) struct Query(
    node::NodeQuery,
    account::AccountQuery,
    agent::AgentQuery,
    number::NumberQuery,
    operation::OperationQuery,
    call::CallQuery,
    carrier_account::CarrierAccountQuery,
    call_group::CallGroupQuery,
    message::MessageQuery,
    kept_number::KeptNumberQuery,
    reconciliation::ReconciliationQuery,
    audit_event::AuditEventQuery,
    estate::EstateQuery,
    statistics::StatisticsQuery,
);
