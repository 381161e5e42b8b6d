//! The other party of a text message.

use std::fmt;
use std::str::FromStr;

use crate::domain::{E164, Invalid, is_blank, mask};

/// Longest address of a participant, in characters.
const LONGEST: usize = 255;

/// The other party of a thread: a telephone number, a short code (`72345`), a sender's name (`PHARMACY`) or an address of a
/// channel (`whatsapp:+12125550123`).
///
/// A telephone number has its canonical form, so that one person has one thread however the number was typed. Any other address
/// is as the carrier sent it. `Debug` prints it masked, since debug output ends up in logs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Participant(String);

impl Participant {
    /// The address as text. Never logged: see [`Self::masked`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The telephone number, if it is one. Texts can be sent to no other address.
    #[must_use]
    pub fn number(&self) -> Option<E164> {
        E164::shown(&self.0)
    }

    /// The form for logs.
    #[must_use]
    pub fn masked(&self) -> String {
        mask(&self.0)
    }
}

impl From<E164> for Participant {
    fn from(number: E164) -> Self {
        Self(number.as_str().to_owned())
    }
}

impl FromStr for Participant {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if is_blank(text) {
            return Err(Invalid::new(
                "the participant must not be empty: pass a telephone number, such as +12125550123",
            ));
        }
        let characters = text.chars().count();
        if characters > LONGEST {
            return Err(Invalid::new(format!(
                "a participant has at most {LONGEST} characters; got {characters}"
            )));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("a participant must not contain control characters"));
        }
        Ok(text.parse().map_or_else(|_| Self(text.to_owned()), |number: E164| number.into()))
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Participant({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_form_and_others_stay_as_sent() {
        for (sent, kept, is_number) in [
            (" +1 (212) 555-0123", "+12125550123", true),
            ("72345", "72345", false),
            ("PHARMACY", "PHARMACY", false),
            ("whatsapp:+12125550123", "whatsapp:+12125550123", false),
        ] {
            let participant: Participant = sent.parse().unwrap();
            assert_eq!(participant.as_str(), kept);
            assert_eq!(participant.number().is_some(), is_number, "{sent}");
        }
        // What the carrier sends for a caller who withheld the number: it parses as one, and belongs to nobody.
        assert_eq!("+7378742833".parse::<Participant>().unwrap().number(), None);
    }

    #[test]
    fn an_address_that_is_none_is_rejected_and_none_is_logged_in_full() {
        for bad in ["", " ", "\u{200b}", "+1212\u{0}5550123", &"a".repeat(256)] {
            assert!(bad.parse::<Participant>().is_err(), "{bad}");
        }
        let participant: Participant = "+12125550123".parse().unwrap();
        assert_eq!(format!("{participant:?}"), "Participant(+12*******23)");
    }
}
