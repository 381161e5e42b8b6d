//! Runs the command line.

use std::process::ExitCode;

/// A call takes some hundred small allocations on whichever thread runs it: see docs/performance.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    switchboard::cli::run()
}
