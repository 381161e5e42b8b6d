//! Accounts at the carrier: CREATE_CARRIER_ACCOUNT creates a tenant's subaccount, MOVE_NUMBER moves a number between accounts.
//! Connecting and disconnecting a tenant's own account takes no operation: nothing is changed at the carrier.

mod connect;
mod create;
mod move_number;

pub(super) use create::STEPS as CREATE_STEPS;
pub(super) use move_number::STEPS as MOVE_STEPS;
