//! Runs the command line.

use std::process::ExitCode;

/// A request makes some hundred small allocations on whichever thread runs it: see docs/performance.md.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    switchboard::cli::run()
}
