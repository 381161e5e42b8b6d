//! What is measured of a pool: statements, and how long they and a free connection took. Registered once for each pool.
//!
//! The futures are measured without an `async` block around them, which would hold them twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use metrics::Histogram;

/// Measures one pool's work. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::store) struct Meters(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// Counts statements, with the other pool.
    statements: Arc<AtomicU64>,
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
    pub(in crate::store) fn new(pool: &'static str, statements: Arc<AtomicU64>) -> Self {
        let took = |kind: &'static str| metrics::histogram!("switchboard_database_statement_seconds", "pool" => pool, "kind" => kind);
        let waited = metrics::histogram!("switchboard_database_wait_seconds", "pool" => pool);
        let (reads, writes, batches) = (took("read"), took("write"), took("batch"));
        Self(Arc::new(Parts { statements, waited, reads, writes, batches }))
    }

    /// Measures how long a connection takes to be had. What fails is measured too: it kept somebody waiting.
    pub(super) fn waiting<T>(&self, connection: impl Future<Output = T>) -> impl Future<Output = T> {
        let began = Instant::now();
        connection.inspect(move |_| self.0.waited.record(began.elapsed()))
    }

    /// Counts a statement and measures how long it takes.
    pub(super) fn running<T>(
        &self,
        kind: Kind,
        statement: impl Future<Output = T>,
    ) -> impl Future<Output = T> {
        let began = Instant::now();
        statement.inspect(move |_| self.ran(kind, began.elapsed()))
    }

    /// Counts a statement that took this long.
    pub(super) fn ran(&self, kind: Kind, took: Duration) {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
        match kind {
            Kind::Read => &self.0.reads,
            Kind::Write => &self.0.writes,
            Kind::Batch => &self.0.batches,
        }
        .record(took);
    }
}
