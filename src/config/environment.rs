//! The environment of this process and a `.env` file beside it: the only place that reads either.

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
        let unreadable = |error: dotenvy::Error| Mistake {
            variable: ".env",
            problem: match error {
                dotenvy::Error::Io(error) => format!("cannot be read: {error}"),
                _ => "has a line that is not NAME=value".into(),
            },
            example: "BIND_ADDRESS=127.0.0.1:8000",
        };
        let lines = dotenvy::from_path_iter(&path).map_err(unreadable)?;
        let file = lines.collect::<Result<_, _>>().map_err(unreadable)?;
        Ok(Self { file })
    }

    /// A variable's value. One that is no text counts as not set.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the only reader of the environment")]
    pub fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| self.file.get(name).cloned())
    }
}
