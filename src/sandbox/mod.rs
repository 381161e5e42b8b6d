//! Twilio and ElevenLabs on one port of this machine, emulated over real HTTP: nothing real is bought or called.
//!
//! Promises: a number's and an agent's whole life behave as the providers' own client libraries expect, refusals
//! included; stock is finite and the same at every start; what was answered is on disk. Beside the two APIs it has
//! levers of its own under `/sandbox/` (loopback only): faults on demand, calls placed as the carrier would, and the
//! whole state to look at.
//!
//! It shares no code with the rest of the crate, not even `domain`: it and the clients check each other.

mod ambient;
mod calls;
mod control;
mod elevenlabs;
mod faults;
mod prices;
mod sign;
mod state;
mod stock;
mod twilio;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// What a caller must show to be let in, and what webhooks are signed with.
#[derive(Clone)]
pub struct Credentials {
    /// Twilio's `AC…` account SID.
    pub account_sid: String,
    /// Twilio's auth token: the password of every request and the key of every webhook's signature.
    pub auth_token: String,
    /// ElevenLabs' `xi-api-key`.
    pub api_key: String,
}

impl Credentials {
    /// Fixed, well-formed credentials for a laptop. They open nothing but a sandbox.
    #[must_use]
    pub fn development() -> Self {
        Self {
            account_sid: "AC5a4db0c5a4db0c5a4db0c5a4db0c5a4d".to_owned(),
            auth_token: "5a4db0c05a4db0c05a4db0c05a4db0c0".to_owned(),
            api_key: "sk_5a4db0c05a4db0c05a4db0c05a4db0c05a4db0c05a4db0c0".to_owned(),
        }
    }
}

/// How a sandbox is set up.
pub struct Options {
    /// Who may call it.
    pub credentials: Credentials,
    /// Where its state is kept; without a file it is forgotten when the sandbox stops.
    pub state_file: Option<PathBuf>,
}

/// Why a sandbox could not start, or could not write something down.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The state file is there but is not one this program can use; it is left as it is.
    #[error("the sandbox's state file {} cannot be used ({reason}); move it away to begin anew", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state file could not be replaced.
    #[error("the sandbox's state file {} cannot be written: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The listener has no address.
    #[error("the sandbox's listener is unusable: {0}")]
    Listener(std::io::Error),
    /// The client that places webhooks could not be built.
    #[error("the sandbox cannot place webhooks: {0}")]
    Client(reqwest::Error),
}

/// A sandbox that is listening. Dropping it stops it too, without waiting for that.
pub struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of both providers' APIs and of the sandbox's own, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening and lets requests in flight finish, for five seconds at most. Nothing needs saving: it is saved.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may be gone already; then there is nobody to tell.
            let _ = stop.send(());
        }
        if tokio::time::timeout(Duration::from_secs(5), &mut self.server).await.is_err() {
            self.server.abort();
            tracing::warn!("the sandbox was stopped with requests still in flight");
        }
    }
}

/// What every handler shares.
struct Sandbox {
    credentials: Credentials,
    store: state::Store,
    faults: faults::Faults,
    http: reqwest::Client,
}

type Shared = Arc<Sandbox>;

/// Starts a sandbox on this listener.
///
/// # Errors
/// When the state file cannot be read, or the listener is unusable.
pub async fn start(options: Options, listener: TcpListener) -> Result<Running, SandboxError> {
    let address = listener.local_addr().map_err(SandboxError::Listener)?;
    let sandbox = Arc::new(Sandbox {
        credentials: options.credentials,
        store: state::Store::open(options.state_file)?,
        faults: faults::Faults::default(),
        http: calls::client().map_err(SandboxError::Client)?,
    });
    let service = router(sandbox).into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        // A sender that is dropped unsent stops it as well.
        let signal = async { drop(stopped.await) };
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(signal).await {
            tracing::error!(%error, "the sandbox has stopped");
        }
    });
    Ok(Running { address, stop: Some(stop), server })
}

fn router(sandbox: Shared) -> Router {
    let providers = twilio::router(&sandbox)
        .merge(elevenlabs::router(&sandbox))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(&sandbox), faults::meddle));
    Router::new().nest("/sandbox", control::router()).merge(providers).with_state(sandbox)
}

/// A path that neither provider has.
async fn unknown(request: Request) -> Response {
    if twilio::owns(request.uri().path()) {
        return twilio::Refusal::not_found(request.uri().path()).into_response();
    }
    (StatusCode::NOT_FOUND, axum::Json(serde_json::json!({"detail": "Not Found"}))).into_response()
}
