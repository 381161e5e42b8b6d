//! Libraries of the two pages, GraphiQL and the console.
//!
//! `pinned.json` lists every file with its version and integrity hash; `scripts/web-assets` reads the same list. The files come
//! from a public CDN, or from a folder through this server, at the same path below the origin, so that a library's relative
//! imports work at both. Pages name the integrity hash of every file, and their Content Security Policy every file at the CDN: no
//! other byte is executed, wherever the files come from.

mod content;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{SHA384, digest};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{RequestId, not_found};

pub(super) use content::Content;

const CDN: &str = "https://cdn.jsdelivr.net";

/// For content whose address changes with its bytes.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

static PINNED: LazyLock<Vec<Pinned>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("pinned.json")).expect("compiled in, and read by every test")
});

/// A page that uses libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Page {
    Graphiql,
    Console,
}

/// A pinned file of an npm package.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pinned {
    page: Page,
    package: String,
    version: String,
    /// Path inside the package.
    path: String,
    /// Subresource Integrity hash.
    integrity: String,
    /// Name by which modules import it.
    pub(super) import: Option<String>,
    /// Whether it is a classic script, which defines a global, and not a module.
    #[serde(default)]
    pub(super) classic: bool,
}

impl Pinned {
    /// Returns the files of a page, in the order in which the page loads them.
    pub(super) fn of(page: Page) -> impl Iterator<Item = &'static Self> {
        PINNED.iter().filter(move |file| file.page == page)
    }

    /// Returns the last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }

    pub(super) fn is_style(&self) -> bool {
        self.path.ends_with(".css")
    }

    pub(super) fn integrity(&self) -> &str {
        &self.integrity
    }

    /// Path at the CDN, below `/assets` at this server, and in the folder.
    fn address(&self) -> String {
        format!("npm/{}@{}/{}", self.package, self.version, self.path)
    }
}

/// Source of the pages' libraries: files of this server, and the CDN for all others.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    own: HashMap<String, Arc<Content>>,
}

/// Reason why a folder cannot serve the libraries.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    /// The named file is missing or unreadable.
    #[error("{0} cannot be read: fill the folder with scripts/web-assets")]
    Missing(String, #[source] std::io::Error),
    /// The named file does not match its integrity hash, so browsers would refuse it.
    #[error("{0} is not the pinned file: fill the folder with scripts/web-assets")]
    Changed(String),
}

impl Assets {
    /// Reads all libraries from a folder that `scripts/web-assets` has filled, and verifies their integrity. Called once, at
    /// startup.
    ///
    /// # Errors
    /// [`AssetsError`] for the first file that is unreadable or differs from the pinned version.
    pub fn from_folder(folder: &Path) -> Result<Self, AssetsError> {
        Self::read(folder, PINNED.iter().map(|file| (file, file.address())))
    }

    /// Reads a folder for the deprecated `GRAPHIQL_ASSETS`. It may be one of 0.1.0, which has GraphiQL's files alone and without
    /// subfolders; the console's then come from the CDN.
    ///
    /// # Errors
    /// As [`Self::from_folder`].
    pub fn from_graphiql_folder(folder: &Path) -> Result<Self, AssetsError> {
        if folder.join("npm").is_dir() {
            return Self::from_folder(folder);
        }
        Self::read(folder, Pinned::of(Page::Graphiql).map(|file| (file, file.name().to_owned())))
    }

    fn read(
        folder: &Path,
        files: impl Iterator<Item = (&'static Pinned, String)>,
    ) -> Result<Self, AssetsError> {
        let files = files.map(|(file, path)| {
            let bytes = match std::fs::read(folder.join(&path)) {
                Ok(bytes) => bytes,
                Err(error) => return Err(AssetsError::Missing(path, error)),
            };
            if format!("sha384-{}", STANDARD.encode(digest(&SHA384, &bytes))) != file.integrity {
                return Err(AssetsError::Changed(path));
            }
            Ok((file.address(), Content::new(file.name(), bytes)))
        });
        Ok(Self { own: files.collect::<Result<_, _>>()? })
    }

    /// Returns the URL of a file: a path at this server, or a URL at the CDN.
    pub(super) fn url(&self, file: &Pinned) -> String {
        let address = file.address();
        if self.own.contains_key(&address) {
            format!("/assets/{address}")
        } else {
            format!("{CDN}/{address}")
        }
    }

    /// Returns the attributes `href` or `src`, `integrity` and `crossorigin` of a file's element.
    pub(super) fn attributes(&self, url_attribute: &str, file: &Pinned) -> String {
        // Browsers check the integrity of a file from another origin only if it is fetched with CORS.
        let (url, integrity) = (self.url(file), &file.integrity);
        format!("{url_attribute}=\"{url}\" integrity=\"{integrity}\" crossorigin=\"anonymous\"")
    }

    /// Returns the sources of a page's scripts for its Content Security Policy: this server and, one by one, the files at the CDN,
    /// since the CDN's host serves scripts of anybody.
    pub(super) fn script_sources(&self, page: Page) -> String {
        self.sources(Pinned::of(page).filter(|file| !file.is_style()))
    }

    /// As [`Self::script_sources`], for styles.
    pub(super) fn style_sources(&self, page: Page) -> String {
        self.sources(Pinned::of(page).filter(|file| file.is_style()))
    }

    fn sources(&self, files: impl Iterator<Item = &'static Pinned>) -> String {
        let at_cdn = files.map(|file| self.url(file)).filter(|url| url.starts_with(CDN));
        std::iter::once("'self'".to_owned()).chain(at_cdn).collect::<Vec<_>>().join(" ")
    }
}

/// Returns the route of the files that this server has.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(assets: Assets) -> Router<S> {
    Router::new().route("/assets/{*path}", get(asset)).with_state(Arc::new(assets))
}

async fn asset(
    State(assets): State<Arc<Assets>>,
    UrlPath(path): UrlPath<String>,
    headers: HeaderMap,
    request_id: RequestId,
) -> Response {
    match assets.own.get(&path) {
        Some(file) => ([(header::CACHE_CONTROL, IMMUTABLE)], file.respond(&headers).await).into_response(),
        None => not_found(request_id).await,
    }
}
