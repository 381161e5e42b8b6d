//! Time zones, and the hours and days of each.

mod buckets;
mod zone;

pub use buckets::{Interval, NotDivided};
pub use zone::{Zone, ZoneData};
