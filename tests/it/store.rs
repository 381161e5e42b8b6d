//! The store, on whichever database the tests run.

mod admission;
mod audit_event;
mod fixtures;
mod isolation;
mod leases;
mod limits;
mod pages;
mod plans;
mod reports;
mod rows;
mod shared_database;
