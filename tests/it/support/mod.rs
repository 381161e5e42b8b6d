//! What the tests share: the whole system in this process, over real HTTP, each test with its own; a practice on it; requests,
//! rows and statements that more than one test needs. A test imports nothing of another test.

pub(crate) mod api;
mod app;
pub(crate) mod auth;
pub(crate) mod calls;
pub(crate) mod carrier;
pub(crate) mod catalogue;
pub(crate) mod database;
pub(crate) mod fixtures;
pub(crate) mod levers;
pub(crate) mod practice;
pub(crate) mod program;
pub(crate) mod released;
pub(crate) mod sandbox;
pub(crate) mod severable;
pub(crate) mod socket;
pub(crate) mod sql;
mod system;
mod watch;
pub(crate) mod webhooks;

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
