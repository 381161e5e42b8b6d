//! WebSockets to a provider, opened over the same HTTP client as requests: the same proxy, certificates and circuit breaker.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode, Upgraded};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::Url;

use super::redaction::reason;
use super::request_span::RequestSpan;
use super::{CircuitBreaker, Effect, ProviderError, ProviderRejection, Transport};

/// The longest message that is read, in bytes.
const LONGEST_MESSAGE: usize = 256 * 1024;
/// Time for telling the provider that the socket is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// An open WebSocket. Dropped, it is closed without a word.
#[derive(Debug)]
pub struct Socket(WebSocketStream<Upgraded>);

/// The end of a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketEnd {
    /// The close code; `None` if the connection broke.
    pub code: Option<u16>,
    /// The reason given, for the log only.
    pub reason: String,
}

impl Transport {
    /// Opens a WebSocket at an `https` or `http` address.
    ///
    /// # Errors
    /// Any [`ProviderError`]. While the circuit breaker is open the request is not sent.
    pub async fn open_socket<R: ProviderRejection>(
        &self,
        breaker: &CircuitBreaker,
        url: Url,
    ) -> Result<Socket, ProviderError<R>> {
        let key = generate_key();
        let request = self
            .request(Method::GET, url)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", &key)
            .build()
            .map_err(|error| ProviderError::unavailable(reason(&error)))?;
        let permit = breaker.admit().map_err(ProviderError::<R>::breaker_open)?;
        let mut span = RequestSpan::begin(self.provider(), self.endpoint_of(&request));
        let response = match self.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                permit.failed();
                return Err(Effect::Reads.lost(reason(&error)));
            }
        };
        let status = response.status();
        let accepted = response.headers().get("sec-websocket-accept");
        let is_accepted = accepted.is_some_and(|accept| accept == &derive_accept_key(key.as_bytes()));
        if status != StatusCode::SWITCHING_PROTOCOLS || !is_accepted {
            span.answered(status.as_u16());
            if status.is_server_error() {
                permit.failed();
            } else {
                permit.answered();
            }
            return Err(ProviderError::unavailable(format!("no WebSocket was opened: status {status}")));
        }
        let upgraded = response.upgrade().await;
        let Ok(upgraded) = upgraded else {
            permit.failed();
            return Err(ProviderError::unavailable("the WebSocket broke while it was opened"));
        };
        // As an answered request: 101 is the only success.
        span.answered(StatusCode::OK.as_u16());
        permit.answered();
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(LONGEST_MESSAGE);
        config.max_frame_size = Some(LONGEST_MESSAGE);
        Ok(Socket(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await))
    }
}

impl Socket {
    /// Sends a text.
    ///
    /// # Errors
    /// The socket has ended.
    pub async fn send(&mut self, text: String) -> Result<(), SocketEnd> {
        self.0.send(Message::Text(text.into())).await.map_err(|error| broken(&error))
    }

    /// Waits for the next text. Pings of the protocol are answered, and anything else is skipped. Cancel safe.
    ///
    /// # Errors
    /// The socket has ended, or the message is too long.
    pub async fn receive(&mut self) -> Result<String, SocketEnd> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    let (code, reason) = (Some(frame.code.into()), frame.reason.as_str().to_owned());
                    return Err(SocketEnd { code, reason });
                }
                Some(Ok(Message::Close(None))) | None => {
                    return Err(SocketEnd { code: None, reason: "closed without a code".to_owned() });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(&error)),
            }
        }
    }

    /// Closes the socket. The provider's own farewell is not waited for.
    pub async fn close(mut self) {
        // The provider notices the end of the connection, too.
        let _told = timeout(FAREWELL, self.0.close(None)).await;
    }
}

fn broken(error: &tokio_tungstenite::tungstenite::Error) -> SocketEnd {
    SocketEnd { code: None, reason: error.to_string() }
}
