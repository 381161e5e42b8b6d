//! Twilio's Pricing API. At Twilio it has a host of its own; here it is on the same port.

use axum::{
    Json,
    extract::{OriginalUri, Path},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{
        prices,
        stock::{COUNTRIES, Kind},
    },
    TwilioError,
};

/// Returns a type as the Pricing API writes it.
fn price_list_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Local => "local",
        // With a space; an owned number has `toll-free`.
        Kind::TollFree => "toll free",
        Kind::Mobile => "mobile",
    }
}

/// Returns a country's name and the prices of its types.
fn prices_by_type(
    iso: &str,
    path: &str,
    price: impl Fn(&str, Kind) -> Decimal,
) -> Result<(&'static str, Vec<Value>), TwilioError> {
    let row = COUNTRIES.iter().find(|(code, ..)| *code == iso);
    let (_, name, kinds) = row.ok_or_else(|| TwilioError::not_found(path))?;
    let prices = kinds.iter().map(|kind| {
        let price = price(iso, *kind).to_string();
        // Prices are text at Twilio too. Base and current price differ only for accounts with a discount.
        json!({"number_type": price_list_type(*kind), "base_price": price, "current_price": price})
    });
    Ok((name, prices.collect()))
}

/// `GET /v1/PhoneNumbers/Countries/{ISO}`: monthly prices of numbers by type.
pub(crate) async fn phone_numbers(
    Path(iso): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let (name, prices) = prices_by_type(&iso, uri.path(), prices::month)?;
    Ok(Json(json!({"country": name, "iso_country": iso, "phone_number_prices": prices, "price_unit": "USD",
                   "url": format!("https://pricing.twilio.com{}", uri.path())})))
}

/// `GET /v2/Voice/Countries/{ISO}`: prices of inbound minutes by type.
pub(crate) async fn voice(
    Path(iso): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let (name, prices) = prices_by_type(&iso, uri.path(), prices::inbound_minute)?;
    Ok(Json(json!({"country": name, "iso_country": iso, "inbound_call_prices": prices, "price_unit": "USD",
                   "outbound_prefix_prices": [], "url": format!("https://pricing.twilio.com{}", uri.path())})))
}
