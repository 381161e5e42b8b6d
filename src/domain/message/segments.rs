//! The segments that a text is sent in, which the carrier bills one by one.
//!
//! Twilio, "What is GSM-7 character encoding?" and "SMS character limit": a text of the GSM 03.38 alphabet has 160 units in one
//! segment, or 153 in each of several; any other character turns the whole text to UCS-2, with 70 and 67 units. An extension
//! character takes two units of GSM-7, a character outside the basic multilingual plane two of UCS-2. Neither is split over two
//! segments: so count published calculators; Twilio does not say. With the carrier's `SmartEncoded` a text may need fewer.
//!
//! A multimedia message is billed as one, however long its text.

use crate::domain::text_enum;

text_enum! {
    /// Encoding of a text message on the air.
    MessageEncoding {
        /// The alphabet of GSM 03.38: Latin letters, digits, some accents and Greek capitals.
        Gsm7 = "gsm_7",
        /// UTF-16, for a text with any other character.
        Ucs2 = "ucs_2",
    }
}

/// The characters of the basic table but letters and digits without accent.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// The characters of the extension table, which take two units.
const EXTENSION: &str = "^{}\\[~]|€\u{c}";

/// How a text is encoded and divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// The encoding of the whole text.
    pub encoding: MessageEncoding,
    /// Number of segments; 1 for an empty text, which goes out with media.
    pub segments: i32,
    /// Number of characters (Unicode scalar values), which the carrier's limit of 1600 counts.
    pub characters: i32,
}

impl Segments {
    /// Divides a text of any length.
    #[must_use]
    pub fn of(body: &str) -> Self {
        let (encoding, units, alone, each): (_, fn(char) -> Option<usize>, _, _) =
            if body.chars().all(|c| gsm_units(c).is_some()) {
                (MessageEncoding::Gsm7, gsm_units, 160, 153)
            } else {
                (MessageEncoding::Ucs2, |c| Some(c.len_utf16()), 70, 67)
            };
        let units = || body.chars().filter_map(units);
        let segments = if units().sum::<usize>() <= alone { 1 } else { packed(units(), each) };
        let whole = |number| i32::try_from(number).unwrap_or(i32::MAX);
        Self { encoding, segments: whole(segments), characters: whole(body.chars().count()) }
    }
}

/// The number of segments of `each` units that characters with these units fill, in order and none of them divided.
fn packed(units: impl Iterator<Item = usize>, each: usize) -> usize {
    let (segments, _) = units.fold((1, 0), |(segments, used), units| {
        if used + units <= each { (segments, used + units) } else { (segments + 1, units) }
    });
    segments
}

/// The units of a character in GSM-7; `None` if the alphabet lacks it.
fn gsm_units(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::MessageEncoding::{Gsm7, Ucs2};
    use super::*;

    #[test]
    fn a_text_has_the_segments_that_are_billed() {
        let repeated = |text: &str, times| text.repeat(times);
        for (body, encoding, segments, characters) in [
            (String::new(), Gsm7, 1, 0),
            ("See you at 5 @ the café, ok?".to_owned(), Gsm7, 1, 28),
            (repeated("x", 160), Gsm7, 1, 160),
            (repeated("x", 161), Gsm7, 2, 161),
            (repeated("x", 306), Gsm7, 2, 306),
            (repeated("x", 307), Gsm7, 3, 307),
            (repeated("x", 1600), Gsm7, 11, 1600),
            // Two units each, so 80 fill one segment.
            (repeated("[", 80), Gsm7, 1, 80),
            (repeated("[", 81), Gsm7, 2, 81),
            // 153 is odd: the last unit of each segment stays empty.
            (repeated("[", 153), Gsm7, 3, 153),
            ("Ñandú".to_owned(), Ucs2, 1, 5),
            ("tab\there".to_owned(), Ucs2, 1, 8),
            ("line\r\nfeed\u{c}".to_owned(), Gsm7, 1, 11),
            ("It’s".to_owned(), Ucs2, 1, 4),
            (repeated("я", 70), Ucs2, 1, 70),
            (repeated("я", 71), Ucs2, 2, 71),
            (repeated("я", 134), Ucs2, 2, 134),
            (repeated("я", 135), Ucs2, 3, 135),
            // One emoji turns the whole text.
            (repeated("x", 68) + "🦷", Ucs2, 1, 69),
            (repeated("x", 69) + "🦷", Ucs2, 2, 70),
            // 67 is odd: 33 emoji fill a segment.
            (repeated("🦷", 66), Ucs2, 2, 66),
            (repeated("🦷", 67), Ucs2, 3, 67),
        ] {
            let expected = Segments { encoding, segments, characters };
            assert_eq!(Segments::of(&body), expected, "{body}");
        }
    }
}
