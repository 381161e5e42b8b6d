//! Prices of numbers and calls: the carrier's price lists for this account, and list prices while those are unavailable. The
//! carrier's bill is authoritative.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Carrier, CarrierError};
use crate::domain::{CountryCode, NumberType};

/// Price of a number in US dollars a month: Twilio's list price of 2026 for the United States, used for every country. The US
/// has no mobile numbers; they are priced as local ones.
#[must_use]
pub fn list_price(kind: NumberType) -> Decimal {
    match kind {
        NumberType::Local | NumberType::Mobile => Decimal::new(115, 2),
        NumberType::TollFree => Decimal::new(215, 2),
    }
}

/// Price of each started minute of a call to a number of this kind in US dollars, from the same list.
#[must_use]
pub fn list_minute_price(kind: NumberType) -> Decimal {
    match kind {
        NumberType::Local | NumberType::Mobile => Decimal::new(85, 4),
        NumberType::TollFree => Decimal::new(220, 4),
    }
}

/// Price of each segment of a text message in either direction in US dollars: Twilio's list price of 2026 for the United States,
/// without the networks' fees.
pub const LIST_MESSAGE_PRICE: Decimal = Decimal::from_parts(83, 0, 0, false, 4);

/// The account's prices in a country, in US dollars. A kind that is not sold there is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountryPrices {
    /// Price of a number in US dollars a month.
    pub month: HashMap<NumberType, Decimal>,
    /// Price of each started minute of a call to a number, in US dollars.
    pub inbound_minute: HashMap<NumberType, Decimal>,
}

#[derive(Deserialize)]
struct PriceList {
    price_unit: String,
    // The two price lists name the same list differently.
    #[serde(alias = "phone_number_prices", alias = "inbound_call_prices")]
    prices: Vec<Price>,
}

#[derive(Deserialize)]
struct Price {
    number_type: Option<String>,
    current_price: Option<String>,
}

impl Carrier {
    /// Fetches the account's prices in a country.
    ///
    /// # Errors
    /// [`CarrierError`], also if the account is billed in another currency.
    pub async fn prices(&self, country: CountryCode) -> Result<CountryPrices, CarrierError> {
        let list = async |lists: &str| {
            let url = self.pricing_url(&format!("/{lists}/Countries/{country}"));
            self.get_price::<PriceList>(url).await?.read()
        };
        Ok(CountryPrices { month: list("v1/PhoneNumbers").await?, inbound_minute: list("v2/Voice").await? })
    }
}

impl PriceList {
    fn read(self) -> Result<HashMap<NumberType, Decimal>, CarrierError> {
        // Not converted: every amount of the API is in US dollars, and this server knows no rates.
        if !self.price_unit.eq_ignore_ascii_case("USD") {
            return Err(CarrierError::unavailable("its prices are not in US dollars"));
        }
        Ok(self.prices.into_iter().filter_map(Price::read).collect())
    }
}

impl Price {
    /// Reads a price; `None` for a kind that we do not sell, or if the price is unreadable.
    fn read(self) -> Option<(NumberType, Decimal)> {
        let kind = match self.number_type?.as_str() {
            "local" => NumberType::Local,
            // With a space in price lists; an owned number has `toll-free`.
            "toll free" => NumberType::TollFree,
            "mobile" => NumberType::Mobile,
            _ => return None,
        };
        // Twilio sends amounts as text.
        let price: Decimal = self.current_price?.parse().ok()?;
        (!price.is_sign_negative()).then_some((kind, price))
    }
}
