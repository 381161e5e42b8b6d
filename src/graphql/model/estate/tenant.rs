//! Type `Tenant`.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{self, NodeId, NodeKind, TenantId};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::CountsOf;
use crate::graphql::model::paging::{List, Listed, wrap};
use crate::graphql::model::scalars::{DateTime, Uuid};
use crate::graphql::model::viewer::{Limits, Plan};
use crate::store::{self, PageOf, PageRequest, TenantCounts};

const LONGEST_PLAN: usize = 100;

/// A tenant, as operators see it.
#[derive(Debug, Clone)]
pub(crate) struct Tenant(pub(crate) domain::Tenant);

/// A tenant, for operators: its plan and how much of it is used. To read or change what the tenant owns, send its
/// `userId` in the header `X-Tenant-Id`; such requests are recorded in the tenant's audit trail.
#[Object]
impl Tenant {
    /// Global id, opaque and stable. Pass it to `node`. It differs from the id of the tenant's own `Viewer`.
    pub(crate) async fn id(&self) -> ID {
        NodeId { kind: NodeKind::TenantRecord, uuid: self.0.id.0 }.to_string().into()
    }

    /// The tenant's id, as in its token and in the header `X-Tenant-Id`.
    async fn user_id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The tenant's plan.
    async fn plan(&self) -> Plan {
        Plan::of(&self.0)
    }

    /// Limits of the plan, and the dialling policy.
    async fn limits(&self, ctx: &Context<'_>) -> Result<Limits, ApiError> {
        Limits::of(&self.0, ctx)
    }

    /// Number of call slots in use.
    #[graphql(complexity = 2)]
    async fn active_calls(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(int(self.counts(ctx).await?.active_calls))
    }

    /// Number of agents, except deleted ones.
    #[graphql(complexity = 2)]
    async fn agent_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(int(self.counts(ctx).await?.agents))
    }

    /// Number of phone numbers, including those being bought or released, except released ones.
    #[graphql(complexity = 2)]
    async fn phone_number_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(int(self.counts(ctx).await?.numbers))
    }

    /// When the tenant's first valid token arrived, or an operator set its plan, whichever came first.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

impl Tenant {
    async fn counts(&self, ctx: &Context<'_>) -> Result<TenantCounts, ApiError> {
        // A loader: one statement counts for all tenants of a page.
        Ok(Box::pin(ctx.loaders()?.load_one(CountsOf(self.0.id))).await?.unwrap_or_default())
    }
}

/// Saturates a count at the 32 bits of GraphQL's `Int`.
fn int(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Filter for tenants. All given conditions must match.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct TenantFilter {
    /// Only this tenant.
    user_id: Option<Uuid>,
    /// Only tenants whose plan has exactly this name.
    plan_name: Option<String>,
}

impl TryFrom<TenantFilter> for store::TenantFilter {
    type Error = ApiError;

    fn try_from(filter: TenantFilter) -> Result<Self, ApiError> {
        if let Some(plan) = &filter.plan_name {
            if plan.chars().count() > LONGEST_PLAN {
                return Err(ApiError::bad_input(format!(
                    "filter.planName: at most {LONGEST_PLAN} characters are allowed, as in a plan's name"
                )));
            }
            // No plan has such a name, and Postgres rejects a text with a NUL character.
            if plan.chars().any(char::is_control) {
                return Err(ApiError::bad_input("filter.planName: control characters are not allowed"));
            }
        }
        Ok(Self { id: filter.user_id.map(|id| TenantId(id.0)), plan: filter.plan_name })
    }
}

impl Listed for Tenant {
    type Filter = store::TenantFilter;
    const LIST: List = List::Tenants;
    const CONNECTION: &'static str = "TenantConnection";
    const EDGE: &'static str = "TenantEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        Ok(wrap(ctx.session()?.estate()?.tenants(filter, page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        Ok(ctx.session()?.estate()?.count_tenants(filter).await?)
    }
}
