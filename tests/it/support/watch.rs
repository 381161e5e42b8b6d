//! A watcher: one subscription over a socket of its own.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::App;

/// Longer than anything a test watches for may take.
const DEADLINE: Duration = Duration::from_secs(20);

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A subscription under way.
pub(crate) struct Watched {
    socket: Socket,
}

impl App {
    /// Subscribes, and returns once the server has begun to watch.
    pub(crate) async fn watch(&self, token: &str, query: &str, variables: Value) -> Watched {
        Watched::at(&self.base_url(), token, query, variables).await
    }

    /// Subscribes as whoever presents these, named as headers are.
    pub(crate) async fn watch_as(&self, presented: Value, query: &str, variables: Value) -> Watched {
        Watched::presenting(&self.base_url(), presented, query, variables).await
    }

    /// Opens a socket; `None` when who presents these is turned away.
    pub(crate) async fn connect(&self, presented: Value) -> Option<Watched> {
        Watched::connect(&self.base_url(), presented).await
    }
}

impl Watched {
    /// As [`App::watch`], at the server of this address.
    pub(crate) async fn at(server: &str, token: &str, query: &str, variables: Value) -> Self {
        Self::presenting(server, json!({"Authorization": format!("Bearer {token}")}), query, variables).await
    }

    /// The same, as whoever presents these, named as headers are.
    pub(crate) async fn presenting(server: &str, presented: Value, query: &str, variables: Value) -> Self {
        let mut watched = Self::connect(server, presented).await.expect("the socket was not acknowledged");
        watched.subscribe(query, variables).await;
        watched
    }

    async fn connect(server: &str, presented: Value) -> Option<Self> {
        let url = server.replacen("http", "ws", 1) + "/graphql/ws";
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut watched = Self { socket };
        watched.send(json!({"type": "connection_init", "payload": presented})).await;
        let answer = watched.receive().await?;
        assert_eq!(answer["type"], "connection_ack");
        Some(watched)
    }

    async fn subscribe(&mut self, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.send(json!({"id": "1", "type": "subscribe", "payload": payload})).await;
    }

    /// Begins another operation on the same socket.
    pub(crate) async fn subscribe_again(&mut self, id: &str, query: &str) {
        self.send(json!({"id": id, "type": "subscribe", "payload": {"query": query}})).await;
    }

    /// The code with which the server closes, whatever comes before; `None` when it just ends.
    pub(crate) async fn ended(&mut self, patience: Duration) -> Option<u16> {
        let ended = async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Close(frame) = message {
                    return frame.map(|frame| u16::from(frame.code));
                }
            }
            None
        };
        tokio::time::timeout(patience, ended).await.expect("the socket stays open")
    }

    /// The next answer; `None` when the server says that there will be no more.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let message = self.receive().await?;
        match message["type"].as_str() {
            Some("next") => Some(message["payload"].clone()),
            Some("error") => Some(json!({"errors": message["payload"]})),
            _ => None,
        }
    }

    async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn receive(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(DEADLINE, self.socket.next()).await.expect("nothing came");
            match message?.unwrap() {
                Message::Text(text) => match serde_json::from_str::<Value>(&text).unwrap() {
                    ping if ping["type"] == "ping" => self.send(json!({"type": "pong"})).await,
                    message => return Some(message),
                },
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }
}
