//! What goes on beside the requests: each worker under its name, supervised.

use std::sync::{Arc, PoisonError};

use super::App;
use super::later::check_later;
use super::supervisor::Supervisor;
use crate::domain::Worker;
use crate::telemetry;

impl App {
    /// Runs all of it until the server is told to drain.
    pub(super) fn start_workers(&self) -> Supervisor {
        let (workers, stop, entropy) =
            (self.workers.clone(), self.shutdown.drain.clone(), self.entropy.clone());
        let mut supervisor = Supervisor::new(workers, stop, entropy);
        self.start_keeping(&mut supervisor);
        let provisioning = self.provisioning.clone();
        supervisor.run(Worker::Operations, move |stop, heartbeat| {
            let provisioning = provisioning.clone();
            async move { provisioning.work(stop, heartbeat).await }
        });
        let provisioning = self.provisioning.clone();
        supervisor.run(Worker::Deliveries, move |stop, heartbeat| {
            let provisioning = provisioning.clone();
            async move { provisioning.deliver_agents(stop, heartbeat).await }
        });
        let provisioning = self.provisioning.clone();
        supervisor.run(Worker::Prices, move |stop, heartbeat| {
            let provisioning = provisioning.clone();
            async move { provisioning.watch_prices(stop, heartbeat).await }
        });
        let sweep = self.sweep.clone();
        supervisor.run(Worker::Sweep, move |stop, heartbeat| {
            let sweep = sweep.clone();
            async move { sweep.watch(stop, heartbeat).await }
        });
        let conversations = self.conversations.clone();
        supervisor.run(Worker::Events, move |stop, heartbeat| {
            let conversations = conversations.clone();
            async move { conversations.watch_events(stop, heartbeat).await }
        });
        let conversations = self.conversations.clone();
        supervisor.run(Worker::MissingEvents, move |stop, heartbeat| {
            let conversations = conversations.clone();
            async move { conversations.watch_missing(stop, heartbeat).await }
        });
        if let Some(retention) = self.retention.clone() {
            supervisor.run(Worker::Retention, move |stop, heartbeat| {
                let retention = retention.clone();
                async move { retention.watch(stop, heartbeat).await }
            });
        }
        if !self.reconcile_every.is_zero() {
            let (reconciler, every) = (self.reconciler.clone(), self.reconcile_every);
            supervisor.run(Worker::Reconciliation, move |stop, heartbeat| {
                let reconciler = reconciler.clone();
                async move { reconciler.watch(every, stop, heartbeat).await }
            });
        }
        supervisor
    }

    /// What keeps this server as the world outside it is.
    fn start_keeping(&self, supervisor: &mut Supervisor) {
        let authenticator = self.authenticator.clone();
        supervisor.run_once(Worker::Keys, move || {
            let authenticator = authenticator.clone();
            async move { authenticator.fetch_keys().await }
        });
        supervisor.run_droppable(Worker::Metrics, telemetry::keep_metrics);
        let routing = self.routing.clone();
        supervisor.run(Worker::Journal, move |stop, heartbeat| {
            let routing = routing.clone();
            async move { routing.keep_journal(stop, heartbeat).await }
        });
        let routing = self.routing.clone();
        supervisor.run(Worker::RoutingCache, move |stop, heartbeat| {
            let routing = routing.clone();
            async move { routing.keep_cache(stop, heartbeat).await }
        });
        let routing = self.routing.clone();
        supervisor.run(Worker::SavedCache, move |stop, heartbeat| {
            let routing = routing.clone();
            async move { routing.keep_saved(stop, heartbeat).await }
        });
        if self.database.has_other_servers() {
            let others = self.database.clone();
            supervisor.run_droppable(Worker::Changes, move || {
                let others = others.clone();
                async move { others.hear().await }
            });
        }
        let timed = self.database.clone();
        supervisor.run_droppable(Worker::Clock, move || {
            let timed = timed.clone();
            async move { timed.keep_time().await }
        });
        if let Some((config, clock)) = self.unchecked.clone() {
            let (database, shutdown) = (self.database.clone(), self.shutdown.clone());
            let unfit = Arc::clone(&self.unfit);
            supervisor.run_once(Worker::DatabaseCheck, move || {
                let (config, clock, database) = (config.clone(), clock.clone(), database.clone());
                let (unfit, shutdown) = (Arc::clone(&unfit), shutdown.clone());
                async move {
                    if let Err(error) = Box::pin(check_later(&config, &clock, &database)).await {
                        tracing::error!(%error, "the database is back and must not be used: the server ends");
                        *unfit.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        shutdown.drain();
                    }
                }
            });
        }
    }
}
