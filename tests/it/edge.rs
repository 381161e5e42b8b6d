//! The edge holds: who asks too often waits, who asks for the schema where it is not told is refused, documents are
//! kept by their hash, and webhooks that prove nothing are told to the log once.

use std::process::Stdio;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::program::{Running, lines, read_until};
use crate::support::socket::Socket;
use crate::support::sql::execute;
use crate::support::{App, wait_until};

const GRAPHQL: &str = "application/graphql-response+json";

/// One request over HTTP: from where its proxy says it came, with whatever token.
async fn ask(app: &App, from: &str, token: Option<&str>, body: Value) -> Response {
    let request = app.http().post(format!("{}/graphql", app.base_url())).header("x-forwarded-for", from);
    let request = request.header("accept", GRAPHQL).json(&body);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap()
}

async fn status(app: &App, from: &str, token: Option<&str>) -> u16 {
    ask(app, from, token, json!({"query": "{ __typename }"})).await.status().as_u16()
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_caller_beyond_its_rate_limit_is_rejected_and_others_are_not() {
    let app =
        App::start_with(&[("RATE_LIMIT_PER_MINUTE", "6"), ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "1")]).await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    // Another token of the same tenant, from another address: the same bucket.
    for at in 0..6 {
        assert_eq!(status(&app, &format!("203.0.113.{at}"), Some(&token)).await, 200);
    }
    app.advance(Duration::from_secs(1));
    let again = app.token(Uuid::from_u128(1));
    let refused = ask(&app, "203.0.113.9", Some(&again), json!({"query": "{ __typename }"})).await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let body: Value = refused.json().await.unwrap();
    assert_eq!(code(&body), "RATE_LIMITED");
    assert_eq!(body["errors"][0]["extensions"]["retryAfter"], wait, "{body}");
    assert!((1..=10).contains(&wait) && body.get("data").is_none(), "{body}");
    assert_eq!(status(&app, "203.0.113.9", Some(&other)).await, 200);
    assert_eq!(status(&app, "203.0.113.9", Some(&app.operator_token())).await, 200);

    app.advance(Duration::from_secs(wait));
    assert_eq!(status(&app, "203.0.113.9", Some(&token)).await, 200, "who waits as told is answered");
    assert_eq!(status(&app, "203.0.113.9", Some(&token)).await, 429);

    // Whatever the edge thinks of an address, the carrier and the probes get through.
    for path in ["healthz", "readyz", "metrics"] {
        for _ in 0..5 {
            let answer = app.http().get(format!("{}/{path}", app.base_url())).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
        }
    }
    assert!(app.metric("switchboard_rate_limited_total{of=\"principal\"}").await > 0.0);
    for _ in 0..5 {
        let webhook = format!("{}/api/webhooks/call/incoming", app.base_url());
        assert_eq!(app.http().post(webhook).form(&[("a", "b")]).send().await.unwrap().status(), 403);
    }
}

#[tokio::test]
async fn an_address_is_rate_limited_without_affecting_valid_tokens() {
    let variables = [("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "4"), ("TRUST_FORWARDED_FOR", "1")];
    let app = App::start_with(&variables).await;
    let token = app.token(Uuid::from_u128(1));
    let bad = token.replace('.', "x");
    let here = "198.51.100.1, 203.0.113.7";
    // Nobody, nonsense and wrong tokens count alike; what the client itself put before the proxy's word does not help.
    let statuses = [
        status(&app, here, None).await,
        status(&app, here, Some(&bad)).await,
        status(&app, "198.51.100.2, 203.0.113.7", Some("nonsense")).await,
        status(&app, here, None).await,
        status(&app, here, None).await,
        status(&app, "198.51.100.3,203.0.113.7", Some(&bad)).await,
    ];
    assert_eq!(statuses, [200, 401, 401, 200, 429, 429]);
    let agent = app.http().post(format!("{}/graphql", app.base_url())).header("x-forwarded-for", here);
    let agent = agent.header("x-agent-token", format!("vami_agent_{}", "A".repeat(43)));
    assert_eq!(agent.json(&json!({"query": "{ __typename }"})).send().await.unwrap().status(), 429);
    for _ in 0..6 {
        assert_eq!(status(&app, here, Some(&token)).await, 200);
    }
    assert_eq!(status(&app, "203.0.113.8", None).await, 200);
    app.advance(Duration::from_secs(15));
    assert_eq!(status(&app, here, None).await, 200);
    assert_eq!(status(&app, here, None).await, 429);

    // An IPv6 client owns its whole network.
    for host in 0..4 {
        assert_eq!(status(&app, &format!("2001:db8::{host}"), None).await, 200);
    }
    assert_eq!(status(&app, "2001:db8::ffff:1", None).await, 429);
    assert_eq!(status(&app, "2001:db8:0:1::1", None).await, 200);
}

#[tokio::test]
async fn forwarded_addresses_are_ignored_unless_a_proxy_is_configured() {
    let app = App::start_with(&[("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "2")]).await;
    let mut statuses = Vec::new();
    for at in 0..3 {
        statuses.push(status(&app, &format!("203.0.113.{at}"), None).await);
    }
    assert_eq!(statuses, [200, 200, 429]);
    let unlimited = App::start_with(&[("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "0")]).await;
    for _ in 0..100 {
        assert_eq!(status(&unlimited, "203.0.113.1", None).await, 200);
    }
}

#[tokio::test]
async fn sockets_and_their_operations_count_against_rate_limits() {
    let limits = [("RATE_LIMIT_PER_MINUTE", "4"), ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "2")];
    let app = App::start_with(&limits).await;
    let token = app.token(Uuid::from_u128(1));
    let mut socket = Socket::ready(&app, &token).await;
    for at in ["a", "b", "c"] {
        socket.subscribe(at, "{ __typename }").await;
        assert_eq!(socket.next().await["type"], "next");
        assert_eq!(socket.next().await["type"], "complete");
    }
    socket.subscribe("d", "{ __typename }").await;
    let refused = socket.next().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("d")), "{refused}");
    let extensions = &refused["payload"][0]["extensions"];
    assert_eq!(extensions["code"], "RATE_LIMITED");
    assert!(extensions["retryAfter"].as_u64().is_some_and(|wait| (1..=15).contains(&wait)), "{refused}");
    assert_eq!(status(&app, "-", Some(&token)).await, 429, "one bucket for both ways");
    app.advance(Duration::from_secs(15));
    socket.subscribe("d", "{ __typename }").await;
    assert_eq!(socket.next().await["type"], "next");

    let mut limited = Socket::open(&app).await;
    limited.init(&token).await;
    assert_eq!(limited.closed(Duration::from_secs(5)).await, 1013);
    // Sockets that proved who opened them cost their address nothing; those that did not, do.
    for code in [4403, 4403, 1013] {
        let mut stranger = Socket::open(&app).await;
        stranger.init("nonsense").await;
        assert_eq!(stranger.closed(Duration::from_secs(5)).await, code);
    }
    // They keep nobody at the same address from opening one, as behind a proxy.
    Socket::ready(&app, &app.token(Uuid::from_u128(2))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limits_are_shared_by_all_servers() {
    const MINUTE: usize = 60;
    let limits = [("RATE_LIMIT_PER_MINUTE", "60"), ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "60")];
    let mut app = App::start_with(&limits).await;
    if !app.database_url().starts_with("postgres") {
        println!("left out on SQLite: a file has one server");
        return;
    }
    let servers = [app.base_url(), app.add_server().await, app.add_server().await];
    let token = app.token(Uuid::from_u128(1));
    let ask = async |server: &str, token: Option<&str>| {
        let request = app.http().post(format!("{server}/graphql")).json(&json!({"query": "{ __typename }"}));
        let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
        request.send().await.unwrap().status().as_u16()
    };
    for token in [Some(token.as_str()), None] {
        // At all servers in turn, then at one of them.
        for count_of_servers in [3, 1] {
            let mut granted = 0;
            for nth in 0..3 * MINUTE {
                let status = ask(&servers[nth % count_of_servers], token).await;
                assert!([200, 429].contains(&status), "{status}");
                granted += usize::from(status == 200);
            }
            // Some are refilled meanwhile.
            let most = MINUTE * 12 / 10 + 3;
            assert!((MINUTE * 8 / 10..=most).contains(&granted), "{granted} of {count_of_servers} servers");
            app.advance(Duration::from_secs(70));
        }
    }
    // Without the database each server goes by its own count.
    execute(&app, &["DROP FUNCTION take_requests(text, int, int, timestamptz)"]).await;
    for nth in 0..MINUTE {
        assert_eq!(ask(&servers[nth % 3], Some(&token)).await, 200);
    }
}

#[tokio::test]
async fn errors_reveal_nothing_of_the_schema_without_introspection() {
    let app = App::start_with(&[("INTROSPECTION", "off")]).await;
    let token = app.token(Uuid::from_u128(1));
    for query in [
        "{ __schema { queryType { name } } }",
        "{ viewer { id } ...T } fragment T on Query { x: __type(name: \"Agent\") { name } }",
    ] {
        for token in [Some(token.as_str()), None] {
            let answer = ask(&app, "-", token, json!({ "query": query })).await;
            assert_eq!(answer.status(), 400, "{query}");
            let body: Value = answer.json().await.unwrap();
            assert!(
                body["errors"][0]["message"].as_str().unwrap().contains("introspection is off"),
                "{body}"
            );
            assert_eq!(code(&body), "GRAPHQL_VALIDATION_FAILED");
        }
    }
    let mut socket = Socket::ready(&app, &token).await;
    socket.subscribe("a", "{ __schema { queryType { name } } }").await;
    let refused = socket.next().await;
    assert_eq!(refused["type"], "error", "{refused}");
    assert!(refused.to_string().contains("introspection is off"), "{refused}");

    // The same slips, with and without help.
    let told = App::start().await;
    for query in ["{ viewr { id } }", "{ agents(frst: 1) { totalCount } }"] {
        let without = app.graphql(&token, query, json!({})).await;
        assert_eq!(code(&without), "GRAPHQL_VALIDATION_FAILED");
        assert!(!without.to_string().to_lowercase().contains("did you mean"), "{without}");
        let with = told.graphql(&told.token(Uuid::from_u128(1)), query, json!({})).await;
        assert!(with.to_string().to_lowercase().contains("did you mean"), "{with}");
    }
    let works = app.graphql(&token, "{ __typename viewer { __typename userId } }", json!({})).await;
    assert_eq!(works["data"]["viewer"]["userId"], Uuid::from_u128(1).to_string(), "{works}");
    let browser = app.http().get(format!("{}/graphql", app.base_url())).header("accept", "text/html");
    let page = browser.send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("graphiql.min.js"));
}

fn by_hash(query: &str) -> Value {
    let hash = digest(&SHA256, query.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash}})
}

/// Asks by the hash alone.
async fn recall(app: &App, token: Option<&str>, query: &str) -> Value {
    let answer = ask(app, "-", token, json!({"extensions": by_hash(query)})).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    if body["errors"][0]["message"] == "PersistedQueryNotFound" {
        assert_eq!((status, code(&body)), (200, "PERSISTED_QUERY_NOT_FOUND"), "{body}");
        assert!(body.get("data").is_none());
    }
    body
}

async fn offer(app: &App, token: Option<&str>, query: &str) -> Value {
    let body = json!({"query": query, "extensions": by_hash(query)});
    ask(app, "-", token, body).await.json().await.unwrap()
}

#[tokio::test]
async fn a_persisted_document_is_executed_by_its_hash() {
    let app = App::start().await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let query = "query Me($with: Boolean!) { viewer { userId id @include(if: $with) } }";
    let user = |at| Uuid::from_u128(at).to_string();
    let known = |answer: &Value| answer["errors"][0]["message"] != "PersistedQueryNotFound";

    assert!(!known(&recall(&app, Some(&token), query).await));
    let body = json!({"query": query, "variables": {"with": false}, "extensions": by_hash(query)});
    let answer: Value = ask(&app, "-", Some(&token), body).await.json().await.unwrap();
    assert_eq!(answer["data"]["viewer"]["userId"], user(1), "{answer}");
    // By hash it is the asker's own answer, under every rule: variables are wanted, strangers may not.
    let body = json!({"variables": {"with": false}, "extensions": by_hash(query)});
    let answer: Value = ask(&app, "-", Some(&other), body.clone()).await.json().await.unwrap();
    assert_eq!(answer["data"]["viewer"]["userId"], user(2), "{answer}");
    assert_eq!(code(&recall(&app, Some(&token), query).await), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(ask(&app, "-", None, body.clone()).await.status(), 401);

    let get = async |token: &str, extensions: &Value| {
        let parameters =
            [("extensions", extensions.to_string()), ("variables", r#"{"with":false}"#.to_owned())];
        let request = app.http().request(Method::GET, format!("{}/graphql", app.base_url()));
        request.bearer_auth(token).header("accept", GRAPHQL).query(&parameters).send().await.unwrap()
    };
    let answer: Value = get(&token, &by_hash(query)).await.json().await.unwrap();
    assert_eq!(answer["data"]["viewer"]["userId"], user(1), "{answer}");
    let rotate = "mutation { rotateAgentToken(input: {id: \"x\"}) { apiToken } }";
    offer(&app, Some(&token), rotate).await;
    assert!(known(&recall(&app, Some(&token), rotate).await));
    let refused = get(&token, &by_hash(rotate)).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "POST"));

    let mut socket = Socket::ready(&app, &other).await;
    socket.send(json!({"type": "subscribe", "id": "a", "payload": body})).await;
    assert_eq!(socket.next().await["payload"]["data"]["viewer"]["userId"], user(2));
}

#[tokio::test]
async fn only_valid_documents_of_authenticated_callers_are_persisted() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let not_kept = async |query: &str| {
        let answer = recall(&app, Some(&token), query).await;
        assert_eq!(code(&answer), "PERSISTED_QUERY_NOT_FOUND", "{query}: {answer}");
    };
    // A stranger's documents run, and are forgotten.
    let schema = "{ __schema { queryType { name } } }";
    assert_eq!(offer(&app, None, schema).await["data"]["__schema"]["queryType"]["name"], "Query");
    not_kept(schema).await;
    let doubled: String =
        (0..24).map(|at| format!("fragment F{at} on Query {{ ...F{0} ...F{0} }}", at + 1)).collect();
    let bomb = format!("{{ ...F0 }} {doubled} fragment F24 on Query {{ __typename }}");
    for (query, expected) in [
        (bomb.as_str(), "QUERY_TOO_COMPLEX"),
        ("{ nothingLikeThis }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
    ] {
        assert_eq!(code(&offer(&app, Some(&token), query).await), expected);
        not_kept(query).await;
    }
    // A hash that is another document's.
    let body = json!({"query": "{ __typename }", "extensions": by_hash("{ viewer { id } }")});
    let answer: Value = ask(&app, "-", Some(&token), body).await.json().await.unwrap();
    assert_eq!(code(&answer), "BAD_USER_INPUT", "{answer}");
    not_kept("{ viewer { id } }").await;
    not_kept("{ __typename }").await;
    for malformed in [
        json!({"version": 2, "sha256Hash": "0".repeat(64)}),
        json!({"version": 1, "sha256Hash": "short"}),
        json!({"version": 1}),
        json!("x"),
    ] {
        let body = json!({"query": "{ __typename }", "extensions": {"persistedQuery": malformed}});
        let answer = ask(&app, "-", Some(&token), body).await;
        assert_eq!(answer.status(), 400, "{malformed}");
        assert_eq!(code(&answer.json().await.unwrap()), "BAD_REQUEST");
    }
}

#[tokio::test]
async fn invalid_webhook_signatures_are_logged_once_with_the_likely_cause() {
    let app = App::start().await;
    let mut command = app.program(&["serve"]);
    let mut child = command
        .env("BIND_ADDRESS", "127.0.0.1:0")
        .env("LOG_FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = lines(child.stderr.take().unwrap());
    let running = Running(child);
    let started = read_until(&log, "listening");
    // Which time zone data routing rules go by is told at start, with its edition.
    let zones = started.iter().find(|line| line.contains("time zone data")).unwrap();
    let zones: Value = serde_json::from_str(zones).unwrap();
    assert!(zones["version"].as_str().unwrap().starts_with("20"), "{zones}");
    let listening: Value = serde_json::from_str(started.last().unwrap()).unwrap();
    let url = format!("http://{}/api/webhooks/call/incoming", listening["address"].as_str().unwrap());
    for at in 0..30 {
        let request = app.http().post(format!("{url}?at={at}")).header("x-twilio-signature", "AAAA");
        assert_eq!(request.form(&[("CallSid", "CA1")]).send().await.unwrap().status(), 403);
    }
    // A number that was moved to a subaccount: told beside the rest, with the account.
    let subaccount = format!("AC{:032x}", 7);
    for account in [subaccount.as_str(), "AC<script>"] {
        let request = app.http().post(&url).header("x-twilio-signature", "AAAA");
        assert_eq!(
            request.form(&[("CallSid", "CA1"), ("AccountSid", account)]).send().await.unwrap().status(),
            403
        );
    }
    let metrics =
        app.http().get(url.replace("/api/webhooks/call/incoming", "/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("switchboard_webhooks_refused_total{sender=\"carrier\"} 32"), "{metrics}");
    assert_eq!(running.terminate(), Some(0));
    let about: Vec<String> = read_until(&log, "\"stopped\"")
        .into_iter()
        .filter(|line| !line.contains("request answered"))
        .filter(|line| line.contains("invalid signature") || line.contains("passed signature verification"))
        .collect();
    assert_eq!(about.len(), 3, "{about:#?}");
    assert!(about[2].contains(&subaccount) && about[2].contains("subaccount"), "{about:#?}");
    assert!(!about.concat().contains("script"), "{about:#?}");
    assert!(about[0].contains("\"refused\":1"), "{about:#?}");
    for told in
        ["TWILIO_AUTH_TOKEN", "WEBHOOK_BASE_URL", "https://calls.example.com/api/webhooks/call/incoming\""]
    {
        assert!(about[1].contains(told), "{told}: {about:#?}");
    }
    assert!(!about[1].contains("at="), "{about:#?}");
}

/// More requests than are executed at the same time are turned away at once, and answered again as soon as there is room.
#[tokio::test(flavor = "multi_thread")]
async fn excess_requests_are_rejected_and_webhooks_are_answered() {
    let app = App::start_with(&[("RATE_LIMIT_PER_MINUTE", "0")]).await;
    // No tenant asks for more than its share.
    let tokens: Vec<_> = (1..=20).map(|n| app.token(Uuid::from_u128(n))).collect();
    let search = json!({"provider": "twilio", "path_contains": "AvailablePhoneNumbers"});
    app.faults(json!([{"match": search, "action": {"delay_ms": 60_000}}])).await;
    let (shed, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut flood = tokio::task::JoinSet::new();
    for n in 0..600 {
        let (token, shed) = (tokens[n % tokens.len()].clone(), shed.clone());
        let request = app.http().post(format!("{}/graphql", app.base_url())).bearer_auth(token);
        let request = request.json(&json!({"query": "{ availablePhoneNumbers { number } }"}));
        flood.spawn(async move {
            // Again after the time limit of a query: on a slow machine the first may reach it before the last has come.
            loop {
                let answer = request.try_clone().unwrap().send().await.unwrap();
                if answer.status() == 503 && answer.headers().contains_key("retry-after") {
                    let wait = answer.headers()["retry-after"].clone();
                    let _ = shed.send((wait, answer.json::<Value>().await.unwrap()));
                    break;
                }
            }
        });
    }
    for _ in 0..600 - 512 {
        let next = tokio::time::timeout(Duration::from_secs(30), told.recv());
        let (wait, body) = next.await.expect("too few were shed").unwrap();
        assert_eq!((wait.to_str().unwrap(), code(&body)), ("1", "UNAVAILABLE"), "{body}");
    }
    let webhook = app.http().post(format!("{}/api/webhooks/call/incoming", app.base_url()));
    assert_eq!(webhook.form(&[("CallSid", "CA1")]).send().await.unwrap().status(), 403);
    drop(flood);
    wait_until("it answers again", Duration::from_secs(10), async || {
        (status(&app, "203.0.113.9", Some(&tokens[0])).await == 200).then_some(())
    })
    .await;
}
