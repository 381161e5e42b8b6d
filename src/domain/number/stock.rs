//! The operator's stock: numbers that are bought ahead and kept ready for tenants.
//!
//! Numbers in stock are numbers of a tenant of their own, [`TenantId::STOCK`], which nobody can be. They are bought by operations
//! as any others, so that none is lost or bought twice, and are held by an agent that answers nothing.

use std::collections::BTreeMap;
use std::str::FromStr;

use uuid::Uuid;

use crate::domain::{AgentId, AreaCode, CountryCode, Invalid, TenantId};

impl TenantId {
    /// The tenant of the numbers in stock. No token can name it.
    // Of version 8: no other id in this system, and no generated one, is.
    pub const STOCK: Self = Self(Uuid::from_u128(0x7374_6f63_6b00_8000_8000_0000_0000_0001));
}

impl AgentId {
    /// The agent of the numbers in stock. It answers no call.
    pub const STOCK: Self = Self(Uuid::from_u128(0x7374_6f63_6b00_8000_8000_0000_0000_0002));
}

/// How many numbers of each area code are to be in stock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockWishes(BTreeMap<AreaCode, u32>);

impl StockWishes {
    /// Maximum number of area codes.
    pub const MAX_CODES: usize = 50;
    /// Maximum numbers of one area code.
    pub const MAX_NUMBERS: u32 = 100;

    /// Area codes and how many numbers of each are wanted, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&AreaCode, u32)> {
        self.0.iter().map(|(code, wanted)| (code, *wanted))
    }

    /// Whether no stock is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The country in which local numbers of this area code are searched.
    #[must_use]
    pub fn country(code: &AreaCode) -> CountryCode {
        // A code in no table may be newer than the tables.
        CountryCode::of_area_code(&code.to_string()).unwrap_or(CountryCode::US)
    }
}

impl FromStr for StockWishes {
    type Err = Invalid;

    /// Reads `212:5,415:3`: area codes, each with the number of numbers wanted.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut wishes = BTreeMap::new();
        for wish in text.split(',').map(str::trim).filter(|wish| !wish.is_empty()) {
            let malformed =
                || Invalid::new("must be area codes with counts, separated by commas: 212:5,415:3");
            let (code, wanted) = wish.split_once(':').ok_or_else(malformed)?;
            let code: AreaCode = code.trim().parse().map_err(|_| malformed())?;
            let wanted: u32 = wanted.trim().parse().map_err(|_| malformed())?;
            if wanted > Self::MAX_NUMBERS {
                return Err(Invalid::new(format!("at most {} numbers of an area code", Self::MAX_NUMBERS)));
            }
            if !Self::country(&code).has_area_codes() {
                return Err(Invalid::new("area codes of the United States and Canada only"));
            }
            if wishes.insert(code, wanted).is_some() {
                return Err(Invalid::new("each area code once only"));
            }
        }
        if wishes.len() > Self::MAX_CODES {
            return Err(Invalid::new(format!("at most {} area codes", Self::MAX_CODES)));
        }
        Ok(Self(wishes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_area_codes_with_counts() {
        let read = |text: &str| text.parse::<StockWishes>();
        let wishes = read("212:5, 416:3").unwrap();
        let listed: Vec<_> = wishes.iter().map(|(code, wanted)| (code.to_string(), wanted)).collect();
        assert_eq!(listed, [("212".to_owned(), 5), ("416".to_owned(), 3)]);
        let country = |code: &str| StockWishes::country(&code.parse().unwrap());
        assert_eq!((country("212"), country("416")), (CountryCode::US, CountryCode::CANADA));
        assert!(read("").unwrap().is_empty());
        for bad in ["212", "212:", ":5", "21:5", "212:-1", "212:101", "212:5,212:6", "876:1", "212:5;415:3"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
