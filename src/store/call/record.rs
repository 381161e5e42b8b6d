//! Records calls that were answered while the database was unavailable, in batches.

use std::collections::HashSet;

use serde::Serialize;

use super::answer::instant;
use super::changed;
use crate::domain::{Call, Decision};
use crate::store::group_commit::{Batched, CommitQueue};
use crate::store::{Shared, StoreError, SystemStore, dialect};

/// A call that was answered without the database.
#[derive(Debug)]
pub(in crate::store) struct AnsweredCall {
    call: Call,
    admitted: bool,
}

#[derive(Debug, Serialize)]
struct CallRow<'a> {
    id: uuid::fmt::Simple,
    tenant_id: uuid::fmt::Simple,
    agent_id: uuid::fmt::Simple,
    number_id: uuid::fmt::Simple,
    sid: &'a str,
    caller: &'a str,
    attestation: Option<&'a str>,
    called: &'a str,
    admitted: bool,
    decision: &'a Decision,
    started_at: String,
    at: &'a str,
}

impl SystemStore {
    /// Records a call that was routed without the database. A call that is already on record stays unchanged.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Busy`] if it would wait too long for its batch.
    pub async fn record_call(&self, call: Call, admitted: bool) -> Result<(), StoreError> {
        self.write_batched(AnsweredCall { call, admitted }).await
    }
}

impl Batched for AnsweredCall {
    type Done = ();

    fn queue(shared: &Shared) -> &CommitQueue<Self> {
        &shared.answered_calls
    }

    async fn write(store: &SystemStore, batch: &[Self]) -> Result<Vec<()>, StoreError> {
        let at = instant(store.shared.clock.now());
        let rows: Vec<_> = batch.iter().map(|answered| answered.row(&at)).collect();
        let _turn = store.writer_turn().await;
        let statement = dialect::RECORD_CALLS.with_rows(store.db(), &rows)?;
        let written = store.db().group_commit(statement).await?;
        let written: HashSet<String> =
            written.iter().map(|row| row.try_get("", "sid")).collect::<Result<_, _>>()?;
        // A call that was on record already has not changed.
        let new = batch.iter().map(|answered| &answered.call).filter(|call| written.contains(&call.sid));
        store.publish_all(&new.map(changed).collect::<Vec<_>>());
        Ok(vec![(); batch.len()])
    }
}

impl AnsweredCall {
    fn row<'a>(&'a self, at: &'a str) -> CallRow<'a> {
        let Self { call, admitted } = self;
        CallRow {
            id: call.id.0.simple(),
            tenant_id: call.tenant_id.0.simple(),
            agent_id: call.agent_id.0.simple(),
            number_id: call.number_id.0.simple(),
            sid: &call.sid,
            caller: &call.from,
            attestation: call.attestation.as_deref(),
            called: call.to.as_str(),
            // As decided when it was answered: the plan cannot turn the call away any more.
            admitted: *admitted,
            decision: &call.decision,
            started_at: instant(call.started_at),
            at,
        }
    }
}
