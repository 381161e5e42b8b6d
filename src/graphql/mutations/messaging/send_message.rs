//! The mutation `sendMessage`: sends a text message.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{E164, IdempotencyKey, MessageBody, NumberId};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Message, Operation, UserError};
use crate::graphql::mutations::input::Faults;
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop, carried_out, now_or};
use crate::provisioning::kinds::WantedMessage;

/// Input of `sendMessage`.
#[derive(Debug, InputObject)]
pub(crate) struct SendMessageInput {
    /// Id of the tenant's number that sends it.
    phone_number_id: ID,
    /// The recipient, in E.164.
    to: String,
    /// The text: 1 to 1600 characters. Optional with `mediaUrls`.
    body: Option<String>,
    /// Public `https` addresses of at most ten pictures or files, which the carrier fetches. Only in the United States and
    /// Canada.
    media_urls: Option<Vec<String>>,
    /// Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
    /// same key returns the same message instead of sending a second one.
    idempotency_key: Option<String>,
}

impl SendMessageInput {
    fn check(self) -> Result<(WantedMessage, Option<IdempotencyKey>), Stop> {
        let mut faults = Faults::default();
        let number = faults.take("phoneNumberId", self.phone_number_id.parse::<NumberId>());
        let to = faults.take("to", self.to.parse::<E164>());
        let media_urls = self.media_urls.unwrap_or_default();
        // A message of media alone has no text.
        let body = self.body.filter(|body| !body.is_empty() || media_urls.is_empty());
        let body: Option<MessageBody> = faults.optional("body", body);
        if body.is_none() && media_urls.is_empty() {
            faults.note("body", "a message needs a text or mediaUrls");
        }
        if let Err(why) = WantedMessage::check_media(&media_urls) {
            faults.note("mediaUrls", why.0);
        }
        let key = faults.optional("idempotencyKey", self.idempotency_key);
        let wanted = number.zip(to).map(|(number, to)| (WantedMessage { number, to, body, media_urls }, key));
        faults.unless_any(wanted)
    }
}

/// Payload of `sendMessage`: what was accepted, or why nothing was.
pub(crate) struct SendMessagePayload(Outcome<Accepted<Message>>);

/// Result of `sendMessage`.
#[Object]
impl SendMessagePayload {
    /// The message: PENDING until the carrier has it. Follow it with `messageUpdated`. `null` if `operation` is `null`, or if a
    /// repeated request's message was deleted since (`MESSAGE_RETENTION_DAYS`).
    async fn message(&self) -> Option<&Message> {
        self.0.subject()
    }

    /// The operation that hands it to the carrier. If it is RUNNING, follow it with `operationUpdated`.
    async fn operation(&self) -> Option<&Operation> {
        self.0.operation()
    }

    /// Errors that the client can correct. If `operation` is `null`, nothing was sent.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.errors()
    }
}

/// Holds the root field `sendMessage`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct SendMessage;

#[Object]
impl SendMessage {
    /// Sends a text message from one of the tenant's numbers. Refused if the recipient asked for no more messages.
    #[graphql(complexity = "child_complexity + 50")]
    async fn send_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message, its number and its recipient.")] input: SendMessageInput,
    ) -> Option<Result<SendMessagePayload, ApiError>> {
        let send = async || send(ctx.session()?, input).await;
        Some(Outcome::of(Box::pin(send()).await).map(SendMessagePayload))
    }
}

async fn send(session: &Session, input: SendMessageInput) -> Result<Accepted<Message>, Stop> {
    session.owner()?;
    let (wanted, key) = input.check()?;
    session.count_operation()?;
    let store = session.writer().await?;
    let (operation, message) = session.provisioning().send_message(&store, wanted, key).await?;
    // Committed before the carrier is asked: the message then survives the death of this server.
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let subject = match message {
        Some(message) => now_or(message_now(session, &message).await, Some(Message(message))),
        None => None,
    };
    Ok(Accepted { subject, operation: Operation(operation) })
}

async fn message_now(
    session: &Session,
    message: &crate::domain::Message,
) -> Result<Option<Message>, ApiError> {
    Ok(session.reader().await?.messages_by_id(&[message.id]).await?.pop().map(Message))
}
