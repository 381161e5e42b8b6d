//! Black-box tests: one binary, a file a subject. Each test has a database and a sandbox of its own.

mod config;
mod dev;
mod house;
mod support;
