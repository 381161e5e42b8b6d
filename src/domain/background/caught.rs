//! Panic isolation: a panic on one item does not stop the work on the others.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// Runs the work on one of many items. Returns `None` after a panic, which is logged and counted. The caller must then postpone
/// the item, or it comes first again.
pub async fn caught<T>(work: &'static str, on: impl Future<Output = T>) -> Option<T> {
    // What the work shares with others tolerates a panic: leases expire, and poisoned locks are taken anyway.
    let done = AssertUnwindSafe(on).catch_unwind().await;
    if done.is_err() {
        tracing::error!(work, "work on one item panicked; the item is postponed and the others continue");
        metrics::counter!("switchboard_item_panics_total", "work" => work).increment(1);
    }
    done.ok()
}
