//! The console's page, its own files and the pages' libraries: where they are served, under which policy, and from which source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::App;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const WITHOUT_NPM: &str = "skipped: npm is not installed";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn request(app: &App, method: Method, path: &str) -> RequestBuilder {
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    client.request(method, format!("{}{path}", app.base_url()))
}

async fn get(app: &App, path: &str) -> Response {
    request(app, Method::GET, path).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn page(app: &App) -> String {
    get(app, "/console").await.text().await.unwrap()
}

/// The text between two others.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap().0
}

fn import_map(html: &str) -> &str {
    between(html, "<script type=\"importmap\">", "</script>")
}

/// The path below which the page's own files are.
fn base(html: &str) -> &str {
    between(html, "data-main=\"", "main.js\"")
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// A pinned file: its page, and its path below `/assets/` and in the folder.
struct Pinned {
    page: String,
    address: String,
    integrity: String,
    import: Option<String>,
}

fn pinned() -> Vec<Pinned> {
    let list = fs::read_to_string(root().join("src/server/assets/pinned.json")).unwrap();
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    let text = |file: &Value, name: &str| file[name].as_str().unwrap().to_owned();
    let files = list.iter().map(|file| Pinned {
        page: text(file, "page"),
        address: format!("npm/{}@{}/{}", text(file, "package"), text(file, "version"), text(file, "path")),
        integrity: text(file, "integrity"),
        import: file["import"].as_str().map(str::to_owned),
    });
    files.collect()
}

/// A folder with all libraries, filled once by `scripts/web-assets`. `None` without npm.
fn filled_folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let probe = Command::new("npm").arg("--version").stdout(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("web-assets");
        let filled = Command::new(root().join("scripts/web-assets")).arg(&folder).output().unwrap();
        assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
        Some(folder)
    });
    folder.as_deref()
}

/// Copies the pinned files of a folder: as they are, or GraphiQL's alone and without subfolders, as of 0.1.0.
fn copy(from: &Path, to: &Path, is_flat: bool) {
    for file in pinned().into_iter().filter(|file| !is_flat || file.page == "graphiql") {
        let name = if is_flat { file.address.rsplit_once('/').unwrap().1 } else { &file.address };
        fs::create_dir_all(to.join(name).parent().unwrap()).unwrap();
        fs::copy(from.join(&file.address), to.join(name)).unwrap();
    }
}

/// Requests a file plainly and compressed, and gives the plain bytes.
async fn bytes_of(app: &App, path: &str) -> Vec<u8> {
    let plain = get(app, path).await;
    assert_eq!(plain.status(), 200, "{path}");
    let expected = match path.rsplit_once('.').unwrap().1 {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        other => panic!("a file of an unknown type: {other}"),
    };
    assert_eq!(
        (header(&plain, "content-type"), header(&plain, "cache-control")),
        (expected, IMMUTABLE),
        "{path}"
    );
    assert_eq!(
        (header(&plain, "vary"), header(&plain, "content-encoding")),
        ("accept-encoding", ""),
        "{path}"
    );
    let length: usize = header(&plain, "content-length").parse().unwrap();
    let plain = plain.bytes().await.unwrap().to_vec();
    assert_eq!(plain.len(), length, "{path}");

    for accepted in ["gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5"] {
        let gzip = request(app, Method::GET, path).header("accept-encoding", accepted).send().await.unwrap();
        assert_eq!(
            (header(&gzip, "content-encoding"), header(&gzip, "vary")),
            ("gzip", "accept-encoding"),
            "{path}"
        );
        assert_eq!(
            (header(&gzip, "content-type"), header(&gzip, "cache-control")),
            (expected, IMMUTABLE),
            "{path}"
        );
        let gzip = gzip.bytes().await.unwrap();
        let mut inflated = Vec::new();
        flate2::read::GzDecoder::new(gzip.as_ref()).read_to_end(&mut inflated).unwrap();
        assert_eq!(inflated, plain, "{path}");
    }
    for refused in ["identity", "gzip;q=0", "br, deflate"] {
        let plainly =
            request(app, Method::GET, path).header("accept-encoding", refused).send().await.unwrap();
        assert_eq!(header(&plainly, "content-encoding"), "", "{path}: {refused}");
    }

    let head = request(app, Method::HEAD, path).send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, length.to_string().as_str()),
        "{path}"
    );
    assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    plain
}

#[tokio::test]
async fn the_page_is_the_same_at_every_view() {
    let app = App::start().await;
    let html = page(&app).await;
    for path in ["/console/", "/console/agents", "/console/agents/ag_1?tab=calls", "/console/numbers/%2B1212"]
    {
        let view = get(&app, path).await;
        assert_eq!(
            (view.status().as_u16(), header(&view, "content-type")),
            (200, "text/html; charset=utf-8"),
            "{path}"
        );
        assert_eq!(
            (header(&view, "cache-control"), header(&view, "x-robots-tag")),
            ("no-cache", "noindex"),
            "{path}"
        );
        assert_eq!(
            (header(&view, "referrer-policy"), header(&view, "x-frame-options")),
            ("no-referrer", "DENY")
        );
        assert_eq!(view.text().await.unwrap(), html, "{path}");
    }
    let head = request(&app, Method::HEAD, "/console").send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, html.len().to_string().as_str())
    );
    let gzip = request(&app, Method::GET, "/console").header("accept-encoding", "gzip").send().await.unwrap();
    let (gzip, mut inflated) = (gzip.bytes().await.unwrap(), String::new());
    flate2::read::GzDecoder::new(gzip.as_ref()).read_to_string(&mut inflated).unwrap();
    assert_eq!(inflated, html);

    assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">") && !html.contains("{{"), "{html}");
    for attribute in ["endpoint=\"/graphql\"", "socket=\"/graphql/ws\"", "version=\"0.1.0\""] {
        assert!(html.contains(&format!(" data-{attribute}")), "{attribute}: {html}");
    }
    assert!(!html.contains("data-login-url") && !html.contains("data-sandbox"), "{html}");
    // Nothing is inline but the import map.
    assert_eq!(html.matches("<script").count(), html.matches("src=\"").count() + 1, "{html}");
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" on"), "{html}");
}

#[tokio::test]
async fn browsers_that_ask_for_the_root_are_led_to_the_console() {
    let app = App::start().await;
    for (method, accept, status) in [
        (Method::GET, BROWSER, 303),
        (Method::HEAD, BROWSER, 303),
        (Method::GET, "*/*", 404),
        (Method::GET, "application/json", 404),
        (Method::GET, "text/html;q=0, */*", 404),
        (Method::POST, BROWSER, 404),
    ] {
        let answer = request(&app, method.clone(), "/").header("accept", accept).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {accept}");
        assert_eq!(
            header(&answer, "location"),
            if status == 303 { "/console" } else { "" },
            "{method} {accept}"
        );
    }
    let graphiql = request(&app, Method::GET, "/graphql").header("accept", BROWSER).send().await.unwrap();
    assert!(graphiql.text().await.unwrap().contains("graphiql.min.js"));

    let without = App::start_with(&[("CONSOLE", "off")]).await;
    for path in ["/", "/console", "/console/", "/console/agents", "/console/start.js"] {
        let answer = request(&without, Method::GET, path).header("accept", BROWSER).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    let graphiql = request(&without, Method::GET, "/graphql").header("accept", BROWSER).send().await.unwrap();
    assert_eq!(header(&graphiql, "content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn the_policy_allows_this_server_the_import_map_and_the_pinned_files_alone() {
    let app = App::start().await;
    let answer = get(&app, "/console").await;
    let policy = header(&answer, "content-security-policy").to_owned();
    let html = answer.text().await.unwrap();
    let console: Vec<_> = pinned().into_iter().filter(|file| file.page == "console").collect();
    let url = |file: &Pinned| format!("https://cdn.jsdelivr.net/{}", file.address);
    let (styles, scripts): (Vec<_>, Vec<_>) = console.iter().partition(|file| file.address.ends_with(".css"));
    let joined = |files: &[&Pinned]| files.iter().map(|file| url(file)).collect::<Vec<_>>().join(" ");
    let map = import_map(&html);
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src 'self' {} 'sha256-{}'; style-src 'self' {}; connect-src 'self'; img-src \
             'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for \
             'script'; trusted-types 'none'",
            joined(&scripts),
            base64(digest(&SHA256, map.as_bytes())),
            joined(&styles),
        )
    );

    let map: Value = serde_json::from_str(map).unwrap();
    let imports: BTreeMap<_, _> =
        scripts.iter().filter_map(|file| Some((file.import.clone()?, url(file)))).collect();
    let modules = scripts.iter().filter(|file| !file.address.contains("iife"));
    let integrity: BTreeMap<_, _> = modules.map(|file| (url(file), file.integrity.clone())).collect();
    assert_eq!(map, json!({"imports": imports, "integrity": integrity}));
    for file in &console {
        let name = if file.address.contains("iife") { "src" } else { "href" };
        let element =
            format!("{name}=\"{}\" integrity=\"{}\" crossorigin=\"anonymous\">", url(file), file.integrity);
        assert!(html.contains(&element), "{element}");
    }
}

#[tokio::test]
async fn own_files_are_served_under_their_hash() {
    let app = App::start().await;
    let html = page(&app).await;
    let base = base(&html);
    let folder = root().join("src/server/console");
    let (mut folders, mut files) = (vec![folder.clone()], BTreeSet::new());
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| ["js", "css", "svg"].iter().any(|end| it == *end)) {
                files.insert(path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    assert!(files.contains("main.js") && files.contains("style.css"), "{files:?}");
    for file in &files {
        let served = bytes_of(&app, &format!("{base}{file}")).await;
        assert_eq!(served, fs::read(folder.join(file)).unwrap(), "{file}");
        // The frame at once, a view when it is shown.
        let preload = format!("<link rel=\"modulepreload\" href=\"{base}{file}\">");
        assert!(!html.contains(&preload) || !file.starts_with("views/"), "{file}");
    }
    assert!(html.contains(&format!("<link rel=\"stylesheet\" href=\"{base}style.css\">")), "{html}");
    assert!(html.contains(&format!("<link rel=\"modulepreload\" href=\"{base}lib/api.js\">")), "{html}");
    // Every version has the script that starts the console, at the same path.
    let start = get(&app, "/console/start.js").await;
    assert_eq!((start.status().as_u16(), header(&start, "cache-control")), (200, "no-cache"));
    assert_eq!(start.bytes().await.unwrap(), fs::read(folder.join("start.js")).unwrap());

    for path in [
        format!("{base}nothing.js"),
        base.to_owned(),
        "/console/files/0123456789abcdef/main.js".to_owned(),
        "/console/files/main.js".to_owned(),
        format!("{base}mod.rs"),
        format!("{base}page.html"),
        "/assets/npm/preact@0.0.0/dist/preact.mjs".to_owned(),
    ] {
        let answer = get(&app, &path).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "cache-control")), (404, "no-store"), "{path}");
    }
}

#[tokio::test]
async fn no_path_leaves_the_files() {
    let Some(folder) = filled_folder() else { return println!("{WITHOUT_NPM}") };
    let app = App::start_with(&[("WEB_ASSETS", folder.to_str().unwrap())]).await;
    let html = page(&app).await;
    let base = base(&html);
    let address = app.base_url().replace("http://", "");
    // Over a socket, because clients resolve such paths themselves.
    for path in [
        format!("{base}../../../main.js"),
        format!("{base}../mod.rs"),
        format!("{base}%2e%2e/mod.rs"),
        format!("{base}..%2fmod.rs"),
        format!("{base}/etc/passwd"),
        format!("{base}%2fetc%2fpasswd"),
        format!("{base}main.js%00"),
        "/assets/npm/../../../Cargo.toml".to_owned(),
        "/assets/%2e%2e/%2e%2e/Cargo.toml".to_owned(),
        "/assets//etc/passwd".to_owned(),
        "/assets/npm/preact@11.2.0/LICENSE".to_owned(),
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("NOT_FOUND"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_folder_replaces_the_cdn_for_both_pages() {
    let Some(folder) = filled_folder() else { return println!("{WITHOUT_NPM}") };
    let flat = tempfile::tempdir().unwrap();
    let variables =
        [("WEB_ASSETS", folder.to_str().unwrap()), ("GRAPHIQL_ASSETS", flat.path().to_str().unwrap())];
    // WEB_ASSETS wins: the other folder is empty.
    let app = App::start_with(&variables).await;
    let graphiql = request(&app, Method::GET, "/graphql").header("accept", BROWSER).send().await.unwrap();
    for answer in [get(&app, "/console").await, graphiql] {
        let policy = header(&answer, "content-security-policy");
        assert!(policy.contains("script-src 'self'") && !policy.contains("http"), "{policy}");
        let html = answer.text().await.unwrap();
        assert!(html.contains("\"/assets/npm/") && !html.contains("jsdelivr"), "{html}");
    }
    for file in pinned() {
        let served = bytes_of(&app, &format!("/assets/{}", file.address)).await;
        assert_eq!(
            format!("sha384-{}", base64(digest(&SHA384, &served))),
            file.integrity,
            "{}",
            file.address
        );
    }
}

#[tokio::test]
async fn a_folder_with_missing_or_changed_files_is_refused() {
    let Some(filled) = filled_folder() else { return println!("{WITHOUT_NPM}") };
    let folder = tempfile::tempdir().unwrap();
    copy(filled, folder.path(), false);
    let app = App::start_with(&[("WEB_ASSETS", folder.path().to_str().unwrap())]).await;
    for file in pinned() {
        let path = folder.path().join(&file.address);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, [&bytes, b" ".as_slice()].concat()).unwrap();
        let changed = app.cannot_start().await;
        fs::remove_file(&path).unwrap();
        let missing = app.cannot_start().await;
        fs::write(&path, &bytes).unwrap();
        for (message, problem) in [(changed, "is not the pinned file"), (missing, "cannot be read")] {
            for part in ["WEB_ASSETS: ", &file.address, problem, "scripts/web-assets"] {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn a_folder_of_0_1_0_serves_graphiql() {
    let Some(filled) = filled_folder() else { return println!("{WITHOUT_NPM}") };
    let folder = tempfile::tempdir().unwrap();
    copy(filled, folder.path(), true);
    let app = App::start_with(&[("GRAPHIQL_ASSETS", folder.path().to_str().unwrap())]).await;
    let graphiql = request(&app, Method::GET, "/graphql").header("accept", BROWSER).send().await.unwrap();
    let html = graphiql.text().await.unwrap();
    assert!(
        html.contains("/assets/npm/react@18.3.1/umd/react.production.min.js") && !html.contains("jsdelivr")
    );
    let html = page(&app).await;
    assert!(
        html.contains("https://cdn.jsdelivr.net/npm/preact@") && !html.contains("/assets/npm/"),
        "{html}"
    );
    for file in pinned() {
        let is_own = file.page == "graphiql";
        let status = get(&app, &format!("/assets/{}", file.address)).await.status();
        assert_eq!(status, if is_own { 200 } else { 404 }, "{}", file.address);
    }
    fs::write(folder.path().join("graphiql.min.css"), "body {}").unwrap();
    let message = app.cannot_start().await;
    assert!(message.contains("GRAPHIQL_ASSETS: graphiql.min.css is not the pinned file"), "{message}");

    // The old name of a new folder.
    let app = App::start_with(&[("GRAPHIQL_ASSETS", filled.to_str().unwrap())]).await;
    assert!(!page(&app).await.contains("jsdelivr"));
}

#[tokio::test]
async fn the_login_url_is_escaped() {
    let url = "https://app.example.com/login?a=1&b='\"><script>alert(1)</script>&next={return_url}";
    let app = App::start_with(&[("CONSOLE_LOGIN_URL", url)]).await;
    let html = page(&app).await;
    let escaped = "https://app.example.com/login?a=1&amp;b='&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;next=\
                   {return_url}";
    assert!(html.contains(&format!(" data-login-url=\"{escaped}\"")), "{html}");
}

#[tokio::test]
async fn nothing_of_the_sandbox_is_served_outside_of_dev() {
    let app = App::start().await;
    for path in ["/sandbox/calls", "/sandbox/calls/CA1/hangup", "/sandbox/state"] {
        let answer =
            request(&app, Method::POST, path).json(&json!({"to": "+12125550100"})).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}
