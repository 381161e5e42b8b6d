//! The row of a ported number: prepared before the number arrives, so that nobody else takes it, and active from the moment that it
//! has arrived. It then has the agent and the routing rules that the target has.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Alias, Expr, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::domain::{
    AgentStatus, Capabilities, KeptNumber, NumberId, NumberOrigin, NumberStatus, NumberTransition, Operation,
    PhoneNumber,
};
use crate::store::entities::phone_number::{ActiveModel, Column, Entity, RULES, TABLE};
use crate::store::entities::{agent, kept};
use crate::store::operation::{self, Lease, OperationUpdate};
use crate::store::{ClaimError, NumberClaim, Shared, StoreError, SystemStore, number};

impl SystemStore {
    /// Stores the row of a number that is being ported, and the operation's next step, in one transaction. The plan's limit does not
    /// apply: the number comes anyway, and must be answered.
    ///
    /// # Errors
    /// [`ClaimError`]: nothing is written.
    pub async fn prepare_ported(
        &self,
        lease: &Lease,
        kept: &KeptNumber,
        claim: NumberClaim,
        update: OperationUpdate,
    ) -> Result<Operation, ClaimError> {
        let now = self.shared.clock.now();
        let transaction = self.begin().await?;
        let operation = operation::held(&transaction, lease).await?;
        let update = OperationUpdate { number_id: Some(claim.id), ..update };
        let row = number::pending_row(&operation, kept.agent_id, claim, now);
        let row = ActiveModel { origin: Set(NumberOrigin::Ported.to_string()), ..row };
        number::insert_unless_held(&transaction, row).await?;
        let operation = operation::write(&transaction, &self.shared, lease, &update).await?;
        transaction.commit().await?;
        self.shared.publish(operation::changed(&operation));
        Ok(operation)
    }
}

/// Makes a prepared number active under the carrier's id, with the agent, the pool and the routing rules of the target, and stores
/// that it has arrived.
pub(in crate::store) async fn activate(
    db: &impl ConnectionTrait,
    shared: &Shared,
    operation: &Operation,
    (number, sid, capabilities): (NumberId, &str, Capabilities),
) -> Result<(), StoreError> {
    let now = shared.clock.now();
    let found = kept::Entity::find().filter(kept::Column::PortOperationId.eq(operation.id.0)).one(db).await?;
    let target = match found.as_ref().and_then(|kept| kept.phone_number_id) {
        Some(target) => Entity::find_by_id(target).one(db).await?.map(PhoneNumber::try_from).transpose()?,
        None => None,
    };
    let target = target.filter(|target| target.status != NumberStatus::Released);
    let mut row = ActiveModel {
        sid: Set(Some(sid.to_owned())),
        provisioned_at: Set(Some(now)),
        voice: Set(capabilities.voice),
        sms: Set(capabilities.sms),
        mms: Set(capabilities.mms),
        status: Set(NumberTransition::Bought.to().to_string()),
        ..Default::default()
    };
    match &target {
        Some(target) => {
            row.agent_id = Set(target.agent_id.0);
            row.pooled_at = Set(target.pooled_at);
            row.call_group_id = Set(target.call_group_id.map(|group| group.0));
            row.label = Set(target.label.as_ref().map(ToString::to_string));
        }
        // The agent may be gone as well: the number then waits in the pool.
        None => {
            let agent = found.map(|kept| kept.agent_id);
            let there = agent::Entity::find()
                .filter(agent::Column::Id.eq(agent))
                .filter(agent::Column::Status.ne(AgentStatus::Deleted.as_str()));
            row.pooled_at = Set(there.one(db).await?.is_none().then_some(now));
        }
    }
    let mut update = Entity::update_many().set(row);
    if let Some(target) = target {
        let rules = Query::select()
            .column(Alias::new(RULES))
            .from(Entity)
            .and_where(Column::Id.eq(target.id.0))
            .take();
        update = update
            .col_expr(Alias::new(RULES), Expr::SubQuery(None, Box::new(rules.into())))
            .col_expr(Column::RoutingVersion, Expr::value(target.routing_version));
    }
    let from = NumberTransition::Bought.from().iter().map(|status| status.as_str());
    let moved = update
        .filter(Column::Id.eq(number.0))
        .filter(Column::TenantId.eq(operation.tenant_id.0))
        .filter(Column::Status.is_in(from))
        .exec(db)
        .await?;
    // The number is the tenant's, so a row in an unexpected state must not be ignored.
    if moved.rows_affected == 0 {
        Err(StoreError::Corrupt { table: TABLE, column: "status" })
    } else {
        Ok(())
    }
}
