//! The table `carrier_accounts`: accounts at the carrier that belong to a tenant, with their encrypted credentials. A number belongs to
//! one of them, or to the platform's account, which has no row.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{of_tenant, on_postgres, one_of, page_index, widen};

/// Kinds of operations that are new; a test compares all with the domain's.
const KINDS: &[&str] = &["create_carrier_account", "move_number"];
const STEPS: &[&str] = &["create_carrier_account", "move_number"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000020_carrier_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager, "operations", "kind", KINDS).await?;
        widen(manager, "operations", "step", STEPS).await?;
        manager.create_table(accounts()).await?;
        page_index(manager, "carrier_accounts", "created_at").await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        for column in [
            // Null: the platform's account.
            uuid_null("carrier_account_id"),
            // While the number moves, the account it moves to; afterwards the one that had it before. Null also is the platform's.
            uuid_null("other_account_id"),
            // When the last move began.
            timestamp_with_time_zone_null("moved_at"),
            boolean("is_moving").default(false).take(),
        ] {
            let mut table = Table::alter();
            manager.alter_table(table.table("phone_numbers").add_column(column).take()).await?;
        }
        on_postgres(manager, include_str!("carrier_accounts.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn accounts() -> TableCreateStatement {
    Table::create()
        .table("carrier_accounts")
        .col(pk_uuid("id"))
        .col(uuid("tenant_id"))
        // Null until a subaccount is created.
        .col(text_null("sid"))
        .col(text("kind").check(one_of("kind", &["shared", "subaccount", "own"])))
        .col(text("status").check(one_of("status", &["active", "suspended", "closed", "rejected"])))
        // What is wrong, in words.
        .col(text_null("detail"))
        // The operation that creates the subaccount. Its id is part of the account's name at the carrier.
        .col(uuid_null("operation_id"))
        // Encrypted. Null once the account is disconnected.
        .col(text_null("token"))
        .col(text_null("previous_token"))
        // Until when signatures with the previous token are accepted.
        .col(timestamp_with_time_zone_null("previous_until"))
        // The API key that authenticates requests. Null: the token does.
        .col(text_null("api_key_sid"))
        // Encrypted. Set if the id is.
        .col(text_null("api_key_secret"))
        .col(timestamp_with_time_zone_null("checked_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("disconnected_at"))
        .foreign_key(&mut of_tenant("carrier_accounts_tenant", "carrier_accounts"))
        .take()
}

fn indexes() -> [IndexCreateStatement; 3] {
    let index = |name| Index::create().name(name).table("carrier_accounts").take();
    let connected = || Expr::col("disconnected_at").is_null();
    [
        index("carrier_accounts_sid").col("sid").unique().and_where(connected()).take(),
        // A tenant has one subaccount, whatever several purchases at the same time ask for.
        index("carrier_accounts_subaccount")
            .col("tenant_id")
            .unique()
            .and_where(connected().and(Expr::col("kind").eq("subaccount")))
            .take(),
        index("carrier_accounts_updated").col("updated_at").take(),
    ]
}
