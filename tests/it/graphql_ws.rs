//! `/graphql/ws` from outside: every rule of `graphql-transport-ws`, and its close codes.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::support::App;
use crate::support::socket::Socket;

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn queries_are_answered_and_completed() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let mut socket = Socket::ready(&app, &token).await;
    socket.subscribe("a", "{ viewer { userId } }").await;
    let user = Uuid::from_u128(1).to_string();
    let expected = json!({"type": "next", "id": "a", "payload": {"data": {"viewer": {"userId": user}}}});
    assert_eq!(socket.next().await, expected);
    assert_eq!(socket.next().await, json!({"type": "complete", "id": "a"}));
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await, json!({"type": "pong"}));

    // A request error is an error and the end; the id is free again.
    for query in ["{ nothing }", "{", "{ ...A } fragment A on Query { ...A }"] {
        socket.subscribe("a", query).await;
        let error = socket.next().await;
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("a")), "{error}");
        assert!(error["payload"][0]["extensions"]["code"].is_string(), "{error}");
    }
    socket.send(json!({"type": "complete", "id": "never started"})).await;
    socket.subscribe("a", "{ __typename }").await;
    assert_eq!(socket.next().await["type"], "next");
}

#[tokio::test]
async fn a_subscription_delivers_until_it_is_completed() {
    let app = App::start().await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let create = r#"mutation { createAgent(input: {name: "Dr. Smith's Office Assistant", areaCode: "212"}) {
        phoneNumber { number } userErrors { message } } }"#;
    let created = app.graphql(&token, create, json!({})).await;
    let number =
        created["data"]["createAgent"]["phoneNumber"]["number"].as_str().expect("a number").to_owned();

    let mut socket = Socket::ready(&app, &token).await;
    let mut stranger = Socket::ready(&app, &other).await;
    let watch = "subscription { callUpdated { to status } }";
    for socket in [&mut socket, &mut stranger] {
        socket.subscribe("calls", watch).await;
        socket.watches("calls").await;
    }
    // Nothing is missed from then on.
    app.place_call(json!({"to": number})).await;
    let event = timeout(Duration::from_secs(20), socket.next()).await.expect("no event");
    assert_eq!(event["payload"]["data"]["callUpdated"]["to"], number, "{event}");

    socket.send(json!({"type": "complete", "id": "calls"})).await;
    stranger.subscribe("end", "{ __typename }").await;
    assert_eq!(stranger.next().await["id"], "end", "another tenant's call was shown");
}

#[tokio::test]
async fn protocol_violations_close_the_socket() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));

    let mut early = Socket::open(&app).await;
    early.subscribe("a", "{ __typename }").await;
    assert_eq!(early.closed(PATIENCE).await, 4401);

    for malformed in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"type":"nonsense"}"#,
        r#"{"type":"subscribe","id":"a"}"#,
        r#"{"type":"connection_init","payload":[]}"#,
    ] {
        let mut socket = Socket::open(&app).await;
        socket.send_raw(Message::text(malformed)).await.unwrap();
        assert_eq!(socket.closed(PATIENCE).await, 4400, "{malformed}");
    }
    let mut binary = Socket::open(&app).await;
    binary.send_raw(Message::binary(vec![0; 4])).await.unwrap();
    assert_eq!(binary.closed(PATIENCE).await, 4400);
    let mut long = Socket::open(&app).await;
    let _ = long.send_raw(Message::text("x".repeat(300_000))).await;
    assert_eq!(long.closed(PATIENCE).await, 1009);

    for payload in [json!({}), json!({"Authorization": "Bearer nonsense"}), json!({"Authorization": 7})] {
        let mut socket = Socket::open(&app).await;
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.closed(PATIENCE).await, 4403, "{payload}");
    }
    let bearer = format!("Bearer {token}");
    for payload in [
        json!({"headers": {"Authorization": bearer}}),
        json!({"Headers": {"authorization": bearer, "x-other": 7}}),
        json!({"headers": {"Authorization": "Bearer nonsense"}, "authorization": bearer}),
        json!({"headers": "none", "AUTHORIZATION": bearer}),
    ] {
        let mut socket = Socket::open(&app).await;
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.next().await, json!({"type": "connection_ack"}), "{payload}");
    }
    let mut twice = Socket::ready(&app, &token).await;
    twice.send(json!({"type": "connection_init"})).await;
    assert_eq!(twice.closed(PATIENCE).await, 4429);

    let mut same = Socket::ready(&app, &token).await;
    for _ in 0..2 {
        same.subscribe(&"x".repeat(128), "subscription { callUpdated { id } }").await;
    }
    assert_eq!(same.closed(PATIENCE).await, 4409);
}

#[tokio::test]
async fn handshakes_need_the_subprotocol_and_an_allowed_origin() {
    let app = App::start_with(&[("ALLOWED_ORIGINS", "https://dashboard.example")]).await;
    let ours = ("sec-websocket-protocol", "graphql-transport-ws");
    let own = app.base_url();
    for origin in ["https://dashboard.example", own.as_str()] {
        assert!(Socket::try_open(&app, &[ours, ("origin", origin)]).await.is_ok(), "{origin}");
    }
    // Behind a proxy that rewrites `Host`, our page has our public address.
    let public = App::start_with(&[
        ("WEBHOOK_BASE_URL", "https://calls.example.com"),
        ("WEBHOOK_BASE_URL_PREVIOUS", "https://calls.example.org:8443"),
    ])
    .await;
    for origin in ["https://calls.example.com", "https://calls.example.org:8443"] {
        assert!(Socket::try_open(&public, &[ours, ("origin", origin)]).await.is_ok(), "{origin}");
        assert_eq!(Socket::try_open(&app, &[ours, ("origin", origin)]).await.err(), Some(403), "{origin}");
    }
    for origin in ["https://elsewhere.example", "null", "https://dashboard.example.evil"] {
        assert_eq!(Socket::try_open(&app, &[ours, ("origin", origin)]).await.err(), Some(403), "{origin}");
    }
    let old = [("sec-websocket-protocol", "graphql-ws")];
    assert_eq!(Socket::try_open(&app, &old).await.err(), Some(400));
    let plain = app.http().get(format!("{}/graphql/ws", app.base_url())).send().await.unwrap();
    assert!(plain.status().is_client_error());
    assert!(plain.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"].is_string());
}

#[tokio::test]
async fn a_socket_closes_on_init_timeout_token_expiry_and_shutdown() {
    let mut app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let mut silent = Socket::open(&app).await;
    let mut held = Socket::ready(&app, &token).await;
    held.subscribe("a", "subscription { callUpdated { id } }").await;
    assert_eq!(silent.closed(Duration::from_secs(15)).await, 4408);

    let mut expiring = Socket::ready(&app, &token).await;
    app.advance(Duration::from_secs(3601));
    expiring.send(json!({"type": "ping"})).await;
    assert_eq!(expiring.closed(PATIENCE).await, 4403);

    let fresh = app.token(Uuid::from_u128(1));
    let mut last = Socket::ready(&app, &fresh).await;
    last.subscribe("a", "subscription { callUpdated { id } }").await;
    let (code, ()) = tokio::join!(last.closed(PATIENCE), app.stop());
    assert_eq!(code, 1001);
}

#[tokio::test]
async fn operations_on_one_socket_are_limited() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let mut socket = Socket::ready(&app, &token).await;
    for at in 0..51 {
        socket.subscribe(&at.to_string(), "subscription { callUpdated { id } }").await;
    }
    let refused = socket.next().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("50")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    socket.send(json!({"type": "complete", "id": "7"})).await;
    socket.subscribe("50", "{ __typename }").await;
    assert_eq!(socket.next().await["type"], "next");
}
