//! Who in this process is told of what: a change goes to those who watch just that, so that whoever watches something else is not
//! even woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::Change;
use crate::domain::{AgentId, OperationId, TenantId};

/// How many changes a watcher of one thing may be behind before it loses the oldest.
const KEPT: usize = 64;
/// The same, of one who watches all tenants.
const KEPT_OF_ALL: usize = 1024;

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Everything.
    All,
    /// All numbers and agents, for the routing cache.
    Routing,
    /// One operation.
    Operation(TenantId, OperationId),
    /// A tenant's calls.
    Calls(TenantId),
    /// Those to one of its agents.
    CallsOf(TenantId, AgentId),
    /// One agent.
    Agent(AgentId),
}

impl Topic {
    fn kept(self) -> usize {
        if matches!(self, Self::All | Self::Routing) { KEPT_OF_ALL } else { KEPT }
    }
}

/// Hears what changes of one topic. A slow watcher loses the oldest and is told so.
#[derive(Debug)]
pub struct Watcher {
    receiver: Option<Receiver<Change>>,
    topic: Topic,
    hub: Hub,
}

/// Passes changes on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Hub(Arc<Mutex<HashMap<Topic, Sender<Change>>>>);

impl Hub {
    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, Sender<Change>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a topic from now on.
    pub(in crate::store) fn watch(&self, topic: Topic) -> Watcher {
        let receiver = self.lock().entry(topic).or_insert_with(|| channel(topic.kept()).0).subscribe();
        Watcher { receiver: Some(receiver), topic, hub: self.clone() }
    }

    /// Tells those who watch it.
    pub(in crate::store) fn tell(&self, change: Change) {
        let (topic, narrower) = match change {
            Change::Operation { tenant, id } => (Topic::Operation(tenant, id), None),
            Change::Call { tenant, agent, .. } => (Topic::Calls(tenant), Some(Topic::CallsOf(tenant, agent))),
            Change::Number { .. } => (Topic::Routing, None),
            Change::Agent { id, .. } => (Topic::Routing, Some(Topic::Agent(id))),
            Change::Unheard | Change::ReadAgain => {
                for sender in self.lock().values() {
                    // Its last watcher may be leaving.
                    let _ = sender.send(change);
                }
                return;
            }
        };
        let senders = self.lock();
        let topics = [Some(Topic::All), Some(topic), narrower].into_iter().flatten();
        for sender in topics.filter_map(|topic| senders.get(&topic)) {
            // The same.
            let _ = sender.send(change);
        }
    }
}

impl Watcher {
    /// The next change.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when some were lost.
    pub async fn recv(&mut self) -> Result<Change, RecvError> {
        match &mut self.receiver {
            Some(receiver) => receiver.recv().await,
            None => Err(RecvError::Closed),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
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
    async fn a_watcher_hears_its_own_topic_and_gaps_and_leaves_nothing_behind() {
        let hub = Hub::default();
        let [mine, theirs] = [1, 2].map(|n| TenantId(Uuid::from_u128(n)));
        let [agent, other] = [3, 4].map(|n| AgentId(Uuid::from_u128(n)));
        let call = |tenant, agent| Change::Call { tenant, id: CallId(Uuid::from_u128(5)), agent };
        let number = Change::Number { tenant: theirs, id: NumberId(Uuid::from_u128(6)), is_released: false };
        let mut all = hub.watch(Topic::All);
        let (mut calls, mut of_agent) =
            (hub.watch(Topic::Calls(mine)), hub.watch(Topic::CallsOf(mine, agent)));
        let mut routing = hub.watch(Topic::Routing);
        let told = [call(theirs, other), call(mine, other), call(mine, agent), number, Change::Unheard];
        for change in told {
            hub.tell(change);
        }
        for change in told {
            assert_eq!(all.recv().await, Ok(change));
        }
        for change in [call(mine, other), call(mine, agent), Change::Unheard] {
            assert_eq!(calls.recv().await, Ok(change));
        }
        for change in [call(mine, agent), Change::Unheard] {
            assert_eq!(of_agent.recv().await, Ok(change));
        }
        for change in [number, Change::Unheard] {
            assert_eq!(routing.recv().await, Ok(change));
        }
        for _ in 0..2 * KEPT {
            hub.tell(call(mine, agent));
        }
        assert!(matches!(of_agent.recv().await, Err(RecvError::Lagged(_))));
        let second = hub.watch(Topic::Calls(mine));
        drop((all, of_agent, routing, second));
        assert_eq!(hub.lock().len(), 1);
        drop(calls);
        assert!(hub.lock().is_empty());
    }
}
