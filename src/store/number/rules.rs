//! A number's rules: set by its tenant, and known here as they were last read.
//!
//! A call is decided before its record is written, by the rules known here; the record is written only if they still
//! hold. So a call costs one statement, and two more when its number's rules have changed since the last one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::takes_calls;
use crate::domain::{E164, NumberId, PhoneNumber, RoutingRules};
use crate::store::entities::{self, phone_number};
use crate::store::{StoreError, SystemStore, TenantStore};

/// How many numbers' rules are kept here.
const MOST_KNOWN: usize = 10_000;

/// The rules of numbers that have some, as they were last read.
#[derive(Debug, Default)]
pub(in crate::store) struct KnownRules(Mutex<HashMap<E164, Known>>);

/// A number's rules at one of their versions.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Known {
    /// Whose version it is; `None` for a number of which nothing is known: it is held to have no rules.
    of: Option<(Uuid, i32)>,
    pub(in crate::store) rules: Arc<RoutingRules>,
}

impl Known {
    /// The number's rules are these.
    pub(in crate::store) fn still_hold(&self) -> Condition {
        let version = phone_number::Column::RoutingVersion;
        match self.of {
            Some((id, at)) => Condition::all().add(phone_number::Column::Id.eq(id)).add(version.eq(at)),
            None => Condition::all().add(version.eq(0)),
        }
    }
}

impl KnownRules {
    pub(in crate::store) fn of(&self, number: &E164) -> Known {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(number).cloned().unwrap_or_default()
    }

    fn learn(&self, number: &E164, read: Known) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if read.of.is_none() {
            known.remove(number);
            return;
        }
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(number.clone(), read);
    }
}

impl SystemStore {
    /// Reads a number's rules anew; whether it is one of ours that takes calls.
    pub(in crate::store) async fn learn_rules(&self, number: &E164) -> Result<bool, StoreError> {
        let row: Option<(Uuid, i32, serde_json::Value)> = phone_number::Entity::find()
            .filter(takes_calls(number))
            .select_only()
            .columns([
                phone_number::Column::Id,
                phone_number::Column::RoutingVersion,
                phone_number::Column::RoutingRules,
            ])
            .into_tuple()
            .one(self.db())
            .await?;
        let takes_calls = row.is_some();
        let read = match row {
            Some((id, version, rules)) if version > 0 => {
                let rules = entities::json("phone_numbers", "routing_rules", rules)?;
                Known { of: Some((id, version)), rules: Arc::new(rules) }
            }
            _ => Known::default(),
        };
        self.shared.known_rules.learn(number, read);
        Ok(takes_calls)
    }
}

impl TenantStore {
    /// Gives a number other rules, and them the next version; `None` when it is none of the tenant's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_routing_rules(
        &self,
        id: NumberId,
        rules: &RoutingRules,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let version = phone_number::Column::RoutingVersion;
        let row =
            phone_number::ActiveModel { routing_rules: Set(serde_json::json!(rules)), ..Default::default() };
        let written = phone_number::Entity::update_many()
            .set(row)
            .col_expr(version, Expr::col(version).add(1))
            .filter(phone_number::Column::Id.eq(id.0))
            .filter(phone_number::Column::TenantId.eq(self.tenant.0))
            .exec_with_returning(&self.transaction)
            .await?;
        written.into_iter().next().map(PhoneNumber::try_from).transpose()
    }
}
