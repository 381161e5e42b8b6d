//! One item of many that panics.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// Works on one of many items. `None`: that panicked, which is logged and counted, and costs the others nothing. Whoever
/// works on the item must then put it off, or it comes first again.
pub async fn caught<T>(work: &'static str, on: impl Future<Output = T>) -> Option<T> {
    let done = AssertUnwindSafe(on).catch_unwind().await;
    if done.is_err() {
        tracing::error!(work, "work on one item panicked: the item is put off, and the others go on");
        metrics::counter!("switchboard_item_panics_total", "work" => work).increment(1);
    }
    done.ok()
}
