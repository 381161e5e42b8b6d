//! Which numbers are dialled at the platform's expense: as a fallback number, or because a rule forwards to them.
//!
//! The rule for every number that a client writes and our TwiML may dial: it is checked when it is written
//! ([`Dialing::check`]), and again when it would ring, since it may be older than the setting. A number that is not
//! allowed is not dialled, and the caller gets the next rung of the ladder.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::{CountryCode, E164, Invalid, serde_as_text};

/// Countries listed in an answer.
const MOST_LISTED: usize = 10;

/// Which numbers are dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialing {
    /// The countries whose numbers are dialled; `None`: all.
    pub countries: Option<Countries>,
    /// Whether numbers that may cost more than an ordinary call are dialled too.
    pub premium: bool,
}

/// What an operator has decided for one tenant; `None`: as the platform does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialingOverride {
    /// The countries whose numbers are dialled.
    pub countries: Option<Countries>,
    /// Whether numbers that may cost more than an ordinary call are dialled too.
    pub premium: Option<bool>,
}

/// A change of a tenant's [`DialingOverride`]: `None` keeps what is there, `Some(None)` goes back to the platform's setting.
#[derive(Debug, Clone, Default)]
pub struct DialingChange {
    /// The countries.
    pub countries: Option<Option<Countries>>,
    /// Numbers that may cost more.
    pub premium: Option<Option<bool>>,
}

/// A set of countries, written as their codes with commas between: `CA,US`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Countries(pub BTreeSet<CountryCode>);

impl Dialing {
    /// Which numbers are dialled for a tenant.
    #[must_use]
    pub fn for_tenant(&self, own: &DialingOverride) -> Self {
        let countries = own.countries.clone().or_else(|| self.countries.clone());
        Self { countries, premium: own.premium.unwrap_or(self.premium) }
    }

    /// Whether a number is dialled.
    ///
    /// # Errors
    /// Why it is not, and what to do.
    pub fn check(&self, number: &E164) -> Result<(), Invalid> {
        if self.countries.is_none() && self.premium {
            return Ok(());
        }
        let standing = number.standing();
        if let Some(special) = standing.special.filter(|_| !self.premium) {
            return Err(Invalid::new(format!(
                "this number is {special}, and such numbers are not dialled: name an ordinary one, or ask the platform's \
                 operator to allow them"
            )));
        }
        let Some(Countries(allowed)) = &self.countries else { return Ok(()) };
        let (place, is_allowed) = match standing.country {
            Some(country) => (format!("in {country}"), allowed.contains(&country)),
            // What belongs to no country is allowed by its kind.
            None => ("in this territory".to_owned(), standing.special.is_some()),
        };
        if is_allowed {
            return Ok(());
        }
        let instead = match allowed.len() {
            0 => "leave it out".to_owned(),
            1..=MOST_LISTED => {
                format!("name one in {}", Countries(allowed.clone()).to_string().replace(',', ", "))
            }
            _ => "name one in another country".to_owned(),
        };
        Err(Invalid::new(format!(
            "numbers {place} are not dialled: {instead}, or ask the platform's operator to allow them"
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
    fn what_is_refused_says_what_to_do() {
        let told = |countries: &str, number: &str| {
            dialing(countries, false).check(&number.parse().unwrap()).unwrap_err().0
        };
        assert!(
            told("US,CA", "+12425550123")
                .contains("numbers in BS are not dialled: name one in CA, US, or ask")
        );
        assert!(told("US,CA", "+19005550123").contains("is a premium-rate number"));
        assert!(told("", "+12125550123").contains("leave it out"));
        let many = "AD,AE,AF,AG,AI,AL,AM,AO,AQ,AR,AS";
        assert!(told(many, "+12125550123").contains("name one in another country"));
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
