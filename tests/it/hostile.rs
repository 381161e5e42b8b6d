//! Whatever is sent to the API, the answer is clear, comes at once, and the next request is answered as if nothing had
//! been: bodies that are no request, and hostile values in every argument there is.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;
use crate::support::socket::Socket;

const UNLIMITED: [(&str, &str); 1] = [("RATE_LIMIT_PER_MINUTE", "0")];
const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";
const AT_ONCE: Duration = Duration::from_secs(1);

/// The codes of errors that are somebody else's fault than the client's.
const OURS: [&str; 5] = ["INTERNAL", "TIMEOUT", "UNAVAILABLE", "CARRIER_UNAVAILABLE", "RATE_LIMITED"];

fn document(query: &str) -> Vec<u8> {
    json!({ "query": query }).to_string().into_bytes()
}

/// A request whose variable `$v` is this JSON, as it stands.
fn variable(of: &str, value: &str) -> Vec<u8> {
    let query = format!("query($v: {of}) {{ agents(filter: {{nameContains: $v}}) {{ totalCount }} }}");
    format!(r#"{{"query": {}, "variables": {{"v": {value}}}}}"#, json!(query)).into_bytes()
}

/// Each body, with its status and its code.
fn bodies() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let request = r#"{"query":"{ __typename }"}"#;
    let aliases: String = (0..10_000).map(|at| format!("a{at}: __typename ")).collect();
    let short_aliases: String = (0..1_000).map(|at| format!("a{at}:id ")).collect();
    let (open, close) = ("[".repeat(5_000), "]".repeat(5_000));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
    let circle: String =
        (0..20).map(|at| format!("fragment F{at} on Query {{ ...F{} }} ", (at + 1) % 20)).collect();
    let mut latin = document("{ agents(filter: {nameContains: \"Jos?\"}) { totalCount } }");
    latin.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xe9);
    vec![
        ("10 MB of spaces", vec![b' '; 10 << 20], 413, "PAYLOAD_TOO_LARGE"),
        ("10 MB of a query", document(&"{ __typename }".repeat(750_000)), 413, "PAYLOAD_TOO_LARGE"),
        (
            "10 MB of a variable",
            variable("String", &json!("x".repeat(10 << 20)).to_string()),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        ("Latin-1", latin, 400, "BAD_REQUEST"),
        (
            "a surrogate in UTF-8",
            b"{\"query\":\"{ __typename } #\xed\xa0\x80\"}".to_vec(),
            400,
            "BAD_REQUEST",
        ),
        ("an overlong slash", b"{\"query\":\"{ __typename } #\xc0\xaf\"}".to_vec(), 400, "BAD_REQUEST"),
        ("UTF-16", request.encode_utf16().flat_map(u16::to_le_bytes).collect(), 400, "BAD_REQUEST"),
        ("a byte order mark", format!("\u{feff}{request}").into_bytes(), 400, "BAD_REQUEST"),
        ("nothing but NUL", vec![0; 1_000], 400, "BAD_REQUEST"),
        ("NUL between", format!("{request}\0").into_bytes(), 400, "BAD_REQUEST"),
        ("two requests", format!("{request}{request}").into_bytes(), 400, "BAD_REQUEST"),
        ("a raw NUL in a string", b"{\"query\":\"{ __typename \0}\"}".to_vec(), 400, "BAD_REQUEST"),
        (
            "half a surrogate in the query",
            br#"{"query":"{ __typename } #\ud800"}"#.to_vec(),
            400,
            "BAD_REQUEST",
        ),
        ("half a surrogate in a variable", variable("String", r#""\udc00""#), 400, "BAD_REQUEST"),
        ("surrogates the wrong way round", variable("String", r#""\ude00\ud83d""#), 400, "BAD_REQUEST"),
        (
            "a batch of a thousand",
            format!("[{}]", vec![request; 1_000].join(",")).into_bytes(),
            400,
            "BATCHING_NOT_SUPPORTED",
        ),
        ("an empty batch", b"[]".to_vec(), 400, "BATCHING_NOT_SUPPORTED"),
        ("arrays 5,000 deep", variable("String", &format!("{open}{close}")), 400, "BAD_REQUEST"),
        ("objects 5,000 deep", variable("String", &objects), 400, "BAD_REQUEST"),
        ("a number beyond all", variable("String", "1e99999"), 400, "BAD_REQUEST"),
        ("NUL in the document", document("{ __typename \0 }"), 400, "GRAPHQL_PARSE_FAILED"),
        ("10,000 aliases", document(&format!("{{ {aliases} }}")), 400, "QUERY_TOO_COMPLEX"),
        (
            "1,000 short aliases",
            document(&format!("{{ viewer {{ {short_aliases} }} }}")),
            400,
            "QUERY_TOO_COMPLEX",
        ),
        (
            "fields 5,000 deep",
            document(&format!("{}a{}", "{a".repeat(5_000), "}".repeat(5_000))),
            400,
            "QUERY_TOO_COMPLEX",
        ),
        (
            "a list 5,000 deep",
            document(&format!("{{ nodes(ids: {open}{close}) {{ id }} }}")),
            400,
            "QUERY_TOO_COMPLEX",
        ),
        (
            "a list type 5,000 deep",
            document(&format!("query($v: {open}ID{close}) {{ nodes(ids: $v) {{ id }} }}")),
            400,
            "QUERY_TOO_COMPLEX",
        ),
        (
            "fragments in a circle",
            document(&format!("{{ ...F7 }} {circle}")),
            400,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "an unclosed string",
            document("{ agents(filter: {nameContains: \"a}) { totalCount } }"),
            400,
            "GRAPHQL_PARSE_FAILED",
        ),
        ("a number for a string", variable("String", "7"), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("a list for a string", variable("String", r#"["a"]"#), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("an object for a string", variable("String", r#"{"a": 1}"#), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("a type nobody knows", variable("Text", r#""a""#), 400, "GRAPHQL_VALIDATION_FAILED"),
        ("a type that does not fit", variable("Int", "1"), 400, "GRAPHQL_VALIDATION_FAILED"),
    ]
}

#[tokio::test]
async fn bodies_that_are_no_request_are_refused_at_once_and_the_server_lives() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let mut socket = Socket::ready(&app, &token).await;
    for (name, body, status, code) in bodies() {
        let payload: Option<Value> = serde_json::from_slice(&body).ok().filter(|_| status == 400);
        let request = app.http().post(format!("{}/graphql", app.base_url())).bearer_auth(&token);
        let request = request.header(CONTENT_TYPE, JSON).header(ACCEPT, GRAPHQL).body(body);
        let began = Instant::now();
        let answer = request.send().await.unwrap();
        assert!(began.elapsed() < AT_ONCE, "{name} took {:?}", began.elapsed());
        assert_eq!(answer.status(), status, "{name}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], code, "{name}: {body}");
        clear(name, &body);
        let alive = app.graphql(&token, "{ __typename }", json!({})).await;
        assert_eq!(alive, json!({"data": {"__typename": "Query"}}), "after {name}");

        // The same over the socket: an operation's error, or the end of a client that does not speak the protocol.
        if let Some(payload) = payload {
            socket.send(json!({"type": "subscribe", "id": "a", "payload": payload})).await;
            if payload.is_array() {
                assert_eq!(socket.closed(AT_ONCE).await, 4400, "{name}");
                socket = Socket::ready(&app, &token).await;
                continue;
            }
            let refused = socket.next().await;
            assert_eq!(
                (&refused["type"], &refused["id"]),
                (&json!("error"), &json!("a")),
                "{name}: {refused}"
            );
            assert_eq!(refused["payload"][0]["extensions"]["code"], code, "{name}: {refused}");
        }
    }
}

/// The answer says in a sentence what is wrong, and nothing of what is behind it.
fn clear(name: &str, body: &Value) {
    for error in body["errors"].as_array().into_iter().flatten() {
        let message = error["message"].as_str().unwrap_or_default();
        assert!((5..=500).contains(&message.chars().count()), "{name}: {body}");
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        assert!(!code.is_empty() && !OURS.contains(&code), "{name}: {body}");
    }
    let text = body.to_string().to_lowercase();
    for inside in ["sqlx", "sqlite", "postgres", "syntax error", "constraint", "panicked", "sea_orm", "/src/"]
    {
        assert!(!text.contains(inside), "{name} tells of {inside}: {body}");
    }
}

/// Text for every argument. Most of it is a lawful name, and must come back as it was sent.
const TEXTS: [&str; 12] = [
    "'; DROP TABLE agents; --",
    "' OR '1'='1",
    "x') UNION SELECT id, name FROM tenants --",
    "\\'; SELECT pg_sleep(5); --",
    "%' OR 1=1 /*",
    "$1 :name ?",
    "{{7*7}} ${jndi:ldap://127.0.0.1/a}",
    "../../../../etc/passwd",
    "<Say>&amp;</Response>",
    "a\r\nX-Injected: 1",
    "\u{202e}tsitned \u{1f9b7}\u{feff}",
    "NUL\0byte",
];

/// The same of other types, and out of all bounds.
fn values() -> Vec<Value> {
    let mut values: Vec<Value> = TEXTS.iter().map(|text| json!(text)).collect();
    values.extend([json!(""), json!(" "), json!("x".repeat(100_000)), json!(null), json!(true), json!(-1)]);
    values.extend([json!(i64::MAX), json!(1.5), json!([]), json!(["a", null]), json!({"a": {"b": 1}})]);
    values
}

/// The API's own description of itself.
struct Schema(Value);

impl Schema {
    async fn ask(app: &App, token: &str) -> Self {
        let of = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
        let query = format!(
            "{{ __schema {{ types {{ kind name inputFields {{ name type {{ {of} }} defaultValue }}
               fields {{ name args {{ name type {{ {of} }} defaultValue }} type {{ {of} }} }} }} }} }}"
        );
        Self(app.graphql(token, &query, json!({})).await["data"]["__schema"]["types"].clone())
    }

    fn of(&self, name: &str) -> &Value {
        self.0.as_array().unwrap().iter().find(|of| of["name"] == name).unwrap_or_else(|| panic!("{name}"))
    }

    fn fields(&self, of: &str) -> impl Iterator<Item = &Value> {
        self.of(of)["fields"].as_array().into_iter().flatten()
    }

    /// The variables for these arguments with nothing wrong in them, and the path to each value in them.
    fn lawful(&self, arguments: &Value, agent: &str) -> (Value, Vec<Vec<String>>) {
        let (mut variables, mut paths) = (json!({}), Vec::new());
        for argument in arguments.as_array().into_iter().flatten() {
            let name = argument["name"].as_str().unwrap();
            let (kind, of) = named(&argument["type"]);
            if kind == "INPUT_OBJECT" {
                let (inner, deeper) = self.lawful(&self.of(of)["inputFields"], agent);
                paths.extend(deeper.into_iter().map(|path| [vec![name.to_owned()], path].concat()));
                variables[name] = inner;
                continue;
            }
            paths.push(vec![name.to_owned()]);
            let required = argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null();
            match name {
                "provisionPhone" => variables[name] = json!(false),
                "ids" => variables[name] = json!([agent]),
                "id" | "agentId" if required => variables[name] = json!(agent),
                _ if required => variables[name] = json!("Practice"),
                _ => {}
            }
        }
        (variables, paths)
    }

    /// A document that asks for this field, with its arguments as variables.
    fn document(&self, operation: &str, field: &Value) -> String {
        let (mut declared, mut given) = (Vec::new(), Vec::new());
        for argument in field["args"].as_array().unwrap() {
            let name = argument["name"].as_str().unwrap();
            declared.push(format!("${name}: {}", written(&argument["type"])));
            given.push(format!("{name}: ${name}"));
        }
        let of = named(&field["type"]).1;
        let has = |name: &str| self.fields(of).any(|field| field["name"] == name);
        let mut selected = "__typename".to_owned();
        for (name, selection) in [
            ("nodes", " nodes { __typename }"),
            ("totalCount", " totalCount"),
            ("userErrors", " userErrors { code message }"),
        ] {
            if has(name) {
                selected.push_str(selection);
            }
        }
        let name = field["name"].as_str().unwrap();
        format!("{operation}({}) {{ {name}({}) {{ {selected} }} }}", declared.join(", "), given.join(", "))
    }
}

/// What is inside of all lists and bangs: its kind and name.
fn named(of: &Value) -> (&str, &str) {
    match of["name"].as_str() {
        Some(name) => (of["kind"].as_str().unwrap(), name),
        None => named(&of["ofType"]),
    }
}

/// A type as documents name it; nullable at the outside, so that wrong variables get as far as they can.
fn written(of: &Value) -> String {
    match of["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", written(&of["ofType"])),
        "LIST" => format!("[{}]", written(&of["ofType"])),
        _ => of["name"].as_str().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn hostile_values_in_every_argument_are_values_and_no_more() {
    let app = App::start_with(&UNLIMITED).await;
    let (token, other) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let create = "mutation($name: String!) { createAgent(input: {name: $name, provisionPhone: false}) {
        agent { id name } userErrors { message } } }";
    let made =
        app.graphql(&token, create, json!({"name": TEXTS[0]})).await["data"]["createAgent"]["agent"].clone();
    assert_eq!(made["name"], TEXTS[0], "{made}");
    let theirs = app.graphql(&other, create, json!({"name": "Theirs"})).await;
    let agent = made["id"].as_str().unwrap();

    let schema = Schema::ask(&app, &token).await;
    let mut requests = Vec::new();
    for (root, operation) in [("Query", "query"), ("Mutation", "mutation")] {
        for field in schema.fields(root).filter(|field| field["args"] != json!([])) {
            let document = schema.document(operation, field);
            let (variables, paths) = schema.lawful(&field["args"], agent);
            for path in paths {
                for value in values() {
                    let mut variables = variables.clone();
                    variables[path[0].as_str()] = replaced(&variables[path[0].as_str()], &path[1..], value);
                    requests.push((
                        format!("{}.{}", field["name"], path.join(".")),
                        document.clone(),
                        variables,
                    ));
                }
            }
        }
    }
    assert!(requests.len() > 1_000, "{}", requests.len());
    let asked = futures_util::stream::iter(&requests).map(|(name, document, variables)| {
        let (app, token) = (&app, &token);
        async move {
            let began = Instant::now();
            let answer = app.graphql(token, document, variables.clone()).await;
            let shown: String = variables.to_string().chars().take(300).collect();
            (format!("{name} {shown}"), answer, began.elapsed())
        }
    });
    let mut asked = asked.buffer_unordered(4);
    while let Some((name, answer, took)) = asked.next().await {
        assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        clear(&name, &answer);
        assert!(!answer.to_string().contains("Theirs"), "{name}: {answer}");
    }
    drop(asked);
    let listed =
        "query($part: String) { agents(filter: {nameContains: $part}) { nodes { id name } totalCount } }";
    let found = app.graphql(&other, listed, json!({"part": null})).await;
    assert_eq!(found["data"]["agents"]["nodes"], json!([theirs["data"]["createAgent"]["agent"]]), "{found}");
    let found = app.graphql(&token, listed, json!({"part": TEXTS[1]})).await;
    assert!(found["data"]["agents"]["totalCount"].as_u64().is_some_and(|count| count >= 1), "{found}");
    for node in found["data"]["agents"]["nodes"].as_array().unwrap() {
        assert_eq!(node["name"], TEXTS[1], "{found}");
    }
}

/// The value with another one at this path.
fn replaced(value: &Value, path: &[String], by: Value) -> Value {
    let Some((name, rest)) = path.split_first() else { return by };
    let mut value = value.clone();
    value[name.as_str()] = replaced(&value[name.as_str()], rest, by);
    value
}
