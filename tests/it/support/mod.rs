//! What the tests share: the whole system in this process, over real HTTP, each test with its own.

mod app;
pub(crate) mod database;
mod levers;
pub(crate) mod program;
pub(crate) mod severable;
mod system;
mod watch;

pub(crate) use app::{App, WEBHOOK_SECRET};
pub(crate) use levers::Levers;
pub(crate) use system::System;
pub(crate) use watch::Watched;

use std::time::{Duration, Instant};

/// Polls until the condition gives something, and panics when it has not by then.
pub(crate) async fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(begun.elapsed() < deadline, "after {deadline:?} still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
