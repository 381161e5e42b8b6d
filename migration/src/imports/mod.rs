//! Import of numbers that the carrier account holds already: what was set on a number before, and the kinds of operations that take
//! it over and give it up.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::widen;

/// Kinds of operations; a test compares them with the domain's.
const KINDS: &[&str] = &[
    "create_agent",
    "provision_number",
    "release_number",
    "repair_number",
    "check_number",
    "delete_agent",
    "restore_voice_agent",
    "send_message",
    "create_carrier_account",
    "move_number",
    "keep_number",
    "port_number",
    "import_number",
    "restore_number",
];
const STEPS: &[&str] = &[
    "create_voice_agent",
    "search_numbers",
    "claim_number",
    "buy_number",
    "release_number",
    "repair_number",
    "check_number",
    "record_number",
    "point_number",
    "restore_settings",
    "delete_voice_agent",
    "send_message",
    "create_carrier_account",
    "move_number",
    "check_portability",
    "upload_bill",
    "request_port",
    "follow_port",
    "cut_over",
    "done",
];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000024_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager, "operations", "kind", KINDS).await?;
        widen(manager, "operations", "step", STEPS).await?;
        // The carrier's settings of an imported number before the import; null for others.
        let column = json_binary_null("former_settings");
        manager.alter_table(Table::alter().table("phone_numbers").add_column(column).take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
