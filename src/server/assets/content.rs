//! Content that stays the same while the server runs.
//!
//! It is compressed when it is first needed, off the threads that serve requests, and kept: the largest library takes a
//! noticeable time.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::server::negotiation;

/// A file or a page, with its media type.
#[derive(Debug)]
pub(in crate::server) struct Content {
    media_type: &'static str,
    plain: Bytes,
    gzip: OnceLock<Bytes>,
}

impl Content {
    /// Creates the content of a file. Its media type follows from the extension of its name.
    pub(in crate::server) fn new(name: &str, plain: impl Into<Bytes>) -> Arc<Self> {
        let media_type = match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("css") => "text/css; charset=utf-8",
            Some("html") => "text/html; charset=utf-8",
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "application/octet-stream",
        };
        Arc::new(Self { media_type, plain: plain.into(), gzip: OnceLock::new() })
    }

    /// Returns the content as a response, compressed if the client accepts that.
    pub(in crate::server) async fn respond(self: &Arc<Self>, request: &HeaderMap) -> Response {
        let gzip = if negotiation::accepts_gzip(request) { self.gzip().await } else { None };
        let is_compressed = gzip.is_some();
        let mut response = gzip.unwrap_or_else(|| self.plain.clone()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if is_compressed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// Returns the compressed content. `None` if the runtime is shutting down.
    async fn gzip(self: &Arc<Self>) -> Option<Bytes> {
        if let Some(gzip) = self.gzip.get() {
            return Some(gzip.clone());
        }
        let content = Arc::clone(self);
        let compress = move || content.gzip.get_or_init(|| compressed(&content.plain)).clone();
        tokio::task::spawn_blocking(compress).await.ok()
    }
}

fn compressed(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.expect("a Vec accepts every write").into()
}
