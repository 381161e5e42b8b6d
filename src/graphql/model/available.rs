//! A number on sale.

use async_graphql::SimpleObject;

use super::number::{PhoneNumberCapabilities, PhoneNumberType};
use super::scalars::Decimal;
use crate::domain::{CountryCode, E164};
use crate::provisioning::NumberOnSale;

/// A number the carrier has on sale. A search reserves nothing: another may buy it first.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct AvailablePhoneNumber {
    /// The number: pass it to `provisionPhoneNumber` to buy exactly this one.
    number: E164,
    /// The number as people read it.
    friendly_name: String,
    /// Its place, where it has one.
    locality: Option<String>,
    /// Its state or region, where it has one.
    region: Option<String>,
    /// Its country.
    country_code: CountryCode,
    /// What kind of number it is.
    #[graphql(name = "type")]
    kind: PhoneNumberType,
    /// What it can carry.
    capabilities: PhoneNumberCapabilities,
    /// What it would cost a month, in US dollars, at the carrier's list price.
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
