//! What changed, told to whoever watches in this process: what it did itself at once, and on Postgres what other servers
//! did, which the database tells.
//!
//! Where no connection can hear the database (a pooler in transaction mode, an address that does not answer) watchers are told
//! every few seconds that something may have changed, and read again. Whether a connection hears is not assumed but
//! tried: it is sent a word by way of the pool.

mod hub;

use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::postgres::{PgListener, PgNotification};
use tokio::time::timeout;
use uuid::Uuid;

pub(super) use hub::Hub;
pub use hub::{Topic, Watcher};

use super::dialect::NotHeard;
use super::group_commit::{Batched, Lane};
use super::{Database, Shared, StoreError, SystemStore, dialect};
use crate::domain::{AgentId, CallId, NumberId, OperationId, TenantId, backoff};

/// The channel that the tables' triggers tell on.
const CHANNEL: &str = "switchboard_changes";
/// How the changes that a server announces begin: with its name.
const FROM: &str = "from ";
/// What it announces when something may be missing.
const UNHEARD: &str = "unheard";
/// The most bytes of one announcement: Postgres takes 8,000.
const MOST_BYTES: usize = 7_800;
/// After so long a silence the connection is tried out: one that died without a word is silent too.
const SILENCE: Duration = Duration::from_secs(20);
/// How long the database may take to say that it is there.
const ANSWER: Duration = Duration::from_secs(5);
/// The time between two announcements to other servers.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(10);
/// How long the database may take for one announcement.
const ANNOUNCEMENT: Duration = Duration::from_secs(3);
/// The time until the next attempt when one has failed.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(1);
/// How long it may take to connect for listening, and until the first word arrives.
const LISTENER_TIME: Duration = Duration::from_secs(8);
const FIRST_WORD: Duration = Duration::from_secs(3);
/// How often watchers are told to read again while nothing is heard, at most.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// How many times, where a pooler is in the way, before it is tried again.
const READS_BEHIND_POOLER: u32 = 60;
/// After so many failed attempts watchers read again in the meantime.
const BRIEF: u32 = 4;
/// Waits between attempts to listen again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Something of a tenant's changed. Carries ids only: watchers read again through their own door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An operation.
    Operation {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: OperationId,
    },
    /// A call.
    Call {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: CallId,
        /// Its agent.
        agent: AgentId,
    },
    /// A number came, went or was given other rules.
    Number {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: NumberId,
        /// Whether it was given back.
        is_released: bool,
    },
    /// An agent changed in what answering a call needs, or got another token.
    Agent {
        /// The tenant that owns it.
        tenant: TenantId,
        /// The agent.
        id: AgentId,
    },
    /// Unknown: for a while changes by other servers were not received.
    Unheard,
    /// Unknown: changes by other servers cannot be received at present. Told every few seconds; who watches reads again.
    ReadAgain,
}

/// A change that other servers are told of in the background, with whatever else has changed meanwhile. A hint: it makes
/// them fast, and takes no part in any transaction. (Postgres holds one lock of the whole database from the
/// commit of a transaction that notifies to its flush, so a call's own transaction must not.)
#[derive(Debug, Clone, Copy)]
pub(super) struct Announcement(Change);

impl Batched for Announcement {
    type Done = ();
    const IS_KEPT: bool = false;

    fn lane(shared: &Shared) -> &Lane<Self> {
        &shared.announcements
    }

    async fn write(store: &SystemStore, batch: &[Self]) -> Result<Vec<()>, StoreError> {
        let lost = &store.shared.announcement_lost;
        let gap = lost.swap(false, Ordering::Relaxed).then_some(Change::Unheard);
        let changes = gap.into_iter().chain(batch.iter().map(|announcement| announcement.0));
        let texts = packed(changes, &store.shared.name);
        match timeout(ANNOUNCEMENT, dialect::notify(store.db(), CHANNEL, &texts)).await {
            Ok(Ok(())) => tokio::time::sleep(ANNOUNCE_EVERY).await,
            _failed => {
                tracing::debug!("changes could not be announced to other servers");
                tokio::time::sleep(ANNOUNCE_AGAIN).await;
                // Until it gets through: their watchers must learn that something is missing.
                if store.write_later([Self(Change::Unheard)]).is_err() {
                    lost.store(true, Ordering::Relaxed);
                }
            }
        }
        Ok(vec![(); batch.len()])
    }
}

impl SystemStore {
    /// Tells watchers here at once, and those at other servers soon. One that is lost on the way is made good for by a
    /// later [`Change::Unheard`].
    pub(super) fn tell_all(&self, changes: &[Change]) {
        for change in changes {
            self.shared.tell(*change);
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
    /// The line that other servers receive; [`Self::read`] reads it.
    fn line(self) -> String {
        match self {
            Self::Operation { tenant, id } => format!("operation {} {}", tenant.0.simple(), id.0.simple()),
            Self::Call { tenant, id, agent } => {
                format!("call {} {} {}", tenant.0.simple(), id.0.simple(), agent.0.simple())
            }
            Self::Number { tenant, id, is_released } => {
                let kind = if is_released { "released" } else { "number" };
                format!("{kind} {} {}", tenant.0.simple(), id.0.simple())
            }
            Self::Agent { tenant, id } => format!("agent {} {}", tenant.0.simple(), id.0.simple()),
            // The second is not announced: every server finds out for itself what it hears.
            Self::Unheard | Self::ReadAgain => UNHEARD.to_owned(),
        }
    }

    /// Reads a line of another server's, or what a trigger told, with the name of the connection that made the change.
    fn read(told: &str) -> Option<(Self, &str)> {
        if told == UNHEARD {
            return Some((Self::Unheard, ""));
        }
        let (kind, rest) = told.split_once(' ')?;
        let (tenant, rest) = id(rest)?;
        let (row, rest) = id(rest)?;
        let tenant = TenantId(tenant);
        match kind {
            "operation" => Some((Self::Operation { tenant, id: OperationId(row) }, rest)),
            "call" => {
                let (agent, rest) = id(rest)?;
                Some((Self::Call { tenant, id: CallId(row), agent: AgentId(agent) }, rest))
            }
            "number" | "released" => {
                Some((Self::Number { tenant, id: NumberId(row), is_released: kind == "released" }, rest))
            }
            "agent" => Some((Self::Agent { tenant, id: AgentId(row) }, rest)),
            _ => None,
        }
    }
}

/// As few texts as hold these changes: the name of the server, then a line for each. Under load one notification carries many.
fn packed(changes: impl Iterator<Item = Change>, server: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for line in changes.map(Change::line) {
        match texts.last_mut().filter(|text| text.len() + line.len() < MOST_BYTES) {
            Some(text) => {
                text.push('\n');
                text.push_str(&line);
            }
            None => texts.push(format!("{FROM}{server}\n{line}")),
        }
    }
    texts
}

fn id(text: &str) -> Option<(Uuid, &str)> {
    let (id, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some((id.parse().ok()?, rest))
}

impl Database {
    /// Hears what other servers on this database change and tells it to who watches here, for as long as it is polled. An
    /// SQLite file has one server: there it returns at once.
    pub async fn hear(&self) {
        let (mut failures, mut gap) = (0, None);
        while let Some(hosts) = self.shared.tenants.hosts() {
            let hosts = self.shared.listening.as_ref().unwrap_or(hosts);
            let Err(error) = self.listen(hosts, &mut failures, &mut gap).await;
            failures += 1;
            gap = gap.or(Some(Change::Unheard));
            if failures == 1 {
                tracing::warn!(
                    %error,
                    "what other servers change is not heard: watchers here learn of it within seconds; DATABASE_LISTEN_URL can name an \
                     address past a connection pooler"
                );
            }
            let reads = if matches!(error, NotHeard::Lent) { READS_BEHIND_POOLER } else { 1 };
            for _ in 0..reads {
                let wait = backoff(&self.shared.entropy, FIRST_WAIT, LONGEST_WAIT, failures.max(reads));
                tokio::time::sleep(wait.min(READ_AGAIN)).await;
                // A connection that is back at once leaves a gap, which is told. Reading again makes sense only where something can
                // be read.
                let lasts = failures > BRIEF || reads > 1;
                if lasts && self.ping().await.is_ok() {
                    gap = Some(Change::ReadAgain);
                    self.shared.tell(Change::ReadAgain);
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
    ) -> Result<std::convert::Infallible, NotHeard> {
        let word = self.shared.entropy.uuid(self.shared.clock.now()).simple().to_string();
        let own = format!("switchboard_{word}");
        let mut listener = hosts.listen([CHANNEL, &own], LISTENER_TIME).await?;
        self.hears(&mut listener, &own, &word).await?;
        *failures = 0;
        if let Some(gap) = gap.take() {
            tracing::info!("what other servers change is heard again");
            self.shared.tell(gap);
        }
        loop {
            let told = match timeout(SILENCE, listener.try_recv()).await {
                Ok(told) => told?.ok_or_else(gone)?,
                Err(_silence) => {
                    try_out(&mut listener).await?;
                    continue;
                }
            };
            self.pass_on(&told);
        }
    }

    /// Tells watchers here what was heard.
    fn pass_on(&self, told: &PgNotification) {
        let told = told.payload();
        let (server, lines) =
            told.strip_prefix(FROM).and_then(|told| told.split_once('\n')).unwrap_or(("", told));
        if server == self.shared.name {
            return;
        }
        for line in lines.lines() {
            match Change::read(line) {
                Some((_, who)) if who == self.shared.name => {}
                Some((change, _)) => self.shared.tell(change),
                None => tracing::warn!(told = line, "the database tells of a change nobody here can read"),
            }
        }
    }

    /// Sends a word by way of the pool and waits until it is heard: then this is the same database, and nothing lies between
    /// that keeps notifications back.
    async fn hears(&self, listener: &mut PgListener, channel: &str, word: &str) -> Result<(), NotHeard> {
        let arrives = async {
            let sent = dialect::notify(&self.shared.tenants, channel, &[word.to_owned()]).await;
            sent.map_err(|error| NotHeard::Lost(error.to_string()))?;
            loop {
                let told = listener.try_recv().await?.ok_or_else(gone)?;
                if told.channel() == channel {
                    return Ok(());
                }
                self.pass_on(&told);
            }
        };
        timeout(FIRST_WORD, arrives).await.unwrap_or(Err(NotHeard::Deaf))
    }
}

async fn try_out(listener: &mut PgListener) -> Result<(), NotHeard> {
    let answer = sqlx::Executor::execute(listener, "SELECT 1");
    timeout(ANSWER, answer).await.map_err(|_| gone())??;
    Ok(())
}

fn gone() -> NotHeard {
    NotHeard::Lost("the connection is gone".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trigger_tells_is_read_and_nothing_else() {
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
        let answering = Change::Agent { tenant: TenantId(tenant), id: AgentId(row) };
        for change in [operation, call, answering, Change::Unheard] {
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
