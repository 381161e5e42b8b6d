//! Subscriptions. An event only announces a change; the row is read with the subscriber's own permissions. No connection is
//! held while the subscriber waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, ID, Subscription};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{Stream, stream};
use tokio::sync::broadcast::error::RecvError;

use super::context::{ContextExt, Session};
use super::errors::ApiError;
use super::model::{Call, Message, Operation, read_id};
use crate::domain::{self, AgentId, CallId, OperationId, ThreadId};
use crate::store::{Change, Topic, Watcher};

/// Interval at which a watched operation is read without an event. Events and gaps are announced by all
/// servers, so this is only a safety net.
const POLL_INTERVAL: Duration = Duration::from_secs(60);

/// Overlap of two reads while other servers' changes are not received: a transaction sets its time before its
/// commit can be seen.
const OVERLAP: TimeDelta = TimeDelta::seconds(10);
/// Maximum rows of one read. If there are more, events were missed.
const MOST_READ: usize = 500;

/// Root type of subscriptions, which has no state of its own.
#[derive(Debug)]
pub(crate) struct Subscription;

/// Subscriptions, over WebSocket at `/graphql/ws`. A subscriber that cannot keep up gets an error and its
/// stream ends: query, then subscribe again.
#[Subscription]
impl Subscription {
    /// The operation in its current state, then after every change until it ends.
    async fn operation_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the operation, as returned by a mutation.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Operation, ApiError>> + use<>, ApiError> {
        let session = Arc::clone(ctx.session()?);
        let id: OperationId = read_id("id", &id)?;
        let topic = Topic::Operation(session.scope()?.tenant(), id);
        // Before the read, so that no change in between is missed.
        let changes = session.services().database.watch(topic);
        session.signal_start();
        let watched = read_operation(&session, id)
            .await?
            .ok_or_else(|| ApiError::bad_input("id: there is no operation with this id"))?;
        let watch = Watch::new(session, changes);
        Ok(stream::try_unfold((watch, Next::Show(watched)), move |(mut watch, next)| async move {
            let operation = match next {
                Next::Show(operation) => operation,
                // A final state never changes.
                Next::After(shown) if shown.state.is_final() => return Ok(None),
                Next::After(shown) => watch.operation_after(id, &shown).await?,
            };
            Ok(Some((Operation(operation.clone()), (watch, Next::After(operation)))))
        }))
    }

    /// A call of the tenant, each time one arrives or changes.
    async fn call_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only calls to this agent. Default: all of the tenant's calls.")] agent_id: Option<
            ID,
        >,
    ) -> Result<impl Stream<Item = Result<Call, ApiError>> + use<>, ApiError> {
        let session = Arc::clone(ctx.session()?);
        let asked: Option<AgentId> = agent_id.map(|id| read_id("agentId", &id)).transpose()?;
        let agent = session
            .scope()?
            .narrow(asked)
            .ok_or_else(|| ApiError::forbidden("an agent's token watches its own agent's calls only"))?;
        let tenant = session.scope()?.tenant();
        let topic = agent.map_or(Topic::Calls(tenant), |agent| Topic::CallsOf(tenant, agent));
        // Before the agent is looked up, so that no call in between is missed.
        let changes = session.services().database.watch(topic);
        session.signal_start();
        if let Some(agent) = agent {
            let known = session.reader().await?.agents_by_id(&[agent]).await?;
            if known.is_empty() {
                return Err(ApiError::bad_input("agentId: there is no agent with this id"));
            }
        }
        let watch = Watch::new(session, changes);
        Ok(stream::try_unfold(watch, move |mut watch| async move {
            let call = watch.next_call(agent).await?;
            Ok(call.map(|call| (Call(call), watch)))
        }))
    }

    /// Each text message that comes in, is to be sent, or changes.
    async fn message_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only messages of this thread. Default: all of the tenant's messages.")]
        thread_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<Message, ApiError>> + use<>, ApiError> {
        let session = Arc::clone(ctx.session()?);
        let thread: Option<ThreadId> = thread_id.map(|id| read_id("threadId", &id)).transpose()?;
        let tenant = session.scope()?.tenant();
        let topic = thread.map_or(Topic::Messages(tenant), |thread| Topic::MessagesOf(tenant, thread));
        // Before the thread is looked up, so that no message in between is missed.
        let changes = session.services().database.watch(topic);
        session.signal_start();
        if let Some(thread) = thread {
            let (reader, scope) = (session.reader().await?, session.scope()?);
            let number = reader.threads_by_id(&[thread]).await?.pop().map(|thread| thread.number_id);
            // An agent's token sees the threads of its agent's numbers.
            let numbers = reader.numbers_by_id(number.as_slice()).await?;
            if !numbers.iter().any(|number| scope.admits(number.assigned_to())) {
                return Err(ApiError::bad_input("threadId: there is no thread with this id"));
            }
        }
        let watch = Watch::new(session, changes);
        Ok(stream::try_unfold(watch, move |mut watch| async move {
            let message = watch.next_message(thread).await?;
            Ok(message.map(|message| (Message(message), watch)))
        }))
    }
}

/// Next action of an operation's subscriber.
enum Next {
    /// Send the operation to the subscriber.
    Show(domain::Operation),
    /// Wait until it differs from this.
    After(domain::Operation),
}

/// A subscriber: its session and its stream of changes.
struct Watch<T> {
    session: Arc<Session>,
    changes: Watcher,
    /// Rows that were read and are not sent yet.
    found: VecDeque<T>,
    /// Rows of the last read, so that none is sent twice.
    read: Vec<T>,
    read_at: DateTime<Utc>,
}

impl<T> Watch<T> {
    fn new(session: Arc<Session>, changes: Watcher) -> Self {
        let read_at = session.services().clock.now();
        Self { session, changes, found: VecDeque::new(), read: Vec::new(), read_at }
    }

    /// The next relevant change; `None` when the server stops.
    async fn change(&mut self) -> Result<Option<Change>, ApiError> {
        // A subscription mostly waits, and must hold neither a transaction nor a turn meanwhile.
        drop(self.session.rest().await);
        match self.changes.recv().await {
            Ok(change) => Ok(Some(change)),
            Err(RecvError::Closed) => Ok(None),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "subscriber too slow");
                Err(missed_events("the subscriber was too slow"))
            }
        }
    }
}

impl<T: Clone + PartialEq> Watch<T> {
    /// Keeps the rows of a read that began at `now` and that `concern` the subscriber; `rows` names them in the error. A row that this server changed itself is
    /// sent again.
    fn keep_news(
        &mut self,
        changed: Vec<T>,
        now: DateTime<Utc>,
        rows: &str,
        concern: impl Fn(&T) -> bool,
    ) -> Result<(), ApiError> {
        // A full read may have left out further rows.
        if changed.len() >= MOST_READ {
            return Err(missed_events(&format!("too many {rows} changed")));
        }
        // Because the reads overlap, this one may return rows that were already shown.
        let is_new = |row: &&T| concern(row) && !self.read.contains(row);
        self.found.extend(changed.iter().filter(is_new).cloned());
        // The time before the read: what is committed during the read is found by the next one.
        (self.read, self.read_at) = (changed, now);
        Ok(())
    }
}

impl Watch<domain::Operation> {
    /// The operation, once it differs from `shown`.
    async fn operation_after(
        &mut self,
        id: OperationId,
        shown: &domain::Operation,
    ) -> Result<domain::Operation, ApiError> {
        loop {
            // Whatever arrives, a gap included, the operation is read: its state alone counts.
            let changed = tokio::time::timeout(POLL_INTERVAL, self.change()).await;
            if let Ok(Err(error)) = changed {
                return Err(error);
            }
            self.session.take_turn().await;
            if let Some(now) = read_operation(&self.session, id).await?
                // The event may be about the state that was already shown.
                && now != *shown
            {
                return Ok(now);
            }
        }
    }
}

impl Watch<domain::Call> {
    /// The next call that arrives or changes; `None` when the server stops.
    async fn next_call(&mut self, agent: Option<AgentId>) -> Result<Option<domain::Call>, ApiError> {
        loop {
            if let Some(call) = self.found.pop_front() {
                return Ok(Some(call));
            }
            let id: CallId = match self.change().await? {
                None => return Ok(None),
                Some(Change::Refresh) => {
                    self.session.take_turn().await;
                    let now = self.session.services().clock.now();
                    let since = self.read_at - OVERLAP;
                    let changed =
                        self.session.reader().await?.calls_changed_since(since, MOST_READ as u64).await?;
                    self.keep_news(changed, now, "calls", |call| {
                        agent.is_none_or(|agent| agent == call.agent_id)
                    })?;
                    continue;
                }
                Some(Change::Gap) => return Err(missed_events("the database was unavailable")),
                Some(Change::Call { id, .. }) => id,
                Some(_) => continue,
            };
            self.session.take_turn().await;
            let call = self.session.reader().await?.calls_by_id(&[id]).await?.pop();
            if call.is_some() {
                return Ok(call);
            }
        }
    }
}

impl Watch<domain::Message> {
    /// The next message that is stored or changes; `None` when the server stops.
    async fn next_message(&mut self, thread: Option<ThreadId>) -> Result<Option<domain::Message>, ApiError> {
        let scope = self.session.scope()?;
        loop {
            if let Some(message) = self.found.pop_front() {
                return Ok(Some(message));
            }
            let id = match self.change().await? {
                None => return Ok(None),
                Some(Change::Gap) => return Err(missed_events("the database was unavailable")),
                Some(Change::Refresh) => {
                    self.session.take_turn().await;
                    let now = self.session.services().clock.now();
                    let since = self.read_at - OVERLAP;
                    let reader = self.session.reader().await?;
                    let changed = reader.messages_changed_since(since, thread, MOST_READ as u64).await?;
                    drop(reader);
                    self.keep_news(changed, now, "messages", |message| scope.admits(message.agent_id))?;
                    continue;
                }
                Some(Change::Message { id, agent, .. }) if scope.admits(agent) => id,
                Some(_) => continue,
            };
            self.session.take_turn().await;
            let message = self.session.reader().await?.messages_by_id(&[id]).await?.pop();
            if message.is_some() {
                return Ok(message);
            }
        }
    }
}

fn missed_events(cause: &str) -> ApiError {
    ApiError::bad_input(format!("{cause}: events were missed. Query the current state, then subscribe again"))
}

async fn read_operation(session: &Session, id: OperationId) -> Result<Option<domain::Operation>, ApiError> {
    let scope = session.scope()?;
    let found = session.reader().await?.operations_by_id(&[id]).await?.pop();
    Ok(found.filter(|operation| scope.admits(operation.agent_id)))
}
