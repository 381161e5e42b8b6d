//! GraphiQL page: own HTML around pinned libraries. No script or style is inline, and the page contains no secret.
//!
//! GraphiQL 4 is the last version with a browser bundle, and requires React 18.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::assets::{Assets, Content, Page, Pinned};

/// The rendered page with its Content Security Policy.
#[derive(Debug)]
pub(super) struct Graphiql {
    page: Arc<Content>,
    policy: String,
}

impl Graphiql {
    /// Renders the page for these libraries.
    pub(super) fn new(assets: &Assets) -> Self {
        let html = Pinned::of(Page::Graphiql).fold(include_str!("page.html").to_owned(), |html, file| {
            let tag = if file.is_style() {
                format!("<link rel=\"stylesheet\" {}>", assets.attributes("href", file))
            } else {
                format!("<script {}></script>", assets.attributes("src", file))
            };
            html.replace(&format!("{{{{{}}}}}", file.name()), &tag)
        });
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src 'self' data:; font-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            assets.script_sources(Page::Graphiql),
            assets.style_sources(Page::Graphiql),
        );
        Self { page: Content::new("page.html", html), policy }
    }

    /// Returns the page as a response, with its Content Security Policy.
    pub(super) async fn page(&self, request: &HeaderMap) -> Response {
        let own = [
            (header::CONTENT_SECURITY_POLICY, self.policy.as_str()),
            (HeaderName::from_static("x-robots-tag"), "noindex"),
        ];
        let mut response = (own, self.page.respond(request).await).into_response();
        // The same URL answers GraphQL requests by GET.
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
        response
    }
}

/// Returns the routes of the page's own files.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let init = Content::new("init.js", include_bytes!("init.js").as_slice());
    let style = Content::new("page.css", include_bytes!("page.css").as_slice());
    Router::new()
        .route("/graphiql/init.js", get(async move |headers: HeaderMap| init.respond(&headers).await))
        .route("/graphiql/page.css", get(async move |headers: HeaderMap| style.respond(&headers).await))
}
