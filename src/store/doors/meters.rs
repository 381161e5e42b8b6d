//! What is measured of a pool: how long statements and a free connection took. Registered once for each pool.

use std::sync::Arc;
use std::time::Duration;

use metrics::Histogram;

/// Measures one pool's work. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Meters(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    waited: Histogram,
    reads: Histogram,
    writes: Histogram,
    batches: Histogram,
}

/// What a statement is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Read,
    Write,
    /// A group commit's.
    Batch,
}

impl Kind {
    /// As far as a statement's text tells: one that does not look like a read may be one.
    pub(super) fn of(sql: &str) -> Self {
        if is_read(sql) { Self::Read } else { Self::Write }
    }
}

/// Whether a statement changes nothing. One that does not look so may still be a read.
pub(super) fn is_read(sql: &str) -> bool {
    sql.starts_with("SELECT ")
}

impl Meters {
    /// Of the pool of this name.
    pub(super) fn new(pool: &'static str) -> Self {
        let took = |kind: &'static str| metrics::histogram!("switchboard_database_statement_seconds", "pool" => pool, "kind" => kind);
        let waited = metrics::histogram!("switchboard_database_wait_seconds", "pool" => pool);
        Self(Arc::new(Parts { waited, reads: took("read"), writes: took("write"), batches: took("batch") }))
    }

    /// A connection was waited for this long. What fails is measured too: it kept somebody waiting.
    pub(super) fn waited(&self, took: Duration) {
        self.0.waited.record(took);
    }

    /// A statement took this long.
    pub(super) fn ran(&self, kind: Kind, took: Duration) {
        match kind {
            Kind::Read => &self.0.reads,
            Kind::Write => &self.0.writes,
            Kind::Batch => &self.0.batches,
        }
        .record(took);
    }
}
