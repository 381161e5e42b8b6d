//! The program itself, run as a person runs it: in a folder, with an environment, until a signal.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::program::{Running, err, lines, out, read_until, run, switchboard};

/// `switchboard dev`, and what it printed.
struct Dev {
    running: Running,
    welcome: Vec<String>,
}

impl Dev {
    fn start(folder: &Path, bind: &str, sandbox_port: &str) -> Self {
        let mut command = switchboard(folder, &["dev", "--sandbox-port", sandbox_port]);
        let mut child = command.env("BIND_ADDRESS", bind).stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let running = Running(child);
        Self { running, welcome: read_until(&lines, "Ctrl-C") }
    }

    /// What the welcome says after this word at the beginning of a line.
    fn says(&self, word: &str) -> String {
        let line = self.welcome.iter().find_map(|line| line.trim().strip_prefix(word));
        line.unwrap_or_else(|| panic!("no {word} in {:#?}", self.welcome)).trim().to_owned()
    }

    async fn graphql(&self, query: &str) -> Value {
        let request = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let request = request.post(self.says("API")).bearer_auth(self.says("Token"));
        request.json(&json!({ "query": query })).send().await.unwrap().json().await.unwrap()
    }
}

/// `http://127.0.0.1:8001, emulated` gives `127.0.0.1:8001`.
fn address(url: &str) -> &str {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split(['/', ',']).next().unwrap()
}

const CREATE: &str = r#"mutation {
    createAgent(input: {name: "Dr. Smith's Office Assistant", areaCode: "212"}) {
        agent { id name status } phoneNumber { number status sid } apiToken userErrors { code message }
    }
}"#;

#[tokio::test]
async fn a_first_session_works_and_is_kept_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let dev = Dev::start(folder, "127.0.0.1:0", "0");
    assert!(dev.welcome[0].contains("nothing real is bought or called"));
    assert_eq!(dev.says("GraphiQL"), format!("{}#token={}", dev.says("API"), dev.says("Token")));
    assert_eq!(dev.says("Console"), dev.says("GraphiQL").replace("/graphql#", "/console#"));
    assert!(dev.welcome[2].trim().starts_with("Console"), "{:#?}", dev.welcome);
    let mode = std::fs::metadata(folder.join(".switchboard/dev.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let answer = dev.graphql(CREATE).await;
    let made = &answer["data"]["createAgent"];
    assert_eq!(made["userErrors"], json!([]), "{answer}");
    let number = made["phoneNumber"]["number"].as_str().unwrap().to_owned();
    assert!(number.starts_with("+1212") && made["phoneNumber"]["status"] == "ACTIVE", "{answer}");
    assert!(made["phoneNumber"]["sid"].as_str().unwrap().starts_with("PN"), "{answer}");
    assert!(made["apiToken"].as_str().unwrap().starts_with("vami_agent_"), "{answer}");

    let call = run(folder, &["call", "--to", &number], &[]);
    let story = out(&call);
    assert!(call.status.success(), "{story}{}", err(&call));
    assert!(story.contains("<Response") && story.contains("Agent  Dr. Smith's Office Assistant"), "{story}");

    let unknown = run(folder, &["call", "--to", "+14155550100"], &[]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(err(&unknown).contains("+14155550100"), "{}", err(&unknown));
    let second = run(folder, &["dev"], &[]);
    assert_eq!(second.status.code(), Some(1));
    assert!(err(&second).contains("running in this folder already"), "{}", err(&second));

    let (bind, sandbox) = (dev.says("API"), dev.says("Carriers"));
    assert_eq!(dev.running.terminate(), Some(0));
    let nobody = run(folder, &["call", "--to", &number], &[]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(err(&nobody).contains("start `switchboard dev`"), "{}", err(&nobody));

    let port = address(&sandbox).rsplit_once(':').unwrap().1;
    let dev = Dev::start(folder, address(&bind), port);
    let kept = dev.graphql("{ agents(first: 5) { nodes { name phoneNumber { number status } } } }").await;
    let kept = &kept["data"]["agents"]["nodes"];
    assert_eq!(kept[0]["name"], "Dr. Smith's Office Assistant", "{kept}");
    assert_eq!(kept[0]["phoneNumber"], json!({ "number": number, "status": "ACTIVE" }));
    let again = run(folder, &["call", "--to", &number], &[]);
    assert!(
        again.status.success() && out(&again).contains("Agent  Dr. Smith's"),
        "{}{}",
        out(&again),
        err(&again)
    );
    assert_eq!(dev.running.terminate(), Some(0));
}

#[tokio::test]
async fn the_console_of_dev_places_test_calls() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path(), "127.0.0.1:0", "0");
    let answer = dev.graphql(CREATE).await;
    let number = answer["data"]["createAgent"]["phoneNumber"]["number"].as_str().unwrap().to_owned();
    let origin = dev.says("API").replace("/graphql", "");
    let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
    let page = http.get(format!("{origin}/console")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(" data-sandbox=\"/sandbox/calls\""), "{page}");
    let post =
        |path: &str, body: Value| http.post(format!("{origin}{path}")).header("origin", &origin).json(&body);

    let held = post("/sandbox/calls", json!({"to": number, "hold": true})).send().await.unwrap();
    assert_eq!(
        (held.status().as_u16(), &held.headers()["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
    let held: Value = held.json().await.unwrap();
    assert_eq!(held["status"], "in-progress", "{held}");
    let active = dev.graphql("{ viewer { activeCalls } }").await;
    assert_eq!(active["data"]["viewer"]["activeCalls"], 1, "{active}");
    let hangup = format!("/sandbox/calls/{}/hangup", held["call_sid"].as_str().unwrap());
    let ended: Value = post(&hangup, json!({})).send().await.unwrap().json().await.unwrap();
    assert_eq!(ended["status"], "completed", "{ended}");

    // What another page can send without a preflight, and what it can send after it made its own name lead here.
    let plain = http.post(format!("{origin}/sandbox/calls")).header("content-type", "text/plain");
    let plain = plain.body(json!({"to": number}).to_string()).send().await.unwrap();
    assert_eq!(plain.status(), 415);
    let simple = http.post(format!("{origin}{hangup}")).send().await.unwrap();
    assert_eq!(simple.status(), 415);
    let port = origin.rsplit_once(':').unwrap().1;
    for (from, host) in [
        ("https://elsewhere.example".to_owned(), None),
        (format!("http://rebound.example:{port}"), Some(format!("rebound.example:{port}"))),
        ("null".to_owned(), None),
    ] {
        let mut request = http.post(format!("{origin}/sandbox/calls")).header("origin", &from);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        assert_eq!(request.json(&json!({"to": number})).send().await.unwrap().status(), 403, "{from}");
    }
    // Through a tunnel.
    let tunnelled = http.post(format!("{origin}/sandbox/calls")).header("host", "tunnel.example");
    assert_eq!(tunnelled.json(&json!({"to": number})).send().await.unwrap().status(), 403);
    let preflight = http.request(reqwest::Method::OPTIONS, format!("{origin}/sandbox/calls"));
    let preflight = preflight.header("origin", "https://elsewhere.example");
    let preflight = preflight.header("access-control-request-method", "POST").send().await.unwrap();
    assert!(!preflight.headers().contains_key("access-control-allow-origin"));
    // Nothing else of the emulated providers is here.
    for path in ["/sandbox/state", "/sandbox/faults", "/sandbox/clock"] {
        assert_eq!(http.get(format!("{origin}{path}")).send().await.unwrap().status(), 404, "{path}");
    }
    assert_eq!(dev.running.terminate(), Some(0));
}

#[test]
fn serve_reports_every_missing_variable_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["serve"], &[("OPERATION_WAIT", "soon")]);
    assert_eq!(output.status.code(), Some(2));
    let said = err(&output);
    let needed = ["DATABASE_URL", "WEBHOOK_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"];
    for name in
        needed.into_iter().chain(["ELEVENLABS_API_KEY", "JWT_SECRET", "JWT_JWKS_URL", "OPERATION_WAIT"])
    {
        assert!(said.contains(name), "{name} is missing in:\n{said}");
    }
    assert!(said.contains("for example: https://calls.example.com"), "{said}");
}

#[test]
fn a_dotenv_file_is_read_but_never_overrides() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join(".env"), "OPERATION_WAIT=soon\nGRAPHIQL=perhaps\n").unwrap();
    let said = err(&run(folder, &["serve"], &[("OPERATION_WAIT", "5s")]));
    assert!(said.contains("GRAPHIQL") && !said.contains("OPERATION_WAIT"), "{said}");

    // Nothing in a value is expanded or unquoted.
    let literal = "TWILIO_AUTH_TOKEN=\"a-secret-in-quotes\"\nJWT_SECRET=it's-$HOME-and-long-enough-for-a-secret\nINTROSPECTION=off # no comment\n";
    std::fs::write(folder.join(".env"), literal).unwrap();
    let said = err(&run(folder, &["serve"], &[]));
    assert!(said.contains("TWILIO_AUTH_TOKEN") && said.contains("must not be in quotes"), "{said}");
    assert!(
        said.contains("INTROSPECTION") && !said.contains("JWT_SECRET") && !said.contains("a-secret-in"),
        "{said}"
    );

    std::fs::write(folder.join(".env"), "TWILIO_AUTH_TOKEN a-secret-by-mistake\n").unwrap();
    let output = run(folder, &["serve"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains(".env") && !err(&output).contains("a-secret"), "{}", err(&output));
}

#[tokio::test]
async fn serve_refuses_an_unmigrated_database_and_serves_a_migrated_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let database = TestDatabase::create_empty().await;
    let environment = [
        ("DATABASE_URL", database.url.as_str()),
        ("BIND_ADDRESS", "127.0.0.1:0"),
        ("WEBHOOK_BASE_URL", "https://calls.example.com"),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
        ("TWILIO_AUTH_TOKEN", "0123456789abcdef0123456789abcdef"),
        ("TWILIO_API_BASE_URL", "http://127.0.0.1:9"),
        ("ELEVENLABS_API_KEY", "sk_0123456789abcdef"),
        ("ELEVENLABS_API_BASE_URL", "http://127.0.0.1:9"),
        ("JWT_SECRET", "a-secret-of-at-least-thirty-two-bytes"),
        ("LOG_FORMAT", "json"),
    ];
    let refused = run(folder, &["serve"], &environment);
    assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
    assert!(err(&refused).contains("switchboard migrate"), "{}", err(&refused));

    let status = run(folder, &["migrate", "status"], &environment);
    assert_eq!(status.status.code(), Some(1), "{}", err(&status));
    let waiting = out(&status).matches("pending ").count();
    let migrated = run(folder, &["migrate"], &environment);
    assert!(migrated.status.success(), "{}", err(&migrated));
    assert_eq!(out(&migrated).matches("applied ").count(), waiting, "{}", out(&migrated));
    assert!(waiting > 0 && run(folder, &["migrate", "status"], &environment).status.success());

    let mut child = switchboard(folder, &["serve"]);
    let mut child = child.envs(environment).stderr(Stdio::piped()).spawn().unwrap();
    let lines = lines(child.stderr.take().unwrap());
    let running = Running(child);
    let line = read_until(&lines, "listening").pop().unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    let url = format!("http://{}", line["address"].as_str().unwrap());
    let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    assert_eq!(http.get(format!("{url}/healthz")).send().await.unwrap().status(), 200);

    let user = "0198c0de-0000-7000-8000-000000000001";
    let token = run(folder, &["token", "--user", user], &environment);
    let request = http.post(format!("{url}/graphql")).bearer_auth(out(&token).trim());
    let answer = request.json(&json!({ "query": "{ viewer { userId } }" })).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["data"]["viewer"]["userId"], user, "{answer}");
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn the_schema_in_the_repository_is_the_one_that_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let printed = out(&run(folder.path(), &["schema"], &[]));
    let kept = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql"));
    assert_eq!(kept.unwrap_or_default(), printed, "run `cargo run -- schema > schema.graphql`");
}
