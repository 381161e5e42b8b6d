//! `setTenantPlan`.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};

use super::input::Faults;
use super::outcome::{Outcome, Stop};
use crate::domain::{Countries, CountryCode, DialingChange, Invalid, Limits, TenantId, is_blank};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Checked, UserError, Uuid, Viewer};

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
    /// Countries whose numbers the client may have dialled, as fallback numbers or by routing rules. An empty list allows none;
    /// null: the server's `DIAL_COUNTRIES`. Left out: as before. Numbers set earlier stay, but are dialled only if allowed.
    dial_countries: MaybeUndefined<Vec<Checked<CountryCode>>>,
    /// Whether the client may also have numbers dialled that can cost more than an ordinary call: premium-rate, shared-cost,
    /// personal and satellite numbers, pagers, and numbers that no numbering plan knows. Null: no. Left out: as before.
    dial_premium_numbers: MaybeUndefined<bool>,
}

impl SetTenantPlanInput {
    fn check(self) -> Result<(TenantId, String, Limits, DialingChange), Stop> {
        let mut faults = Faults::default();
        let name = self.name.trim().to_owned();
        if is_blank(&name) || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            let why = format!("a plan's name has 1 to {LONGEST_NAME} characters, one of them visible");
            faults.note("name", why);
        }
        if self.user_id.0.is_nil() {
            faults.note("userId", "the nil UUID stands for nobody: name the client's user id");
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
        let limits = concurrent_calls
            .zip(phone_numbers)
            .map(|(concurrent_calls, phone_numbers)| Limits { concurrent_calls, phone_numbers });
        faults.unless_any(limits.map(|limits| (TenantId(self.user_id.0), name, limits, dialing)))
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
    let (tenant, name, limits, dialing) = input.check()?;
    let _released = session.release().await;
    let author = session.author()?;
    Ok(Viewer(estate.set_plan(&author, tenant, &name, limits, dialing).await?))
}
