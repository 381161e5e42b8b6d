//! Black-box tests: one binary, a file a subject. Each test has a database and a sandbox of its own.

mod agent;
mod auth;
mod call;
mod carrier;
mod config;
mod dev;
mod house;
mod number;
mod operation;
mod paging;
mod provisioning;
mod sandbox;
mod scope;
mod signatures;
mod store;
mod support;
mod voice;
mod webhook;
