//! Numbers that the carrier account held before: taken over with what is set on them, and given back.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::api::{IMPORT, create, faults};
use crate::support::practice::{DEADLINE, DELETE, HELD, Practice, RELEASE, TENANT};
use crate::support::program::{PUBLIC_URL, err, finish, out};
use crate::support::wait_until;

const NUMBER: &str = "+12015550142";
const RESTORE: &str = "mutation($id: ID!) { restorePhoneNumber(input: {id: $id}) {
    phoneNumber { id status } operation { id kind state } userErrors { code message field } } }";
const FORMER: [(&str, &str); 9] = [
    ("friendly_name", "Front desk"),
    ("voice_url", "https://former.example.com/voice"),
    ("voice_method", "GET"),
    ("voice_fallback_url", "https://former.example.com/fallback"),
    ("status_callback", "https://former.example.com/status"),
    ("status_callback_method", "GET"),
    ("voice_receive_mode", "fax"),
    ("sms_url", "https://former.example.com/text"),
    ("sms_application_sid", "AP0123456789abcdef0123456789abcdef"),
];

/// A number in the account with these settings.
fn placed(number: &str, settings: &[(&str, &str)]) -> Value {
    let mut placed = json!({ "phone_number": number });
    for (name, value) in settings {
        placed[*name] = json!(value);
    }
    placed
}

impl Practice {
    /// The number at the carrier; `null` if the account does not hold it.
    async fn at_account(&self, number: &str) -> Value {
        let state = self.app.sandbox_state().await;
        let numbers = state["numbers"].as_array().unwrap();
        numbers.iter().find(|found| found["phone_number"] == number).cloned().unwrap_or_default()
    }

    /// Asserts that the number has these settings at the carrier, and no others.
    async fn assert_has(&self, number: &str, settings: &[(&str, &str)]) {
        let expected: Value =
            settings.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut found = self.at_account(number).await["settings"].clone();
        // Methods that were never set are returned as POST, and set so.
        found.as_object_mut().unwrap().retain(|name, value| {
            !(name.ends_with("_method") && *value == "POST"
                || name == "voice_receive_mode" && *value == "voice")
        });
        assert_eq!(found, expected, "{number}");
    }

    /// Imports a number for the practice's agent, and gives the payload.
    async fn imports(&self, more: Value) -> Value {
        let mut input = json!({ "number": NUMBER, "agentId": self.made["agent"]["id"] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.app.import_placed(input).await
    }

    async fn restored(&self, number: &Value) -> Value {
        let restored = self.ask(RESTORE, json!({ "id": number["id"] })).await;
        assert_eq!(restored["userErrors"], json!([]), "{restored}");
        restored
    }
}

#[tokio::test]
async fn a_number_in_use_is_taken_over_only_if_said_so_and_given_back_as_it_was() {
    let practice = Practice::open(json!({})).await;
    practice.app.place_numbers(placed(NUMBER, &FORMER)).await;

    let refused = practice.imports(json!({})).await;
    assert_eq!(
        (faults(&refused), &refused["phoneNumber"]),
        (vec!["replaceSettings"], &Value::Null),
        "{refused}"
    );
    let why = refused["userErrors"][0]["message"].as_str().unwrap();
    assert!(why.contains("VoiceUrl https://former.example.com/voice") && why.contains("AP0123"), "{why}");
    practice.assert_has(NUMBER, &FORMER).await;

    let imported = practice.imports(json!({ "replaceSettings": true, "label": "Old line" })).await;
    let number = &imported["phoneNumber"];
    assert_eq!(imported["userErrors"], json!([]), "{imported}");
    assert_eq!((&number["status"], &number["origin"]), (&json!("ACTIVE"), &json!("IMPORTED")), "{imported}");
    assert_eq!((&number["label"], &number["friendlyName"]), (&json!("Old line"), &json!("(201) 555-0142")));
    let call = practice.app.place_call(json!({ "to": NUMBER })).await;
    assert_eq!(call["agent"]["agent_id"], practice.made["agent"]["elevenlabsAgentId"], "{call}");
    let there = practice.at_account(NUMBER).await["settings"].clone();
    assert_eq!(there["friendly_name"], "Front desk", "its name is left as it was");
    assert!(there["sms_application_sid"].is_null() && there["voice_receive_mode"] != "fax", "{there}");

    let restored = practice.restored(number).await;
    assert_eq!(restored["operation"]["state"], "SUCCEEDED", "{restored}");
    assert_eq!(restored["phoneNumber"]["status"], "RELEASED", "{restored}");
    practice.assert_has(NUMBER, &FORMER).await;

    let trail =
        practice.ask("{ auditEvents(first: 50) { nodes { action outcome } } }", json!({})).await.to_string();
    for action in ["importPhoneNumber", "restorePhoneNumber"] {
        assert!(trail.contains(action), "{trail}");
    }
    // It can come again.
    let again = practice.imports(json!({ "replaceSettings": true })).await;
    assert_eq!(again["phoneNumber"]["status"], "ACTIVE", "{again}");
}

#[tokio::test]
async fn a_hosted_number_is_known_as_one_and_given_back_as_it_was() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    let mut hosted = placed(NUMBER, &FORMER);
    hosted["origin"] = json!("hosted");
    practice.app.place_numbers(hosted).await;
    for is_restored in [false, true] {
        let imported = practice.imports(json!({ "replaceSettings": true })).await;
        let number = &imported["phoneNumber"];
        assert_eq!(
            (&number["status"], &number["origin"]),
            (&json!("ACTIVE"), &json!("HOSTED")),
            "{imported}"
        );
        let capabilities =
            "query($number: E164!) { phoneNumber(number: $number) { capabilities { voice sms } } }";
        let capabilities = practice.ask(capabilities, json!({ "number": NUMBER })).await;
        assert_eq!(capabilities["capabilities"], json!({ "voice": false, "sms": true }));
        let there = practice.at_account(NUMBER).await["settings"].clone();
        assert!(there["sms_url"].as_str().unwrap().ends_with("/api/webhooks/message/incoming"), "{there}");
        let given_back = if is_restored {
            practice.restored(number).await
        } else {
            practice.ask(RELEASE, json!({ "id": number["id"] })).await
        };
        assert_eq!(practice.over(&given_back).await["state"], "SUCCEEDED", "{given_back}");
        // Not deleted: it is still there.
        practice.assert_has(NUMBER, &FORMER).await;
    }
}

#[tokio::test]
async fn what_sends_calls_or_texts_elsewhere_is_named() {
    let practice = Practice::open(json!({})).await;
    let (url, app, trunk) = (
        "https://x.example.com/",
        "AP0123456789abcdef0123456789abcdef",
        "TK0123456789abcdef0123456789abcdef",
    );
    let cases = [
        (vec![("trunk_sid", trunk)], trunk),
        (vec![("voice_application_sid", app)], app),
        (vec![("sms_application_sid", app)], app),
        (vec![("sms_url", url)], "SmsUrl https://x.example.com/"),
        (vec![("status_callback", url)], "StatusCallback https://x.example.com/"),
        (
            vec![("voice_url", "https://user:secret@x.example.com/?key=secret")],
            "VoiceUrl https://x.example.com/",
        ),
    ];
    for (at, (settings, named)) in cases.into_iter().enumerate() {
        let number = format!("+1201555020{at}");
        practice.app.place_numbers(placed(&number, &settings)).await;
        let refused = practice.imports(json!({ "number": number })).await;
        let why = refused["userErrors"][0]["message"].as_str().unwrap();
        assert!(why.contains(named) && !why.contains("secret"), "{settings:?}: {why}");
    }
    let fresh = "+12015550210";
    practice
        .app
        .place_numbers(placed(fresh, &[("voice_url", "https://demo.twilio.com/welcome/voice/")]))
        .await;
    let imported = practice.imports(json!({ "number": fresh })).await;
    assert_eq!(imported["phoneNumber"]["status"], "ACTIVE", "a number that nobody has set up: {imported}");
}

#[tokio::test]
async fn what_is_not_there_not_free_or_not_ones_own_is_refused() {
    let practice = Practice::open(json!({})).await;
    let app = &practice.app;
    let agent = &practice.made["agent"]["id"];
    let absent = practice.imports(json!({})).await;
    assert_eq!(
        (faults(&absent), &absent["userErrors"][0]["code"]),
        (vec!["number"], &json!("NOT_FOUND")),
        "{absent}"
    );
    // Ours already.
    let bought = practice.imports(json!({ "number": practice.number })).await;
    assert_eq!(bought["userErrors"][0]["code"], "NUMBER_TAKEN", "{bought}");

    app.place_numbers(placed(NUMBER, &[])).await;
    // The tenant itself may not take what is in the platform's account; an operator must say for whom.
    let answer =
        app.graphql(&practice.token, IMPORT, json!({"input": {"number": NUMBER, "agentId": agent}})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    let nobody = app.import_placed(json!({ "number": NUMBER })).await;
    assert_eq!(faults(&nobody), ["agentId"], "{nobody}");
    let unknown = app
        .import_placed(json!({ "number": NUMBER, "agentId": "agent_00000000000000000000000000000009" }))
        .await;
    assert_eq!((faults(&unknown), &unknown["userErrors"][0]["code"]), (vec!["agentId"], &json!("NOT_FOUND")));
    let account = practice.imports(json!({ "carrierAccountId": "account_1" })).await;
    assert_eq!(faults(&account), ["carrierAccountId"], "{account}");

    // Another tenant holds it: nobody is told who.
    let other = Uuid::from_u128(2);
    let made = create(app, &app.token(other), json!({ "name": "Other", "provisionPhone": false })).await;
    let theirs = app.import_placed(json!({ "number": NUMBER, "agentId": made["agent"]["id"] })).await;
    assert_eq!(theirs["phoneNumber"]["status"], "ACTIVE", "{theirs}");
    let taken = practice.imports(json!({})).await;
    let why = taken["userErrors"][0]["message"].as_str().unwrap();
    assert_eq!(taken["userErrors"][0]["code"], "NUMBER_TAKEN", "{taken}");
    assert!(!taken.to_string().contains(&other.to_string()) && !why.contains("Other"), "{why}");
    let held = practice.app.graphql(&practice.token, HELD, json!({})).await;
    assert_eq!(held["data"]["phoneNumbers"]["nodes"].as_array().unwrap().len(), 1, "{held}");
    let restore = practice.ask(RESTORE, json!({ "id": theirs["phoneNumber"]["id"] })).await;
    assert_eq!(restore["userErrors"][0]["code"], "NOT_FOUND", "{restore}");
    let bought = practice.ask(RESTORE, json!({ "id": practice.made["phoneNumber"]["id"] })).await;
    assert_eq!(faults(&bought), ["id"], "a bought number has no former settings: {bought}");

    // A repeated request, and the plan.
    let more = "+12015550143";
    app.place_numbers(placed(more, &[])).await;
    let keyed = json!({ "number": more, "idempotencyKey": "once" });
    let (first, second) = (practice.imports(keyed.clone()).await, practice.imports(keyed).await);
    assert_eq!(first["operation"]["id"], second["operation"]["id"]);
    app.set_phone_numbers(TENANT, 2).await;
    app.place_numbers(placed("+12015550144", &[])).await;
    let full = practice.imports(json!({ "number": "+12015550144" })).await;
    assert_eq!(full["userErrors"][0]["code"], "LIMIT_REACHED", "{full}");
    practice.assert_has("+12015550144", &[]).await;
}

#[tokio::test]
async fn imports_are_no_purchases_and_may_go_to_the_pool() {
    let practice = Practice::open_with(&[("PURCHASES_PER_HOUR", "1")], json!({})).await;
    for at in 0..3 {
        let number = format!("+1201555030{at}");
        practice.app.import(json!({ "number": number, "agentId": practice.made["agent"]["id"] })).await;
    }
    let pooled = "+12015550310";
    practice.app.place_numbers(placed(pooled, &[])).await;
    let input = json!({ "input": { "number": pooled } });
    let answer = practice.app.graphql_for(TENANT, IMPORT, input).await["data"]["importPhoneNumber"].clone();
    assert_eq!(answer["phoneNumber"]["status"], "ACTIVE", "{answer}");
    let query = "{ phoneNumbers(filter: {assigned: false}) { nodes { number agent { id } } } }";
    let pool = practice.ask(query, json!({})).await;
    assert_eq!(pool["nodes"], json!([{ "number": pooled, "agent": null }]));
    // A tenant without an agent has nobody to whom it could go.
    let input = json!({ "input": { "number": "+12015550311" } });
    let answer =
        practice.app.graphql_for(Uuid::from_u128(7), IMPORT, input).await["data"]["importPhoneNumber"]
            .clone();
    assert_eq!(faults(&answer), ["agentId"], "{answer}");
}

#[tokio::test]
async fn of_two_operators_at_once_one_gets_the_number() {
    let practice = Practice::open(json!({})).await;
    let other =
        create(&practice.app, &practice.app.token(Uuid::from_u128(2)), json!({ "name": "Other" })).await;
    for round in 0..5 {
        let number = format!("+1201555040{round}");
        practice.app.place_numbers(placed(&number, &FORMER)).await;
        let agents = [&practice.made["agent"]["id"], &other["agent"]["id"]];
        let import = |agent: &Value| json!({ "number": number, "agentId": agent, "replaceSettings": true });
        let both = join_all(agents.map(|agent| practice.app.import_placed(import(agent)))).await;
        let won = both.iter().filter(|payload| payload["phoneNumber"]["status"] == "ACTIVE").count();
        let lost = both.iter().filter(|payload| payload["userErrors"][0]["code"] == "NUMBER_TAKEN").count();
        assert_eq!((won, lost), (1, 1), "{both:?}");
        let call = practice.app.place_call(json!({ "to": number })).await;
        assert!(call["agent"].is_object(), "{call}");
    }
}

#[tokio::test]
async fn settings_that_the_carrier_rejects_are_put_back() {
    let practice = Practice::open(json!({})).await;
    practice.app.place_numbers(placed(NUMBER, &FORMER)).await;
    practice
        .fault("twilio", "POST", "IncomingPhoneNumbers/PN", json!({ "status": 400, "code": 21402 }))
        .await;
    let refused = practice.imports(json!({ "replaceSettings": true })).await;
    assert_eq!(
        (&refused["operation"]["state"], &refused["phoneNumber"]),
        (&json!("FAILED"), &Value::Null),
        "{refused}"
    );
    practice.assert_has(NUMBER, &FORMER).await;
    let held = practice.ask("{ phoneNumbers { totalCount } }", json!({})).await;
    assert_eq!(held["totalCount"], 1);

    // Pointed here, but the answer is lost; then the carrier rejects what it has just done.
    practice.fault_in_turn("twilio", "POST", "IncomingPhoneNumbers/PN", json!({ "lose": "after" })).await;
    let imported = practice.imports(json!({ "replaceSettings": true })).await;
    let over = practice.over(&imported).await;
    assert_eq!(over["state"], "SUCCEEDED", "looked up, and found to be right: {over}");
    let number = practice.at_account(NUMBER).await;
    practice
        .fault("twilio", "POST", "IncomingPhoneNumbers/PN", json!({ "status": 400, "code": 20001 }))
        .await;
    let held = practice.ask("{ phoneNumbers(first: 9) { nodes { id number } } }", json!({})).await;
    let ours = held["nodes"].as_array().unwrap().iter().find(|row| row["number"] == NUMBER).unwrap().clone();
    let restored = practice.ask(RESTORE, json!({ "id": ours["id"] })).await;
    assert_eq!(restored["operation"]["state"], "FAILED", "{restored}");
    assert_eq!(restored["phoneNumber"]["status"], "ACTIVE", "it takes calls again: {restored}");
    assert_eq!(practice.at_account(NUMBER).await["settings"], number["settings"]);
}

#[tokio::test]
async fn a_release_and_a_deletion_put_the_former_settings_back_and_delete_nothing() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "30m")], json!({})).await;
    let second = "+12015550143";
    practice.app.place_numbers(json!([placed(NUMBER, &FORMER), placed(second, &FORMER)])).await;
    let first = practice.imports(json!({ "replaceSettings": true })).await["phoneNumber"].clone();
    practice.imports(json!({ "number": second, "replaceSettings": true })).await;

    // A release may be cancelled, and takes calls until it is due.
    let released = practice.ask(RELEASE, json!({ "id": first["id"] })).await;
    assert_eq!(released["operation"]["state"], "PENDING", "{released}");
    let call = practice.app.place_call(json!({ "to": NUMBER })).await;
    assert!(call["agent"].is_object(), "{call}");
    practice.app.advance(Duration::from_secs(1900));
    assert_eq!(practice.over(&released).await["state"], "SUCCEEDED");
    practice.assert_has(NUMBER, &FORMER).await;

    // An obstacle to a deletion at the carrier is none here.
    let sid = practice.at_account(second).await["sid"].as_str().unwrap().to_owned();
    practice.app.change_number(&sid, json!({ "obstacle": "port_out" })).await;
    let deleted = practice.ask(DELETE, json!({ "id": practice.made["agent"]["id"] })).await;
    assert_eq!(practice.over(&deleted).await["state"], "SUCCEEDED");
    practice.assert_has(second, &FORMER).await;
    // The bought one is gone.
    assert!(practice.at_account(&practice.number).await.is_null());
}

#[tokio::test]
async fn a_number_that_was_ported_stays_in_the_account_without_webhooks() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    let imported =
        practice.app.import(json!({ "number": NUMBER, "agentId": practice.made["agent"]["id"] })).await;
    practice
        .app
        .execute(
            "UPDATE phone_numbers SET origin = 'ported', former_settings = NULL WHERE origin = 'imported'",
        )
        .await;
    let released = practice.ask(RELEASE, json!({ "id": imported["phoneNumber"]["id"] })).await;
    assert_eq!(practice.over(&released).await["state"], "SUCCEEDED");
    practice.assert_has(NUMBER, &[]).await;
}

#[tokio::test]
async fn reconciliation_knows_an_imported_number_without_a_mark() {
    let practice =
        Practice::open_with(&[("WEBHOOK_BASE_URL", PUBLIC_URL), ("RECONCILE_EVERY", "0s")], json!({})).await;
    practice.app.place_numbers(placed(NUMBER, &FORMER)).await;
    let imported = practice.imports(json!({ "replaceSettings": true })).await;
    assert_eq!(imported["phoneNumber"]["status"], "ACTIVE", "{imported}");
    let reconcile = async || {
        let output = finish(practice.app.program(&["reconcile", "--json", "--fix"])).await;
        serde_json::from_str::<Value>(&out(&output)).unwrap()["differences"].clone()
    };
    let sid = practice.at_account(NUMBER).await["sid"].as_str().unwrap().to_owned();
    practice.app.as_account_owner(&sid, &[("VoiceUrl", "https://former.example.com/voice")]).await;
    // What operations have changed in the last seconds is left alone.
    let found = wait_until("the import has settled", DEADLINE, async || {
        let found = reconcile().await;
        (found != json!([])).then_some(found)
    })
    .await;
    assert_eq!(found.as_array().unwrap().len(), 1, "the bought number is in order: {found}");
    assert_eq!(
        (&found[0]["kind"], &found[0]["mended"]),
        (&json!("MISDIRECTED_NUMBER"), &json!(true)),
        "{found}"
    );
    let detail = found[0]["detail"].as_str().unwrap();
    assert!(detail.contains("VoiceUrl") && !detail.contains("FriendlyName"), "{detail}");
    let there = practice.at_account(NUMBER).await["settings"].clone();
    assert_eq!(there["friendly_name"], "Front desk", "{there}");
    assert!(there["voice_url"].as_str().unwrap().starts_with(PUBLIC_URL), "{there}");
}

#[tokio::test]
async fn what_somebody_sets_while_a_number_is_taken_over_is_what_comes_back() {
    let practice = Practice::open(json!({})).await;
    practice.app.place_numbers(placed(NUMBER, &[("voice_url", "https://former.example.com/voice")])).await;
    let sid = practice.at_account(NUMBER).await["sid"].as_str().unwrap().to_owned();
    let path = format!("IncomingPhoneNumbers/{sid}");
    practice.fault("twilio", "GET", &path, json!({ "delay_ms": 1500 })).await;
    let newer = [("voice_url", "https://newer.example.com/voice")];
    let change = async {
        practice.app.all_faults_have_struck().await;
        practice.app.change_number(&sid, json!({ "voice_url": newer[0].1 })).await;
    };
    let (imported, ()) = tokio::join!(practice.imports(json!({ "replaceSettings": true })), change);
    assert_eq!(practice.over(&imported).await["state"], "SUCCEEDED");
    let call = practice.app.place_call(json!({ "to": NUMBER })).await;
    assert!(call["agent"].is_object(), "{call}");
    practice.restored(&imported["phoneNumber"]).await;
    practice.assert_has(NUMBER, &newer).await;
}

#[tokio::test]
async fn a_number_is_given_back_after_the_repair_that_is_under_way() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "0s")], json!({})).await;
    practice.app.place_numbers(placed(NUMBER, &FORMER)).await;
    for give_up in [RESTORE, RELEASE] {
        let imported = practice.imports(json!({ "replaceSettings": true })).await["phoneNumber"].clone();
        let sid = practice.at_account(NUMBER).await["sid"].as_str().unwrap().to_owned();
        practice.app.change_number(&sid, json!({ "voice_url": "https://elsewhere.example.com/voice" })).await;
        // It points the number to this server, late.
        let path = format!("IncomingPhoneNumbers/{sid}");
        practice.fault("twilio", "POST", &path, json!({ "delay_ms": 1500 })).await;
        let id = json!({ "id": imported["id"] });
        let giving_up = async {
            practice.app.all_faults_have_struck().await;
            practice.ask(give_up, id.clone()).await
        };
        let repair = "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) {
            operation { id state } userErrors { message } } }";
        let (repaired, given_up) = tokio::join!(practice.ask(repair, id.clone()), giving_up);
        practice.over(&repaired).await;
        let over = practice.over(&given_up).await;
        assert_eq!(over["state"], "SUCCEEDED", "{over}");
        practice.assert_has(NUMBER, &FORMER).await;
    }
}

#[tokio::test]
async fn a_number_that_repoint_is_setting_up_is_given_back_afterwards() {
    // Longer than the grace period, so that the server does not take over what the program does.
    let lease = ("OPERATION_LEASE", "10m");
    let variables = [("RELEASE_GRACE", "5m"), ("WEBHOOK_BASE_URL", PUBLIC_URL), lease];
    let practice = Practice::open_with(&variables, json!({})).await;
    practice.app.place_numbers(placed(NUMBER, &FORMER)).await;
    let imported = practice.imports(json!({ "replaceSettings": true })).await["phoneNumber"].clone();
    let ours = practice.at_account(NUMBER).await;
    let path = format!("IncomingPhoneNumbers/{}", ours["sid"].as_str().unwrap());
    let released = practice.ask(RELEASE, json!({ "id": imported["id"] })).await;
    let pointed_elsewhere = async || {
        let elsewhere = json!({ "voice_url": "https://elsewhere.example.com/voice" });
        practice.app.change_number(ours["sid"].as_str().unwrap(), elsewhere).await;
    };
    let repoint = async || {
        let mut command = practice.app.program(&["repoint"]);
        command.env("WEBHOOK_BASE_URL", PUBLIC_URL).env(lease.0, lease.1);
        finish(command).await
    };

    // Its release is ahead: it takes calls.
    pointed_elsewhere().await;
    let done = repoint().await;
    assert!(done.status.success() && out(&done).contains("1 of 1 now point"), "{}{}", out(&done), err(&done));
    assert_eq!(practice.at_account(NUMBER).await["settings"], ours["settings"]);

    // The release falls due while the carrier still works on the request.
    pointed_elsewhere().await;
    practice.fault("twilio", "POST", &path, json!({ "delay_ms": 3000 })).await;
    let giving_up = async {
        practice.app.all_faults_have_struck().await;
        practice.app.advance(Duration::from_secs(301));
        practice.over(&released).await
    };
    let (done, over) = tokio::join!(repoint(), giving_up);
    assert!(done.status.success(), "{}{}", out(&done), err(&done));
    assert_eq!(over["state"], "SUCCEEDED", "{over}");
    practice.assert_has(NUMBER, &FORMER).await;
}

#[tokio::test]
async fn a_number_that_is_being_given_back_is_left_alone_by_repoint() {
    let practice = Practice::open_with(&[("WEBHOOK_BASE_URL", PUBLIC_URL)], json!({})).await;
    practice.app.place_numbers(placed(NUMBER, &FORMER)).await;
    let imported = practice.imports(json!({ "replaceSettings": true })).await["phoneNumber"].clone();
    let sid = practice.at_account(NUMBER).await["sid"].as_str().unwrap().to_owned();
    let elsewhere = json!({ "voice_url": "https://elsewhere.example.com/voice" });
    practice.app.change_number(&sid, elsewhere).await;
    // The carrier has the request of the repair, and answers it late; that of the restoration later still.
    let path = format!("IncomingPhoneNumbers/{sid}");
    practice.fault("twilio", "GET", &path, json!({ "delay_ms": 2500 })).await;
    practice.fault_in_turn("twilio", "POST", &path, json!({ "delay_ms": 2500 })).await;
    let repoint = async || {
        let mut command = practice.app.program(&["repoint"]);
        command.env("WEBHOOK_BASE_URL", PUBLIC_URL);
        finish(command).await
    };
    let giving_up = async {
        let restored = practice.ask(RESTORE, json!({ "id": imported["id"] })).await;
        practice.over(&restored).await
    };
    let later = async {
        wait_until("it has begun", DEADLINE, async || {
            let held = practice.app.graphql(&practice.token, HELD, json!({})).await;
            held.to_string().contains("RELEASING").then_some(())
        })
        .await;
        repoint().await
    };
    let (over, done) = tokio::join!(giving_up, later);
    assert_eq!(over["state"], "SUCCEEDED", "{over}");
    let said = format!("{}{}", out(&done), err(&done));
    assert!(done.status.success(), "{said}");
    assert!(!said.contains("failed"), "{said}");
    practice.assert_has(NUMBER, &FORMER).await;
}

const OWN_TOKEN: &str = "11111111111111111111111111111111";

#[tokio::test]
async fn a_tenant_imports_from_its_own_account_and_from_no_other() {
    let key = [("ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")];
    let practice = Practice::open_with(&key, json!({})).await;
    let app = &practice.app;
    let opened = app.open_account(json!({ "friendly_name": "A practice", "auth_token": OWN_TOKEN })).await;
    let connect = "mutation($input: ConnectCarrierAccountInput!) { connectCarrierAccount(input: $input) {
        carrierAccount { id } userErrors { message } } }";
    let input = json!({ "accountSid": opened["sid"], "authToken": OWN_TOKEN });
    let connected = practice.ask(connect, json!({ "input": input })).await;
    let account = &connected["carrierAccount"]["id"];
    let mut number = placed(NUMBER, &FORMER);
    number["account_sid"] = opened["sid"].clone();
    app.place_numbers(number).await;

    let input = json!({ "number": NUMBER, "carrierAccountId": account, "replaceSettings": true });
    let stranger = app.graphql(&app.token(Uuid::from_u128(2)), IMPORT, json!({ "input": input })).await;
    assert_eq!(faults(&stranger["data"]["importPhoneNumber"]), ["carrierAccountId"], "{stranger}");
    // To the pool, since no agent is named.
    let imported = practice.ask(IMPORT, json!({ "input": input })).await;
    assert_eq!(imported["phoneNumber"]["status"], "ACTIVE", "{imported}");
    let query =
        "query($id: ID!) { node(id: $id) { ... on PhoneNumber { carrierAccount { id } agent { id } } } }";
    let node = practice.ask(query, json!({ "id": imported["phoneNumber"]["id"] })).await;
    assert_eq!(node, json!({ "carrierAccount": { "id": account }, "agent": null }));
    let call = app.place_call(json!({ "to": NUMBER })).await;
    assert_eq!(call["answered_with"][0]["status"], 200, "signed with that account's token: {call}");
    practice.restored(&imported["phoneNumber"]).await;
    practice.assert_has(NUMBER, &FORMER).await;
}
