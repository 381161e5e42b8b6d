//! Messages that wait for the database: one file each in a folder that servers may share. A file is complete and flushed before
//! the carrier gets its answer, so that neither a crash nor a power failure loses a message. Any server may store a message and
//! remove its file; doing so twice has no effect, because the carrier's id is the name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::domain::IncomingMessage;
use crate::store::{create_private_folder, private_file, remove_abandoned};

/// Most messages that wait. Beyond it the carrier is not acknowledged, and the sweep finds the message later.
const MOST: usize = 100_000;
/// Extension of a file that is complete.
const COMPLETE: &str = "message";
/// Extension of a file that the database rejected or that is unreadable, for the operator.
const REFUSED: &str = "refused";
/// Extension of a file that is being written. One that a crash left behind holds a message that was not acknowledged.
const DRAFT: &str = "draft";

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Spool {
    folder: PathBuf,
}

/// A waiting message and its file.
pub(super) struct Waiting {
    pub(super) message: IncomingMessage,
    path: PathBuf,
}

impl Spool {
    /// Opens the folder, creates it if it is missing, and removes old drafts.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        create_private_folder(&folder)?;
        remove_abandoned(&folder, DRAFT)?;
        Ok(Self { folder })
    }

    /// Keeps a message. Returns once it is on disk.
    ///
    /// # Errors
    /// It cannot be written, or too many wait.
    pub(super) fn put(&self, message: &IncomingMessage) -> io::Result<()> {
        let is_waiting =
            |entry: &io::Result<fs::DirEntry>| entry.as_ref().is_ok_and(|entry| is_complete(&entry.path()));
        if fs::read_dir(&self.folder)?.filter(is_waiting).take(MOST).count() >= MOST {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "too many messages wait for the database",
            ));
        }
        let name = file_name(&message.sid);
        let text = serde_json::to_vec(message)?;
        // A name of its own: two servers may keep the same message at the same time. In containers both may have the same
        // process id.
        let (process, at) = (std::process::id(), message.received_at.timestamp_micros());
        let draft = self.folder.join(format!("{name}.{process}.{at}.{DRAFT}"));
        let mut file = private_file().truncate(true).open(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&draft, self.folder.join(format!("{name}.{COMPLETE}")))?;
        // The name, too, must survive a power failure.
        File::open(&self.folder)?.sync_all()
    }

    /// Up to `most` waiting messages, in no order. An unreadable one is set aside.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn some(&self, most: usize) -> io::Result<Vec<Waiting>> {
        let mut waiting = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if !is_complete(&path) {
                continue;
            }
            match read(&path) {
                Ok(message) => waiting.push(Waiting { message, path }),
                // Another server has just stored it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::error!(%error, file = %path.display(), "unreadable message set aside");
                    set_aside(&path);
                }
            }
            if waiting.len() >= most {
                break;
            }
        }
        Ok(waiting)
    }

    /// Whether any message waits.
    pub(super) fn is_empty(&self) -> bool {
        fs::read_dir(&self.folder).is_ok_and(|mut entries| {
            !entries.any(|entry| entry.is_ok_and(|entry| is_complete(&entry.path())))
        })
    }
}

impl Waiting {
    /// Removes the file of a message that is stored.
    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, sid = self.message.sid, "file of a stored message not removed: it is stored again, without effect");
        }
    }

    /// Sets a message aside that the database rejected.
    pub(super) fn set_aside(&self) {
        set_aside(&self.path);
    }
}

fn is_complete(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == COMPLETE)
}

fn read(path: &Path) -> io::Result<IncomingMessage> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn set_aside(path: &Path) {
    if let Err(error) = fs::rename(path, path.with_extension(REFUSED)) {
        tracing::error!(%error, file = %path.display(), "message not set aside");
    }
}

/// The carrier's id as a file name: its letters and digits, which are all it has.
fn file_name(sid: &str) -> String {
    sid.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(sid: &str) -> IncomingMessage {
        IncomingMessage {
            sid: sid.to_owned(),
            from: "+13125550177".parse().unwrap(),
            to: "+12125550142".parse().unwrap(),
            body: "Is Friday free? 🙂".to_owned(),
            media: Vec::new(),
            segments: Some(1),
            opt_out_type: None,
            received_at: chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
            sent_at: None,
        }
    }

    #[test]
    fn a_message_waits_once_until_it_is_removed_and_an_unreadable_one_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path().join("messages")).unwrap();
        assert!(spool.is_empty());
        for sid in ["SM1", "SM1", "../SM2"] {
            spool.put(&message(sid)).unwrap();
        }
        fs::write(folder.path().join("messages/SM3.message"), "{").unwrap();
        // What a crash left behind while it was written.
        fs::write(folder.path().join("messages/SM4.7.draft"), "{}").unwrap();
        let old = folder.path().join("messages/SM5.7.draft");
        let file = File::create(&old).unwrap();
        let long_ago = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(2 * 24 * 3600);
        file.set_modified(long_ago).unwrap();
        let reopened = Spool::open(folder.path().join("messages")).unwrap();
        assert!(!old.exists() && folder.path().join("messages/SM4.7.draft").exists());
        let mut waiting = reopened.some(10).unwrap();
        waiting.sort_by(|a, b| a.message.sid.cmp(&b.message.sid));
        let expected = ["../SM2", "SM1"].map(message);
        assert_eq!(waiting.iter().map(|waiting| waiting.message.clone()).collect::<Vec<_>>(), expected);
        assert_eq!(reopened.some(1).unwrap().len(), 1);
        waiting.iter().for_each(Waiting::remove);
        assert!(reopened.is_empty());
        assert!(folder.path().join("messages/SM3.refused").exists());
    }
}
