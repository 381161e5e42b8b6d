//! The cost of numbers, calls and text messages, computed from given rates.

use std::iter::Sum;
use std::ops::Add;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::PhoneNumber;
use crate::domain::Call;

/// The currency of every amount, as an ISO 4217 code.
const CURRENCY: &str = "USD";

/// The rates of one number, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Price per month; a started month is charged in full.
    pub month: Decimal,
    /// Price per minute of an inbound call; a started minute is charged in full.
    pub minute: Decimal,
}

impl Rates {
    /// The price of a call to the number; `None` until the call has ended.
    #[must_use]
    pub fn of_call(&self, call: &Call) -> Option<Decimal> {
        call.billed_minutes().map(|minutes| self.minute * Decimal::from(minutes))
    }

    /// The cost of the number from `from` (inclusive) to `until` (exclusive), and of `minutes` billed minutes of calls.
    #[must_use]
    pub fn of_use(
        &self,
        number: &PhoneNumber,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
        minutes: i64,
    ) -> Cost {
        Cost {
            phone_numbers: self.month * Decimal::from(number.months_charged(from, until)),
            calls: self.minute * Decimal::from(minutes),
            messages: Decimal::ZERO,
        }
    }
}

/// Costs in US dollars, by category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Monthly prices of numbers.
    pub phone_numbers: Decimal,
    /// Prices of billed call minutes.
    pub calls: Decimal,
    /// Prices of text messages.
    pub messages: Decimal,
}

impl Cost {
    /// The currency, as an ISO 4217 code.
    #[must_use]
    pub const fn currency(&self) -> &'static str {
        CURRENCY
    }

    /// The sum of all categories.
    #[must_use]
    pub fn total(&self) -> Decimal {
        self.phone_numbers + self.calls + self.messages
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            phone_numbers: self.phone_numbers + other.phone_numbers,
            calls: self.calls + other.calls,
            messages: self.messages + other.messages,
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}
