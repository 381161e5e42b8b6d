//! Looking for numbers on sale.

use url::Url;

use super::client::read_json;
use super::error::{Answer, Effect};
use super::wire::OnSalePage;
use super::{Carrier, CarrierError, NumberOnSale, NumberSearch, Rejection};
use crate::domain::{NumberType, TenantId};

impl Carrier {
    /// Numbers on sale; empty when there are none, or none of this kind in the country. Asks once, for an operation
    /// that repeats its steps itself.
    ///
    /// # Errors
    /// [`CarrierError`]; reading has no unknown outcome.
    pub async fn search(
        &self,
        search: &NumberSearch,
        tenant: TenantId,
    ) -> Result<Vec<NumberOnSale>, CarrierError> {
        let _turn = self.search_turn(tenant).await?;
        on_sale(self.ranking_last().get_for_answer(self.search_url(search)).await, search)
    }

    /// As [`Self::search`], for somebody who waits for the answer: asks again shortly when the carrier has no time for
    /// it or fails.
    ///
    /// # Errors
    /// [`CarrierError`]; reading has no unknown outcome.
    pub async fn browse(
        &self,
        search: &NumberSearch,
        tenant: TenantId,
    ) -> Result<Vec<NumberOnSale>, CarrierError> {
        let _turn = self.search_turn(tenant).await?;
        on_sale(self.ranking_last().get_again(self.search_url(search)).await, search)
    }

    fn search_url(&self, search: &NumberSearch) -> Url {
        let kind = match search.kind {
            NumberType::Local => "Local",
            NumberType::TollFree => "TollFree",
            NumberType::Mobile => "Mobile",
        };
        let mut url = self.url(&["AvailablePhoneNumbers", search.country.as_str(), kind]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("VoiceEnabled", "true");
            query.append_pair("PageSize", &search.limit.clamp(1, 1000).to_string());
            if let Some(area_code) = &search.area_code {
                query.append_pair("AreaCode", area_code.as_str());
            }
            if let Some(contains) = &search.contains {
                query.append_pair("Contains", contains);
            }
        }
        url
    }
}

fn on_sale(
    answer: Result<Answer, CarrierError>,
    search: &NumberSearch,
) -> Result<Vec<NumberOnSale>, CarrierError> {
    let read = |answer: Answer| {
        let offered_at = answer.request_began();
        let page: OnSalePage = read_json(&answer.into_body(Effect::Reads)?, Effect::Reads)?;
        Ok(page.numbers(search, offered_at))
    };
    match answer.and_then(read) {
        Ok(numbers) => Ok(numbers),
        // How Twilio says that the country has no numbers of this kind; the US has no mobile ones.
        Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
