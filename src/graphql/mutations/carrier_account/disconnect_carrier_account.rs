//! The mutation `disconnectCarrierAccount`: disconnects a tenant's own account.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{CarrierAccountId, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{CarrierAccount, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Input of `disconnectCarrierAccount`.
#[derive(Debug, InputObject)]
pub(crate) struct DisconnectCarrierAccountInput {
    /// Id of the account.
    id: ID,
}

/// Payload of `disconnectCarrierAccount`: the account, or why it is still connected.
pub(crate) struct DisconnectCarrierAccountPayload(Outcome<CarrierAccount>);

/// Result of `disconnectCarrierAccount`.
#[Object]
impl DisconnectCarrierAccountPayload {
    /// The account, which is no longer connected; `null` if there are `userErrors`.
    async fn carrier_account(&self) -> Option<&CarrierAccount> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `disconnectCarrierAccount`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct DisconnectCarrierAccount;

#[Object]
impl DisconnectCarrierAccount {
    /// Disconnects the tenant's own account and deletes its credentials here. Nothing is changed at the carrier. Rejected while
    /// numbers of the tenant are in the account.
    #[graphql(complexity = "child_complexity + 10")]
    async fn disconnect_carrier_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] input: DisconnectCarrierAccountInput,
    ) -> Option<Result<DisconnectCarrierAccountPayload, ApiError>> {
        let disconnect = async || disconnect(ctx.session()?, &input).await;
        Some(Outcome::of(disconnect().await).map(DisconnectCarrierAccountPayload))
    }
}

async fn disconnect(
    session: &Session,
    input: &DisconnectCarrierAccountInput,
) -> Result<CarrierAccount, Stop> {
    session.owner()?;
    let id: CarrierAccountId = input::id("id", &input.id)?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    provisioning.disconnect_account(&store, id).await?;
    let account = store.carrier_accounts_by_id(&[id]).await?.pop();
    store.commit().await?;
    provisioning.accounts().reread(id).await;
    Ok(account.ok_or_else(|| Refusal::not_found("carrier account", "id"))?.into())
}
