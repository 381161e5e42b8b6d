//! What one caller may take of the server at the same time, and what a connection may take while it is served.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::support::api::create;
use crate::support::practice::TENANT;
use crate::support::socket::Socket;
use crate::support::{App, wait_until};

const UNLIMITED: [(&str, &str); 2] =
    [("RATE_LIMIT_PER_MINUTE", "0"), ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "0")];
/// Requests of one caller executed at the same time.
const SHARE: usize = 32;
const LIVE: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
const UPDATE: &str =
    "mutation($input: UpdateAgentInput!) { updateAgent(input: $input) { userErrors { message } } }";

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.base_url().trim_start_matches("http://")).await.unwrap()
}

#[tokio::test]
async fn http_2_is_not_served() {
    let app = App::start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    for begun in [preface.as_slice(), &[preface.as_slice(), &settings].concat()] {
        let (mut connection, mut read) = (connect(&app).await, Vec::new());
        connection.write_all(begun).await.unwrap();
        // A reset is an end as well.
        let ended = timeout(Duration::from_secs(5), connection.read_to_end(&mut read)).await;
        ended.expect("it is not closed").ok();
        // No frame: those of HTTP/2 begin with their length.
        assert!(read.is_empty() || read.starts_with(b"HTTP/1.1 400"), "{read:?}");
    }
    // Nor is a connection upgraded to it.
    let mut connection = connect(&app).await;
    let upgrade = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\
        http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    connection.write_all(upgrade).await.unwrap();
    let mut start = [0; 12];
    connection.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenants_requests_to_a_slow_provider_do_not_delay_others() {
    let app = App::start_with(&[&UNLIMITED[..], &[("OPERATION_WAIT", "4s")]].concat()).await;
    let (loud, other) = (app.token(TENANT), app.token(Uuid::from_u128(2)));
    let made = create(&app, &loud, json!({"name": "Loud", "provisionPhone": false})).await;
    let id = made["agent"]["id"].clone();
    assert!(app.graphql(&other, "{ viewer { activeCalls } }", json!({})).await["errors"].is_null());
    let fault = json!({"match": {"provider": "elevenlabs", "method": "PATCH"}, "action": {"delay_ms": 8000}});
    app.faults(fault).await;
    let send = async |token: &str, query: &str, variables: serde_json::Value| {
        let request = app.http().post(format!("{}/graphql", app.base_url())).bearer_auth(token);
        request.json(&json!({"query": query, "variables": variables})).send().await.unwrap()
    };
    let update = async |n: usize| {
        let answer =
            send(&loud, UPDATE, json!({"input": {"id": id, "firstMessage": format!("Hello {n}")}})).await;
        (answer.status().as_u16(), answer.headers().get("retry-after").is_some())
    };
    let flood = join_all((0..100).map(update));
    let others = async {
        wait_until("the share is taken", Duration::from_secs(8), async || {
            (send(&loud, "{ __typename }", json!({})).await.status() == 429).then_some(())
        })
        .await;
        // What its agent's token or its socket asks for counts as the tenant's.
        let request = app.http().post(format!("{}/graphql", app.base_url()));
        let request = request.header("x-agent-token", made["apiToken"].as_str().unwrap());
        assert_eq!(request.json(&json!({"query": "{ __typename }"})).send().await.unwrap().status(), 429);
        let mut socket = Socket::ready(&app, &loud).await;
        socket.subscribe("1", "{ __typename }").await;
        let (begun, mut asked) = (Instant::now(), 0);
        while begun.elapsed() < Duration::from_secs(1) {
            let answer = send(&other, "{ viewer { activeCalls } }", json!({})).await;
            assert_eq!(answer.status(), 200, "another tenant's");
            asked += 1;
        }
        assert!(asked > 5, "{asked} answers in 1 s");
        let waits = timeout(Duration::from_millis(50), socket.next()).await;
        assert!(waits.is_err(), "a socket takes from the same share: {waits:?}");
        assert_eq!(socket.next().await["type"], "next", "it waits for its turn");
    };
    let (statuses, ()) = tokio::join!(flood, others);
    let executed = statuses.iter().filter(|(status, _)| *status == 200).count();
    assert!((1..=SHARE).contains(&executed), "{executed} were executed: {statuses:?}");
    assert!(statuses.iter().all(|answer| [(200, false), (429, true)].contains(answer)), "{statuses:?}");
}

#[tokio::test]
async fn an_agents_token_beyond_its_limit_does_not_reach_the_database() {
    // The allowance grows again only after 15 seconds: longer than the refusals take.
    let app = App::start_with(&[("RATE_LIMIT_PER_MINUTE", "4")]).await;
    let token = app.token(TENANT);
    let made = create(&app, &token, json!({"name": "Practice", "provisionPhone": false})).await;
    let agents = made["apiToken"].as_str().unwrap();
    let ask = async || {
        let request = app.http().post(format!("{}/graphql", app.base_url())).header("x-agent-token", agents);
        request.json(&json!({"query": "{ __typename }"})).send().await.unwrap().status().as_u16()
    };
    let mut socket = Socket::open(&app).await;
    socket.send(json!({"type": "connection_init", "payload": {"X-Agent-Token": agents}})).await;
    assert_eq!(socket.next().await["type"], "connection_ack");
    let until_refused = async || (ask().await == 429).then_some(());
    wait_until("the allowance is used up", Duration::from_secs(10), until_refused).await;
    app.database().flush().await;

    let before = app.database().statements();
    for n in 0..200 {
        assert_eq!(ask().await, 429);
        socket.subscribe(&n.to_string(), "{ __typename }").await;
        assert_eq!(socket.next().await["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    }
    let mut another = Socket::open(&app).await;
    another.send(json!({"type": "connection_init", "payload": {"X-Agent-Token": agents}})).await;
    let asked = app.database().statements() - before;
    assert!(asked < 60, "{asked} statements for 400 refusals");

    // A token that is remembered is not accepted for it.
    app.advance(Duration::from_secs(60));
    assert_eq!(ask().await, 200);
    let rotate = "mutation($id: ID!) { rotateAgentToken(input: {id: $id}) { apiToken } }";
    let rotated = app.graphql(&token, rotate, json!({"id": made["agent"]["id"]})).await;
    assert!(rotated["errors"].is_null(), "{rotated}");
    assert_eq!(ask().await, 401);
}

#[tokio::test]
async fn a_client_that_reads_steadily_gets_the_whole_of_a_long_answer() {
    let app = App::start_with(&[("IDLE_TIMEOUT", "1s"), UNLIMITED[0], UNLIMITED[1]]).await;
    let token = app.token(TENANT);
    let message = "\u{1d11e}".repeat(2000);
    for n in 0..30 {
        let long = json!({"name": format!("Practice {n}"), "provisionPhone": false, "firstMessage": message});
        create(&app, &token, long).await;
    }
    let alias = |n| format!("a{n}: agents(first: 30) {{ nodes {{ firstMessage }} }} ");
    let query = format!("{{ {} }}", (0..30).map(alias).collect::<String>());
    let body = json!({ "query": query }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = app.base_url().trim_start_matches("http://").parse().unwrap();
    let mut connection = socket.connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    // The next request is sent ahead: it has time once the answer before it is read.
    connection.write_all(LIVE).await.unwrap();
    let (begun, mut read, mut buffer) = (Instant::now(), Vec::new(), vec![0; 256 * 1024]);
    let last = b"{\"status\":\"ok\"}";
    let whole = async {
        while !read.ends_with(b"ok") && !read.ends_with(last) {
            let length = connection.read(&mut buffer).await.unwrap();
            assert!(length > 0, "closed after {} bytes and {:?}", read.len(), begun.elapsed());
            read.extend_from_slice(&buffer[..length]);
            // A steady pace, at which the answer takes many times as long as a connection may be idle.
            sleep(Duration::from_secs_f64(length as f64 / 1_000_000.0)).await;
        }
    };
    timeout(Duration::from_secs(60), whole).await.expect("it does not end");
    assert!(read.len() > 7_000_000, "{}", read.len());
    assert!(begun.elapsed() > Duration::from_secs(5), "read too fast to tell");
    // Then it is idle for as long as it may.
    let ended = timeout(Duration::from_secs(6), connection.read(&mut buffer)).await;
    assert_eq!(ended.expect("it stays open").unwrap_or(0), 0);
}
