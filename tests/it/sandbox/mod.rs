//! The emulated carriers, driven over raw HTTP as a stranger's client would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod accounts;
mod agents;
mod calls;
mod clients;
mod conversation_socket;
mod emergency;
mod messages;
mod numbers;
mod numbers_owned;
mod porting;
mod upkeep;
