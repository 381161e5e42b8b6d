//! The environment of this process and a `.env` file beside it: the only place that reads either.
//!
//! The file is read as `docker run --env-file` reads it, so that the same file means the same to both: a line is
//! `NAME=value`, blank lines and lines that begin with `#` are skipped, and a value is taken as written. Nothing is expanded, unquoted
//! or cut off, since a secret may hold any character. A value in quotes is therefore named as a mistake when it is read.

use std::collections::HashMap;
use std::path::Path;

use super::Mistake;

/// The variables this process was given. A real variable wins over the file's.
#[derive(Debug)]
pub struct Environment {
    file: HashMap<String, String>,
}

impl Environment {
    /// Reads `.env` in this folder, if there is one.
    ///
    /// # Errors
    /// When it is there and cannot be read. What it holds is not repeated: those are secrets.
    pub fn read(folder: &Path) -> Result<Self, Mistake> {
        let path = folder.join(".env");
        if !path.exists() {
            return Ok(Self { file: HashMap::new() });
        }
        let unreadable =
            |problem: String| Mistake { variable: ".env", problem, example: "BIND_ADDRESS=127.0.0.1:8000" };
        let text =
            std::fs::read_to_string(&path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        let file = parse(&text).map_err(|line| unreadable(format!("line {line} is not NAME=value")))?;
        Ok(Self { file })
    }

    /// A variable's value. One that is no text counts as not set.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the only reader of the environment")]
    pub fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| self.file.get(name).cloned())
    }
}

/// The variables of a file, the last of a name; else the number of the line that is none.
fn parse(text: &str) -> Result<HashMap<String, String>, usize> {
    let text = text.trim_start_matches('\u{feff}');
    let mut variables = HashMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
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
    fn a_line_that_is_no_variable_is_named_by_its_number() {
        for (text, line) in [("A=1\nhunter2\n", 2), ("export A=1", 1), ("\n=x", 2), ("A B=1", 1)] {
            assert_eq!(parse(text), Err(line), "{text}");
        }
    }
}
