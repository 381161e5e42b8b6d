//! Durable work at the providers. An operation is stored first, then run step by step under a lease by the request
//! or by a worker.
//!
//! A mutation stores its operation in the tenant's transaction ([`kinds`]), commits, and calls [`Provisioning::run`]. Workers
//! use the same driver for operations that a dead server left. The intent of a step is stored before the step runs, and its
//! result afterwards. An unknown outcome is looked up, never guessed. No transaction is open during a call to a provider.
//!
//! [`reconcile`] compares the providers' inventories with the database and finds drift that no operation can notice.
//!
//! To add a kind, add a file in `kinds/` with its request, its data, its steps and their undo, and add the kind and its steps
//! to [`crate::domain::OperationKind`]. The compiler then asks for the file's line in [`kinds`]; tests ask for its words in the
//! check constraints and for its rows in the crash matrix.

mod bulk;
mod catalogue;
mod driver;
mod estate;
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

pub use crate::carrier::{AccountCredentials, ApiKey, NumberOnSale, NumberSearch, list_price};
pub use bulk::{AgentWithoutNumber, BulkEnd, EndedEarly, NumberGiven};
pub use estate::{EstateAccount, EstateAccountError, EstateNumber, Holder, Imported, PlannedImport, RunEnd};
pub use reconcile::{
    Act, Difference, DifferenceKind, ReconcileError, Reconciler, ReconciliationReport, RepairOutcome,
};
use refusals::provider_refusal;
pub use repoint::{RepointError, Repointed};

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::carrier::{Carrier, CarrierError, NumberSettings};
use crate::domain::{
    AgentId, Clock, Dialing, Entropy, Operation, OperationId, PhoneNumber, StockWishes, TenantId, Webhook,
};
use crate::store::{PurchaseRules, StoreError, SystemStore};
use crate::voice::Voice;

/// Prefix of a bought number's friendly name at the carrier, before the id of the operation that bought it. Prefix and id
/// together are the number's mark.
// Prefix and id stay within the 64 characters that Twilio allows for a name.
const MARK: &str = "switchboard:";

/// The mark of a number that this operation bought.
fn mark_of(bought_by: OperationId) -> String {
    format!("{MARK}{bought_by}")
}

/// The operation that bought the number with this friendly name; `None` if the name is no mark.
fn operation_of_mark(friendly_name: &str) -> Option<OperationId> {
    friendly_name.strip_prefix(MARK)?.parse().ok()
}

/// Limits, time limits and webhook addresses of provisioning.
#[derive(Debug, Clone)]
pub struct ProvisioningConfig {
    /// Public base URL of this server; webhook paths are appended.
    pub webhook_base_url: Url,
    /// Public base URL before the last change; some numbers may still point to it.
    pub webhook_base_url_previous: Option<Url>,
    /// Where the carrier sends calls when this server is unreachable; the server's own fallback webhook if `None`.
    pub voice_fallback_url: Option<Url>,
    /// How long a request waits for its operations.
    pub operation_wait: Duration,
    /// How long after its driver died another driver may claim an operation. A live driver renews its lease, so this may be
    /// much shorter than a provider's response time.
    pub lease: Duration,
    /// Maximum purchases in any hour, all tenants together.
    pub purchases_per_hour: u32,
    /// Maximum purchases of one tenant in any hour.
    pub tenant_purchases_per_hour: u32,
    /// Maximum agents that one tenant may create in any hour.
    pub tenant_agents_per_hour: u32,
    /// Grace period: how long a release can be cancelled before it is carried out.
    pub release_grace: Duration,
    /// Quarantine: how long a released number is not assigned to another tenant.
    pub quarantine: TimeDelta,
    /// Monthly price of a number in US dollars, used while the carrier's prices are unknown.
    pub month_price: Option<Decimal>,
    /// Price of a started call minute in US dollars, used while the carrier's prices are unknown.
    pub minute_price: Option<Decimal>,
    /// Price of a segment of a text message in US dollars, used while the carrier has not told the message's price.
    pub message_price: Option<Decimal>,
    /// The platform's dialling policy; a tenant's override takes precedence.
    pub dialing: Dialing,
    /// Numbers to keep in stock.
    pub stock: StockWishes,
}

/// Runs operations at the providers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Provisioning(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    config: ProvisioningConfig,
    store: SystemStore,
    accounts: Accounts,
    voice: Voice,
    clock: Clock,
    entropy: Entropy,
    /// Identifies this process as the holder of a lease.
    owner: Uuid,
    prices: prices::Prices,
    /// Asks this server to check soon what numbers may send.
    registrations_wanted: tokio::sync::Notify,
    /// Operations running in this process; a shutdown waits for them.
    running: TaskTracker,
    /// Agent deliveries running in this process; a shutdown waits for them.
    deliveries: TaskTracker,
    /// Requests waiting for an operation.
    runs: shared_wait::Waits<OperationId, Result<Operation, StoreError>>,
    /// Requests waiting for the delivery of an agent to the voice provider.
    syncs: shared_wait::Waits<AgentId, sync::DeliveryState>,
}

impl Provisioning {
    /// A driver with the system's store and both providers.
    #[must_use]
    pub fn new(
        config: ProvisioningConfig,
        store: SystemStore,
        accounts: Accounts,
        voice: Voice,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        // New at every start: this process holds none of the leases that an earlier one left.
        let owner = entropy.uuid(clock.now());
        let (running, deliveries) = (TaskTracker::new(), TaskTracker::new());
        let prices = prices::Prices::default();
        let (runs, syncs) = (shared_wait::Waits::default(), shared_wait::Waits::default());
        let parts = Parts {
            config,
            store,
            accounts,
            voice,
            clock,
            entropy,
            owner,
            prices,
            registrations_wanted: tokio::sync::Notify::new(),
            running,
            deliveries,
            runs,
            syncs,
        };
        Self(Arc::new(parts))
    }

    /// The platform's account at the carrier, for operations and reconciliation only. Other modules use the methods of
    /// [`Provisioning`].
    fn carrier(&self) -> &Carrier {
        self.0.accounts.platform()
    }

    /// The account that holds a number.
    async fn carrier_of(&self, number: &PhoneNumber) -> Result<Carrier, CarrierError> {
        self.0.accounts.carrier(number.accounts.owner).await
    }

    /// The accounts at the carrier.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// The clock and the source of randomness, for rows that a mutation writes itself.
    #[must_use]
    pub fn ambient(&self) -> (&Clock, &Entropy) {
        (&self.0.clock, &self.0.entropy)
    }

    /// The platform's dialling policy; a tenant's override takes precedence.
    #[must_use]
    pub fn dialing(&self) -> &Dialing {
        &self.0.config.dialing
    }

    /// The limits and the quarantine for a purchase that this tenant makes now.
    fn purchase_rules(&self, tenant: TenantId) -> PurchaseRules {
        let ProvisioningConfig { purchases_per_hour, tenant_purchases_per_hour, .. } = self.0.config;
        let (purchases_per_hour, tenant_purchases_per_hour) = if tenant == TenantId::STOCK {
            // Leaves room for the tenants' own purchases.
            (purchases_per_hour / 2, u32::MAX)
        } else {
            (purchases_per_hour, tenant_purchases_per_hour)
        };
        PurchaseRules {
            purchases_per_hour,
            tenant_purchases_per_hour,
            quarantined_since: self.0.clock.now() - self.0.config.quarantine,
        }
    }

    /// Whether this voice URL is the incoming call webhook of this server, at its current or previous address.
    fn is_here(&self, voice_url: &str) -> bool {
        let config = &self.0.config;
        let mut addresses =
            std::iter::once(&config.webhook_base_url).chain(&config.webhook_base_url_previous);
        // As text: the carrier returns the URL as it was set.
        addresses.any(|base| Webhook::IncomingCall.url(base).as_str() == voice_url)
    }

    /// The settings that a number should have at the carrier. One that was not bought here keeps its name: it has no mark, and is
    /// known by the carrier's id.
    fn settings_of(&self, number: &PhoneNumber) -> NumberSettings {
        let settings = self.settings(number.mark());
        let friendly_name = settings.friendly_name.filter(|_| number.origin.is_bought());
        NumberSettings { friendly_name, ..settings }
    }

    /// The settings at the carrier of a number bought by this operation. The friendly name is the mark: a purchase with a lost
    /// answer is found by it.
    fn settings(&self, bought_by: OperationId) -> NumberSettings {
        let url = |webhook: Webhook| webhook.url(&self.0.config.webhook_base_url);
        NumberSettings {
            friendly_name: Some(mark_of(bought_by)),
            voice_url: url(Webhook::IncomingCall),
            voice_fallback_url: self
                .0
                .config
                .voice_fallback_url
                .clone()
                .unwrap_or_else(|| url(Webhook::CallFallback)),
            status_callback: url(Webhook::CallStatus),
            sms_url: url(Webhook::IncomingMessage),
            sms_fallback_url: url(Webhook::MessageFallback),
        }
    }
}
