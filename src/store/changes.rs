//! Publishes changes to watchers in this process: changes by this server at once, changes by other servers as
//! Postgres notifies of them.
//!
//! If no connection receives notifications (a pooler in transaction mode, an unreachable address), watchers
//! are told to re-read every few seconds. Whether a connection receives them is tested with a notification
//! sent through the pool.

mod hub;

use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::postgres::{PgListener, PgNotification};
use tokio::time::timeout;
use uuid::Uuid;

pub(super) use hub::Hub;
pub use hub::{Topic, Watcher};

use super::dialect::ListenError;
use super::group_commit::{Batched, CommitQueue};
use super::{Database, Shared, StoreError, SystemStore, dialect};
use crate::domain::{AgentId, CallId, MessageId, NumberId, OperationId, TenantId, ThreadId, backoff};

/// Channel on which table triggers notify.
const CHANNEL: &str = "switchboard_changes";
/// Prefix of an announcement; the announcing server's name follows.
const SERVER_PREFIX: &str = "from ";
/// Line that announces a gap: changes may have been missed.
const GAP: &str = "gap";
/// Maximum size of one announcement in bytes. Postgres allows 8,000.
const MAX_BYTES: usize = 7_800;
/// Silence after which the listening connection is tested: a dead one is silent too.
const PROBE_AFTER: Duration = Duration::from_secs(20);
/// Time limit for that test.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two announcements, which bundles changes.
const ANNOUNCE_INTERVAL: Duration = Duration::from_millis(10);
/// Time limit for one announcement.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause after a failed announcement.
const ANNOUNCE_RETRY: Duration = Duration::from_secs(1);
/// Time limits for connecting the listener and for its test notification.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(8);
const TEST_TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum interval between re-reads while notifications are not received.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// Number of re-reads before listening is attempted again behind a pooler in transaction mode, which seldom changes.
const REFRESHES_BEHIND_POOLER: u32 = 60;
/// Number of failed attempts after which watchers re-read in between.
const FAILURES_BEFORE_REFRESH: u32 = 4;
/// Shortest and longest pause between attempts to listen again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A change to a tenant's data. Contains only ids: watchers read the data through their own store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An operation was created or changed.
    Operation {
        /// Tenant that owns the operation.
        tenant: TenantId,
        /// The operation that changed.
        id: OperationId,
    },
    /// A call was created or changed.
    Call {
        /// Tenant that owns the call.
        tenant: TenantId,
        /// The call that changed.
        id: CallId,
        /// Agent that the call is for.
        agent: AgentId,
    },
    /// A message was stored or changed.
    Message {
        /// Tenant that owns the message.
        tenant: TenantId,
        /// The message that changed.
        id: MessageId,
        /// Thread that the message belongs to.
        thread: ThreadId,
        /// Agent of the message's number.
        agent: AgentId,
    },
    /// A number was added or released, or its routing rules changed.
    Number {
        /// Tenant that owns the number.
        tenant: TenantId,
        /// The number that changed.
        id: NumberId,
        /// Whether the number was released.
        is_released: bool,
    },
    /// An agent's answering data or its token changed.
    Agent {
        /// Tenant that owns the agent.
        tenant: TenantId,
        /// The agent that changed.
        id: AgentId,
    },
    /// Changes by other servers may have been missed. Watchers must re-read.
    Gap,
    /// Changes by other servers cannot be received at present. Published every few seconds; watchers must re-read.
    Refresh,
}

/// A change announced to other servers in the background, bundled with others. Announcements make other
/// servers faster and are never needed for correctness. They take no part in any transaction: from the commit
/// of a notifying transaction to its flush Postgres holds a lock on the whole database, which a call's
/// transaction must not take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announcement(Change);

impl Batched for Announcement {
    type Done = ();
    const IS_DURABLE: bool = false;

    fn queue(shared: &Shared) -> &CommitQueue<Self> {
        &shared.announcements
    }

    async fn write(store: &SystemStore, batch: &[Self]) -> Result<Vec<()>, StoreError> {
        let lost = &store.shared.announcement_lost;
        // Relaxed: only the single writer of this ordered queue clears the flag.
        let gap = lost.swap(false, Ordering::Relaxed).then_some(Change::Gap);
        let changes = gap.into_iter().chain(batch.iter().map(|announcement| announcement.0));
        let texts = packed(changes, &store.shared.name);
        match timeout(ANNOUNCE_TIMEOUT, dialect::notify(store.db(), CHANNEL, &texts)).await {
            // The pause lets further changes join the next notification.
            Ok(Ok(())) => tokio::time::sleep(ANNOUNCE_INTERVAL).await,
            _failed => {
                tracing::debug!("announcing changes to other servers failed: retrying");
                tokio::time::sleep(ANNOUNCE_RETRY).await;
                // Retried until it succeeds: watchers at other servers must learn that changes are missing.
                if store.write_later([Self(Change::Gap)]).is_err() {
                    lost.store(true, Ordering::Relaxed);
                }
            }
        }
        Ok(vec![(); batch.len()])
    }
}

impl SystemStore {
    /// Publishes changes to watchers here at once, and announces them to other servers in the background. A
    /// lost announcement is followed by a [`Change::Gap`].
    pub(super) fn publish_all(&self, changes: &[Change]) {
        for change in changes {
            self.shared.publish(*change);
        }
        if changes.is_empty() || !dialect::has_policies(self.db()) {
            return;
        }
        if self.write_later(changes.iter().copied().map(Announcement)).is_err() {
            self.shared.announcement_lost.store(true, Ordering::Relaxed);
        }
    }
}

impl Change {
    /// The line sent to other servers. Inverse of [`Self::read`].
    fn line(self) -> String {
        match self {
            Self::Operation { tenant, id } => format!("operation {} {}", tenant.0.simple(), id.0.simple()),
            Self::Call { tenant, id, agent } => {
                format!("call {} {} {}", tenant.0.simple(), id.0.simple(), agent.0.simple())
            }
            Self::Message { tenant, id, thread, agent } => format!(
                "message {} {} {} {}",
                tenant.0.simple(),
                id.0.simple(),
                thread.0.simple(),
                agent.0.simple()
            ),
            Self::Number { tenant, id, is_released } => {
                let kind = if is_released { "released" } else { "number" };
                format!("{kind} {} {}", tenant.0.simple(), id.0.simple())
            }
            Self::Agent { tenant, id } => format!("agent {} {}", tenant.0.simple(), id.0.simple()),
            // `Refresh` is never announced: every server finds out by itself whether it receives notifications.
            Self::Gap | Self::Refresh => GAP.to_owned(),
        }
    }

    /// Parses a line from another server or a trigger. Returns the change and the application name of the
    /// connection that made it.
    fn read(line: &str) -> Option<(Self, &str)> {
        if line == GAP {
            return Some((Self::Gap, ""));
        }
        let (kind, rest) = line.split_once(' ')?;
        let (tenant, rest) = id(rest)?;
        let (row, rest) = id(rest)?;
        let tenant = TenantId(tenant);
        match kind {
            "operation" => Some((Self::Operation { tenant, id: OperationId(row) }, rest)),
            "call" => {
                let (agent, rest) = id(rest)?;
                Some((Self::Call { tenant, id: CallId(row), agent: AgentId(agent) }, rest))
            }
            "message" => {
                let (thread, rest) = id(rest)?;
                let (agent, rest) = id(rest)?;
                let (thread, agent) = (ThreadId(thread), AgentId(agent));
                Some((Self::Message { tenant, id: MessageId(row), thread, agent }, rest))
            }
            "number" | "released" => {
                Some((Self::Number { tenant, id: NumberId(row), is_released: kind == "released" }, rest))
            }
            "agent" => Some((Self::Agent { tenant, id: AgentId(row) }, rest)),
            _ => None,
        }
    }
}

/// Packs changes into as few texts as possible: the server's name, then one line for each change.
fn packed(changes: impl Iterator<Item = Change>, server: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for line in changes.map(Change::line) {
        match texts.last_mut().filter(|text| text.len() + line.len() < MAX_BYTES) {
            Some(text) => {
                text.push('\n');
                text.push_str(&line);
            }
            None => texts.push(format!("{SERVER_PREFIX}{server}\n{line}")),
        }
    }
    texts
}

fn id(text: &str) -> Option<(Uuid, &str)> {
    let (id, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some((id.parse().ok()?, rest))
}

impl Database {
    /// Receives changes by other servers and publishes them to watchers here, for as long as it is polled.
    /// Returns at once on SQLite, where a file has one server.
    pub async fn receive_changes(&self) {
        let (mut failures, mut gap) = (0, None);
        while let Some(hosts) = self.shared.tenants.hosts() {
            let hosts = self.shared.listening.as_ref().unwrap_or(hosts);
            let Err(error) = self.listen(hosts, &mut failures, &mut gap).await;
            failures += 1;
            // Published once listening works again: until then more changes may be missed.
            gap = gap.or(Some(Change::Gap));
            // Once, until listening works again: behind a pooler in transaction mode it never may.
            if failures == 1 {
                tracing::warn!(
                    %error,
                    "changes by other servers are not received: watchers here re-read every few seconds; behind a connection \
                     pooler, set DATABASE_LISTEN_URL to an address that bypasses it"
                );
            }
            let refreshes = if matches!(error, ListenError::PoolerInTransactionMode) {
                REFRESHES_BEHIND_POOLER
            } else {
                1
            };
            for _ in 0..refreshes {
                let wait = backoff(&self.shared.entropy, FIRST_WAIT, MAX_WAIT, failures.max(refreshes));
                tokio::time::sleep(wait.min(REFRESH_INTERVAL)).await;
                // A short interruption is covered by the gap published afterwards. Re-reading helps only
                // while the database answers.
                let is_lasting = failures > FAILURES_BEFORE_REFRESH || refreshes > 1;
                if is_lasting && self.ping().await.is_ok() {
                    gap = Some(Change::Refresh);
                    self.shared.publish(Change::Refresh);
                }
            }
        }
    }

    /// Listens until the connection is lost.
    async fn listen(
        &self,
        hosts: &dialect::Hosts,
        failures: &mut u32,
        gap: &mut Option<Change>,
    ) -> Result<std::convert::Infallible, ListenError> {
        let token = self.shared.entropy.uuid(self.shared.clock.now()).simple().to_string();
        // A channel of its own: the tests of other servers do not arrive on it.
        let test_channel = format!("switchboard_{token}");
        let mut listener = hosts.listen([CHANNEL, &test_channel], LISTEN_TIMEOUT).await?;
        self.verify_delivery(&mut listener, &test_channel, &token).await?;
        *failures = 0;
        if let Some(gap) = gap.take() {
            tracing::info!("changes by other servers are received again");
            self.shared.publish(gap);
        }
        loop {
            let received = match timeout(PROBE_AFTER, listener.try_recv()).await {
                Ok(received) => received?.ok_or_else(connection_closed)?,
                Err(_silence) => {
                    ping_listener(&mut listener).await?;
                    continue;
                }
            };
            self.publish_received(&received);
        }
    }

    /// Publishes a notification's changes to watchers here, except this server's own.
    fn publish_received(&self, received: &PgNotification) {
        let payload = received.payload();
        // Triggers name no server: they end their line with the application name of the connection that wrote.
        let (server, lines) = payload
            .strip_prefix(SERVER_PREFIX)
            .and_then(|rest| rest.split_once('\n'))
            .unwrap_or(("", payload));
        // Published here before it was announced.
        if server == self.shared.name {
            return;
        }
        for line in lines.lines() {
            match Change::read(line) {
                Some((_, who)) if who == self.shared.name => {}
                Some((change, _)) => self.shared.publish(change),
                // A newer version may announce kinds of changes that this one does not know.
                None => tracing::warn!(line, "ignored unreadable change notification"),
            }
        }
    }

    /// Sends a notification through the pool and waits until the listener receives it. This proves that both
    /// reach the same database and that no pooler in between drops notifications.
    async fn verify_delivery(
        &self,
        listener: &mut PgListener,
        channel: &str,
        token: &str,
    ) -> Result<(), ListenError> {
        let arrives = async {
            let sent = dialect::notify(&self.shared.tenants, channel, &[token.to_owned()]).await;
            sent.map_err(|error| ListenError::Lost(error.to_string()))?;
            loop {
                let received = listener.try_recv().await?.ok_or_else(connection_closed)?;
                if received.channel() == channel {
                    return Ok(());
                }
                // Changes that arrive during the test are not lost.
                self.publish_received(&received);
            }
        };
        timeout(TEST_TIMEOUT, arrives).await.unwrap_or(Err(ListenError::NotDelivered))
    }
}

async fn ping_listener(listener: &mut PgListener) -> Result<(), ListenError> {
    let answer = sqlx::Executor::execute(listener, "SELECT 1");
    timeout(PROBE_TIMEOUT, answer).await.map_err(|_| connection_closed())??;
    Ok(())
}

fn connection_closed() -> ListenError {
    ListenError::Lost("the connection was closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_triggers_and_announcements_are_parsed_and_others_ignored() {
        let [tenant, row, agent] = [1, 2, 3].map(Uuid::from_u128);
        let operation = Change::Operation { tenant: TenantId(tenant), id: OperationId(row) };
        let call = Change::Call { tenant: TenantId(tenant), id: CallId(row), agent: AgentId(agent) };
        assert_eq!(Change::read(&format!("operation {tenant} {row} me")), Some((operation, "me")));
        assert_eq!(
            Change::read(&format!("call {tenant} {row} {agent} psql on a desk")),
            Some((call, "psql on a desk"))
        );
        assert_eq!(Change::read(&format!("call {tenant} {row} {agent}")), Some((call, "")));
        for (kind, is_released) in [("number", false), ("released", true)] {
            let number = Change::Number { tenant: TenantId(tenant), id: NumberId(row), is_released };
            assert_eq!(Change::read(&format!("{kind} {tenant} {row} me")), Some((number, "me")));
        }
        let message = Change::Message {
            tenant: TenantId(tenant),
            id: MessageId(row),
            thread: ThreadId(Uuid::from_u128(4)),
            agent: AgentId(agent),
        };
        let answering = Change::Agent { tenant: TenantId(tenant), id: AgentId(row) };
        for change in [operation, call, message, answering, Change::Gap] {
            assert_eq!(Change::read(&change.line()), Some((change, "")));
        }
        let texts = packed(std::iter::repeat_n(call, 200), "me");
        assert!((2..=3).contains(&texts.len()) && texts.iter().all(|text| text.len() < 8000));
        let lines = texts.iter().flat_map(|text| text.strip_prefix("from me\n").unwrap().lines());
        assert_eq!(lines.filter(|line| Change::read(line) == Some((call, ""))).count(), 200);
        assert_eq!(Change::read(&format!("agent {tenant} {row} me")), Some((answering, "me")));
        for odd in ["", "call", "call x y z", &format!("call {tenant} {row}"), &format!("fax {tenant} {row}")]
        {
            assert_eq!(Change::read(odd), None, "{odd}");
        }
    }
}
