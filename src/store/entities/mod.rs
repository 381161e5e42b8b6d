//! The tables as SeaORM sees them, a file each, and how their rows become the domain's types. Private: nothing
//! outside the store sees a row.

#![expect(unreachable_pub, reason = "the derived items have no narrower visibility")]

pub(super) mod agent;
pub(super) mod audit_event;
pub(super) mod call;
pub(super) mod call_total;
pub(super) mod operation;
pub(super) mod phone_number;
mod read;
pub(super) mod reconciliation;
pub(super) mod tenant;
pub(super) mod voice_event;

pub(super) use read::{all, found, json, readable, sorted, text, unreadable, updated};
