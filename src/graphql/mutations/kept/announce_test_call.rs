//! The mutation `announceTestCall`: announces a call that proves the forwarding of a kept number.

use async_graphql::{Context, ID, InputObject, Object};
use chrono::TimeDelta;

use crate::domain::{E164, Invalid, KeptNumberId, KeptNumberState, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Checked, KeptNumber, UserError};
use crate::graphql::mutations::input::Faults;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// How long an announced call may take to come.
const TEST_TIME: TimeDelta = TimeDelta::minutes(15);

/// Input of `announceTestCall`.
#[derive(Debug, InputObject)]
pub(crate) struct AnnounceTestCallInput {
    /// Id of a kept number in state FORWARDING.
    kept_number_id: ID,
    /// The number from which the test call is made. Its caller ID must not be withheld, and it must not be the kept number.
    from: Checked<E164>,
}

/// Payload of `announceTestCall`: what was accepted, or why nothing was.
pub(crate) struct AnnounceTestCallPayload(Outcome<KeptNumber>);

/// Result of `announceTestCall`.
#[Object]
impl AnnounceTestCallPayload {
    /// The kept number; its `detail` says when to call. `null` if there are `userErrors`.
    async fn kept_number(&self) -> Option<&KeptNumber> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `announceTestCall`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct AnnounceTestCall;

#[Object]
impl AnnounceTestCall {
    /// Announces a test call to a kept number. A call from `from` that reaches the target within 15 minutes makes the kept number
    /// VERIFIED. It is needed only if the carriers do not tell which number forwarded a call; if they do, any call verifies it.
    #[graphql(complexity = "child_complexity + 10")]
    async fn announce_test_call(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The kept number and the caller.")] input: AnnounceTestCallInput,
    ) -> Option<Result<AnnounceTestCallPayload, ApiError>> {
        let announce = async || announce(ctx.session()?, input).await;
        Some(Outcome::of(announce().await).map(AnnounceTestCallPayload))
    }
}

async fn announce(session: &Session, input: AnnounceTestCallInput) -> Result<KeptNumber, Stop> {
    session.owner()?;
    let mut faults = Faults::default();
    let id = faults.take("keptNumberId", input.kept_number_id.parse::<KeptNumberId>());
    let from = faults.take("from", input.from.0);
    let (id, from) = faults.unless_any(id.zip(from))?;
    let store = session.writer().await?;
    let missing = || Refusal::not_found("kept number", "keptNumberId");
    let kept = store.kept_number(id).await?.ok_or_else(missing)?;
    let refused = |field: &str, why: &str| Stop::from(Refusal::invalid(field, &Invalid(why.to_owned())));
    if kept.state != KeptNumberState::Forwarding || kept.target_id.is_none() {
        return Err(refused("keptNumberId", "only a number that is FORWARDING to its target can be tested"));
    }
    if from == kept.number {
        return Err(refused("from", "call from another phone: a line that calls itself is busy"));
    }
    let until = session.provisioning().ambient().0.now() + TEST_TIME;
    let detail = format!(
        "call {} from {from} before {} UTC: the call must reach the target, and it may be ended then",
        kept.number,
        until.format("%H:%M")
    );
    let kept = store.announce_test(id, &from, until, detail).await?.ok_or_else(missing)?;
    store.audit("announceTestCall", id).await?;
    store.commit().await?;
    Ok(KeptNumber(kept))
}
