//! What numbers and calls cost: rates in, amounts out. Where the rates come from is the matter of whoever knows the carrier.

use std::iter::Sum;
use std::ops::Add;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::PhoneNumber;
use crate::domain::Call;

/// The currency of every amount, as an ISO 4217 code.
const CURRENCY: &str = "USD";

/// What one number costs, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// A month of the number. A month begun is charged whole.
    pub month: Decimal,
    /// A minute of a call to it. A minute begun is charged whole.
    pub minute: Decimal,
}

impl Rates {
    /// The price of a call to the number; `None` until the call is over.
    #[must_use]
    pub fn of_call(&self, call: &Call) -> Option<Decimal> {
        call.billed_minutes().map(|minutes| self.minute * Decimal::from(minutes))
    }

    /// The cost of the number from `from` on, before `until`, and of so many billed minutes of calls to it.
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
        }
    }
}

/// An amount in US dollars, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Months of numbers.
    pub phone_numbers: Decimal,
    /// Minutes of calls.
    pub calls: Decimal,
}

impl Cost {
    /// The currency, as an ISO 4217 code.
    #[must_use]
    pub const fn currency(&self) -> &'static str {
        CURRENCY
    }

    /// Everything together.
    #[must_use]
    pub fn total(&self) -> Decimal {
        self.phone_numbers + self.calls
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { phone_numbers: self.phone_numbers + other.phone_numbers, calls: self.calls + other.calls }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}
