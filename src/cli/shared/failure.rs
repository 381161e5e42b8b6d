//! Failures of commands, with messages for the person who ran them.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use crate::config::Mistake;

/// Why a command failed. Each text is one sentence.
#[derive(Debug)]
pub(in crate::cli) enum Failure {
    /// Invalid configuration: every mistake, and hints at misspelt names.
    Configuration { mistakes: Vec<Mistake>, hints: Vec<String> },
    /// Invalid combination of arguments.
    Usage(String),
    /// The command found differences; scripts recognize this by the exit code.
    Differs(String),
    /// Any other failure: exit code 1.
    Other(String),
}

impl Failure {
    pub(in crate::cli) fn new(sentence: impl Into<String>) -> Self {
        Self::Other(sentence.into())
    }

    /// An error and its causes on one line. Operators see it, so it includes the database's messages.
    pub(in crate::cli) fn from_error(error: &dyn Error) -> Self {
        let mut sentence = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let message = error.to_string();
            // Some errors include their cause in their own message.
            if !sentence.contains(&message) {
                sentence = format!("{sentence}: {message}");
            }
            cause = error.source();
        }
        Self::Other(sentence)
    }

    /// Adds hints to mistakes: a variable may be missing because its name is misspelt.
    pub(in crate::cli) fn with_hints(self, hints: Vec<String>) -> Self {
        match self {
            Self::Configuration { mistakes, .. } => Self::Configuration { mistakes, hints },
            other => other,
        }
    }

    pub(in crate::cli) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Configuration { .. } | Self::Usage(_) => ExitCode::from(2),
            Self::Differs(_) => ExitCode::from(3),
            Self::Other(_) => ExitCode::FAILURE,
        }
    }
}

impl From<Vec<Mistake>> for Failure {
    fn from(mistakes: Vec<Mistake>) -> Self {
        Self::Configuration { mistakes, hints: Vec::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration { mistakes, hints } => {
                let count = mistakes.len();
                let s = if count == 1 { "" } else { "s" };
                writeln!(
                    f,
                    "invalid configuration, {count} mistake{s}: correct the environment or the .env file\n"
                )?;
                mistakes.iter().try_for_each(|mistake| writeln!(f, "  {mistake}"))?;
                hints.iter().try_for_each(|hint| writeln!(f, "\n  {hint}"))
            }
            Self::Usage(sentence) | Self::Differs(sentence) | Self::Other(sentence) => f.write_str(sentence),
        }
    }
}
