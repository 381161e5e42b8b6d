//! Checks a document before it is parsed: length, tokens and nesting, in one pass without recursion.

use super::{Limits, within};
use crate::graphql::errors::ApiError;

/// Rejects a document that is too long, has too many tokens, or nests brackets too deep for the recursive
/// parser. Syntax errors are left to the parser. Returns the number of tokens.
pub(super) fn scan(document: &str, limits: &Limits) -> Result<usize, ApiError> {
    within("bytes in the document", document.len(), limits.bytes)?;
    let (mut tokens, mut depth) = (0_usize, 0_usize);
    let mut rest = document.as_bytes();
    while let Some(&byte) = rest.first() {
        let length = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => 1,
            b'#' => run(rest, |byte| byte != b'\n' && byte != b'\r'),
            _ => {
                tokens += 1;
                match byte {
                    b'{' | b'(' | b'[' => depth += 1,
                    // A surplus closing bracket is left to the parser, which reports it.
                    b'}' | b')' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                within("tokens", tokens, limits.tokens)?;
                within("brackets inside each other", depth, limits.brackets)?;
                token(rest, byte)
            }
        };
        // At least one byte, so that the loop ends.
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    Ok(tokens)
}

/// Length of the token at the start of `rest`.
fn token(rest: &[u8], first: u8) -> usize {
    match first {
        b'"' if rest.starts_with(b"\"\"\"") => block_string(rest),
        b'"' => string(rest),
        b'.' => run(rest, |byte| byte == b'.'),
        _ if is_word(first) => run(rest, is_word),
        _ => 1,
    }
}

fn is_word(byte: u8) -> bool {
    // Other bytes than ASCII are a syntax error outside strings. Taken together they count as one token.
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn run(rest: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
}

/// Length of a string. An unterminated string ends at the end of its line: brackets after it count again,
/// as for the parser.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    rest.len()
}

fn block_string(rest: &[u8]) -> usize {
    let mut at = 3;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with(b"\\\"\"\"") {
            at += 4;
        } else if tail.starts_with(b"\"\"\"") {
            return at + 3;
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::super::LIMITS;
    use super::*;

    fn refused(document: &str) -> Option<String> {
        scan(document, &LIMITS).err().map(|error| error.to_string())
    }

    #[test]
    fn counts_what_the_parser_will_meet_and_nothing_inside_strings_and_comments() {
        let brackets = "[".repeat(60);
        for free in [
            format!("{{ f(a: \"{brackets}\\\"{brackets}\") }}"),
            format!("{{ f(a: \"\"\"{brackets}\"\\\"\"\"{brackets}\"\"\") }}"),
            format!("# {brackets}\n{{ f }}"),
            "{ a }".repeat(300),
        ] {
            assert_eq!(refused(&free), None, "{free}");
        }
        assert!(refused(&format!("{{ f(a: \"x\n{brackets}")).unwrap().contains("brackets"));
        assert!(refused(&format!("{{ f(a: {brackets}")).unwrap().contains("brackets"));
        assert!(refused(&"a ".repeat(2_001)).unwrap().contains("tokens"));
        assert!(refused(&"a...".repeat(1_001)).unwrap().contains("tokens"));
        assert!(refused(&" ".repeat(20_001)).unwrap().contains("bytes"));
        assert_eq!(refused("\"\\"), None);
    }
}
