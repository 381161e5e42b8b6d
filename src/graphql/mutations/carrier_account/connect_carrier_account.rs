//! The mutation `connectCarrierAccount`: connects a tenant's own account, or replaces its token.

use async_graphql::{Context, InputObject, Object};
use secrecy::SecretString;

use crate::domain::{Invalid, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{CarrierAccount, UserError};
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Longest auth token. The carrier's have 32 characters.
const LONGEST_TOKEN: usize = 256;

/// Input of `connectCarrierAccount`.
#[derive(InputObject)]
pub(crate) struct ConnectCarrierAccountInput {
    /// The account's SID: `AC` and 32 hexadecimal digits.
    account_sid: String,
    /// The account's primary auth token, with which the carrier signs its webhooks. Stored encrypted and never shown.
    auth_token: String,
}

/// Payload of `connectCarrierAccount`: the account, or why it was not connected.
pub(crate) struct ConnectCarrierAccountPayload(Outcome<CarrierAccount>);

/// Result of `connectCarrierAccount`.
#[Object]
impl ConnectCarrierAccountPayload {
    /// The connected account; `null` if there are `userErrors`.
    async fn carrier_account(&self) -> Option<&CarrierAccount> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `connectCarrierAccount`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct ConnectCarrierAccount;

#[Object]
impl ConnectCarrierAccount {
    /// Connects the tenant's own account at the carrier, whose credentials are checked there. From then on the tenant's numbers are
    /// bought in it and billed to it. For an account that is connected, replaces the token; signatures with the token before are
    /// accepted for another day.
    #[graphql(complexity = "child_complexity + 50")]
    async fn connect_carrier_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and its token.")] input: ConnectCarrierAccountInput,
    ) -> Option<Result<ConnectCarrierAccountPayload, ApiError>> {
        let connect = async || connect(ctx.session()?, input).await;
        Some(Outcome::of(connect().await).map(ConnectCarrierAccountPayload))
    }
}

async fn connect(session: &Session, input: ConnectCarrierAccountInput) -> Result<CarrierAccount, Stop> {
    session.owner()?;
    let (sid, token) = (input.account_sid.trim().to_owned(), input.auth_token);
    if token.is_empty() || token.len() > LONGEST_TOKEN || token.chars().any(|c| !c.is_ascii_graphic()) {
        let why = format!("an auth token has 1 to {LONGEST_TOKEN} visible ASCII characters, without spaces");
        return Err(Refusal::invalid("authToken", &Invalid(why)).into());
    }
    let token = SecretString::from(token);
    session.count_operation()?;
    let provisioning = session.provisioning();
    let connecting = {
        // No transaction is open while the carrier is asked.
        let _released = session.release().await;
        provisioning.check_account(&sid, &token).await?
    };
    let store = session.writer().await?;
    let id = provisioning.connect_account(&store, &sid, &token, connecting).await?;
    store.commit().await?;
    provisioning.accounts().reread(id).await;
    let account = session.reader().await?.carrier_accounts_by_id(&[id]).await?.pop();
    Ok(account.ok_or_else(|| Refusal::not_found("carrier account", "accountSid"))?.into())
}
