//! The mutation `setTenantPlan`: sets the plan and the dialling policy of a tenant, for operators.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};

use super::input::Faults;
use super::outcome::{Outcome, Stop};
use crate::domain::{Countries, CountryCode, DialingChange, Invalid, Limits, Tenant, TenantId, is_blank};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Checked, UserError, Uuid, Viewer};

const LONGEST_NAME: usize = 100;

/// Input of `setTenantPlan`.
#[derive(Debug, InputObject)]
pub(crate) struct SetTenantPlanInput {
    /// The tenant's id. A tenant that does not exist yet is created.
    user_id: Uuid,
    /// Name of the plan, for display: 1 to 100 characters.
    name: String,
    /// Maximum concurrent calls: 1 to 50. Lowering it ends no call.
    concurrent_calls: i32,
    /// Maximum numbers held at the same time: 0 to 65535. Lowering it releases no number.
    phone_numbers: i32,
    /// Maximum text messages sent within 24 hours: 0 to 1000000. Absent: unchanged, for a new tenant 1000.
    messages_per_day: Option<i32>,
    /// Countries of the numbers that may be dialled, as fallback numbers or by routing rules. An empty list:
    /// none. `null`: the server's `DIAL_COUNTRIES`. Absent: unchanged. Numbers stored earlier remain, but are
    /// dialled only if allowed.
    dial_countries: MaybeUndefined<Vec<Checked<CountryCode>>>,
    /// Whether numbers that can cost more than an ordinary call may be dialled: premium-rate, shared-cost,
    /// personal and satellite numbers, pagers, and numbers outside all numbering plans. `null`: no. Absent:
    /// unchanged.
    dial_premium_numbers: MaybeUndefined<bool>,
}

impl SetTenantPlanInput {
    fn check(self) -> Result<(TenantId, String, Limits, Option<u32>, DialingChange), Stop> {
        let mut faults = Faults::default();
        let name = self.name.trim().to_owned();
        if is_blank(&name) || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            let why = format!(
                "a plan's name must have 1 to {LONGEST_NAME} characters, at least one of them visible"
            );
            faults.note("name", why);
        }
        // The nil UUID stands for an operator whose token has no `sub`.
        if self.user_id.0.is_nil() {
            faults.note("userId", "the nil UUID is not a tenant: pass the tenant's user id");
        }
        let concurrent_calls =
            u16::try_from(self.concurrent_calls).ok().filter(|calls| (1..=50).contains(calls));
        if concurrent_calls.is_none() {
            let why = format!("a plan can have 1 to 50 concurrent calls; got {}", self.concurrent_calls);
            faults.note("concurrentCalls", why);
        }
        let phone_numbers = u16::try_from(self.phone_numbers).ok();
        if phone_numbers.is_none() {
            faults.note(
                "phoneNumbers",
                format!("a plan can have 0 to 65535 numbers; got {}", self.phone_numbers),
            );
        }
        let messages_per_day = match self.messages_per_day.map(u32::try_from) {
            Some(Ok(messages @ 0..=1_000_000)) => Some(messages),
            Some(_) => {
                faults.note("messagesPerDay", "a plan can have 0 to 1000000 messages a day".to_owned());
                None
            }
            None => None,
        };
        // Absent keeps the tenant's own setting, `null` removes it.
        let countries = match self.dial_countries {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(codes) => {
                let read: Result<_, Invalid> = codes.into_iter().map(|code| code.0).collect();
                faults.take("dialCountries", read).map(|codes| Some(Countries(codes)))
            }
        };
        let premium = match self.dial_premium_numbers {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(premium) => Some(Some(premium)),
        };
        let dialing = DialingChange { countries, premium };
        let limits = concurrent_calls.zip(phone_numbers).map(|(concurrent_calls, phone_numbers)| Limits {
            concurrent_calls,
            phone_numbers,
            ..Tenant::DEFAULT_LIMITS
        });
        faults.unless_any(
            limits.map(|limits| (TenantId(self.user_id.0), name, limits, messages_per_day, dialing)),
        )
    }
}

/// Payload of `setTenantPlan`: what was accepted, or why nothing was.
pub(crate) struct SetTenantPlanPayload(Outcome<Viewer>);

/// Result of `setTenantPlan`.
#[Object]
impl SetTenantPlanPayload {
    /// The tenant with its new plan; `null` if there are `userErrors`.
    async fn viewer(&self) -> Option<&Viewer> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, the old plan remains.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `setTenantPlan`; [`super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(super) struct SetTenantPlan;

#[Object]
impl SetTenantPlan {
    /// For operators: sets a tenant's plan. Applies from the next call and the next purchase, and is recorded
    /// in the tenant's audit trail.
    #[graphql(complexity = "child_complexity + 10")]
    async fn set_tenant_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant and its plan.")] input: SetTenantPlanInput,
    ) -> Option<Result<SetTenantPlanPayload, ApiError>> {
        let set = async || set(ctx.session()?, input).await;
        Some(Outcome::of(set().await).map(SetTenantPlanPayload))
    }
}

async fn set(session: &Session, input: SetTenantPlanInput) -> Result<Viewer, Stop> {
    let estate = session.estate()?;
    let (tenant, name, limits, messages_per_day, dialing) = input.check()?;
    // `set_plan` opens a transaction of its own: one request holds one connection at a time.
    let _released = session.release().await;
    let author = session.author()?;
    let planned = estate.set_plan(&author, tenant, &name, limits, messages_per_day, dialing).await?;
    Ok(Viewer(planned))
}
