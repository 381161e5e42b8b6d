//! Twilio's price lists, which live on another host of theirs; here they are on the same port.

use axum::{
    Json,
    extract::{OriginalUri, Path},
};
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

fn country(iso: &str, path: &str) -> Result<&'static (&'static str, &'static str, &'static [Kind]), Refusal> {
    COUNTRIES.iter().find(|(code, ..)| *code == iso).ok_or_else(|| Refusal::not_found(path))
}

/// `GET /v1/PhoneNumbers/Countries/{ISO}`: a month of a number, by type.
pub(crate) async fn phone_numbers(
    Path(iso): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Refusal> {
    let (code, name, kinds) = country(&iso, uri.path())?;
    let prices: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            let price = prices::month(code, *kind).to_string();
            json!({"number_type": spelt(*kind), "base_price": price, "current_price": price})
        })
        .collect();
    Ok(Json(json!({"country": name, "iso_country": code, "phone_number_prices": prices, "price_unit": "USD",
                   "url": format!("https://pricing.twilio.com{}", uri.path())})))
}

/// `GET /v2/Voice/Countries/{ISO}`: a minute of a call, by type.
pub(crate) async fn voice(
    Path(iso): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Refusal> {
    let (code, name, kinds) = country(&iso, uri.path())?;
    let prices: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            let price = prices::inbound_minute(code, *kind).to_string();
            json!({"number_type": spelt(*kind), "base_price": price, "current_price": price})
        })
        .collect();
    Ok(Json(json!({"country": name, "iso_country": code, "inbound_call_prices": prices, "price_unit": "USD",
                   "outbound_prefix_prices": [], "url": format!("https://pricing.twilio.com{}", uri.path())})))
}
