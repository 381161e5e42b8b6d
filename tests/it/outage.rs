//! Calls while the database is unavailable: they are answered, and recorded when it is back.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::domain::Webhook;
use uuid::Uuid;

use crate::support::api::create;
use crate::support::calls::{DESK, verbs};
use crate::support::sql::execute;
use crate::support::webhooks::{INCOMING, ringing, send, send_to, sid, twiml};
use crate::support::{App, wait_until};

const CALLS: &str =
    "{ calls(first: 100) { totalCount nodes { sid status outcome durationSeconds agent { name }
    decision { reason rule { name } } } } viewer { activeCalls } }";

async fn call(app: &App, to: &Value, order: Value) -> Value {
    let mut whole = json!({ "to": to });
    whole.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
    app.place_call(whole).await
}

async fn number_of(app: &App, token: &str, input: Value) -> Value {
    create(app, token, input).await["phoneNumber"].clone()
}

/// The calls once so many are on record and none is under way.
async fn settled(app: &App, token: &str, count: usize) -> Vec<Value> {
    wait_until("every call is on record", Duration::from_secs(30), async || {
        let data = app.graphql(token, CALLS, json!({})).await["data"].clone();
        let calls = data["calls"]["nodes"].as_array().cloned().unwrap_or_default();
        let ended = calls.iter().all(|call| call["status"] == "COMPLETED");
        (calls.len() == count && ended && data["viewer"]["activeCalls"] == 0).then_some(calls)
    })
    .await
}

#[tokio::test]
async fn calls_to_cached_numbers_are_answered_and_recorded_afterwards_even_across_a_restart() {
    let (mut app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let ruled = number_of(&app, &token, json!({ "name": "Ruled", "areaCode": "305" })).await;
    let theirs = number_of(&app, &other, json!({ "name": "Theirs", "areaCode": "212" })).await;
    let set = "mutation($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) { userErrors { message } } }";
    let action = json!({ "kind": "FORWARD", "forwardTo": DESK });
    let rules = json!([{ "name": "Desk", "condition": {}, "action": action }]);
    let input = json!({ "input": { "phoneNumberId": ruled["id"], "rules": rules } });
    let answer = app.graphql(&token, set, input).await;
    assert_eq!(answer["data"]["setRoutingRules"]["userErrors"], json!([]), "{answer}");
    let release = "mutation($input: ReleasePhoneNumberInput!) { releasePhoneNumber(input: $input) { userErrors { message } } }";
    let input = json!({ "input": { "id": theirs["id"] } });
    let answer = app.graphql(&other, release, input).await;
    assert_eq!(answer["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{answer}");
    // None of these numbers was called before: what is known was read, not met.
    wait_until("the numbers and the rules are known", Duration::from_secs(10), async || {
        let system = app.database().system();
        let (from, to) = ("+13105550199".to_owned(), ruled["number"].as_str().unwrap().parse().unwrap());
        let call = switchboard::domain::IncomingCall { sid: sid(1), from, attestation: None, to };
        let route = system.route_from_memory(switchboard::domain::CallId(Uuid::from_u128(1)), &call)?;
        (system.can_route_from_cache() && route.call.decision.rule.is_some()).then_some(())
    })
    .await;

    database.sever().await;
    let to = &number["number"];
    let stories = join_all((0..5).map(|_| call(&app, to, json!({})))).await;
    for story in &stories {
        assert_eq!(verbs(story), [["Connect"]], "{story}");
    }
    let desk = call(&app, &ruled["number"], json!({ "dial_result": "no-answer" })).await;
    assert_eq!(verbs(&desk), [["Dial"], ["Say"]], "{desk}");
    let gone = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
    if database.is_whole() {
        assert_eq!(gone.status(), 200);
        assert_eq!(gone.json::<Value>().await.unwrap()["status"], "degraded");
    }
    let answer = app.graphql(&token, CALLS, json!({})).await;
    assert!(answer["data"].is_null() || !database.is_whole(), "{answer}");

    // The server dies before the database is back. Nothing of this is lost, and nothing is there twice.
    app.kill().await;
    database.restore().await;
    app.restart().await;
    let calls = settled(&app, &token, 6).await;
    let (forwarded, to_agent): (Vec<_>, Vec<_>) =
        calls.iter().partition(|call| !call["decision"]["rule"].is_null());
    assert_eq!((forwarded.len(), to_agent.len()), (1, 5), "{calls:?}");
    assert_eq!(
        (&forwarded[0]["outcome"], &forwarded[0]["decision"]["rule"]["name"]),
        (&json!("UNAVAILABLE"), &json!("Desk"))
    );
    for call in &to_agent {
        assert_eq!((&call["outcome"], &call["agent"]["name"]), (&json!("AGENT"), &json!("Practice")));
        assert!(call["durationSeconds"].is_number(), "{call}");
    }
    let without = calls
        .iter()
        .filter(|call| call["decision"]["reason"].as_str().unwrap().contains("the database did not answer"));
    assert_eq!(without.count(), 6, "{calls:?}");
    let empty = app.graphql(&other, CALLS, json!({})).await;
    assert_eq!(empty["data"]["calls"]["totalCount"], 0);
}

#[tokio::test]
async fn a_released_number_is_not_routed_from_memory_and_records_come_back_without_a_restart() {
    let (app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let given_back = number_of(&app, &token, json!({ "name": "Other", "areaCode": "305" })).await;
    assert_eq!(verbs(&call(&app, &given_back["number"], json!({})).await), [["Connect"]]);
    wait_until("the numbers are known", Duration::from_secs(10), async || {
        app.database().system().can_route_from_cache().then_some(())
    })
    .await;
    let release = "mutation($input: ReleasePhoneNumberInput!) { releasePhoneNumber(input: $input) { userErrors { message } } }";
    let input = json!({ "input": { "id": given_back["id"] } });
    let answer = app.graphql(&token, release, input).await;
    assert_eq!(answer["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{answer}");

    database.sever().await;
    let held = call(&app, &number["number"], json!({ "hold": true })).await;
    assert_eq!(verbs(&held), [["Connect"]], "{held}");
    let to_nobody = ringing(given_back["number"].as_str().unwrap(), &sid(7));
    assert_eq!(twiml(send(&app, INCOMING, &to_nobody).await).await.0, ["Say"]);
    database.restore().await;
    wait_until("the held call is on record", Duration::from_secs(30), async || {
        let data = app.graphql(&token, CALLS, json!({})).await["data"].clone();
        (data["calls"]["totalCount"] == 2 && data["viewer"]["activeCalls"] == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_another_server_changes_is_in_the_cache_within_a_second_or_by_the_next_poll() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let called: switchboard::domain::E164 = number["number"].as_str().unwrap().parse().unwrap();
    let system = app.database().system();
    let by_cache = || {
        let (from, sid) = ("+13105550199".to_owned(), sid(1));
        let call = switchboard::domain::IncomingCall { sid, from, attestation: None, to: called.clone() };
        system.route_from_memory(switchboard::domain::CallId(Uuid::from_u128(1)), &call)
    };
    let agent = wait_until("the number is cached", Duration::from_secs(10), async || by_cache()).await.agent;
    let config = switchboard::store::DatabaseConfig {
        url: app.database_url().into(),
        listen_url: None,
        max_connections: 2,
        acquire_timeout: Duration::from_secs(5),
    };
    let other = switchboard::store::Database::connect(&config, app.clock().clone()).await.unwrap();
    let author = switchboard::domain::Author {
        actor: switchboard::domain::Actor::System,
        request_id: "a test".to_owned(),
    };
    let door = other.write_by(author, agent.tenant_id).await.unwrap();
    let fallback_number = Some(Some(DESK.parse().unwrap()));
    let changes = switchboard::store::AgentChanges { fallback_number, ..Default::default() };
    door.update_agent(agent.id, changes).await.unwrap();
    door.commit().await.unwrap();
    // SQLite tells no other process: there it is the next poll that finds the change.
    let patience = if app.database_url().starts_with("postgres") { 1 } else { 6 };
    wait_until("the fallback number is cached", Duration::from_secs(patience), async || {
        by_cache().filter(|route| route.agent.fallback_number.is_some())
    })
    .await;
    // Servers in one process share the gauge.
    let gauge = app.http().get(format!("{}/metrics", app.base_url())).send().await.unwrap();
    let gauge = gauge.text().await.unwrap();
    assert!(gauge.contains("switchboard_cached_numbers "), "{gauge}");
}

async fn number_is_known(app: &App) {
    wait_until("the number is known", Duration::from_secs(10), async || {
        let system = app.database().system();
        (system.can_route_from_cache() && system.cached_numbers() == 1).then_some(())
    })
    .await;
}

async fn readiness(app: &App) -> Value {
    let answer = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["status"].clone()
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_unavailable_and_no_rejected_write_is_lost() {
    let app = App::start_with(&[("ANSWER_DEADLINE", "2s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    number_is_known(&app).await;
    let agent = app.graphql(&token, "{ agents { nodes { id } } }", json!({})).await;
    let agent = &agent["data"]["agents"]["nodes"][0]["id"];
    let rename = "mutation($id: ID!) { updateAgent(input: { id: $id, name: \"Other\" }) { agent { id } } }";
    // A standby that was promoted too late, and a table that somebody moves away: neither is the calls' fault.
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let is_postgres = app.database_url().starts_with("postgres");
    let name = url::Url::parse(&app.database_url()).unwrap().path().trim_start_matches('/').to_owned();
    let (set, reset) = (
        format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = on"),
        format!("ALTER DATABASE \"{name}\" RESET default_transaction_read_only"),
    );
    let (moved, back) = ("ALTER TABLE calls RENAME TO moved", "ALTER TABLE moved RENAME TO calls");
    let mut kinds = vec![(vec![moved], vec![back])];
    if is_postgres {
        kinds.push((vec![set.as_str(), others], vec![reset.as_str(), others]));
    }
    for (nth, (away, home)) in kinds.iter().enumerate() {
        execute(&app, away).await;
        let stories = join_all((0..3).map(|_| call(&app, &number["number"], json!({})))).await;
        assert!(stories.iter().all(|story| verbs(story) == [["Connect"]]), "{stories:?}");
        wait_until("the server says that it is degraded", Duration::from_secs(10), async || {
            (readiness(&app).await == "degraded").then_some(())
        })
        .await;
        if nth == 1 {
            // Connections that were cut are found one by one.
            for _ in 0..4 {
                let refused = app.graphql(&token, rename, json!({ "id": agent })).await;
                assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{refused}");
            }
        }
        execute(&app, home).await;
        settled(&app, &token, 3 * (nth + 1)).await;
        wait_until("the server is well again", Duration::from_secs(10), async || {
            (readiness(&app).await == "ok").then_some(())
        })
        .await;
    }
    assert!(!app.state_dir().join("calls.refused").exists());
}

#[tokio::test]
async fn entries_about_a_rejected_call_are_moved_to_refused_with_it() {
    let (mut app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    number_is_known(&app).await;
    let rule = if app.database_url().starts_with("postgres") {
        "ALTER TABLE calls ADD CONSTRAINT none CHECK (caller <> '+13105550199') NOT VALID"
    } else {
        "CREATE TRIGGER none BEFORE INSERT ON calls WHEN NEW.caller = '+13105550199' \
         BEGIN SELECT RAISE(ABORT, 'none'); END"
    };
    execute(&app, &[rule]).await;
    database.sever().await;
    let refused = call(&app, &number["number"], json!({ "from": "+13105550199" })).await;
    let kept = call(&app, &number["number"], json!({ "from": "+13105550198" })).await;
    assert_eq!([verbs(&refused), verbs(&kept)], [[["Connect"]], [["Connect"]]]);
    database.restore().await;
    settled(&app, &token, 1).await;
    let sid = refused["call_sid"].as_str().unwrap_or_else(|| panic!("{refused}"));
    // The other call's entries are written before these are moved.
    let aside =
        wait_until("every entry about the rejected call is put aside", Duration::from_secs(10), async || {
            let aside = std::fs::read_to_string(app.state_dir().join("calls.refused")).unwrap_or_default();
            let is_aside = |kind: &str| {
                let kind = format!("\"kind\":\"{kind}\"");
                aside.lines().any(|line| line.contains(&kind) && line.contains(sid))
            };
            let is_whole = ["call", "answer", "report"].into_iter().all(is_aside);
            is_whole.then_some(aside)
        })
        .await;

    // Also what is told of it after a restart.
    app.restart().await;
    let mut late = ringing(number["number"].as_str().unwrap(), sid);
    late.retain(|(name, _)| name != "CallStatus");
    late.push(("CallStatus".to_owned(), "completed".to_owned()));
    database.sever().await;
    assert_eq!(send(&app, Webhook::CallStatus.path(), &late).await.status(), 200);
    database.restore().await;
    wait_until("it is put aside at once", Duration::from_secs(10), async || {
        let now = std::fs::read_to_string(app.state_dir().join("calls.refused")).unwrap();
        (now.lines().count() == aside.lines().count() + 1).then_some(())
    })
    .await;
    assert!(!app.state_dir().join("calls.0.early").exists());
}

#[tokio::test]
async fn a_call_and_its_end_may_wait_in_the_journals_of_two_servers() {
    let (mut app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let other = app.add_server().await;
    let token = app.token(Uuid::from_u128(1));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    number_is_known(&app).await;
    database.sever().await;
    // The database is asked about the first call alone: the second goes to the journal at once.
    for nth in [8, 9] {
        let mut form = ringing(number["number"].as_str().unwrap(), &sid(nth));
        assert_eq!(twiml(send(&app, INCOMING, &form).await).await.0, ["Connect"]);
        form.retain(|(name, _)| name != "CallStatus");
        let ended = [("CallStatus", "completed"), ("CallDuration", "30")];
        form.extend(ended.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(send_to(&app, &other, Webhook::CallStatus.path(), &form).await.status(), 200);
    }
    // The server that has the call is not there when the database is back; the one that has its end is.
    app.kill().await;
    database.restore().await;
    wait_until("the end waits for its call", Duration::from_secs(10), async || {
        app.state_dir().join("calls.1.early").exists().then_some(())
    })
    .await;
    app.restart().await;
    settled(&app, &token, 2).await;
    wait_until("nothing waits any more", Duration::from_secs(10), async || {
        (!app.state_dir().join("calls.1.early").exists()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_restarts_during_an_outage_answers_calls_and_recovers_when_the_database_is_back() {
    let (mut app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let number = number_of(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let digits = number["number"].as_str().unwrap();
    let saved = app.state_dir().join("numbers.cache");
    wait_until("the cache is on disk", Duration::from_secs(20), async || {
        std::fs::read_to_string(&saved).is_ok_and(|text| text.contains(digits)).then_some(())
    })
    .await;
    let text = std::fs::read_to_string(&saved).unwrap();
    assert!(!text.contains("postgres:") && text.lines().count() == 2, "{text}");
    database.sever().await;
    app.restart().await;
    number_is_known(&app).await;
    let story = call(&app, &number["number"], json!({})).await;
    assert_eq!(verbs(&story), [["Connect"]], "{story}");
    wait_until("the server says that it is degraded", Duration::from_secs(10), async || {
        (readiness(&app).await == "degraded").then_some(())
    })
    .await;
    if database.is_whole() {
        let answer = app.graphql(&token, CALLS, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{answer}");
    }
    database.restore().await;
    settled(&app, &token, 1).await;
    wait_until("the server is well again", Duration::from_secs(10), async || {
        (readiness(&app).await == "ok").then_some(())
    })
    .await;
    // What is on disk of another database, or too old, is not trusted.
    if database.is_whole() {
        database.sever().await;
        app.kill().await;
        let other = text.replacen("\"database\":\"", "\"database\":\"other", 1);
        let old = text.replacen("\"confirmed_at\":\"2", "\"confirmed_at\":\"1", 1);
        for text in [other, old, String::new()] {
            std::fs::write(&saved, text).unwrap();
            assert!(app.cannot_start().await.contains("the database is unavailable"));
        }
    }
}

#[tokio::test]
async fn after_a_restart_of_the_database_no_request_of_any_kind_fails() {
    let app =
        App::start_with(&[("RATE_LIMIT_PER_MINUTE", "0"), ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "0")]).await;
    let token = app.token(Uuid::from_u128(1));
    let made = create(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
    let (number, agent) = (&made["phoneNumber"]["number"], &made["agent"]["id"]);
    number_is_known(&app).await;
    let agents = "{ agents { nodes { id } } }";
    let rename = "mutation($id: ID!) { updateAgent(input: { id: $id, name: \"Other\" }) { agent { id } } }";
    let ringing = ringing(number.as_str().unwrap(), &sid(100));
    assert_eq!(twiml(send(&app, INCOMING, &ringing).await).await.0, ["Connect"]);
    let by_agent = async |query: &str| {
        let request = app.http().post(format!("{}/graphql", app.base_url()));
        let request = request.header("x-agent-token", made["apiToken"].as_str().unwrap());
        request.json(&json!({ "query": query })).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let is_whole = |answer: &Value| assert!(answer["errors"].is_null(), "{answer}");
    for kind in 0..10 {
        // As many connections as there are.
        assert_eq!(join_all((0..20).map(|_| app.graphql(&token, agents, json!({})))).await.len(), 20);
        assert_eq!(join_all((0..8).map(|_| call(&app, number, json!({})))).await.len(), 8);
        if app.database_url().starts_with("postgres") {
            let others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
            execute(&app, &[others]).await;
        }
        let each = |nth: u8| {
            let (app, token, ringing, by_agent) = (&app, &token, &ringing, &by_agent);
            async move {
                match kind {
                    0 => is_whole(&app.graphql(token, agents, json!({})).await),
                    1 => is_whole(&app.graphql(token, rename, json!({ "id": agent })).await),
                    2 => assert_eq!(verbs(&call(app, number, json!({})).await), [["Connect"]]),
                    3 => {
                        let mut form = ringing.clone();
                        form.retain(|(name, _)| name != "CallStatus");
                        form.push(("CallStatus".to_owned(), "in-progress".to_owned()));
                        assert_eq!(send(app, Webhook::CallStatus.path(), &form).await.status(), 200);
                    }
                    4 => assert_eq!(readiness(app).await, "ok"),
                    5 => is_whole(&by_agent(agents).await),
                    6 => {
                        let opened =
                            app.watch(token, "subscription { callUpdated { sid } }", json!({})).await;
                        drop(opened);
                    }
                    // Somebody who was never seen.
                    7 => is_whole(
                        &app.graphql(&app.token(Uuid::from_u128(1000 + u128::from(nth))), agents, json!({}))
                            .await,
                    ),
                    8 => is_whole(
                        &app.graphql(&app.operator_token(), "{ reconciliation { startedAt } }", json!({}))
                            .await,
                    ),
                    _ => {
                        let again = twiml(send(app, INCOMING, ringing).await).await;
                        assert_eq!(again.0, ["Connect"], "a call that is announced again");
                    }
                }
            }
        };
        join_all((0..8).map(each)).await;
        assert_eq!(readiness(&app).await, "ok", "{kind}");
    }
    assert!(!app.state_dir().join("calls.refused").exists());
}

#[tokio::test]
async fn every_stage_of_a_call_is_repeated_from_the_journal_and_then_from_the_database() {
    let (app, mut database) = App::start_severable(&[("ANSWER_DEADLINE", "2s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let input = json!({ "name": "Practice", "areaCode": "212", "fallbackNumber": DESK });
    let number = number_of(&app, &token, input).await;
    number_is_known(&app).await;
    database.sever().await;
    let register = json!({ "provider": "elevenlabs", "path_contains": "register-call" });
    app.faults(json!({ "match": register, "action": { "status": 500 }, "times": 2 })).await;
    let form = ringing(number["number"].as_str().unwrap(), &sid(1));
    let mut unanswered = form.clone();
    unanswered.push(("DialCallStatus".to_owned(), "no-answer".to_owned()));
    let mut last = String::new();
    for (webhook, form, verb) in [
        (Webhook::IncomingCall, &form, "Dial"),
        (Webhook::DialEnded, &unanswered, "Say"),
        (Webhook::CallFallback, &form, "Dial"),
    ] {
        let (verbs, text) = twiml(send(&app, webhook.path(), form).await).await;
        assert_eq!(verbs, [verb], "{webhook:?}: {text}");
        assert_eq!(twiml(send(&app, webhook.path(), form).await).await.1, text, "{webhook:?}, repeated");
        last = text;
    }
    database.restore().await;
    let answered = "SELECT count(*) FROM calls WHERE answer_stage = 'after_failure'";
    wait_until("the answer is on record", Duration::from_secs(30), async || {
        (app.count(answered).await == 1).then_some(())
    })
    .await;
    let again = twiml(send(&app, Webhook::CallFallback.path(), &form).await).await;
    assert_eq!(again.1, last, "from the database");
}
