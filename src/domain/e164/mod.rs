//! Telephone numbers in E.164 form, and their masking in logs.

mod plan;

pub use plan::load_numbering_plans;

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// What Twilio sends for a caller who withheld the number: `anonymous`, `restricted`, `blocked`, `unknown` and `unavailable` spelled
/// on a telephone's keypad. They parse as numbers and belong to nobody.
const WITHHELD: [&str; 5] = ["+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"];

/// A telephone number in ITU-T E.164 form: `+`, country calling code, at most 15 digits in total.
///
/// Parsing accepts spaces, dashes, dots and brackets; the stored form is canonical. In a number of the North American plan, area
/// code and exchange must begin with 2 to 9. `Debug` prints the number masked.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct E164(String);

/// Whether the carrier's text means that the caller withheld the number.
pub(super) fn is_withheld(text: &str) -> bool {
    WITHHELD.contains(&text)
}

impl E164 {
    /// The caller's number in the carrier's text; `None` if the caller withheld it or the text is not a number.
    #[must_use]
    pub fn shown(text: &str) -> Option<Self> {
        if is_withheld(text) { None } else { text.parse().ok() }
    }

    /// The canonical form: `+12125550123`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits after the `+` as an integer. They are 15 at most and do not begin with 0, so nothing is lost.
    #[must_use]
    pub fn digits(&self) -> u64 {
        self.0.bytes().skip(1).fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
    }

    /// The number with these digits; `None` if they are not a valid number.
    #[must_use]
    pub fn from_digits(digits: u64) -> Option<Self> {
        format!("+{digits}").parse().ok()
    }

    /// The area code of a North American number; `None` for other numbers.
    #[must_use]
    pub fn area_code(&self) -> Option<&str> {
        self.0.strip_prefix("+1").and_then(|national| national.get(..3))
    }
}

impl FromStr for E164 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // The no-break space comes with numbers that are copied from web pages and documents.
        let digits: String =
            text.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '\u{a0}')).collect();
        let Some(number) = digits.strip_prefix('+') else {
            return Err(Invalid::new(
                "a telephone number must begin with + and a country calling code, such as +12125550123",
            ));
        };
        if !number.bytes().all(|b| b.is_ascii_digit()) || !(7..=15).contains(&number.len()) {
            return Err(Invalid::new(
                "a telephone number must have 7 to 15 digits after the +, such as +12125550123",
            ));
        }
        if number.starts_with('0') {
            return Err(Invalid::new("a country calling code must not begin with 0"));
        }
        if let Some(national) = number.strip_prefix('1')
            && !is_possible_in_north_america(national)
        {
            return Err(Invalid::new(
                "a number that begins with +1 must have ten more digits, with area code and exchange beginning with 2 to 9",
            ));
        }
        Ok(Self(digits))
    }
}

fn is_possible_in_north_america(national: &str) -> bool {
    let digit = |at: usize| national.as_bytes().get(at).copied().unwrap_or(b'0');
    national.len() == 10 && digit(0) >= b'2' && digit(3) >= b'2'
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for E164 {
    /// Masked, since debug output ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E164({})", mask(&self.0))
    }
}

/// Masks a caller's number for logs: the first characters and the last two stay visible.
#[must_use]
pub fn mask(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    // Five visible characters would leave next to nothing of a shorter text hidden.
    let (shown_first, shown_last) = if characters.len() >= 8 { (3, 2) } else { (0, 0) };
    characters
        .iter()
        .enumerate()
        .map(
            |(at, c)| {
                if at < shown_first || at + shown_last >= characters.len() && shown_last > 0 {
                    *c
                } else {
                    '*'
                }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_people_write_and_prints_canonical() {
        for written in ["+12125550123", " +1 (212) 555-0123 ", "+1.212.555.0123"] {
            assert_eq!(written.parse::<E164>().unwrap().as_str(), "+12125550123", "{written}");
        }
        assert_eq!("+442079460123".parse::<E164>().unwrap().area_code(), None);
        assert_eq!("+12125550123".parse::<E164>().unwrap().area_code(), Some("212"));
    }

    #[test]
    fn refuses_what_cannot_be_a_number() {
        for bad in [
            "",
            "+",
            "2125550123",
            "+0123456789",
            "+1212555012",
            "+11125550123",
            "+12121550123",
            "+1234567890123456",
            "+1212555012x",
            "+１２１２５５５０１２３",
            "+12125550123\n+1",
        ] {
            assert!(bad.parse::<E164>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_masked_number_hides_its_middle() {
        assert_eq!(mask("+12125550123"), "+12*******23");
        assert_eq!(mask("anon"), "****");
        assert_eq!(format!("{:?}", "+12125550123".parse::<E164>().unwrap()), "E164(+12*******23)");
    }
}
