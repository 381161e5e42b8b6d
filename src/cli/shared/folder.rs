//! `.switchboard/`: the state of `dev`, and how other commands find it.
//!
//! Its secrets are random, created with the folder, and readable by its owner only.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::failure::Failure;
use crate::domain::{Clock, Entropy};

/// The folder, relative to where the command is run.
pub(in crate::cli) const FOLDER: &str = ".switchboard";

/// The state that `dev` keeps between runs.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::cli) struct Remembered {
    /// Id of the development tenant.
    pub(in crate::cli) tenant: Uuid,
    /// The key of its tokens.
    pub(in crate::cli) jwt_secret: String,
    /// Origin of the server at its last run.
    pub(in crate::cli) server: Option<String>,
    /// Base URL of the emulated providers at their last run.
    pub(in crate::cli) sandbox: Option<String>,
}

/// The folder, locked by one `dev` at a time.
pub(in crate::cli) struct Folder {
    /// The operating system releases it whenever the process ends, even by a crash.
    _lock: File,
}

impl Folder {
    /// Creates the folder if it is missing, and locks it.
    pub(in crate::cli) fn take() -> Result<Self, Failure> {
        DirBuilder::new()
            // With this an existing folder is no error.
            .recursive(true)
            .mode(0o700)
            .create(FOLDER)
            .map_err(|error| failed("make", &error))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path("lock"));
        let lock = lock.map_err(|error| failed("open the lock in", &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::new(
                "`switchboard dev` is running in this folder already: stop it first, or use another folder",
            )),
            Err(TryLockError::Error(error)) => Err(failed("lock", &error)),
        }
    }

    /// The remembered state; new if the folder is.
    pub(in crate::cli) fn remembered(&self, clock: &Clock, entropy: &Entropy) -> Result<Remembered, Failure> {
        if let Some(remembered) = read()? {
            return Ok(remembered);
        }
        let jwt_secret = URL_SAFE_NO_PAD.encode(entropy.bytes::<48>());
        Ok(Remembered { tenant: entropy.uuid(clock.now()), jwt_secret, server: None, sandbox: None })
    }

    /// Stores the state atomically.
    pub(in crate::cli) fn remember(&self, remembered: &Remembered) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(remembered).map_err(|error| Failure::from_error(&error))?;
        let new = path("dev.json.new");
        let mut options = OpenOptions::new();
        let written =
            options.create(true).truncate(true).write(true).mode(0o600).open(&new).and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                // Synced before the rename: a crash leaves the old file or the whole new one.
                file.sync_all()?;
                fs::rename(&new, path("dev.json"))
            });
        written.map_err(|error| failed("write to", &error))
    }
}

/// The state of the last `dev` in this folder; `None` if there was none.
pub(in crate::cli) fn read() -> Result<Option<Remembered>, Failure> {
    match fs::read_to_string(path("dev.json")) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure::new(format!("{FOLDER}/dev.json is damaged ({error}); move {FOLDER}/ away to start over"))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", &error)),
    }
}

/// The path of a file in the folder.
pub(in crate::cli) fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

fn failed(verb: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {verb} {FOLDER}/: {error}"))
}
