//! Files of incoming messages: fetched from the carrier alone, served by signed links, deleted when their time has come.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchboard::domain::{IncomingMessage, MediaReference, TenantId, TextReading};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::practice::{Practice, TENANT};
use crate::support::wait_until;

const SOON: Duration = Duration::from_secs(45);
const PATIENT: &str = "+13125550177";
const MESSAGES: &str = "{ messages { nodes { sid body media { contentType url sizeBytes problem } } } }";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";
const PAGE: &[u8] = b"<!doctype html><script>alert(document.domain)</script>";

/// What somebody's server was asked: method and path, credentials, content.
type Asked = (String, Option<String>, Vec<u8>);

/// A server that is not the carrier's API.
#[derive(Clone, Default)]
struct Elsewhere {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// For a store: what was put where.
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// Requests that fail before one succeeds.
    failures: Arc<Mutex<usize>>,
}

impl Elsewhere {
    async fn start<T: 'static>(answers: impl axum::handler::Handler<T, Self>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let elsewhere = Self { port: listener.local_addr().unwrap().port(), ..Self::default() };
        let router = Router::new().fallback(any(answers)).with_state(elsewhere.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        elsewhere
    }

    fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    fn note(&self, method: &Method, path: &str, headers: &HeaderMap, content: &[u8]) {
        let credentials = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
        self.asked.lock().unwrap().push((format!("{method} {path}"), credentials, content.to_vec()));
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A further host or port of the emulated carrier: a picture, a redirect to itself, or an endless answer.
async fn storage(
    State(elsewhere): State<Elsewhere>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    elsewhere.note(&method, uri.path(), &headers, &[]);
    match uri.path() {
        "/loop" => Redirect::temporary("/loop").into_response(),
        _ => ([(header::CONTENT_TYPE, "image/png")], PNG).into_response(),
    }
}

/// As much of S3 as files need: objects by path, for whoever signs.
async fn bucket(
    State(elsewhere): State<Elsewhere>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    content: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    elsewhere.note(&method, &path, &headers, &content);
    let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_signed = signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
        && signed.contains("/eu-central-1/s3/aws4_request")
        && signed.contains("Signature=");
    if !is_signed {
        return StatusCode::FORBIDDEN.into_response();
    }
    {
        let mut failures = elsewhere.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    let mut objects = elsewhere.objects.lock().unwrap();
    let dated = [(header::ETAG, "\"1\""), (header::LAST_MODIFIED, "Fri, 27 Nov 2026 12:00:00 GMT")];
    match method {
        Method::PUT => {
            objects.insert(path, content.to_vec());
            dated.into_response()
        }
        Method::DELETE => {
            objects.remove(&path);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => objects.get(&path).map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            |object| (dated, object.clone()).into_response(),
        ),
    }
}

fn file(content_type: &str, content: &[u8]) -> Value {
    json!({ "content_type": content_type, "base64": STANDARD.encode(content) })
}

fn redirected(to: &str) -> Value {
    json!({ "content_type": "image/png", "redirect_to": to })
}

impl Practice {
    /// A message with these files, as the emulated carrier delivers it; returns its id at the carrier.
    async fn receives_files(&self, files: Value) -> String {
        let text = json!({ "to": self.number, "from": PATIENT, "media": files });
        self.app.place_text(text).await["message_sid"].as_str().unwrap().to_owned()
    }

    /// The files of the message, once each is stored or given up.
    async fn settled(&self, sid: &str) -> Vec<Value> {
        wait_until("the files are settled", SOON, async || {
            let files = self.files(sid).await;
            let is_settled = |file: &Value| file["sizeBytes"].is_i64() || file["problem"].is_string();
            (!files.is_empty() && files.iter().all(is_settled)).then_some(files)
        })
        .await
    }

    async fn files(&self, sid: &str) -> Vec<Value> {
        let messages = self.ask(MESSAGES, json!({})).await;
        let messages = messages["nodes"].as_array().unwrap();
        let message = messages.iter().find(|message| message["sid"] == sid);
        message.map(|message| message["media"].as_array().unwrap().clone()).unwrap_or_default()
    }

    async fn load(&self, url: &str) -> (u16, HeaderMap, Vec<u8>) {
        let answer = self.app.http().get(url).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, headers, answer.bytes().await.unwrap().to_vec())
    }

    async fn requires_credentials_for_media(&self) {
        let url = format!("{}/sandbox/messaging", self.app.sandbox_url());
        let set = self.app.http().post(url).json(&json!({ "media_auth": true })).send().await.unwrap();
        assert!(set.status().is_success());
    }

    async fn at_carrier(&self, sid: &str) -> usize {
        let list = self.app.at_carrier(Method::GET, &format!("Messages/{sid}/Media"), &[]).await;
        list["media_list"].as_array().unwrap().len()
    }
}

fn link(file: &Value) -> &str {
    file["url"].as_str().unwrap()
}

#[tokio::test]
async fn a_picture_is_served_to_whoever_has_a_link_that_is_signed_and_not_over() {
    let practice = Practice::open(json!({})).await;
    practice.requires_credentials_for_media().await;
    let files = json!([file("image/png", PNG), file("application/pdf", b"%PDF-1.7 results")]);
    let sid = practice.receives_files(files).await;
    let files = practice.settled(&sid).await;
    assert_eq!(files[0]["contentType"], "image/png", "{files:?}");
    assert_eq!(files[0]["sizeBytes"].as_i64(), Some(PNG.len() as i64), "{files:?}");
    let (status, headers, content) = practice.load(link(&files[0])).await;
    assert_eq!((status, content.as_slice()), (200, PNG));
    for (name, part) in [
        ("content-type", "image/png"),
        ("content-disposition", "inline; filename=\""),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "private, max-age="),
    ] {
        assert!(headers[name].to_str().unwrap().starts_with(part), "{name}: {headers:?}");
    }
    let (_, headers, _) = practice.load(link(&files[1])).await;
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment; "), "{headers:?}");

    // Nobody makes or changes a link, not even one tenant with the id of another's file.
    let good = link(&files[0]);
    let stranger = Uuid::from_u128(77);
    practice.app.graphql(&practice.app.token(stranger), "{ viewer { userId } }", json!({})).await;
    let other = link(&files[1]).split(['/', '?']).nth(5).unwrap();
    let own = good.split(['/', '?']).nth(5).unwrap();
    for forged in [
        good.replace(&TENANT.to_string(), &stranger.to_string()),
        good.replace(own, other),
        good.replace("expires=", "expires=9"),
        good.split('?').next().unwrap().to_owned(),
        good.replace(own, "x"),
    ] {
        assert_ne!(forged, good);
        let (status, _, body) = practice.load(&forged).await;
        assert_eq!(status, 403, "{forged}");
        assert!(String::from_utf8(body).unwrap().contains("query the message again"));
    }
    // The row itself is hidden from others.
    let id = own.parse().unwrap();
    for (tenant, is_there) in [(TENANT, true), (stranger, false)] {
        let door = practice.app.database().read_as(TenantId(tenant)).await.unwrap();
        assert_eq!(door.media_file(id).await.unwrap().is_some(), is_there, "{tenant}");
    }
    practice.app.advance(Duration::from_secs(16 * 60));
    assert_eq!(practice.load(good).await.0, 403);
    // The files of a message that is sent are where the tenant has them.
    let sent = practice
        .ask(
            "mutation($input: SendMessageInput!) { sendMessage(input: $input) { message { media { url sizeBytes problem } }
                userErrors { message } } }",
            json!({ "input": { "phoneNumberId": practice.made["phoneNumber"]["id"], "to": PATIENT,
                               "mediaUrls": ["https://files.example.com/map.png"] } }),
        )
        .await;
    assert_eq!(
        sent["message"]["media"],
        json!([{ "url": "https://files.example.com/map.png", "sizeBytes": null, "problem": null }]),
        "{sent}"
    );
}

#[tokio::test]
async fn a_bad_file_is_refused_with_a_reason_and_holds_up_no_other() {
    let mut practice = Practice::open(json!({})).await;
    // Two servers share the work.
    practice.app.add_server().await;
    let elsewhere = Elsewhere::start(storage).await;
    let foreign = elsewhere.at("localhost", "/secret");
    let files = json!([
        { "content_type": "image/png", "base64": STANDARD.encode(PNG), "padded_to": 6_000_000 },
        file("image/png", PAGE),
        file("text/html", PAGE),
        file("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        redirected(&foreign),
        redirected("http://169.254.169.254/latest/meta-data/"),
        redirected("file:///etc/passwd"),
        redirected(&elsewhere.at("127.0.0.1", "/loop")),
        redirected(&elsewhere.at("127.0.0.1", "/picture")),
        { "content_type": "image/png", "base64": STANDARD.encode(PNG), "padded_to": 5_000_000 },
    ]);
    let sid = practice.receives_files(files).await;
    let files = practice.settled(&sid).await;
    let reasons = [
        "larger than 5 MB",
        "its content is not image/png",
        "text/html are not taken",
        "image/svg+xml are not taken",
        "not on a host of the carrier",
        "not on a host of the carrier",
        "not on a host of the carrier",
        "redirects too often",
        "",
        "",
    ];
    assert_eq!(files.len(), reasons.len(), "{files:?}");
    for (file, reason) in files.iter().zip(reasons) {
        assert!(file["problem"].as_str().unwrap_or_default().contains(reason), "{reason}: {file}");
        assert_eq!(file["problem"].is_null(), reason.is_empty(), "{file}");
        let (status, _, body) = practice.load(link(file)).await;
        assert_eq!(status, if reason.is_empty() { 200 } else { 404 }, "{file}");
        assert!(!reason.is_empty() || body.starts_with(PNG), "{file}");
    }
    // Each was fetched once, and our credentials stayed with the API.
    let asked = elsewhere.asked();
    let paths: Vec<&str> = asked.iter().map(|(path, ..)| path.as_str()).collect();
    let count = |path: &str| paths.iter().filter(|asked| **asked == path).count();
    assert_eq!((count("GET /picture"), count("GET /loop"), paths.len()), (1, 3, 4), "{paths:?}");
    assert!(asked.iter().all(|(_, credentials, _)| credentials.is_none()), "{asked:?}");

    // What a webhook says is no reason to ask anybody else.
    let media = [foreign.as_str(), "file:///etc/passwd", "no address", "https://api.twilio.com/a"];
    let media =
        media.map(|url| MediaReference { url: url.to_owned(), content_type: Some("image/png".to_owned()) });
    let text = IncomingMessage {
        sid: "MMhostile".to_owned(),
        from: PATIENT.parse().unwrap(),
        to: practice.number.parse().unwrap(),
        body: String::new(),
        media: media.into(),
        segments: None,
        opt_out_type: None,
        received_at: practice.app.clock().now(),
        sent_at: None,
    };
    practice.app.database().system().receive_message(&text, |_, _| TextReading::default()).await.unwrap();
    let files = practice.settled("MMhostile").await;
    assert!(files.iter().all(|file| file["problem"].is_string()), "{files:?}");
    assert_eq!(elsewhere.asked().len(), 4);
}

#[tokio::test]
async fn a_fetch_that_fails_is_repeated_and_one_that_a_crash_cut_short_is_finished() {
    let mut practice = Practice::open(json!({})).await;
    practice.fault("twilio", "GET", "/Media/", json!({ "status": 503 })).await;
    let sid = practice.receives_files(json!(["png"])).await;
    let waiting = practice.files(&sid).await;
    let (status, headers, body) = practice.load(link(&waiting[0])).await;
    assert_eq!(status, 404);
    assert_eq!(headers["retry-after"], "5", "{}", String::from_utf8_lossy(&body));
    assert!(String::from_utf8_lossy(&body).contains("still being fetched"));
    let files = practice.settled(&sid).await;
    assert_eq!(practice.load(link(&files[0])).await.0, 200);

    practice.fault("twilio", "GET", "/Media/", json!({ "delay_ms": 3000 })).await;
    let sid = practice.receives_files(json!(["jpeg"])).await;
    practice.app.all_faults_have_struck().await;
    practice.app.kill().await;
    // Its lease is over by then.
    practice.app.advance(Duration::from_secs(6 * 60));
    practice.app.restart().await;
    let files = practice.settled(&sid).await;
    assert_eq!(files[0]["contentType"], "image/jpeg", "{files:?}");
    assert_eq!(practice.load(link(&files[0])).await.0, 200);
    // One that is gone at the carrier is given up at once.
    practice.fault("twilio", "GET", "/Media/", json!({ "status": 404, "code": 20404 })).await;
    let sid = practice.receives_files(json!(["png"])).await;
    let files = practice.settled(&sid).await;
    assert!(files[0]["problem"].as_str().unwrap().contains("does not have it"), "{files:?}");
}

/// Every file below this folder.
fn files_in(folder: PathBuf) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_in(path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_stored_file_is_deleted_at_the_carrier_and_goes_with_its_message() {
    let practice = Practice::open_with(&[("DELETE_MEDIA_AT_CARRIER", "true")], json!({})).await;
    practice.fault("twilio", "DELETE", "/Media/", json!({ "status": 503 })).await;
    let sid = practice.receives_files(json!(["png", file("text/html", PAGE)])).await;
    let files = practice.settled(&sid).await;
    wait_until("the stored one is deleted at the carrier", SOON, async || {
        (practice.at_carrier(&sid).await == 1).then_some(())
    })
    .await;
    assert_eq!(practice.load(link(&files[0])).await.0, 200);
    let folder = practice.app.state_dir().join("media");
    assert_eq!(files_in(folder.clone()).len(), 1);
    assert!(files_in(folder.clone())[0].starts_with(folder.join(TENANT.to_string())));

    // As retention does with the files of a message whose text it deletes.
    practice.app.execute("UPDATE message_media SET purge_at = created_at").await;
    assert_eq!(practice.load(link(&files[0])).await.0, 404);
    assert_eq!(practice.files(&sid).await, Vec::<Value>::new());
    wait_until("the files are gone", SOON, async || {
        (practice.app.count("SELECT count(*) FROM message_media").await == 0).then_some(())
    })
    .await;
    assert_eq!(files_in(folder), Vec::<PathBuf>::new());
    assert_eq!(practice.at_carrier(&sid).await, 0);
}

#[tokio::test]
async fn a_bucket_keeps_files_as_a_folder_does() {
    let bucket = Elsewhere::start(bucket).await;
    *bucket.failures.lock().unwrap() = 1;
    let endpoint = bucket.at("127.0.0.1", "");
    let variables = [
        ("MEDIA_STORE", "s3://media/of/tests"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let practice = Practice::open_with(&variables, json!({})).await;
    let sid = practice.receives_files(json!([file("image/png", PNG)])).await;
    let files = practice.settled(&sid).await;
    let id = link(&files[0]).split(['/', '?']).nth(5).unwrap().to_owned();
    let key = format!("/media/of/tests/{TENANT}/{id}");
    assert_eq!(bucket.objects.lock().unwrap().get(&key).map(Vec::as_slice), Some(PNG));
    let (status, headers, content) = practice.load(link(&files[0])).await;
    assert_eq!((status, content.as_slice()), (200, PNG), "{headers:?}");
    assert_eq!(headers["content-type"], "image/png");
    assert!(!practice.app.state_dir().join("media").exists());
    // A file that somebody took away is an answer, not a failure.
    let taken = bucket.objects.lock().unwrap().remove(&key).unwrap();
    assert_eq!(practice.load(link(&files[0])).await.0, 404);
    bucket.objects.lock().unwrap().insert(key, taken);
    practice.app.execute("UPDATE message_media SET purge_at = created_at").await;
    wait_until("the object is deleted", SOON, async || {
        bucket.objects.lock().unwrap().is_empty().then_some(())
    })
    .await;
}
