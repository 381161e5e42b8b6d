//! Lease renewal while work is under way.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::store::StoreError;

/// Renews a lease of this length every `every`. Returns once the lease is lost, or may have expired because renewals failed.
/// A failed renewal alone does not end the work: the lease is still live, and another driver would repeat the work later.
pub(super) async fn hold<F>(length: Duration, every: Duration, renew: impl Fn() -> F) -> StoreError
where
    F: Future<Output = Result<(), StoreError>>,
{
    // The claim may be a moment old: up to a third of the length is assumed to have passed.
    let mut until = Instant::now() + length - length / 3;
    loop {
        sleep(every).await;
        let began = Instant::now();
        let failure = match timeout_at(until, renew()).await {
            Ok(Ok(())) => {
                // From before the request: when exactly the database renewed the lease is unknown.
                until = began + length;
                continue;
            }
            Ok(Err(failure)) => failure,
            Err(_elapsed) => StoreError::Busy,
        };
        if matches!(failure, StoreError::LeaseLost) || Instant::now() >= until {
            return failure;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LENGTH: Duration = Duration::from_millis(300);

    /// Returns the error that ended the lease and the number of renewals; a lease lasts for three renewals.
    async fn held(renew: impl Fn(u32) -> Result<(), StoreError>) -> (StoreError, u32) {
        let renewals = Cell::new(0);
        let end = hold(LENGTH, LENGTH / 3, || {
            renewals.set(renewals.get() + 1);
            std::future::ready(renew(renewals.get()))
        });
        let end = tokio::time::timeout(Duration::from_secs(60), end).await;
        (end.expect("it is kept for good"), renewals.get())
    }

    #[tokio::test]
    async fn a_lease_is_renewed_after_failures_until_it_is_lost_or_may_have_expired() {
        let fails_twice = |nth: u32| match nth {
            3 | 4 => Err(StoreError::Busy),
            9 => Err(StoreError::LeaseLost),
            _ => Ok(()),
        };
        let (end, renewals) = held(fails_twice).await;
        assert!(matches!(end, StoreError::LeaseLost) && renewals == 9, "{end} {renewals}");
        let (end, renewals) = held(|nth| if nth < 3 { Ok(()) } else { Err(StoreError::Busy) }).await;
        assert!(matches!(end, StoreError::Busy) && (4..=5).contains(&renewals), "{end} {renewals}");
        let (_, renewals) = held(|_| Err(StoreError::Busy)).await;
        assert!((1..=3).contains(&renewals), "{renewals}");
    }
}
