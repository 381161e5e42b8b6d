//! Starts the background workers, each supervised under its name in [`Worker`].

use std::sync::{Arc, PoisonError};

use super::App;
use super::deferred_check::check_when_available;
use super::supervisor::Supervisor;
use crate::calls::CallCounter;
use crate::domain::Worker;
use crate::telemetry;

impl App {
    /// Starts every worker. They stop when the server drains.
    pub(super) fn start_workers(&self) -> Supervisor {
        let (workers, stop, entropy) =
            (self.workers.clone(), self.shutdown.drain.clone(), self.entropy.clone());
        let mut supervisor = Supervisor::new(workers, stop, entropy);
        self.start_maintenance(&mut supervisor);
        let provisioning = &self.provisioning;
        supervisor.run(Worker::Operations, provisioning, |provisioning, stop, heartbeat| async move {
            provisioning.work(stop, heartbeat).await;
        });
        supervisor.run(Worker::Deliveries, provisioning, |provisioning, stop, heartbeat| async move {
            provisioning.deliver_agents(stop, heartbeat).await;
        });
        supervisor.run(Worker::Prices, provisioning, |provisioning, stop, heartbeat| async move {
            provisioning.watch_prices(stop, heartbeat).await;
        });
        supervisor.run(Worker::Sweep, &self.sweep, |sweep, stop, heartbeat| async move {
            sweep.watch(stop, heartbeat).await;
        });
        supervisor.run(Worker::Messages, &self.inbox, |inbox, stop, heartbeat| async move {
            inbox.watch(stop, heartbeat).await;
        });
        supervisor.run(Worker::MessageSweep, &self.message_sweep, |sweep, stop, heartbeat| async move {
            sweep.watch(stop, heartbeat).await;
        });
        supervisor.run(
            Worker::MessageAnswers,
            &self.message_answers,
            |answers, stop, heartbeat| async move {
                answers.watch(stop, heartbeat).await;
            },
        );
        supervisor.run(Worker::Registrations, provisioning, |provisioning, stop, heartbeat| async move {
            provisioning.watch_registrations(stop, heartbeat).await;
        });
        supervisor.run(Worker::MessageMedia, &self.media_keeper, |keeper, stop, heartbeat| async move {
            keeper.watch(stop, heartbeat).await;
        });
        supervisor.run(Worker::CarrierAccounts, &self.accounts, |accounts, stop, heartbeat| async move {
            accounts.watch(stop, heartbeat).await;
        });
        supervisor.run(Worker::KeptNumbers, &self.kept, |kept, stop, heartbeat| async move {
            kept.watch(stop, heartbeat).await;
        });
        let conversations = &self.conversations;
        supervisor.run(Worker::Events, conversations, |conversations, stop, heartbeat| async move {
            conversations.watch_events(stop, heartbeat).await;
        });
        supervisor.run(Worker::MissingEvents, conversations, |conversations, stop, heartbeat| async move {
            conversations.watch_missing(stop, heartbeat).await;
        });
        let counter = CallCounter::new(self.database.system());
        supervisor.run(Worker::Statistics, &counter, |counter, stop, heartbeat| async move {
            counter.watch(stop, heartbeat).await;
        });
        // Without a retention period there is no worker, whose heartbeat `/readyz` would expect.
        if let Some(retention) = &self.retention {
            supervisor.run(Worker::Retention, retention, |retention, stop, heartbeat| async move {
                retention.watch(stop, heartbeat).await;
            });
        }
        if let Some(retention) = &self.message_retention {
            supervisor.run(Worker::MessageRetention, retention, |retention, stop, heartbeat| async move {
                retention.watch(stop, heartbeat).await;
            });
        }
        if self.has_stock {
            supervisor.run(Worker::Stock, provisioning, |provisioning, stop, heartbeat| async move {
                provisioning.keep_stock(stop, heartbeat).await;
            });
        }
        let every = self.reconcile_every;
        if !every.is_zero() {
            let reconciler = &self.reconciler;
            supervisor.run(
                Worker::Reconciliation,
                reconciler,
                move |reconciler, stop, heartbeat| async move {
                    reconciler.watch(every, stop, heartbeat).await;
                },
            );
        }
        supervisor
    }

    /// Starts the workers that keep this server's own state current: keys, metrics, journal, routing cache, clock.
    fn start_maintenance(&self, supervisor: &mut Supervisor) {
        supervisor.run_once(Worker::Keys, &self.authenticator, |authenticator| async move {
            authenticator.fetch_keys().await;
        });
        // Nothing of its work has to be finished: it may be dropped at any point.
        supervisor.run_cancellable(Worker::Metrics, &(), |()| telemetry::run_metrics_upkeep());
        let routing = &self.routing;
        supervisor.run(Worker::Journal, &self.records, |records, stop, heartbeat| async move {
            records.watch_journal(stop, heartbeat).await;
        });
        supervisor.run(Worker::RoutingCache, routing, |routing, stop, heartbeat| async move {
            routing.keep_cache(stop, heartbeat).await;
        });
        supervisor.run(Worker::SavedCache, routing, |routing, stop, heartbeat| async move {
            routing.keep_saved(stop, heartbeat).await;
        });
        let database = &self.database;
        // On SQLite there is no other server to hear of.
        if database.has_other_servers() {
            supervisor.run_cancellable(Worker::Changes, database, |database| async move {
                database.receive_changes().await;
            });
        }
        supervisor.run_cancellable(Worker::Clock, database, |database| async move {
            database.keep_clock_synced().await;
        });
        if let Some((config, clock)) = &self.deferred_check {
            let check = (config.clone(), clock.clone(), database.clone());
            let (check_error, shutdown) = (Arc::clone(&self.check_error), self.shutdown.clone());
            let on = (check, check_error, shutdown);
            supervisor.run_once(Worker::DatabaseCheck, &on, |(check, check_error, shutdown)| async move {
                let (config, clock, database) = check;
                if let Err(error) = Box::pin(check_when_available(&config, &clock, &database)).await {
                    tracing::error!(%error, "the database is back but failed its check: stopping the server");
                    *check_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    // At once, without `DRAIN_DELAY`: a database that may show one tenant another's rows is
                    // not used a second longer.
                    shutdown.drain();
                }
            });
        }
    }
}
