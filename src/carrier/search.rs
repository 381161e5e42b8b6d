//! Searches for numbers on sale.

use url::Url;

use super::wire::OnSalePage;
use super::{Carrier, CarrierError, NumberOnSale, NumberSearch, Rejection};
use crate::domain::{NumberType, TenantId};
use crate::provider::Answer;

impl Carrier {
    /// Finds numbers on sale; empty if the country has none of this kind. Does not retry: operations retry their steps.
    ///
    /// # Errors
    /// [`CarrierError`]; the outcome of a search is never unknown.
    pub async fn search(
        &self,
        search: &NumberSearch,
        tenant: TenantId,
    ) -> Result<Vec<NumberOnSale>, CarrierError> {
        let _turn = self.search_turn(tenant).await?;
        on_sale(self.with_low_priority().get_answer(self.search_url(search)).await, search)
    }

    /// Like [`Self::search`], with short retries while the carrier is unavailable, for a person who waits for the answer.
    ///
    /// # Errors
    /// [`CarrierError`]; the outcome of a search is never unknown.
    pub async fn browse(
        &self,
        search: &NumberSearch,
        tenant: TenantId,
    ) -> Result<Vec<NumberOnSale>, CarrierError> {
        // Held over all retries: a tenant that browses an unavailable carrier takes one turn, not one each
        // time.
        let _turn = self.search_turn(tenant).await?;
        on_sale(self.with_low_priority().get_answer_with_retry(self.search_url(search)).await, search)
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
            // Twilio accepts 1 to 1000. A search has no further pages, so this is also the most that it returns.
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
    let read =
        |answer: Answer| answer.json().map(|page: OnSalePage| page.numbers(search, answer.request_began()));
    match answer.and_then(read) {
        Ok(numbers) => Ok(numbers),
        // Twilio's answer for a kind of number that the country does not have, such as mobile numbers in the US.
        Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
