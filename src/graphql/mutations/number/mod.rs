//! Mutations about phone numbers.

mod assign_phone_number;
mod cancel_release;
mod import_phone_number;
mod provision_phone_number;
mod release_phone_number;
mod repair_phone_number;
mod restore_phone_number;
mod set_primary_phone_number;
mod set_routing_rules;

pub(super) use assign_phone_number::AssignPhoneNumber;
pub(super) use cancel_release::CancelRelease;
pub(super) use import_phone_number::ImportPhoneNumber;
pub(super) use provision_phone_number::ProvisionPhoneNumber;
pub(super) use release_phone_number::ReleasePhoneNumber;
pub(super) use repair_phone_number::RepairPhoneNumber;
pub(super) use restore_phone_number::RestorePhoneNumber;
pub(super) use set_primary_phone_number::SetPrimaryPhoneNumber;
pub(super) use set_routing_rules::SetRoutingRules;
