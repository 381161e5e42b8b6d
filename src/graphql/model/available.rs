//! GraphQL type `AvailablePhoneNumber`: a result of a search at the carrier.

use async_graphql::SimpleObject;

use super::number::{PhoneNumberCapabilities, PhoneNumberType};
use super::scalars::Decimal;
use crate::domain::{CountryCode, E164};
use crate::provisioning::NumberOnSale;

/// A number for sale at the carrier. It is not reserved: somebody else may buy it first.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct AvailablePhoneNumber {
    /// The number. Pass it to `provisionPhoneNumber` to buy exactly this one.
    number: E164,
    /// The number as the carrier writes it for people, such as `(212) 555-0123`.
    friendly_name: String,
    /// City or town; `null` if the carrier names none.
    locality: Option<String>,
    /// State or region; `null` if the carrier names none.
    region: Option<String>,
    /// Country of the number.
    country_code: CountryCode,
    /// Kind of number.
    #[graphql(name = "type")]
    kind: PhoneNumberType,
    /// Capabilities of the number.
    capabilities: PhoneNumberCapabilities,
    /// Monthly price in US dollars, by the carrier's list prices.
    monthly_cost: Decimal,
}

impl From<NumberOnSale> for AvailablePhoneNumber {
    fn from(number: NumberOnSale) -> Self {
        Self {
            number: number.number,
            friendly_name: number.friendly_name,
            locality: number.locality,
            region: number.region,
            country_code: number.country,
            kind: number.kind.into(),
            capabilities: number.capabilities.into(),
            monthly_cost: Decimal(number.monthly_cost),
        }
    }
}
