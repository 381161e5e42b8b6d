//! Printing: the one place that writes to stdout and, for what is not the result, to stderr.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use super::failure::Failure;

/// Prints text and a newline to stdout. A closed pipe is no failure: with `schema | head` the reader has read enough.
pub(in crate::cli) fn line(text: impl Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
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

/// Prints a remark to stderr.
pub(in crate::cli) fn notice(text: &str) {
    // Without stderr there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end());
}
