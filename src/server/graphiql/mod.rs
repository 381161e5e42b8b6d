//! GraphiQL page: own HTML around four pinned files.
//!
//! The files come from a configured folder or from a public CDN. The page contains their integrity hashes, so
//! both sources serve the same bytes. No script or style is inline, and the page contains no secret.

use std::path::Path;

use aws_lc_rs::digest::{SHA384, digest};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::rejection::Rejection;
use super::{RequestId, ServerState};

const CDN: &str = "https://cdn.jsdelivr.net";

/// A pinned file of GraphiQL: name in the folder, path at the CDN, Subresource Integrity hash.
struct Asset {
    name: &'static str,
    path: &'static str,
    integrity: &'static str,
}

/// Pinned files. GraphiQL 4 is the last version with a browser bundle, and requires React 18.
const ASSETS: [Asset; 4] = [
    Asset {
        name: "graphiql.min.css",
        path: "/npm/graphiql@4.1.2/graphiql.min.css",
        integrity: "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr",
    },
    Asset {
        name: "react.production.min.js",
        path: "/npm/react@18.3.1/umd/react.production.min.js",
        integrity: "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
    },
    Asset {
        name: "react-dom.production.min.js",
        path: "/npm/react-dom@18.3.1/umd/react-dom.production.min.js",
        integrity: "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
    },
    Asset {
        name: "graphiql.min.js",
        path: "/npm/graphiql@4.1.2/graphiql.min.js",
        integrity: "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B",
    },
];

/// Source of GraphiQL's files.
#[derive(Debug, Clone)]
pub enum GraphiqlAssets {
    /// A public CDN. The browser needs internet access, this server does not.
    Cdn,
    /// This server. Holds the contents of the files, in the order of [`ASSETS`].
    Own(Vec<Bytes>),
}

/// Reason why a folder cannot serve GraphiQL's files.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    /// The named file is missing or unreadable.
    #[error("{0} cannot be read: fetch the files with scripts/graphiql-assets")]
    Missing(&'static str, #[source] std::io::Error),
    /// The named file does not match its integrity hash, so browsers would refuse it.
    #[error("{0} is not the pinned file: fetch the files with scripts/graphiql-assets")]
    Changed(&'static str),
}

impl GraphiqlAssets {
    /// Reads the four files from a folder and verifies their integrity. Called once, at startup.
    ///
    /// # Errors
    /// [`AssetsError`] for the first file that is unreadable or differs from the pinned version.
    pub fn from_folder(folder: &Path) -> Result<Self, AssetsError> {
        let files = ASSETS.iter().map(|asset| {
            let bytes = std::fs::read(folder.join(asset.name))
                .map_err(|error| AssetsError::Missing(asset.name, error))?;
            let found = format!("sha384-{}", STANDARD.encode(digest(&SHA384, &bytes)));
            if found != asset.integrity {
                return Err(AssetsError::Changed(asset.name));
            }
            Ok(Bytes::from(bytes))
        });
        Ok(Self::Own(files.collect::<Result<_, _>>()?))
    }
}

/// The rendered page with its Content Security Policy.
#[derive(Debug)]
pub(super) struct Graphiql {
    assets: GraphiqlAssets,
    html: String,
    policy: String,
}

impl Graphiql {
    /// Renders the page for this source of files.
    pub(super) fn new(assets: GraphiqlAssets) -> Self {
        let own = matches!(assets, GraphiqlAssets::Own(_));
        let html = ASSETS.iter().fold(include_str!("page.html").to_owned(), |html, asset| {
            let address =
                if own { format!("/graphiql/assets/{}", asset.name) } else { format!("{CDN}{}", asset.path) };
            html.replace(&format!("{{{{{}}}}}", asset.name), &tag(asset, &address))
        });
        let also = if own { String::new() } else { format!(" {CDN}") };
        let policy = format!(
            "default-src 'none'; script-src 'self'{also}; style-src 'self'{also}; connect-src 'self'; \
             img-src 'self' data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self { assets, html, policy }
    }

    /// Returns the page as a response, with its Content Security Policy.
    pub(super) fn page(&self) -> Response {
        let robots = HeaderName::from_static("x-robots-tag");
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, &self.policy),
            // The same URL answers GraphQL requests by GET.
            (header::VARY, "accept"),
            (robots, "noindex"),
        ];
        (headers, self.html.clone()).into_response()
    }

    fn file(&self, name: &str) -> Option<Bytes> {
        let GraphiqlAssets::Own(files) = &self.assets else { return None };
        let (_, file) = ASSETS.iter().zip(files).find(|(asset, _)| asset.name == name)?;
        Some(file.clone())
    }
}

fn tag(asset: &Asset, address: &str) -> String {
    // Browsers check the integrity of a file from another origin only if it is fetched with CORS.
    let checked = format!("integrity=\"{}\" crossorigin=\"anonymous\"", asset.integrity);
    if asset.name.ends_with(".css") {
        format!("<link rel=\"stylesheet\" href=\"{address}\" {checked}>")
    } else {
        format!("<script src=\"{address}\" {checked}></script>")
    }
}

/// Returns the routes of the files that the page loads from this server.
pub(super) fn routes() -> Router<ServerState> {
    Router::new()
        .route(
            "/graphiql/init.js",
            get(async || typed("init.js", Bytes::from_static(include_bytes!("init.js")))),
        )
        .route(
            "/graphiql/page.css",
            get(async || typed("page.css", Bytes::from_static(include_bytes!("page.css")))),
        )
        .route("/graphiql/assets/{file}", get(asset))
}

async fn asset(
    State(server): State<ServerState>,
    request_id: RequestId,
    UrlPath(name): UrlPath<String>,
) -> Response {
    match server.graphiql.as_ref().and_then(|graphiql| graphiql.file(&name)) {
        Some(file) => {
            // Not for longer: the names stay the same when other versions are pinned.
            ([(header::CACHE_CONTROL, "public, max-age=86400")], typed(&name, file)).into_response()
        }
        None => Rejection::new(StatusCode::NOT_FOUND, "NOT_FOUND", "no such file").respond(&request_id.0),
    }
}

fn typed(name: &str, bytes: Bytes) -> Response {
    let kind =
        if name.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}
