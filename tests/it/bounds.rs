//! Whatever a client can make large, slow or many has a bound, and meeting it costs that client alone.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use switchboard::domain::{AgentToken, Entropy, Webhook};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;

use crate::support::api::create;
use crate::support::calls::verbs;
use crate::support::practice::{Practice, TENANT};
use crate::support::socket::Socket;
use crate::support::sql::until_listening;
use crate::support::{App, Watched, wait_until};

const UNLIMITED: [(&str, &str); 2] =
    [("RATE_LIMIT_PER_MINUTE", "0"), ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "0")];

/// A practice whose number has as many callers in its rules as a request can set: some 190 KB.
async fn practice_with_long_rules(variables: &[(&'static str, &str)]) -> Practice {
    let practice = Practice::open_with(&[&UNLIMITED, variables].concat(), json!({})).await;
    let set = practice.set(long_rules(), None).await;
    assert_eq!(set["userErrors"], json!([]), "{}", set["userErrors"]);
    practice
}

fn long_rules() -> Value {
    let rule = |rule: usize| {
        let callers: Vec<_> = (0..500).map(|n| format!("+1312{:07}", rule * 500 + n)).collect();
        json!({"name": format!("R{rule}"), "condition": {"callers": callers}, "action": {"kind": "REJECT"}})
    };
    (0..25).map(rule).collect()
}

/// Asks for the rules of the only number that many times: up to 30.
fn asking_for_rules(times: usize) -> String {
    let alias = |n| {
        format!(
            "a{n}: phoneNumbers(first: 1) {{ nodes {{ routingRules {{ name condition {{ callers }} }} }} }} "
        )
    };
    format!("{{ {} }}", (0..times).map(alias).collect::<String>())
}

/// A connection to the server whose client takes in little that it does not read.
async fn narrow(app: &App) -> TcpStream {
    let address = app.base_url().trim_start_matches("http://").parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

fn post(token: &str, query: &str) -> String {
    let body = json!({ "query": query }).to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_uses_no_database_connection() {
    let practice = practice_with_long_rules(&[("DATABASE_MAX_CONNECTIONS", "6")]).await;
    let (app, query) = (&practice.app, asking_for_rules(6));
    let mut request = "ws://localhost/graphql/ws".into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, narrow(app).await).await.unwrap();
    let send = async |socket: &mut tokio_tungstenite::WebSocketStream<TcpStream>, message: Value| {
        socket.send(Message::text(message.to_string())).await.unwrap();
    };
    let payload = json!({"Authorization": format!("Bearer {}", practice.token)});
    send(&mut socket, json!({"type": "connection_init", "payload": payload})).await;
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("connection_ack"));
    for id in 0..50 {
        let message = json!({"type": "subscribe", "id": id.to_string(), "payload": {"query": query}});
        send(&mut socket, message).await;
    }
    let mut unread = Vec::new();
    for _ in 0..4 {
        let mut connection = narrow(app).await;
        connection.write_all(post(&practice.token, &query).as_bytes()).await.unwrap();
        unread.push(connection);
    }
    // As long as the answers can be on their way to nobody. To compute them takes a busy machine a while, and no request waits long for
    // a connection; held ones would be missed all the time.
    let (other, begun) = (app.token(Uuid::from_u128(2)), Instant::now());
    let mut answered = begun;
    while begun.elapsed() < Duration::from_secs(8) {
        let answer =
            app.graphql(&other, "{ viewer { activeCalls } phoneNumbers { totalCount } }", json!({})).await;
        if answer["errors"].is_null() {
            answered = Instant::now();
        }
        assert!(answered.elapsed() < Duration::from_secs(4), "no answer for so long: {answer}");
    }
    drop((socket, unread));
}

#[tokio::test]
async fn a_response_is_charged_by_its_size_and_limited_in_bytes() {
    let practice = practice_with_long_rules(&[]).await;
    let app = &practice.app;
    let ask = async |query: &str| app.graphql(&practice.token, query, json!({})).await;
    let fits = ask(&asking_for_rules(20)).await;
    assert!(fits["errors"].is_null(), "{}", fits["errors"]);
    assert_eq!(fits["data"]["a19"]["nodes"][0]["routingRules"].as_array().unwrap().len(), 25);

    let id = practice.made["phoneNumber"]["id"].as_str().unwrap();
    let alias = |n| {
        format!(
            "a{n}: nodes(ids: [\"{id}\", \"{id}\"]) {{ ... on PhoneNumber {{ routingRules {{ name condition {{ callers }} }} }} }} "
        )
    };
    let whole = format!("{{ {} }}", (0..30).map(alias).collect::<String>());
    let refused = ask(&whole).await;
    let error = &refused["errors"][0];
    assert_eq!(error["extensions"]["code"], "QUERY_TOO_COMPLEX", "{error}");
    assert!(error["message"].as_str().unwrap().contains("larger than 10 MB: ask for fewer items"), "{error}");
    assert!(refused.to_string().len() < 11_000_000);
    let presented = json!({"Authorization": format!("Bearer {}", practice.token)});
    let told = app.watch_as(presented, &whole, json!({})).await.next().await.unwrap();
    assert_eq!(told["errors"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX", "{}", told["errors"]);

    // Rules cost more than the field that holds them.
    let many = "{ phoneNumbers(first: 100) { nodes { routingRules { name condition { callers dates }
        action { kind message } } } } }";
    assert_eq!(ask(many).await["errors"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX");
    assert!(ask(&many.replace("100", "50")).await["errors"].is_null());

    // A call keeps its rule's name and version, not its callers.
    let call = practice.call(json!({"from": "+13120000007"})).await;
    assert_eq!(verbs(&call), [["Reject"]], "{call}");
    let decided = "{ calls { nodes { decision { ruleName routingVersion action { kind } reason
        rule { name condition { callers } } } } } }";
    let decision = ask(decided).await["data"]["calls"]["nodes"][0]["decision"].clone();
    assert_eq!((&decision["ruleName"], &decision["routingVersion"]), (&json!("R0"), &json!(1)), "{decision}");
    assert_eq!(decision["rule"]["condition"]["callers"].as_array().unwrap().len(), 500);
    assert!(app.count("SELECT CAST(max(length(CAST(decision AS text))) AS bigint) FROM calls").await < 500);
    practice.always(json!({"kind": "REJECT"})).await;
    let decision = ask(decided).await["data"]["calls"]["nodes"][0]["decision"].clone();
    assert_eq!((&decision["ruleName"], &decision["rule"]), (&json!("R0"), &Value::Null), "{decision}");
    assert_eq!(decision["action"]["kind"], "REJECT");
}

const ROTATE: &str = "mutation($id: ID!) { rotateAgentToken(input: {id: $id}) { apiToken } }";
const DELETE: &str = "mutation($id: ID!) { deleteAgent(input: {id: $id}) { userErrors { message } } }";

#[tokio::test]
async fn a_revoked_token_closes_its_sockets_on_every_server() {
    let mut app = App::start().await;
    let token = app.token(TENANT);
    let made = create(&app, &token, json!({"name": "Practice", "areaCode": "212"})).await;
    let mut servers = vec![app.base_url()];
    if app.database_url().starts_with("postgres") {
        servers.push(app.add_server().await);
        until_listening(&app, 2).await;
    }
    let mut api_token = made["apiToken"].clone();
    for taking in [ROTATE, DELETE] {
        let mut watched = Vec::new();
        for server in &servers {
            let presented = json!({ "X-Agent-Token": api_token });
            let query = "subscription { callUpdated { sid } }";
            watched.push(Watched::presenting(server, presented, query, json!({})).await);
        }
        let mut owners = app.watch(&token, "subscription { callUpdated { sid } }", json!({})).await;
        let answer = app.graphql(&token, taking, json!({"id": made["agent"]["id"]})).await;
        assert!(answer["errors"].is_null(), "{answer}");
        let taken = Instant::now();
        for mut watched in watched {
            assert_eq!(watched.next().await, None);
        }
        assert!(taken.elapsed() < Duration::from_secs(10), "not before it was pinged: {:?}", taken.elapsed());
        assert!(timeout(Duration::from_millis(200), owners.next()).await.is_err(), "the owner's stays");
        assert!(app.connect(json!({ "X-Agent-Token": api_token })).await.is_none());
        api_token = answer["data"]["rotateAgentToken"]["apiToken"].clone();
    }
}

#[tokio::test]
async fn a_token_revoked_without_an_event_closes_its_sockets_at_the_next_operation_or_ping() {
    let app = App::start().await;
    let token = app.token(TENANT);
    let query = "subscription { callUpdated { sid } }";
    let mut agents = Vec::new();
    for area_code in ["212", "415"] {
        agents.push(create(&app, &token, json!({"name": "Practice", "areaCode": area_code})).await);
    }
    let mut asking = Vec::new();
    let mut silent = Vec::new();
    for made in &agents {
        let presented = json!({ "X-Agent-Token": made["apiToken"] });
        asking.push(app.watch_as(presented.clone(), query, json!({})).await);
        silent.push(app.watch_as(presented, query, json!({})).await);
    }
    asking.push(app.watch(&token, query, json!({})).await);
    silent.push(app.watch(&token, query, json!({})).await);
    // One rotated, one deleted, as by a server whose word does not arrive; and a JWT that runs out.
    let id = |made: &Value| made["agent"]["id"].as_str().unwrap().rsplit_once('_').unwrap().1.to_owned();
    let is_postgres = app.database_url().starts_with("postgres");
    let literal =
        |made: &Value| if is_postgres { format!("'{}'", id(made)) } else { format!("x'{}'", id(made)) };
    app.execute(&format!(
        "UPDATE agents SET token_hash = '{}' WHERE id = {}",
        "0".repeat(64),
        literal(&agents[0])
    ))
    .await;
    app.execute(&format!("UPDATE agents SET status = 'deleted' WHERE id = {}", literal(&agents[1]))).await;
    app.advance(Duration::from_secs(3601));
    let taken = Instant::now();
    for watched in &mut asking {
        watched.subscribe_again("2", query).await;
        assert_eq!(watched.next().await, None);
    }
    assert!(taken.elapsed() < Duration::from_secs(5), "not before it was pinged: {:?}", taken.elapsed());
    for watched in &mut silent {
        assert_eq!(watched.ended(Duration::from_secs(60)).await, Some(4403));
    }
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    const LIVE: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let from = async |app: &App, address: &str| {
        let to: std::net::SocketAddr = app.base_url().trim_start_matches("http://").parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        socket.connect(to).await.unwrap()
    };
    let is_served = async |connection: &mut TcpStream| {
        connection.write_all(LIVE).await.unwrap();
        answered(connection).await;
    };
    // A quarter of all, unless it is set.
    for variables in [&[("MAX_CONNECTIONS", "12")][..], &[("MAX_CONNECTIONS_PER_ADDRESS", "3")]] {
        let app = App::start_with(variables).await;
        let mut held = Vec::new();
        for _ in 0..3 {
            let mut connection = from(&app, "127.0.0.2").await;
            is_served(&mut connection).await;
            held.push(connection);
        }
        let (_, answer) = until_closed(from(&app, "127.0.0.2").await, Duration::from_secs(5)).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        is_served(&mut from(&app, "127.0.0.3").await).await;
        held.pop();
        wait_until("there is room again", Duration::from_secs(5), async || {
            let mut connection = from(&app, "127.0.0.2").await;
            connection.write_all(LIVE).await.ok()?;
            let mut start = [0; 12];
            connection.read_exact(&mut start).await.ok()?;
            (&start == b"HTTP/1.1 200").then_some(())
        })
        .await;
    }
    // Behind a proxy all connections come from its address.
    let app = App::start_with(&[("MAX_CONNECTIONS", "8"), ("TRUST_FORWARDED_FOR", "1")]).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut connection = from(&app, "127.0.0.2").await;
        is_served(&mut connection).await;
        held.push(connection);
    }
}

#[tokio::test]
async fn invented_agent_tokens_are_rate_limited_before_the_database_is_queried() {
    let app = App::start_with(&[("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "3")]).await;
    let token = app.token(TENANT);
    let [one, other] = [
        create(&app, &token, json!({"name": "One", "areaCode": "212"})).await,
        create(&app, &token, json!({"name": "Other", "areaCode": "212"})).await,
    ];
    let ask = async |agent: &str| {
        let request = app.http().post(format!("{}/graphql", app.base_url())).header("x-agent-token", agent);
        request
            .json(&json!({"query": "{ agents { nodes { name } } }"}))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let proven = one["apiToken"].as_str().unwrap();
    for _ in 0..10 {
        assert_eq!(ask(proven).await, 200, "one that proves who it is costs its address nothing");
    }
    let before = app.database().statements();
    let mut statuses = Vec::new();
    for _ in 0..200 {
        statuses.push(ask(AgentToken::generate(&Entropy::system()).expose()).await);
    }
    let asked = app.database().statements() - before;
    assert!(asked < 60, "{asked} statements for 200 made-up tokens");
    let refused = statuses.iter().filter(|status| **status == 401).count();
    assert!((1..10).contains(&refused) && statuses[199] == 429, "{statuses:?}");
    assert_eq!(ask(proven).await, 200, "one that was proven is not refused for what others make up");
    assert_eq!(ask(other["apiToken"].as_str().unwrap()).await, 429, "nobody knows it yet");
    app.advance(Duration::from_secs(20));
    assert_eq!(ask(other["apiToken"].as_str().unwrap()).await, 200);
}

/// Reads until the server closes; how long that took, and what came.
async fn until_closed(mut connection: TcpStream, patience: Duration) -> (Duration, String) {
    let (begun, mut read) = (Instant::now(), Vec::new());
    // A reset is an end as well.
    let _ = timeout(patience, connection.read_to_end(&mut read)).await.expect("it is not closed");
    (begun.elapsed(), String::from_utf8_lossy(&read).into_owned())
}

/// Reads one answer with a body of known length.
async fn answered(connection: &mut TcpStream) {
    let (mut read, mut buffer) = (String::new(), [0; 4096]);
    let whole = async {
        while !read.ends_with("ok") && !read.ends_with('}') {
            let length = connection.read(&mut buffer).await.unwrap();
            assert!(length > 0, "closed after {read:?}");
            read.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    };
    timeout(Duration::from_secs(5), whole).await.expect("no answer");
    assert!(read.starts_with("HTTP/1.1 200"), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_separate_limits_for_a_request_head_and_for_idling() {
    const LIVE: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let app = App::start_with(&UNLIMITED).await;
    let late = Duration::from_secs(16);
    let beginning = async |bytes: &[u8]| {
        let mut connection = narrow(&app).await;
        connection.write_all(bytes).await.unwrap();
        let (took, _) = until_closed(connection, late).await;
        assert!(took > Duration::from_secs(8), "{:?} after {took:?}", String::from_utf8_lossy(bytes));
    };
    let idle = async {
        let mut connection = narrow(&app).await;
        connection.write_all(LIVE).await.unwrap();
        answered(&mut connection).await;
        // As long as a head may take, and no less: one that was begun later is given up.
        beginning(b"GET /healthz HTTP/1.1\r\nx: ").await;
        connection.write_all(LIVE).await.unwrap();
        answered(&mut connection).await;
        connection.write_all(b"GET /healthz HT").await.unwrap();
        until_closed(connection, late).await;
    };
    let unread = async {
        let mut connection = narrow(&app).await;
        let fields = "types { name description fields { name description args { name description } } }";
        let request = post(&app.token(TENANT), &format!("{{ __schema {{ {fields} }} }}"));
        // Until nothing more is taken, since nothing is answered any more.
        let flood = async { while connection.write_all(request.as_bytes()).await.is_ok() {} };
        timeout(Duration::from_secs(40), flood).await.expect("it is not closed, though nothing is read");
    };
    tokio::join!(beginning(b""), beginning(b"GET / HTTP/1.1\r\nx: "), idle, unread);

    let app = App::start_with(&[
        ("MAX_CONNECTIONS", "4"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "0"),
        ("IDLE_TIMEOUT", "1s"),
    ])
    .await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(narrow(&app).await);
    }
    wait_until("one too many is turned away", Duration::from_secs(5), async || {
        let (_, answer) = until_closed(narrow(&app).await, late).await;
        answer.starts_with("HTTP/1.1 503").then_some(())
    })
    .await;
    let mut first = held.pop().unwrap();
    first.write_all(LIVE).await.unwrap();
    answered(&mut first).await;
    let (took, _) = until_closed(first, late).await;
    assert!(took < Duration::from_secs(6), "idle for {took:?}");
    let mut next = narrow(&app).await;
    next.write_all(LIVE).await.unwrap();
    answered(&mut next).await;
}

#[tokio::test]
async fn operations_on_all_sockets_of_a_caller_are_limited() {
    let app = App::start_with(&UNLIMITED).await;
    let token = app.token(TENANT);
    let mut sockets = Vec::new();
    for _ in 0..10 {
        let mut socket = Socket::ready(&app, &token).await;
        for id in 0..50 {
            socket.subscribe(&id.to_string(), "subscription { callUpdated { id } }").await;
        }
        socket.send(json!({"type": "ping"})).await;
        assert_eq!(socket.next().await["type"], "pong");
        sockets.push(socket);
    }
    let mut last = Socket::ready(&app, &token).await;
    last.subscribe("a", "{ __typename }").await;
    let refused = last.next().await;
    assert_eq!(refused["payload"][0]["extensions"]["code"], "RATE_LIMITED", "{refused}");
    let message = refused["payload"][0]["message"].as_str().unwrap();
    assert!(message.contains("at most 500 operations"), "{message}");
    drop(sockets.pop());
    let again = async || {
        last.subscribe("a", "{ __typename }").await;
        let answer = last.next().await;
        if answer["type"] == "next" {
            assert_eq!(last.next().await["type"], "complete");
        }
        (answer["type"] == "next").then_some(())
    };
    wait_until("there is room again", Duration::from_secs(5), again).await;
}

#[tokio::test]
async fn an_unsigned_webhook_costs_little_time_and_work() {
    let app = App::start().await;
    let url = format!("{}/api/webhooks/call/incoming", app.base_url());
    let many: Vec<(String, &str)> = (0..1001).map(|n| (n.to_string(), "")).collect();
    assert_eq!(app.http().post(&url).form(&many).send().await.unwrap().status(), 413);
    assert_eq!(app.http().post(&url).form(&many[..1000]).send().await.unwrap().status(), 403);
    let slow = async |path: &str, header: &str| {
        let mut connection = narrow(&app).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{header}\r\ncontent-length: 9\r\n\r\na"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let (took, answer) = until_closed(connection, Duration::from_secs(12)).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{path} after {took:?}: {answer}");
    };
    let signed = app.clock().now().timestamp();
    let signature = format!("elevenlabs-signature: t={signed},v0={}", "0".repeat(64));
    tokio::join!(
        slow(Webhook::IncomingCall.path(), "content-type: application/x-www-form-urlencoded"),
        slow(Webhook::VoiceEvent.path(), &signature),
    );
}

/// How many series `/metrics` has, and whether one of them holds this text.
async fn series(app: &App, text: &str) -> (usize, bool) {
    let metrics = app.http().get(format!("{}/metrics", app.base_url())).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    (metrics.lines().filter(|line| !line.starts_with('#')).count(), metrics.contains(text))
}

#[tokio::test]
async fn clients_cannot_create_metric_labels() {
    let app = App::start_with(&UNLIMITED).await;
    let made_up = async |n: usize| {
        let word = format!("MADEUP{n}");
        let method = reqwest::Method::from_bytes(word.as_bytes()).unwrap();
        for path in ["graphql", &word, "api/webhooks/call/incoming", "metrics", "healthz"] {
            let request = app.http().request(method.clone(), format!("{}/{path}?{word}", app.base_url()));
            request.header("x-agent-token", &word).header("x-request-id", &word).send().await.unwrap();
        }
        for header in ["origin", "x-forwarded-for", "user-agent", "host", "x-tenant-id", "authorization"] {
            let request = app.http().post(format!("{}/graphql", app.base_url())).header(header, &word);
            let query = format!("query {word} {{ {word}: __typename }}");
            request.json(&json!({"query": query, "operationName": word})).send().await.unwrap();
        }
        let webhook = app.http().post(format!("{}/api/webhooks/call/incoming", app.base_url()));
        webhook.form(&[("AccountSid", &word)]).send().await.unwrap();
    };
    made_up(0).await;
    let (before, _) = series(&app, "").await;
    for n in 1..50 {
        made_up(n).await;
    }
    // Other tests record into the same process: a few series of theirs may come between.
    let (after, holds_one) = series(&app, "MADEUP").await;
    assert!(!holds_one && after < before + 150, "{before} series became {after}");
}
