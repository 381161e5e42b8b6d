//! The webhooks of the carrier and the voice provider, beside the API.
//!
//! A request has no effect before its signature is valid ([`verified`]). After that the carrier never receives an
//! error: it would read an apology of its own to the caller. Whatever is missing or unreadable, the answer is TwiML,
//! and the problem is logged.

mod body;
mod call;
mod elevenlabs;
mod message;
mod port;
mod refusals;
mod verified;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::handler::Handler;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use secrecy::SecretString;
use tower_http::timeout::TimeoutLayer;
use url::Url;

use crate::accounts::Accounts;
use crate::calls::{CallRecords, Conversations, KeptNumbers};
use crate::carrier::TwimlRenderer;
use crate::domain::{Clock, Webhook};
use crate::messages::Inbox;
use crate::routing::Routing;
use refusals::Refusals;

/// Time limit for any request of the carrier, far longer than the carrier waits. Events of the voice provider have limits of
/// their own: they may be hours of audio.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// What verifies requests of the carrier and the voice provider.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// The public URL of this server. The carrier signs it, even if proxies rewrite the request.
    pub base_url: Url,
    /// The previous public URL, while numbers still point to it.
    pub previous_base_url: Option<Url>,
    /// The voice provider's webhook secrets: two during a rotation. Without one the route does not exist, because no
    /// event could be verified.
    pub elevenlabs_secrets: Vec<SecretString>,
}

impl WebhookConfig {
    /// The URLs that the carrier may have signed.
    fn base_urls(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.base_url).chain(&self.previous_base_url)
    }
}

/// What takes in the verified requests.
#[derive(Debug, Clone)]
pub struct Receivers {
    /// Answers calls.
    pub routing: Routing,
    /// Stores calls and their reports.
    pub records: CallRecords,
    /// Stores conversations.
    pub conversations: Conversations,
    /// Stores text messages.
    pub inbox: Inbox,
    /// Notes calls of numbers that are forwarded, and hints about ports.
    pub kept: KeptNumbers,
}

/// The state of the routes.
struct Webhooks {
    config: WebhookConfig,
    accounts: Accounts,
    routing: Routing,
    records: CallRecords,
    conversations: Conversations,
    inbox: Inbox,
    kept: KeptNumbers,
    clock: Clock,
    refusals: Refusals,
    renderer: TwimlRenderer,
}

/// Builds the routes of both providers.
pub fn router(config: WebhookConfig, accounts: Accounts, receivers: Receivers, clock: Clock) -> Router {
    let Receivers { routing, records, conversations, inbox, kept } = receivers;
    let proves_events = !config.elevenlabs_secrets.is_empty();
    let refusals = Refusals::new(clock.clone());
    let renderer = TwimlRenderer::new(&config.base_url);
    let webhooks = Arc::new(Webhooks {
        config,
        accounts,
        routing,
        records,
        conversations,
        inbox,
        kept,
        clock,
        refusals,
        renderer,
    });
    let carriers = Router::new()
        .route(Webhook::IncomingCall.path(), of_the_carrier(call::incoming))
        .route(Webhook::CallFallback.path(), of_the_carrier(call::fallback))
        .route(Webhook::CallStatus.path(), of_the_carrier(call::status))
        .route(Webhook::DialEnded.path(), of_the_carrier(call::dial))
        .route(Webhook::ForwardEnded.path(), of_the_carrier(call::forwarded));
    let carriers = carriers
        .route(Webhook::IncomingMessage.path(), of_the_carrier(message::incoming))
        .route(Webhook::MessageFallback.path(), of_the_carrier(message::incoming))
        .route(Webhook::MessageStatus.path(), of_the_carrier(message::status))
        .route(Webhook::Porting.path(), post(port::changed));
    let mut events = Router::new();
    if proves_events {
        events = events.route(Webhook::VoiceEvent.path(), post(elevenlabs::event));
    }
    with_events(carriers, events, REQUEST_TIME).with_state(webhooks)
}

/// Builds all routes. The time limit applies to the carrier's only: events have limits of their own.
fn with_events<S: Clone + Send + Sync + 'static>(
    carriers: Router<S>,
    events: Router<S>,
    time: Duration,
) -> Router<S> {
    carriers.layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, time)).merge(events)
}

/// A route of the carrier, for GET and POST. HEAD is rejected: it would have the effect of a GET, and its answer
/// would reach no caller.
fn of_the_carrier<T: 'static>(handler: impl Handler<T, Arc<Webhooks>>) -> MethodRouter<Arc<Webhooks>> {
    get(handler.clone()).post(handler).head(no_head)
}

async fn no_head() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, POST")]).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn the_time_of_a_carriers_request_is_not_an_events() {
        let takes = |time| get(async move || tokio::time::sleep(time).await);
        let carriers = Router::new().route("/call", takes(Duration::from_secs(60)));
        let events = Router::new().route("/event", takes(Duration::from_millis(200)));
        let routes = with_events::<()>(carriers, events, Duration::from_millis(20));
        for (path, status) in [("/call", StatusCode::SERVICE_UNAVAILABLE), ("/event", StatusCode::OK)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(routes.clone().oneshot(request).await.unwrap().status(), status, "{path}");
        }
    }
}
