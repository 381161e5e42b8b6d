//! The mutation `connectCarrierAccount`: connects a tenant's own account, or replaces its credentials.

use async_graphql::{Context, InputObject, Object};
use secrecy::SecretString;

use crate::domain::{Invalid, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{CarrierAccount, UserError};
use crate::graphql::mutations::outcome::{Outcome, Stop};
use crate::provisioning::{AccountCredentials, ApiKey};

/// Longest auth token, and longest secret of an API key. The carrier's have 32 characters.
const LONGEST_SECRET: usize = 256;

/// Input of `connectCarrierAccount`.
#[derive(InputObject)]
pub(crate) struct ConnectCarrierAccountInput {
    /// The account's SID: `AC` and 32 hexadecimal digits.
    account_sid: String,
    /// The account's primary auth token, with which the carrier signs its webhooks. Stored encrypted and never shown.
    auth_token: String,
    /// The SID of an API key of the account: `SK` and 32 hexadecimal digits. Requests in the account are then authenticated by the key,
    /// and the auth token only verifies webhooks. Left out, together with `apiKeySecret`: the auth token authenticates requests.
    api_key_sid: Option<String>,
    /// The secret of the API key. Required with `apiKeySid`. Stored encrypted and never shown.
    api_key_secret: Option<String>,
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
    /// Connects the tenant's own account at the carrier, whose credentials are checked there. From then on, while it is `ACTIVE`,
    /// the tenant's numbers are bought in it and billed to it. For an account that is connected, replaces the token and the API key, or removes the key if none is
    /// given; signatures with the token before are accepted for another day.
    #[graphql(complexity = "child_complexity + 50")]
    async fn connect_carrier_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and its credentials.")] input: ConnectCarrierAccountInput,
    ) -> Option<Result<ConnectCarrierAccountPayload, ApiError>> {
        let connect = async || connect(ctx.session()?, input).await;
        Some(Outcome::of(connect().await).map(ConnectCarrierAccountPayload))
    }
}

async fn connect(session: &Session, input: ConnectCarrierAccountInput) -> Result<CarrierAccount, Stop> {
    session.owner()?;
    let sid = input.account_sid.trim().to_owned();
    let credentials = AccountCredentials {
        auth_token: secret("authToken", "an auth token", input.auth_token)?,
        api_key: api_key(input.api_key_sid, input.api_key_secret)?,
    };
    session.count_operation()?;
    let provisioning = session.provisioning();
    let connecting = {
        // No transaction is open while the carrier is asked.
        let _released = session.release().await;
        provisioning.check_account(&sid, &credentials).await?
    };
    let store = session.writer().await?;
    let id = provisioning.connect_account(&store, &sid, &credentials, connecting).await?;
    store.commit().await?;
    provisioning.accounts().reread(id).await;
    let account = session.reader().await?.carrier_accounts_by_id(&[id]).await?.pop();
    Ok(account.ok_or_else(|| Refusal::not_found("carrier account", "accountSid"))?.into())
}

/// The API key of an input. Its SID is checked with that of the account.
fn api_key(sid: Option<String>, secret_text: Option<String>) -> Result<Option<ApiKey>, Refusal> {
    let half = |field: &str| {
        let why = "an API key has a SID and a secret: give both, or neither";
        Err(Refusal::invalid(field, &Invalid(why.to_owned())))
    };
    match (sid, secret_text) {
        (None, None) => Ok(None),
        (Some(_), None) => half("apiKeySecret"),
        (None, Some(_)) => half("apiKeySid"),
        (Some(sid), Some(text)) => {
            let secret = secret("apiKeySecret", "the secret of an API key", text)?;
            Ok(Some(ApiKey { sid: sid.trim().to_owned(), secret }))
        }
    }
}

fn secret(field: &str, what: &str, text: String) -> Result<SecretString, Refusal> {
    if text.is_empty() || text.len() > LONGEST_SECRET || text.chars().any(|c| !c.is_ascii_graphic()) {
        let why = format!("{what} has 1 to {LONGEST_SECRET} visible ASCII characters, without spaces");
        return Err(Refusal::invalid(field, &Invalid(why)));
    }
    Ok(SecretString::from(text))
}
