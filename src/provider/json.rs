//! Reads JSON with broken characters. Transcripts and names that people typed at the provider contain lone surrogates and bytes
//! that are not UTF-8; one of them must not cost the whole answer.

use serde::de::DeserializeOwned;

/// Reads JSON. A lone surrogate or a byte sequence that is not UTF-8 becomes U+FFFD.
///
/// # Errors
/// The body is not JSON, or not of this form.
pub fn lenient_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    // Almost every answer is sound: the copy is made only after a syntax error.
    let strict = serde_json::from_slice(body);
    if !strict.as_ref().is_err_and(serde_json::Error::is_syntax) {
        return strict;
    }
    serde_json::from_str(&with_whole_pairs(&String::from_utf8_lossy(body)))
}

/// The same JSON with every escaped lone surrogate replaced by U+FFFD.
fn with_whole_pairs(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    // In JSON a backslash occurs only in strings, and always starts an escape: no tokenizer is needed.
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let (kept, length) = match (unit(escape), escape.get(6..).and_then(unit)) {
            // Both halves of a pair are taken together: one by one, each would count as lone.
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

/// The UTF-16 code unit of the `\u` escape at the start of this text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_character_is_replaced_and_everything_else_is_kept() {
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
