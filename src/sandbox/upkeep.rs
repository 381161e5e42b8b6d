//! What happens by itself as the providers' clock goes on: emergency addresses are registered and removed, and ports proceed.
//!
//! Due changes are applied before every request to Twilio's API, every test call and text, and whenever the clock is moved, so that
//! nobody sees a state that has passed; and in the background for the webhooks of ports.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    Shared, ports,
    ports::Event,
    state::{ProviderState, porting::WebhookConfiguration},
    webhook,
};

/// Interval of the background task.
const INTERVAL: Duration = Duration::from_millis(100);
/// Number of webhooks about ports that are kept for the control API.
const MAX_EXCHANGES: usize = 1000;

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
        Ok(events) => announce(sandbox, &events),
        Err(error) => tracing::error!(%error, "saving what came due failed"),
    }
}

/// A webhook about a port.
#[derive(Clone)]
pub(crate) struct Announcement {
    /// Account that configured the webhook.
    account: String,
    url: String,
    body: Value,
}

/// Starts the background tasks: one for what comes due, and one that sends webhooks in the order of their events.
pub(crate) fn start(sandbox: &Shared, mut announced: UnboundedReceiver<Announcement>) {
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
    let (task, stopping) = (Arc::clone(sandbox), sandbox.stopping.clone());
    sandbox.tasks.spawn(async move {
        let work = async {
            while let Some(Announcement { account, url, body }) = announced.recv().await {
                let exchange = webhook::send_json(&task, &account, &url, &body).await;
                let saved = task.store.change(|state| {
                    let exchanges = &mut state.porting.exchanges;
                    exchanges.push(exchange);
                    exchanges.drain(..exchanges.len().saturating_sub(MAX_EXCHANGES));
                });
                if let Err(error) = saved {
                    tracing::error!(%error, "saving a webhook's response failed");
                }
            }
        };
        stopping.run_until_cancelled(work).await;
    });
}

/// Sends events about ports to the accounts that asked for them: that of the numbers, and its parent.
pub(crate) fn announce(sandbox: &Shared, events: &[Event]) {
    let (mut announcements, is_doubled) = {
        let state = sandbox.store.read();
        let mut announcements: Vec<_> = events.iter().flat_map(|event| addressed(&state, event)).collect();
        if state.porting.settings.shuffled {
            announcements.reverse();
        }
        (announcements, state.porting.settings.doubled)
    };
    if is_doubled {
        announcements = announcements.into_iter().flat_map(|one| [one.clone(), one]).collect();
    }
    for announcement in announcements {
        // The receiver is gone if the sandbox is being stopped.
        let _ = sandbox.announcements.send(announcement);
    }
}

fn addressed(state: &ProviderState, event: &Event) -> Vec<Announcement> {
    let is_wanted = |configuration: &&WebhookConfiguration| {
        state.is_within(&event.account, &configuration.account)
            && (configuration.events.is_empty() || configuration.events.iter().any(|kind| kind == event.kind))
    };
    let wanted = state.porting.webhooks.iter().filter(is_wanted);
    wanted
        .filter_map(|configuration| {
            let url = configuration.port_in_url.clone()?;
            Some(Announcement { account: configuration.account.clone(), url, body: event.body.clone() })
        })
        .collect()
}
