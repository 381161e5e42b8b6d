//! `carrierAccounts`.

use async_graphql::{Context, Object};

use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::CarrierAccount;

/// Queries about accounts at the carrier.
#[derive(Debug, Default)]
pub(super) struct CarrierAccountQuery;

#[Object]
impl CarrierAccountQuery {
    /// The accounts at the carrier in which the tenant's numbers can be held: the platform's first, then its own, oldest first. Not
    /// available with an agent's token.
    // At most twelve: a tenant connects up to ten.
    #[graphql(complexity = "12 * child_complexity + 1")]
    async fn carrier_accounts(&self, ctx: &Context<'_>) -> Result<Vec<CarrierAccount>, ApiError> {
        let session = ctx.session()?;
        session.owner()?;
        let mut accounts = vec![CarrierAccount::shared(session).await?];
        let own = session.reader().await?.carrier_accounts().await?;
        accounts.extend(own.into_iter().map(CarrierAccount::from));
        Ok(accounts)
    }
}
