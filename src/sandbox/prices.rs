//! List prices and the account's bill, in US dollars. Twilio's actual prices for an account may differ.

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    state::{Call, ProviderState},
    stock::Kind,
};

/// Returns the price of a number per month, in US dollars.
pub(crate) fn month(country: &str, kind: Kind) -> Decimal {
    match (country, kind) {
        // List prices of the United States in 2026; those of other countries are placeholders.
        ("US" | "CA" | "GB", Kind::Local | Kind::Mobile) => Decimal::new(115, 2),
        (_, Kind::TollFree) => Decimal::new(215, 2),
        _ => Decimal::new(300, 2),
    }
}

/// Returns the price of an inbound call per started minute, in US dollars.
pub(crate) fn inbound_minute(country: &str, kind: Kind) -> Decimal {
    match (country, kind) {
        (_, Kind::TollFree) => Decimal::new(220, 4),
        ("US" | "CA", _) => Decimal::new(85, 4),
        _ => Decimal::new(100, 4),
    }
}

/// Returns the price of a call in US dollars: zero unless it was completed.
pub(crate) fn of_call(call: &Call) -> Decimal {
    let minutes = if call.status == "completed" { call.duration_seconds.div_ceil(60) } else { 0 };
    Decimal::from(minutes) * inbound_minute(&call.country, call.kind)
}

/// Returns the price of a message in either direction, in US dollars.
pub(crate) fn of_message(segments: usize) -> Decimal {
    Decimal::from(segments) * Decimal::new(830, 5)
}

/// Returns the number of months charged. A number is charged on the day of its purchase and on the same day
/// of each following month, or on that month's last day.
fn billed_months(bought: DateTime<Utc>, until: DateTime<Utc>) -> u32 {
    let charged =
        |month: &u32| bought.checked_add_months(Months::new(*month)).is_some_and(|day| day <= until);
    (1..).take_while(charged).last().unwrap_or(0) + 1
}

/// Returns the account's bill up to this day: one line per purchase, per completed call and per message,
/// and the total.
pub(crate) fn bill(state: &ProviderState, today: DateTime<Utc>) -> Value {
    let mut total = Decimal::ZERO;
    let numbers: Vec<Value> = state
        .charges
        .iter()
        .map(|charge| {
            let until = charge.released.unwrap_or(today);
            let months = billed_months(charge.bought, until);
            let amount = Decimal::from(months) * month(&charge.country, charge.kind);
            total += amount;
            json!({"number_sid": charge.number_sid, "phone_number": charge.phone_number, "months": months,
                   "amount": amount.to_string(), "released": charge.released.is_some()})
        })
        .collect();
    let calls: Vec<Value> = state
        .calls
        .iter()
        .filter(|call| call.status == "completed")
        .map(|call| {
            let amount = of_call(call);
            total += amount;
            json!({"call_sid": call.sid, "to": call.to, "minutes": call.duration_seconds.div_ceil(60),
                   "amount": amount.to_string()})
        })
        .collect();
    let messages: Vec<Value> = state
        .messaging
        .charges
        .iter()
        .map(|charge| {
            let amount = of_message(charge.segments);
            total += amount;
            json!({"message_sid": charge.message_sid, "direction": charge.direction,
                   "segments": charge.segments, "amount": amount.to_string()})
        })
        .collect();
    json!({"currency": "USD", "numbers": numbers, "calls": calls, "messages": messages,
           "total": total.to_string()})
}
