//! Answers to texts: which threads wait for one, who works on it, and what becomes of it.
//!
//! A text that is to be answered is marked (`awaits_answer`) in the transaction that stores it, and the mark is removed in the
//! transaction that stores the answer: so no text is answered twice, whoever works on it. The lease on the thread only keeps two
//! servers from working on the same answer. It ends at `answer_due_at`; from then on any server may try again. A thread whose
//! deadline has passed is a person's.
//!
//! Whoever changes marks locks the thread first.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::entities::message::{self, thread};
use super::super::entities::{agent, phone_number};
use super::super::{Change, Shared, StoreError, SystemStore, TenantStore, audit_event, dialect, page};
use super::consent;
use super::thread::Texting;
use crate::domain::{
    ANSWER_LIMITS, Agent, AgentId, AgentMessaging, AutomaticAnswer, Message, MessageId, MessageThread,
    MessagingConsent, PhoneNumber, TenantId, TextReply, ThreadHandling, ThreadId,
};

/// How long after a text was stored it is answered by a person, if the agent has not.
const DEADLINE: TimeDelta = TimeDelta::seconds(100);
/// Texts that are answered together; more are answered next.
const MOST_WAITING: u64 = 20;
/// Earlier texts that decide about an answer, and how old they may be.
const MOST_RECENT: u64 = 60;
const RECENT: TimeDelta = TimeDelta::days(7);

/// A thread that waits for an answer, and until when.
#[derive(Debug, Clone, Copy)]
pub struct DueAnswer {
    /// The thread.
    pub thread: ThreadId,
    /// Its tenant.
    pub tenant: TenantId,
    /// When a person is to answer instead.
    pub deadline: DateTime<Utc>,
}

/// All that an answer depends on.
#[derive(Debug, Clone)]
pub struct AnswerTask {
    /// The thread.
    pub thread: MessageThread,
    /// Attempts so far, the present one included.
    pub attempts: u32,
    /// Our number.
    pub number: PhoneNumber,
    /// The agent that has the number now, if one has.
    pub agent: Option<Agent>,
    /// Texts that the agent is to answer, oldest first.
    pub waiting: Vec<Message>,
    /// Texts that the help text is to answer, oldest first.
    pub asks_for_help: Vec<Message>,
    /// The thread's other texts of the last days, oldest first.
    pub recent: Vec<Message>,
    /// Whether the participant wants no texts.
    pub has_opted_out: bool,
    /// Whether the agent has written all the texts of late that a thread gets from it.
    pub has_answered_enough: bool,
    /// Whether the help text was sent as often of late as a thread gets it.
    pub has_helped_enough: bool,
}

impl TenantStore {
    /// Ends the wait for the agent's answer to a thread: somebody else has answered. The thread must be locked.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn drop_answers(&self, thread: ThreadId) -> Result<(), StoreError> {
        drop_waiting(&self.transaction, self.tenant, thread).await
    }

    /// Takes these texts for an answer of this kind. Returns whether all of them still waited for it; if not, the transaction must be
    /// dropped. The thread must be locked.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn take_for_answer(
        &self,
        texts: &[MessageId],
        by: AutomaticAnswer,
    ) -> Result<bool, StoreError> {
        let taken = message::Entity::update_many()
            .col_expr(message::Column::AwaitsAnswer, Expr::value(None::<String>))
            .filter(message::Column::TenantId.eq(self.tenant.0))
            .filter(message::Column::Id.is_in(texts.iter().map(|id| id.0)))
            .filter(message::Column::AwaitsAnswer.eq(by.as_str()))
            .exec(&self.transaction)
            .await?;
        Ok(usize::try_from(taken.rows_affected).ok() == Some(texts.len()))
    }
}

impl SystemStore {
    /// Threads whose answer is due, or whose deadline has passed, longest due first, without those of some tenants.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn answers_due(
        &self,
        is_late: bool,
        limit: u64,
        without: &[TenantId],
    ) -> Result<Vec<DueAnswer>, StoreError> {
        use thread::Column;
        let now = self.shared.clock.now();
        let mut query = thread::Entity::find().filter(Column::AnswerDueAt.lte(now));
        if is_late {
            query = query.filter(Column::AnswerDeadlineAt.lte(now));
        }
        if !without.is_empty() {
            query = query.filter(Column::TenantId.is_not_in(without.iter().map(|tenant| tenant.0)));
        }
        let rows: Vec<(Uuid, Uuid, Option<DateTime<Utc>>)> = query
            .order_by_asc(Column::AnswerDueAt)
            .limit(limit)
            .select_only()
            .columns([Column::Id, Column::TenantId, Column::AnswerDeadlineAt])
            .into_tuple()
            .all(self.db())
            .await?;
        let due = |(id, tenant, deadline): (Uuid, Uuid, Option<_>)| DueAnswer {
            thread: ThreadId(id),
            tenant: TenantId(tenant),
            deadline: deadline.unwrap_or(now),
        };
        Ok(rows.into_iter().map(due).collect())
    }

    /// Takes a lease on a thread until then. Returns whether it was free.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unavailable`] the lease may have been taken all the same.
    pub async fn claim_message_answer(
        &self,
        thread: ThreadId,
        lease: Uuid,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        use thread::Column;
        let claimed = thread::Entity::update_many()
            .col_expr(Column::AnswerDueAt, Expr::value(until))
            .col_expr(Column::AnswerLease, Expr::value(lease))
            .col_expr(Column::AnswerAttempts, Expr::col(Column::AnswerAttempts).add(1))
            .filter(Column::Id.eq(thread.0))
            .filter(Column::AnswerDueAt.lte(self.shared.clock.now()))
            .exec(self.db())
            .await?;
        Ok(claimed.rows_affected > 0)
    }

    /// Lets the lease last until then; or, after a failure, says when the next attempt is due.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another server has taken it.
    pub async fn keep_answer(
        &self,
        thread: ThreadId,
        lease: Uuid,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        use thread::Column;
        let kept = thread::Entity::update_many()
            .col_expr(Column::AnswerDueAt, Expr::value(until))
            .filter(Column::Id.eq(thread.0))
            .filter(Column::AnswerLease.eq(lease))
            .exec(self.db())
            .await?;
        if kept.rows_affected == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
    }

    /// Reads all that an answer to this thread depends on; `None` if there is no such thread.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable.
    pub async fn answer_task(&self, id: ThreadId) -> Result<Option<AnswerTask>, StoreError> {
        let db = self.db();
        let Some(row) = thread::Entity::find_by_id(id.0).one(db).await? else { return Ok(None) };
        let attempts = u32::try_from(row.answer_attempts).unwrap_or_default();
        let thread = MessageThread::try_from(row)?;
        let number = phone_number::Entity::find_by_id(thread.number_id.0).one(db).await?;
        let number = number.ok_or(StoreError::Corrupt { table: "phone_numbers", column: "id" })?;
        let number = PhoneNumber::try_from(number)?;
        let agent = match number.assigned_to() {
            Some(agent) => {
                agent::Entity::find_by_id(agent.0).one(db).await?.map(Agent::try_from).transpose()?
            }
            None => None,
        };
        let waiting = |by: AutomaticAnswer| {
            message::Entity::find()
                .filter(message::Column::ThreadId.eq(id.0))
                .filter(message::Column::AwaitsAnswer.eq(by.as_str()))
                .order_by_asc(message::Column::CreatedAt)
                .order_by_asc(message::Column::Id)
                .limit(MOST_WAITING)
                .all(db)
        };
        let (asks_for_help, waiting) =
            (waiting(AutomaticAnswer::HelpText).await?, waiting(AutomaticAnswer::Agent).await?);
        let mut recent = message::Entity::find()
            .filter(message::Column::ThreadId.eq(id.0))
            .filter(message::Column::AwaitsAnswer.is_null())
            .filter(message::Column::CreatedAt.gte(self.shared.clock.now() - RECENT))
            .order_by_desc(message::Column::CreatedAt)
            .order_by_desc(message::Column::Id)
            .limit(MOST_RECENT)
            .all(db)
            .await?;
        recent.reverse();
        let read = |rows: Vec<message::Model>| -> Result<Vec<Message>, StoreError> {
            rows.into_iter().map(Message::try_from).collect()
        };
        let has_opted_out = self.has_opted_out(thread.tenant_id, &thread.participant).await?;
        Ok(Some(AnswerTask {
            thread,
            attempts,
            number,
            agent,
            waiting: read(waiting)?,
            asks_for_help: read(asks_for_help)?,
            recent: read(recent)?,
            has_opted_out,
            has_answered_enough: self.has_reached_limit(id, AutomaticAnswer::Agent).await?,
            has_helped_enough: self.has_reached_limit(id, AutomaticAnswer::HelpText).await?,
        }))
    }

    /// Whether a thread got as many texts by itself as it may get.
    async fn has_reached_limit(&self, thread: ThreadId, by: AutomaticAnswer) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        for limit in ANSWER_LIMITS.iter().filter(|limit| limit.by == by) {
            let sent = message::Entity::find()
                .filter(message::Column::ThreadId.eq(thread.0))
                .filter(message::Column::AutomaticAnswer.eq(by.as_str()))
                .filter(message::Column::CreatedAt.gt(now - limit.within));
            if u64::try_from(page::count(self.db(), sent).await?).unwrap_or_default() >= limit.most {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends an attempt. Texts that came in meanwhile are due now; without any, nothing is.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::LeaseLost`] if another server has taken the lease.
    pub async fn settle_answer(&self, thread: ThreadId, lease: Uuid) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        locked(&transaction, thread, lease).await?;
        reschedule(&transaction, &self.shared, thread).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends the wait for the agent's answer: nobody is to answer these texts. Those that came meanwhile are not concerned.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::LeaseLost`] if another server has taken the lease.
    pub async fn give_up_answer(
        &self,
        thread: &MessageThread,
        texts: &[MessageId],
        lease: Uuid,
    ) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        locked(&transaction, thread.id, lease).await?;
        message::Entity::update_many()
            .col_expr(message::Column::AwaitsAnswer, Expr::value(None::<String>))
            .filter(message::Column::Id.is_in(texts.iter().map(|id| id.0)))
            .filter(message::Column::AwaitsAnswer.eq(AutomaticAnswer::Agent.as_str()))
            .exec(&transaction)
            .await?;
        reschedule(&transaction, &self.shared, thread.id).await?;
        Ok(transaction.commit().await?)
    }

    /// Hands a thread to a person, unless somebody else has it by now. Returns whether it did.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::LeaseLost`] if another server has taken the lease.
    pub async fn hand_over(&self, thread: ThreadId, lease: Uuid) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let row = locked(&transaction, thread, lease).await?;
        let last = message::Entity::find()
            .filter(message::Column::ThreadId.eq(thread.0))
            .order_by_desc(message::Column::CreatedAt)
            .order_by_desc(message::Column::Id)
            .one(&transaction)
            .await?;
        let (tenant, is_agents) = (TenantId(row.tenant_id), row.handling == ThreadHandling::Agent.as_str());
        if is_agents {
            let request = last.as_ref().and_then(|message| message.sid.clone()).unwrap_or_default();
            to_person(&transaction, &self.shared, tenant, thread, &request).await?;
        } else {
            drop_waiting(&transaction, tenant, thread).await?;
        }
        reschedule(&transaction, &self.shared, thread).await?;
        transaction.commit().await?;
        // Watchers of texts see the thread's new handling.
        if let Some(last) = last.filter(|_| is_agents) {
            let (id, agent) = (MessageId(last.id), AgentId(last.agent_id));
            self.publish_all(&[Change::Message { tenant, id, thread, agent }]);
        }
        Ok(is_agents)
    }

    /// Stores that a participant asked the agent for no more texts. `text` is the carrier's id of what was answered, which came `at`
    /// this time.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was written, unless the answer to `COMMIT` was lost.
    pub async fn opt_out(
        &self,
        thread: &MessageThread,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let tenant = thread.tenant_id;
        let out = MessagingConsent::OptedOut;
        if consent::write(&transaction, tenant, &thread.participant, out, at).await? {
            let (about, action) = ((tenant, thread.id), audit_event::CONSENT_CHANGED);
            audit_event::changed_by_text(&transaction, &self.shared, about, action, text).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Marks a new text for whoever is to answer it. The thread is locked.
pub(super) async fn enqueue(
    db: &impl ConnectionTrait,
    shared: &Shared,
    (texting, thread): (Texting, &MessageThread),
    text: &message::Model,
    reply: TextReply,
) -> Result<(), StoreError> {
    let tenant = thread.tenant_id;
    let is_off = texting.messaging == AgentMessaging::Off;
    // If its texts are off, the agent answers none, whatever was set for the thread.
    let is_agents = thread.handling == ThreadHandling::Agent && !is_off;
    let by = match reply {
        TextReply::Nobody => return Ok(()),
        TextReply::HelpText if is_off => return Ok(()),
        TextReply::HelpText if texting.has_help_text => AutomaticAnswer::HelpText,
        TextReply::Agent | TextReply::HelpText | TextReply::Person if !is_agents => return Ok(()),
        TextReply::Agent => AutomaticAnswer::Agent,
        // A word for help that nobody answers.
        TextReply::HelpText | TextReply::Person => {
            if may_be_answered(db, tenant, thread).await? {
                let request = text.sid.clone().unwrap_or_default();
                to_person(db, shared, tenant, thread.id, &request).await?;
            }
            return Ok(());
        }
    };
    if !may_be_answered(db, tenant, thread).await? {
        return Ok(());
    }
    message::Entity::update_many()
        .col_expr(message::Column::AwaitsAnswer, Expr::value(by.as_str()))
        .filter(message::Column::Id.eq(text.id))
        .exec(db)
        .await?;
    let now = shared.clock.now();
    let due = thread::ActiveModel {
        answer_due_at: Set(Some(now)),
        answer_deadline_at: Set(Some(now + DEADLINE)),
        answer_attempts: Set(0),
        ..Default::default()
    };
    thread::Entity::update_many()
        .set(due)
        .filter(thread::Column::Id.eq(thread.id.0))
        // While an attempt is under way, the text is answered after it.
        .filter(thread::Column::AnswerDueAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Whether texts may go to the participant: not to one who opted out, and not to the tenant's own number, which would answer.
async fn may_be_answered(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    thread: &MessageThread,
) -> Result<bool, StoreError> {
    if consent::read(db, tenant, &thread.participant).await? == MessagingConsent::OptedOut {
        return Ok(false);
    }
    let own = phone_number::Entity::find()
        .filter(phone_number::Column::TenantId.eq(tenant.0))
        .filter(phone_number::Column::Number.eq(thread.participant.as_str()))
        .filter(phone_number::Column::ReleasedAt.is_null());
    Ok(!page::is_any(db, own).await?)
}

/// Lets a thread wait for a person, and records it. The thread is locked.
async fn to_person(
    db: &impl ConnectionTrait,
    shared: &Shared,
    tenant: TenantId,
    thread: ThreadId,
    request: &str,
) -> Result<(), StoreError> {
    let row = thread::ActiveModel {
        handling: Set(ThreadHandling::WaitingForPerson.to_string()),
        handling_set: Set(true),
        updated_at: Set(shared.clock.now()),
        ..Default::default()
    };
    thread::Entity::update_many().set(row).filter(thread::Column::Id.eq(thread.0)).exec(db).await?;
    drop_waiting(db, tenant, thread).await?;
    audit_event::changed_by_text(db, shared, (tenant, thread), audit_event::HANDLING_CHANGED, request).await
}

async fn drop_waiting(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    thread: ThreadId,
) -> Result<(), StoreError> {
    message::Entity::update_many()
        .col_expr(message::Column::AwaitsAnswer, Expr::value(None::<String>))
        .filter(message::Column::TenantId.eq(tenant.0))
        .filter(message::Column::ThreadId.eq(thread.0))
        .filter(message::Column::AwaitsAnswer.eq(AutomaticAnswer::Agent.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

/// Reads a thread locked.
async fn locked(db: &impl ConnectionTrait, id: ThreadId, lease: Uuid) -> Result<thread::Model, StoreError> {
    let mut query = thread::Entity::find_by_id(id.0).filter(thread::Column::AnswerLease.eq(lease));
    dialect::lock_rows(db, QuerySelect::query(&mut query));
    query.one(db).await?.ok_or(StoreError::LeaseLost)
}

/// Ends the lease of a locked thread: an answer is due if a text waits.
async fn reschedule(db: &impl ConnectionTrait, shared: &Shared, id: ThreadId) -> Result<(), StoreError> {
    let waiting = message::Entity::find()
        .filter(message::Column::ThreadId.eq(id.0))
        .filter(message::Column::AwaitsAnswer.is_not_null());
    let now = page::is_any(db, waiting).await?.then(|| shared.clock.now());
    let row = thread::ActiveModel {
        answer_due_at: Set(now),
        answer_deadline_at: Set(now.map(|now| now + DEADLINE)),
        answer_lease: Set(None),
        answer_attempts: Set(0),
        ..Default::default()
    };
    thread::Entity::update_many().set(row).filter(thread::Column::Id.eq(id.0)).exec(db).await?;
    Ok(())
}
