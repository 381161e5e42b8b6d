//! Durable work at the providers: rows first, then steps, driven under a lease by the request or by a worker.
//!
//! A mutation writes its operation down in the tenant's own transaction ([`kinds`]), commits, and then calls
//! [`Provisioning::run`]: the same function a worker calls for whatever a dead server left. Each step stores its
//! intent before it acts and its result after; an unknown outcome is looked up, never guessed.

pub mod kinds;

pub use crate::carrier::{CarrierError, NumberOnSale, NumberSearch, Rejection};

use std::time::Duration;

use url::Url;

use crate::carrier::Carrier;
use crate::domain::{Agent, Clock, Entropy, Operation, OperationId, Refusal};
use crate::store::{StoreError, SystemStore};
use crate::voice::Voice;

/// What provisioning is allowed, and where the carrier is to send calls.
#[derive(Debug, Clone)]
pub struct ProvisioningConfig {
    /// The public address of this server, to which the webhooks' paths are added.
    pub webhook_base_url: Url,
    /// Where calls go when this server is gone; our own fallback route when unset.
    pub voice_fallback_url: Option<Url>,
    /// How long a request waits for its operation.
    pub operation_wait: Duration,
    /// Purchases in any hour, all tenants together.
    pub purchases_per_hour: u32,
}

/// Drives operations. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Provisioning {}

impl Provisioning {
    /// A driver over the system's door and both providers.
    #[must_use]
    pub fn new(
        _config: ProvisioningConfig,
        _store: SystemStore,
        _carrier: Carrier,
        _voice: Voice,
        _clock: Clock,
        _entropy: Entropy,
    ) -> Self {
        todo!()
    }

    /// The carrier, for reading: searches that buy nothing.
    #[must_use]
    pub fn carrier(&self) -> &Carrier {
        todo!()
    }

    /// Time and randomness, for what a mutation writes down itself.
    #[must_use]
    pub fn ambient(&self) -> (&Clock, &Entropy) {
        todo!()
    }

    /// Drives an operation and waits for it, but no longer than `operation_wait`: then it is returned as it
    /// stands and goes on in the background. The driving itself does not stop when the caller goes away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run(&self, _id: OperationId) -> Result<Operation, StoreError> {
        todo!()
    }

    /// Brings the voice provider to the agent's present revision: at once, within `operation_wait`. What could not be
    /// delivered now is delivered by the worker; a refusal says what the provider would not take.
    ///
    /// # Errors
    /// The outer one: [`StoreError`]; the inner one: why the provider does not have the change.
    pub async fn sync_agent(&self, _agent: &Agent) -> Result<Result<(), Refusal>, StoreError> {
        todo!()
    }

    /// Works off what waits, until told to stop: due operations, unsynced agents.
    pub async fn work(&self, _stop: tokio_util::sync::CancellationToken) {
        todo!()
    }
}
