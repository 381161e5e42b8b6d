//! Call groups over the API and the carrier's webhooks.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::domain::Webhook;
use uuid::Uuid;

use crate::support::api::create;
use crate::support::practice::{DELETE, Practice};
use crate::support::wait_until;
use crate::support::webhooks::{INCOMING, send_to, sid};

const GROUP: &str = "id name strategy version members { agent { id name } weight maxCalls } phoneNumbers { nodes { id } totalCount }";
const ASSIGN: &str = "mutation($input: AssignPhoneNumberInput!) { assignPhoneNumber(input: $input) {
    phoneNumber { id agent { id } callGroup { id name } } userErrors { code message field } } }";
const POOL: &str = "{ phoneNumbers(filter: {assigned: false}) { totalCount } }";
const SECOND: Duration = Duration::from_secs(1);

fn mutation(name: &str, input: &str) -> String {
    format!(
        "mutation($input: {input}!) {{ {name}(input: $input) {{ callGroup {{ {GROUP} }} userErrors {{ code message field }} }} }}"
    )
}

impl Practice {
    async fn creates_group(&self, input: Value) -> Value {
        self.ask(&mutation("createCallGroup", "CreateCallGroupInput"), json!({ "input": input })).await
    }

    async fn updates_group(&self, input: Value) -> Value {
        self.ask(&mutation("updateCallGroup", "UpdateCallGroupInput"), json!({ "input": input })).await
    }

    async fn deletes_group(&self, id: &Value) -> Value {
        self.ask(&mutation("deleteCallGroup", "DeleteCallGroupInput"), json!({"input": {"id": id}})).await
    }

    async fn puts_number(&self, input: Value) -> Value {
        let mut wanted = json!({"id": self.made["phoneNumber"]["id"]});
        wanted.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        self.ask(ASSIGN, json!({ "input": wanted })).await
    }

    async fn one_more_agent(&self, name: &str) -> Value {
        let made = create(&self.app, &self.token, json!({"name": name, "provisionPhone": false})).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        made["agent"]["id"].clone()
    }

    async fn answered_by(&self) -> Value {
        self.call(json!({})).await["agent"]["name"].clone()
    }

    /// Who takes the call with this id, which stays open.
    async fn takes(&self, last: u8) -> Value {
        assert_eq!(self.send(INCOMING, &self.ringing(&sid(last))).await.status(), 200);
        self.agent_of(last).await
    }

    async fn agent_of(&self, last: u8) -> Value {
        let calls =
            self.ask("{ calls(first: 50) { nodes { sid outcome agent { name } } } }", json!({})).await;
        let calls = calls["nodes"].as_array().unwrap();
        let call = calls.iter().find(|call| call["sid"] == sid(last)).unwrap_or_else(|| panic!("{calls:?}"));
        assert!(call["outcome"] == "AGENT" || call["outcome"] == "BUSY", "{call}");
        if call["outcome"] == "AGENT" { call["agent"]["name"].clone() } else { Value::Null }
    }

    async fn hangs_up(&self, last: u8) {
        let mut form = self.ringing(&sid(last));
        form.retain(|(name, _)| name != "CallStatus");
        form.push(("CallStatus".to_owned(), "completed".to_owned()));
        form.push(("CallDuration".to_owned(), "30".to_owned()));
        let status = self.send(Webhook::CallStatus.path(), &form).await.status();
        assert!(status.is_success(), "{status}");
    }
}

#[tokio::test]
async fn a_group_answers_a_number_and_every_server_follows_its_changes() {
    let mut practice = Practice::open(json!({"name": "Front Desk"})).await;
    let front = practice.made["agent"]["id"].clone();
    let night = practice.one_more_agent("Night Desk").await;
    let input =
        json!({"name": "Reception", "strategy": "WEIGHTED", "members": [{"agentId": night, "weight": 7}]});
    let made = practice.creates_group(input).await;
    assert_eq!(made["userErrors"], json!([]), "{made}");
    let group = made["callGroup"]["id"].clone();
    let expected = json!([{"agent": {"id": night, "name": "Night Desk"}, "weight": 7, "maxCalls": null}]);
    assert_eq!(made["callGroup"]["members"], expected, "{made}");

    let other = practice.app.add_server().await;
    assert_eq!(practice.answered_by().await, "Front Desk");
    let assigned = practice.puts_number(json!({"callGroupId": group, "expectedAgentId": front})).await;
    let number = &assigned["phoneNumber"];
    assert_eq!(
        (&number["agent"], &number["callGroup"]["name"]),
        (&Value::Null, &json!("Reception")),
        "{assigned}"
    );
    assert_eq!(practice.answered_by().await, "Night Desk");
    assert_eq!(practice.ask(POOL, json!({})).await["totalCount"], 0);
    assert_eq!(practice.simulate(None, None).await["outcome"], "AGENT");

    // The other server changes the group; the first answers the calls.
    let update = mutation("updateCallGroup", "UpdateCallGroupInput");
    let input = json!({"id": group, "strategy": "OVERFLOW",
        "members": [{"agentId": front, "maxCalls": 1}, {"agentId": night, "maxCalls": 1}]});
    let updated = practice.app.ask(&other, &practice.token, &update, json!({ "input": input })).await;
    let updated = updated["data"]["updateCallGroup"].clone();
    assert_eq!(updated["callGroup"]["phoneNumbers"]["totalCount"], 1, "{updated}");
    wait_until("the first server follows", SECOND, async || {
        (practice.answered_by().await == "Front Desk").then_some(())
    })
    .await;

    // It overflows, and a repeated webhook gets the same member at any server.
    assert_eq!(practice.takes(1).await, "Front Desk");
    assert_eq!(practice.takes(2).await, "Night Desk");
    assert_eq!(practice.takes(3).await, Value::Null, "busy");
    let again = send_to(&practice.app, &other, INCOMING, &practice.ringing(&sid(1))).await;
    assert_eq!(again.status(), 200);
    assert_eq!(practice.agent_of(1).await, "Front Desk");
    practice.hangs_up(1).await;
    assert_eq!(practice.takes(4).await, "Front Desk");
    let reason = practice.newest().await["decision"]["reason"].clone();
    assert!(reason.as_str().unwrap().contains("call group"), "{reason}");
    let node = "query($id: ID!) { node(id: $id) { __typename id } }";
    assert_eq!(practice.ask(node, json!({ "id": group })).await["__typename"], "CallGroup");
}

#[tokio::test]
async fn a_deleted_agent_leaves_its_groups_and_a_deleted_group_leaves_its_numbers_to_the_pool() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({"name": "Front Desk"})).await;
    let night = practice.one_more_agent("Night Desk").await;
    let day = practice.one_more_agent("Day Desk").await;
    let input = json!({"name": "Reception", "strategy": "OVERFLOW", "members": [{"agentId": night}, {"agentId": day}]});
    let group = practice.creates_group(input).await["callGroup"]["id"].clone();
    practice.puts_number(json!({"callGroupId": group})).await;
    let other = json!({"name": "Day", "strategy": "OVERFLOW", "members": [{"agentId": day}]});
    let other = practice.creates_group(other).await["callGroup"]["id"].clone();
    assert_eq!(practice.answered_by().await, "Night Desk");
    practice.over(&practice.ask(DELETE, json!({ "id": night })).await).await;
    assert_eq!(practice.answered_by().await, "Day Desk");
    let shown = format!("{{ callGroups {{ nodes {{ {GROUP} }} totalCount }} }}");
    let groups = practice.ask(&shown, json!({})).await;
    let [without, with] = [&groups["nodes"][0], &groups["nodes"][1]];
    assert_eq!((&without["id"], &without["version"]), (&other, &json!(1)), "newest first: {groups}");
    assert_eq!((&with["id"], &with["members"].as_array().unwrap().len()), (&group, &1), "{groups}");
    // Whoever edits the group with the deleted agent is told.
    assert_eq!(with["version"], 2, "{groups}");
    let late = practice.updates_group(json!({"id": group, "name": "Late", "expectedVersion": 1})).await;
    assert_eq!(late["userErrors"][0]["field"], json!(["input", "expectedVersion"]), "{late}");
    // The last one leaves an empty group, which answers as the pool does.
    practice.over(&practice.ask(DELETE, json!({ "id": day })).await).await;
    let call = practice.call(json!({})).await;
    assert_eq!((&call["agent"], call["status"].as_str()), (&Value::Null, Some("completed")), "{call}");
    assert!(!call["heard"].as_array().unwrap().is_empty(), "{call}");
    // The number's own rules come first, whoever is in the group.
    practice.always(json!({"kind": "MESSAGE", "message": "We are on holiday."})).await;
    assert_eq!(practice.simulate(None, None).await["rule"]["name"], "Always");

    let deleted = practice.deletes_group(&group).await;
    assert_eq!(deleted["userErrors"], json!([]), "{deleted}");
    assert_eq!(practice.ask(POOL, json!({})).await["totalCount"], 1);
    let gone = practice.deletes_group(&group).await;
    assert_eq!(gone["userErrors"][0]["code"], "NOT_FOUND", "{gone}");
    let front = practice.made["agent"]["id"].clone();
    let back = practice.puts_number(json!({"agentId": front})).await;
    assert_eq!(back["phoneNumber"]["callGroup"], Value::Null, "{back}");
    let trail = "{ auditEvents(filter: {action: \"deleteCallGroup\"}) { nodes { subject outcome } } }";
    let trail = practice.ask(trail, json!({})).await;
    assert_eq!(trail["nodes"], json!([{"subject": group, "outcome": "succeeded"}]));
}

#[tokio::test]
async fn agents_of_the_same_groups_are_deleted_at_once() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    let (one, two) = (practice.one_more_agent("One").await, practice.one_more_agent("Two").await);
    for at in 0..6 {
        // In opposite orders.
        let members = if at % 2 == 0 { [&one, &two] } else { [&two, &one] };
        let members: Vec<Value> = members.iter().map(|agent| json!({ "agentId": agent })).collect();
        let input = json!({"name": format!("Group {at}"), "strategy": "OVERFLOW", "members": members});
        practice.creates_group(input).await;
    }
    let delete =
        async |agent: &Value| practice.over(&practice.ask(DELETE, json!({ "id": agent })).await).await;
    let begun = Instant::now();
    let (first, second) = tokio::join!(delete(&one), delete(&two));
    assert_eq!([&first["state"], &second["state"]], ["SUCCEEDED"; 2], "{first} {second}");
    // An operation that fails in between is continued after its lease.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let groups = practice.ask("{ callGroups { nodes { version members { weight } } } }", json!({})).await;
    let left = vec![json!({ "version": 3, "members": [] }); 6];
    assert_eq!(groups["nodes"], json!(left));
}

#[tokio::test]
async fn a_change_made_from_an_older_version_is_refused() {
    let practice = Practice::open(json!({"name": "Front Desk"})).await;
    let front = practice.made["agent"]["id"].clone();
    let input = json!({"name": "Reception", "strategy": "WEIGHTED", "members": [{"agentId": front}]});
    let group = practice.creates_group(input).await["callGroup"].clone();
    assert_eq!(group["version"], 1, "{group}");
    let id = &group["id"];
    // All made from version 1: one is kept, and the others are told.
    let at_once = (0..4).map(|n| {
        let input = json!({"id": id, "name": format!("Change {n}"), "expectedVersion": 1});
        practice.updates_group(input)
    });
    let mut answers = join_all(at_once).await;
    let members = json!([{"agentId": front, "weight": 5}]);
    let late = json!({"id": id, "members": members, "expectedVersion": 1});
    answers.push(practice.updates_group(late).await);
    let (kept, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer["userErrors"] == json!([]));
    assert_eq!(kept.len(), 1, "{answers:?}");
    assert_eq!(kept[0]["callGroup"]["version"], 2, "{answers:?}");
    for answer in refused {
        let error = &answer["userErrors"][0];
        assert_eq!(answer["callGroup"], Value::Null, "{answer}");
        assert_eq!(error["code"], "INVALID_INPUT", "{answer}");
        assert_eq!(error["field"], json!(["input", "expectedVersion"]), "{answer}");
        assert!(error["message"].as_str().unwrap().contains("version 2, not 1"), "{answer}");
    }
    // Without a version the group is changed whatever it is, and what was refused has changed nothing.
    let changed =
        practice.updates_group(json!({"id": id, "strategy": "OVERFLOW"})).await["callGroup"].clone();
    assert_eq!(
        (&changed["version"], &changed["name"]),
        (&json!(3), &kept[0]["callGroup"]["name"]),
        "{changed}"
    );
    assert_eq!(changed["members"][0]["weight"], 1, "{changed}");
    let next = json!({"id": id, "members": members, "expectedVersion": 3});
    let next = practice.updates_group(next).await["callGroup"].clone();
    assert_eq!((&next["version"], &next["members"][0]["weight"]), (&json!(4), &json!(5)), "{next}");
}

#[tokio::test]
async fn a_group_that_cannot_be_is_refused_with_the_reason() {
    let practice = Practice::open(json!({"name": "Front Desk"})).await;
    let (number, front) = (practice.number.clone(), practice.made["agent"]["id"].clone());
    let stranger = practice.app.token(Uuid::from_u128(2));
    let theirs = create(&practice.app, &stranger, json!({"name": "Elsewhere", "areaCode": "646"})).await;
    let many: Vec<Value> = (0..21).map(|_| json!({"agentId": front})).collect();
    for (name, members, field) in [
        ("Reception", json!([]), "members"),
        ("Reception", json!(many), "members"),
        ("Reception", json!([{"agentId": front, "weight": 0}]), "members"),
        ("Reception", json!([{"agentId": front, "weight": 1001}]), "members"),
        ("Reception", json!([{"agentId": front, "maxCalls": 0}]), "members"),
        ("Reception", json!([{"agentId": front}, {"agentId": front}]), "members"),
        ("Reception", json!([{"agentId": theirs["agent"]["id"]}]), "members"),
        ("Reception", json!([{"agentId": "agent_x"}]), "members"),
        (" ", json!([{"agentId": front}]), "name"),
    ] {
        let input = json!({"name": name, "strategy": "WEIGHTED", "members": members});
        let refused = practice.creates_group(input).await;
        assert_eq!(refused["callGroup"], Value::Null, "{refused}");
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]), "{refused}");
    }
    let input = json!({"name": "Reception", "strategy": "WEIGHTED", "members": [{"agentId": front}]});
    let group = practice.creates_group(input.clone()).await["callGroup"]["id"].clone();
    let both = practice.puts_number(json!({"callGroupId": group, "agentId": front})).await;
    assert_eq!(both["userErrors"][0]["field"], json!(["input", "callGroupId"]), "{both}");
    practice.puts_number(json!({"callGroupId": group})).await;
    // In a group the number is no agent's.
    let expected = practice.puts_number(json!({"expectedAgentId": front})).await;
    assert_eq!(expected["userErrors"][0]["field"], json!(["input", "expectedAgentId"]), "{expected}");

    // A member whose fallback number is the group's number would ring itself.
    let other = json!({"name": "Night", "provisionPhone": false, "fallbackNumber": number});
    let other = create(&practice.app, &practice.token, other).await["agent"]["id"].clone();
    let circle = practice.updates_group(json!({"id": group, "members": [{"agentId": other}]})).await;
    assert_eq!(circle["userErrors"][0]["field"], json!(["input", "members"]), "{circle}");

    for _ in 1..100 {
        assert_eq!(practice.creates_group(input.clone()).await["userErrors"], json!([]));
    }
    let full = practice.creates_group(input).await;
    assert_eq!(full["userErrors"][0]["code"], "LIMIT_REACHED", "{full}");
}
