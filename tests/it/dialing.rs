//! Which numbers are dialled at the platform's expense: refused when they are written, passed over when they would ring,
//! allowed where an operator says so.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::domain::{Actor, Author, Dialing, DialingChange, Limits, Tenant, TenantId};
use switchboard::store::{AgentChanges, Database};
use uuid::Uuid;

use crate::support::calls::{CALLER, DESK, twiml, verbs};
use crate::support::database::TestDatabase;
use crate::support::practice::{Practice, TENANT};
use crate::support::wait_until;

const CREATE: &str = "mutation($input: CreateAgentInput!) { createAgent(input: $input) {
    agent { id } operation { id } userErrors { code field message } } }";
const UPDATE: &str = "mutation($input: UpdateAgentInput!) { updateAgent(input: $input) {
    agent { fallbackNumber } userErrors { code field message } } }";
const PLAN: &str = "mutation($input: SetTenantPlanInput!) { setTenantPlan(input: $input) {
    viewer { limits { dialCountries dialPremiumNumbers } } userErrors { code field message } } }";
const LIMITS: &str = "{ viewer { limits { dialCountries dialPremiumNumbers } } }";

const LONDON: &str = "+442079460123";
const NASSAU: &str = "+12425550123";
const PREMIUM: &str = "+19005550123";
const LONDON_PREMIUM: &str = "+449012345678";
const SATELLITE: &str = "+881612345678";

impl Practice {
    async fn try_update(&self, number: &str) -> Value {
        let input = json!({"id": self.made["agent"]["id"], "fallbackNumber": number});
        let answer = self.app.graphql(&self.token, UPDATE, json!({ "input": input })).await;
        answer["data"]["updateAgent"].clone()
    }

    async fn try_forward(&self, kind: &str, number: &str) -> Value {
        let mut action = json!({"kind": kind, "forwardTo": number});
        if kind == "FORWARD_THEN_AGENT" {
            action["ringSeconds"] = json!(20);
        }
        let agent =
            json!({"name": "Blocked", "condition": {"callers": ["anonymous"]}, "action": {"kind": "REJECT"}});
        self.set(json!([agent, {"name": "Desk", "condition": {}, "action": action}]), None).await
    }

    async fn set_dialing(&self, dialing: Value) -> Value {
        let mut input = json!({"userId": TENANT, "name": "Clinic", "concurrentCalls": 10, "phoneNumbers": 5});
        input.as_object_mut().unwrap().extend(dialing.as_object().unwrap().clone());
        let answer = self.app.graphql(&self.app.operator_token(), PLAN, json!({ "input": input })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["setTenantPlan"].clone()
    }

    /// Stores a fallback number past the API's checks, as it was stored before the setting was narrowed.
    async fn store_fallback(&self, number: &str) {
        let author = Author { actor: Actor::System, request_id: "a test".to_owned() };
        let door = self.app.database().write_by(author, TenantId(TENANT)).await.unwrap();
        let changes =
            AgentChanges { fallback_number: Some(Some(number.parse().unwrap())), ..Default::default() };
        let id = self.made["agent"]["id"].as_str().unwrap().parse().unwrap();
        door.update_agent(id, changes).await.unwrap().unwrap();
        door.commit().await.unwrap();
    }

    /// Calls until it is answered like this: what was stored a moment ago may not be cached yet.
    async fn calls_meet(&self, expected: &[[&str; 1]]) -> Value {
        wait_until("the call is answered as expected", Duration::from_secs(10), async || {
            let call = self.call(json!({})).await;
            (verbs(&call) == expected).then_some(call)
        })
        .await
    }

    /// The newest call came to what a simulation says beforehand, and both say these words.
    async fn assert_recorded_and_simulated(&self, outcome: &str, words: &str) {
        let (newest, foreseen) = (self.newest().await, self.simulate(Some(CALLER), None).await);
        for told in [&newest["decision"], &foreseen] {
            assert_eq!(told["outcome"], outcome, "{told}");
            assert!(told["reason"].as_str().unwrap().contains(words), "{words}: {told}");
        }
    }
}

fn refused(answer: &Value, field: &[&str], words: &str) {
    let error = &answer["userErrors"][0];
    assert_eq!((&error["code"], &error["field"]), (&json!("INVALID_INPUT"), &json!(field)), "{answer}");
    assert!(error["message"].as_str().unwrap().contains(words), "{words}: {answer}");
}

#[tokio::test]
async fn a_number_that_is_not_allowed_is_refused_wherever_it_is_written() {
    let practice = Practice::open(json!({ "fallbackNumber": DESK })).await;
    let fallback = ["input", "fallbackNumber"];
    let forward = ["input", "rules", "1", "action", "forwardTo"];
    for (number, words) in [
        (LONDON, "numbers in GB are not allowed: use a number in CA, US"),
        (NASSAU, "numbers in BS are not allowed"),
        (PREMIUM, "a premium-rate number"),
        (LONDON_PREMIUM, "a premium-rate number"),
        (SATELLITE, "international or satellite network"),
    ] {
        let input = json!({"name": "Northside Dental", "provisionPhone": false, "fallbackNumber": number});
        let answer = practice.app.graphql(&practice.token, CREATE, json!({ "input": input })).await;
        refused(&answer["data"]["createAgent"], &fallback, words);
        assert!(answer["data"]["createAgent"]["operation"].is_null(), "{answer}");
        refused(&practice.try_update(number).await, &fallback, words);
        for kind in ["FORWARD", "FORWARD_THEN_AGENT"] {
            refused(&practice.try_forward(kind, number).await, &forward, words);
        }
    }
    let kept = "{ agents { totalCount nodes { fallbackNumber phoneNumber { routingVersion } } } }";
    let kept = practice.app.graphql(&practice.token, kept, json!({})).await["data"]["agents"].clone();
    let as_before = json!({"fallbackNumber": DESK, "phoneNumber": {"routingVersion": 0}});
    assert_eq!(kept, json!({"totalCount": 1, "nodes": [as_before]}));
}

#[tokio::test]
async fn a_stored_number_that_is_no_longer_allowed_is_skipped_and_the_call_is_answered() {
    let practice = Practice::open(json!({})).await;
    practice.set_dialing(json!({"dialCountries": ["US", "GB"], "dialPremiumNumbers": true})).await;
    let always = async |kind: &str, number: &str| {
        let set = practice.try_forward(kind, number).await;
        assert_eq!(set["userErrors"], json!([]), "{set}");
    };

    always("FORWARD_THEN_AGENT", LONDON_PREMIUM).await;
    practice.calls_meet(&[["Dial"], ["Connect"]]).await;
    practice.set_dialing(json!({"dialPremiumNumbers": null})).await;
    practice.calls_meet(&[["Connect"]]).await;
    practice.assert_recorded_and_simulated("AGENT", "forwarded to is not allowed; the agent takes it").await;

    practice.set_dialing(json!({"dialCountries": ["US", "GB"], "dialPremiumNumbers": true})).await;
    always("FORWARD", LONDON).await;
    practice.store_fallback(DESK).await;
    practice.set_dialing(json!({"dialCountries": null, "dialPremiumNumbers": null})).await;
    let call = practice.calls_meet(&[["Dial"], ["Say"]]).await;
    assert!(twiml(&call, 0).contains(DESK), "{call}");
    let foreseen = practice.simulate(Some(CALLER), None).await;
    assert_eq!(foreseen["outcome"], "FALLBACK", "{foreseen}");
    let reason = foreseen["reason"].as_str().unwrap();
    assert!(reason.ends_with("forwarded to is not allowed; the fallback number rings"), "{reason}");

    for number in [NASSAU, PREMIUM, SATELLITE] {
        practice.store_fallback(number).await;
        let call = practice.calls_meet(&[["Say"]]).await;
        assert!(!twiml(&call, 0).contains(number), "{call}");
        practice.assert_recorded_and_simulated("UNAVAILABLE", "the fallback number is not allowed").await;
    }

    // The last rung after the voice provider failed, and after the carrier did.
    practice.set(json!([]), None).await;
    practice.store_fallback(LONDON).await;
    let register = json!({"provider": "elevenlabs", "path_contains": "register-call"});
    practice.app.faults(json!({"match": register, "action": {"status": 500}, "times": 1000})).await;
    practice.calls_meet(&[["Say"]]).await;
    let reason = practice.newest().await["decision"]["reason"].clone();
    assert!(reason.as_str().unwrap().contains("failed; the fallback number is not allowed"), "{reason}");
    let allowed = practice.set_dialing(json!({ "dialCountries": ["GB"] })).await;
    assert_eq!(allowed["viewer"]["limits"], json!({"dialCountries": ["GB"], "dialPremiumNumbers": false}));
    let call = practice.calls_meet(&[["Dial"], ["Say"]]).await;
    assert!(twiml(&call, 0).contains(LONDON), "{call}");
    assert!(practice.app.metric("switchboard_dials_not_allowed_total").await > 0.0);
}

#[tokio::test]
async fn an_operator_decides_for_one_tenant_what_is_dialled() {
    let practice = Practice::open_with(&[("DIAL_COUNTRIES", "US,JM")], json!({})).await;
    let limits = async |token: &str| {
        let answer = practice.app.graphql(token, LIMITS, json!({})).await;
        answer["data"]["viewer"]["limits"].clone()
    };
    let platform = json!({"dialCountries": ["JM", "US"], "dialPremiumNumbers": false});
    assert_eq!(limits(&practice.token).await, platform);
    for (dialing, told, allowed) in [
        (json!({}), platform.clone(), [true, false, false, false]),
        (
            json!({"dialCountries": ["GB"]}),
            json!({"dialCountries": ["GB"], "dialPremiumNumbers": false}),
            [false, true, false, false],
        ),
        // What is left out stays.
        (
            json!({}),
            json!({"dialCountries": ["GB"], "dialPremiumNumbers": false}),
            [false, true, false, false],
        ),
        (
            json!({"dialPremiumNumbers": true}),
            json!({"dialCountries": ["GB"], "dialPremiumNumbers": true}),
            [false, true, true, true],
        ),
        (
            json!({"dialCountries": []}),
            json!({"dialCountries": [], "dialPremiumNumbers": true}),
            [false, false, false, true],
        ),
        (
            json!({"dialCountries": null, "dialPremiumNumbers": null}),
            platform.clone(),
            [true, false, false, false],
        ),
    ] {
        let set = practice.set_dialing(dialing.clone()).await;
        assert_eq!(set["viewer"]["limits"], told, "{dialing}: {set}");
        assert_eq!(limits(&practice.token).await, told, "{dialing}");
        for (number, is_allowed) in [DESK, LONDON, LONDON_PREMIUM, SATELLITE].iter().zip(allowed) {
            let answer = practice.try_update(number).await;
            assert_eq!(answer["userErrors"] == json!([]), is_allowed, "{dialing} {number}: {answer}");
        }
    }
    assert_eq!(
        limits(&practice.app.token(Uuid::from_u128(2))).await,
        platform,
        "another tenant's is its own"
    );

    let input = json!({"userId": TENANT, "name": "Clinic", "concurrentCalls": 5, "phoneNumbers": 5, "dialCountries": ["UK"]});
    let answer = practice.app.graphql(&practice.app.operator_token(), PLAN, json!({ "input": input })).await;
    refused(&answer["data"]["setTenantPlan"], &["input", "dialCountries"], "ISO 3166-1");
    let nobodys = json!({"userId": Uuid::nil(), "name": "\u{200b}", "concurrentCalls": 5, "phoneNumbers": 5});
    let answer =
        practice.app.graphql(&practice.app.operator_token(), PLAN, json!({ "input": nobodys })).await;
    let errors = answer["data"]["setTenantPlan"]["userErrors"].as_array().unwrap();
    let fields: Vec<_> = errors.iter().map(|error| &error["field"][1]).collect();
    assert_eq!(fields, ["name", "userId"], "{answer}");
    let own = practice.app.graphql(&practice.token, PLAN, json!({ "input": input })).await;
    assert_eq!(own["errors"][0]["extensions"]["code"], "FORBIDDEN", "{own}");

    let trail = "{ auditEvents(first: 100) { nodes { action actor } } }";
    let trail = practice.app.graphql(&practice.token, trail, json!({})).await;
    let events = trail["data"]["auditEvents"]["nodes"].as_array().unwrap();
    let plans = events.iter().filter(|event| event["action"] == "setTenantPlan").count();
    assert_eq!(plans, 6, "{trail}");
}

#[tokio::test]
async fn a_tenants_dialling_policy_reaches_other_servers_and_holds_during_an_outage() {
    let test = TestDatabase::create().await;
    let (ours, theirs): (Database, Database) = (test.open().await, test.open().await);
    let mut reader = theirs.system().number_reader();
    for reader in [&mut reader, &mut ours.system().number_reader()] {
        reader.read_page().await.unwrap();
    }
    let tenant = TenantId(TENANT);
    let dialed = |server: &Database| {
        let platform = Dialing { countries: Some("US".parse().unwrap()), premium: false };
        let dialing = platform.for_tenant(&server.system().dialing_of(tenant));
        [DESK, LONDON].map(|number| dialing.check(&number.parse().unwrap()).is_ok())
    };
    for (countries, expected) in
        [(Some("GB"), [false, true]), (None, [true, false]), (Some(""), [false, false])]
    {
        let author = Author { actor: Actor::System, request_id: "a test".to_owned() };
        let countries = Some(countries.map(|countries| countries.parse().unwrap()));
        let change = DialingChange { countries, premium: None };
        let limits = Limits { concurrent_calls: 5, phone_numbers: 5, ..Tenant::DEFAULT_LIMITS };
        ours.system().set_plan(&author, tenant, "Clinic", limits, None, change).await.unwrap();
        assert_eq!(dialed(&ours), expected);
        while !reader.read_changes().await.unwrap() {}
        // On SQLite there is but one server.
        assert!(dialed(&theirs) == expected || !test.is_postgres());
    }
    let mut saved = Vec::new();
    assert!(ours.system().save_numbers(&mut saved).unwrap());
    let restarted = test.open().await;
    assert_eq!(dialed(&restarted), [true, false]);
    restarted.system().restore_numbers(saved.as_slice()).unwrap();
    assert_eq!(dialed(&restarted), [false, false]);
}
