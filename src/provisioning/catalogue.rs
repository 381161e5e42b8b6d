//! The numbers that the carrier has on sale, for whoever wants to choose one.

use super::refusals::provider_refusal;
use super::{NumberOnSale, NumberSearch, Provisioning};
use crate::domain::{Refusal, TenantId};

impl Provisioning {
    /// Numbers on sale. Reserves nothing and costs nothing.
    ///
    /// # Errors
    /// The carrier's failure, as the API reports it.
    pub async fn numbers_on_sale(
        &self,
        search: &NumberSearch,
        tenant: TenantId,
    ) -> Result<Vec<NumberOnSale>, Refusal> {
        let found = self.carrier().browse(search, tenant).await;
        found.map_err(|failure| provider_refusal(&failure))
    }
}
