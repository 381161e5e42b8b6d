//! `setTenantPlan`.

use async_graphql::{Context, InputObject, Object};

use super::input::Faults;
use super::outcome::{Outcome, Stop};
use crate::domain::{Limits, TenantId};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{UserError, Uuid, Viewer};

const LONGEST_NAME: usize = 100;

/// A plan, and whose.
#[derive(Debug, InputObject)]
pub(crate) struct SetTenantPlanInput {
    /// The client's user id. One whom nobody has seen yet is written down.
    user_id: Uuid,
    /// The plan's name, for people: 1 to 100 characters.
    name: String,
    /// Calls at the same time: 1 to 50. Calls under way go on when it is lowered.
    concurrent_calls: i32,
    /// Numbers held at the same time: 0 to 65535. Numbers held stay when it is lowered.
    phone_numbers: i32,
}

impl SetTenantPlanInput {
    fn check(self) -> Result<(TenantId, String, Limits), Stop> {
        let mut faults = Faults::default();
        let name = self.name.trim().to_owned();
        if !(1..=LONGEST_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            faults.note("name", format!("a plan's name has 1 to {LONGEST_NAME} characters"));
        }
        let concurrent_calls =
            u16::try_from(self.concurrent_calls).ok().filter(|calls| (1..=50).contains(calls));
        if concurrent_calls.is_none() {
            let why = format!("a plan has 1 to 50 concurrent calls, not {}", self.concurrent_calls);
            faults.note("concurrentCalls", why);
        }
        let phone_numbers = u16::try_from(self.phone_numbers).ok();
        if phone_numbers.is_none() {
            faults.note("phoneNumbers", format!("a plan has 0 to 65535 numbers, not {}", self.phone_numbers));
        }
        let limits = concurrent_calls
            .zip(phone_numbers)
            .map(|(concurrent_calls, phone_numbers)| Limits { concurrent_calls, phone_numbers });
        faults.unless_any(limits.map(|limits| (TenantId(self.user_id.0), name, limits)))
    }
}

/// What came of `setTenantPlan`.
pub(crate) struct SetTenantPlanPayload(Outcome<Viewer>);

/// What came of `setTenantPlan`.
#[Object]
impl SetTenantPlanPayload {
    /// The client's account with its new plan. Null when nothing was changed because of `userErrors`.
    async fn viewer(&self) -> Option<&Viewer> {
        self.0.accepted()
    }

    /// What you can put right; the old plan holds then.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// The mutation.
#[derive(Debug, Default)]
pub(super) struct SetTenantPlan;

#[Object]
impl SetTenantPlan {
    /// For operators: gives a client a plan. Holds from the next call and the next purchase on, and stands in the client's
    /// audit trail.
    #[graphql(complexity = "child_complexity + 10")]
    async fn set_tenant_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose plan, and what it allows.")] input: SetTenantPlanInput,
    ) -> Option<Result<SetTenantPlanPayload, ApiError>> {
        let set = async || set(ctx.session()?, input).await;
        Some(Outcome::of(set().await).map(SetTenantPlanPayload))
    }
}

async fn set(session: &Session, input: SetTenantPlanInput) -> Result<Viewer, Stop> {
    let estate = session.estate()?;
    let (tenant, name, limits) = input.check()?;
    let _released = session.release().await;
    let author = session.author()?;
    Ok(Viewer(estate.set_plan(&author, tenant, &name, limits).await?))
}
