//! `GET /graphql/ws`: operations over a socket, in `graphql-transport-ws`.
//!
//! One task drives a socket: it reads and writes. Operations run beside it, so that one under way goes on while another's
//! answer is sent, and a few at a time ([`TURNS`], and no more than the caller's share), so that nothing queues without bound. Events wait at
//! their source while a client reads slowly, and a client that takes too long over one message is closed with 1013.
//!
//! A socket lives no longer than the token that opened it. The token is checked again with every operation, every time the
//! client is pinged, and, an agent's, as soon as this server hears that the agent changed, wherever that was done. Queries and
//! mutations go the same way as over HTTP.

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
use futures_util::stream::{AbortHandle, Abortable, BoxStream, SelectAll};
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use self::message::{Closing, FromClient, PROTOCOL, about, bare, next, parse};
use self::sockets::{Running, Seat};
use super::executing::Sharer;
use super::rate::ClientAddress;
use super::rejection::Rejection;
use super::{Edge, RequestId, credentials, origin};
use crate::auth::{Authenticated, Credentials, Known, Principal};
use crate::graphql::{Caller, Executed, GraphqlRequest, Turns};
use crate::store::{Topic, Watcher};

pub(super) use self::sockets::Sockets;

const MAX_MESSAGE: usize = 256 * 1024;
const MAX_OPERATIONS: usize = 50;
/// Answers of one socket that are being made or wait to be sent.
const TURNS: usize = 8;
const INIT_TIME: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(20);
const SEND_TIME: Duration = Duration::from_secs(10);
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Opens a socket, for pages of our own host and of the allowed ones; other programs send no `Origin`.
pub(super) async fn upgrade(
    State(edge): State<Edge>,
    request_id: RequestId,
    address: ClientAddress,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refused) => {
            let message = "this path is for WebSockets: send a handshake";
            let status = axum::response::IntoResponse::into_response(refused).status();
            return Rejection::new(status, "BAD_REQUEST", message).respond(&request_id.0);
        }
    };
    if !origin::is_allowed(&headers, &edge.origins) {
        let message = "pages of this origin may not open sockets here";
        return Rejection::new(StatusCode::FORBIDDEN, "FORBIDDEN", message).respond(&request_id.0);
    }
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = format!("offer the subprotocol {PROTOCOL}");
        return Rejection::bad_request(message).respond(&request_id.0);
    }
    let tasks = edge.drain.sockets.clone();
    upgrade
        .on_upgrade(move |socket| tasks.track_future(Driver::new(edge, request_id.0, address, socket).run()))
}

/// What an operation produced; `None` when it ended.
type Produced = (String, Option<Executed>);

/// A socket's opener.
struct Acknowledged {
    who: Authenticated,
    /// What they presented, to be checked again.
    presented: Credentials,
    seat: Seat,
}

struct Driver {
    edge: Edge,
    request_id: String,
    address: ClientAddress,
    socket: WebSocket,
    /// Who opened it, once it is acknowledged.
    session: Option<Acknowledged>,
    /// What may be about the agent whose token opened it.
    changes: Option<Watcher>,
    operations: SelectAll<Abortable<BoxStream<'static, Produced>>>,
    running: HashMap<String, (AbortHandle, Running)>,
    turns: Arc<Semaphore>,
    /// Whether anything came since the last ping.
    heard: bool,
}

impl Driver {
    fn new(edge: Edge, request_id: String, address: ClientAddress, socket: WebSocket) -> Self {
        let (operations, running, turns) =
            (SelectAll::new(), HashMap::new(), Arc::new(Semaphore::new(TURNS)));
        let (session, changes, heard) = (None, None, true);
        Self { edge, request_id, address, socket, session, changes, operations, running, turns, heard }
    }

    async fn run(mut self) {
        let Err(closing) = self.drive().await else { return };
        tracing::debug!(
            request_id = self.request_id,
            code = closing.code,
            reason = closing.reason,
            "socket closed"
        );
        // A client that does not take even this is cut off.
        let _ = timeout(CLOSE_TIME, async {
            self.socket.send(closing.frame()).await?;
            // The client answers with a close of its own; what it sent before that is read and forgotten.
            while let Some(Ok(_)) = self.socket.next().await {}
            Ok::<_, axum::Error>(())
        })
        .await;
    }

    /// Until the client goes (`Ok`) or we have a reason to close.
    async fn drive(&mut self) -> Result<(), Closing> {
        let init_by = Instant::now() + INIT_TIME;
        let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.edge.drain.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Err(Closing::new(1001, "the server goes away: come back in a moment")),
                () = sleep_until(init_by), if self.session.is_none() => {
                    return Err(Closing::new(4408, "Connection initialisation timeout"));
                }
                () = self.expiry() => {}
                _ = pings.tick() => {
                    self.ping().await?;
                    self.check_again().await?;
                }
                () = told(&mut self.changes) => self.check_again().await?,
                message = self.socket.next() => match message {
                    Some(Ok(message)) => self.hear(message).await?,
                    Some(Err(error)) => return too_long(&error).map_or(Ok(()), Err),
                    None => return Ok(()),
                },
                Some((id, produced)) = self.operations.next() => self.produced(id, produced).await?,
            }
            self.still_valid()?;
        }
    }

    async fn ping(&mut self) -> Result<(), Closing> {
        if !std::mem::take(&mut self.heard) {
            return Err(Closing::new(1013, "no answer to a ping"));
        }
        self.send(Message::Ping(axum::body::Bytes::new())).await
    }

    async fn hear(&mut self, message: Message) -> Result<(), Closing> {
        self.heard = true;
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Closing::new(4400, "Invalid message: binary")),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        match parse(&text)? {
            FromClient::Init(payload) => self.init(&payload).await,
            FromClient::Ping => self.send(bare("pong")).await,
            FromClient::Pong => Ok(()),
            FromClient::Subscribe { id, request } => self.subscribe(id, request).await,
            FromClient::Complete { id } => {
                self.end(&id);
                Ok(())
            }
        }
    }

    async fn init(&mut self, payload: &Map<String, Value>) -> Result<(), Closing> {
        if self.session.is_some() {
            return Err(Closing::new(4429, "Too many initialisation requests"));
        }
        let forbidden = |rejection: Rejection| match rejection.status {
            StatusCode::UNAUTHORIZED => Closing::new(4403, format!("Forbidden: {}", rejection.message)),
            _ => Closing::new(1013, rejection.message),
        };
        let presented = match credentials::from_payload(payload) {
            Ok(presented) => presented,
            Err(unreadable) => {
                self.edge.rates.from(self.address).await.map_err(forbidden)?;
                return Err(forbidden(unreadable));
            }
        };
        let known = self.edge.authenticator.known(&presented);
        // A socket counts as its token's, and only one that proves nothing as its address's: behind a proxy strangers have the
        // same address as everybody else.
        match known {
            Known::Proven(agent) => self.edge.rates.by(agent).await.map_err(forbidden)?,
            Known::Guess => self.edge.rates.from(self.address).await.map_err(forbidden)?,
            Known::Signed => {}
        }
        let who = match credentials::check(&self.edge.authenticator, &presented).await {
            Ok(who) => who,
            Err(refused) => {
                if known != Known::Guess && refused.status == StatusCode::UNAUTHORIZED {
                    self.edge.rates.from(self.address).await.map_err(forbidden)?;
                }
                return Err(forbidden(refused));
            }
        };
        if known == Known::Guess {
            self.edge.rates.proven(self.address);
        }
        if !matches!(known, Known::Proven(_)) {
            self.edge.rates.by(who.principal).await.map_err(forbidden)?;
        }
        let seat = self.edge.sockets.take(who.principal);
        let seat = seat.ok_or_else(|| Closing::new(1013, "too many sockets with this token"))?;
        if let Principal::Agent { agent, .. } = who.principal {
            self.changes = Some(self.edge.database.watch(Topic::Agent(agent)));
            // A token that was taken away meanwhile was told of to nobody here.
            credentials::check(&self.edge.authenticator, &presented).await.map_err(forbidden)?;
        }
        self.session = Some(Acknowledged { who, presented, seat });
        self.send(bare("connection_ack")).await
    }

    async fn subscribe(&mut self, id: String, request: GraphqlRequest) -> Result<(), Closing> {
        let Some(Acknowledged { who, seat, .. }) = &self.session else {
            return Err(Closing::new(4401, "Unauthorized"));
        };
        if self.running.contains_key(&id) {
            return Err(Closing::new(4409, format!("Subscriber for {id} already exists")));
        }
        if self.running.len() >= MAX_OPERATIONS {
            let message = format!("{MAX_OPERATIONS} operations run on this socket: complete one first");
            let refused = Rejection::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
            return self.refuse(&id, &refused).await;
        }
        if let Err(refused) = self.edge.rates.by(who.principal).await {
            return self.refuse(&id, &refused).await;
        }
        let running = match seat.run() {
            Ok(running) => running,
            Err(message) => {
                let refused = Rejection::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
                return self.refuse(&id, &refused).await;
            }
        };
        let principal = Some(who.principal);
        // Counted before: it asks the database about an agent's token.
        self.check_again().await?;
        let caller = Caller { principal, request_id: self.request_id.clone() };
        let turns = Turns {
            of_socket: Arc::clone(&self.turns),
            of_caller: self.edge.executing.share(Sharer::of(principal, self.address)),
        };
        let (name, ended) = (id.clone(), id.clone());
        let answers =
            self.edge.api.stream(caller, request, turns).map(move |executed| (name.clone(), Some(executed)));
        let answers = answers.chain(stream::once(std::future::ready((ended, None)))).boxed();
        let (handle, registration) = AbortHandle::new_pair();
        self.operations.push(Abortable::new(answers, registration));
        self.running.insert(id, (handle, running));
        Ok(())
    }

    fn end(&mut self, id: &str) {
        if let Some((handle, _)) = self.running.remove(id) {
            handle.abort();
        }
    }

    /// Closes the socket if its token is not valid any more. One that cannot be checked at the moment still is.
    async fn check_again(&mut self) -> Result<(), Closing> {
        let Some(Acknowledged { who, presented, .. }) = &self.session else { return Ok(()) };
        match credentials::check(&self.edge.authenticator, presented).await {
            Ok(still) if still.principal == who.principal => Ok(()),
            Err(refused) if refused.status != StatusCode::UNAUTHORIZED => Ok(()),
            Ok(_) | Err(_) => Err(Closing::new(4403, "Forbidden: the token is not valid any more")),
        }
    }

    /// Answers an operation that is not begun.
    async fn refuse(&mut self, id: &str, refused: &Rejection) -> Result<(), Closing> {
        let errors = refused.body(&self.request_id).get_mut("errors").map(Value::take);
        self.send(about("error", id, errors)).await
    }

    async fn produced(&mut self, id: String, produced: Option<Executed>) -> Result<(), Closing> {
        match produced {
            Some(executed) if executed.began => self.send(next(&id, &executed.body)).await,
            // An error ends the operation by itself: no `complete` follows.
            Some(refused) => {
                self.end(&id);
                self.send(about("error", &id, Some(json!(refused.errors)))).await
            }
            None => {
                self.running.remove(&id);
                self.send(about("complete", &id, None)).await
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Closing> {
        match timeout(SEND_TIME, self.socket.send(message)).await {
            // A broken socket is seen by the next read.
            Ok(_) => Ok(()),
            Err(_) => Err(Closing::new(1013, "messages are read too slowly")),
        }
    }

    /// Ends when the token should have run out.
    fn expiry(&self) -> impl Future<Output = ()> + use<> {
        let end = self.session.as_ref().and_then(|session| session.who.expires_at);
        let left = end.map(|end| (end - self.edge.clock.now()).to_std().unwrap_or_default());
        async move {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        }
    }

    fn still_valid(&self) -> Result<(), Closing> {
        let end = self.session.as_ref().and_then(|session| session.who.expires_at);
        if end.is_some_and(|end| end <= self.edge.clock.now()) {
            return Err(Closing::new(4403, "Forbidden: the token has run out"));
        }
        Ok(())
    }
}

/// Ends when something is told that may be about the agent, or was missed.
async fn told(changes: &mut Option<Watcher>) {
    let Some(changes) = changes else { return std::future::pending().await };
    if let Err(RecvError::Closed) = changes.recv().await {
        std::future::pending::<()>().await;
    }
}

/// The reason to close after a message that could not be read; `None` when the connection broke.
fn too_long(error: &axum::Error) -> Option<Closing> {
    error.to_string().contains("too long").then(|| Closing::new(1009, "the message is too long"))
}
