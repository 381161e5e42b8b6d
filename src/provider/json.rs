//! Reading a provider's JSON although some of its text is broken: half a surrogate pair, or bytes that are not UTF-8, cost
//! that character and nothing else. Both come in what people said and in names that others gave.

use serde::de::DeserializeOwned;

/// Half a surrogate pair, and whatever is not UTF-8, is read as U+FFFD.
///
/// # Errors
/// When it is not JSON, or not of this form.
pub fn lenient_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let strict = serde_json::from_slice(body);
    if !strict.as_ref().is_err_and(serde_json::Error::is_syntax) {
        return strict;
    }
    serde_json::from_str(&with_whole_pairs(&String::from_utf8_lossy(body)))
}

/// JSON whose escapes name no half of a surrogate pair.
fn with_whole_pairs(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    // A backslash stands in strings only, and always before what it escapes.
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let (kept, length) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (escape.get(..12), 12),
            (Some(0xd800..=0xdfff), _) => (Some("\\ufffd"), 6),
            _ => {
                let length = 1 + escape.chars().nth(1).map_or(0, char::len_utf8);
                (escape.get(..length), length)
            }
        };
        whole.push_str(kept.unwrap_or_default());
        rest = escape.get(length..).unwrap_or_default();
    }
    whole.push_str(rest);
    whole
}

/// The UTF-16 unit that an escape at the beginning of this text names.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_character_costs_itself_and_nothing_else() {
        for (json, text) in [
            (&br#""plain \\ud83d""#[..], "plain \\ud83d"),
            (br#""\ud83d\ude00""#, "\u{1f600}"),
            (br#""a\ud83db""#, "a\u{fffd}b"),
            (br#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (br#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (br#""\ud83d\n\u00e9 \\\ud83d""#, "\u{fffd}\n\u{e9} \\\u{fffd}"),
            (b"\"a\xedb\xff \\\"\"", "a\u{fffd}b\u{fffd} \""),
        ] {
            assert_eq!(lenient_json::<String>(json).unwrap(), text, "{}", String::from_utf8_lossy(json));
        }
        for bad in [&br#""\ud83d"#[..], br#""\u12""#, b"\"\\", br#""\x""#, b"", b"\"\\u\xc3\xa9\xc3\xa9\""] {
            assert!(lenient_json::<String>(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
