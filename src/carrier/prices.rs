//! What a number costs a month: list prices, for showing before a purchase and for estimates after it.
//! The carrier's bill is what counts; accounts and countries have prices of their own.

use rust_decimal::Decimal;

use crate::domain::NumberType;

/// US dollars a month for a number of this kind: Twilio's list price of 2026 for the United States, taken
/// for every country. The US has no mobile numbers; theirs is the price of a local one.
#[must_use]
pub fn list_price(kind: NumberType) -> Decimal {
    match kind {
        NumberType::Local | NumberType::Mobile => Decimal::new(115, 2),
        NumberType::TollFree => Decimal::new(215, 2),
    }
}
