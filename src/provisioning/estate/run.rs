//! A run over many numbers, a few at a time. It ends early if the carrier is most likely unavailable.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

/// Maximum number of concurrent operations of a run.
const PARALLEL: usize = 4;
/// Consecutive failures after which the run starts no further number.
const FAILURES_IN_A_ROW: u8 = 5;

/// How a run ended.
#[derive(Debug, Default)]
pub struct RunEnd {
    /// Number of numbers not started.
    pub not_begun: usize,
    /// Whether the run ended because of consecutive failures; otherwise it finished or was cancelled.
    pub gave_up: bool,
}

/// Begins something for each item, a few at a time. `on_result` says of each result whether it counts as a failure. Once cancelled,
/// the run begins nothing further and waits for what is under way.
pub(in crate::provisioning) async fn a_few_at_a_time<T, R, F: Future<Output = R>>(
    items: Vec<T>,
    stop: &CancellationToken,
    begin: impl Fn(T) -> F,
    mut on_result: impl FnMut(R) -> bool,
) -> RunEnd {
    let (mut waiting, mut begun) = (VecDeque::from(items), FuturesUnordered::new());
    let (mut end, mut failures) = (RunEnd::default(), 0_u8);
    loop {
        end.gave_up = failures >= FAILURES_IN_A_ROW && !waiting.is_empty();
        while begun.len() < PARALLEL
            && !stop.is_cancelled()
            && !end.gave_up
            && let Some(item) = waiting.pop_front()
        {
            begun.push(begin(item));
        }
        let Some(result) = begun.next().await else { break };
        failures = if on_result(result) { failures.saturating_add(1) } else { 0 };
    }
    end.not_begun = waiting.len();
    end
}
