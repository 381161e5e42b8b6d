//! Keeps writes in a file while the database is unavailable: in order, across crashes and restarts.
//!
//! A folder holds one file for each server that ever ran in it beside others. A server locks the first free file while it
//! runs, and takes over the entries that dead servers left in theirs. Beside each file is one for entries that arrived before
//! their call ([`early`]). All servers share one file for entries that the database rejected, which also identifies rejected
//! calls after a restart ([`refused`]).
//!
//! An entry counts as written when the operating system has it. [`Journal::sync`] bounds what a crash of the machine can
//! cost; it flushes the disk on a blocking thread, without holding a lock.

mod early;
mod entry;
mod file;
mod index;
mod refused;

use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::replay::EARLY_FOR;
use crate::domain::{ComponentHealth, GivenAnswer, HealthStatus};
use crate::store::{NEW, create_private_folder, private_file, remove_abandoned};
use early::Early;
pub use entry::rewritten_journal_entry;
pub(super) use entry::{Entry, Kind};
use file::JournalFile;
use refused::Refused;

/// Maximum number of servers that share a folder.
const MOST_FILES: usize = 64;
/// The file of entries that the database rejected, beside the journal.
const REFUSED: &str = "calls.refused";
/// Early entries in one pass.
const EARLY_AT_ONCE: usize = 200;

/// Entries that wait for the database, oldest first.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    state: Mutex<JournalFile>,
    early: Arc<Mutex<Early>>,
    refused: Mutex<Refused>,
}

impl Journal {
    /// Opens the folder's journal with the entries in it. Creates the folder if it is missing.
    ///
    /// # Errors
    /// The folder cannot be created, read or written.
    pub(super) fn open(folder: &Path, now: DateTime<Utc>) -> io::Result<Self> {
        create_private_folder(folder)?;
        remove_abandoned(folder, NEW)?;
        let unreadable = |line: &str| {
            tracing::error!(file = REFUSED, "unreadable line of the journal moved aside");
            append_to_refused(folder, line)
        };
        let early_aside = |line: &str| {
            tracing::error!(
                file = REFUSED,
                "early entries moved aside: they are unreadable, or too many wait"
            );
            append_to_refused(folder, line)
        };
        let mut own: Option<(JournalFile, Early)> = None;
        for n in 0..MOST_FILES {
            let path = folder.join(format!("calls.{n}.journal"));
            let early = folder.join(format!("calls.{n}.early"));
            // All names are tried: of the servers that share the folder, any may have died.
            if own.is_some() && !path.try_exists()? {
                continue;
            }
            let file = private_file().truncate(false).open(&path)?;
            // The lock ends with its process, even one that was killed: a locked file has a living server.
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            match &mut own {
                None => own = Some((JournalFile::open(file, unreadable)?, Early::open(early, early_aside)?)),
                Some((state, own_early)) => {
                    // The lock on the dead server's journal is still held here.
                    own_early.take_over(early, early_aside)?;
                    state.take_over(file, unreadable)?;
                }
            }
        }
        let busy = || {
            io::Error::new(
                io::ErrorKind::ResourceBusy,
                "too many servers share the folder: at most 64 are allowed",
            )
        };
        let (state, early) = own.ok_or_else(busy)?;
        let early = Arc::new(Mutex::new(early));
        let refused = Mutex::new(Refused::open(&folder.join(REFUSED), now - EARLY_FOR)?);
        Ok(Self { folder: folder.to_owned(), state: Mutex::new(state), early, refused })
    }

    /// Adds an entry behind all others; it is flushed by [`Self::sync`].
    pub(super) fn add(&self, entry: &Entry) {
        let mut state = self.lock();
        state.add(entry);
        gauges(&state);
    }

    /// Returns up to `most` of the oldest entries, in order. Empty if no entry waits or can be read.
    pub(super) fn first(&self, most: usize) -> Vec<Entry> {
        self.lock().first(most).unwrap_or_else(|error| {
            tracing::error!(%error, "the journal cannot be read");
            Vec::new()
        })
    }

    /// Removes the first `count` entries that [`Self::first`] returned.
    pub(super) fn done(&self, count: usize) {
        let mut state = self.lock();
        state.done(count);
        gauges(&state);
    }

    /// Moves an entry that the database rejected to `calls.refused`, for the operator to look at. Returns whether it succeeded.
    pub(super) async fn move_to_refused(&self, entry: &Entry) -> bool {
        let (folder, aside) = (self.folder.clone(), entry.clone());
        let is_aside = is_done("rejected entry not moved to calls.refused", move || {
            append_to_refused(&folder, &serde_json::to_string(&aside)?)
        })
        .await;
        if is_aside {
            metrics::counter!("switchboard_journal_put_aside_total").increment(1);
            self.refused().note(entry);
        }
        is_aside
    }

    /// Whether the database rejected this call, so that it is never recorded.
    pub(super) fn is_refused(&self, sid: &str) -> bool {
        self.refused().contains(sid)
    }

    /// Moves an entry about a call that is not on record yet to the file of early entries, where it waits for the call. If too
    /// many wait, the oldest is moved to `calls.refused`. Returns whether it succeeded.
    pub(super) async fn put_early(&self, early_entry: &Entry) -> bool {
        let oldest = {
            // Unlocked again before the disk is written.
            let early = self.early();
            if early.is_full() { early.first(1).pop() } else { None }
        };
        if let Some(oldest) = oldest {
            // Stored there before it is removed here: a crash in between keeps it twice, never not at all.
            if !self.move_to_refused(&oldest).await {
                return false;
            }
            self.early_over(1, &[0]).await;
        }
        let (early, entry) = (Arc::clone(&self.early), early_entry.clone());
        is_done("early entry not stored", move || {
            early.lock().unwrap_or_else(PoisonError::into_inner).add(entry)
        })
        .await
    }

    /// Returns the oldest early entries.
    pub(super) fn some_early(&self) -> Vec<Entry> {
        self.early().first(EARLY_AT_ONCE)
    }

    /// Concludes a pass over the first `looked_at` early entries: those in `over` are removed.
    pub(super) async fn early_over(&self, looked_at: usize, over: &[usize]) {
        let (early, over) = (Arc::clone(&self.early), over.to_vec());
        is_done("early entries not removed: they are tried again after a restart", move || {
            early.lock().unwrap_or_else(PoisonError::into_inner).over(looked_at, &over)
        })
        .await;
    }

    /// Reports how many entries wait, and since when.
    pub(super) fn measure(&self) {
        gauges(&self.lock());
        let oldest = self.first(1).first().map_or(0, |entry| entry.at().timestamp());
        metrics::gauge!("switchboard_journal_oldest_timestamp_seconds").set(oldest as f64);
    }

    /// How many entries wait, and since when, for operators.
    pub(super) fn health(&self) -> ComponentHealth {
        let waiting = self.lock().len();
        if waiting == 0 {
            return ComponentHealth::new("journal", HealthStatus::Ok);
        }
        ComponentHealth::new("journal", HealthStatus::Degraded)
            .because(format!("{waiting} records of calls wait for the database"))
            .since(self.first(1).first().map(Entry::at))
    }

    /// Whether entries about a call wait, by the carrier's id.
    pub(super) fn is_about(&self, sid: &str) -> bool {
        self.lock().is_about(sid)
    }

    /// The latest answer to a call, if it waits here.
    pub(super) fn answer_to(&self, call: &str) -> Option<GivenAnswer> {
        self.lock().answer_to(call)
    }

    /// Flushes the journal to disk, so that it survives a crash of the machine.
    pub(super) async fn sync(&self) {
        // Unlocked while the disk is flushed: callers that journal an entry do not wait for it.
        let Some(file) = self.lock().take_unsynced() else { return };
        if !is_done("journal not flushed: a crash of this machine may lose entries", move || file.sync_data())
            .await
        {
            self.lock().is_unsynced();
        }
    }

    fn lock(&self) -> MutexGuard<'_, JournalFile> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn early(&self) -> MutexGuard<'_, Early> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs disk work on a blocking thread and returns whether it succeeded. A failure is logged as `otherwise`.
async fn is_done(otherwise: &'static str, work: impl FnOnce() -> io::Result<()> + Send + 'static) -> bool {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten();
    if let Err(error) = &done {
        tracing::error!(%error, "{otherwise}");
    }
    done.is_ok()
}

fn append_to_refused(folder: &Path, line: &str) -> io::Result<()> {
    let mut file = private_file().append(true).open(folder.join(REFUSED))?;
    // Flushed before the caller drops the entry, because this is the only copy then.
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}

fn gauges(state: &JournalFile) {
    metrics::gauge!("switchboard_journal_entries").set(state.len() as f64);
    metrics::gauge!("switchboard_journal_bytes").set(state.bytes() as f64);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::{AnswerStage, CallAnswer};

    fn open(folder: &Path) -> io::Result<Journal> {
        Journal::open(folder, DateTime::UNIX_EPOCH)
    }

    fn about(sid: &str) -> Entry {
        let (status, at) = ("completed".to_owned(), chrono::DateTime::UNIX_EPOCH);
        Entry::Report { sid: sid.to_owned(), status, duration_seconds: None, at }
    }

    fn drain(journal: &Journal) -> Vec<String> {
        let mut sids = Vec::new();
        while let Some(entry) = journal.first(1).pop() {
            assert!(journal.is_about(entry.sid()));
            sids.push(entry.sid().to_owned());
            journal.done(1);
        }
        assert!(sids.iter().all(|sid| !journal.is_about(sid)));
        sids
    }

    #[tokio::test]
    async fn waiting_entries_survive_their_server_in_order_and_once() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let journal = open(folder.path())?;
        for entry in ["a", "b", "c"] {
            journal.add(&about(entry));
        }
        assert_eq!(journal.first(2).len(), 2);
        journal.done(1);
        journal.sync().await;
        assert_eq!([journal.is_about("a"), journal.is_about("c")], [false, true]);
        drop(journal);
        let journal = open(folder.path())?;
        journal.add(&about("d"));
        assert_eq!(drain(&journal), ["b", "c", "d"]);
        drop(journal);
        assert_eq!(fs::metadata(folder.path().join("calls.0.journal"))?.len(), 0);
        assert_eq!(drain(&open(folder.path())?), [""; 0]);
        Ok(())
    }

    #[test]
    fn servers_share_a_folder_and_take_over_from_the_dead() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (first, second) = (open(folder.path())?, open(folder.path())?);
        first.add(&about("first"));
        second.add(&about("second"));
        assert!(first.is_about("first") && !first.is_about("second"), "each has its own");
        drop(second);
        let third = open(folder.path())?;
        third.add(&about("third"));
        drop((first, third));
        let alone = open(folder.path())?;
        assert_eq!(drain(&alone), ["first", "second", "third"]);
        Ok(())
    }

    #[tokio::test]
    async fn a_truncated_line_is_dropped_and_an_unreadable_one_moved_to_refused() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let journal = open(folder.path())?;
        journal.add(&about("whole"));
        drop(journal);
        let path = folder.path().join("calls.0.journal");
        let mut text = fs::read_to_string(&path)?;
        text.push_str("{\"entry\":7}\n{\"entry\":\"cut o");
        fs::write(&path, text)?;
        let journal = open(folder.path())?;
        journal.add(&about("next"));
        let first = journal.first(1);
        assert!(journal.move_to_refused(&first[0]).await);
        journal.done(1);
        let aside = fs::read_to_string(folder.path().join(REFUSED))?;
        assert!(aside.starts_with("{\"entry\":7}\n") && aside.lines().count() == 2, "{aside}");
        assert!(aside.contains("whole"), "{aside}");
        drop(journal);
        assert_eq!(drain(&open(folder.path())?), ["next"]);
        Ok(())
    }

    #[test]
    fn more_than_a_window_waits_in_the_file_and_answers_are_found_there() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let journal = open(folder.path())?;
        let sids: Vec<String> = (0..1000).map(|n| format!("call {n}")).collect();
        for sid in &sids {
            journal.add(&about(sid));
            journal.add(&Entry::Answer {
                sid: sid.clone(),
                outcome: "agent".to_owned(),
                decision: crate::domain::Decision { rule: None, group: None, reason: "none".to_owned() },
                answer: CallAnswer::HangUp,
                stage: AnswerStage::AfterDial,
                at: chrono::DateTime::UNIX_EPOCH,
                keeps_slot: true,
            });
        }
        let mut over = 0;
        while over < 601 {
            let some = journal.first(601 - over).len();
            journal.done(some);
            over += some;
        }
        drop(journal);
        let journal = open(folder.path())?;
        assert_eq!(journal.answer_to("call 999").map(|given| given.stage), Some(AnswerStage::AfterDial));
        assert_eq!((journal.answer_to("call 299"), journal.is_about("call 299")), (None, false));
        let left = drain(&journal);
        assert_eq!((left.len(), left[0].as_str(), left[1398].as_str()), (1399, "call 300", "call 999"));
        Ok(())
    }

    #[tokio::test]
    async fn early_entries_do_not_block_others_and_survive_their_server() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (dead, alive) = (open(folder.path())?, open(folder.path())?);
        for journal in [&dead, &alive] {
            for sid in ["a", "b", "c"] {
                journal.add(&about(sid));
                assert!(journal.put_early(&journal.first(1)[0]).await);
                journal.done(1);
            }
            assert!(journal.first(1).is_empty());
            journal.early_over(2, &[0]).await;
        }
        drop((dead, alive));
        let journal = open(folder.path())?;
        let sids: Vec<String> = journal.some_early().iter().map(|entry| entry.sid().to_owned()).collect();
        assert_eq!(sids, ["c", "b", "c", "b"]);
        journal.early_over(4, &[0, 1, 2, 3]).await;
        drop(journal);
        assert!(open(folder.path())?.some_early().is_empty());
        Ok(())
    }

    #[test]
    fn early_entries_are_moved_to_refused_if_unreadable_or_too_many() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let dead = (open(folder.path())?, open(folder.path())?);
        drop(dead);
        for (nth, more) in [(0, "{\"kind\":\"of a later version\"}\n\n"), (1, "{\"kind\":\"rep")] {
            let line = |n| serde_json::to_string(&about(&format!("{nth} {n}"))).map(|line| line + "\n");
            let mut text = (0..early::MOST - 10).map(line).collect::<Result<String, _>>()?;
            text.push_str(more);
            fs::write(folder.path().join(format!("calls.{nth}.early")), text)?;
        }
        let aside = || -> io::Result<Vec<String>> {
            let text = fs::read_to_string(folder.path().join(REFUSED))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        let journal = open(folder.path())?;
        assert!(journal.early().is_full());
        let first = aside()?;
        assert_eq!(first.len(), 1 + early::MOST - 20, "what cannot be read, and the oldest");
        assert!(first[0].contains("of a later version") && first[1].contains("\"0 0\""), "{:?}", &first[..2]);
        assert!(!folder.path().join("calls.1.early").exists());
        drop(journal);
        assert!(open(folder.path())?.early().is_full());
        assert_eq!(aside()?, first, "once");
        Ok(())
    }

    #[tokio::test]
    async fn a_refused_call_is_remembered_after_a_restart_while_entries_wait_for_it() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let call = |sid: &str| Entry::Call {
            id: uuid::Uuid::nil(),
            tenant: uuid::Uuid::nil(),
            agent: uuid::Uuid::nil(),
            number: uuid::Uuid::nil(),
            sid: sid.to_owned(),
            from: String::new(),
            attestation: None,
            to: "+12125550100".parse().unwrap(),
            decision: crate::domain::Decision { rule: None, group: None, reason: "none".to_owned() },
            admitted: true,
            at: DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1),
        };
        let journal = open(folder.path())?;
        journal.add(&call("refused"));
        let first = journal.first(1);
        assert!(journal.move_to_refused(&first[0]).await && journal.move_to_refused(&about("other")).await);
        journal.done(1);
        assert!(journal.is_refused("refused") && !journal.is_refused("other"));
        drop(journal);
        append_to_refused(folder.path(), "nothing that can be read")?;
        let journal = open(folder.path())?;
        assert!(journal.is_refused("refused") && !journal.is_refused("other"));
        drop(journal);
        let later = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(3);
        assert!(!Journal::open(folder.path(), later)?.is_refused("refused"));
        Ok(())
    }
}
