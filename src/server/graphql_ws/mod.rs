//! `GET /graphql/ws`: GraphQL over WebSocket, in the `graphql-transport-ws` subprotocol.
//!
//! One task per socket reads and writes its messages. Each result is produced in a task of its own, so that
//! an operation makes progress while another's result is sent. At most [`MAX_PENDING_RESULTS`] results of a
//! socket are produced or wait to be sent, within the caller's execution limit, so nothing queues without
//! bound. While a client reads slowly, events wait at their source; a client that does not accept a message
//! in time is closed with 1013.
//!
//! What happens between a query and the start of a subscription is in neither, and the subprotocol has no message for that
//! start. So the server sends a `ping`, which every client answers, with the payload `{"subscribed": "<id>"}`: a query sent
//! after it, together with the events, is complete.
//!
//! A socket does not outlive its token. The token is checked again at every operation, at every ping and, if
//! it is an agent's, whenever this server learns of a change of the agent, on whichever server it was made.
//! Queries and mutations are executed as over HTTP.

mod message;
mod sockets;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use futures_util::stream::{AbortHandle, Abortable, BoxStream, FuturesUnordered, SelectAll};
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use self::message::{ClientMessage, CloseReason, PROTOCOL, about, bare, next, parse, subscribed};
use self::sockets::{OperationPermit, SocketPermit};
use super::execution_limits::ShareKey;
use super::rate::ClientAddress;
use super::rejection::Rejection;
use super::{RequestId, ServerState, credentials, origin};
use crate::auth::{Authenticated, CredentialHint, Credentials, Principal};
use crate::graphql::{Caller, Executed, GraphqlRequest, Turns};
use crate::store::{Topic, Watcher};

pub(super) use self::sockets::Sockets;

/// Maximum size of a client's message in bytes, as for a body over HTTP.
const MAX_MESSAGE: usize = 256 * 1024;
/// Maximum number of operations on one socket.
const MAX_OPERATIONS: usize = 50;
/// Results of one socket that are being produced or wait to be sent.
const MAX_PENDING_RESULTS: usize = 8;
/// Time limit for `connection_init`. Unauthenticated sockets must not stay open.
const INIT_TIME: Duration = Duration::from_secs(10);
/// Ping interval, below the idle timeout of common proxies. A client that sends nothing for
/// one interval is disconnected.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Time limit for a client to accept one message.
const SEND_TIME: Duration = Duration::from_secs(10);
/// Time limit of the closing handshake, after which the connection is dropped.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Handles the WebSocket handshake. Browsers may open sockets from allowed origins only; other
/// programs send no `Origin`.
pub(super) async fn upgrade(
    State(server): State<ServerState>,
    request_id: RequestId,
    address: ClientAddress,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refused) => {
            let message = "this path accepts only WebSocket handshakes";
            let status = axum::response::IntoResponse::into_response(refused).status();
            return Rejection::new(status, "BAD_REQUEST", message).respond(&request_id.0);
        }
    };
    if !origin::is_allowed(&headers, &server.origins) {
        let message = "this origin is not allowed to open sockets";
        return Rejection::new(StatusCode::FORBIDDEN, "FORBIDDEN", message).respond(&request_id.0);
    }
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).protocols([PROTOCOL]);
    // A client that speaks only the older `graphql-ws` would misread every message.
    if upgrade.selected_protocol().is_none() {
        let message = format!("the subprotocol {PROTOCOL} is required");
        return Rejection::bad_request(message).respond(&request_id.0);
    }
    let tasks = server.drain.sockets.clone();
    upgrade.on_upgrade(move |socket| {
        tasks.track_future(SocketTask::new(server, request_id.0, address, socket).run())
    })
}

/// Id of an operation and its next result; `None` at the end of the operation.
type OperationResult = (String, Option<Executed>);

/// State of a socket after `connection_init` was accepted.
struct Session {
    authenticated: Authenticated,
    /// Kept to authenticate again while the socket is open.
    presented: Credentials,
    permit: SocketPermit,
}

struct SocketTask {
    server: ServerState,
    request_id: String,
    address: ClientAddress,
    socket: WebSocket,
    /// `None` until `connection_init` was accepted.
    session: Option<Session>,
    /// Changes of the agent whose token opened the socket. `None` for other principals.
    changes: Option<Watcher>,
    operations: SelectAll<Abortable<BoxStream<'static, OperationResult>>>,
    running: HashMap<String, (AbortHandle, OperationPermit)>,
    /// Ids of subscriptions, each as it begins to watch; `None` for operations that never do.
    starting: FuturesUnordered<BoxFuture<'static, Option<String>>>,
    result_permits: Arc<Semaphore>,
    /// Whether the client has sent anything since the last ping.
    is_alive: bool,
}

impl SocketTask {
    fn new(server: ServerState, request_id: String, address: ClientAddress, socket: WebSocket) -> Self {
        Self {
            server,
            request_id,
            address,
            socket,
            session: None,
            changes: None,
            operations: SelectAll::new(),
            running: HashMap::new(),
            starting: FuturesUnordered::new(),
            result_permits: Arc::new(Semaphore::new(MAX_PENDING_RESULTS)),
            is_alive: true,
        }
    }

    async fn run(mut self) {
        let Err(closing) = self.process_events().await else { return };
        tracing::debug!(
            request_id = self.request_id,
            code = closing.code,
            reason = closing.reason,
            "socket closed"
        );
        // The connection is dropped after the time limit, whether or not the client has answered.
        let _ = timeout(CLOSE_TIME, async {
            self.socket.send(closing.frame()).await?;
            // The client answers with a close frame. Messages that it sent before that are discarded.
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<_, axum::Error>(())
        })
        .await;
    }

    /// Processes events until the client disconnects (`Ok`) or the server has a reason to close (`Err`).
    async fn process_events(&mut self) -> Result<(), CloseReason> {
        let init_by = Instant::now() + INIT_TIME;
        let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        // After a delay, two pings in a row would leave the client no time to answer the first.
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.server.drain.stop.clone();
        loop {
            // In random order, which is the default: a client that never stops sending cannot starve results,
            // pings or the shutdown.
            tokio::select! {
                () = stop.cancelled() => {
                    return Err(CloseReason::new(1001, "the server is shutting down: reconnect"));
                }
                () = sleep_until(init_by), if self.session.is_none() => {
                    return Err(CloseReason::new(4408, "Connection initialisation timeout"));
                }
                // `check_expiry` below closes the socket.
                () = self.token_expired() => {}
                _ = pings.tick() => {
                    self.ping().await?;
                    self.reauthenticate().await?;
                }
                () = agent_changed(&mut self.changes) => self.reauthenticate().await?,
                message = self.socket.next() => match message {
                    Some(Ok(message)) => self.handle(message).await?,
                    Some(Err(error)) => return message_too_long(&error).map_or(Ok(()), Err),
                    None => return Ok(()),
                },
                Some((id, result)) = self.operations.next() => self.send_result(id, result).await?,
                Some(id) = self.starting.next() => {
                    if let Some(id) = id.filter(|id| self.running.contains_key(id)) {
                        self.send(subscribed(&id)).await?;
                    }
                }
            }
            self.check_expiry()?;
        }
    }

    async fn ping(&mut self) -> Result<(), CloseReason> {
        if !std::mem::take(&mut self.is_alive) {
            return Err(CloseReason::new(1013, "no answer to a ping"));
        }
        self.send(Message::Ping(axum::body::Bytes::new())).await
    }

    async fn handle(&mut self, message: Message) -> Result<(), CloseReason> {
        self.is_alive = true;
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(CloseReason::new(4400, "Invalid message: binary")),
            // The library answers pings and close frames itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        match parse(&text)? {
            ClientMessage::Init(payload) => self.init(&payload).await,
            ClientMessage::Ping => self.send(bare("pong")).await,
            ClientMessage::Pong => Ok(()),
            ClientMessage::Subscribe { id, request } => self.subscribe(id, request).await,
            ClientMessage::Complete { id } => {
                self.stop_operation(&id);
                Ok(())
            }
        }
    }

    async fn init(&mut self, payload: &Map<String, Value>) -> Result<(), CloseReason> {
        if self.session.is_some() {
            return Err(CloseReason::new(4429, "Too many initialisation requests"));
        }
        let forbidden = |rejection: Rejection| match rejection.status {
            StatusCode::UNAUTHORIZED => CloseReason::new(4403, format!("Forbidden: {}", rejection.message)),
            _ => CloseReason::new(1013, rejection.message),
        };
        let presented = match credentials::from_payload(payload) {
            Ok(presented) => presented,
            Err(unreadable) => {
                self.server.rate_limiter.count_address(self.address).await.map_err(forbidden)?;
                return Err(forbidden(unreadable));
            }
        };
        let hint = self.server.authenticator.hint(&presented);
        // A socket counts against its principal, and against its address only without valid credentials:
        // behind a proxy all clients may have the same address.
        match hint {
            CredentialHint::RecentAgent(agent) => {
                self.server.rate_limiter.count_principal(agent).await.map_err(forbidden)?;
            }
            CredentialHint::UnknownAgentToken => {
                self.server.rate_limiter.count_address(self.address).await.map_err(forbidden)?;
            }
            CredentialHint::Bearer => {}
        }
        let authenticated = match credentials::authenticate(&self.server.authenticator, &presented).await {
            Ok(authenticated) => authenticated,
            Err(rejection) => {
                if hint != CredentialHint::UnknownAgentToken && rejection.status == StatusCode::UNAUTHORIZED {
                    self.server.rate_limiter.count_address(self.address).await.map_err(forbidden)?;
                }
                return Err(forbidden(rejection));
            }
        };
        if hint == CredentialHint::UnknownAgentToken {
            self.server.rate_limiter.refund_address(self.address);
        }
        if !matches!(hint, CredentialHint::RecentAgent(_)) {
            self.server.rate_limiter.count_principal(authenticated.principal).await.map_err(forbidden)?;
        }
        // Counted only now: before, nobody is known whose limit it could be, and `INIT_TIME` bounds the wait.
        let permit = self.server.sockets.acquire(authenticated.principal);
        let permit = permit.ok_or_else(|| CloseReason::new(1013, "too many sockets with this token"))?;
        if let Principal::Agent { agent, .. } = authenticated.principal {
            self.changes = Some(self.server.database.watch(Topic::Agent(agent)));
            // Checked again after the watch has begun: a revocation between the first check and the watch
            // raised no event here.
            credentials::authenticate(&self.server.authenticator, &presented).await.map_err(forbidden)?;
        }
        self.session = Some(Session { authenticated, presented, permit });
        self.send(bare("connection_ack")).await
    }

    async fn subscribe(&mut self, id: String, request: GraphqlRequest) -> Result<(), CloseReason> {
        let Some(Session { authenticated, permit, .. }) = &self.session else {
            return Err(CloseReason::new(4401, "Unauthorized"));
        };
        // The subprotocol requires closing the socket, not an `error` for the operation.
        if self.running.contains_key(&id) {
            return Err(CloseReason::new(4409, format!("Subscriber for {id} already exists")));
        }
        if self.running.len() >= MAX_OPERATIONS {
            let message = format!("a socket runs at most {MAX_OPERATIONS} operations: complete one first");
            let rejection = Rejection::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
            return self.reject_operation(&id, &rejection).await;
        }
        if let Err(rejection) = self.server.rate_limiter.count_principal(authenticated.principal).await {
            return self.reject_operation(&id, &rejection).await;
        }
        let permit = match permit.acquire_operation() {
            Ok(permit) => permit,
            Err(message) => {
                let rejection = Rejection::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
                return self.reject_operation(&id, &rejection).await;
            }
        };
        let principal = Some(authenticated.principal);
        // After the rate limit, because the check of an agent's token queries the database.
        self.reauthenticate().await?;
        let caller = Caller { principal, request_id: self.request_id.clone() };
        let turns = Turns {
            of_socket: Arc::clone(&self.result_permits),
            of_caller: self.server.execution_limits.share(ShareKey::of(principal, self.address)),
        };
        let (result_id, end_id, start_id) = (id.clone(), id.clone(), id.clone());
        let (started, start) = oneshot::channel();
        self.starting.push(start.map(|start| start.ok().map(|()| start_id)).boxed());
        let results = self.server.api.stream(caller, request, turns, started);
        let results = results.map(move |executed| (result_id.clone(), Some(executed)));
        let results = results.chain(stream::once(std::future::ready((end_id, None)))).boxed();
        let (handle, registration) = AbortHandle::new_pair();
        self.operations.push(Abortable::new(results, registration));
        self.running.insert(id, (handle, permit));
        Ok(())
    }

    fn stop_operation(&mut self, id: &str) {
        if let Some((handle, _)) = self.running.remove(id) {
            // The aborted stream yields nothing more, not even its end: no `complete` answers that of the client.
            handle.abort();
        }
    }

    /// Authenticates the socket's token again, and closes the socket if the token is no longer valid. While
    /// tokens cannot be checked (database or key server unavailable), the socket stays open.
    async fn reauthenticate(&mut self) -> Result<(), CloseReason> {
        let Some(Session { authenticated, presented, .. }) = &self.session else { return Ok(()) };
        match credentials::authenticate(&self.server.authenticator, presented).await {
            Ok(still) if still.principal == authenticated.principal => Ok(()),
            Err(rejection) if rejection.status != StatusCode::UNAUTHORIZED => Ok(()),
            Ok(_) | Err(_) => Err(CloseReason::new(4403, "Forbidden: the token is no longer valid")),
        }
    }

    /// Sends an `error` for an operation that is not started.
    async fn reject_operation(&mut self, id: &str, rejection: &Rejection) -> Result<(), CloseReason> {
        let errors = rejection.body(&self.request_id).get_mut("errors").map(Value::take);
        self.send(about("error", id, errors)).await
    }

    async fn send_result(&mut self, id: String, result: Option<Executed>) -> Result<(), CloseReason> {
        match result {
            Some(executed) if executed.began => self.send(next(&id, &executed.body)).await,
            // In the subprotocol `error` ends the operation: no `complete` follows.
            Some(request_error) => {
                self.stop_operation(&id);
                self.send(about("error", &id, Some(json!(request_error.errors)))).await
            }
            None => {
                self.running.remove(&id);
                self.send(about("complete", &id, None)).await
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), CloseReason> {
        match timeout(SEND_TIME, self.socket.send(message)).await {
            // The next read reports a broken socket.
            Ok(_) => Ok(()),
            Err(_) => Err(CloseReason::new(1013, "messages are read too slowly")),
        }
    }

    /// Completes when the token expires. Never completes for a token without expiry.
    fn token_expired(&self) -> impl Future<Output = ()> + use<> {
        let left = self.expires_at().map(|end| (end - self.server.clock.now()).to_std().unwrap_or_default());
        async move {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        }
    }

    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.session.as_ref().and_then(|session| session.authenticated.expires_at)
    }

    /// Closes the socket if the token has expired. Needed beside the timer, because the clock can be set forward.
    fn check_expiry(&self) -> Result<(), CloseReason> {
        if self.expires_at().is_some_and(|end| end <= self.server.clock.now()) {
            return Err(CloseReason::new(4403, "Forbidden: the token has expired"));
        }
        Ok(())
    }
}

/// Completes when the agent may have changed: an event arrived, or events were missed.
async fn agent_changed(changes: &mut Option<Watcher>) {
    let Some(changes) = changes else { return std::future::pending().await };
    if let Err(RecvError::Closed) = changes.recv().await {
        std::future::pending::<()>().await;
    }
}

/// Returns the reason to close after a read error: an oversized message. Returns `None` if the connection
/// failed. The library's error can be told apart by its text only.
fn message_too_long(error: &axum::Error) -> Option<CloseReason> {
    let message = "the message must be at most 262144 bytes long";
    error.to_string().contains("too long").then(|| CloseReason::new(1009, message))
}
