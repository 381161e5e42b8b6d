//! Keeps the routing cache up to date: reads all numbers once, in pages, then only changes.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Routing;
use crate::domain::{Heartbeat, backoff};
use crate::store::{Change, NumberReader, StoreError, Topic};

/// How often to poll the database for changes without a hint.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// The next poll waits this many times as long as the previous one took, so that a flood of hints costs a
/// third of a connection.
const POLL_GAP: u32 = 2;
/// The first pause after a page could not be read.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Time limit for reading a page.
const PATIENCE: Duration = Duration::from_secs(3);

/// A page could not be read.
struct Unread;

impl Routing {
    /// Reads all numbers, then changes, until `stop` is cancelled.
    pub async fn keep_cache(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        // Before the first page: a change during the read is heard.
        let mut changes = self.0.store.watch(Topic::Routing);
        let mut reader = self.0.store.number_reader();
        let now = Instant::now();
        let (mut failures, mut poll_began, mut not_before) = (0, None, now);
        let (mut poll_at, mut resume_at) = (now, now);
        loop {
            // While pages are missing they are read one after the other, with polls in between.
            let next = if reader.is_complete() { poll_at } else { Instant::now() };
            tokio::select! {
                // In this order: a flood of hints delays neither the end nor a read that is due.
                biased;
                () = stop.cancelled() => return,
                () = sleep_until(next.max(resume_at)) => {}
                change = changes.recv() => {
                    if is_hint(&change) {
                        poll_at = poll_at.min(not_before);
                    }
                    continue;
                }
            }
            heartbeat.beat();
            let now = Instant::now();
            let is_poll = poll_at <= now;
            match stop.run_until_cancelled(self.read(&mut reader, is_poll)).await {
                None => return,
                Some(Ok(is_done)) => {
                    failures = 0;
                    let began = is_poll.then(|| *poll_began.get_or_insert(now));
                    if let Some(began) = began.filter(|_| is_done) {
                        poll_began = None;
                        not_before = Instant::now() + began.elapsed() * POLL_GAP;
                        poll_at = Instant::now() + POLL_EVERY;
                    }
                }
                Some(Err(Unread)) => {
                    (failures, poll_began) = (failures + 1, None);
                    let wait = backoff(&self.0.entropy, FIRST_WAIT, LONGEST_WAIT, failures);
                    resume_at = Instant::now() + wait;
                }
            }
        }
    }

    /// Reads a page of changes, or of all numbers. Returns whether it was the last.
    async fn read(&self, reader: &mut NumberReader, is_poll: bool) -> Result<bool, Unread> {
        if self.0.records.is_down() {
            return Err(Unread);
        }
        let was_complete = reader.is_complete();
        let page = async {
            if is_poll {
                return reader.read_changes().await;
            }
            reader.read_page().await?;
            Ok::<_, StoreError>(reader.is_complete())
        };
        let is_done = match timeout(PATIENCE, page).await {
            Ok(Ok(is_done)) => is_done,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a page of the routing cache could not be read: retrying");
                return Err(Unread);
            }
            Err(_) => {
                tracing::warn!("a page of the routing cache could not be read in time: retrying");
                return Err(Unread);
            }
        };
        let cached = self.0.store.cached_numbers();
        if reader.is_complete() && !was_complete {
            tracing::info!(numbers = cached, "routing cache complete");
        }
        metrics::gauge!("switchboard_cached_numbers").set(cached as f64);
        if is_poll && is_done && reader.is_complete() {
            let now = self.0.clock.now().timestamp();
            metrics::gauge!("switchboard_cache_confirmed_timestamp_seconds").set(now as f64);
        }
        Ok(is_done)
    }
}

/// Whether a change may concern the cache.
fn is_hint(change: &Result<Change, RecvError>) -> bool {
    match change {
        Ok(Change::Number { .. } | Change::Agent { .. } | Change::Gap | Change::Refresh) => true,
        Ok(Change::Call { .. } | Change::Message { .. } | Change::Operation { .. }) => false,
        // Changes were missed.
        Err(RecvError::Lagged(_) | RecvError::Closed) => true,
    }
}
