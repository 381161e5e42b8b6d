//! A client of `/graphql/ws` that sends and receives single messages of the protocol.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::App;

const PATIENCE: Duration = Duration::from_secs(5);

/// A client of our sockets.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn try_open(app: &App, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let address = format!("{}/graphql/ws", app.base_url().replace("http://", "ws://"));
        let mut request = address.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], "graphql-transport-ws");
                Ok(Self(socket))
            }
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn open(app: &App) -> Self {
        let protocol = [("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")];
        Self::try_open(app, &protocol).await.unwrap()
    }

    /// A socket of this tenant's, acknowledged.
    pub(crate) async fn ready(app: &App, token: &str) -> Self {
        let mut socket = Self::open(app).await;
        socket.init(token).await;
        assert_eq!(socket.next().await, json!({"type": "connection_ack"}));
        socket
    }

    /// Presents a token.
    pub(crate) async fn init(&mut self, token: &str) {
        let payload = json!({"Authorization": format!("Bearer {token}")});
        self.send(json!({"type": "connection_init", "payload": payload})).await;
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await.unwrap();
    }

    /// Sends a message that need not belong to the protocol.
    pub(crate) async fn send_raw(&mut self, message: Message) -> Result<(), Error> {
        self.0.send(message).await
    }

    pub(crate) async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({"type": "subscribe", "id": id, "payload": {"query": query}})).await;
    }

    /// Waits until the subscription misses no change any more. Nothing else may come before.
    pub(crate) async fn watches(&mut self, id: &str) {
        assert_eq!(self.message().await, json!({"type": "ping", "payload": {"subscribed": id}}));
    }

    /// The next message of the protocol, beside those that [`Self::watches`] waits for.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if message["payload"]["subscribed"].is_null() {
                return message;
            }
        }
    }

    async fn message(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("nothing came").unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code with which the server closes, whatever comes before it.
    pub(crate) async fn closed(&mut self, patience: Duration) -> u16 {
        let close = async {
            while let Some(message) = self.0.next().await {
                if let Ok(Message::Close(Some(frame))) = message {
                    assert!(frame.reason.len() <= 123);
                    return u16::from(frame.code);
                }
            }
            panic!("the connection ended without a close");
        };
        timeout(patience, close).await.expect("the server does not close")
    }
}
