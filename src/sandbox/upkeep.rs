//! What happens by itself as the providers' clock goes on: emergency addresses are registered and removed, and ports proceed.
//!
//! It is looked after before every request to Twilio's API, every test call and text, and whenever the clock is moved, so that nobody
//! sees a state that has passed; and in the background for the webhooks of ports.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    Shared, ports,
    ports::Event,
    state::{ProviderState, porting::WebhookConfiguration},
    webhook,
};

/// Interval of the background task.
const INTERVAL: Duration = Duration::from_millis(100);

/// Makes all changes that are due, and sends the webhooks of ports in the background.
pub(crate) fn settle(sandbox: &Shared) {
    let is_due = {
        let state = sandbox.store.read();
        state.is_registration_due() || ports::is_due(&state)
    };
    if !is_due {
        return;
    }
    let settled = sandbox.store.change(|state| {
        state.settle_registrations();
        ports::settle(state)
    });
    match settled {
        Ok(events) => announce(sandbox, events),
        Err(error) => tracing::error!(%error, "saving what came due failed"),
    }
}

/// Starts the background task.
pub(crate) fn start(sandbox: &Shared) {
    let (task, stopping) = (Arc::clone(sandbox), sandbox.stopping.clone());
    sandbox.tasks.spawn(async move {
        let work = async {
            loop {
                settle(&task);
                tokio::time::sleep(INTERVAL).await;
            }
        };
        stopping.run_until_cancelled(work).await;
    });
}

/// Sends events about ports to the accounts that asked for them: that of the numbers, and its parent.
pub(crate) fn announce(sandbox: &Shared, events: Vec<Event>) {
    let (mut requests, is_doubled) = {
        let state = sandbox.store.read();
        let mut requests: Vec<_> = events.iter().flat_map(|event| addressed(&state, event)).collect();
        if state.porting.settings.shuffled {
            requests.reverse();
        }
        (requests, state.porting.settings.doubled)
    };
    if requests.is_empty() {
        return;
    }
    if is_doubled {
        requests = requests.into_iter().flat_map(|request| [request.clone(), request]).collect();
    }
    let (task, stopping) = (Arc::clone(sandbox), sandbox.stopping.clone());
    sandbox.tasks.spawn(async move {
        let work = async {
            for (account, url, body) in requests {
                let exchange = webhook::send_json(&task, &account, &url, &body).await;
                if let Err(error) = task.store.change(|state| state.porting.exchanges.push(exchange)) {
                    tracing::error!(%error, "saving a webhook's response failed");
                }
            }
        };
        stopping.run_until_cancelled(work).await;
    });
}

/// Returns account, URL and body of the requests for an event.
fn addressed(state: &ProviderState, event: &Event) -> Vec<(String, String, Value)> {
    let is_wanted = |configuration: &&WebhookConfiguration| {
        state.is_within(&event.account, &configuration.account)
            && (configuration.events.is_empty() || configuration.events.iter().any(|kind| kind == event.kind))
    };
    let wanted = state.porting.webhooks.iter().filter(is_wanted);
    wanted
        .filter_map(|configuration| {
            Some((configuration.account.clone(), configuration.port_in_url.clone()?, event.body.clone()))
        })
        .collect()
}
