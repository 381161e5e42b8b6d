//! Emulator of Twilio and ElevenLabs over real HTTP, on one local port. Nothing real is bought or called.
//!
//! Guarantees: numbers and agents behave as the providers' own client libraries expect, errors included; the
//! stock of numbers is finite and the same at every start; an effect is on disk before it is answered. Beside
//! the two APIs there is a control API under `/sandbox/` (loopback only): fault injection, test calls, texts,
//! and a view of the whole state.
//!
//! The sandbox shares no code with the rest of the crate, not even `domain`, so that it and the
//! clients check each other.

mod ambient;
mod calls;
mod control;
mod elevenlabs;
mod faults;
mod ports;
mod prices;
mod sign;
mod state;
mod stock;
mod texts;
mod twilio;
mod upkeep;
mod webhook;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Credentials that requests must present and that webhooks are signed with.
#[derive(Clone)]
pub struct Credentials {
    /// Twilio account SID, `AC` and 32 hexadecimal digits. The user name of every request.
    pub account_sid: String,
    /// Twilio auth token: the password of every request and the key of webhook signatures.
    pub auth_token: String,
    /// ElevenLabs API key, sent as `xi-api-key`.
    pub api_key: String,
}

impl Credentials {
    /// Returns fixed, well-formed credentials for development. They are valid for a sandbox only.
    #[must_use]
    pub fn development() -> Self {
        Self {
            account_sid: "AC5a4db0c5a4db0c5a4db0c5a4db0c5a4d".to_owned(),
            auth_token: "5a4db0c05a4db0c05a4db0c05a4db0c0".to_owned(),
            api_key: "sk_5a4db0c05a4db0c05a4db0c05a4db0c05a4db0c05a4db0c0".to_owned(),
        }
    }
}

/// Settings of a sandbox.
pub struct Options {
    /// Credentials of both emulated accounts.
    pub credentials: Credentials,
    /// File that holds the state across restarts. `None` keeps the state in memory only.
    pub state_file: Option<PathBuf>,
}

/// Reason why a sandbox could not start or could not save an effect.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The state file exists but cannot be used. It is left unchanged.
    #[error(
        "the sandbox's state file {} cannot be used ({reason}); move it away to start with an empty state",
        path.display()
    )]
    Unreadable {
        /// Path of the state file.
        path: PathBuf,
        /// I/O error, JSON error or unsupported version.
        reason: String,
    },
    /// The state file could not be replaced.
    #[error("the sandbox's state file {} cannot be written: {reason}", path.display())]
    Unwritable {
        /// Path of the state file.
        path: PathBuf,
        /// Error of the operating system.
        reason: std::io::Error,
    },
    /// The listener has no local address.
    #[error("the sandbox's listener is unusable: {0}")]
    Listener(std::io::Error),
    /// The HTTP client for webhooks could not be built.
    #[error("the sandbox's HTTP client for webhooks could not be built: {0}")]
    Client(reqwest::Error),
}

/// A running sandbox. Dropping it stops the sandbox without waiting.
pub struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    sandbox: Shared,
}

impl Running {
    /// Returns the address of the listener, with the actual port if port 0 was requested.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL of both providers' APIs and of the control API, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the routes under `/sandbox/calls` and `/sandbox/texts` that place and end test calls and send texts, for a server that
    /// makes them reachable at its own origin. They do not check who sends the request: that server must.
    pub fn test_calls(&self) -> Router {
        Router::new().nest("/sandbox", control::test_calls()).with_state(Arc::clone(&self.sandbox))
    }

    /// Stops listening and waits for requests in flight, for at most five seconds. The state is already saved.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone if the server has already stopped.
            let _ = stop.send(());
        }
        // An injected delay may hold a request for longer.
        if tokio::time::timeout(Duration::from_secs(5), &mut self.server).await.is_err() {
            self.server.abort();
            tracing::warn!("sandbox stopped with requests in flight");
        }
        self.sandbox.stopping.cancel();
        self.sandbox.tasks.close();
        self.sandbox.tasks.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Deliveries would otherwise go on, and overwrite the file of a sandbox that is started with it.
        self.sandbox.stopping.cancel();
    }
}

/// State shared by all handlers.
struct Sandbox {
    credentials: Credentials,
    store: state::Store,
    faults: faults::Faults,
    http: reqwest::Client,
    /// Base URL, without a trailing slash. URLs of media begin with it.
    base_url: String,
    /// Deliveries of messages in the background.
    tasks: TaskTracker,
    /// Ends all deliveries. The state says how they go on.
    stopping: CancellationToken,
    /// Webhooks about ports, which are sent one after the other.
    announcements: mpsc::UnboundedSender<upkeep::Announcement>,
}

type Shared = Arc<Sandbox>;

/// Starts a sandbox on this listener. Returns once it accepts requests.
///
/// # Errors
/// [`SandboxError`] if the state file cannot be used, the listener has no address, or the HTTP client cannot be built.
pub async fn start(options: Options, listener: TcpListener) -> Result<Running, SandboxError> {
    let address = listener.local_addr().map_err(SandboxError::Listener)?;
    let (announcements, announced) = mpsc::unbounded_channel();
    let sandbox = Arc::new(Sandbox {
        store: state::Store::open(options.state_file, &options.credentials)?,
        credentials: options.credentials,
        faults: faults::Faults::default(),
        http: webhook::client().map_err(SandboxError::Client)?,
        base_url: format!("http://{address}"),
        tasks: TaskTracker::new(),
        stopping: CancellationToken::new(),
        announcements,
    });
    texts::delivery::resume(&sandbox);
    upkeep::start(&sandbox, announced);
    let service = router(Arc::clone(&sandbox)).into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        // A dropped sender ends the wait too, so that dropping `Running` stops the server.
        let signal = async { drop(stopped.await) };
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(signal).await {
            tracing::error!(%error, "sandbox server failed");
        }
    });
    Ok(Running { address, stop: Some(stop), server, sandbox })
}

fn router(sandbox: Shared) -> Router {
    let providers = twilio::router(&sandbox)
        .merge(elevenlabs::router(&sandbox))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(Arc::clone(&sandbox), faults::inject));
    // The control API stays outside of the faults: otherwise one that matches every path could not be removed.
    Router::new().nest("/sandbox", control::router()).merge(providers).with_state(sandbox)
}

/// Answers a path that neither provider has, in the error format of the provider that the path looks like.
async fn not_found(request: Request) -> Response {
    if twilio::is_twilio_path(request.uri().path()) {
        return twilio::TwilioError::not_found(request.uri().path()).into_response();
    }
    (StatusCode::NOT_FOUND, axum::Json(serde_json::json!({"detail": "Not Found"}))).into_response()
}
