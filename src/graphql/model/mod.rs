//! The API's types, one file each, thin over the domain's own. The doc comments on types and fields
//! are the schema's descriptions.

mod agent;
mod audit_event;
mod available;
mod call;
mod carrier_account;
mod estate;
mod kept;
mod messaging;
mod node;
mod number;
mod operation;
mod paging;
mod reconciliation;
mod routing;
mod scalars;
mod statistics;
mod unreadable_row;
mod usage;
mod user_error;
mod viewer;

pub(crate) use agent::{Agent, AgentFilter, AgentMessaging, AgentStatus};
pub(crate) use audit_event::{AuditEvent, AuditEventFilter};
pub(crate) use available::AvailablePhoneNumber;
pub(crate) use call::{Call, CallFilter, size_of_transcript};
pub(crate) use carrier_account::CarrierAccount;
pub(crate) use estate::{Health, Tenant, TenantFilter};
pub(crate) use kept::{KeptNumber, Portability};
pub(crate) use messaging::{
    Message, MessageEstimate, MessageFilter, MessageThread, MessageThreadFilter, MessagingConsent,
    ThreadHandling,
};
pub(crate) use node::Node;
pub(crate) use number::{PhoneNumber, PhoneNumberFilter, PhoneNumberType};
pub(crate) use operation::{Operation, OperationFilter};
pub(crate) use paging::{Connection, PageArgs, cost};
pub use paging::{CursorScope, List};
pub(crate) use reconciliation::ReconciliationReport;
pub(crate) use routing::{CallDecision, CallGroup, CallGroupStrategy, RoutingRuleInput, size_of_rules};
pub(crate) use scalars::{Checked, DateTime, Defaulted, Uuid};
pub(crate) use statistics::{Asked, CallStatistics, StatisticsInterval};
pub(crate) use unreadable_row::UnreadableRow;
use usage::Usage;
pub(crate) use user_error::UserError;
pub(crate) use viewer::{Session, Viewer};

use super::errors::ApiError;
use crate::domain::Invalid;

/// Parses an id from an argument. The error names the argument.
///
/// # Errors
/// `BAD_USER_INPUT`: the text is not an id, or one of another kind.
pub(crate) fn read_id<T: std::str::FromStr<Err = Invalid>>(
    argument: &str,
    id: &async_graphql::ID,
) -> Result<T, ApiError> {
    id.parse().map_err(|why| ApiError::bad_input(format!("{argument}: {why}")))
}

/// A selected field was not read with its list: a defect.
#[derive(Debug, thiserror::Error)]
#[error("{0} was listed without a field that was asked for")]
struct NotRead(String);

impl NotRead {
    fn of(id: impl std::fmt::Display) -> ApiError {
        ApiError::internal(Self(id.to_string()))
    }
}
