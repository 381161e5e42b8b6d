//! Pool metrics: duration of statements and of waiting for a connection. Registered once for each pool.

use std::sync::Arc;
use std::time::Duration;

use metrics::Histogram;

/// Recorder of one pool's metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Meters(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    waited: Histogram,
    reads: Histogram,
    writes: Histogram,
    batches: Histogram,
}

/// Metric label of a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Read,
    Write,
    /// A statement of a group commit.
    Batch,
}

impl Kind {
    /// Classifies a statement by its first keyword. Reads that do not start with `SELECT` count as writes.
    pub(super) fn of(sql: &str) -> Self {
        if is_read(sql) { Self::Read } else { Self::Write }
    }
}

/// Whether a statement certainly changes nothing. Reads that do not start with `SELECT` are not recognized.
pub(super) fn is_read(sql: &str) -> bool {
    sql.starts_with("SELECT ")
}

impl Meters {
    /// Registers the metrics of the pool with this name.
    pub(super) fn new(pool: &'static str) -> Self {
        let took = |kind: &'static str| metrics::histogram!("switchboard_database_statement_seconds", "pool" => pool, "kind" => kind);
        let waited = metrics::histogram!("switchboard_database_wait_seconds", "pool" => pool);
        Self(Arc::new(Parts { waited, reads: took("read"), writes: took("write"), batches: took("batch") }))
    }

    /// Records the time spent waiting for a connection. Failures count too: they also kept a caller waiting.
    pub(super) fn waited(&self, took: Duration) {
        self.0.waited.record(took);
    }

    /// Records the duration of a statement.
    pub(super) fn ran(&self, kind: Kind, took: Duration) {
        match kind {
            Kind::Read => &self.0.reads,
            Kind::Write => &self.0.writes,
            Kind::Batch => &self.0.batches,
        }
        .record(took);
    }
}
