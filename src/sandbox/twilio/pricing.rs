//! Twilio's price lists, which live on another host of theirs; here they are on the same port.

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
    Refusal,
};

/// A type as the price lists spell it.
fn spelt(kind: Kind) -> &'static str {
    match kind {
        Kind::Local => "local",
        Kind::TollFree => "toll free",
        Kind::Mobile => "mobile",
    }
}

/// A country's name and its types' prices.
fn priced(
    iso: &str,
    path: &str,
    price: impl Fn(&str, Kind) -> Decimal,
) -> Result<(&'static str, Vec<Value>), Refusal> {
    let row = COUNTRIES.iter().find(|(code, ..)| *code == iso);
    let (_, name, kinds) = row.ok_or_else(|| Refusal::not_found(path))?;
    let prices = kinds.iter().map(|kind| {
        let price = price(iso, *kind).to_string();
        json!({"number_type": spelt(*kind), "base_price": price, "current_price": price})
    });
    Ok((name, prices.collect()))
}

/// `GET /v1/PhoneNumbers/Countries/{ISO}`: a month of a number, by type.
pub(crate) async fn phone_numbers(
    Path(iso): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Refusal> {
    let (name, prices) = priced(&iso, uri.path(), prices::month)?;
    Ok(Json(json!({"country": name, "iso_country": iso, "phone_number_prices": prices, "price_unit": "USD",
                   "url": format!("https://pricing.twilio.com{}", uri.path())})))
}

/// `GET /v2/Voice/Countries/{ISO}`: a minute of a call, by type.
pub(crate) async fn voice(
    Path(iso): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Refusal> {
    let (name, prices) = priced(&iso, uri.path(), prices::inbound_minute)?;
    Ok(Json(json!({"country": name, "iso_country": iso, "inbound_call_prices": prices, "price_unit": "USD",
                   "outbound_prefix_prices": [], "url": format!("https://pricing.twilio.com{}", uri.path())})))
}
