//! Files in the state directory: what a server needs while the database is unavailable.

use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Extension of a file that [`replace_file`] is writing.
pub(crate) const NEW: &str = "new";
/// Age of such a file at which a crash must have left it behind.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

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

/// Options for a file that only its owner can read: the files hold callers' numbers, texts and encrypted credentials.
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
pub(crate) fn replace_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<bool>,
) -> io::Result<()> {
    // Unique names: other servers may write the same file at the same moment. In containers they may have the same process id.
    static SERVER: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nth = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_extension(format!("{:016x}-{nth}.{NEW}", *SERVER));
    let mut file = BufWriter::new(private_file().truncate(true).open(&beside)?);
    let written = write(&mut file).and_then(|is_whole| {
        file.flush()?;
        file.get_ref().sync_data()?;
        Ok(is_whole)
    });
    match written {
        // Flushed above: after a crash of the machine the name leads to a whole file, old or new.
        Ok(true) => std::fs::rename(&beside, path),
        other => std::fs::remove_file(&beside).and(other.map(drop)),
    }
}

/// Removes files with this extension that a crash left behind while they were written.
///
/// # Errors
/// The folder cannot be read. A file that cannot be removed is left: it does no harm.
pub(crate) fn remove_abandoned(folder: &Path, extension: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        let age = entry.metadata().and_then(|file| file.modified()).map(|at| at.elapsed());
        let is_old = age.is_ok_and(|age| age.is_ok_and(|age| age > ABANDONED));
        if is_old && entry.path().extension().is_some_and(|found| found == extension) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
    Ok(())
}
