//! `switchboard repoint`, the program itself, after the server has moved to another address: with a carrier that fails for some,
//! stopped in the middle, and started again.

use std::process::Output;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;
use crate::support::api::create;
use crate::support::program::{PUBLIC_URL, Started, err, finish, out};

const NEW_URL: &str = "https://calls.example.net";

async fn repoint(app: &App, arguments: &[&str]) -> Output {
    let mut command = app.program(&[&["repoint"], arguments].concat());
    command.env("WEBHOOK_BASE_URL", NEW_URL);
    finish(command).await
}

/// How many numbers of the account are called at the new address, and whether all of their settings are.
async fn moved(app: &App) -> usize {
    let state = app.sandbox_state().await;
    let at_new = |number: &&Value| {
        let settings = ["voice_url", "voice_fallback_url", "status_callback"];
        settings.iter().all(|name| number["settings"][*name].as_str().unwrap().starts_with(NEW_URL))
    };
    state["numbers"].as_array().unwrap().iter().filter(at_new).count()
}

#[tokio::test]
async fn every_number_is_pointed_to_the_new_address_whatever_comes_in_between() {
    let mut app = App::start_with(&[
        ("WEBHOOK_BASE_URL", PUBLIC_URL),
        ("RECONCILE_EVERY", "0s"),
        ("RELEASE_GRACE", "1h"),
    ])
    .await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let mut sids = Vec::new();
    let mut last = Value::Null;
    for (at, code) in ["212", "415", "305", "917", "646", "212"].into_iter().enumerate() {
        let token = if at % 2 == 0 { &token } else { &other };
        last = create(&app, token, json!({ "name": "Practice", "areaCode": code })).await;
        sids.push(last["phoneNumber"]["sid"].as_str().unwrap().to_owned());
    }
    // One is being released and can still be taken back: it takes calls. And one in the account is not ours.
    let release = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { userErrors { message } } }";
    let answer = app.graphql(&other, release, json!({ "id": last["phoneNumber"]["id"] })).await;
    assert_eq!(answer["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{answer}");
    let foreign = [("PhoneNumber", "+13055550101"), ("FriendlyName", "Front desk"), ("VoiceUrl", PUBLIC_URL)];
    app.at_carrier(Method::POST, "IncomingPhoneNumbers", &foreign).await;

    // Still has the old address.
    app.kill().await;
    let dry = repoint(&app, &["--dry-run"]).await;
    assert_eq!((dry.status.code(), out(&dry).lines().count()), (Some(3), 6), "{}{}", out(&dry), err(&dry));
    assert_eq!(moved(&app).await, 0);

    // One is refused: the others have their turn, and the next run has only that one left.
    app.faults(json!({
        "match": { "provider": "twilio", "method": "POST", "path_contains": sids[2] },
        "action": { "status": 400, "code": 21402 },
    }))
    .await;
    let partly = repoint(&app, &[]).await;
    let said = out(&partly);
    assert_eq!(partly.status.code(), Some(1), "{said}{}", err(&partly));
    assert!(said.contains("5 of 6 now point to https://calls.example.net"), "{said}");
    assert!(err(&partly).contains("1 left"), "{}", err(&partly));
    assert_eq!(moved(&app).await, 5);
    app.clear_faults().await;
    let rest = repoint(&app, &[]).await;
    assert!(rest.status.success() && out(&rest).contains("1 of 1 now point"), "{}{}", out(&rest), err(&rest));
    assert_eq!(moved(&app).await, 6);
    let nothing = repoint(&app, &[]).await;
    assert!(nothing.status.success() && out(&nothing).contains("nothing to do"), "{}", out(&nothing));
    app.restart().await;
    let trail = app.graphql(&token, "{ auditEvents { nodes { action } } }", json!({})).await;
    assert!(trail.to_string().contains("repairPhoneNumber"), "{trail}");
}

#[tokio::test]
async fn after_a_kill_or_an_interrupt_the_next_run_continues() {
    let mut app = App::start_with(&[("WEBHOOK_BASE_URL", PUBLIC_URL), ("RECONCILE_EVERY", "0s")]).await;
    let token = app.token(Uuid::from_u128(1));
    for at in 0..7 {
        create(&app, &token, json!({ "name": "Practice", "areaCode": "212" })).await;
        if at == 0 {
            app.set_phone_numbers(Uuid::from_u128(1), 10).await;
        }
    }
    app.kill().await;
    // The first four are under way when it is told to stop: they are finished, and no other is begun.
    let slow = json!({
        "match": { "provider": "twilio", "method": "POST", "path_contains": "IncomingPhoneNumbers/PN" },
        "action": { "delay_ms": 3000 }, "times": 4,
    });
    app.faults(slow.clone()).await;
    let begin = || {
        let mut command = app.program(&["repoint"]);
        command.env("WEBHOOK_BASE_URL", NEW_URL).env("OPERATION_LEASE", "1s");
        Started::begin(command)
    };
    let started = begin();
    app.all_faults_have_struck().await;
    let stopped = started.terminate().await;
    assert_eq!(stopped.status.code(), Some(1), "{}", err(&stopped));
    assert!(err(&stopped).contains("Stopping"), "{}", err(&stopped));
    assert!(out(&stopped).contains("4 of 7 now point to"), "{}", out(&stopped));
    assert_eq!(moved(&app).await, 4);

    let mut last = slow;
    last["times"] = json!(3);
    app.faults(last).await;
    let killed = begin();
    app.all_faults_have_struck().await;
    killed.kill();
    app.clear_faults().await;
    // What the killed run had begun is left to a server; the numbers are set right without one.
    let mut command = app.program(&["repoint"]);
    command.env("WEBHOOK_BASE_URL", NEW_URL).env("OPERATION_LEASE", "1s");
    let rest = finish(command).await;
    assert!(rest.status.success(), "{}{}", out(&rest), err(&rest));
    assert_eq!(moved(&app).await, 7);
}
