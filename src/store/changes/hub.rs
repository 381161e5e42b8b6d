//! In-process publish and subscribe. A change wakes only the watchers of its topics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::Change;
use crate::domain::{AgentId, OperationId, TenantId, ThreadId};

/// Buffer size of a watcher of one object or tenant. A slower watcher loses the oldest changes.
const BUFFER: usize = 64;
/// Buffer size of a watcher of all tenants.
const BUFFER_OF_ALL: usize = 1024;

/// Changes that a watcher receives. Every topic also receives [`Change::Gap`] and [`Change::Refresh`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// All changes of all tenants.
    All,
    /// Changes to numbers and agents of all tenants, for the routing cache.
    Routing,
    /// Changes to one operation.
    Operation(TenantId, OperationId),
    /// Changes to a tenant's calls.
    Calls(TenantId),
    /// Changes to calls for one agent.
    CallsOf(TenantId, AgentId),
    /// Changes to a tenant's messages.
    Messages(TenantId),
    /// Changes to the messages of one thread.
    MessagesOf(TenantId, ThreadId),
    /// Changes to one agent.
    Agent(AgentId),
}

impl Topic {
    fn buffer(self) -> usize {
        if matches!(self, Self::All | Self::Routing) { BUFFER_OF_ALL } else { BUFFER }
    }
}

/// Subscription to one topic. A slow watcher loses the oldest changes and gets an error about it.
#[derive(Debug)]
pub struct Watcher {
    receiver: Option<Receiver<Change>>,
    topic: Topic,
    hub: Hub,
}

/// Distributes changes to watchers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Hub(Arc<Mutex<HashMap<Topic, Sender<Change>>>>);

impl Hub {
    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, Sender<Change>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes to a topic.
    pub(in crate::store) fn watch(&self, topic: Topic) -> Watcher {
        // One channel for each topic, so that a change wakes only the watchers of its own topics.
        let receiver = self.lock().entry(topic).or_insert_with(|| channel(topic.buffer()).0).subscribe();
        Watcher { receiver: Some(receiver), topic, hub: self.clone() }
    }

    /// Delivers a change to the watchers of its topics.
    pub(in crate::store) fn publish(&self, change: Change) {
        let (topic, narrower) = match change {
            Change::Operation { tenant, id } => (Topic::Operation(tenant, id), None),
            Change::Call { tenant, agent, .. } => (Topic::Calls(tenant), Some(Topic::CallsOf(tenant, agent))),
            Change::Message { tenant, thread, .. } => {
                (Topic::Messages(tenant), Some(Topic::MessagesOf(tenant, thread)))
            }
            Change::Number { .. } => (Topic::Routing, None),
            Change::Agent { id, .. } => (Topic::Routing, Some(Topic::Agent(id))),
            Change::Gap | Change::Refresh => {
                for sender in self.lock().values() {
                    // Fails only if the last watcher has just left.
                    let _ = sender.send(change);
                }
                return;
            }
        };
        // Locked while sending, so that all watchers of a topic see changes in the same order.
        let senders = self.lock();
        let topics = [Some(Topic::All), Some(topic), narrower].into_iter().flatten();
        for sender in topics.filter_map(|topic| senders.get(&topic)) {
            // Fails only if the last watcher has just left.
            let _ = sender.send(change);
        }
    }
}

impl Watcher {
    /// Waits for the next change.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] if changes were lost; the next call continues after them.
    pub async fn recv(&mut self) -> Result<Change, RecvError> {
        match &mut self.receiver {
            Some(receiver) => receiver.recv().await,
            None => Err(RecvError::Closed),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // Locked before unsubscribing, so that nobody subscribes to a sender that is about to be removed.
        let mut senders = self.hub.lock();
        self.receiver = None;
        if senders.get(&self.topic).is_some_and(|sender| sender.receiver_count() == 0) {
            senders.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{CallId, NumberId};

    #[tokio::test]
    async fn a_watcher_receives_its_topic_and_gaps_and_is_removed_when_dropped() {
        let hub = Hub::default();
        let [mine, theirs] = [1, 2].map(|n| TenantId(Uuid::from_u128(n)));
        let [agent, other] = [3, 4].map(|n| AgentId(Uuid::from_u128(n)));
        let call = |tenant, agent| Change::Call { tenant, id: CallId(Uuid::from_u128(5)), agent };
        let number = Change::Number { tenant: theirs, id: NumberId(Uuid::from_u128(6)), is_released: false };
        let mut all = hub.watch(Topic::All);
        let (mut calls, mut of_agent) =
            (hub.watch(Topic::Calls(mine)), hub.watch(Topic::CallsOf(mine, agent)));
        let mut routing = hub.watch(Topic::Routing);
        let changes = [call(theirs, other), call(mine, other), call(mine, agent), number, Change::Gap];
        for change in changes {
            hub.publish(change);
        }
        for change in changes {
            assert_eq!(all.recv().await, Ok(change));
        }
        for change in [call(mine, other), call(mine, agent), Change::Gap] {
            assert_eq!(calls.recv().await, Ok(change));
        }
        for change in [call(mine, agent), Change::Gap] {
            assert_eq!(of_agent.recv().await, Ok(change));
        }
        for change in [number, Change::Gap] {
            assert_eq!(routing.recv().await, Ok(change));
        }
        for _ in 0..2 * BUFFER {
            hub.publish(call(mine, agent));
        }
        assert!(matches!(of_agent.recv().await, Err(RecvError::Lagged(_))));
        let second = hub.watch(Topic::Calls(mine));
        drop((all, of_agent, routing, second));
        assert_eq!(hub.lock().len(), 1);
        drop(calls);
        assert!(hub.lock().is_empty());
    }
}
