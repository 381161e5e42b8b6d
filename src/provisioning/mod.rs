//! Durable work at the providers: the operation is stored first, then run step by step under a lease, by the request or by a
//! worker.
//!
//! A mutation stores its operation in the tenant's own transaction ([`kinds`]), commits, and then calls
//! [`Provisioning::run`]: the same driver a worker uses for whatever a dead server left. Each step finds its intent
//! stored and stores its result; an unknown outcome is looked up, never guessed; no transaction is open while a
//! provider is called.
//!
//! [`reconcile`] compares what the providers hold with the database, for what no operation can know.
//!
//! To add a kind: a file in `kinds/` with its request, its data, what runs each step and what undoes it; a line in the list
//! of kinds ([`crate::domain::OperationKind`]), with its steps. The compiler then asks for the file's line in [`kinds`]; tests
//! ask for its words in the check constraints and for its places in the crash matrix.

mod bulk;
mod catalogue;
mod driver;
pub mod kinds;
mod lease;
mod outcome;
mod pause;
mod prices;
mod reconcile;
mod refusals;
mod repoint;
mod shared_wait;
mod sync;
mod worker;

pub use crate::carrier::{NumberOnSale, NumberSearch, list_price};
pub use bulk::{AgentWithoutNumber, BulkEnd, EndedEarly, NumberGiven};
pub use reconcile::{
    Act, Difference, DifferenceKind, Mended, ReconcileError, Reconciler, ReconciliationReport,
};
use refusals::provider_refusal;
pub use repoint::{RepointEnd, RepointError, Repointed};

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

use crate::carrier::{Carrier, NumberSettings};
use crate::domain::{AgentId, Clock, Dialing, Entropy, Operation, OperationId, Webhook};
use crate::store::{PurchaseRules, StoreError, SystemStore};
use crate::voice::Voice;

/// Begins the name at the carrier of every number bought here; the id of the operation that bought it follows.
const MARK: &str = "switchboard:";

/// The operation that bought a number with this name at the carrier; `None` for numbers not bought by this system.
fn operation_of_mark(friendly_name: &str) -> Option<OperationId> {
    friendly_name.strip_prefix(MARK)?.parse().ok()
}

/// What provisioning is allowed, and where the carrier is to send calls.
#[derive(Debug, Clone)]
pub struct ProvisioningConfig {
    /// The public address of this server, to which the webhooks' paths are added.
    pub webhook_base_url: Url,
    /// The address before a change, from which numbers may not have been pointed away yet.
    pub webhook_base_url_previous: Option<Url>,
    /// Where calls go when this server is gone; our own fallback route when unset.
    pub voice_fallback_url: Option<Url>,
    /// How long a request waits for its operation.
    pub operation_wait: Duration,
    /// How long after its driver died an operation is taken up by another. Renewed while a driver lives, so it
    /// may be much shorter than a provider takes to answer.
    pub lease: Duration,
    /// Purchases in any hour, all tenants together.
    pub purchases_per_hour: u32,
    /// Purchases of one tenant in any hour.
    pub tenant_purchases_per_hour: u32,
    /// Agents that one tenant may create in any hour.
    pub tenant_agents_per_hour: u32,
    /// How long a release can be taken back before it is carried out.
    pub release_grace: Duration,
    /// How long a number that served one client is not given to another.
    pub quarantine: TimeDelta,
    /// US dollars for a number's month, while the carrier's price list cannot be read.
    pub month_price: Option<Decimal>,
    /// US dollars for a begun minute of a call, while the carrier's price list cannot be read.
    pub minute_price: Option<Decimal>,
    /// Which numbers are dialled, but for tenants with a setting of their own.
    pub dialing: Dialing,
}

/// Drives operations. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Provisioning(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    config: ProvisioningConfig,
    store: SystemStore,
    carrier: Carrier,
    voice: Voice,
    clock: Clock,
    entropy: Entropy,
    /// Who this process is when it holds a lease.
    owner: Uuid,
    prices: prices::Prices,
    /// Every operation that runs here, so that a shutdown can wait for them.
    running: TaskTracker,
    /// Every delivery of an agent under way, for the same reason.
    deliveries: TaskTracker,
    /// Who waits for an operation.
    runs: shared_wait::Waits<OperationId, Result<Operation, StoreError>>,
    /// Who waits for an agent to reach the voice provider.
    syncs: shared_wait::Waits<AgentId, sync::Seen>,
}

impl Provisioning {
    /// A driver over the system's door and both providers.
    #[must_use]
    pub fn new(
        config: ProvisioningConfig,
        store: SystemStore,
        carrier: Carrier,
        voice: Voice,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        let owner = entropy.uuid(clock.now());
        let (running, deliveries) = (TaskTracker::new(), TaskTracker::new());
        let prices = prices::Prices::default();
        let (runs, syncs) = (shared_wait::Waits::default(), shared_wait::Waits::default());
        let parts = Parts {
            config,
            store,
            carrier,
            voice,
            clock,
            entropy,
            owner,
            prices,
            running,
            deliveries,
            runs,
            syncs,
        };
        Self(Arc::new(parts))
    }

    /// The carrier. For operations and reconciliation alone: whoever else needs something of it asks [`Provisioning`].
    fn carrier(&self) -> &Carrier {
        &self.0.carrier
    }

    /// Time and randomness, for what a mutation writes down itself.
    #[must_use]
    pub fn ambient(&self) -> (&Clock, &Entropy) {
        (&self.0.clock, &self.0.entropy)
    }

    /// Which numbers are dialled, but for tenants with a setting of their own.
    #[must_use]
    pub fn dialing(&self) -> &Dialing {
        &self.0.config.dialing
    }

    /// What every purchase is held to at this moment.
    fn purchase_rules(&self) -> PurchaseRules {
        PurchaseRules {
            purchases_per_hour: self.0.config.purchases_per_hour,
            tenant_purchases_per_hour: self.0.config.tenant_purchases_per_hour,
            quarantined_since: self.0.clock.now() - self.0.config.quarantine,
        }
    }

    /// Whether a number that sends its calls to this address sends them to this server, by its present address or its previous
    /// one.
    fn is_here(&self, voice_url: &str) -> bool {
        let config = &self.0.config;
        let mut addresses =
            std::iter::once(&config.webhook_base_url).chain(&config.webhook_base_url_previous);
        addresses.any(|base| Webhook::IncomingCall.url(base).as_str() == voice_url)
    }

    /// What a number bought by this operation must look like at the carrier. Its name is the mark by which
    /// a purchase whose answer was lost is known again.
    fn settings(&self, bought_by: OperationId) -> NumberSettings {
        let url = |webhook: Webhook| webhook.url(&self.0.config.webhook_base_url);
        NumberSettings {
            friendly_name: format!("{MARK}{bought_by}"),
            voice_url: url(Webhook::IncomingCall),
            voice_fallback_url: self
                .0
                .config
                .voice_fallback_url
                .clone()
                .unwrap_or_else(|| url(Webhook::CallFallback)),
            status_callback: url(Webhook::CallStatus),
        }
    }
}
