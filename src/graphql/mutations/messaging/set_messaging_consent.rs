//! The mutation `setMessagingConsent`: records what a participant said about messages by other means.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{NumberId, Participant, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{MessageThread, MessagingConsent, UserError};
use crate::graphql::mutations::input::Faults;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Input of `setMessagingConsent`.
#[derive(Debug, InputObject)]
pub(crate) struct SetMessagingConsentInput {
    /// Id of the number at which the thread with the participant is. The consent holds for all numbers.
    phone_number_id: ID,
    /// The participant: an E.164 number, or what the carrier sends instead.
    participant: String,
    /// What the participant said.
    consent: MessagingConsent,
}

/// Payload of `setMessagingConsent`: what was accepted, or why nothing was.
pub(crate) struct SetMessagingConsentPayload(Outcome<MessageThread>);

/// Result of `setMessagingConsent`.
#[Object]
impl SetMessagingConsentPayload {
    /// The thread with the participant; `null` if there are `userErrors`.
    async fn thread(&self) -> Option<&MessageThread> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `setMessagingConsent`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct SetMessagingConsent;

#[Object]
impl SetMessagingConsent {
    /// Records that a participant agreed to messages or asked for none, by telephone or on paper. It is kept in the
    /// audit trail. The carrier may still block a participant who sent it STOP.
    #[graphql(complexity = "child_complexity + 10")]
    async fn set_messaging_consent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The participant and the consent.")] input: SetMessagingConsentInput,
    ) -> Option<Result<SetMessagingConsentPayload, ApiError>> {
        let set = async || set(ctx.session()?, &input).await;
        Some(Outcome::of(set().await).map(SetMessagingConsentPayload))
    }
}

async fn set(session: &Session, input: &SetMessagingConsentInput) -> Result<MessageThread, Stop> {
    session.owner()?;
    let mut faults = Faults::default();
    let number = faults.take("phoneNumberId", input.phone_number_id.parse::<NumberId>());
    let participant = faults.take("participant", input.participant.parse::<Participant>());
    let (number, participant) = faults.unless_any(number.zip(participant))?;
    let store = session.writer().await?;
    let number = store.numbers_by_id(&[number]).await?.pop();
    let number = number.ok_or_else(|| Refusal::not_found("phone number", "phoneNumberId"))?;
    let thread = store.thread_with(&number, &participant).await?;
    store.set_consent(thread.id, &participant, input.consent.into()).await?;
    store.commit().await?;
    Ok(MessageThread(thread))
}
