//! The text of a message to send.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Invalid, is_blank};

/// The text of a message to send, as given: 1 to 1600 characters, at least one of them visible.
///
/// A character is a Unicode scalar value; a flag or a family emoji has several. The carrier documents its limit in characters and
/// answers a longer text with error 21617 (Twilio, "Message resource", `Body`). `Debug` prints the length alone, since debug output
/// ends up in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageBody(String);

impl MessageBody {
    /// Longest text that the carrier sends as one message, in characters.
    pub const LONGEST: usize = 1600;

    /// The text. Never logged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageBody {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_blank(text) {
            return Err(Invalid::new("the text must not be empty"));
        }
        let characters = text.chars().count();
        if characters > Self::LONGEST {
            return Err(Invalid::new(format!(
                "a text has at most {} characters; got {characters}",
                Self::LONGEST
            )));
        }
        if text.contains('\0') {
            return Err(Invalid::new("a text must not contain the character U+0000"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for MessageBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageBody({} characters)", self.0.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_as_given_within_the_carriers_limit() {
        let longest = "é".repeat(1600);
        for text in ["Hi", " two  spaces\nand a line ", "👩‍👩‍👧", longest.as_str()] {
            assert_eq!(text.parse::<MessageBody>().unwrap().as_str(), text);
        }
        let too_long = "é".repeat(1601);
        for bad in ["", " \n\t", "\u{200b}\u{feff}", "a\0b", too_long.as_str()] {
            assert!(bad.parse::<MessageBody>().is_err(), "{} bytes", bad.len());
        }
        assert!(too_long.parse::<MessageBody>().unwrap_err().0.ends_with("got 1601"));
    }

    #[test]
    fn no_text_is_logged() {
        let body: MessageBody = "My results?".parse().unwrap();
        assert_eq!(format!("{body:?}"), "MessageBody(11 characters)");
    }
}
