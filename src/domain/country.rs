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

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether numbers there are searched by three-digit area code (Twilio: US and Canada only).
    #[must_use]
    pub fn has_area_codes(self) -> bool {
        matches!(&self.0, b"US" | b"CA")
    }
}

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
        for bad in ["21", "2122", "abc", "112", "", "٢١٢"] {
            assert!(bad.parse::<AreaCode>().is_err(), "{bad}");
        }
    }
}
