//! `POST` and `GET /graphql` from outside: the GraphQL-over-HTTP draft's audits, and what a hostile client sends.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use switchboard::domain::Webhook;
use uuid::Uuid;

use crate::support::App;

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

struct Client {
    app: App,
    token: String,
}

impl Client {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(variables: &[(&'static str, &str)]) -> Self {
        let app = App::start_with(variables).await;
        let token = app.token(Uuid::from_u128(1));
        Self { app, token }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.http().request(method, format!("{}{path}", self.app.base_url()))
    }

    /// A `POST` by somebody who may, answered in the newer media type unless told otherwise.
    fn post(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.request(Method::POST, "/graphql").bearer_auth(&self.token);
        request.header("content-type", JSON).header("accept", GRAPHQL).body(body)
    }

    async fn query(&self, body: Value) -> Response {
        self.post(body.to_string()).send().await.unwrap()
    }
}

fn kind(response: &Response) -> String {
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().to_owned()
}

/// The first error's code, after checking that the whole body has GraphQL's shape.
async fn refusal(response: Response) -> String {
    let body: Value = response.json().await.unwrap();
    assert!(body.get("data").is_none(), "a request error has no data: {body}");
    let errors = body["errors"].as_array().unwrap();
    for error in errors {
        assert!(error["message"].as_str().is_some_and(|message| message.chars().count() <= 500), "{body}");
        assert!(error["extensions"]["requestId"].as_str().is_some_and(|id| id.len() >= 8), "{body}");
    }
    errors[0]["extensions"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_response_has_the_requested_media_type() {
    let client = Client::start().await;
    let ask = |accept: &'static str, query: &str| {
        let request = client.request(Method::POST, "/graphql").bearer_auth(&client.token);
        request.header("accept", accept).json(&json!({"query": query})).send()
    };
    for (accept, media) in [
        (GRAPHQL, GRAPHQL),
        (JSON, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json;q=0.5, application/graphql-response+json", GRAPHQL),
        ("application/graphql-response+json;q=0.5, application/json", JSON),
        ("application/json;q=0, */*;q=0.1", GRAPHQL),
    ] {
        let answer = ask(accept, "{ __typename }").await.unwrap();
        assert_eq!((answer.status().as_u16(), kind(&answer).as_str()), (200, media), "{accept}");
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({"data": {"__typename": "Query"}}));
    }
    let refused = ask("image/png", "{ __typename }").await.unwrap();
    assert_eq!((refused.status().as_u16(), refusal(refused).await.as_str()), (406, "NOT_ACCEPTABLE"));

    // Request errors: the older type always says 200, the newer tells by its status.
    for (accept, status) in [(GRAPHQL, 400), (JSON, 200)] {
        for (query, code) in
            [("{ nothingLikeThis }", "GRAPHQL_VALIDATION_FAILED"), ("{", "GRAPHQL_PARSE_FAILED")]
        {
            let answer = ask(accept, query).await.unwrap();
            assert_eq!((answer.status().as_u16(), kind(&answer).as_str()), (status, accept), "{query}");
            assert_eq!(refusal(answer).await, code);
        }
    }
}

#[tokio::test]
async fn unreadable_requests_get_errors_in_graphqls_format() {
    let client = Client::start().await;
    let deep = format!("{{\"query\":\"{{a}}\",\"variables\":{{\"a\":{}", "[".repeat(5000));
    let bodies: [(Vec<u8>, &str); 12] = [
        (b"".to_vec(), "BAD_REQUEST"),
        (b"{".to_vec(), "BAD_REQUEST"),
        (b"null".to_vec(), "BAD_REQUEST"),
        (b"{}".to_vec(), "BAD_REQUEST"),
        (b"{\"query\":null}".to_vec(), "BAD_REQUEST"),
        (b"{\"query\":{}}".to_vec(), "BAD_REQUEST"),
        (b"{\"query\":\"{a}\",\"operationName\":7}".to_vec(), "BAD_REQUEST"),
        (b"{\"query\":\"{a}\",\"variables\":[]}".to_vec(), "BAD_REQUEST"),
        (b"{\"query\":\"{a}\",\"extensions\":\"x\"}".to_vec(), "BAD_REQUEST"),
        (b"{\"query\":\"{ __typename \xff}\"}".to_vec(), "BAD_REQUEST"),
        (deep.into_bytes(), "BAD_REQUEST"),
        (b"[{\"query\":\"{ __typename }\"}]".to_vec(), "BATCHING_NOT_SUPPORTED"),
    ];
    for (body, code) in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        for accept in [GRAPHQL, JSON] {
            let request = client.request(Method::POST, "/graphql").bearer_auth(&client.token);
            let request = request.header("content-type", JSON).header("accept", accept);
            let answer = request.body(body.clone()).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{shown}");
            assert_eq!(refusal(answer).await, code, "{shown}");
        }
    }
    // Nulls, unknown keys and a repeated operation name are all right.
    let whole = json!({"query": "query A { __typename }", "operationName": "A", "variables": null,
        "extensions": {"a": 1}, "id": 7});
    assert_eq!(client.query(whole).await.status(), 200);
}

/// What the published audits of GraphQL servers over HTTP look at, one row an audit or several of a kind: how it is
/// asked, and the status in either media type.
#[tokio::test]
async fn the_published_audits_pass() {
    let client = Client::start().await;
    let query = "{ __typename }";
    let wanted = "query ($t: String!) { __type(name: $t) { name } }";
    let mut rows = vec![
        (json!({"query": query}), 200, 200),
        (
            json!({"query": "query A { __typename } query B { __schema { queryType { name } } }", "operationName": "A"}),
            200,
            200,
        ),
        (json!({"query": query, "variables": null, "operationName": null, "extensions": null}), 200, 200),
        (json!({"query": wanted, "variables": {"t": "Agent"}}), 200, 200),
        (json!({"query": query, "extensions": {"some": "value"}}), 200, 200),
        (json!({"notquery": query}), 400, 400),
        // The older media type knows one status for all that was read.
        (json!({"query": "{"}), 200, 400),
        (json!({"query": "{ 8f31403dfe404bccbb0e835f2629c6a7 }"}), 200, 400),
        (json!({"query": "{ nothingLikeThis }"}), 200, 400),
        (json!({"query": wanted, "variables": {"t": {"not": "text"}}}), 200, 400),
        (json!({"query": wanted, "variables": {}}), 200, 400),
        (json!({"query": query, "operationName": "Another"}), 200, 400),
    ];
    for wrong in [json!({}), json!(0), json!(false), json!(["array"])] {
        rows.push((json!({"query": wrong}), 400, 400));
        rows.push((json!({"query": query, "operationName": wrong}), 400, 400));
    }
    for wrong in [json!("string"), json!(0), json!(false), json!(["array"])] {
        rows.push((json!({"query": query, "variables": wrong}), 400, 400));
        rows.push((json!({"query": query, "extensions": wrong}), 400, 400));
    }
    let bodies = rows.into_iter().map(|(body, older, newer)| (body.to_string(), older, newer));
    for (body, older, newer) in
        bodies.chain([("{ \"not a JSON".to_owned(), 400, 400), (String::new(), 400, 400)])
    {
        for (accept, status) in [(JSON, older), (GRAPHQL, newer)] {
            let request = client.request(Method::POST, "/graphql").bearer_auth(&client.token);
            let request = request.header("content-type", JSON).header("accept", accept);
            let answer = request.body(body.clone()).send().await.unwrap();
            assert_eq!(answer.status(), status, "{accept}: {body}");
            let answered = answer.headers()["content-type"].to_str().unwrap().to_owned();
            // What is refused before it is read has the older type, which everybody reads.
            let whole = format!("{accept}; charset=utf-8");
            assert!(
                answered == whole || newer == 400 && older == 400 && answered.starts_with(JSON),
                "{answered}: {body}"
            );
            let answer: Value = answer.json().await.unwrap();
            assert_eq!(answer.get("data").is_some(), newer == 200, "{answer}");
            assert_eq!(answer.get("errors").is_some(), newer != 200, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_request_without_accept_gets_the_legacy_media_type() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let client = Client::start().await;
    let mut stream =
        tokio::net::TcpStream::connect(client.app.base_url().replace("http://", "")).await.unwrap();
    let body = r#"{"query":"{ __typename }"}"#;
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer \
         {}\r\nContent-Length: {}\r\n\r\n{body}",
        client.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("content-type: application/json"), "{answer}");
}

#[tokio::test]
async fn only_json_up_to_the_size_limit_is_accepted() {
    let client = Client::start().await;
    let query = r#"{"query":"{ __typename }"}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=iso-8859-1",
        "application/graphql",
    ] {
        let request = client.request(Method::POST, "/graphql").bearer_auth(&client.token);
        let answer = request.header("content-type", kind).body(query).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), refusal(answer).await.as_str()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{kind}"
        );
    }
    let untyped = client.request(Method::POST, "/graphql").bearer_auth(&client.token).body(query);
    assert_eq!(untyped.send().await.unwrap().status(), 415);
    let packed = client.post(query).header("content-encoding", "gzip").send().await.unwrap();
    assert_eq!(packed.status(), 415);
    let utf8 = client.request(Method::POST, "/graphql").bearer_auth(&client.token);
    let utf8 = utf8.header("content-type", "Application/JSON; charset=UTF-8").body(query);
    assert_eq!(utf8.send().await.unwrap().status(), 200);

    let answer = client.post(vec![b' '; 10 * 1024 * 1024]).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), refusal(answer).await.as_str()), (413, "PAYLOAD_TOO_LARGE"));
    let most = format!("{query}{}", " ".repeat(256 * 1024 - query.len()));
    assert_eq!(client.post(most.clone()).send().await.unwrap().status(), 200);
    assert_eq!(client.post(format!("{most} ")).send().await.unwrap().status(), 413);
}

#[tokio::test]
async fn get_reads_and_never_writes() {
    let client = Client::start().await;
    let get = |parameters: &[(&str, &str)]| {
        let request = client.request(Method::GET, "/graphql").bearer_auth(&client.token);
        request.header("accept", GRAPHQL).query(parameters).send()
    };
    let answer = get(&[
        ("query", "query A($t: String!) { __type(name: $t) { name } } query B { __typename }"),
        ("operationName", "A"),
        ("variables", r#"{"t":"Agent"}"#),
    ])
    .await
    .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["data"]["__type"]["name"], "Agent");

    let create = r#"mutation { createAgent(input: {name: "Dr. Smith's Office Assistant", areaCode: "212"}) { apiToken } }"#;
    for query in [create, "subscription { callUpdated { id } }"] {
        let answer = get(&[("query", query)]).await.unwrap();
        assert_eq!(answer.headers()["allow"], "POST");
        assert_eq!((answer.status().as_u16(), refusal(answer).await.as_str()), (405, "METHOD_NOT_ALLOWED"));
    }
    let posted = client.query(json!({"query": "subscription { callUpdated { id } }"})).await;
    assert_eq!(
        (posted.status().as_u16(), refusal(posted).await.as_str()),
        (400, "GRAPHQL_VALIDATION_FAILED")
    );
    assert_eq!(client.app.sandbox_state().await["agents"].as_array().map_or(0, Vec::len), 0);
    for bad in [
        &[("variables", "{}")][..],
        &[("query", "{a}"), ("variables", "{")],
        &[("query", "{a}"), ("query", "{b}")],
    ] {
        assert_eq!(get(bad).await.unwrap().status(), 400, "{bad:?}");
    }
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = client.request(method, "/graphql").send().await.unwrap();
        assert_eq!(answer.headers()["allow"], "GET, HEAD, POST");
        assert_eq!((answer.status().as_u16(), refusal(answer).await.as_str()), (405, "METHOD_NOT_ALLOWED"));
    }
}

#[tokio::test]
async fn unauthenticated_requests_can_read_the_schema_only() {
    let client = Client::start().await;
    let ask = |token: Option<&str>, query: &str| {
        let request = client.request(Method::POST, "/graphql").header("accept", JSON);
        let request = match token {
            Some(token) => request.header("authorization", token),
            None => request,
        };
        request.json(&json!({"query": query})).send()
    };
    let schema =
        "{ __schema { queryType { name } } ...T } fragment T on Query { __type(name: \"Agent\") { name } }";
    let answer = ask(None, schema).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["data"]["__type"]["name"], "Agent");

    let bad = client.token.replace('.', "x");
    let bearer = format!("Bearer {bad}");
    let sneaky = "{ ...V __typename } fragment V on Query { viewer { id } }";
    for (token, query) in [
        (None, "{ viewer { id } }"),
        (None, sneaky),
        (None, "mutation { rotateAgentToken(input: {id: \"x\"}) { apiToken } }"),
        // Who presents a bad token is told before the document is read.
        (Some(bearer.as_str()), schema),
        (Some(bearer.as_str()), "{"),
        (Some("Basic dTpw"), schema),
        (Some("Bearer"), schema),
    ] {
        let answer = ask(token, query).await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{query}");
        assert_eq!(
            (answer.status().as_u16(), refusal(answer).await.as_str()),
            (401, "UNAUTHENTICATED"),
            "{query}"
        );
    }
    let lower = ask(Some(&format!("bearer {}", client.token)), "{ viewer { userId } }").await.unwrap();
    assert_eq!(
        lower.json::<Value>().await.unwrap()["data"]["viewer"]["userId"],
        Uuid::from_u128(1).to_string()
    );
}

#[tokio::test]
async fn variables_that_are_missing_stop_the_request() {
    let client = Client::start().await;
    let query = "query ($n: E164!) { phoneNumber(number: $n) { id } }";
    for variables in [json!({}), json!({"n": null}), Value::Null] {
        let answer = client.query(json!({"query": query, "variables": variables})).await;
        assert_eq!(
            (answer.status().as_u16(), refusal(answer).await.as_str()),
            (400, "GRAPHQL_VALIDATION_FAILED")
        );
    }
    let answer = client.query(json!({"query": "query A { __typename } query B { __typename }"})).await;
    assert_eq!(
        (answer.status().as_u16(), refusal(answer).await.as_str()),
        (400, "GRAPHQL_VALIDATION_FAILED")
    );
    let answer = client.query(json!({"query": query, "variables": {"n": "not a number"}})).await;
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{body}");
}

#[tokio::test]
async fn every_response_has_a_request_id_and_security_headers() {
    let client = Client::start().await;
    let named = client
        .request(Method::GET, "/healthz")
        .header("x-request-id", "from-the-proxy-1")
        .send()
        .await
        .unwrap();
    assert_eq!(named.headers()["x-request-id"], "from-the-proxy-1");
    for bad in ["short", "with space in it", &"x".repeat(65)] {
        let answer =
            client.request(Method::GET, "/healthz").header("x-request-id", bad).send().await.unwrap();
        assert_ne!(answer.headers()["x-request-id"], bad);
        assert_eq!(answer.headers()["x-request-id"].len(), 32);
    }
    let lost = client.request(Method::GET, "/no/such/path").send().await.unwrap();
    assert_eq!(lost.headers()["x-content-type-options"], "nosniff");
    assert_eq!(lost.headers()["cache-control"], "no-store");
    assert_eq!((lost.status().as_u16(), refusal(lost).await.as_str()), (404, "NOT_FOUND"));

    let ready = client.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let metrics = client.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"route="/healthz""#), "{metrics}");
    assert!(metrics.contains("database_statements_total"), "{metrics}");
}

#[tokio::test]
async fn every_page_is_served_under_a_strict_policy() {
    let client = Client::start().await;
    let get = |path: &str| client.request(Method::GET, path);
    let webhook = client.request(Method::POST, Webhook::IncomingCall.path()).form(&[("a", "b")]);
    let pages = [
        (get("/graphql").header("accept", "text/html"), 200),
        (get("/graphiql/init.js"), 200),
        (client.post(r#"{"query":"{ viewer { id } }"}"#), 200),
        (get("/graphql"), 400),
        (get("/healthz"), 200),
        (get("/metrics"), 200),
        (get("/lost"), 404),
        (webhook, 403),
    ];
    for (request, status) in pages {
        let answer = request.send().await.unwrap();
        let page = format!("{} {}", answer.url().path(), answer.status());
        assert_eq!(answer.status(), status, "{page}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{page}");
        assert_eq!(header("x-frame-options"), "DENY", "{page}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{page}");
        let policy = header("content-security-policy");
        for strict in ["default-src 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(strict), "{page}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{page}: {policy}");
    }
}

#[tokio::test]
async fn other_origins_need_a_preflight() {
    let client = Client::start_with(&[("ALLOWED_ORIGINS", "https://dashboard.example")]).await;
    let preflight = |origin: &'static str| {
        let request = client.request(Method::OPTIONS, "/graphql").header("origin", origin);
        request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .send()
    };
    let ours = preflight("https://dashboard.example").await.unwrap();
    assert_eq!(ours.headers()["access-control-allow-origin"], "https://dashboard.example");
    assert!(!ours.headers().contains_key("access-control-allow-credentials"));
    let other = preflight("https://elsewhere.example").await.unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"));

    // Whatever clients, tracers and monitors add, up to a bound.
    let asked = "apollo-require-preflight,baggage,sentry-trace,traceparent,tracestate,x-client-info,apikey";
    let endless = vec!["x-made-up"; 500].join(",");
    for (headers, allowed) in [(asked, Some(asked)), (&endless, None)] {
        let answer = client
            .request(Method::OPTIONS, "/graphql")
            .header("origin", "https://dashboard.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", headers)
            .send()
            .await
            .unwrap();
        let mirrored = answer.headers().get("access-control-allow-headers");
        assert_eq!(mirrored.map(|value| value.to_str().unwrap()), allowed);
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn graphiql_is_for_browsers() {
    let client = Client::start_with(&[("GRAPHIQL", "on")]).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = client.request(Method::GET, "/graphql").header("accept", browser).send().await.unwrap();
    assert_eq!((page.status().as_u16(), kind(&page).as_str()), (200, "text/html"));
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.unwrap();
    assert_eq!(html.matches("integrity=\"sha384-").count(), 4, "{html}");
    assert!(!html.contains("{{") && !html.contains("<script>"), "{html}");
    let program = client.request(Method::GET, "/graphql").bearer_auth(&client.token);
    assert_eq!(program.send().await.unwrap().status(), 400);
    for file in ["init.js", "page.css"] {
        assert_eq!(
            client.request(Method::GET, &format!("/graphiql/{file}")).send().await.unwrap().status(),
            200
        );
    }

    let without = Client::start_with(&[("GRAPHIQL", "off")]).await;
    let page = without.request(Method::GET, "/graphql").header("accept", browser).send().await.unwrap();
    assert_eq!(kind(&page), JSON);
    assert_eq!(without.request(Method::GET, "/graphiql/init.js").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_incomplete_request_times_out() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let client = Client::start().await;
    let address = client.app.base_url().replace("http://", "");
    let (began, mut answers) = (Instant::now(), Vec::new());
    let half = [
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Ty".to_owned(),
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            .to_owned(),
    ];
    let sent = half.map(async |half| {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let ended = tokio::time::timeout(Duration::from_secs(15), stream.read_to_string(&mut answer)).await;
        ended.expect("the server still waits").unwrap();
        answer
    });
    let [headers, body] = sent;
    let both = tokio::join!(headers, body);
    answers.extend([both.0, both.1]);
    assert!(began.elapsed() >= Duration::from_secs(9));
    assert!(answers[1].starts_with("HTTP/1.1 408"), "{answers:?}");
}
