//! Traces: exported to a collector over OTLP, from a call and from a mutation to the provider's request; and what a collector
//! costs that takes none.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use switchboard::sandbox::Credentials;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::program::PUBLIC_URL;
use crate::support::webhooks::{INCOMING, ringing, sid, signature};
use crate::support::{System, wait_until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const ABOVE: &str = "b7ad6b7169203331";
const PROMPT: &str = "You answer for a practice that nobody may hear of";
const CREATE: &str = r"
mutation Create($input: CreateAgentInput!) {
  createAgent(input: $input) { phoneNumber { number } apiToken userErrors { message } }
}";

/// Takes spans, or refuses them.
#[derive(Clone, Default)]
struct Collector {
    taken: Arc<Mutex<Vec<Value>>>,
    refuses: Arc<Mutex<bool>>,
    authorized: Arc<Mutex<BTreeSet<String>>>,
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let routes = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        (collector, serve(routes).await)
    }

    fn spans(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }

    /// The first span of this name that is below `parent`, once it was exported.
    async fn below(&self, parent: &str, name: &str) -> Value {
        let what = format!("a span {name} below {parent}");
        let found = wait_until(&what, Duration::from_secs(20), async || {
            let spans = self.spans();
            spans.into_iter().find(|span| span["parentSpanId"] == parent && span["name"] == name)
        });
        found.await
    }
}

async fn take(
    State(collector): State<Collector>,
    headers: HeaderMap,
    Json(export): Json<Value>,
) -> StatusCode {
    if *collector.refuses.lock().unwrap() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    collector.authorized.lock().unwrap().insert(authorization);
    for resource in export["resourceSpans"].as_array().unwrap() {
        let service = json!({"key": "service.name", "value": {"stringValue": "calls of a test"}});
        assert_eq!(resource["resource"]["attributes"][0], service);
        for scope in resource["scopeSpans"].as_array().unwrap() {
            collector.taken.lock().unwrap().extend(scope["spans"].as_array().unwrap().clone());
        }
    }
    StatusCode::OK
}

async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

/// Stands before the emulated providers and notes the `traceparent` of every request.
#[derive(Clone, Default)]
struct Way {
    sandbox: Arc<OnceLock<String>>,
    traceparents: Arc<Mutex<BTreeSet<String>>>,
}

async fn pass_on(State(way): State<Way>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(traceparent) = parts.headers.get("traceparent") {
        way.traceparents.lock().unwrap().insert(traceparent.to_str().unwrap().to_owned());
    }
    let url = format!("{}{}", way.sandbox.get().unwrap(), parts.uri);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let answer = http.request(parts.method, url).headers(parts.headers).body(body).send().await.unwrap();
    let (status, kind) = (answer.status(), answer.headers().get("content-type").cloned());
    let mut passed = (status, Body::from(answer.bytes().await.unwrap())).into_response();
    if let Some(kind) = kind {
        passed.headers_mut().insert("content-type", kind);
    }
    passed
}

/// Sends a request that belongs to a trace of the client's.
async fn send(system: &System, request: reqwest::RequestBuilder) -> reqwest::Response {
    let request = request.header("traceparent", format!("00-{TRACE}-{ABOVE}-01"));
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{} at {}", answer.status(), system.url());
    answer
}

#[tokio::test]
async fn a_call_and_a_mutation_are_traced_down_to_the_providers_requests() {
    let (collector, url) = Collector::start().await;
    let way = Way::default();
    let on_the_way = serve(Router::new().fallback(pass_on).with_state(way.clone())).await;
    let system = System::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20of-the-collector"),
        ("OTEL_SERVICE_NAME", "calls of a test"),
        ("TWILIO_API_BASE_URL", &on_the_way),
        ("ELEVENLABS_API_BASE_URL", &on_the_way),
    ])
    .await;
    way.sandbox.set(system.sandbox_url()).unwrap();

    let input = json!({"name": "Dr. Smith's Office", "areaCode": "212", "prompt": PROMPT});
    let body = json!({"query": CREATE, "variables": {"input": input}});
    let (http, tenant) = (system.http(), Uuid::from_u128(1));
    let request =
        http.post(format!("{}/graphql", system.url())).bearer_auth(system.token(tenant)).json(&body);
    let made: Value = send(&system, request).await.json().await.unwrap();
    let made = &made["data"]["createAgent"];
    let number = made["phoneNumber"]["number"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();

    let id = |span: &Value| span["spanId"].as_str().unwrap().to_owned();
    let mutation = collector.below(ABOVE, "POST /graphql").await;
    let operation = collector.below(&id(&mutation), "create_agent").await;
    let (create, buy) =
        tokio::join!(async { collector.below(&id(&operation), "create_voice_agent").await }, async {
            collector.below(&id(&operation), "buy_number").await
        },);
    let (created, bought) =
        tokio::join!(async { collector.below(&id(&create), "voice create_agent").await }, async {
            collector.below(&id(&buy), "carrier buy_number").await
        },);

    let form = ringing(&number, &sid(1));
    let signature =
        signature(&Credentials::development().auth_token, &format!("{PUBLIC_URL}{INCOMING}"), &form);
    let request = http.post(format!("{}{INCOMING}", system.url())).header("x-twilio-signature", signature);
    let answer = send(&system, request.form(&form)).await.text().await.unwrap();
    assert!(answer.contains("<Connect>"), "{answer}");
    let call = collector.below(ABOVE, &format!("POST {INCOMING}")).await;
    let (admission, registered) =
        tokio::join!(async { collector.below(&id(&call), "admission").await }, async {
            collector.below(&id(&call), "voice register_call").await
        },);

    for span in [&mutation, &operation, &create, &buy, &created, &bought, &call, &admission, &registered] {
        assert_eq!(span["traceId"], TRACE, "{span}");
        let nanos = |end: &str| span[end].as_str().unwrap().parse::<u64>().unwrap();
        assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"), "{span}");
    }
    assert_eq!(json!([call["kind"], admission["kind"], registered["kind"]]), json!([2, 1, 3]));
    let sent = |span: &Value| format!("00-{TRACE}-{}-01", id(span));
    let traceparents = way.traceparents.lock().unwrap().clone();
    for span in [&created, &bought, &registered] {
        assert!(traceparents.contains(&sent(span)), "{span} in {traceparents:?}");
    }
    assert_eq!(*collector.authorized.lock().unwrap(), BTreeSet::from(["Bearer of-the-collector".to_owned()]));
    nothing_private(&collector.spans(), &[&number, made["apiToken"].as_str().unwrap()]);
}

/// No span holds a number, a secret or a prompt, or is of a probe.
fn nothing_private(spans: &[Value], private: &[&str]) {
    let text = serde_json::to_string(spans).unwrap();
    let Credentials { auth_token, api_key, .. } = Credentials::development();
    for private in private.iter().copied().chain([auth_token.as_str(), &api_key, PROMPT, "3125550199"]) {
        assert!(!text.contains(private.trim_start_matches('+')), "{private}");
    }
    for probe in ["/healthz", "/readyz", "/metrics"] {
        assert!(!text.contains(probe), "{probe}");
    }
}

#[tokio::test]
async fn an_unresponsive_collector_costs_spans_and_delays_nothing() {
    let (collector, url) = Collector::start().await;
    *collector.refuses.lock().unwrap() = true;
    let system = System::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=x"),
        ("OTEL_SERVICE_NAME", "calls of a test"),
    ])
    .await;
    let get = async |path: &str| {
        system.http().get(format!("{}{path}", system.url())).send().await.unwrap().text().await.unwrap()
    };
    let ask = async || get("/graphql?query=%7B__typename%7D").await;
    wait_until("spans are lost", Duration::from_secs(20), async || {
        assert!(ask().await.contains("data"));
        let metrics = get("/metrics").await;
        let lost = metrics.lines().find_map(|line| {
            line.strip_prefix(r#"switchboard_spans_lost_total{reason="export_failed"} "#)?.parse::<u64>().ok()
        });
        lost.filter(|lost| *lost > 0)
    })
    .await;
    *collector.refuses.lock().unwrap() = false;
    wait_until("spans are taken again", Duration::from_secs(20), async || {
        ask().await;
        (!collector.spans().is_empty()).then_some(())
    })
    .await;
}
