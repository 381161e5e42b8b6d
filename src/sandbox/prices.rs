//! List prices, and the bill they make. Prices are US dollars; what Twilio really charges an account may differ.

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    state::{Call, State},
    stock::Kind,
};

/// A month of a number, in US dollars.
pub(crate) fn month(country: &str, kind: Kind) -> Decimal {
    match (country, kind) {
        ("US" | "CA" | "GB", Kind::Local | Kind::Mobile) => Decimal::new(115, 2),
        (_, Kind::TollFree) => Decimal::new(215, 2),
        _ => Decimal::new(300, 2),
    }
}

/// A started minute of an inbound call, in US dollars.
pub(crate) fn inbound_minute(country: &str, kind: Kind) -> Decimal {
    match (country, kind) {
        (_, Kind::TollFree) => Decimal::new(220, 4),
        ("US" | "CA", _) => Decimal::new(85, 4),
        _ => Decimal::new(100, 4),
    }
}

/// What a call cost: nothing unless it was answered.
pub(crate) fn of_call(call: &Call) -> Decimal {
    let minutes = if call.status == "completed" { call.duration_seconds.div_ceil(60) } else { 0 };
    Decimal::from(minutes) * inbound_minute(&call.country, call.kind)
}

/// A number is charged on the day it is bought, and on that day of every month after it, or that month's last.
fn begun_months(bought: DateTime<Utc>, until: DateTime<Utc>) -> u32 {
    let charged =
        |month: &u32| bought.checked_add_months(Months::new(*month)).is_some_and(|day| day <= until);
    (1..).take_while(charged).last().unwrap_or(0) + 1
}

/// The account's bill to this day: a line for each purchase, one for each completed call, and the total.
pub(crate) fn bill(state: &State, today: DateTime<Utc>) -> Value {
    let mut total = Decimal::ZERO;
    let numbers: Vec<Value> = state
        .charges
        .iter()
        .map(|charge| {
            let until = charge.released.unwrap_or(today);
            let months = begun_months(charge.bought, until);
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
    json!({"currency": "USD", "numbers": numbers, "calls": calls, "total": total.to_string()})
}
