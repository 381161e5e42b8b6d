//! Prices of the carrier account, read in the background so that no request waits for the carrier.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tracing::warn;

use super::Provisioning;
use crate::carrier::{CountryPrices, LIST_MESSAGE_PRICE, list_minute_price};
use crate::domain::{CountryCode, Heartbeat, NumberType, PhoneNumber, Rates, caught};
use crate::store::{MessageUsage, StoreError};

/// Interval between reads of a country's prices; they rarely change.
const READ_AGAIN: TimeDelta = TimeDelta::hours(1);
/// Interval before a retry after a failed read.
const TRY_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Cached prices, by country.
#[derive(Debug, Default)]
pub(super) struct Prices(RwLock<HashMap<CountryCode, CachedPrices>>);

#[derive(Debug, Default)]
struct CachedPrices {
    due: DateTime<Utc>,
    prices: CountryPrices,
}

impl Prices {
    fn is_due(&self, country: CountryCode, now: DateTime<Utc>) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&country).is_none_or(|known| known.due <= now)
    }

    fn of<T>(&self, country: CountryCode, take: impl FnOnce(&CountryPrices) -> Option<T>) -> Option<T> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&country).and_then(|known| take(&known.prices))
    }
}

impl Provisioning {
    /// The rates of this number: the carrier's current prices for the account, else the configured ones. If neither is known,
    /// the monthly price stored at the purchase and the carrier's list price per minute.
    #[must_use]
    pub fn rates(&self, number: &PhoneNumber) -> Rates {
        self.rates_of(number.country, number.kind, number.monthly_cost)
    }

    /// The rates of a kind of number, like [`Self::rates`]; `stored` is the monthly price stored at the purchase.
    #[must_use]
    pub fn rates_of(&self, country: CountryCode, kind: NumberType, stored: Decimal) -> Rates {
        let (known, config) = (&self.0.prices, &self.0.config);
        let month = known.of(country, |prices| prices.month.get(&kind).copied());
        Rates {
            month: month.or(config.month_price).unwrap_or(stored),
            minute: self.minute_price(country, kind),
        }
    }

    /// The price of a started minute of a call to a kind of number.
    #[must_use]
    pub fn minute_price(&self, country: CountryCode, kind: NumberType) -> Decimal {
        let known = self.0.prices.of(country, |prices| prices.inbound_minute.get(&kind).copied());
        known.or(self.0.config.minute_price).unwrap_or_else(|| list_minute_price(kind))
    }

    /// What these messages cost: what the carrier charged, and for those whose price it has not told yet, the configured price
    /// of a segment, else the carrier's list price.
    #[must_use]
    pub fn price_of_messages(&self, used: &MessageUsage) -> Decimal {
        let segment = self.0.config.message_price.unwrap_or(LIST_MESSAGE_PRICE);
        used.charged + segment * Decimal::from(used.unpriced_segments)
    }

    /// Reads the prices of every country with numbers that is due.
    pub(super) async fn refresh_prices(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        heartbeat.beat();
        for country in self.0.store.countries_with_numbers().await? {
            heartbeat.beat();
            let now = self.0.clock.now();
            if !self.0.prices.is_due(country, now) {
                continue;
            }
            // A panic over one country's prices must not hold up the others.
            let Some(read) = caught("prices", self.carrier().prices(country)).await else {
                let mut known = self.0.prices.0.write().unwrap_or_else(PoisonError::into_inner);
                known.entry(country).or_default().due = now + TRY_AGAIN;
                continue;
            };
            // Locked after the request: `rates` never waits for the carrier.
            let mut known = self.0.prices.0.write().unwrap_or_else(PoisonError::into_inner);
            let known = known.entry(country).or_default();
            match read {
                // Replaced as a whole: a kind that is no longer sold loses its price.
                Ok(prices) => *known = CachedPrices { due: now + READ_AGAIN, prices },
                Err(error) => {
                    // An old price is closer to the bill than the list price.
                    known.due = now + TRY_AGAIN;
                    warn!(%country, %error, "carrier prices could not be read; the last known prices stay in use");
                }
            }
        }
        Ok(())
    }
}
