//! Numbers of other carriers: kept by forwarding, verified by calls, and ported over weeks of the carriers' clock, with whatever
//! can go wrong on the way. The server reads a port every minute of its own clock, which the tests move.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::practice::ports::{CANCEL, KEEP, KEPT, NUMBER, PORTED, REQUEST, pdf};
use crate::support::practice::{DEADLINE, Practice, TENANT};
use crate::support::{App, wait_until};

const MOBILE: &str = "+19175557777";
const WITNESS: &str = "+17185556666";

const ANNOUNCE: &str = "mutation($input: AnnounceTestCallInput!) { announceTestCall(input: $input) {
    keptNumber { state detail } userErrors { code field message } } }";

impl Practice {
    /// Waits until the server has looked at all calls so far: it looks for announced calls last, and has found one to another kept
    /// number. Gives that record's id.
    async fn until_calls_are_looked_at(&self) -> Value {
        let (witness, from) = (self.keep(WITNESS).await, "+13105550187");
        let announced = json!({ "input": { "keptNumberId": witness, "from": from } });
        let announced = self.ask(ANNOUNCE, announced).await;
        assert_eq!(announced["userErrors"], json!([]), "{announced}");
        let target = self.kept(&witness).await["target"]["number"].clone();
        self.app.place_call(json!({ "to": target, "from": from })).await;
        wait_until("the last call is looked at", DEADLINE, async || {
            (self.kept(&witness).await["state"] == "VERIFIED").then_some(())
        })
        .await;
        witness
    }
}

#[tokio::test]
async fn a_kept_number_is_verified_by_a_call_that_it_forwarded() {
    let practice = Practice::open(json!({})).await;
    let id = practice.keep(NUMBER).await;
    let kept = practice.kept(&id).await;
    assert_eq!((&kept["state"], &kept["agent"]["id"]), (&json!("FORWARDING"), &practice.made["agent"]["id"]));
    let target = kept["target"]["number"].as_str().unwrap().to_owned();
    assert!(target.starts_with("+1305"), "{kept}");
    let instructions = kept["forwardingInstructions"].as_str().unwrap();
    assert!(instructions.contains(&format!("**21*{target}#")), "{instructions}");
    assert!(instructions.contains(&format!("*72 then {}", &target[2..])), "{instructions}");

    // A call that says nothing, and one that another number forwarded.
    practice.app.place_call(json!({ "to": target })).await;
    let other = json!({ "ForwardedFrom": "+17185550000" });
    practice.app.place_call(json!({ "to": target, "parameters": other })).await;
    let witness = practice.until_calls_are_looked_at().await;
    assert_eq!(practice.kept(&id).await["state"], "FORWARDING");
    let call =
        practice.app.place_call(json!({ "to": target, "parameters": { "ForwardedFrom": NUMBER } })).await;
    assert_eq!(call["agent"]["name"], "Dr. Smith's Office Assistant", "{call}");
    practice.until(&id, "VERIFIED").await;
    let trail = "{ auditEvents(filter: {action: \"verifyKeptNumber\"}) { nodes { subject outcome } } }";
    let trail = practice.ask(trail, json!({})).await;
    let verified = |id: &Value| json!({ "subject": id, "outcome": "succeeded" });
    assert_eq!(trail["nodes"], json!([verified(&id), verified(&witness)]), "newest first");

    // Once only, and not somebody's own number.
    for number in [NUMBER, practice.number.as_str()] {
        let input = json!({ "number": number, "agentId": practice.made["agent"]["id"] });
        let refused = practice.ask(KEEP, json!({ "input": input })).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "number"]), "{refused}");
    }
}

#[tokio::test]
async fn where_carriers_tell_nothing_an_announced_call_verifies() {
    let practice = Practice::open(json!({})).await;
    let id = practice.keep(NUMBER).await;
    let target = practice.kept(&id).await["target"]["number"].clone();
    practice.app.place_call(json!({ "to": target, "from": "+13105550188" })).await;
    let input = json!({ "input": { "keptNumberId": id, "from": "+13105550188" } });
    let announced = practice.ask(ANNOUNCE, input).await;
    let detail = announced["keptNumber"]["detail"].as_str().unwrap();
    assert!(detail.starts_with(&format!("call {NUMBER} from +13105550188 before ")), "{announced}");
    practice.app.place_call(json!({ "to": target, "from": "+13105550189" })).await;
    practice.until_calls_are_looked_at().await;
    assert_eq!(practice.kept(&id).await["state"], "FORWARDING", "the earlier call and another caller");
    practice.app.place_call(json!({ "to": target, "from": "+13105550188" })).await;
    let verified = wait_until("verified", DEADLINE, async || {
        let kept = practice.kept(&id).await;
        (kept["state"] == "VERIFIED").then_some(kept)
    });
    assert_eq!(verified.await["detail"], Value::Null);
    let again = json!({ "input": { "keptNumberId": id, "from": "+13105550188" } });
    assert_eq!(practice.ask(ANNOUNCE, again).await["userErrors"][0]["field"][1], "keptNumberId");
}

#[tokio::test]
async fn a_number_that_somebody_has_here_is_not_kept() {
    let practice = Practice::open(json!({})).await;
    let other = Practice { token: practice.app.token(Uuid::from_u128(2)), ..practice };
    let made = other.create(json!({ "name": "Other", "provisionPhone": false })).await;
    let input = json!({ "number": other.number, "agentId": made["agent"]["id"] });
    let payload = other.ask(KEEP, json!({ "input": input })).await;
    let ended = other.over(&payload).await;
    assert_eq!(ended["error"]["code"], "NUMBER_TAKEN", "{ended}");
    let kept = other.kept(&payload["keptNumber"]["id"]).await;
    assert_eq!((&kept["state"], &kept["target"]), (&json!("CANCELED"), &Value::Null), "{kept}");
}

#[tokio::test]
async fn a_port_goes_from_the_request_to_a_number_that_takes_calls() {
    let practice = Practice::open(json!({})).await;
    let (id, payload) = practice.with_port().await;
    assert_eq!(payload["operation"]["kind"], "PORT_NUMBER");
    assert_eq!(practice.data_left().await, 0, "the carrier has the bill and the data");
    let port = practice.ports().await.pop().unwrap();
    assert_eq!(port["losing_carrier_information"]["customer_name"], "Northside Dental");
    let target = practice.kept(&id).await["target"].clone();
    let rules = "mutation($id: ID!) { setRoutingRules(input: {phoneNumberId: $id, rules: [
        {name: \"Always\", condition: {}, action: {kind: MESSAGE, message: \"We have moved.\"}}]}) {
        phoneNumber { routingVersion } userErrors { message } } }";

    practice.act(json!({ "action": "advance" })).await;
    let kept = practice.until(&id, "WAITING_FOR_SIGNATURE").await;
    assert!(kept["signatureUrl"].as_str().unwrap().starts_with("http"), "{kept}");
    practice.act(json!({ "action": "sign" })).await;
    let kept = practice.until(&id, "PORT_IN_PROGRESS").await;
    assert_eq!((&kept["signatureUrl"], &kept["portDate"]), (&Value::Null, &Value::Null), "{kept}");
    practice.act(json!({ "action": "advance" })).await;
    let kept = practice.until(&id, "PORT_DATE_SET").await;
    assert!(kept["portDate"].is_string(), "{kept}");
    let prepared = wait_until("the row is prepared", DEADLINE, async || {
        let number = practice.ask(PORTED, json!({ "number": NUMBER })).await;
        number.is_object().then_some(number)
    })
    .await;
    assert_eq!((&prepared["status"], &prepared["origin"]), (&json!("PENDING"), &json!("PORTED")));
    let set = practice.ask(rules, json!({ "id": target["id"] })).await;
    assert_eq!(set["userErrors"], json!([]), "{set}");
    let of_target = practice.ask(PORTED, json!({ "number": target["number"] })).await;

    practice.act(json!({ "action": "advance" })).await;
    let kept = practice.until(&id, "DONE").await;
    assert_eq!(kept["forwardingInstructions"], Value::Null);
    let number = practice.ask(PORTED, json!({ "number": NUMBER })).await;
    assert_eq!((&number["status"], &number["id"]), (&json!("ACTIVE"), &prepared["id"]), "{number}");
    assert_eq!(number["agent"]["id"], practice.made["agent"]["id"]);
    assert_eq!(number["routingVersion"], of_target["routingVersion"]);
    assert_eq!(number["capabilities"]["sms"], true);
    let call = practice.app.place_call(json!({ "to": NUMBER })).await;
    let said = call["answered_with"][0]["twiml"].as_str().unwrap();
    assert!(said.contains("We have moved."), "the target's rules: {call}");
    assert_eq!(practice.kept(&id).await["target"]["status"], "ACTIVE", "the target stays");
    assert_eq!(practice.over(&payload).await["state"], "SUCCEEDED");
    practice.agree(3, 1).await;
    assert_eq!(practice.request_port(&id, json!({})).await["userErrors"][0]["field"][1], "keptNumberId");
}

/// Requests that wait for the carrier, encrypted and not. Text and bytes are written differently by the two databases.
const SEALED: &str = "SELECT count(*) FROM kept_numbers WHERE CAST(port_order AS TEXT) NOT LIKE '%Northside%'
    AND CAST(port_order AS TEXT) LIKE '\"1.%' AND CAST(substr(bill, 1, 2) AS TEXT) IN ('1.', '\\x312e')";
const PLAIN: &str = "SELECT count(*) FROM kept_numbers WHERE CAST(port_order AS TEXT) LIKE '%Northside%'
    AND CAST(substr(bill, 1, 4) AS TEXT) IN ('%PDF', '\\x25504446')";

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const NEXT_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

impl Practice {
    /// Requests a port and stops the server before the carrier has it: the request stays in the database. Goes on with other
    /// variables. Gives the record's id and the operation.
    async fn requested_and_restarted(
        mut self,
        after: &[(&'static str, &str)],
        found: [i64; 2],
    ) -> (Self, Value, Value) {
        let id = self.keep(NUMBER).await;
        let faults = json!({ "match": { "provider": "twilio", "path_contains": "Porting/Portability" },
            "action": { "delay_ms": 2000, "status": 503 } });
        self.app.faults(faults).await;
        let payload = self.request_port(&id, json!({})).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        assert_eq!([self.app.count(SEALED).await, self.app.count(PLAIN).await], found);
        self.app.stop().await;
        let now = self.app.clock().now();
        self.app = App::start_at(self.app.into_database(), now, after).await;
        self.token = self.app.token(TENANT);
        (self, id, payload)
    }
}

#[tokio::test]
async fn data_and_bill_are_encrypted_until_the_carrier_has_them() {
    let unwaited = ("OPERATION_WAIT", "0s");
    let (without, with) = (vec![unwaited], vec![unwaited, ("ENCRYPTION_KEY", KEY)]);
    let rotated = vec![("ENCRYPTION_KEY", NEXT_KEY), ("ENCRYPTION_KEY_PREVIOUS", KEY)];
    // What was stored without a key is read with one, and what was stored with a key after its rotation.
    for (before, after, stored) in [(without, with.clone(), [0, 1]), (with, rotated, [1, 0])] {
        let practice = Practice::open_unwaited(&before).await;
        let (practice, ..) = practice.requested_and_restarted(&after, stored).await;
        practice.until_requested(1).await;
        let port = practice.ports().await.pop().unwrap();
        assert_eq!(port["losing_carrier_information"]["customer_name"], "Northside Dental", "{port}");
        // The carrier takes no document that is not what it says it is.
        assert!(port["documents"][0].as_str().unwrap().starts_with("RD"), "{port}");
    }
}

#[tokio::test]
async fn a_request_that_nobody_can_decrypt_waits_for_a_day() {
    let unwaited = ("OPERATION_WAIT", "0s");
    let practice = Practice::open_unwaited(&[unwaited, ("ENCRYPTION_KEY", KEY)]).await;
    let (practice, id, payload) =
        practice.requested_and_restarted(&[unwaited, ("ENCRYPTION_KEY", NEXT_KEY)], [1, 0]).await;
    let told = async || {
        let query = "query($id: ID!) { operation(id: $id) { state waitsFor { message } error { message } } }";
        practice.ask(query, json!({ "id": payload["operation"]["id"] })).await
    };
    let waiting = wait_until("it is told what is missing", DEADLINE, async || {
        practice.app.advance(Duration::from_millis(200));
        Some(told().await).filter(|told| told.to_string().contains("cannot decrypt"))
    });
    assert_ne!(waiting.await["state"], "FAILED");
    assert_eq!(practice.data_left().await, 1, "another server may have the key");

    // What the carrier says meanwhile decides nothing.
    practice.fault("twilio", "GET", "Porting/Portability", json!({ "status": 503 })).await;
    practice.app.advance(Duration::from_secs(24 * 3600));
    let practice = Practice { token: practice.app.token(TENANT), ..practice };
    let failed = practice.over(&payload).await;
    assert_eq!(failed["state"], "FAILED", "{failed}");
    assert!(failed["error"]["message"].as_str().unwrap().contains("repeat requestPort"), "{failed}");
    assert_eq!(practice.kept(&id).await["state"], "FORWARDING", "as before the request");
    assert_eq!((practice.data_left().await, practice.ports().await.len()), (0, 0));
    assert_eq!(practice.app.pending_faults().await, 1, "the carrier was not asked");
    practice.app.clear_faults().await;
    let again = practice.request_port(&id, json!({})).await;
    assert_eq!(again["userErrors"], json!([]), "{again}");
    practice.until_requested(1).await;
}

#[tokio::test]
async fn a_rejected_port_is_corrected_and_requested_again() {
    let practice = Practice::open(json!({})).await;
    let (id, first) = practice.with_port().await;
    practice.act(json!({ "action": "advance" })).await;
    practice.act(json!({ "action": "sign" })).await;
    practice.act(json!({ "action": "advance" })).await;
    practice.until(&id, "PORT_DATE_SET").await;
    practice.act(json!({ "action": "reject", "code": 22156 })).await;
    let kept = practice.until(&id, "REJECTED").await;
    assert!(kept["detail"].as_str().unwrap().starts_with("the account number is not the one"), "{kept}");
    // The carrier's support may correct it as well: it is followed on.
    let again = practice.request_port(&id, json!({ "accountNumber": "A-4712" })).await;
    assert_eq!(again["userErrors"], json!([]), "{again}");
    practice.until_requested(2).await;
    practice.app.advance(Duration::from_secs(61));
    assert_eq!(practice.over(&first).await["state"], "FAILED", "the first request ended");
    let ports = practice.ports().await;
    assert_eq!(ports.len(), 2);
    assert_eq!(ports[0]["port_in_request_status"], "Canceled");
    practice.finish(&id).await;
    assert_eq!(practice.over(&again).await["state"], "SUCCEEDED");
    practice.agree(3, 1).await;
}

#[tokio::test]
async fn a_port_is_canceled_until_the_carrier_refuses() {
    let practice = Practice::open(json!({})).await;
    let (id, payload) = practice.with_port().await;
    let canceled = practice.ask(CANCEL, json!({ "id": id })).await;
    assert_eq!(canceled["userErrors"], json!([]), "{canceled}");
    practice.until(&id, "CANCELED").await;
    assert_eq!(practice.over(&payload).await["state"], "FAILED");
    assert_eq!(practice.ask(CANCEL, json!({ "id": id })).await["userErrors"][0]["code"], "INVALID_INPUT");

    // It can be requested again, and canceled too late.
    let again = practice.request_port(&id, json!({})).await;
    assert_eq!(again["userErrors"], json!([]), "{again}");
    practice.until_requested(2).await;
    practice.act(json!({ "action": "advance" })).await;
    practice.act(json!({ "action": "sign" })).await;
    let near = practice.app.clock().now() + TimeDelta::hours(30);
    practice.act(json!({ "action": "date", "port_date": near })).await;
    practice.until(&id, "PORT_DATE_SET").await;
    practice.ask(CANCEL, json!({ "id": id })).await;
    let kept = wait_until("the carrier has refused", DEADLINE, async || {
        let kept = practice.kept(&id).await;
        kept["detail"].is_string().then_some(kept)
    })
    .await;
    assert_eq!(kept["state"], "PORT_DATE_SET", "{kept}");
    assert!(kept["detail"].as_str().unwrap().starts_with("the carrier refused to cancel the port"), "{kept}");
}

#[tokio::test]
async fn a_letter_that_nobody_signs_expires_and_unknown_words_are_shown() {
    let practice = Practice::open(json!({})).await;
    let (id, payload) = practice.with_port().await;
    practice.act(json!({ "action": "advance" })).await;
    practice.until(&id, "WAITING_FOR_SIGNATURE").await;
    practice.act(json!({ "action": "word", "word": "Teleporting" })).await;
    practice.app.advance(Duration::from_secs(61));
    wait_until("the word is shown", DEADLINE, async || {
        let kept = practice.kept(&id).await;
        assert_eq!(kept["state"], "WAITING_FOR_SIGNATURE", "never guessed");
        (kept["carrierStatus"] == "Teleporting").then_some(())
    })
    .await;
    practice.act(json!({ "action": "expire" })).await;
    practice.until(&id, "EXPIRED").await;
    assert_eq!(practice.over(&payload).await["state"], "FAILED");
}

#[tokio::test]
async fn webhooks_are_hints_whoever_sends_them_in_whatever_order() {
    let practice = Practice::open(json!({})).await;
    let order = json!({ "doubled": true, "shuffled": true, "spelling": "prefixed" });
    practice.lever(Method::POST, "porting", order).await;
    // A fault that changes nothing: it has struck when the server has read the port.
    let count_a_read =
        async || practice.fault("twilio", "GET", "Porting/PortIn/KW", json!({ "delay_ms": 0 })).await;
    count_a_read().await;
    let (id, _) = practice.with_port().await;
    practice.app.all_faults_have_struck().await;
    let url = format!("{}/api/webhooks/porting", practice.app.base_url());
    let send = async |body: Value| practice.app.http().post(&url).json(&body).send().await.unwrap().status();
    let unknown = format!("KW{}", "0".repeat(32));
    assert_eq!(send(json!({ "port_in_request_sid": unknown, "status": "completed" })).await, 204);
    assert_eq!(send(json!([1, 2, 3])).await, 204);
    let sid = practice.ports().await[0]["port_in_request_sid"].clone();
    // Twice: when the port is read again, what came of the first time is stored.
    for _ in 0..2 {
        count_a_read().await;
        wait_until("the port is read", DEADLINE, async || {
            assert_eq!(send(json!({ "port_in_request_sid": sid, "status": "completed" })).await, 204);
            (practice.app.pending_faults().await == 0).then_some(())
        })
        .await;
    }
    assert_eq!(practice.kept(&id).await["state"], "PORT_REQUESTED", "what a webhook says is not believed");
    // Without a minute passing: the sandbox's own webhooks make the server look.
    practice.act(json!({ "action": "advance" })).await;
    wait_until("the webhook was followed", DEADLINE, async || {
        (practice.kept(&id).await["state"] == "WAITING_FOR_SIGNATURE").then_some(())
    })
    .await;
    practice.act(json!({ "action": "sign" })).await;
    practice.act(json!({ "action": "advance" })).await;
    practice.until(&id, "PORT_DATE_SET").await;
    practice.act(json!({ "action": "advance" })).await;
    practice.until(&id, "DONE").await;
    practice.agree(3, 1).await;
}

#[tokio::test]
async fn what_cannot_be_ported_is_told_with_what_is_possible() {
    let practice = Practice::open(json!({})).await;
    let id = practice.keep(NUMBER).await;
    let faults = async |id: &Value, change: Value| {
        let payload = practice.request_port(id, change).await;
        assert!(payload["operation"].is_null(), "{payload}");
        payload["userErrors"].as_array().unwrap().clone()
    };
    let bill = |content_type: &str, base64: String| json!({ "bill": { "contentType": content_type, "base64": base64 } });
    let large = faults(&id, bill("application/pdf", pdf(11 * 1024 * 1024))).await;
    assert_eq!(large[0]["field"], json!(["input", "bill"]));
    assert!(large[0]["message"].as_str().unwrap().contains("10 MB"), "{large:?}");
    for wrong in [bill("image/png", pdf(10)), bill("text/html", pdf(10)), bill("image/png", "?".into())] {
        assert_eq!(faults(&id, wrong).await[0]["field"][1], "bill");
    }
    let soon = (practice.app.clock().now() + TimeDelta::days(3)).date_naive().to_string();
    let all = json!({ "customerName": " ", "representativeEmail": "nobody", "region": "New York",
        "postalCode": "1", "country": "CA", "targetDate": soon });
    let all = faults(&id, all).await;
    let fields: Vec<_> = all.iter().map(|fault| fault["field"][1].as_str().unwrap()).collect();
    let expected = ["customerName", "representativeEmail", "region", "postalCode", "country", "targetDate"];
    assert_eq!(fields, expected);

    for (number, words) in [("+18885557777", "toll-free"), ("+14165557777", "United States")] {
        let id = practice.keep(number).await;
        let why = faults(&id, json!({})).await[0]["message"].as_str().unwrap().to_owned();
        assert!(why.contains(words) && why.contains("keep forwarding"), "{why}");
    }
    let mobile = practice.keep(MOBILE).await;
    let payload = practice.request_port(&mobile, json!({})).await;
    practice.over(&payload).await;
    assert_eq!(practice.kept(&mobile).await["state"], "FORWARDING");
    assert!(practice.kept(&mobile).await["detail"].as_str().unwrap().contains("PIN"));
    assert_eq!(practice.data_left().await, 0, "nothing is kept of a request that failed");
    assert_eq!(practice.ports().await.len(), 0);

    let portability =
        "query($number: E164!) { portability(number: $number) { portable reason type pinRequired } }";
    let portable = practice.ask(portability, json!({ "number": MOBILE })).await;
    assert_eq!(portable, json!({ "portable": true, "reason": null, "type": "MOBILE", "pinRequired": true }));
    let portable = practice.ask(portability, json!({ "number": "+18885557777" })).await;
    assert_eq!((&portable["portable"], &portable["type"]), (&json!(false), &json!("TOLL_FREE")));

    let stranger = Practice { token: practice.app.token(Uuid::from_u128(2)), ..practice };
    for (query, name) in [(CANCEL, "cancelPort"), (KEPT, "node")] {
        let answer = stranger.app.graphql(&stranger.token, query, json!({ "id": id })).await;
        let answer = &answer["data"][name];
        assert!(answer.is_null() || answer["userErrors"][0]["code"] == "NOT_FOUND", "{answer}");
    }
    let payload = stranger.request_port(&id, json!({})).await;
    assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND", "{payload}");
    let list = stranger.ask("{ keptNumbers { totalCount } }", json!({})).await;
    assert_eq!(list["totalCount"], 0);
}

#[tokio::test]
async fn a_bill_of_ten_megabytes_is_taken_and_no_other_request_may_be_as_large() {
    let practice = Practice::open(json!({})).await;
    let id = practice.keep(NUMBER).await;
    let bill = json!({ "bill": { "contentType": "application/pdf", "base64": pdf(10 * 1024 * 1024) } });
    let payload = practice.request_port(&id, bill).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    practice.until_requested(1).await;
    let url = format!("{}/graphql", practice.app.base_url());
    let query = "query($x: String!) { estimateMessage(body: $x) { segments } }";
    let body = json!({ "query": query, "variables": { "x": "x".repeat(300_000) } });
    let answer =
        practice.app.http().post(&url).bearer_auth(&practice.token).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    let body = json!({ "query": REQUEST, "variables": { "x": "x".repeat(300_000) } });
    let answer = practice.app.http().post(&url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 413, "without a token");
}

/// Every step of a port: its request, and how many such requests other steps make before.
const STEPS: [(&str, &str, u32); 8] = [
    ("GET", "Porting/Portability", 0),
    ("POST", "/v1/Documents", 0),
    ("POST", "Porting/PortIn", 0),
    ("GET", "Addresses.json", 0),
    ("POST", "Addresses.json", 0),
    ("GET", "Porting/PortIn/KW", 0),
    ("POST", NUMBERS, 0),
    // The first one points the number to this server, this one registers it with its address.
    ("POST", NUMBERS, 1),
];
const NUMBERS: &str = "IncomingPhoneNumbers/PN";

/// Strikes each step with each of these actions, several at a time: each mostly waits.
async fn strike(actions: [Value; 3], is_killed: bool) {
    let all = STEPS.iter().flat_map(|at| actions.iter().map(move |action| (*at, action.clone())));
    stream::iter(all).for_each_concurrent(3, |(step, action)| struck(step, action, is_killed)).await;
}

#[tokio::test]
async fn a_port_is_requested_once_whatever_is_cut_off() {
    let actions = [json!({ "lose": "after" }), json!({ "status": 503 }), json!({ "delay_ms": 2000 })];
    strike(actions, false).await;
}

#[tokio::test]
async fn a_server_killed_at_any_step_of_a_port_leaves_nothing_undone() {
    let actions = [json!({ "delay_ms": 900 }), json!({ "lose": "after" }), json!({ "lose": "before" })];
    strike(actions, true).await;
}

async fn struck((method, path, earlier): (&str, &str, u32), action: Value, is_killed: bool) {
    let what = format!("{method} {path} after {earlier}, {action}");
    let variables = [("OPERATION_WAIT", "0s"), ("OPERATION_LEASE", "1s"), ("PROVIDER_TIMEOUT", "1500ms")];
    let mut practice = Practice::open_unwaited(&variables).await;
    let id = practice.keep(NUMBER).await;
    let is_last = path == NUMBERS;
    if !is_last {
        practice.fault("twilio", method, path, action.clone()).await;
    }
    let payload = practice.request_port(&id, json!({ "registerEmergencyAddress": true })).await;
    assert_eq!(payload["userErrors"], json!([]), "{what}: {payload}");
    if !is_last {
        practice.app.all_faults_have_struck().await;
        if is_killed {
            practice.app.restart().await;
        }
    }
    wait_until(&what, DEADLINE, async || {
        let ports = practice.ports().await;
        (ports.len() == 1 && practice.kept(&id).await["carrierStatus"].is_string()).then_some(())
    })
    .await;
    for _ in 0..3 {
        practice.act(json!({ "action": "advance" })).await;
    }
    practice.until(&id, "PORT_DATE_SET").await;
    if is_last {
        for _ in 0..earlier {
            practice.fault_in_turn("twilio", method, path, json!({ "delay_ms": 1 })).await;
        }
        practice.fault_in_turn("twilio", method, path, action).await;
    }
    practice.act(json!({ "action": "advance" })).await;
    if is_last && is_killed {
        practice.app.advance(Duration::from_secs(61));
        practice.app.all_faults_have_struck().await;
        practice.app.restart().await;
    }
    practice.until(&id, "DONE").await;
    assert_eq!(practice.app.pending_faults().await, 0, "{what}: not struck");
    assert_eq!(practice.over(&payload).await["state"], "SUCCEEDED", "{what}");
    assert_eq!(practice.ports().await.len(), 1, "{what}");
    let (addresses, of_number) = practice.addresses().await;
    assert_eq!((addresses.len(), &of_number[1]), (1, &json!("registered")), "{what}");
    practice.agree(3, 1).await;
}
