//! Countries (ISO 3166-1 alpha-2) and the area codes of the North American plan.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The officially assigned codes of ISO 3166-1 alpha-2.
const ASSIGNED: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK \
FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS \
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM \
US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// A country by its ISO 3166-1 alpha-2 code, upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The United States.
    pub const US: Self = Self(*b"US");

    /// Canada.
    pub const CANADA: Self = Self(*b"CA");

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The country of an area code of the North American plan, where that is known not to be the United States.
    pub(super) fn of_area_code(code: &str) -> Option<Self> {
        code.parse::<AreaCode>().ok()?.country()
    }

    /// Whether numbers there are searched by three-digit area code (Twilio: US and Canada only).
    #[must_use]
    pub fn has_area_codes(self) -> bool {
        matches!(self, Self::US | Self::CANADA)
    }

    /// An area code for numbers there.
    ///
    /// # Errors
    /// When it is none, or another country's: the carrier would only say that it has no numbers.
    pub fn area_code(self, code: &str) -> Result<AreaCode, Invalid> {
        let code: AreaCode = code.parse()?;
        match code.country() {
            Some(country) if country != self && country.has_area_codes() => Err(Invalid::new(format!(
                "area code {code} belongs to {country}: set country to {country}, or take an area code of {self}"
            ))),
            Some(country) if country != self => Err(Invalid::new(format!(
                "area code {code} belongs to {country}, where numbers are not bought by area code: take one of {self}"
            ))),
            _ => Ok(code),
        }
    }
}

/// Area codes of the North American plan outside of the United States, by country. What is not here is the United States', or
/// belongs to no country, as those of toll-free numbers; so a code that is added later is let pass.
const AREA_CODES_ABROAD: [(&str, &str); 19] = [
    (
        "CA",
        "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 474 506 514 519 \
         548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942",
    ),
    ("AG", "268"),
    ("AI", "264"),
    ("BB", "246"),
    ("BM", "441"),
    ("BS", "242"),
    ("DM", "767"),
    ("DO", "809 829 849"),
    ("GD", "473"),
    ("JM", "658 876"),
    ("KN", "869"),
    ("KY", "345"),
    ("LC", "758"),
    ("MS", "664"),
    ("SX", "721"),
    ("TC", "649"),
    ("TT", "868"),
    ("VC", "784"),
    ("VG", "284"),
];

impl FromStr for CountryCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown =
            || Invalid::new("a country is its ISO 3166-1 code of two capital letters, like \"US\" or \"GB\"");
        let code: [u8; 2] = text.as_bytes().try_into().map_err(|_| unknown())?;
        // In order, each with the space behind it: every row that is read comes here.
        let (codes, last) = ASSIGNED.as_bytes().as_chunks::<3>();
        let found = codes.binary_search_by(|[first, second, _]| [*first, *second].cmp(&code)).is_ok();
        if found || code == *last { Ok(Self(code)) } else { Err(unknown()) }
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A three-digit area code of the North American plan: `212`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AreaCode(String);

impl AreaCode {
    /// The three digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country it belongs to, where that is known not to be the United States.
    fn country(&self) -> Option<CountryCode> {
        let (country, _) =
            AREA_CODES_ABROAD.iter().find(|(_, codes)| codes.split(' ').any(|code| code == self.0))?;
        country.parse().ok()
    }
}

impl FromStr for AreaCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let well_formed = text.len() == 3
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.bytes().next().is_some_and(|b| b >= b'2');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("an area code is three digits, the first of them 2 to 9, like \"212\""))
        }
    }
}

impl fmt::Display for AreaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_countries_and_possible_area_codes() {
        assert_eq!("US".parse(), Ok(CountryCode::US));
        for bad in ["us", "UK", "ZZ", "USA", "", "U", "S U"] {
            assert!(bad.parse::<CountryCode>().is_err(), "{bad}");
        }
        assert!("212".parse::<AreaCode>().is_ok());
        for (_, codes) in AREA_CODES_ABROAD {
            for code in codes.split(' ') {
                assert!(code.parse::<AreaCode>().unwrap().country().is_some(), "{code}");
            }
        }
    }

    #[test]
    fn an_area_code_of_another_country_is_named_with_it() {
        let code = |country: &str, code: &str| country.parse::<CountryCode>().unwrap().area_code(code);
        for (country, good) in
            [("US", "212"), ("CA", "416"), ("US", "888"), ("CA", "888"), ("US", "787"), ("US", "988")]
        {
            assert!(code(country, good).is_ok(), "{country} {good}");
        }
        assert!(code("US", "416").unwrap_err().0.contains("416 belongs to CA: set country to CA"));
        assert!(code("CA", "876").unwrap_err().0.contains("belongs to JM, where"));
        assert!(code("US", "41").unwrap_err().0.contains("three digits"));
    }

    #[test]
    fn area_codes_are_three_digits() {
        for bad in ["21", "2122", "abc", "112", "", "٢١٢"] {
            assert!(bad.parse::<AreaCode>().is_err(), "{bad}");
        }
    }
}
