//! SeaORM entities, one file for each table, and their conversion to domain types. Private: no row leaves the store.

#![expect(unreachable_pub, reason = "the derived items have no narrower visibility")]

pub(super) mod agent;
pub(super) mod audit_event;
pub(super) mod call;
pub(super) mod call_group;
pub(super) mod call_total;
pub(super) mod carrier_account;
pub(super) mod kept;
pub(super) mod message;
pub(super) mod operation;
pub(super) mod phone_number;
mod read;
pub(super) mod reconciliation;
pub(super) mod tenant;
mod unreadable;
pub(super) mod voice_event;

pub(super) use read::{all, decoded, found, json, money, text, updated};
pub use unreadable::UnreadableRow;
pub(super) use unreadable::{UnreadableRows, id};
