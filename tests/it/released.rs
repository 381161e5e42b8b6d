//! Released versions: their databases are upgraded to this version and answer as before, and their migrations stay as they are.
//!
//! A migration that was released has run somewhere: changed afterwards, it would make another schema for a new installation than
//! for one that is upgraded. What is to change is changed by a further migration (docs/upgrading.md).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aws_lc_rs::digest;
use serde_json::Value;
use switchboard::store::Migrations;

use crate::support::catalogue;
use crate::support::database::TestDatabase;
use crate::support::released::{MIGRATIONS, answers, answers_file, versions};

/// A released version's database, restored, and what is known of it.
async fn restored(version: &Path) -> (TestDatabase, Value) {
    let test = TestDatabase::restore(version).await;
    let known = fs::read_to_string(version.join(answers_file(&test))).unwrap();
    (test, serde_json::from_str(&known).unwrap())
}

#[tokio::test]
async fn each_released_database_is_upgraded_and_answers_as_before() {
    assert!(!versions().is_empty());
    for version in versions() {
        let (test, known) = restored(&version).await;
        // Every table of that version has a row, and every word that it could store is stored.
        assert_eq!(catalogue::without_rows(&test).await, [""; 0], "{}", version.display());
        let database = test.open().await;
        database.migrate().await.unwrap();
        assert_eq!(database.migrations().await.unwrap(), Migrations::default());
        assert_eq!(database.isolation_faults().await.unwrap(), [""; 0]);
        database.close().await;
        let frozen_at = known["frozenAt"].as_str().unwrap().parse().unwrap();
        let answers = answers(test, frozen_at, &known["operations"]).await;
        for (answer, before) in answers.as_array().unwrap().iter().zip(known["answers"].as_array().unwrap()) {
            assert_eq!(answer, before, "{}", version.display());
        }
    }
}

#[tokio::test]
async fn a_table_without_rows_in_a_released_database_is_found() {
    let (test, _) = restored(versions().last().unwrap()).await;
    test.execute("DELETE FROM voice_events").await;
    let without = catalogue::without_rows(&test).await;
    assert!(without.contains(&"voice_events".to_owned()), "{without:?}");
    test.execute("DELETE FROM calls WHERE status = 'busy'").await;
    let without = catalogue::without_rows(&test).await;
    assert!(without.contains(&"calls.status busy".to_owned()), "{without:?}");
}

#[tokio::test]
async fn an_upgraded_database_has_the_schema_of_a_new_one() {
    let new = catalogue::schema(&TestDatabase::create().await).await;
    assert!(new.len() > 30, "the schema was not found: {new:#?}");
    for version in versions() {
        let (test, _) = restored(&version).await;
        let database = test.open().await;
        database.migrate().await.unwrap();
        database.close().await;
        let upgraded = catalogue::schema(&test).await;
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|definition| !those.contains(definition)).cloned().collect()
        };
        let (only_new, only_upgraded) = (only(&new, &upgraded), only(&upgraded, &new));
        assert!(
            only_new.is_empty() && only_upgraded.is_empty(),
            "{}: a released migration, or a helper that it uses, was changed. Only in a new database: {only_new:#?}; only in \
             an upgraded one: {only_upgraded:#?}",
            version.display()
        );
    }
}

/// A large installation creates them before it migrates: `migrate` would lock the table for as long as that takes.
#[tokio::test]
async fn the_upgrade_notes_have_each_index_that_is_added_to_a_table() {
    let version = versions().pop().unwrap();
    let (test, _) = restored(&version).await;
    let (tables, before) = (catalogue::tables(&test).await, catalogue::indexes(&test).await);
    assert!(before.len() > 10, "the indexes were not found: {before:#?}");
    let database = test.open().await;
    database.migrate().await.unwrap();
    database.close().await;
    let is_added = |index: &String| {
        let table = index.split_once(" ON ").unwrap().1.split_once(' ').unwrap().0;
        tables.iter().any(|old| old == table) && !before.contains(index)
    };
    let added: BTreeSet<_> = catalogue::indexes(&test).await.into_iter().filter(is_added).collect();

    let changelog = Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md");
    let changelog = fs::read_to_string(changelog).unwrap();
    let heading = format!("\n## {} ", version.file_name().unwrap().display());
    let (since, _) = changelog.split_once(&heading).unwrap();
    let noted: BTreeSet<_> = since
        .lines()
        .filter_map(|line| line.trim().strip_prefix("CREATE INDEX CONCURRENTLY IF NOT EXISTS "))
        .map(|index| index.trim_end_matches(';').to_owned())
        .collect();
    assert_eq!(noted, added, "CHANGELOG.md and the migrations since {}", version.display());
}

#[test]
fn a_released_migration_is_not_changed() {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migration/src");
    for version in versions() {
        let released = fs::read_to_string(version.join(MIGRATIONS)).unwrap();
        assert!(released.lines().count() > 10, "{released}");
        for (hash, path) in released.lines().map(|line| line.split_once("  ").unwrap()) {
            let now = fs::read(migrations.join(path)).unwrap_or_default();
            let now = digest::digest(&digest::SHA256, &now);
            let now: String = now.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(
                now,
                hash,
                "migration/src/{path} was released with {}: leave it as it was, and add a migration",
                version.file_name().unwrap().display()
            );
        }
    }
}
