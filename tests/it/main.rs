//! Black-box tests.

mod store;
mod support;
