//! Why a command did not do what was asked, in words for the person who typed it.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use crate::config::Mistake;

/// Why a command failed.
#[derive(Debug)]
pub(in crate::cli) enum Failure {
    /// The environment is wrong: every mistake.
    Environment(Vec<Mistake>),
    /// The arguments do not go together, as a sentence.
    Usage(String),
    /// What was looked for is there, which a script wants to know: as a sentence.
    Differs(String),
    /// Anything else, as a sentence.
    Other(String),
}

impl Failure {
    pub(in crate::cli) fn new(sentence: impl Into<String>) -> Self {
        Self::Other(sentence.into())
    }

    /// An error and what caused it, on one line; for an operator's eyes, so the database's own words are in.
    pub(in crate::cli) fn from_error(error: &dyn Error) -> Self {
        let mut sentence = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let words = error.to_string();
            // Some errors print their cause themselves.
            if !sentence.contains(&words) {
                sentence = format!("{sentence}: {words}");
            }
            cause = error.source();
        }
        Self::Other(sentence)
    }

    pub(in crate::cli) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Environment(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Differs(_) => ExitCode::from(3),
            Self::Other(_) => ExitCode::FAILURE,
        }
    }
}

impl From<Vec<Mistake>> for Failure {
    fn from(mistakes: Vec<Mistake>) -> Self {
        Self::Environment(mistakes)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(mistakes) => {
                writeln!(f, "the environment is not complete (variables or a .env file):\n")?;
                mistakes.iter().try_for_each(|mistake| writeln!(f, "  {mistake}"))
            }
            Self::Usage(sentence) | Self::Differs(sentence) | Self::Other(sentence) => f.write_str(sentence),
        }
    }
}
