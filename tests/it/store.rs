//! The store, on whichever database the tests run.

mod admission;
mod audit_event;
mod batches;
mod connections;
mod isolation;
mod leases;
mod limits;
mod list_plans;
mod number_cache;
mod operations;
mod pages;
mod patience;
mod plans;
mod pool_shares;
mod put_aside;
mod reports;
mod rows;
mod shared_database;
mod silent;
mod totals;
mod words;
