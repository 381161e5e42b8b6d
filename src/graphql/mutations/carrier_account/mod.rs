//! Mutations about accounts at the carrier.

mod connect_carrier_account;
mod disconnect_carrier_account;
mod move_phone_number;

pub(super) use connect_carrier_account::ConnectCarrierAccount;
pub(super) use disconnect_carrier_account::DisconnectCarrierAccount;
pub(super) use move_phone_number::MovePhoneNumber;
