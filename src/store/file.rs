//! Files in the state directory: what a server needs while the database is unavailable.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Creates a folder that only its owner can read, with its parents, unless it exists.
///
/// # Errors
/// The error of the disk.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Options for a file that only its owner can read: the files hold callers' numbers and texts.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Replaces a file with what `write` writes, as a whole or not at all. Keeps the file if `write` returns false.
///
/// # Errors
/// The error of the disk or of `write`.
pub(crate) fn replace_file(path: &Path, write: impl FnOnce(&mut File) -> io::Result<bool>) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Unique names: other servers may write the same file at the same moment.
    let nth = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_extension(format!("{}-{nth}.new", std::process::id()));
    let mut file = private_file().truncate(true).open(&beside)?;
    let written = write(&mut file).and_then(|is_whole| file.sync_data().map(|()| is_whole));
    match written {
        // Flushed above: after a crash of the machine the name leads to a whole file, old or new.
        Ok(true) => std::fs::rename(&beside, path),
        other => std::fs::remove_file(&beside).and(other.map(drop)),
    }
}
