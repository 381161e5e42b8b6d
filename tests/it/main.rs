//! Black-box tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene fails there")]

mod store;
mod support;
