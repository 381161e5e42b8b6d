//! Black-box tests: real HTTP, one binary.

mod sandbox;
