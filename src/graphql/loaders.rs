//! Loaders: what many resolvers request one by one is read in one statement, through the request's own door.
//!
//! Each request has its own set, so nothing that one caller loaded can reach another. Nothing is cached, so a
//! field read after a mutation sees what the mutation wrote. Long rows are read a few at a time, and only as
//! far as the response has room.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};

use super::context::Session;
use super::errors::ApiError;
use super::rounds::{NoDelay, Rounds};
use crate::domain::{
    AgentId, AuditEvent, AuditEventId, Call, CallGroup, CallGroupId, CallId, CarrierAccount,
    CarrierAccountId, KeptNumber, KeptNumberId, MediaFile, Message, MessageId, MessageThread,
    MessagingConsent, MessagingRegistration, NumberId, Operation, OperationId, Participant, PhoneNumber,
    RoutingRules, Tenant, TenantId, ThreadId, TranscriptLine,
};
use crate::graphql::model::{size_of_rules, size_of_transcript};
use crate::store::{AgentProfile, Page, PageOf, TenantCounts};

/// Number of rows read at a time, if rows may be long.
const LONG_ROWS: usize = 8;

/// The loaders of a request. The type of a key determines what is loaded.
pub(crate) type Loaders = DataLoader<Batches>;

/// Creates the loaders of this session, which run in these rounds.
pub(super) fn over(session: Arc<Session>, rounds: Rounds) -> Loaders {
    DataLoader::new(Batches(session), rounds, NoDelay)
}

/// Loads batches of keys.
pub(crate) struct Batches(Arc<Session>);

/// Key: the primary number of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FirstNumberOf(pub(crate) AgentId);

/// Key: the first or last page of an agent's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NumbersOf(pub(crate) AgentId, pub(crate) Page);

/// Key: the number of numbers of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NumberCountOf(pub(crate) AgentId);

/// Key: the first or last page of an agent's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallsOf(pub(crate) AgentId, pub(crate) Page);

/// Key: the number of calls of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallCountOf(pub(crate) AgentId);

/// Key: the routing rules of a number, with their version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RulesOf(pub(crate) NumberId);

/// Key: what a number may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RegistrationOf(pub(crate) NumberId);

/// Key: what a tenant has, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CountsOf(pub(crate) TenantId);

/// Key: the transcript of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TranscriptOf(pub(crate) CallId);

/// Key: the first or last page of a thread's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MessagesOf(pub(crate) ThreadId, pub(crate) Page);

/// Key: what a participant said about messages from the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ConsentOf(pub(crate) Participant);

/// Key: the files of a message that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MediaOf(pub(crate) MessageId);

/// Groups owners of lists by requested page: usually one group for the whole request.
fn by_page<K>(keys: impl Iterator<Item = (K, Page)>) -> HashMap<Page, Vec<K>> {
    let mut owners = HashMap::<Page, Vec<K>>::new();
    for (owner, page) in keys {
        owners.entry(page).or_default().push(owner);
    }
    owners
}

/// Keeps the rows that the caller may see, by key.
fn visible<K: Eq + std::hash::Hash, T, A: Into<Option<AgentId>>>(
    session: &Session,
    rows: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
    agent: impl Fn(&T) -> A,
) -> Result<HashMap<K, T>, ApiError> {
    let scope = session.scope()?;
    // The database keeps tenants apart, but knows nothing of an agent's token, which sees less than its
    // tenant.
    let rows = rows.into_iter().filter(|row| scope.admits(agent(row)));
    Ok(rows.map(|row| (key(&row), row)).collect())
}

impl Loader<AgentId> for Batches {
    type Value = Arc<AgentProfile>;
    type Error = ApiError;

    async fn load(&self, keys: &[AgentId]) -> Result<HashMap<AgentId, Arc<AgentProfile>>, ApiError> {
        let rows = self.0.reader().await?.agents_by_id(keys).await?.into_iter().map(Arc::new);
        visible(&self.0, rows, |agent| agent.id, |agent| agent.id)
    }
}

impl Loader<NumberId> for Batches {
    type Value = PhoneNumber;
    type Error = ApiError;

    async fn load(&self, keys: &[NumberId]) -> Result<HashMap<NumberId, PhoneNumber>, ApiError> {
        let rows = self.0.reader().await?.numbers_by_id(keys).await?;
        visible(&self.0, rows, |number| number.id, PhoneNumber::assigned_to)
    }
}

impl Loader<FirstNumberOf> for Batches {
    type Value = PhoneNumber;
    type Error = ApiError;

    async fn load(&self, keys: &[FirstNumberOf]) -> Result<HashMap<FirstNumberOf, PhoneNumber>, ApiError> {
        let agents: Vec<AgentId> = keys.iter().map(|key| key.0).collect();
        let rows = self.0.reader().await?.first_numbers(&agents).await?;
        visible(
            &self.0,
            rows.into_values(),
            |number| FirstNumberOf(number.agent_id),
            |number| number.agent_id,
        )
    }
}

impl Loader<NumbersOf> for Batches {
    type Value = PageOf<PhoneNumber>;
    type Error = ApiError;

    async fn load(&self, keys: &[NumbersOf]) -> Result<HashMap<NumbersOf, Self::Value>, ApiError> {
        let scope = self.0.scope()?;
        let mut found = HashMap::new();
        for (page, agents) in by_page(keys.iter().map(|key| (key.0, key.1))) {
            let pages = self.0.reader().await?.numbers_of_each(&agents, page).await?;
            found.extend(pages.into_iter().map(|(agent, numbers)| (NumbersOf(agent, page), numbers)));
        }
        found.retain(|key, _| scope.admits(key.0));
        Ok(found)
    }
}

impl Loader<NumberCountOf> for Batches {
    type Value = i64;
    type Error = ApiError;

    async fn load(&self, keys: &[NumberCountOf]) -> Result<HashMap<NumberCountOf, i64>, ApiError> {
        let scope = self.0.scope()?;
        // Filtered before the read: unlike rows, a count cannot be filtered afterwards.
        let agents: Vec<AgentId> = keys.iter().map(|key| key.0).filter(|id| scope.admits(*id)).collect();
        let counts = self.0.reader().await?.count_numbers_of_each(&agents).await?;
        Ok(counts.into_iter().map(|(agent, count)| (NumberCountOf(agent), count)).collect())
    }
}

impl Loader<CallsOf> for Batches {
    type Value = PageOf<Call>;
    type Error = ApiError;

    async fn load(&self, keys: &[CallsOf]) -> Result<HashMap<CallsOf, Self::Value>, ApiError> {
        let scope = self.0.scope()?;
        let mut found = HashMap::new();
        for (page, agents) in by_page(keys.iter().map(|key| (key.0, key.1))) {
            let pages = self.0.reader().await?.calls_of_each(&agents, page).await?;
            found.extend(pages.into_iter().map(|(agent, calls)| (CallsOf(agent, page), calls)));
        }
        found.retain(|key, _| scope.admits(key.0));
        Ok(found)
    }
}

impl Loader<CallCountOf> for Batches {
    type Value = i64;
    type Error = ApiError;

    async fn load(&self, keys: &[CallCountOf]) -> Result<HashMap<CallCountOf, i64>, ApiError> {
        let scope = self.0.scope()?;
        let agents: Vec<AgentId> = keys.iter().map(|key| key.0).filter(|id| scope.admits(*id)).collect();
        let counts = self.0.reader().await?.count_calls_of_each(&agents).await?;
        Ok(counts.into_iter().map(|(agent, count)| (CallCountOf(agent), count)).collect())
    }
}

impl Loader<OperationId> for Batches {
    type Value = Operation;
    type Error = ApiError;

    async fn load(&self, keys: &[OperationId]) -> Result<HashMap<OperationId, Operation>, ApiError> {
        let rows = self.0.reader().await?.operations_by_id(keys).await?;
        visible(&self.0, rows, |operation| operation.id, |operation| operation.agent_id)
    }
}

impl Loader<CallId> for Batches {
    type Value = Call;
    type Error = ApiError;

    async fn load(&self, keys: &[CallId]) -> Result<HashMap<CallId, Call>, ApiError> {
        let rows = self.0.reader().await?.calls_by_id(keys).await?;
        visible(&self.0, rows, |call| call.id, |call| call.agent_id)
    }
}

impl Loader<KeptNumberId> for Batches {
    type Value = KeptNumber;
    type Error = ApiError;

    async fn load(&self, keys: &[KeptNumberId]) -> Result<HashMap<KeptNumberId, KeptNumber>, ApiError> {
        let rows = self.0.reader().await?.kept_by_id(keys).await?;
        visible(&self.0, rows, |kept| kept.id, |kept| kept.agent_id)
    }
}

impl Loader<MessageId> for Batches {
    type Value = Message;
    type Error = ApiError;

    async fn load(&self, keys: &[MessageId]) -> Result<HashMap<MessageId, Message>, ApiError> {
        let rows = self.0.reader().await?.messages_by_id(keys).await?;
        visible(&self.0, rows, |message| message.id, |message| message.agent_id)
    }
}

impl Loader<CarrierAccountId> for Batches {
    type Value = CarrierAccount;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[CarrierAccountId],
    ) -> Result<HashMap<CarrierAccountId, CarrierAccount>, ApiError> {
        let rows = self.0.reader().await?.carrier_accounts_by_id(keys).await?;
        visible(&self.0, rows, |account| account.id, |_| None::<AgentId>)
    }
}

impl Loader<ThreadId> for Batches {
    type Value = MessageThread;
    type Error = ApiError;

    async fn load(&self, keys: &[ThreadId]) -> Result<HashMap<ThreadId, MessageThread>, ApiError> {
        // The caller has already read a message of the thread, or reads its number, by which it is visible.
        let rows = self.0.reader().await?.threads_by_id(keys).await?;
        Ok(rows.into_iter().map(|thread| (thread.id, thread)).collect())
    }
}

impl Loader<MessagesOf> for Batches {
    type Value = PageOf<Message>;
    type Error = ApiError;

    async fn load(&self, keys: &[MessagesOf]) -> Result<HashMap<MessagesOf, Self::Value>, ApiError> {
        let scope = self.0.scope()?;
        let mut found = HashMap::new();
        for (page, threads) in by_page(keys.iter().map(|key| (key.0, key.1))) {
            let pages = self.0.reader().await?.messages_of_threads(&threads, page).await?;
            found.extend(pages.into_iter().map(|(thread, messages)| (MessagesOf(thread, page), messages)));
        }
        for page in found.values_mut() {
            page.items.retain(|(_, message)| scope.admits(message.agent_id));
        }
        Ok(found)
    }
}

impl Loader<MediaOf> for Batches {
    type Value = Vec<MediaFile>;
    type Error = ApiError;

    async fn load(&self, keys: &[MediaOf]) -> Result<HashMap<MediaOf, Vec<MediaFile>>, ApiError> {
        // The caller has already read the message.
        let messages: Vec<MessageId> = keys.iter().map(|key| key.0).collect();
        let files = self.0.reader().await?.media_of(&messages).await?;
        Ok(files.into_iter().map(|(message, files)| (MediaOf(message), files)).collect())
    }
}

impl Loader<ConsentOf> for Batches {
    type Value = MessagingConsent;
    type Error = ApiError;

    async fn load(&self, keys: &[ConsentOf]) -> Result<HashMap<ConsentOf, MessagingConsent>, ApiError> {
        let participants: Vec<Participant> = keys.iter().map(|key| key.0.clone()).collect();
        let known = self.0.reader().await?.consents(&participants).await?;
        Ok(known.into_iter().map(|(participant, consent)| (ConsentOf(participant), consent)).collect())
    }
}

impl Loader<RulesOf> for Batches {
    type Value = Arc<(i32, RoutingRules)>;
    type Error = ApiError;

    async fn load(&self, keys: &[RulesOf]) -> Result<HashMap<RulesOf, Self::Value>, ApiError> {
        // The caller has already read the number, or a call to it.
        let (mut found, mut bytes) = (HashMap::new(), 0);
        for keys in keys.chunks(LONG_ROWS) {
            let numbers: Vec<NumberId> = keys.iter().map(|key| key.0).collect();
            for (number, rules) in self.0.reader().await?.routing_rules(&numbers).await? {
                bytes += size_of_rules(&rules.1);
                found.insert(RulesOf(number), Arc::new(rules));
            }
            // Checked after each group, so that memory holds at most one group more than fits.
            self.0.has_room_for(bytes)?;
        }
        Ok(found)
    }
}

impl Loader<RegistrationOf> for Batches {
    type Value = MessagingRegistration;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[RegistrationOf],
    ) -> Result<HashMap<RegistrationOf, MessagingRegistration>, ApiError> {
        // The caller has already read the number.
        let numbers: Vec<NumberId> = keys.iter().map(|key| key.0).collect();
        let found = self.0.reader().await?.registrations(&numbers).await?;
        Ok(found.into_iter().map(|(number, known)| (RegistrationOf(number), known)).collect())
    }
}

impl Loader<TranscriptOf> for Batches {
    type Value = Arc<Vec<TranscriptLine>>;
    type Error = ApiError;

    async fn load(&self, keys: &[TranscriptOf]) -> Result<HashMap<TranscriptOf, Self::Value>, ApiError> {
        // The caller has already read the call.
        let (mut found, mut bytes) = (HashMap::new(), 0);
        for keys in keys.chunks(LONG_ROWS) {
            let calls: Vec<CallId> = keys.iter().map(|key| key.0).collect();
            for (call, lines) in self.0.reader().await?.transcripts(&calls).await? {
                bytes += size_of_transcript(&lines);
                found.insert(TranscriptOf(call), Arc::new(lines));
            }
            self.0.has_room_for(bytes)?;
        }
        Ok(found)
    }
}

impl Loader<CallGroupId> for Batches {
    type Value = CallGroup;
    type Error = ApiError;

    async fn load(&self, keys: &[CallGroupId]) -> Result<HashMap<CallGroupId, CallGroup>, ApiError> {
        // As the trail, groups belong to the tenant.
        if !self.0.scope()?.is_whole() {
            return Ok(HashMap::new());
        }
        let rows = self.0.reader().await?.call_groups_by_id(keys).await?;
        Ok(rows.into_iter().map(|group| (group.id, group)).collect())
    }
}

impl Loader<AuditEventId> for Batches {
    type Value = AuditEvent;
    type Error = ApiError;

    async fn load(&self, keys: &[AuditEventId]) -> Result<HashMap<AuditEventId, AuditEvent>, ApiError> {
        // The trail belongs to the tenant. For an agent's token its entries do not exist.
        if !self.0.scope()?.is_whole() {
            return Ok(HashMap::new());
        }
        let rows = self.0.reader().await?.audit_events_by_id(keys).await?;
        Ok(rows.into_iter().map(|event| (event.id, event)).collect())
    }
}

impl Loader<TenantId> for Batches {
    type Value = Tenant;
    type Error = ApiError;

    async fn load(&self, keys: &[TenantId]) -> Result<HashMap<TenantId, Tenant>, ApiError> {
        let rows = self.0.estate()?.tenants_by_id(keys).await?;
        Ok(rows.into_iter().map(|tenant| (tenant.id, tenant)).collect())
    }
}

impl Loader<CountsOf> for Batches {
    type Value = TenantCounts;
    type Error = ApiError;

    async fn load(&self, keys: &[CountsOf]) -> Result<HashMap<CountsOf, TenantCounts>, ApiError> {
        let tenants: Vec<TenantId> = keys.iter().map(|key| key.0).collect();
        // Without a filter by scope: `estate` is for operators, who see all tenants.
        let counts = self.0.estate()?.tenant_counts(&tenants).await?;
        Ok(counts.into_iter().map(|(tenant, counts)| (CountsOf(tenant), counts)).collect())
    }
}
