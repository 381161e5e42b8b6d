//! Web console: a page that is a client of the public GraphQL API, built of ES modules without a build step.
//!
//! The page is the same at every path below `/console`: its views have addresses of their own, which only the browser knows. Own
//! files have a hash of all of them in their address, so that a page never gets a module of another version; a server that does
//! not have the version answers 404. `start.js` then reloads a page that is being opened; an open page whose next view cannot be
//! loaded offers to reload. The page contains no secret, and nothing inline but the import map, which the Content Security
//! Policy allows by its hash.

mod files;
mod test_calls;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use self::files::Files;
use super::assets::{Assets, Content, IMMUTABLE, Page, Pinned};
use super::negotiation::{self, Media};
use super::{RequestId, not_found};

pub(super) use self::test_calls::routes as test_calls;

/// Settings of the console.
#[derive(Debug, Clone)]
pub struct ConsoleConfig {
    /// URL to which the console sends people without a valid token. It may contain `{return_url}`.
    pub login_url: Option<String>,
}

/// The rendered page and the console's own files.
#[derive(Debug)]
pub(super) struct Console {
    page: Arc<Content>,
    policy: String,
    files: Files,
}

impl Console {
    /// Renders the page for these libraries.
    pub(super) fn new(config: &ConsoleConfig, assets: &Assets, has_test_calls: bool) -> Self {
        let files = Files::new();
        let import_map = import_map(assets);
        let mut data = vec![
            ("endpoint", "/graphql".to_owned()),
            ("socket", "/graphql/ws".to_owned()),
            ("main", format!("{}main.js", files.base())),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        data.extend(config.login_url.clone().map(|url| ("login-url", url)));
        data.extend(has_test_calls.then(|| ("sandbox", test_calls::PATH.to_owned())));
        let data: Vec<_> =
            data.iter().map(|(name, value)| format!("data-{name}=\"{}\"", escaped(value))).collect();
        let html = include_str!("page.html")
            .replace("{{import map}}", &import_map)
            .replace("{{links}}", &links(assets, &files).join("\n    "))
            .replace("{{files}}", &files.base())
            .replace("{{data}}", &data.join(" "));
        let policy = format!(
            "default-src 'none'; script-src {} 'sha256-{}'; style-src {}; connect-src 'self'; img-src 'self' data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'",
            assets.script_sources(Page::Console),
            STANDARD.encode(digest(&SHA256, import_map.as_bytes())),
            assets.style_sources(Page::Console),
        );
        Self { page: Content::new("page.html", html), policy, files }
    }
}

/// Returns the import map: the modules' names, and the integrity hash of each module at its URL.
fn import_map(assets: &Assets) -> String {
    let modules = || Pinned::of(Page::Console).filter(|file| !file.is_style() && !file.classic);
    let imports: BTreeMap<_, _> =
        modules().filter_map(|file| Some((file.import.as_deref()?, assets.url(file)))).collect();
    let integrity: BTreeMap<_, _> = modules().map(|file| (assets.url(file), file.integrity())).collect();
    json!({"imports": imports, "integrity": integrity}).to_string()
}

/// Returns the elements of the libraries, and of the own modules that every view needs. Each module is fetched at once and not when the
/// module that imports it has arrived. A view's own modules are fetched when it is shown.
fn links(assets: &Assets, files: &Files) -> Vec<String> {
    let libraries = Pinned::of(Page::Console).map(|file| {
        if file.classic {
            return format!("<script defer {}></script>", assets.attributes("src", file));
        }
        let rel = if file.is_style() { "stylesheet" } else { "modulepreload" };
        format!("<link rel=\"{rel}\" {}>", assets.attributes("href", file))
    });
    let base = files.base();
    let own = files.imported_by("main.js");
    libraries
        .chain(own.iter().map(|path| format!("<link rel=\"modulepreload\" href=\"{base}{path}\">")))
        .collect()
}

/// Escapes the value of an attribute in double quotes.
fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Returns the console's routes, and the one that leads browsers there.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(console: Console) -> Router<S> {
    Router::new()
        .route("/", get(root).fallback(not_found))
        .route("/console", get(page))
        .route("/console/", get(page))
        .route("/console/{*view}", get(page))
        .route("/console/start.js", get(start))
        .route("/console/files/{*path}", get(file))
        .with_state(Arc::new(console))
}

async fn root(headers: HeaderMap, request_id: RequestId) -> Response {
    let mut response = if negotiation::best(&headers, &[Media::Html]).is_some() {
        (StatusCode::SEE_OTHER, [(header::LOCATION, "/console")]).into_response()
    } else {
        not_found(request_id).await
    };
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    response
}

async fn page(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    let own = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, &console.policy),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    (own, console.page.respond(&headers).await).into_response()
}

async fn start(State(console): State<Arc<Console>>, headers: HeaderMap, request_id: RequestId) -> Response {
    match console.files.named("start.js") {
        Some(file) => ([(header::CACHE_CONTROL, "no-cache")], file.respond(&headers).await).into_response(),
        None => not_found(request_id).await,
    }
}

async fn file(
    State(console): State<Arc<Console>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    request_id: RequestId,
) -> Response {
    match console.files.at(&path) {
        Some(file) => ([(header::CACHE_CONTROL, IMMUTABLE)], file.respond(&headers).await).into_response(),
        None => not_found(request_id).await,
    }
}
