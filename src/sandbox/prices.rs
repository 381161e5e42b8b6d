//! List prices and the accounts' bills, in US dollars. Twilio's actual prices for an account may differ.

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    state::{Call, Charge, ProviderState},
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

/// Returns the bill of these accounts up to this day: one line per purchase, per completed call and per message, and the total.
pub(crate) fn bill(state: &ProviderState, is_billed: impl Fn(&str) -> bool, today: DateTime<Utc>) -> Value {
    let mut total = Decimal::ZERO;
    let mut add = |amount: Decimal| {
        total += amount;
        amount.to_string()
    };
    let charges = state.charges.iter().filter(|charge| is_billed(&charge.account));
    let numbers: Vec<Value> = charges
        .map(|charge| {
            let (months, amount) = of_number(charge, today);
            json!({"number_sid": charge.number_sid, "phone_number": charge.phone_number, "months": months,
                   "amount": add(amount), "released": charge.released.is_some()})
        })
        .collect();
    let calls = state.calls.iter().filter(|call| call.status == "completed" && is_billed(&call.account));
    let calls: Vec<Value> = calls
        .map(|call| {
            json!({"call_sid": call.sid, "to": call.to, "minutes": call.duration_seconds.div_ceil(60),
                   "amount": add(of_call(call))})
        })
        .collect();
    let texts = state.messaging.charges.iter().filter(|charge| is_billed(&charge.account));
    let messages: Vec<Value> = texts
        .map(|charge| {
            json!({"message_sid": charge.message_sid, "direction": charge.direction,
                   "segments": charge.segments, "amount": add(of_message(charge.segments))})
        })
        .collect();
    json!({"currency": "USD", "numbers": numbers, "calls": calls, "messages": messages,
           "total": total.to_string()})
}

/// Returns the total of the bill of these accounts up to this day.
pub(crate) fn total(
    state: &ProviderState,
    is_billed: impl Fn(&str) -> bool,
    today: DateTime<Utc>,
) -> Decimal {
    let numbers = state.charges.iter().filter(|charge| is_billed(&charge.account));
    let numbers: Decimal = numbers.map(|charge| of_number(charge, today).1).sum();
    let calls: Decimal = state.calls.iter().filter(|call| is_billed(&call.account)).map(of_call).sum();
    let texts = state.messaging.charges.iter().filter(|charge| is_billed(&charge.account));
    numbers + calls + texts.map(|charge| of_message(charge.segments)).sum::<Decimal>()
}

/// Returns the months charged for a purchase up to this day, and their price.
fn of_number(charge: &Charge, today: DateTime<Utc>) -> (u32, Decimal) {
    let months = billed_months(charge.bought, charge.released.unwrap_or(today));
    (months, Decimal::from(months) * month(&charge.country, charge.kind))
}
