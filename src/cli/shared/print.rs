//! Prints results to stdout and notices to stderr. No other module of the command line writes to either.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use super::failure::Failure;

/// Prints text and a newline to stdout. A closed pipe is no failure: with `schema | head` the reader has read enough.
pub(in crate::cli) fn line(text: impl Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    // Flushed here, so that an error such as a full disk is not lost at the end of the process.
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot print: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints why a command failed to stderr.
pub(in crate::cli) fn problem(failure: &Failure) {
    notice(&format!("switchboard: {failure}"));
}

/// Prints a notice to stderr.
pub(in crate::cli) fn notice(text: &str) {
    // If stderr is closed, an error about it reaches nobody.
    let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end());
}
