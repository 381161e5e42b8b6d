//! Type `Health`.

use std::time::Duration;

use async_graphql::{Context, Enum, SimpleObject};
use tokio::time::timeout;

use crate::domain::{self, ComponentHealth as Component};
use crate::graphql::context::{ContextExt, Services};
use crate::graphql::errors::ApiError;
use crate::graphql::model::scalars::DateTime;
use crate::provisioning::RepairOutcome;

/// Time limit for asking the database. A person waits for the answer.
const DATABASE_TIME: Duration = Duration::from_secs(2);

/// State of a part of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::HealthStatus")]
pub(crate) enum HealthStatus {
    /// It works.
    Ok,
    /// It works in part, is behind, or needs attention.
    Degraded,
    /// It does not work.
    Down,
}

/// State of the server that answers, and of what all servers share.
#[derive(Debug, SimpleObject)]
pub(crate) struct Health {
    /// `DOWN` if the database is down: calls are still answered from the routing cache. `DEGRADED` if any
    /// component is not `OK`.
    status: HealthStatus,
    /// The components: `database`; the circuit breakers of both providers, by purpose (`carrier`,
    /// `carrier_prices`, `carrier_senders`, `carrier_media`, `carrier_ports`, `voice_agents`, `voice_calls`,
    /// `voice_conversations`, `voice_texts`, `voice_tools`); `carrier_requests`, the limit on concurrent requests; `journal`;
    /// each running worker as `worker_` and its name; `reconciliation`. More may be added.
    components: Vec<ComponentHealth>,
}

/// State of one component.
#[derive(Debug, SimpleObject)]
pub(crate) struct ComponentHealth {
    /// Name of the component, as in metrics.
    name: String,
    /// State of the component.
    status: HealthStatus,
    /// What is wrong or in progress, for display; `null` if there is nothing to say.
    detail: Option<String>,
    /// Since when a circuit breaker is open or journal entries wait; a worker's last heartbeat; the end of the
    /// last reconciliation. `null` if unknown.
    since: Option<DateTime>,
}

impl From<Component> for ComponentHealth {
    fn from(component: Component) -> Self {
        let Component { name, status, detail, since } = component;
        Self { name, status: status.into(), detail, since: since.map(DateTime) }
    }
}

impl Health {
    /// Asks every component.
    ///
    /// # Errors
    /// `FORBIDDEN` for everybody but operators.
    pub(crate) async fn read(ctx: &Context<'_>) -> Result<Self, ApiError> {
        let session = ctx.session()?;
        session.estate()?;
        let services = session.services();
        let database = database(services).await;
        let mut components = vec![database.clone()];
        components.extend(services.health.all());
        components.push(reconciliation(services).await);
        let is_sound = components.iter().all(|component| component.status == domain::HealthStatus::Ok);
        let status = match database.status {
            domain::HealthStatus::Down => HealthStatus::Down,
            _ if is_sound => HealthStatus::Ok,
            _ => HealthStatus::Degraded,
        };
        Ok(Self { status, components: components.into_iter().map(Into::into).collect() })
    }
}

async fn database(services: &Services) -> Component {
    let is = |status| Component::new("database", status);
    let system = services.database.system();
    match timeout(DATABASE_TIME, system.ping()).await {
        Err(_) => is(domain::HealthStatus::Down).because("the database does not answer in time"),
        // The driver's error may contain the database's address: the log has it.
        Ok(Err(_)) => is(domain::HealthStatus::Down).because("the database does not answer, or is read-only"),
        Ok(Ok(())) if system.is_unavailable() => {
            is(domain::HealthStatus::Down).because("the database accepts no writes")
        }
        Ok(Ok(())) if system.is_slow() => {
            is(domain::HealthStatus::Degraded).because("calls wait too long for their admission")
        }
        Ok(Ok(())) => is(domain::HealthStatus::Ok),
    }
}

async fn reconciliation(services: &Services) -> Component {
    let is = |status| Component::new("reconciliation", status);
    let last = match timeout(DATABASE_TIME, services.reconciler.last()).await {
        Ok(Ok(Some(last))) => last,
        Ok(Ok(None)) => return is(domain::HealthStatus::Ok).because("no reconciliation has ended yet"),
        Ok(Err(_)) | Err(_) => {
            return is(domain::HealthStatus::Degraded).because("the last report cannot be read");
        }
    };
    let open = last.differences.iter().filter(|found| found.outcome != RepairOutcome::Repaired).count();
    let health = if last.incomplete.is_some() {
        is(domain::HealthStatus::Degraded)
            .because("the last inventories were incomplete: the query reconciliation has the reason")
    } else if open > 0 {
        is(domain::HealthStatus::Degraded)
            .because(format!("differences that need attention: {open}; see the query reconciliation"))
    } else {
        is(domain::HealthStatus::Ok)
    };
    health.since(Some(last.finished_at))
}
