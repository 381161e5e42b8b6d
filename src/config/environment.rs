//! The environment of this process and a `.env` file in the working folder: the only place that reads either.
//!
//! The file is read as `docker run --env-file` reads it, so that the same file means the same to both: a line is
//! `NAME=value`, blank lines and lines that begin with `#` are skipped, and a value is taken as written. Nothing is expanded, unquoted
//! or cut off, since a secret may hold any character. A value in quotes is therefore reported as a mistake when it is read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use strsim::osa_distance;

use super::{Mistake, VARIABLES};

/// How many characters a name may differ from a known one and still count as a misspelling of it.
const MOST_MISTYPED: usize = 2;

/// The variables given to this process.
#[derive(Debug)]
pub struct Environment {
    variables: BTreeMap<String, (String, Origin)>,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The environment of the process.
    Environment,
    /// The file `.env` in the working folder.
    File,
    /// The `dev` of this folder.
    Dev,
    /// The default in the variable's declaration.
    Default,
}

impl Environment {
    /// Reads the environment, and `.env` in this folder if there is one. The environment takes precedence, a blank value included.
    ///
    /// # Errors
    /// If the file exists and cannot be read. What it holds is not repeated: those are secrets.
    #[expect(clippy::disallowed_methods, reason = "the only reader of the environment")]
    pub fn read(folder: &Path) -> Result<Self, Mistake> {
        let mut variables = BTreeMap::new();
        for (name, value) in file(&folder.join(".env"))? {
            variables.insert(name, (value, Origin::File));
        }
        // `vars` panics at a name or a value that is not Unicode.
        for (name, value) in std::env::vars_os() {
            // What is no text is no value of any variable of ours.
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                variables.insert(name, (value, Origin::Environment));
            }
        }
        Ok(Self { variables })
    }

    /// The value of a variable, unless it is unset or blank.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.find(name).map(|(value, _)| value)
    }

    /// The value of a variable and where it comes from, unless it is unset or blank.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(String, Origin)> {
        self.variables.get(name).filter(|(value, _)| !value.trim().is_empty()).cloned()
    }

    /// Sentences about variables that have no effect, probably because their names are misspelt. A name is compared as
    /// it is and without a prefix `SWITCHBOARD_`.
    #[must_use]
    pub fn misspelt(&self) -> Vec<String> {
        let is_known = |name: &str| VARIABLES.iter().any(|variable| variable.name == name);
        let unknown = self.variables.keys().filter(|name| !is_known(name));
        unknown
            .filter_map(|name| {
                let bare = name.strip_prefix("SWITCHBOARD_").unwrap_or(name);
                // A variable that is set as well cannot be the one that was meant.
                let meant = VARIABLES.iter().filter(|variable| self.find(variable.name).is_none());
                // This distance counts two swapped letters as one mistake.
                let meant = meant.map(|variable| (osa_distance(bare, variable.name), variable.name)).min()?;
                (meant.0 <= MOST_MISTYPED)
                    .then(|| format!("{name} is set and has no effect: did you mean {}?", meant.1))
            })
            .collect()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Environment => "environment",
            Self::File => ".env",
            Self::Dev => "dev",
            Self::Default => "default",
        })
    }
}

fn file(path: &Path) -> Result<BTreeMap<String, String>, Mistake> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let unreadable = |problem: String| Mistake {
        variable: ".env",
        problem,
        example: "BIND_ADDRESS=127.0.0.1:8000",
        is_missing: false,
    };
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    parse(&text)
        .map_err(|line| unreadable(format!("must have a NAME=value on each line; line {line} is none")))
}

/// The variables of a file, the last of each name; else the number of the first line that is none.
fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    // Some editors on Windows begin a file with a byte order mark, which would belong to the first name.
    let text = text.trim_start_matches('\u{feff}');
    let mut variables = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // At the first =: a value may contain more, as Base64 does.
        let (name, value) = line.split_once('=').filter(|(name, _)| is_name(name)).ok_or(at + 1)?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_as_written() {
        let text = "\u{feff}# a comment\n\n  A=pa$word${HOME}\r\nB=it's # no comment\nC=\"quoted\"\nD=\nE=a=b\nA2=x\nA2=y\n";
        let read = parse(text).unwrap();
        let expected = [
            ("A", "pa$word${HOME}"),
            ("B", "it's # no comment"),
            ("C", "\"quoted\""),
            ("D", ""),
            ("E", "a=b"),
            ("A2", "y"),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn an_unreadable_line_is_reported_by_its_number() {
        for (text, line) in [("A=1\nhunter2\n", 2), ("export A=1", 1), ("\n=x", 2), ("A B=1", 1)] {
            assert_eq!(parse(text), Err(line), "{text}");
        }
    }

    #[test]
    fn a_misspelt_name_is_reported_with_the_one_meant() {
        let environment = |names: &[&str]| Environment {
            variables: names
                .iter()
                .map(|name| ((*name).to_owned(), ("1".to_owned(), Origin::Environment)))
                .collect(),
        };
        for (name, meant) in [
            ("TWILO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN"),
            ("DATABSE_URL", "DATABASE_URL"),
            ("JWT_SERCET", "JWT_SECRET"),
            ("SWITCHBOARD_BIND_ADDRESS", "BIND_ADDRESS"),
            ("GRAPHIQL_ASSET", "GRAPHIQL_ASSETS"),
        ] {
            let hints = environment(&[name]).misspelt();
            assert!(hints.len() == 1 && hints[0].contains(name) && hints[0].contains(meant), "{hints:?}");
            assert!(environment(&[name, meant]).misspelt().is_empty(), "{meant} is set as well");
        }
        let others = ["PATH", "HOSTNAME", "POSTGRES_PASSWORD", "SWITCHBOARD_PASSWORD", "RUSTFLAGS", "PGHOST"];
        assert!(environment(&others).misspelt().is_empty());
    }
}
