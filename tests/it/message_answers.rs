//! The agent answers texts: once each, with what was said before, and never where it should not.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::practice::{Practice, TENANT};
use crate::support::wait_until;

const SOON: Duration = Duration::from_secs(40);
/// Longer than the agent may take for an answer.
const TOO_LATE: Duration = Duration::from_secs(101);
const PATIENT: &str = "+13125550177";
const OTHER: &str = "+13125550178";

const THREAD: &str = "query($who: String!) { messageThreads(first: 1, filter: {participant: $who}) { nodes {
    id handling consent messages(first: 100) { nodes { direction body status } } } } }";
const HANDLE: &str = "mutation($input: SetThreadHandlingInput!) { setThreadHandling(input: $input) {
    thread { handling } userErrors { message } } }";
const SEND: &str = "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
    message { id } userErrors { message } } }";

async fn practice(input: Value) -> Practice {
    let mut wanted = json!({ "messaging": "AGENT" });
    wanted.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    Practice::open(wanted).await
}

async fn text_so(practice: &Practice, order: Value) -> Value {
    let mut text = json!({ "to": practice.number, "from": PATIENT });
    text.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
    practice.app.place_text(text).await
}

async fn text(practice: &Practice, from: &str, body: &str) {
    text_so(practice, json!({ "from": from, "body": body })).await;
}

async fn thread(practice: &Practice, who: &str) -> Value {
    practice.ask(THREAD, json!({ "who": who })).await["nodes"][0].clone()
}

/// What the practice has sent to somebody, oldest first.
async fn sent(practice: &Practice, who: &str) -> Vec<Value> {
    let thread = thread(practice, who).await;
    let messages = thread["messages"]["nodes"].as_array().cloned().unwrap_or_default();
    messages.into_iter().rev().filter(|message| message["direction"] == "OUTBOUND").collect()
}

/// What somebody has received, once it is so many texts.
async fn received(practice: &Practice, who: &str, count: usize) -> Vec<String> {
    wait_until("the answers arrive", SOON, async || {
        let sent = sent(practice, who).await;
        let arrived = sent.iter().filter(|message| message["status"] == "DELIVERED");
        (arrived.count() >= count)
            .then(|| sent.iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect())
    })
    .await
}

async fn handled_by(practice: &Practice, who: &str, handling: &str) {
    wait_until("the thread's handling", SOON, async || {
        (thread(practice, who).await["handling"] == handling).then_some(())
    })
    .await;
}

async fn handle(practice: &Practice, who: &str, handling: &str) {
    let id = thread(practice, who).await["id"].clone();
    let set = practice.ask(HANDLE, json!({ "input": { "threadId": id, "handling": handling } })).await;
    assert_eq!(set["thread"]["handling"], handling, "{set}");
}

async fn advance(practice: &mut Practice, by: Duration) {
    practice.app.advance(by);
    practice.token = practice.app.token(TENANT);
}

/// The next conversation begins so much later.
async fn think(practice: &Practice, ms: u64) {
    practice.fault("elevenlabs", "GET", "get-signed-url", json!({ "delay_ms": ms })).await;
}

/// Waits until no answer is being worked on or due.
async fn nothing_waits(practice: &Practice) {
    wait_until("nothing waits for an answer", SOON, async || {
        let waiting =
            practice.app.count("SELECT COUNT(*) FROM message_threads WHERE answer_due_at IS NOT NULL");
        (waiting.await == 0).then_some(())
    })
    .await;
}

/// Texts that were answered before this returns, so that what is not answered by then is not answered.
async fn another_is_answered(practice: &Practice) {
    text(practice, OTHER, "Are you there?").await;
    received(practice, OTHER, 1).await;
}

#[tokio::test]
async fn the_agent_answers_and_knows_what_was_said_before() {
    let practice = practice(json!({ "prompt": "We are open." })).await;
    text(&practice, PATIENT, "Is Friday free?").await;
    assert_eq!(received(&practice, PATIENT, 1).await, ["We are open. You wrote: Is Friday free?"]);
    assert_eq!(thread(&practice, PATIENT).await["handling"], "AGENT");
    text(&practice, PATIENT, "And Monday?").await;
    let texts = received(&practice, PATIENT, 2).await;
    assert_eq!(texts[1], "We are open. You wrote: And Monday?");
    let state = practice.app.sandbox_state().await;
    let conversations = state["conversations"].as_array().unwrap();
    assert_eq!(conversations.len(), 2, "{conversations:?}");
    let told = &conversations[1]["client_data"]["dynamic_variables"];
    let history = "Person: Is Friday free?\nPractice: We are open. You wrote: Is Friday free?";
    assert_eq!(told["history"], history, "{told}");
    assert_eq!((&told["caller"], &told["called"]), (&json!(PATIENT), &json!(practice.number)));
    let trail = "{ auditEvents(filter: {action: \"sendMessage\"}) { nodes { actor requestId } } }";
    let trail = practice.ask(trail, json!({})).await;
    let events = trail["nodes"].as_array().unwrap();
    assert!(!events.is_empty() && events.iter().all(|event| event["actor"] == "system"), "{trail}");
    assert!(events.iter().all(|event| event["requestId"].as_str().unwrap().starts_with("SM")), "{trail}");
}

#[tokio::test]
async fn an_answer_is_plain_text_in_parts_that_arrive_in_order() {
    let practice = practice(json!({ "prompt": "We are open." })).await;
    text(&practice, PATIENT, "!markdown").await;
    let hours =
        "Opening hours\n\n- Monday: 9 to 5\n- Friday: closed\n\nSee our page (https://example.com/hours).";
    assert_eq!(received(&practice, PATIENT, 1).await, [hours]);
    let long = "One sentence. ".repeat(114);
    text(&practice, OTHER, long.trim()).await;
    let parts = received(&practice, OTHER, 2).await;
    assert_eq!(parts.len(), 2, "{parts:?}");
    assert!(
        parts.iter().all(|part| part.chars().count() <= 1600 && part.ends_with("sentence.")),
        "{parts:?}"
    );
    let state = practice.app.sandbox_state().await;
    let at_carrier = state["messages"].as_array().unwrap();
    let position = |part: &str| at_carrier.iter().position(|message| message["body"] == part).unwrap();
    let (first, second) = (position(&parts[0]), position(&parts[1]));
    assert!(parts[0].starts_with("We are open.") && first < second, "{first} {second}");
}

#[tokio::test]
async fn two_servers_answer_each_text_once() {
    let mut practice = practice(json!({})).await;
    if practice.app.database().has_other_servers() {
        practice.app.add_server().await;
    }
    let people = [PATIENT, OTHER, "+13125550179"];
    for round in 0..3 {
        let texts = people.map(|person| {
            let practice = &practice;
            async move {
                text(practice, person, &format!("Question {round} a")).await;
                text(practice, person, &format!("Question {round} b")).await;
            }
        });
        join_all(texts).await;
    }
    for person in people {
        let answers = wait_until("every text is answered", SOON, async || {
            let answers = sent(&practice, person).await;
            let all: String = answers.iter().map(|answer| answer["body"].as_str().unwrap()).collect();
            (all.matches("Question").count() >= 6).then_some(answers)
        })
        .await;
        for question in (0..3).flat_map(|round| ["a", "b"].map(|x| format!("Question {round} {x}"))) {
            let with = answers.iter().filter(|answer| answer["body"].as_str().unwrap().contains(&question));
            assert_eq!(with.count(), 1, "{question}: {answers:?}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_leaves_the_thread_to_a_person() {
    let mut practice = practice(json!({})).await;
    let people = [("!silent", PATIENT), ("!error", OTHER), ("!close", "+13125550179")];
    for (word, person) in people {
        text(&practice, person, word).await;
        assert_eq!(thread(&practice, person).await["handling"], "AGENT", "{word}");
    }
    advance(&mut practice, TOO_LATE).await;
    for (_, person) in people {
        handled_by(&practice, person, "WAITING_FOR_PERSON").await;
        assert_eq!(sent(&practice, person).await, Vec::<Value>::new());
    }
    let trail = "{ auditEvents(filter: {action: \"setThreadHandling\"}) { nodes { actor } } }";
    let trail = practice.ask(trail, json!({})).await;
    assert_eq!(trail["nodes"], json!([{"actor": "system"}, {"actor": "system"}, {"actor": "system"}]));
    // Meanwhile the agent answers nothing, and after it is handed back only what comes then.
    text(&practice, OTHER, "Hello?").await;
    handle(&practice, OTHER, "AGENT").await;
    text(&practice, OTHER, "Is Friday free?").await;
    let texts = received(&practice, OTHER, 1).await;
    assert!(texts.len() == 1 && texts[0].ends_with("You wrote: Is Friday free?"), "{texts:?}");
}

#[tokio::test]
async fn nothing_is_answered_where_no_answer_is_wanted() {
    let practice = practice(json!({})).await;
    practice.update(json!({ "helpText": "Northside Dental. Reply STOP to end texts." })).await;
    for body in ["STOP", "Is Friday free?"] {
        text(&practice, PATIENT, body).await;
    }
    let stopping = "+13125550180";
    text(&practice, stopping, "Please stop texting me").await;
    let (helped, english, pictures, code) = ("+13125550181", "+13125550182", "+13125550183", "72345");
    text(&practice, english, "HELP").await;
    text(&practice, code, "Your code is 1234").await;
    text(&practice, helped, "Hilfe!").await;
    text(&practice, helped, "Hilfe").await;
    text_so(&practice, json!({ "from": pictures, "media": ["png"] })).await;
    another_is_answered(&practice).await;
    assert_eq!(received(&practice, helped, 1).await, ["Northside Dental. Reply STOP to end texts."]);
    for silent in [PATIENT, stopping, english, pictures, code] {
        assert_eq!(sent(&practice, silent).await, Vec::<Value>::new(), "{silent}");
    }
    assert_eq!(thread(&practice, pictures).await["handling"], "WAITING_FOR_PERSON");
    assert_eq!(thread(&practice, PATIENT).await["handling"], "AGENT");

    // STOP while the agent thinks: what it answers is not sent.
    think(&practice, 1500).await;
    text(&practice, helped, "Is Friday free?").await;
    practice.app.all_faults_have_struck().await;
    text(&practice, helped, "STOP").await;
    nothing_waits(&practice).await;
    assert_eq!(sent(&practice, helped).await.len(), 1);
}

#[tokio::test]
async fn a_person_who_takes_over_or_answers_comes_before_the_agent() {
    let practice = practice(json!({})).await;
    think(&practice, 1500).await;
    text(&practice, PATIENT, "Is Friday free?").await;
    practice.app.all_faults_have_struck().await;
    handle(&practice, PATIENT, "PERSON").await;
    think(&practice, 1500).await;
    text(&practice, OTHER, "Is Friday free?").await;
    practice.app.all_faults_have_struck().await;
    let by_hand = json!({ "phoneNumberId": practice.made["phoneNumber"]["id"], "to": OTHER, "body": "Yes." });
    practice.ask(SEND, json!({ "input": by_hand })).await;
    nothing_waits(&practice).await;
    assert_eq!(sent(&practice, PATIENT).await, Vec::<Value>::new());
    assert_eq!(received(&practice, OTHER, 1).await, ["Yes."]);
    // What was sent by hand does not end the agent's work on the thread.
    text(&practice, OTHER, "Thank you. And Monday?").await;
    let texts = received(&practice, OTHER, 2).await;
    assert!(texts[1].ends_with("And Monday?"), "{texts:?}");
}

#[tokio::test]
async fn machines_that_answer_each_other_are_stopped() {
    let practice = practice(json!({ "prompt": "We are open." })).await;
    for nth in 0..10 {
        text(&practice, PATIENT, &format!("Automatic reply {nth}")).await;
        received(&practice, PATIENT, nth + 1).await;
    }
    text(&practice, PATIENT, "Automatic reply 10").await;
    handled_by(&practice, PATIENT, "WAITING_FOR_PERSON").await;
    assert_eq!(sent(&practice, PATIENT).await.len(), 10);
    text(&practice, OTHER, "Hello").await;
    let echo = received(&practice, OTHER, 1).await.remove(0);
    text(&practice, OTHER, &echo).await;
    handled_by(&practice, OTHER, "WAITING_FOR_PERSON").await;
    assert_eq!(sent(&practice, OTHER).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_dies_while_the_agent_thinks_is_replaced() {
    let mut practice = practice(json!({})).await;
    think(&practice, 3000).await;
    text(&practice, PATIENT, "Is Friday free?").await;
    practice.app.all_faults_have_struck().await;
    practice.app.kill().await;
    // Its lease ends.
    advance(&mut practice, Duration::from_secs(16)).await;
    practice.app.restart().await;
    let texts = received(&practice, PATIENT, 1).await;
    assert!(texts.len() == 1 && texts[0].ends_with("You wrote: Is Friday free?"), "{texts:?}");
    another_is_answered(&practice).await;
    assert_eq!(sent(&practice, PATIENT).await.len(), 1);
}

#[tokio::test]
async fn a_thread_follows_its_agent_until_somebody_sets_it_and_plans_hold() {
    let mut practice = practice(json!({ "messaging": "NOTIFY" })).await;
    for person in [PATIENT, OTHER] {
        text(&practice, person, "Hello").await;
        assert_eq!(thread(&practice, person).await["handling"], "PERSON");
    }
    handle(&practice, OTHER, "PERSON").await;
    practice.update(json!({ "messaging": "AGENT" })).await;
    for person in [PATIENT, OTHER] {
        text(&practice, person, "Is Friday free?").await;
    }
    assert_eq!(received(&practice, PATIENT, 1).await.len(), 1);
    assert_eq!(thread(&practice, PATIENT).await["handling"], "AGENT");
    assert_eq!(thread(&practice, OTHER).await["handling"], "PERSON");
    let agent = practice.ask("{ agents { nodes { messaging helpText } } }", json!({})).await;
    assert_eq!(agent["nodes"][0], json!({ "messaging": "AGENT", "helpText": null }));

    let plan =
        "mutation($input: SetTenantPlanInput!) { setTenantPlan(input: $input) { userErrors { message } } }";
    let input = json!({ "userId": TENANT, "name": "small", "concurrentCalls": 1, "phoneNumbers": 1, "messagesPerDay": 1 });
    let operator = practice.app.operator_token();
    let set = practice.app.graphql(&operator, plan, json!({ "input": input })).await;
    assert_eq!(set["data"]["setTenantPlan"]["userErrors"], json!([]), "{set}");
    text(&practice, PATIENT, "And Monday?").await;
    handled_by(&practice, PATIENT, "WAITING_FOR_PERSON").await;
    assert_eq!(sent(&practice, PATIENT).await.len(), 1);

    practice.update(json!({ "messaging": "OFF" })).await;
    text(&practice, "+13125550190", "Hello").await;
    assert_eq!(thread(&practice, "+13125550190").await["handling"], "NOBODY");
    // What was missed is found an hour late, and left to a person.
    practice.update(json!({ "messaging": "AGENT" })).await;
    let late = "+13125550191";
    practice.app.message_rule(json!({ "to": practice.number, "outcome": "lost_webhook", "times": 1 })).await;
    text(&practice, late, "Did you get this?").await;
    let hours = Duration::from_secs(2 * 3600);
    practice.app.advance_providers(hours).await;
    advance(&mut practice, hours).await;
    practice.app.restart().await;
    handled_by(&practice, late, "WAITING_FOR_PERSON").await;
    assert_eq!(sent(&practice, late).await, Vec::<Value>::new());
}
