//! The audit trail through the public API: what was changed and by whom, and who else looked.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::support::{App, wait_until};

const TENANT: Uuid = Uuid::from_u128(1);

const TRAIL: &str = "query($first: Int, $after: String, $last: Int, $before: String) {
    auditEvents(first: $first, after: $after, last: $last, before: $before) {
        nodes { id actor action subject outcome requestId at }
        edges { cursor } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

/// Who asks.
struct Caller<'a> {
    app: &'a App,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Caller<'a> {
    fn tenant(app: &'a App, tenant: Uuid) -> Self {
        Self { app, headers: vec![("Authorization", format!("Bearer {}", app.token(tenant)))] }
    }

    fn operator(app: &'a App) -> Self {
        let bearer = format!("Bearer {}", app.operator_token());
        Self { app, headers: vec![("Authorization", bearer), ("X-Tenant-Id", TENANT.to_string())] }
    }

    /// The answer, and the request's id from its header.
    async fn ask(&self, query: &str, variables: Value) -> (Value, Value) {
        let mut request = self.app.http().post(format!("{}/graphql", self.app.base_url()));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.json(&json!({"query": query, "variables": variables})).send().await.unwrap();
        let id = json!(answer.headers()["x-request-id"].to_str().unwrap());
        (answer.json().await.unwrap(), id)
    }

    /// Runs the one mutation of a document; gives its payload, in which nothing may be wrong, and the request's id.
    async fn change(&self, mutation: &str, variables: Value) -> (Value, Value) {
        let (answer, id) = self.ask(mutation, variables).await;
        assert!(answer["errors"].is_null(), "{answer}");
        (answer["data"].as_object().unwrap().values().next().unwrap().clone(), id)
    }

    /// The trail, oldest first.
    async fn trail(&self) -> Vec<Value> {
        let (answer, _) = self.ask(TRAIL, json!({"first": 100})).await;
        let mut events = answer["data"]["auditEvents"]["nodes"].as_array().unwrap().clone();
        events.reverse();
        events
    }
}

/// An event without its id and time.
fn summary(event: &Value) -> Value {
    json!([event["actor"], event["action"], event["subject"], event["outcome"], event["requestId"]])
}

const CREATE: &str =
    "mutation { createAgent(input: {name: \"Practice\", provisionPhone: false, idempotencyKey: \"once\"}) {
    agent { id } apiToken operation { id } userErrors { code } } }";
const RENAME: &str = "mutation($id: ID!, $name: String) {
    updateAgent(input: {id: $id, name: $name}) { agent { name } userErrors { code } } }";
const PROVISION: &str = "mutation($id: ID!, $areaCode: String) {
    provisionPhoneNumber(input: {agentId: $id, areaCode: $areaCode}) {
        phoneNumber { id } operation { id } userErrors { code } } }";
const RELEASE: &str = "mutation($id: ID!) {
    releasePhoneNumber(input: {id: $id}) { operation { id } userErrors { code } } }";
const CANCEL: &str = "mutation($id: ID!) { cancelRelease(input: {id: $id}) { userErrors { code } } }";
const REPAIR: &str = "mutation($id: ID!) {
    repairPhoneNumber(input: {id: $id}) { operation { id } userErrors { code } } }";
const ROTATE: &str = "mutation($id: ID!) { rotateAgentToken(input: {id: $id}) { userErrors { code } } }";
const DELETE: &str =
    "mutation($id: ID!) { deleteAgent(input: {id: $id}) { operation { id } userErrors { code } } }";

#[tokio::test]
async fn every_change_stands_in_the_trail_with_who_asked_and_what_came_of_it() {
    let app = App::start_with(&[("RELEASE_GRACE", "20m")]).await;
    let practice = Caller::tenant(&app, TENANT);
    let me = format!("tenant:{TENANT}");
    let mut expected = Vec::new();
    let mut expect = |who: &str, what: &str, on: &Value, outcome: &str, request: &Value| {
        expected.push(json!([who, what, on, outcome, request]));
    };

    let (made, id) = practice.change(CREATE, json!({})).await;
    let agent = &made["agent"]["id"];
    expect(&me, "createAgent", agent, "accepted", &id);
    expect("system", "createAgent", &made["operation"]["id"], "succeeded", &id);
    let (again, _) = practice.change(CREATE, json!({})).await;
    assert_eq!(again["operation"]["id"], made["operation"]["id"], "a repeated request changes nothing");
    let (_, id) = practice.change(RENAME, json!({"id": agent, "name": "Northside Dental"})).await;
    expect(&me, "updateAgent", agent, "succeeded", &id);
    let (refused, _) = practice.change(RENAME, json!({"id": agent, "name": ""})).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID_INPUT");

    let (none, id) = practice.change(PROVISION, json!({"id": agent, "areaCode": "909"})).await;
    assert_eq!(none["userErrors"][0]["code"], "NO_AVAILABLE_NUMBERS", "{none}");
    expect(&me, "provisionPhoneNumber", agent, "accepted", &id);
    let failed = "failed: NO_AVAILABLE_NUMBERS";
    expect("system", "provisionPhoneNumber", &none["operation"]["id"], failed, &id);
    let (bought, id) = practice.change(PROVISION, json!({"id": agent, "areaCode": "212"})).await;
    let number = &bought["phoneNumber"]["id"];
    expect(&me, "provisionPhoneNumber", agent, "accepted", &id);
    expect("system", "provisionPhoneNumber", &bought["operation"]["id"], "succeeded", &id);
    let (repaired, id) = practice.change(REPAIR, json!({"id": number})).await;
    expect(&me, "repairPhoneNumber", number, "accepted", &id);
    expect("system", "repairPhoneNumber", &repaired["operation"]["id"], "succeeded", &id);

    let (begun, id) = practice.change(RELEASE, json!({"id": number})).await;
    expect(&me, "releasePhoneNumber", number, "accepted", &id);
    let (_, id) = practice.change(CANCEL, json!({"id": number})).await;
    expect(&me, "releasePhoneNumber", &begun["operation"]["id"], "failed: INVALID_INPUT", &id);
    expect(&me, "cancelRelease", number, "succeeded", &id);
    let (begun, id) = practice.change(RELEASE, json!({"id": number})).await;
    expect(&me, "releasePhoneNumber", number, "accepted", &id);
    app.advance(Duration::from_secs(21 * 60));
    wait_until("the release is carried out", Duration::from_secs(10), async || {
        let (seen, _) =
            practice.ask("query($id: ID!) { phoneNumber(id: $id) { status } }", json!({"id": number})).await;
        (seen["data"]["phoneNumber"]["status"] == "RELEASED").then_some(())
    })
    .await;
    expect("system", "releasePhoneNumber", &begun["operation"]["id"], "succeeded", &id);
    let (_, id) = practice.change(ROTATE, json!({"id": agent})).await;
    expect(&me, "rotateAgentToken", agent, "succeeded", &id);
    let (deleted, id) = practice.change(DELETE, json!({"id": agent})).await;
    expect(&me, "deleteAgent", agent, "accepted", &id);
    expect("system", "deleteAgent", &deleted["operation"]["id"], "succeeded", &id);

    let seen: Vec<Value> = practice.trail().await.iter().map(summary).collect();
    assert_eq!(json!(seen), json!(expected));
    let (stranger, _) = Caller::tenant(&app, Uuid::from_u128(2)).ask(TRAIL, json!({})).await;
    assert_eq!(stranger["data"]["auditEvents"]["totalCount"], 0, "{stranger}");
}

#[tokio::test]
async fn an_operator_leaves_a_trace_in_every_request_before_anything_is_shown() {
    let app = App::start().await;
    let practice = Caller::tenant(&app, TENANT);
    let (made, _) = practice.change(CREATE, json!({})).await;
    let agent = &made["agent"]["id"];
    let before = practice.trail().await.len();
    let operator = Caller::operator(&app);
    let them = format!("operator:{}", Uuid::from_u128(0xffff));
    let mut expected = Vec::new();

    let (read, id) = operator
        .ask(
            "query Look { agents { nodes { name calls { totalCount } } } agent(id: \"x\") { id } }",
            json!({}),
        )
        .await;
    assert_eq!(read["data"]["agents"]["nodes"][0]["name"], "Practice", "{read}");
    assert_eq!(read["errors"][0]["extensions"]["requestId"], id, "{read}");
    expected.push(json!([them, "query Look", null, "accepted", id]));
    let (_, id) = operator.change(RENAME, json!({"id": agent, "name": "Renamed"})).await;
    expected.push(json!([them, "mutation", null, "accepted", id]));
    expected.push(json!([them, "updateAgent", agent, "succeeded", id]));
    let (_, id) = operator.change(RENAME, json!({"id": "x", "name": "Attempt"})).await;
    expected.push(json!([them, "mutation", null, "accepted", id]));
    let (_, id) = operator.ask("{ availablePhoneNumbers(areaCode: \"212\") { number } }", json!({})).await;
    expected.push(json!([them, "query", null, "accepted", id]));
    let (_, unsaid) = operator.ask("{ nonsense }", json!({})).await;
    let presented =
        json!({"Authorization": format!("Bearer {}", app.operator_token()), "X-Tenant-Id": TENANT});
    let watch = "subscription Watch($id: ID!) { operationUpdated(id: $id) { state } }";
    let mut watched = app.watch_as(presented, watch, json!({"id": made["operation"]["id"]})).await;
    assert_eq!(watched.next().await.unwrap()["data"]["operationUpdated"]["state"], "SUCCEEDED");
    assert_eq!(watched.next().await, None);

    let mut seen: Vec<Value> = practice.trail().await[before..].iter().map(summary).collect();
    assert!(seen.iter().all(|event| event[4] != unsaid), "a document that cannot run shows nothing");
    let watching = seen.pop().unwrap();
    assert_eq!(
        watching.as_array().unwrap()[..4],
        [json!(them), json!("subscription Watch"), json!(null), json!("accepted")]
    );
    assert_eq!(json!(seen), json!(expected));

    // They read the trail as its tenant does, and this too stands in it.
    let shown = operator.trail().await;
    assert_eq!(summary(shown.last().unwrap())[1], "query");
    assert_eq!(shown, practice.trail().await);
}

#[tokio::test]
async fn what_cannot_be_written_down_is_neither_shown_nor_done() {
    let app = App::start().await;
    let practice = Caller::tenant(&app, TENANT);
    let (made, _) = practice.change(CREATE, json!({})).await;
    let agent = &made["agent"]["id"];
    let url = app.database_url();
    if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection.execute("REVOKE INSERT ON audit_events FROM switchboard_tenant").await.unwrap();
    } else {
        let full = "CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'full'); END";
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        connection.execute(AssertSqlSafe(full)).await.unwrap();
    }
    let names = "{ agents { nodes { name } } }";
    let rename = json!({"id": agent, "name": "Renamed"});
    let operator = Caller::operator(&app);
    for (query, variables) in [(names, json!({})), (RENAME, rename.clone())] {
        let (refused, id) = operator.ask(query, variables).await;
        assert!(refused.get("data").is_none(), "{refused}");
        let extensions = &refused["errors"][0]["extensions"];
        assert_eq!((&extensions["code"], &extensions["requestId"]), (&json!("INTERNAL"), &id), "{refused}");
    }
    let (refused, _) = practice.ask(RENAME, rename).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "INTERNAL", "{refused}");
    let (unchanged, _) = practice.ask(names, json!({})).await;
    assert_eq!(unchanged["data"]["agents"]["nodes"], json!([{"name": "Practice"}]), "a tenant reads on");
}

#[tokio::test]
async fn the_trail_is_paged_and_found_by_id_and_is_not_for_others() {
    let app = App::start().await;
    let practice = Caller::tenant(&app, TENANT);
    let (made, _) = practice.change(CREATE, json!({})).await;
    for name in ["A", "B", "C"] {
        practice.change(RENAME, json!({"id": made["agent"]["id"], "name": name})).await;
    }
    let mut whole = practice.trail().await;
    whole.reverse();
    let mut walked = Vec::new();
    let mut after = Value::Null;
    loop {
        let (answer, _) = practice.ask(TRAIL, json!({"first": 2, "after": after})).await;
        let page = &answer["data"]["auditEvents"];
        assert_eq!(page["totalCount"], 5, "{answer}");
        walked.extend(page["nodes"].as_array().unwrap().clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(walked, whole);
    let (back, _) = practice.ask(TRAIL, json!({"last": 2, "before": after})).await;
    assert_eq!(json!(back["data"]["auditEvents"]["nodes"]), json!(whole[2..4]), "{back}");
    let (elsewhere, _) = practice
        .ask("query($after: String) { calls(after: $after) { totalCount } }", json!({"after": after}))
        .await;
    assert!(elsewhere["errors"][0]["message"].as_str().unwrap().contains("another list"), "{elsewhere}");

    let node = "query($id: ID!) { node(id: $id) { __typename id ... on AuditEvent { action } } }";
    let mine = json!({"id": whole[0]["id"]});
    let (found, _) = practice.ask(node, mine.clone()).await;
    assert_eq!(
        found["data"]["node"],
        json!({"__typename": "AuditEvent", "id": whole[0]["id"], "action": "updateAgent"})
    );
    let absent = json!({"id": "audit_00000000000000000000000000000000"});
    let stranger = Caller::tenant(&app, Uuid::from_u128(2));
    let agent =
        Caller { app: &app, headers: vec![("X-Agent-Token", made["apiToken"].as_str().unwrap().to_owned())] };
    for other in [&stranger, &agent] {
        let (foreign, _) = other.ask(node, mine.clone()).await;
        assert_eq!(foreign, other.ask(node, absent.clone()).await.0);
        assert_eq!(foreign, json!({"data": {"node": null}}));
    }
    let (refused, id) = agent.ask(TRAIL, json!({})).await;
    let extensions = &refused["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["requestId"]), (&json!("FORBIDDEN"), &id), "{refused}");
    let (refused, _) = agent.ask("{ auditEvents { totalCount } }", json!({})).await;
    assert_eq!(refused["data"], Value::Null, "{refused}");
}

#[tokio::test]
async fn the_trail_is_filtered_by_action_actor_subject_outcome_and_time() {
    let app = App::start().await;
    let (caller, operator) = (Caller::tenant(&app, TENANT), Caller::operator(&app));
    let create = "mutation($name: String!) { createAgent(input: {name: $name, provisionPhone: false}) {
        agent { id } userErrors { message } } }";
    let (first, _) = caller.change(create, json!({"name": "First"})).await;
    let (second, _) = caller.change(create, json!({"name": "Second"})).await;
    let update = "mutation($id: ID!) { updateAgent(input: {id: $id, name: \"Renamed\"}) { agent { id } userErrors { message } } }";
    caller.change(update, json!({"id": first["agent"]["id"]})).await;
    operator.ask("query Look { viewer { id } }", json!({})).await;
    let all = caller.trail().await;

    let filtered = async |filter: Value| {
        let query = "query($filter: AuditEventFilter) { auditEvents(first: 100, filter: $filter) {
            nodes { id actor action subject outcome at } totalCount } }";
        let (answer, _) = caller.ask(query, json!({"filter": filter})).await;
        answer
    };
    let expect = async |filter: Value, is_wanted: &dyn Fn(&Value) -> bool| {
        let answer = filtered(filter.clone()).await;
        let found = &answer["data"]["auditEvents"];
        let mut wanted: Vec<_> =
            all.iter().filter(|event| is_wanted(event)).map(|event| &event["id"]).collect();
        wanted.reverse();
        assert!(!wanted.is_empty() && wanted.len() < all.len(), "{filter}: {all:?}");
        let ids: Vec<_> = found["nodes"].as_array().unwrap().iter().map(|event| &event["id"]).collect();
        assert_eq!(ids, wanted, "{filter}");
        assert_eq!(found["totalCount"], wanted.len(), "{filter}");
    };
    expect(json!({"action": "updateAgent"}), &|event| event["action"] == "updateAgent").await;
    expect(json!({"action": "query Look"}), &|event| event["action"] == "query Look").await;
    let tenant = format!("tenant:{TENANT}");
    expect(json!({"actor": tenant}), &|event| event["actor"] == tenant).await;
    let subject = &second["agent"]["id"];
    expect(json!({"subject": subject}), &|event| event["subject"] == *subject).await;
    expect(json!({"outcome": "ACCEPTED"}), &|event| event["outcome"] == "accepted").await;
    expect(json!({"outcome": "SUCCEEDED", "action": "createAgent"}), &|event| {
        event["outcome"] == "succeeded" && event["action"] == "createAgent"
    })
    .await;
    let middle = &all[all.len() / 2]["at"];
    let text = |event: &Value| event["at"].as_str().unwrap().to_owned();
    expect(json!({"recordedAfter": middle}), &|event| text(event).as_str() >= middle.as_str().unwrap()).await;
    expect(json!({"recordedBefore": middle}), &|event| text(event).as_str() < middle.as_str().unwrap()).await;

    let nothing = filtered(json!({"outcome": "FAILED"})).await;
    assert_eq!(nothing["data"]["auditEvents"]["totalCount"], 0, "{nothing}");
    for (field, value) in
        [("subject", json!("agent_1")), ("action", json!("a".repeat(201))), ("actor", json!("\0"))]
    {
        let refused = filtered(json!({field: value})).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{refused}");
        assert!(refused["errors"][0]["message"].as_str().unwrap().contains(field), "{refused}");
    }
}
