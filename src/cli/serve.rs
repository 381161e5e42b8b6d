//! `switchboard serve`: runs the server.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::failure::Failure;
use super::logging;
use super::signals::Signals;
use crate::app::App;
use crate::config::{Config, Environment};
use crate::domain::{Clock, Entropy};
use crate::telemetry;

pub(super) async fn run(environment: &Environment) -> Result<(), Failure> {
    let config = Config::from_vars(|name| environment.get(name))?;
    logging::start(&config.log);
    for warning in config.warnings.iter().chain(&environment.misspelt()) {
        tracing::warn!("{warning}");
    }
    let signals = Signals::listen()?;
    let app = App::build(&config, Clock::system(), Entropy::system())
        .await
        .map_err(|error| Failure::from_error(&error))?;
    // Last: until the database is checked, a connection is refused instead of accepted and then dropped.
    let listener = listen(config.bind_address).await?;
    run_until_stopped(app, listener, signals).await
}

/// Listens on an address.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("cannot listen on {address}: {error}; set BIND_ADDRESS to another address"))
    })
}

/// Runs the app until it ends. The first signal makes the server unready for the load balancer and lets it finish open
/// requests; each further signal skips the step in progress.
pub(super) async fn run_until_stopped(
    app: App,
    listener: TcpListener,
    mut signals: Signals,
) -> Result<(), Failure> {
    let shutdown = app.shutdown();
    let watcher = tokio::spawn(async move {
        loop {
            signals.next().await;
            shutdown.escalate();
        }
    });
    let outcome = app.run(listener).await.map_err(|error| Failure::from_error(&error));
    watcher.abort();
    // After the server, whose last requests end their spans while it drains.
    telemetry::flush_traces().await;
    outcome
}
