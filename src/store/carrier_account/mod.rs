//! Accounts at the carrier: those of tenants, with their encrypted credentials, and which account a number, a call or a message belongs to.
//!
//! The tenant's role writes credentials and cannot read them. Every server follows the table by [`SystemStore::carrier_accounts_since`].

mod owner;
mod saved;
mod subaccount;

pub use subaccount::TenantSubaccount;
pub(super) use subaccount::{subaccount_abandoned, subaccount_created};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, Select, Value,
};
use uuid::Uuid;

use super::entities::carrier_account::{Column, Entity, Model, TABLE, TOKENS};
use super::entities::{self, phone_number};
use super::{StoreError, SystemStore, TenantStore};
use crate::domain::{
    CarrierAccount, CarrierAccountId, CarrierAccountKind, CarrierAccountStatus, NumberStatus, TenantId,
};

/// Rows of one statement.
const PAGE: u64 = 500;
/// How far a look for changes reaches back: longer than a transaction that writes an account lasts, and than clocks differ.
const OVERLAP: TimeDelta = TimeDelta::seconds(15);

/// An account with its encrypted tokens.
#[derive(Clone)]
pub struct StoredAccount {
    /// The account.
    pub account: CarrierAccount,
    /// Its tokens.
    pub tokens: SealedTokens,
    /// Whether it is still connected.
    pub is_connected: bool,
}

/// The encrypted credentials of an own account, to be stored.
#[derive(Clone)]
pub struct SealedCredentials {
    /// The token.
    pub token: String,
    /// The carrier's id of the API key, which is not encrypted; `None`: the token authenticates requests.
    pub api_key_sid: Option<String>,
    /// The secret of the API key.
    pub api_key_secret: Option<String>,
}

/// The encrypted tokens of an account, and the encrypted secret of its API key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SealedTokens {
    /// The token.
    pub token: Option<String>,
    /// The token before it.
    pub previous: Option<String>,
    /// Until when signatures with that one are accepted.
    pub previous_until: Option<DateTime<Utc>>,
    /// The secret of the API key that authenticates requests.
    pub api_key_secret: Option<String>,
}

/// What a new token of an account replaces.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplacedToken {
    /// The encrypted token that stays accepted for signatures, and until when.
    pub previous: Option<(String, DateTime<Utc>)>,
    /// The row's `previous_until` when this was read. Each new token changes it.
    pub previous_until: Option<DateTime<Utc>>,
}

/// Result of a check of an account at the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCheck {
    /// Its state.
    pub status: CarrierAccountStatus,
    /// What is wrong with it, in words.
    pub detail: Option<String>,
}

fn connected() -> Condition {
    Condition::all().add(Column::DisconnectedAt.is_null()).add(Column::Sid.is_not_null())
}

impl TenantStore {
    fn own_accounts(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(self.tenant.0))
    }

    /// Returns the tenant's connected accounts, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn carrier_accounts(&self) -> Result<Vec<CarrierAccount>, StoreError> {
        let found = self.own_accounts().filter(connected()).order_by_asc(Column::CreatedAt);
        entities::all(&self.transaction, found.order_by_asc(Column::Id)).await
    }

    /// Returns the tenant's accounts with these ids, in no order, those that were disconnected among them.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn carrier_accounts_by_id(
        &self,
        ids: &[CarrierAccountId],
    ) -> Result<Vec<CarrierAccount>, StoreError> {
        let wanted = self.own_accounts().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
        entities::all(&self.transaction, wanted.filter(Column::Sid.is_not_null())).await
    }

    /// Stores an account of the tenant's own. Returns whether it was stored: an account is connected once, whoever connects it.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn insert_own_account(
        &self,
        id: CarrierAccountId,
        sid: &str,
        sealed: SealedCredentials,
        check: &AccountCheck,
    ) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let mut insert = Query::insert();
        insert
            .into_table(Entity)
            .columns(
                [
                    "id",
                    "tenant_id",
                    "sid",
                    "kind",
                    "status",
                    "detail",
                    "token",
                    "api_key_sid",
                    "api_key_secret",
                    "checked_at",
                    "created_at",
                    "updated_at",
                ]
                .map(Alias::new),
            )
            .values_panic([
                id.0.into(),
                self.tenant.0.into(),
                sid.into(),
                CarrierAccountKind::Own.as_str().into(),
                check.status.as_str().into(),
                check.detail.clone().into(),
                sealed.token.into(),
                sealed.api_key_sid.into(),
                sealed.api_key_secret.into(),
                now.into(),
                now.into(),
                now.into(),
            ])
            .on_conflict(OnConflict::new().do_nothing().to_owned());
        Ok(self.transaction.execute(&insert).await?.rows_affected() > 0)
    }

    /// Replaces the credentials of a connected account, unless another token was stored after `replaced` was read: that token would be
    /// lost. Returns whether the credentials were replaced.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn replace_account_credentials(
        &self,
        id: CarrierAccountId,
        sealed: SealedCredentials,
        replaced: ReplacedToken,
        check: &AccountCheck,
    ) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let (previous, until) = replaced.previous.unzip();
        let mut update = Query::update();
        update
            .table(Entity)
            .values([
                (Alias::new("status"), check.status.as_str().into()),
                (Alias::new("detail"), check.detail.clone().into()),
                (Alias::new("token"), sealed.token.into()),
                (Alias::new("previous_token"), previous.into()),
                (Alias::new("previous_until"), until.into()),
                (Alias::new("api_key_sid"), sealed.api_key_sid.into()),
                (Alias::new("api_key_secret"), sealed.api_key_secret.into()),
                (Alias::new("checked_at"), now.into()),
                (Alias::new("updated_at"), now.into()),
            ])
            .and_where(Column::Id.eq(id.0))
            .and_where(Column::TenantId.eq(self.tenant.0))
            .and_where(still("previous_until", replaced.previous_until.as_ref()))
            .and_where(Column::DisconnectedAt.is_null());
        Ok(self.transaction.execute(&update).await?.rows_affected() > 0)
    }

    /// Disconnects an account and forgets its credentials. Returns whether it was connected.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn disconnect_account(&self, id: CarrierAccountId) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let none = || Expr::value(None::<String>);
        let mut update = Query::update();
        update
            .table(Entity)
            .values([
                (Alias::new("token"), none()),
                (Alias::new("previous_token"), none()),
                (Alias::new("api_key_sid"), none()),
                (Alias::new("api_key_secret"), none()),
                (Alias::new("disconnected_at"), now.into()),
                (Alias::new("updated_at"), now.into()),
            ])
            .and_where(Column::Id.eq(id.0))
            .and_where(Column::TenantId.eq(self.tenant.0))
            .and_where(Column::DisconnectedAt.is_null());
        Ok(self.transaction.execute(&update).await?.rows_affected() > 0)
    }

    /// Counts the numbers that are held in an account, or on their way to it.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_numbers_in_account(&self, id: CarrierAccountId) -> Result<u64, StoreError> {
        use phone_number::Column as Number;
        let moving = Number::IsMoving.eq(true).and(Number::OtherAccountId.eq(id.0));
        Ok(phone_number::Entity::find()
            .filter(Number::TenantId.eq(self.tenant.0))
            .filter(Number::Status.ne(NumberStatus::Released.as_str()))
            .filter(Condition::any().add(Number::CarrierAccountId.eq(id.0)).add(moving))
            .count(&self.transaction)
            .await?)
    }
}

impl SystemStore {
    /// The tenant's own connected account that is active, the oldest of several.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn own_account_of(&self, tenant: TenantId) -> Result<Option<CarrierAccountId>, StoreError> {
        let found = Entity::find()
            .filter(Column::TenantId.eq(tenant.0))
            .filter(Column::Kind.eq(CarrierAccountKind::Own.as_str()))
            .filter(Column::Status.eq(CarrierAccountStatus::Active.as_str()))
            .filter(connected())
            .order_by_asc(Column::CreatedAt)
            .one(self.db())
            .await?;
        Ok(found.map(|row| CarrierAccountId(row.id)))
    }

    /// Reads the accounts that were changed since then, those that were disconnected among them; `None`: all that are connected.
    /// Unreadable rows are reported and left out. Stops after `most` accounts and returns the others with the next call.
    ///
    /// # Errors
    /// [`StoreError`], but never because of an unreadable row.
    pub async fn carrier_accounts_since(
        &self,
        since: Option<DateTime<Utc>>,
        most: usize,
    ) -> Result<Vec<StoredAccount>, StoreError> {
        let mut read: Vec<StoredAccount> = Vec::new();
        let mut after: Option<(DateTime<Utc>, Uuid)> = None;
        while read.len() < most {
            let mut query = with_tokens(Entity::find().filter(Column::Sid.is_not_null()));
            query = match since {
                Some(since) => query.filter(Column::UpdatedAt.gt(since - OVERLAP)),
                None => query.filter(Column::DisconnectedAt.is_null()),
            };
            if let Some((at, id)) = after {
                let columns = [Expr::col(Column::UpdatedAt), Expr::col(Column::Id)];
                query = query.filter(Expr::tuple(columns).gt(Expr::tuple([Expr::val(at), Expr::val(id)])));
            }
            let query = query.order_by(Column::UpdatedAt, Order::Asc).order_by(Column::Id, Order::Asc);
            let rows = entities::found(self.db(), query.limit(PAGE)).await?;
            after = rows.last().and_then(position);
            for row in &rows {
                match read_stored(row) {
                    Ok(stored) => read.push(stored),
                    Err(failure) => self.report_row(TABLE, || entities::id(row), row, &[failure]),
                }
            }
            if (rows.len() as u64) < PAGE || after.is_none() {
                break;
            }
        }
        Ok(read)
    }

    /// Reads an account with its tokens; `None` if it does not exist or is not created yet.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if it is unreadable.
    pub async fn carrier_account(&self, id: CarrierAccountId) -> Result<Option<StoredAccount>, StoreError> {
        let query = with_tokens(Entity::find_by_id(id.0).filter(Column::Sid.is_not_null()));
        entities::found(self.db(), query).await?.first().map(read_stored).transpose()
    }

    /// Reads the account with the carrier's id: the one that is connected, else the one that was connected last; `None` if there is
    /// none.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if it is unreadable.
    pub async fn carrier_account_by_sid(&self, sid: &str) -> Result<Option<StoredAccount>, StoreError> {
        let named = Entity::find().filter(Column::Sid.eq(sid)).order_by_desc(Column::CreatedAt);
        let rows = entities::found(self.db(), with_tokens(named)).await?;
        let mut accounts = rows.iter().map(read_stored).collect::<Result<Vec<_>, _>>()?;
        let at = accounts.iter().position(|stored| stored.is_connected).unwrap_or_default();
        Ok((!accounts.is_empty()).then(|| accounts.swap_remove(at)))
    }

    /// Stores the result of a check of these credentials at the carrier, unless they were changed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn note_account_check(
        &self,
        id: CarrierAccountId,
        checked: &SealedTokens,
        check: &AccountCheck,
    ) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        Entity::update_many()
            .col_expr(Column::CheckedAt, Expr::value(now))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .col_expr(Column::Status, Expr::value(check.status.as_str()))
            .col_expr(Column::Detail, Expr::value(check.detail.clone()))
            .filter(Column::Id.eq(id.0))
            .filter(Column::DisconnectedAt.is_null())
            .filter(still("token", checked.token.as_ref()))
            .filter(still("api_key_secret", checked.api_key_secret.as_ref()))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Replaces the encryption of an account's credentials, unless they were changed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn reseal_account(
        &self,
        id: CarrierAccountId,
        was: &SealedTokens,
        tokens: &SealedTokens,
    ) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let mut update = Query::update();
        update
            .table(Entity)
            .values([
                (Alias::new("token"), tokens.token.clone().into()),
                (Alias::new("previous_token"), tokens.previous.clone().into()),
                (Alias::new("api_key_secret"), tokens.api_key_secret.clone().into()),
                (Alias::new("updated_at"), now.into()),
            ])
            .and_where(Column::Id.eq(id.0))
            .and_where(still("token", was.token.as_ref()))
            .and_where(still("previous_token", was.previous.as_ref()))
            .and_where(still("api_key_secret", was.api_key_secret.as_ref()));
        Ok(self.db().execute(&update).await?.rows_affected() > 0)
    }
}

/// Whether a column still has what was read.
fn still<T: Clone + Into<Value>>(column: &'static str, read: Option<&T>) -> Expr {
    let column = Expr::col(Alias::new(column));
    match read {
        Some(read) => column.eq(read.clone()),
        None => column.is_null(),
    }
}

fn with_tokens(mut query: Select<Entity>) -> Select<Entity> {
    QuerySelect::query(&mut query).columns(TOKENS.map(Alias::new));
    query
}

fn position(row: &QueryResult) -> Option<(DateTime<Utc>, Uuid)> {
    Some((row.try_get("", "updated_at").ok()?, row.try_get("", "id").ok()?))
}

fn read_stored(row: &QueryResult) -> Result<StoredAccount, StoreError> {
    let model = entities::decoded::<Model>(row)?;
    let tokens = SealedTokens {
        token: row.try_get("", TOKENS[0])?,
        previous: row.try_get("", TOKENS[1])?,
        previous_until: row.try_get("", TOKENS[2])?,
        api_key_secret: row.try_get("", TOKENS[3])?,
    };
    let is_connected = model.disconnected_at.is_none();
    Ok(StoredAccount { account: model.try_into()?, tokens, is_connected })
}

impl std::fmt::Debug for StoredAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredAccount").field("account", &self.account).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SealedCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedCredentials")
    }
}

impl std::fmt::Debug for ReplacedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplacedToken").field("previous_until", &self.previous_until).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SealedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedTokens")
    }
}
