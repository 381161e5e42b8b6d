//! Black-box tests: one binary, a file a subject. Each test has a database and a sandbox of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene fails there")]

mod agent;
mod agent_sync;
mod audit_event;
mod auth;
mod bulk;
mod call;
mod carrier;
mod config;
mod conversation;
mod coverage;
mod crash;
mod dev;
mod doubt;
mod edge;
mod fuzz;
mod graphql_http;
mod graphql_ws;
mod hostile;
mod house;
mod ladder;
mod limits;
mod loops;
mod number;
mod operation;
mod outage;
mod paging;
mod privacy;
mod provisioning;
mod quota;
mod reconcile;
mod recorded;
mod release;
mod replay;
mod repoint;
mod rules;
mod sandbox;
mod scope;
mod signatures;
mod store;
mod subscription;
mod support;
mod usage;
mod voice;
mod webhook;
