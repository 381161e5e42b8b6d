//! Dialling policy: which fallback numbers and forwarding targets may be dialled at the platform's expense.
//!
//! A number is checked when a tenant sets it ([`Dialing::check`]) and again before it is dialled, since the policy may have changed
//! in between. A number that is not allowed is not dialled: the call takes the next fallback.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::{CountryCode, E164, Invalid, serde_as_text};

/// Countries listed in an error message.
const MOST_LISTED: usize = 10;

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialing {
    /// Allowed countries; `None`: all.
    pub countries: Option<Countries>,
    /// Whether numbers may be dialled that cost more than an ordinary call.
    pub premium: bool,
}

/// An operator's exceptions for one tenant; `None`: the platform's setting applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialingOverride {
    /// Allowed countries, in place of the platform's.
    pub countries: Option<Countries>,
    /// Whether numbers may be dialled that cost more than an ordinary call.
    pub premium: Option<bool>,
}

/// A change of a tenant's [`DialingOverride`]: `None` keeps the value, `Some(None)` restores the platform's setting.
#[derive(Debug, Clone, Default)]
pub struct DialingChange {
    /// Change of the allowed countries.
    pub countries: Option<Option<Countries>>,
    /// Change of the permission for more expensive numbers.
    pub premium: Option<Option<bool>>,
}

/// A set of countries, written as comma-separated codes: `CA,US`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Countries(pub BTreeSet<CountryCode>);

impl Dialing {
    /// The policy for one tenant.
    #[must_use]
    pub fn for_tenant(&self, own: &DialingOverride) -> Self {
        let countries = own.countries.clone().or_else(|| self.countries.clone());
        Self { countries, premium: own.premium.unwrap_or(self.premium) }
    }

    /// Checks whether a number may be dialled.
    ///
    /// # Errors
    /// The number's country or kind is not allowed.
    pub fn check(&self, number: &E164) -> Result<(), Invalid> {
        // Everything is allowed, so the numbering plans need not be asked.
        if self.countries.is_none() && self.premium {
            return Ok(());
        }
        let class = number.classify();
        if let Some(special) = class.special.filter(|_| !self.premium) {
            return Err(Invalid::new(format!(
                "this number is {special}, which is not allowed: use an ordinary number, or ask the platform's \
                 operator to allow them"
            )));
        }
        let Some(Countries(allowed)) = &self.countries else { return Ok(()) };
        let (place, is_allowed) = match class.country {
            Some(country) => (format!("in {country}"), allowed.contains(&country)),
            // A number without a country is allowed by its kind alone.
            None => ("in this territory".to_owned(), class.special.is_some()),
        };
        if is_allowed {
            return Ok(());
        }
        let instead = match allowed.len() {
            0 => "leave it out".to_owned(),
            1..=MOST_LISTED => {
                format!("use a number in {}", Countries(allowed.clone()).to_string().replace(',', ", "))
            }
            _ => "use a number in another country".to_owned(),
        };
        Err(Invalid::new(format!(
            "numbers {place} are not allowed: {instead}, or ask the platform's operator to allow them"
        )))
    }
}

impl FromStr for Countries {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let codes = text.split(',').map(str::trim).filter(|code| !code.is_empty());
        codes.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, country) in self.0.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            write!(f, "{comma}{country}")?;
        }
        Ok(())
    }
}

serde_as_text!(Countries);

#[cfg(test)]
mod tests {
    use super::*;

    fn dialing(countries: &str, premium: bool) -> Dialing {
        let countries = (countries != "*").then(|| countries.parse().unwrap());
        Dialing { countries, premium }
    }

    fn allows(dialing: &Dialing, numbers: &[&str]) -> Vec<bool> {
        numbers.iter().map(|number| dialing.check(&number.parse().unwrap()).is_ok()).collect()
    }

    #[test]
    fn a_number_needs_an_allowed_country_and_an_ordinary_kind() {
        let numbers = [
            "+12125550123",
            "+12425550123",
            "+442079460123",
            "+449012345678",
            "+881612345678",
            "+38344123456",
        ];
        for (countries, premium, expected) in [
            ("US,CA", false, [true, false, false, false, false, false]),
            ("US,BS,GB", false, [true, true, true, false, false, false]),
            ("*", false, [true, true, true, false, false, true]),
            ("GB", true, [false, false, true, true, true, false]),
            ("US", true, [true, false, false, false, true, false]),
            ("", false, [false; 6]),
            ("*", true, [true; 6]),
        ] {
            assert_eq!(allows(&dialing(countries, premium), &numbers), expected, "{countries} {premium}");
        }
    }

    #[test]
    fn a_rejection_says_what_to_do() {
        let told = |countries: &str, number: &str| {
            dialing(countries, false).check(&number.parse().unwrap()).unwrap_err().0
        };
        assert!(
            told("US,CA", "+12425550123")
                .contains("numbers in BS are not allowed: use a number in CA, US, or ask")
        );
        assert!(told("US,CA", "+19005550123").contains("is a premium-rate number"));
        assert!(told("", "+12125550123").contains("leave it out"));
        let many = "AD,AE,AF,AG,AI,AL,AM,AO,AQ,AR,AS";
        assert!(told(many, "+12125550123").contains("use a number in another country"));
    }

    #[test]
    fn a_tenant_has_its_own_or_what_the_platform_has() {
        let platform = dialing("US,CA", false);
        let own = |countries: Option<&str>, premium| {
            let countries = countries.map(|countries| countries.parse().unwrap());
            platform.for_tenant(&DialingOverride { countries, premium })
        };
        assert_eq!(own(None, None), platform);
        assert_eq!(own(Some("GB"), None), dialing("GB", false));
        assert_eq!(own(Some(""), Some(true)), dialing("", true));
    }

    #[test]
    fn countries_are_read_as_they_are_written() {
        let countries: Countries = "US, CA,US".parse().unwrap();
        assert_eq!(countries.to_string(), "CA,US");
        assert_eq!("".parse::<Countries>().unwrap().to_string(), "");
        assert!("US,UK".parse::<Countries>().is_err());
    }
}
