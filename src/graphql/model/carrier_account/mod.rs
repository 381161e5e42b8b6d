//! GraphQL type `CarrierAccount`.

use async_graphql::{Context, Enum, ID, Object};

use super::number::PhoneNumberProvider;
use super::scalars::DateTime;
use crate::auth::Principal;
use crate::domain::{self, CarrierAccountId, CarrierAccountKind as Kind, CarrierAccountStatus as Status};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;

/// Owner of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::CarrierAccountKind")]
pub(crate) enum CarrierAccountKind {
    /// The platform's account, which the tenants share.
    Shared,
    /// A subaccount of the platform's account, for this tenant alone.
    Subaccount,
    /// The tenant's own account, connected by `connectCarrierAccount`.
    Own,
}

/// State of an account at the carrier, as of the last check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::CarrierAccountStatus")]
pub(crate) enum CarrierAccountStatus {
    /// The carrier accepts its credentials.
    Active,
    /// The carrier has suspended it.
    Suspended,
    /// It is closed at the carrier.
    Closed,
    /// The carrier rejects its auth token or its API key; `detail` says which. While the token is rejected, callers hear an apology.
    Rejected,
}

/// An account at the carrier.
#[derive(Debug, Clone)]
pub(crate) struct CarrierAccount(domain::CarrierAccount);

impl From<domain::CarrierAccount> for CarrierAccount {
    fn from(account: domain::CarrierAccount) -> Self {
        Self(account)
    }
}

/// An account at the carrier in which numbers of the tenant are held. Its credentials are never shown.
#[Object]
impl CarrierAccount {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The carrier.
    async fn provider(&self) -> PhoneNumberProvider {
        PhoneNumberProvider::Twilio
    }

    /// The carrier's id of the account: `AC` and 32 hexadecimal digits. Of the platform's account, tenants see the last four.
    async fn account_sid(&self) -> &str {
        &self.0.sid
    }

    /// Owner of the account.
    async fn kind(&self) -> CarrierAccountKind {
        self.0.kind.into()
    }

    /// State at the last check. An account is checked every ten minutes, and when a signature of the carrier is invalid.
    async fn status(&self) -> CarrierAccountStatus {
        self.0.status.into()
    }

    /// The carrier's id of the API key that authenticates requests in the account, `SK…`; `null` if its auth token does.
    async fn api_key_sid(&self) -> Option<&str> {
        self.0.api_key_sid.as_deref()
    }

    /// What is wrong with the account, and what to do; `null` if nothing is.
    async fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// When it was connected or created. For the platform's account: when the tenant was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

impl CarrierAccount {
    /// The account with this id, if the caller may see it; an agent's token sees none.
    ///
    /// # Errors
    /// Those of the read.
    pub(crate) async fn find(ctx: &Context<'_>, id: CarrierAccountId) -> Result<Option<Self>, ApiError> {
        let session = ctx.session()?;
        if !session.scope()?.is_whole() {
            return Ok(None);
        }
        if id == CarrierAccountId::SHARED {
            return Self::shared(session).await.map(Some);
        }
        Ok(ctx.loaders()?.load_one(id).await?.map(Self))
    }

    /// The platform's account.
    ///
    /// # Errors
    /// Those of the read.
    pub(crate) async fn shared(session: &Session) -> Result<Self, ApiError> {
        let tenant = session.reader().await?.tenant().await?;
        let sid = session.provisioning().accounts().platform().account_sid();
        let is_operator = matches!(session.principal()?, Principal::Operator { .. });
        // The account is the operator's.
        let shown = if is_operator {
            sid.to_owned()
        } else {
            format!("AC…{}", sid.get(sid.len().saturating_sub(4)..).unwrap_or_default())
        };
        Ok(Self(domain::CarrierAccount {
            id: CarrierAccountId::SHARED,
            tenant_id: tenant.id,
            sid: shown,
            kind: Kind::Shared,
            api_key_sid: None,
            status: Status::Active,
            detail: None,
            checked_at: None,
            created_at: tenant.created_at,
        }))
    }
}
