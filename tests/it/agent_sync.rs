//! Changes of agents reach the voice provider: in order, whatever it answers, and without keeping other work waiting.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::{App, wait_until};

const RENAME: &str = "mutation($id: ID!, $name: String) { updateAgent(input: {id: $id, name: $name}) {
    agent { name syncState syncError { code message } } userErrors { code message } } }";
const SYNC: &str = "query($id: ID!) { agent(id: $id) { syncState syncError { code message } }
    agents(first: 1) { nodes { syncState } } }";
const SOON: Duration = Duration::from_secs(30);

fn updates(action: &Value, times: Option<u32>) -> Value {
    let mut fault = json!({"match": {"provider": "elevenlabs", "method": "PATCH", "path_contains": "/agents/"}, "action": action});
    if let Some(times) = times {
        fault["times"] = json!(times);
    }
    fault
}

async fn rename(app: &App, server: &str, id: &Value, name: &str) -> Value {
    let token = app.token(Uuid::from_u128(1));
    let answer = app.ask(server, &token, RENAME, json!({"id": id, "name": name})).await;
    assert_eq!(answer["data"]["updateAgent"]["agent"]["name"], name, "{answer}");
    answer["data"]["updateAgent"].clone()
}

async fn agent(app: &App) -> Value {
    let token = app.token(Uuid::from_u128(1));
    create(app, &token, json!({"name": "First", "provisionPhone": false})).await["agent"]["id"].clone()
}

async fn sync_of(app: &App, id: &Value) -> Value {
    // Two statements: a delivery may end between them.
    wait_until("the agent and the list say the same", SOON, async || {
        let answer = app.graphql(&app.token(Uuid::from_u128(1)), SYNC, json!({ "id": id })).await;
        let agent = &answer["data"]["agent"];
        (agent["syncState"] == answer["data"]["agents"]["nodes"][0]["syncState"]).then(|| agent.clone())
    })
    .await
}

async fn until_synced(app: &App, id: &Value, name: &str) {
    let synced = json!({"syncState": "SYNCED", "syncError": null});
    wait_until("the agent is delivered", SOON, async || (sync_of(app, id).await == synced).then_some(()))
        .await;
    assert_eq!(name_there(app).await, name);
}

/// What the voice provider calls the only agent.
async fn name_there(app: &App) -> String {
    app.sandbox_state().await["agents"][0]["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_slow_update_is_delivered_and_never_overtakes_a_later_one() {
    let mut app = App::start_with(&[("OPERATION_WAIT", "1s")]).await;
    let other = app.add_server().await;
    let id = agent(&app).await;
    app.faults(updates(&json!({"delay_ms": 3000}), Some(1))).await;
    let first = rename(&app, &app.base_url(), &id, "Second").await;
    assert_eq!(first["agent"]["syncState"], "PENDING", "{first}");
    assert_eq!(first["userErrors"][0]["code"], "VOICE_PROVIDER_UNAVAILABLE", "{first}");
    let second = rename(&app, &other, &id, "Third").await;
    assert_eq!(second["agent"]["syncState"], "PENDING", "one delivery at a time: {second}");
    until_synced(&app, &id, "Third").await;
    wait_until("both updates have arrived", SOON, async || {
        (app.sandbox_state().await["counters"]["agents_updated"] == 2).then_some(())
    })
    .await;
    assert_eq!(name_there(&app).await, "Third");

    // A request that went away, and a server that died, leave the change to the others.
    app.faults(updates(&json!({"delay_ms": 2000}), Some(1))).await;
    rename(&app, &app.base_url(), &id, "Fourth").await;
    app.kill().await;
    app.restart().await;
    app.advance(Duration::from_secs(60));
    until_synced(&app, &id, "Fourth").await;
}

#[tokio::test]
async fn only_a_rejection_of_the_content_ends_a_delivery_and_its_owner_sees_it() {
    let app = App::start_with(&[("OPERATION_WAIT", "5s")]).await;
    let id = agent(&app).await;
    let page = json!({"status": 422, "body": "<html>not the provider</html>"});
    let transient = [401, 402, 403, 404, 409, 429, 500].map(|status| json!({ "status": status }));
    for (at, action) in transient.into_iter().chain([page, json!({"lose": "after"})]).enumerate() {
        let name = format!("Name {at}");
        app.faults(updates(&action, Some(1))).await;
        let renamed = rename(&app, &app.base_url(), &id, &name).await;
        assert_eq!(renamed["agent"]["syncState"], "PENDING", "{action}: {renamed}");
        assert_eq!(renamed["userErrors"].as_array().unwrap().len(), 1, "{action}: {renamed}");
        assert!(renamed["agent"]["syncError"]["code"].as_str().is_some(), "{action}: {renamed}");
        app.advance(Duration::from_secs(10));
        until_synced(&app, &id, &name).await;
    }
    for status in [400, 422] {
        app.faults(updates(&json!({ "status": status }), Some(1))).await;
        let refused = rename(&app, &app.base_url(), &id, &format!("Refused {status}")).await;
        assert_eq!(refused["agent"]["syncState"], "REJECTED", "{refused}");
        assert_eq!(refused["agent"]["syncError"], refused["userErrors"][0], "{refused}");
        assert_eq!(refused["userErrors"][0]["code"], "VOICE_PROVIDER_REJECTED", "{refused}");
        assert_eq!(sync_of(&app, &id).await["syncState"], "REJECTED");
    }
    let renamed = rename(&app, &app.base_url(), &id, "Accepted").await;
    assert_eq!(renamed["agent"]["syncState"], "SYNCED", "{renamed}");
    assert_eq!(renamed["userErrors"], json!([]));
    assert_eq!(name_there(&app).await, "Accepted");
}

#[tokio::test]
async fn deliveries_that_hang_keep_no_operation_waiting() {
    let app = App::start_with(&[("OPERATION_WAIT", "1s"), ("RELEASE_GRACE", "1s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let held = create(&app, &token, json!({"name": "Held", "areaCode": "212"})).await;
    let ids = join_all((0..20).map(|_| agent(&app))).await;
    wait_until("all agents exist", SOON, async || {
        let active =
            app.graphql(&token, "{ agents(filter: {status: ACTIVE}) { totalCount } }", json!({})).await;
        (active["data"]["agents"]["totalCount"] == 21).then_some(())
    })
    .await;
    app.faults(updates(&json!({"delay_ms": 15000}), None)).await;
    let server = app.base_url();
    join_all(ids.iter().map(|id| rename(&app, &server, id, "Renamed"))).await;
    let five: String = (0..5)
        .map(|n| {
            format!("a{n}: updateAgent(input: {{id: $id, name: \"Name {n}\"}}) {{ agent {{ syncState }} }} ")
        })
        .collect();
    let begun = Instant::now();
    let answer =
        app.graphql(&token, &format!("mutation($id: ID!) {{ {five} }}"), json!({ "id": ids[0] })).await;
    assert_eq!(answer["data"]["a4"]["agent"]["syncState"], "PENDING", "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(4), "one wait for all of them: {:?}", begun.elapsed());
    app.advance(Duration::from_secs(31));
    let release = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { userErrors { message } } }";
    let answer = app.graphql(&token, release, json!({"id": held["phoneNumber"]["id"]})).await;
    assert_eq!(answer["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{answer}");
    app.advance(Duration::from_secs(2));
    wait_until("the number is released", Duration::from_secs(6), async || {
        app.sandbox_state().await["numbers"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_waiting_costs_the_database_does_not_grow_with_those_who_wait() {
    const WAITING: usize = 30;
    let app = App::start_with(&[("OPERATION_WAIT", "3s"), ("RATE_LIMIT_PER_MINUTE", "100000")]).await;
    let (server, token) = (app.base_url(), app.token(Uuid::from_u128(1)));
    let id = agent(&app).await;
    // The background reads, too: at most so many statements in the time of a wait.
    let background = 300;
    let before = app.database().statements();
    rename(&app, &server, &id, "Alone").await;
    let alone = app.database().statements() - before;
    app.faults(updates(&json!({"delay_ms": 6000}), None)).await;
    let before = app.database().statements();
    let renamed = join_all((0..WAITING).map(|_| rename(&app, &server, &id, "Together"))).await;
    let together = app.database().statements() - before;
    assert!(renamed.iter().all(|renamed| renamed["agent"]["syncState"] == "PENDING"), "{renamed:?}");
    assert!(
        together < WAITING as u64 * alone + background,
        "{together} statements for {WAITING} that wait, {alone} for one that does not"
    );

    let creates = json!({"provider": "elevenlabs", "method": "POST", "path_contains": "/agents/create"});
    app.faults(json!({"match": creates, "action": {"delay_ms": 6000}})).await;
    let query = "mutation($input: CreateAgentInput!) { createAgent(input: $input) { operation { state } } }";
    let input = json!({"input": {"name": "Once", "provisionPhone": false, "idempotencyKey": "once"}});
    let before = app.database().statements();
    let created = join_all((0..WAITING).map(|_| app.graphql(&token, query, input.clone()))).await;
    let together = app.database().statements() - before;
    let is_running = |created: &Value| created["data"]["createAgent"]["operation"]["state"] == "RUNNING";
    assert!(created.iter().all(is_running), "{created:?}");
    assert!(together < WAITING as u64 * 12 + background, "{together} statements for {WAITING} that wait");
}

#[tokio::test]
async fn what_requests_deliver_takes_nothing_from_the_background() {
    let app = App::start_with(&[("OPERATION_WAIT", "1s")]).await;
    let (ids, server) = (join_all((0..10).map(|_| agent(&app))).await, app.base_url());
    let theirs = app.token(Uuid::from_u128(2));
    let other = create(&app, &theirs, json!({"name": "Other", "provisionPhone": false})).await;
    let id = &other["agent"]["id"];
    app.faults(updates(&json!({"delay_ms": 20000}), Some(10))).await;
    join_all(ids.iter().map(|id| rename(&app, &server, id, "Slow"))).await;
    assert_eq!(app.pending_faults().await, 0, "all of them hang");
    app.faults(updates(&json!({"status": 500}), Some(1))).await;
    let put_off = app.graphql(&theirs, RENAME, json!({"id": id, "name": "Put off"})).await;
    assert_eq!(put_off["data"]["updateAgent"]["agent"]["syncState"], "PENDING", "{put_off}");
    app.advance(Duration::from_secs(10));
    wait_until("the background delivers it", Duration::from_secs(8), async || {
        let answer = app.graphql(&theirs, SYNC, json!({ "id": id })).await;
        (answer["data"]["agent"]["syncState"] == "SYNCED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn updates_left_behind_are_delivered_once_however_many_servers_there_are() {
    const AGENTS: u64 = 20;
    let mut app = App::start_with(&[("OPERATION_WAIT", "1s"), ("OPERATION_LEASE", "2s")]).await;
    join_all((0..AGENTS).map(|_| agent(&app))).await;
    for _ in 0..2 {
        app.add_server().await;
    }
    let delivered =
        async |app: &App| app.sandbox_state().await["counters"]["agents_updated"].as_u64().unwrap();
    // Slow ones as well: a delivery that takes longer than a lease is not begun a second time.
    for (round, delay) in [(1, 0), (2, 400), (3, 3000)] {
        app.clear_faults().await;
        app.faults(updates(&json!({ "delay_ms": delay }), None)).await;
        app.execute("UPDATE agents SET revision = revision + 1").await;
        let behind = "SELECT count(*) FROM agents WHERE synced_revision < revision";
        wait_until("all agents are delivered", Duration::from_secs(60), async || {
            (app.count(behind).await == 0).then_some(())
        })
        .await;
        assert_eq!(delivered(&app).await, round * AGENTS, "round {round}");
    }
    // An outage of the provider leaves them behind, too: whoever asked, whichever server tries again.
    app.clear_faults().await;
    app.faults(updates(&json!({"status": 503}), Some(30))).await;
    app.execute("UPDATE agents SET revision = revision + 1").await;
    wait_until("the provider was asked in vain", Duration::from_secs(60), async || {
        (app.pending_faults().await < 2).then_some(())
    })
    .await;
    app.clear_faults().await;
    wait_until("all agents are delivered after the outage", Duration::from_secs(90), async || {
        (app.count("SELECT count(*) FROM agents WHERE synced_revision < revision").await == 0).then_some(())
    })
    .await;
    assert_eq!(delivered(&app).await, 4 * AGENTS);

    // A server dies with deliveries under way: the others take those over once they cannot arrive late any more.
    app.faults(updates(&json!({"delay_ms": 2000}), None)).await;
    app.execute("UPDATE agents SET revision = revision + 1").await;
    wait_until("every server is at it", SOON, async || {
        (app.count("SELECT count(*) FROM agents WHERE sync_lease_until IS NOT NULL").await == AGENTS as i64)
            .then_some(())
    })
    .await;
    app.kill().await;
    wait_until("all agents are delivered by those left", Duration::from_secs(60), async || {
        (app.count("SELECT count(*) FROM agents WHERE synced_revision < revision").await == 0).then_some(())
    })
    .await;
    let twice = delivered(&app).await - 5 * AGENTS;
    assert!(twice <= 8, "at most what the dead one was at: {twice}");
}
