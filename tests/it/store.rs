//! The store, on whichever database the tests run.

mod admission;
mod audit_event;
mod batches;
mod call_groups;
mod carrier_accounts;
mod check_constraints;
mod connections;
mod isolation;
mod leases;
mod limits;
mod list_plans;
mod number_cache;
mod operations;
mod pages;
mod plans;
mod pool_shares;
mod reports;
mod rows;
mod shared_database;
mod silent_connections;
mod timeouts;
mod totals;
mod unreadable_batches;
