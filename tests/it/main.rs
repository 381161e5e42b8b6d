//! Black-box tests.

mod carrier;
mod signatures;
mod voice;
