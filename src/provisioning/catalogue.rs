//! Search for numbers on sale at the carrier.

use super::refusals::provider_refusal;
use super::{NumberOnSale, NumberSearch, Provisioning};
use crate::domain::{Refusal, TenantId};

impl Provisioning {
    /// Returns numbers on sale. Reserves nothing and costs nothing.
    ///
    /// # Errors
    /// The carrier rejected the search or is unavailable.
    pub async fn numbers_on_sale(
        &self,
        search: &NumberSearch,
        tenant: TenantId,
    ) -> Result<Vec<NumberOnSale>, Refusal> {
        let found = self.carrier().browse(search, tenant).await;
        found.map_err(|failure| provider_refusal(&failure))
    }
}
