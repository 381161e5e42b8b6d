//! `switchboard reconcile`, the program itself, beside a server: objects at the emulated providers are changed without the server,
//! reported, and repaired.

use std::process::Output;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::levers::WRONG_SETTINGS;
use crate::support::program::{PUBLIC_URL, err, finish, out};
use crate::support::sql::{execute, literal, refuse};
use crate::support::{App, wait_until};

/// Longer than an operation that is over keeps what it was about from being compared.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server that points its numbers where the program does, and reconciles only on request.
async fn start() -> App {
    App::start_with(&[("WEBHOOK_BASE_URL", PUBLIC_URL), ("RECONCILE_EVERY", "0s")]).await
}

async fn reconcile(app: &App, arguments: &[&str]) -> Output {
    finish(app.program(&[&["reconcile"], arguments].concat())).await
}

async fn report(app: &App, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = reconcile(app, &[&["--json"], arguments].concat()).await;
    let report = serde_json::from_str(&out(&output)).unwrap_or_else(|_| panic!("{}", err(&output)));
    (output.status.code(), report)
}

fn kinds(report: &Value) -> Vec<&str> {
    let differences = report["differences"].as_array().unwrap().iter();
    let mut kinds: Vec<_> = differences.map(|difference| difference["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    kinds
}

async fn buy(app: &App, number: &Value, friendly_name: &str) {
    let form = [("PhoneNumber", number.as_str().unwrap()), ("FriendlyName", friendly_name)];
    app.at_carrier(Method::POST, "IncomingPhoneNumbers", &form).await;
}

async fn twin(app: &App, of: &str) {
    let tags = json!(["switchboard", format!("switchboard:{of}")]);
    let body = json!({ "name": "Twin", "tags": tags, "conversation_config": {} });
    app.at_voice_provider(Method::POST, "create", body).await;
}

/// One mutation without a payload to look at.
async fn ask(app: &App, token: &str, mutation: &str, id: &Value) {
    let query =
        format!("mutation($id: ID!) {{ {mutation}(input: {{id: $id}}) {{ userErrors {{ message }} }} }}");
    let answer = app.graphql(token, &query, json!({ "id": id })).await;
    assert_eq!(answer["data"][mutation]["userErrors"], json!([]), "{answer}");
}

async fn practice(app: &App, token: &str, area_code: &str) -> Value {
    create(app, token, json!({ "name": "Practice", "areaCode": area_code })).await
}

/// What is not the system's own.
const FOREIGN: [&str; 3] = ["FOREIGN_NUMBER", "FOREIGN_NUMBER", "FOREIGN_VOICE_AGENT"];

#[tokio::test]
async fn differences_are_reported_and_repaired_and_foreign_objects_are_not_changed() {
    let app = start().await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let misdirected = practice(&app, &token, "212").await;
    let missing = practice(&app, &other, "415").await;
    let released = practice(&app, &token, "305").await;
    let voiceless = practice(&app, &other, "917").await;
    let deleted = practice(&app, &token, "646").await;
    ask(&app, &token, "releasePhoneNumber", &released["phoneNumber"]["id"]).await;
    ask(&app, &token, "deleteAgent", &deleted["agent"]["id"]).await;
    let in_order = wait_until("the operations have settled", DEADLINE, async || {
        let (code, report) = report(&app, &[]).await;
        let is_settled = app.graphql(&token, "{ agents { totalCount } }", json!({})).await;
        (code == Some(0) && is_settled["data"]["agents"]["totalCount"] == 2).then_some(report)
    })
    .await;
    assert_eq!(in_order["compared"], json!({ "numbers": 3, "voiceAgents": 4 }));

    let sid = |of: &Value| of["phoneNumber"]["sid"].as_str().unwrap().to_owned();
    app.as_account_owner(&sid(&misdirected), &[("VoiceUrl", "https://elsewhere.example.com/")]).await;
    app.at_carrier(Method::DELETE, &format!("IncomingPhoneNumbers/{}", sid(&missing)), &[]).await;
    let mark = format!("switchboard:{}", released["operation"]["id"].as_str().unwrap());
    buy(&app, &released["phoneNumber"]["number"], &mark).await;
    buy(&app, &deleted["phoneNumber"]["number"], "Front desk").await;
    let elsewhere = format!("switchboard:operation_{}", Uuid::from_u128(7).simple());
    buy(&app, &json!("+13055550101"), &elsewhere).await;
    let lost = voiceless["agent"]["elevenlabsAgentId"].as_str().unwrap();
    app.at_voice_provider(Method::DELETE, lost, json!({})).await;
    twin(&app, misdirected["agent"]["id"].as_str().unwrap()).await;
    twin(&app, deleted["agent"]["id"].as_str().unwrap()).await;
    twin(&app, &format!("agent_{}", Uuid::from_u128(7).simple())).await;

    let before = app.sandbox_state().await;
    let expected = wait_until("all differences are reported", DEADLINE, async || {
        let (code, report) = report(&app, &[]).await;
        (kinds(&report).len() == 9).then_some((code, report))
    })
    .await;
    let (code, found) = expected;
    let mut all = [
        &FOREIGN[..],
        &["MISDIRECTED_NUMBER", "MISSING_NUMBER", "MISSING_VOICE_AGENT", "ORPHANED_NUMBER"],
        &["ORPHANED_VOICE_AGENT", "ORPHANED_VOICE_AGENT"],
    ]
    .concat();
    all.sort_unstable();
    assert_eq!((code, kinds(&found)), (Some(3), all.clone()), "{found}");
    // One that points elsewhere, one that nobody holds, and two that are not ours.
    assert_eq!(found["monthlyCostAtStake"], "4.60", "{found}");
    let after = app.sandbox_state().await;
    assert_eq!((&before["numbers"], &before["agents"]), (&after["numbers"], &after["agents"]));

    let (code, repaired) = report(&app, &["--fix"]).await;
    assert_eq!((code, kinds(&repaired)), (Some(3), all), "{repaired}");
    for difference in repaired["differences"].as_array().unwrap() {
        let kind = difference["kind"].as_str().unwrap();
        let is_repaired = !FOREIGN.contains(&kind) && kind != "MISSING_NUMBER";
        assert_eq!(difference["mended"], is_repaired, "{difference}");
    }
    assert_eq!(repaired["remaining"], 4);
    as_it_should_be(&app, &token, &other).await;

    // A number that is gone is an open difference until somebody acts.
    wait_until("the missing number is reported", DEADLINE, async || {
        let (code, left) = report(&app, &[]).await;
        ((code, kinds(&left)) == (Some(3), [&FOREIGN[..], &["MISSING_NUMBER"]].concat())).then_some(())
    })
    .await;
    ask(&app, &other, "releasePhoneNumber", &missing["phoneNumber"]["id"]).await;
    wait_until("the released number is no longer reported", DEADLINE, async || {
        let (_, left) = report(&app, &[]).await;
        (kinds(&left) == FOREIGN).then_some(())
    })
    .await;
    operators_read_it(&app, &token, 3).await;
}

/// Carrier, voice provider and database, after the repair.
async fn as_it_should_be(app: &App, token: &str, other: &str) {
    let state = app.sandbox_state().await;
    let names = |list: &Value, name: &str| -> Vec<String> {
        let names = list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned());
        names.collect()
    };
    let query = "{ agents { nodes { elevenlabsAgentId } } phoneNumbers { nodes { number status } } }";
    let (mut wanted, mut active, mut inactive) = (Vec::new(), Vec::new(), 0);
    for token in [token, other] {
        let held = app.graphql(token, query, json!({})).await["data"].clone();
        wanted.extend(names(&held["agents"]["nodes"], "elevenlabsAgentId"));
        for number in held["phoneNumbers"]["nodes"].as_array().unwrap() {
            match number["status"].as_str() {
                Some("ACTIVE") => active.push(number["number"].as_str().unwrap().to_owned()),
                _ => inactive += 1,
            }
        }
    }
    let there = names(&state["agents"], "agent_id");
    assert!(wanted.iter().all(|id| there.contains(id)), "{wanted:?} {there:?}");
    // One is another installation's.
    assert_eq!(there.len(), wanted.len() + 1);
    let owned = names(&state["numbers"], "phone_number");
    assert!(active.iter().all(|number| owned.contains(number)), "{active:?} {owned:?}");
    assert_eq!((active.len(), inactive, owned.len()), (2, 1, 4));
    let urls = state["numbers"].as_array().unwrap().iter().map(|number| &number["settings"]["voice_url"]);
    let ours = urls.filter(|url| *url == "https://calls.example.com/api/webhooks/call/incoming");
    assert_eq!(ours.count(), 2);
}

async fn operators_read_it(app: &App, tenant: &str, differences: usize) {
    let query = "{ reconciliation { startedAt finishedAt complete monthlyCostAtStake
        differences { kind number sid agent { name } detail repair } } }";
    let seen = app.graphql(&app.operator_token(), query, json!({})).await;
    let report = &seen["data"]["reconciliation"];
    assert_eq!(
        (&report["complete"], &report["monthlyCostAtStake"]),
        (&json!(true), &json!("2.30")),
        "{seen}"
    );
    assert_eq!(report["differences"].as_array().unwrap().len(), differences, "{seen}");
    // Reading an agent there stands in its owner's trail; reading the report alone shows nobody's rows.
    let trail = async || {
        let trail = "{ auditEvents(first: 100) { nodes { actor action } } }";
        let trail = app.graphql(tenant, trail, json!({})).await["data"]["auditEvents"]["nodes"].clone();
        let by_operator = format!("operator:{}", Uuid::from_u128(0xffff));
        let reads = json!({ "actor": by_operator, "action": "query reconciliation" });
        trail.as_array().unwrap().iter().filter(|event| **event == reads).count()
    };
    let before = trail().await;
    app.graphql(&app.operator_token(), "{ reconciliation { differences { kind } } }", json!({})).await;
    assert_eq!(trail().await, before);
    let refused = app.graphql(tenant, query, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    assert_eq!(refused["data"], json!({ "reconciliation": null }));
}

#[tokio::test]
async fn nothing_is_concluded_from_a_partial_or_missing_list() {
    let app = start().await;
    let token = app.token(Uuid::from_u128(1));
    for code in ["212", "212", "415", "305", "917", "646"] {
        practice(&app, &token, code).await;
    }
    let numbers = app.sandbox_state().await["numbers"].clone();
    let refused = async |why: &str| {
        let before = app.sandbox_state().await;
        let output = reconcile(&app, &["--fix"]).await;
        assert_eq!(output.status.code(), Some(1), "{}", out(&output));
        assert!(err(&output).contains("nothing changed") && err(&output).contains(why), "{}", err(&output));
        let after = app.sandbox_state().await;
        assert_eq!((&before["numbers"], &before["agents"]), (&after["numbers"], &after["agents"]));
        let active = "{ phoneNumbers(filter: {status: ACTIVE}) { totalCount } }";
        let held = app.graphql(&token, active, json!({})).await;
        assert_eq!(held["data"]["phoneNumbers"]["totalCount"], 6, "{held}");
    };
    for (provider, path) in [("twilio", "IncomingPhoneNumbers"), ("elevenlabs", "/agents")] {
        let matching = json!({ "provider": provider, "method": "GET", "path_contains": path });
        app.faults(json!({ "match": matching, "action": { "status": 503 } })).await;
        refused("unavailable").await;
        app.clear_faults().await;
    }
    for number in &numbers.as_array().unwrap()[..5] {
        let path = format!("IncomingPhoneNumbers/{}", number["sid"].as_str().unwrap());
        app.at_carrier(Method::DELETE, &path, &[]).await;
    }
    wait_until("the numbers have settled", DEADLINE, async || {
        let output = reconcile(&app, &[]).await;
        err(&output).contains("5 of 6 numbers").then_some(())
    })
    .await;
    refused("5 of 6 numbers are missing").await;
    let query = "{ reconciliation { complete incompleteReason differences { kind } } }";
    let found = app.graphql(&app.operator_token(), query, json!({})).await;
    assert_eq!(found["data"]["reconciliation"]["complete"], false, "{found}");
    assert_eq!(found["data"]["reconciliation"]["differences"], json!([]));
}

#[tokio::test]
async fn a_server_marks_missing_numbers_and_changes_nothing_at_a_provider() {
    let app = App::start_with(&[("RECONCILE_EVERY", "1s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let gone = practice(&app, &token, "212").await;
    let astray = practice(&app, &token, "415").await;
    let sid = gone["phoneNumber"]["sid"].as_str().unwrap();
    app.at_carrier(Method::DELETE, &format!("IncomingPhoneNumbers/{sid}"), &[]).await;
    let url = "https://elsewhere.example.com/";
    app.as_account_owner(astray["phoneNumber"]["sid"].as_str().unwrap(), &[("VoiceUrl", url)]).await;
    app.advance(Duration::from_secs(10));
    let query = "query($id: ID!) { phoneNumber(id: $id) { status } }";
    wait_until("the number is known to be gone", DEADLINE, async || {
        let seen = app.graphql(&token, query, json!({ "id": gone["phoneNumber"]["id"] })).await;
        (seen["data"]["phoneNumber"]["status"] == "INACTIVE").then_some(())
    })
    .await;
    let query = "{ reconciliation { startedAt differences { kind repair agent { id } } } }";
    let found = wait_until("the report is there", DEADLINE, async || {
        let found = app.graphql(&app.operator_token(), query, json!({})).await;
        let report = found["data"]["reconciliation"].clone();
        report["differences"].as_array().is_some_and(|found| found.len() == 2).then_some(report)
    })
    .await;
    // In this report and in each further one.
    for _ in 0..2 {
        app.advance(Duration::from_secs(10));
        let query = "{ reconciliation { startedAt differences { kind repair } } }";
        let next = wait_until("there is another report", DEADLINE, async || {
            let next =
                app.graphql(&app.operator_token(), query, json!({})).await["data"]["reconciliation"].clone();
            (next["startedAt"] != found["startedAt"]).then_some(next)
        })
        .await;
        let missing = json!({"kind": "MISSING_NUMBER", "repair": null});
        assert!(next["differences"].as_array().unwrap().contains(&missing), "{next}");
    }
    wait_until("the metric counts it", DEADLINE, async || {
        // Other tests' servers set it as well.
        app.advance(Duration::from_secs(10));
        let metrics = app.http().get(format!("{}/metrics", app.base_url())).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        metrics.contains(r#"switchboard_differences{kind="MISSING_NUMBER"} 1"#).then_some(())
    })
    .await;
    let trail = app.graphql(&token, "{ auditEvents { nodes { action } } }", json!({})).await;
    assert!(trail.to_string().contains("query reconciliation"), "{trail}");
    let of_kind = |kind: &str| {
        let differences = found["differences"].as_array().unwrap();
        differences.iter().find(|found| found["kind"] == kind).cloned().unwrap_or_else(|| panic!("{found}"))
    };
    of_kind("MISSING_NUMBER");
    let difference = of_kind("MISDIRECTED_NUMBER");
    assert_eq!(difference["agent"]["id"], astray["agent"]["id"], "{found}");
    assert!(difference["repair"].as_str().unwrap().starts_with("to do"), "{found}");
    assert_eq!(app.sandbox_state().await["numbers"][0]["settings"]["voice_url"], url);
}

#[tokio::test]
async fn a_voice_agent_without_tags_is_kept_and_a_missing_one_causes_no_purchase() {
    let app = start().await;
    let token = app.token(Uuid::from_u128(1));
    let untagged = practice(&app, &token, "212").await;
    let kept = practice(&app, &token, "415").await;
    let gone = create(&app, &token, json!({ "name": "Practice", "provisionPhone": false })).await;
    let voice = |of: &Value| of["agent"]["elevenlabsAgentId"].as_str().unwrap().to_owned();
    app.at_voice_provider(Method::PATCH, &voice(&untagged), json!({ "tags": ["reception"] })).await;
    app.at_voice_provider(Method::DELETE, &voice(&gone), json!({})).await;
    // The one that is gone cannot be made again for a while.
    let creation = json!({ "provider": "elevenlabs", "method": "POST", "path_contains": "/agents/create" });
    app.faults(json!({ "match": creation, "action": { "status": 503 } })).await;
    wait_until("both are reported", DEADLINE, async || {
        let (_, found) = report(&app, &[]).await;
        (kinds(&found) == ["MISSING_VOICE_AGENT"; 2]).then_some(())
    })
    .await;
    let mut command = app.program(&["reconcile", "--fix", "--json"]);
    command.env("OPERATION_WAIT", "2s");
    let fixed: Value = serde_json::from_str(&out(&finish(command).await)).unwrap();
    let outcomes: Vec<&Value> =
        fixed["differences"].as_array().unwrap().iter().map(|difference| &difference["mended"]).collect();
    assert_eq!(outcomes, [true, false], "{fixed}");
    let provisioned = finish(app.program(&["provision", "--missing"])).await;
    assert!(provisioned.status.success(), "{}{}", out(&provisioned), err(&provisioned));
    app.clear_faults().await;

    let query = "{ agents { nodes { id elevenlabsAgentId phoneNumber { status } } } }";
    let agents = wait_until("the one that was gone is made again", DEADLINE, async || {
        let agents = app.graphql(&token, query, json!({})).await["data"]["agents"]["nodes"].clone();
        let is_new = agents[0]["elevenlabsAgentId"] != gone["agent"]["elevenlabsAgentId"];
        is_new.then_some(agents)
    })
    .await;
    for agent in agents.as_array().unwrap() {
        assert_eq!(agent["phoneNumber"]["status"], "ACTIVE", "{agents}");
    }
    assert_eq!(agents[1]["elevenlabsAgentId"], voice(&kept));
    assert_eq!(agents[2]["elevenlabsAgentId"], voice(&untagged), "it was not replaced");
    let state = app.sandbox_state().await;
    let there = state["agents"].as_array().unwrap();
    assert_eq!(there.len(), 3, "{state}");
    let tags = there.iter().find(|agent| agent["agent_id"] == voice(&untagged)).map(|agent| &agent["tags"]);
    let own = format!("switchboard:{}", untagged["agent"]["id"].as_str().unwrap());
    assert_eq!(tags, Some(&json!(["reception", "switchboard", own])));
    assert_eq!(state["counters"]["purchases"], 3);
}

#[tokio::test]
async fn an_archived_voice_agent_is_restored_and_not_replaced() {
    let app = start().await;
    let token = app.token(Uuid::from_u128(1));
    let made = practice(&app, &token, "212").await;
    let id = made["agent"]["elevenlabsAgentId"].as_str().unwrap();
    let archive = async |id: &str| {
        let archived = json!({ "platform_settings": { "archived": true } });
        app.at_voice_provider(Method::PATCH, id, archived).await;
    };
    archive(id).await;
    // Another one with its tags, in the archive too.
    twin(&app, made["agent"]["id"].as_str().unwrap()).await;
    let state = app.sandbox_state().await;
    let mut ids = state["agents"].as_array().unwrap().iter().filter_map(|agent| agent["agent_id"].as_str());
    archive(ids.find(|there| *there != id).unwrap()).await;
    wait_until("both are reported", DEADLINE, async || {
        let (_, found) = report(&app, &[]).await;
        (kinds(&found) == ["ARCHIVED_VOICE_AGENT", "ORPHANED_VOICE_AGENT"]).then_some(())
    })
    .await;
    let (code, repaired) = report(&app, &["--fix"]).await;
    assert_eq!((code, &repaired["remaining"]), (Some(0), &json!(0)), "{repaired}");
    let agents = app.sandbox_state().await["agents"].clone();
    assert_eq!(agents.as_array().unwrap().len(), 1, "{agents}");
    assert_eq!(
        (&agents[0]["agent_id"], &agents[0]["platform_settings"]["archived"]),
        (&json!(id), &json!(false))
    );
}

#[tokio::test]
async fn every_setting_of_a_purchase_is_compared_and_repaired() {
    let app = start().await;
    // A number for each setting: one that was just corrected is left alone for as long as clocks may differ.
    let token = app.token(Uuid::from_u128(1));
    let mut sids = Vec::new();
    for _ in WRONG_SETTINGS {
        sids.push(practice(&app, &token, "646").await["phoneNumber"]["sid"].as_str().unwrap().to_owned());
    }
    let settings = async || {
        let state = app.sandbox_state().await;
        let of = |sid: &String| {
            let mut numbers = state["numbers"].as_array().unwrap().iter();
            numbers.find(|number| number["sid"] == **sid).unwrap()["settings"].clone()
        };
        sids.iter().map(of).collect::<Vec<_>>()
    };
    let before = settings().await;
    wait_until("the purchases have settled", DEADLINE, async || {
        let (code, found) = report(&app, &[]).await;
        (code == Some(0) && found["compared"]["numbers"] == WRONG_SETTINGS.len()).then_some(())
    })
    .await;
    for (sid, (setting, _, other)) in sids.iter().zip(WRONG_SETTINGS) {
        app.as_account_owner(sid, &[(setting, other)]).await;
    }
    // What was bought a moment ago is skipped as well, and reported by a later run.
    let mut differences = Vec::new();
    wait_until("all are reported and repaired", DEADLINE, async || {
        let (_, fixed) = report(&app, &["--fix"]).await;
        differences.extend(fixed["differences"].as_array().unwrap().clone());
        (differences.len() >= WRONG_SETTINGS.len()).then_some(())
    })
    .await;
    let after = settings().await;
    for (at, (setting, name, _)) in WRONG_SETTINGS.iter().enumerate() {
        let found = differences.iter().find(|difference| difference["sid"] == *sids[at]).unwrap();
        assert_eq!(
            (&found["kind"], &found["mended"]),
            (&json!("MISDIRECTED_NUMBER"), &json!(true)),
            "{found}"
        );
        assert!(found["detail"].as_str().unwrap().contains(setting), "{setting}: {found}");
        assert_eq!(after[at][name], before[at][name], "{setting}");
    }
}

#[tokio::test]
async fn subjects_of_unreadable_rows_are_not_changed_and_the_rest_is_repaired() {
    let app = start().await;
    let token = app.token(Uuid::from_u128(1));
    let [unreadable, voiced, astray] = [
        practice(&app, &token, "212").await,
        practice(&app, &token, "415").await,
        practice(&app, &token, "305").await,
    ];
    let literal = |id: &Value| {
        let hex = id.as_str().unwrap().rsplit_once('_').unwrap().1.to_owned();
        if app.database_url().starts_with("postgres") { format!("'{hex}'") } else { format!("x'{hex}'") }
    };
    let (number, agent) = (literal(&unreadable["phoneNumber"]["id"]), literal(&voiced["agent"]["id"]));
    app.execute(&format!("UPDATE phone_numbers SET monthly_cost = 'NaN' WHERE id = {number}")).await;
    let odd = r#"{"code":"UNHEARD_OF","message":""}"#;
    app.execute(&format!("UPDATE agents SET sync_error = '{odd}' WHERE id = {agent}")).await;
    let sid = astray["phoneNumber"]["sid"].as_str().unwrap();
    app.as_account_owner(sid, &[("VoiceMethod", "GET")]).await;
    let before = app.sandbox_state().await;
    let fixed = wait_until("the rest is repaired", DEADLINE, async || {
        let (_, fixed) = report(&app, &["--fix"]).await;
        fixed["differences"].as_array().is_some_and(|found| !found.is_empty()).then_some(fixed)
    })
    .await;
    assert_eq!((kinds(&fixed), &fixed["remaining"]), (vec!["MISDIRECTED_NUMBER"], &json!(0)), "{fixed}");
    let after = app.sandbox_state().await;
    assert_eq!(after["numbers"].as_array().unwrap().len(), 3, "{after}");
    assert_eq!(before["agents"], after["agents"]);
}

#[tokio::test]
async fn a_failed_repair_is_reported_and_a_failed_run_ends() {
    let app = start().await;
    let token = app.token(Uuid::from_u128(1));
    let (refused, other) = (practice(&app, &token, "212").await, practice(&app, &token, "305").await);
    for number in [&refused, &other] {
        app.as_account_owner(number["phoneNumber"]["sid"].as_str().unwrap(), &[("VoiceMethod", "GET")]).await;
    }
    let number = literal(&app, &refused["phoneNumber"]["id"]);
    refuse(&app, "operations", "INSERT", &format!("NEW.phone_number_id = {number}")).await;
    let (_, fixed) = wait_until("both are reported", DEADLINE, async || {
        let (code, found) = report(&app, &["--fix"]).await;
        (kinds(&found).len() == 2).then_some((code, found))
    })
    .await;
    assert_eq!(fixed["remaining"], 1, "{fixed}");
    let of = |practice: &Value| {
        let found = fixed["differences"].as_array().unwrap().iter();
        let sid = practice["phoneNumber"]["sid"].clone();
        found.clone().find(|difference| difference["sid"] == sid).unwrap().to_string()
    };
    assert!(of(&refused).contains("the database rejected a statement"), "{fixed}");
    assert!(!of(&other).contains("the database rejected"), "{fixed}");

    let drop = |table: &str| {
        let on =
            if app.database_url().starts_with("postgres") { format!(" ON {table}") } else { String::new() };
        format!("DROP TRIGGER no_such_row{on}")
    };
    execute(&app, &[&drop("operations")]).await;
    refuse(&app, "reconciliations", "UPDATE", "NEW.report IS NOT NULL").await;
    let failed = reconcile(&app, &[]).await;
    assert!(!failed.status.success() && err(&failed).contains("the database rejected"), "{}", err(&failed));
    execute(&app, &[&drop("reconciliations")]).await;
    let (code, found) = report(&app, &["--fix"]).await;
    assert_eq!((code, &found["remaining"]), (Some(0), &json!(0)), "not under way any more: {found}");
}
