//! Number of segments of a text: GSM-7 with 160 units, or 153 each if divided; else UCS-2 with 70, or 67 each.

/// GSM 03.38 basic characters, each one unit.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
/// GSM 03.38 extension characters, each two units.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Typographic characters and their GSM-7 replacements with smart encoding.
const SMART: &[(char, &str)] = &[
    ('\u{2018}', "'"),
    ('\u{2019}', "'"),
    ('\u{201c}', "\""),
    ('\u{201d}', "\""),
    ('\u{2013}', "-"),
    ('\u{2014}', "-"),
    ('\u{2026}', "..."),
    ('\u{a0}', " "),
];

/// Returns the number of segments, which is 1 for an empty text.
pub(crate) fn count(body: &str) -> usize {
    let gsm: Option<Vec<usize>> = body.chars().map(gsm_units).collect();
    match gsm {
        Some(units) => pack(units.into_iter(), 160, 153),
        None => pack(body.chars().map(char::len_utf16), 70, 67),
    }
}

/// Returns the text with typographic characters replaced, as smart encoding does before it counts.
pub(crate) fn smart_encoded(body: &str) -> String {
    body.chars()
        .map(|character| {
            let replacement = SMART.iter().find(|(from, _)| *from == character);
            replacement.map_or_else(|| character.to_string(), |(_, to)| (*to).to_owned())
        })
        .collect()
}

fn gsm_units(character: char) -> Option<usize> {
    if BASIC.contains(character) { Some(1) } else { EXTENSION.contains(character).then_some(2) }
}

/// Fills segments with whole characters: none is divided between two segments.
fn pack(units: impl Iterator<Item = usize> + Clone, whole: usize, part: usize) -> usize {
    if units.clone().sum::<usize>() <= whole {
        return 1;
    }
    let (mut segments, mut used) = (1, 0);
    for size in units {
        if used + size > part {
            segments += 1;
            used = 0;
        }
        used += size;
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::{count, smart_encoded};

    #[test]
    fn segments_are_counted_by_the_units_of_their_encoding() {
        for (body, segments) in [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            // An extension character that would begin in one segment and end in the next moves to the next.
            (format!("{}€{}", "a".repeat(152), "b".repeat(152)), 3),
            ("ж".repeat(70), 1),
            ("ж".repeat(71), 2),
            ("😀".repeat(35), 1),
            ("😀".repeat(36), 2),
            (format!("{}😀{}", "ж".repeat(66), "ж".repeat(66)), 3),
            (format!("{}’", "a".repeat(70)), 2),
        ] {
            assert_eq!(count(&body), segments, "{body}");
        }
        assert_eq!(count(&smart_encoded(&format!("{}’", "a".repeat(70)))), 1);
    }
}
