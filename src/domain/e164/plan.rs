//! Country and kind of a number, by the world's numbering plans (libphonenumber's metadata).
//!
//! A number in no plan does not count as ordinary: carriers ignore surplus digits, so a premium-rate number with one more digit
//! would still ring. North American numbers all have ten digits, so an area code newer than the metadata is accepted there.

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, PhoneNumber, Type};

use super::E164;
use crate::domain::{CountryCode, NumberType};

const PREMIUM: &str = "a premium-rate number";
const UNKNOWN: &str = "in no numbering plan known here";

/// Country and kind of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) struct Classification {
    /// Country or territory; `None` for international networks and territories without an ISO 3166-1 code.
    pub(in crate::domain) country: Option<CountryCode>,
    /// The kind, if a call may cost more than an ordinary call to its country; `None` for an ordinary number.
    pub(in crate::domain) special: Option<&'static str>,
}

/// Loads the numbering plans. Called at start, since it takes 0.1 s that no caller should wait for.
pub fn load_numbering_plans() {
    // The look-up is made for its side effect: the first one loads the data. Unused, it could be optimized away.
    std::hint::black_box(DATABASE.region(&1_u16));
}

impl E164 {
    /// Looks the number up in the numbering plans.
    pub(in crate::domain) fn classify(&self) -> Classification {
        // Not an error: a number in no plan is still one, and is treated as an expensive one.
        let Ok(number) = phonenumber::parse(None, self.as_str()) else {
            return Classification { country: None, special: Some(UNKNOWN) };
        };
        match self.area_code() {
            Some(area) => Classification {
                country: self.country_in_north_america(&number),
                special: special_in_north_america(area, self.exchange(), number.number_type(&DATABASE)),
            },
            None => elsewhere(&number),
        }
    }

    /// The country or territory of the number; `None` for international networks, and for numbers in no plan.
    #[must_use]
    pub fn country(&self) -> Option<CountryCode> {
        self.classify().country
    }

    /// Kind of the number; `None` if the numbering plan does not tell, as in North America, where mobile numbers look like others.
    #[must_use]
    pub fn line(&self) -> Option<NumberType> {
        let number = phonenumber::parse(None, self.as_str()).ok()?;
        match number.number_type(&DATABASE) {
            Type::FixedLine => Some(NumberType::Local),
            Type::Mobile => Some(NumberType::Mobile),
            Type::TollFree => Some(NumberType::TollFree),
            _ => None,
        }
    }

    /// The number in national format, such as `(212) 555-0123`; in E.164 form if it is in no plan.
    #[must_use]
    pub fn national(&self) -> String {
        phonenumber::parse(None, self.as_str())
            .map_or_else(|_| self.to_string(), |number| number.format().mode(Mode::National).to_string())
    }

    fn country_in_north_america(&self, number: &PhoneNumber) -> Option<CountryCode> {
        let by_area_code = || CountryCode::of_area_code(self.area_code()?);
        // An area code may be newer than the metadata.
        Some(country_of(number).or_else(by_area_code).unwrap_or(CountryCode::US))
    }

    /// The three digits after the area code of a North American number.
    fn exchange(&self) -> &str {
        self.as_str().get(5..8).unwrap_or_default()
    }
}

fn country_of(number: &PhoneNumber) -> Option<CountryCode> {
    number.country().id()?.as_ref().parse().ok()
}

fn special_in_north_america(area: &str, exchange: &str, kind: Type) -> Option<&'static str> {
    let [_, second, third] = area.as_bytes() else { return Some(UNKNOWN) };
    // 976 is the exchange of premium-rate services in every area code.
    if exchange == "976" {
        return Some(PREMIUM);
    }
    match special(kind) {
        // Area codes such as 600 are for services, not places.
        None if second == third && kind != Type::TollFree => Some("a number of a special service"),
        // 710 belongs to the US government; 880 to 887 and 889 are charged to the caller.
        Some(UNKNOWN) if second != third && area != "710" && !area.starts_with("88") => None,
        other => other,
    }
}

fn elsewhere(number: &PhoneNumber) -> Classification {
    let regions = DATABASE.region(&number.country().code()).unwrap_or_default();
    // The metadata has "001" for calling codes of no country: satellite and international networks.
    if regions.iter().all(|region| *region == "001") {
        return Classification {
            country: None,
            special: Some("a number of an international or satellite network"),
        };
    }
    // Without an entry, carriers bill it as the main country of its calling code.
    let country = country_of(number).or_else(|| regions.first()?.parse().ok());
    Classification { country, special: special(number.number_type(&DATABASE)) }
}

fn special(kind: Type) -> Option<&'static str> {
    match kind {
        Type::FixedLine
        | Type::Mobile
        | Type::FixedLineOrMobile
        | Type::TollFree
        | Type::Voip
        | Type::Uan
        | Type::StandardRate => None,
        Type::PremiumRate => Some(PREMIUM),
        Type::SharedCost => Some("a shared-cost number"),
        Type::PersonalNumber => Some("a personal number"),
        Type::Pager => Some("a pager's number"),
        Type::Unknown => Some(UNKNOWN),
        Type::Emergency | Type::Voicemail | Type::ShortCode | Type::Carrier | Type::NoInternational => {
            Some("a number of a special service")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn classify(number: &str) -> (String, &'static str) {
        let Classification { country, special } = number.parse::<E164>().unwrap().classify();
        (country.map(|country| country.to_string()).unwrap_or_default(), special.unwrap_or_default())
    }

    #[test]
    fn a_number_is_shown_as_its_country_writes_it() {
        let national = |number: &str| number.parse::<E164>().unwrap().national();
        assert_eq!(national("+12125550123"), "(212) 555-0123");
        assert_eq!(national("+442079460123"), "020 7946 0123");
        assert_eq!("+442079460123".parse::<E164>().unwrap().country().unwrap().to_string(), "GB");
    }

    #[test]
    fn a_number_is_of_a_country_and_of_a_kind() {
        for (number, country, special) in [
            // North America: by area code, not all of it the United States.
            ("+12125550123", "US", ""),
            ("+14165550123", "CA", ""),
            ("+12425550123", "BS", ""),
            ("+18765550123", "JM", ""),
            ("+18095550123", "DO", ""),
            ("+17875550123", "PR", ""),
            ("+16715550123", "GU", ""),
            ("+18885550123", "US", ""),
            // An area code that is not in use yet.
            ("+19835550123", "US", ""),
            ("+19005550123", "US", "a premium-rate number"),
            ("+12129765550", "US", "a premium-rate number"),
            ("+15005550123", "US", "a personal number"),
            ("+15215550123", "US", "a personal number"),
            ("+16005550123", "CA", "a number of a special service"),
            ("+17005550123", "US", "in no numbering plan known here"),
            ("+17105550123", "US", "in no numbering plan known here"),
            ("+18815550123", "US", "in no numbering plan known here"),
            // Europe and beyond.
            ("+442079460123", "GB", ""),
            ("+443001234567", "GB", ""),
            ("+447797712345", "JE", ""),
            ("+447624312345", "IM", ""),
            ("+449012345678", "GB", "a premium-rate number"),
            ("+448712345678", "GB", "a premium-rate number"),
            ("+447012345678", "GB", "a personal number"),
            ("+447640123456", "GB", "a pager's number"),
            ("+493012345678", "DE", ""),
            ("+4990011234567", "DE", "a premium-rate number"),
            ("+49900112345678", "DE", "in no numbering plan known here"),
            ("+491805123456", "DE", "a shared-cost number"),
            ("+4970012345678", "DE", "a personal number"),
            ("+33142278186", "FR", ""),
            ("+33899123456", "FR", "a premium-rate number"),
            ("+39899123456", "IT", "a premium-rate number"),
            ("+43900123456", "AT", "a premium-rate number"),
            ("+41900123456", "CH", "a premium-rate number"),
            ("+34803123456", "ES", "a premium-rate number"),
            ("+31900123456", "NL", "a premium-rate number"),
            ("+61190112345", "AU", "in no numbering plan known here"),
            ("+77012345678", "KZ", ""),
            ("+262262123456", "RE", ""),
            ("+38344123456", "", ""),
            // Of no country.
            ("+870773123456", "", "a number of an international or satellite network"),
            ("+881612345678", "", "a number of an international or satellite network"),
            ("+8821612345678", "", "a number of an international or satellite network"),
            ("+883510012345678", "", "a number of an international or satellite network"),
            ("+878101234567890", "", "a number of an international or satellite network"),
            ("+979123456789", "", "a number of an international or satellite network"),
            ("+80812345678", "", "a number of an international or satellite network"),
            ("+888123456789", "", "a number of an international or satellite network"),
            ("+999123456789", "", "in no numbering plan known here"),
        ] {
            assert_eq!(classify(number), (country.to_owned(), special), "{number}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_classified(digits in "[1-9][0-9]{6,14}") {
            if let Ok(number) = format!("+{digits}").parse::<E164>() {
                let Classification { country, special } = number.classify();
                prop_assert!(country.is_some() || special.is_some() || digits.starts_with("383") || digits.starts_with("247") || digits.starts_with("290"));
            }
        }
    }
}
