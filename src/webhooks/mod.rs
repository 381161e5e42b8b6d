//! What the carrier and the voice provider call: plain routes beside the API, each proven before it is read.
//!
//! Nothing in a request is acted on before its signature holds ([`verified`]). After that the carrier never gets an
//! error back: it would read an apology of its own to the caller. Whatever is missing or odd, the answer is TwiML,
//! and what was odd is in the log.

mod body;
mod call;
mod elevenlabs;
mod refusals;
mod verified;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use secrecy::SecretString;
use url::Url;

use crate::domain::Clock;
use crate::routing::{Conversations, DIAL_PATH, FORWARD_PATH, Routing};
use refusals::Refusals;

/// What proves that a request is the carrier's or the voice provider's.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// The addresses the carrier was given: what it signs, whatever proxies make of it on the way. The current one comes
    /// first; a second one while numbers are pointed from it to the first.
    pub base_urls: Vec<Url>,
    /// The carrier's account whose calls these are, `AC…`.
    pub account_sid: String,
    /// Its auth token; two while it is being changed.
    pub auth_tokens: Vec<SecretString>,
    /// The voice provider's webhook secret; two while it is being changed. Without one its route does not exist: nothing
    /// could be proven.
    pub elevenlabs_secrets: Vec<SecretString>,
}

/// What the routes work with.
struct Webhooks {
    config: WebhookConfig,
    routing: Routing,
    conversations: Conversations,
    clock: Clock,
    refusals: Refusals,
}

/// The routes.
pub fn router(config: WebhookConfig, routing: Routing, conversations: Conversations, clock: Clock) -> Router {
    let proves_events = !config.elevenlabs_secrets.is_empty();
    let refusals = Refusals::new(clock.clone());
    let webhooks = Arc::new(Webhooks { config, routing, conversations, clock, refusals });
    let routes = Router::new()
        .route("/api/webhooks/call/incoming", of_the_carrier(call::incoming))
        .route("/api/webhooks/call/fallback", of_the_carrier(call::fallback))
        .route("/api/webhooks/call/status", of_the_carrier(call::status))
        .route(DIAL_PATH, of_the_carrier(call::dial))
        .route(FORWARD_PATH, of_the_carrier(call::forwarded));
    let routes = if proves_events {
        routes.route("/api/webhooks/elevenlabs", post(elevenlabs::event))
    } else {
        routes
    };
    routes.with_state(webhooks)
}

/// A route of the carrier's, which asks by GET or POST. By HEAD nobody may: it would have the effect of a GET, and its answer
/// would reach no caller.
fn of_the_carrier<T: 'static>(handler: impl Handler<T, Arc<Webhooks>>) -> MethodRouter<Arc<Webhooks>> {
    get(handler.clone()).post(handler).head(no_head)
}

async fn no_head() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, POST")]).into_response()
}
