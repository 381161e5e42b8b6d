//! The mutation `cancelPort`: cancels the port of a kept number.

use async_graphql::{Context, ID, InputObject, Object};

use super::kept_now;
use crate::domain::KeptNumberId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{KeptNumber, Operation, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Outcome, Stop, now_or, ran_or};

/// Input of `cancelPort`.
#[derive(Debug, InputObject)]
pub(crate) struct CancelPortInput {
    /// Id of the kept number.
    kept_number_id: ID,
}

/// What was accepted.
#[derive(Debug)]
struct Cancellation {
    kept: Option<KeptNumber>,
    operation: Option<Operation>,
}

/// Payload of `cancelPort`: what was accepted, or why nothing was.
pub(crate) struct CancelPortPayload(Outcome<Cancellation>);

/// Result of `cancelPort`.
#[Object]
impl CancelPortPayload {
    /// The kept number; CANCELED once the carrier has canceled the port. If the carrier refuses, the state stays and `detail` says
    /// why.
    async fn kept_number(&self) -> Option<&KeptNumber> {
        self.0.accepted().and_then(|accepted| accepted.kept.as_ref())
    }

    /// The operation of the port. It ends as FAILED and says that it was canceled.
    async fn operation(&self) -> Option<&Operation> {
        self.0.accepted().and_then(|accepted| accepted.operation.as_ref())
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `cancelPort`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct CancelPort;

#[Object]
impl CancelPort {
    /// Cancels the port of a kept number. The number stays at its carrier, and its calls can go on being forwarded. Carriers refuse
    /// it shortly before the port date.
    #[graphql(complexity = "child_complexity + 50")]
    async fn cancel_port(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The kept number.")] input: CancelPortInput,
    ) -> Option<Result<CancelPortPayload, ApiError>> {
        let cancel = async || cancel(ctx.session()?, &input).await;
        Some(Outcome::of(cancel().await).map(CancelPortPayload))
    }
}

async fn cancel(session: &Session, input: &CancelPortInput) -> Result<Cancellation, Stop> {
    session.owner()?;
    let id: KeptNumberId = input::id("keptNumberId", &input.kept_number_id)?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let kept = provisioning.cancel_port(&store, id).await?;
    store.audit_intent("cancelPort", id).await?;
    // Committed before the carrier is asked: the port's operation cancels it, whichever server runs that.
    store.commit().await?;
    let operation = match kept.port_operation_id {
        Some(port) => {
            let ran = async {
                provisioning.hurry_port(&kept).await?;
                provisioning.run_until_event(port, session.waits_until()).await.map(Some)
            };
            ran_or(ran.await, port, None)
        }
        None => None,
    };
    let kept = now_or(kept_now(session, id).await, Some(KeptNumber(kept)));
    Ok(Cancellation { kept, operation: operation.map(Operation) })
}
