//! The databases of released versions, as `scripts/freeze` keeps them, a folder a version in `tests/it/released`: an SQLite file
//! and a dump of Postgres, what the API answered on each, and the checksums of the migrations.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::App;
use super::database::TestDatabase;
use super::practice::TENANT;

/// The checksums of the released migrations: `HASH  PATH` from `migration/src`, a line each.
pub(crate) const MIGRATIONS: &str = "migrations.sha256";
pub(crate) const SQLITE: &str = "switchboard.db";
pub(crate) const POSTGRES: &str = "postgres.sql";

/// What is asked of a frozen database: everything that the API shows of its tenant, and then what only operators see.
const QUERIES: [&str; 8] = [
    "{ viewer { id userId plan { name } limits { concurrentCalls phoneNumbers dialCountries dialPremiumNumbers } activeCalls } }",
    "{ agents(first: 20) { totalCount nodes { id name language firstMessage fallbackNumber status tokenPreview elevenlabsAgentId
        syncState syncError { code message } createdAt updatedAt } } }",
    "{ agents(first: 20, filter: {status: DELETED}) { totalCount nodes { id name status } } }",
    "{ phoneNumbers(first: 20) { totalCount nodes { id number friendlyName sid provider type status countryCode locality region
        monthlyCost capabilities { voice sms mms } routingVersion provisionedAt agent { id } } } }",
    "{ phoneNumbers(first: 10) { nodes { routingRules { name action { kind forwardTo ringSeconds message }
        condition { days from to timeZone dates callers } } } } }",
    "{ phoneNumbers(first: 20, filter: {status: RELEASED}) { totalCount nodes { id number status releasedAt } } }",
    "{ calls(first: 20) { totalCount nodes { id sid direction from callerAttestation to status outcome startedAt endedAt
        durationSeconds estimatedCost conversationId agent { id } phoneNumber { id } transcript { speaker text atSeconds }
        decision { outcome reason ruleName routingVersion action { kind } } } } }",
    "{ auditEvents(first: 50) { totalCount nodes { id actor action subject outcome requestId at } } }",
];
const USAGE: &str = "query($month: String!) { viewer { usage(month: $month) { month calls minutes estimatedCost { calls } } } }";
const OPERATIONS: &str =
    "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Operation { id kind state step attempts
    error { code message } agent { id } phoneNumber { id } createdAt finishedAt } } }";
const REPORT: &str =
    "{ reconciliation { complete startedAt finishedAt monthlyCostAtStake differences { kind detail } } }";

/// The folder of every released version.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/released")
}

/// The folders of the released versions, oldest first.
pub(crate) fn versions() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut versions: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    versions.sort_by_key(|path| {
        let version = path.file_name().unwrap().to_str().unwrap().split('.');
        version.map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>()
    });
    versions
}

/// The file in which a version's folder holds what the API answered on the database that the tests run on.
pub(crate) fn answers_file(test: &TestDatabase) -> &'static str {
    if test.is_postgres() { "postgres.json" } else { "sqlite.json" }
}

/// What the API shows of a frozen database at this time, while no provider answers: nothing changes meanwhile.
pub(crate) async fn answers(test: TestDatabase, frozen_at: DateTime<Utc>, operations: &Value) -> Value {
    let nowhere = "http://127.0.0.1:1";
    let variables =
        [("TWILIO_API_BASE_URL", nowhere), ("ELEVENLABS_API_BASE_URL", nowhere), ("RECONCILE_EVERY", "0s")];
    let app = App::start_at(test, frozen_at, &variables).await;
    let tenant = app.token(TENANT);
    let mut asked: Vec<_> = QUERIES.iter().map(|query| (&tenant, *query, json!({}))).collect();
    asked.push((&tenant, USAGE, json!({ "month": frozen_at.format("%Y-%m").to_string() })));
    asked.push((&tenant, OPERATIONS, json!({ "ids": operations })));
    let operator = app.operator_token();
    asked.push((&operator, REPORT, json!({})));
    let mut answers = Vec::new();
    for (token, query, variables) in asked {
        let answer = app.graphql(token, query, variables).await;
        assert!(answer["errors"].is_null(), "{query}: {answer}");
        answers.push(json!({ "query": query, "data": answer["data"] }));
    }
    Value::Array(answers)
}
