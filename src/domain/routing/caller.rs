//! Callers, and the patterns by which rules select them.
//!
//! A caller is hidden only if the carrier says so, by a word or by one of its placeholder numbers. Any other text, even a short
//! or malformed number or a SIP address, is not hidden, and the pattern `anonymous` does not match it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::domain::{CountryCode, E164, Invalid, e164::is_withheld, mask, serde_as_text};

/// The pattern for hidden callers.
const HIDDEN: &str = "anonymous";
/// Words that carriers send for a withheld number.
const HIDDEN_WORDS: [&str; 5] = [HIDDEN, "restricted", "blocked", "unknown", "unavailable"];
/// Host of an anonymous SIP address (RFC 3323).
const HIDDEN_HOST: &str = "@anonymous.invalid";
/// The longest caller that a call can have: the rest is cut off, so a longer pattern would never match.
const MOST_CHARS: usize = 255;

/// The caller, as the carrier sends it.
#[derive(Clone, PartialEq, Eq)]
pub enum CallerId {
    /// The number is withheld.
    Hidden,
    /// A valid E.164 number.
    Number(E164),
    /// Anything else: a short or malformed number, `sip:…`, `client:…`.
    Other(String),
}

impl CallerId {
    /// Parses the caller in the carrier's request. An empty text is a hidden caller.
    #[must_use]
    pub fn read(from: &str) -> Self {
        // Nothing is rejected here: a caller with a malformed number is still a caller.
        let from = from.trim();
        if is_hidden(from) {
            return Self::Hidden;
        }
        from.parse().map_or_else(|_| Self::Other(from.to_owned()), Self::Number)
    }

    /// The number or address that the caller shows; `None` for a hidden caller.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        match self {
            Self::Hidden => None,
            Self::Number(number) => Some(number.as_str()),
            Self::Other(text) => Some(text),
        }
    }
}

impl fmt::Debug for CallerId {
    /// Masks the number, because debug output ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallerId({})", mask(self.shown().unwrap_or(HIDDEN)))
    }
}

fn is_hidden(from: &str) -> bool {
    let word = from.to_ascii_lowercase();
    // A SIP address may carry parameters.
    let address = word.split(';').next().unwrap_or_default();
    word.is_empty()
        || is_withheld(from)
        || HIDDEN_WORDS.contains(&word.as_str())
        || address.starts_with("sip") && address.ends_with(HIDDEN_HOST)
}

/// A pattern of callers: a prefix of numbers (`+` and 1 to 15 digits, possibly a whole number); an exact address (`sip:…`,
/// `client:…`), short code (`911`) or word; or `anonymous` for hidden callers.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerPattern(String);

impl CallerPattern {
    pub(super) fn is_hidden(&self) -> bool {
        self.0 == HIDDEN
    }

    /// Whether the pattern is an exact address, short code or word.
    pub(super) fn is_exact(&self) -> bool {
        !self.is_hidden() && !self.0.starts_with('+')
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CallerPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        // A carrier's word for a hidden caller may be copied from a recorded call.
        if !text.is_empty() && is_hidden(text) {
            return Ok(Self(HIDDEN.to_owned()));
        }
        // Before punctuation is dropped, which belongs to an address or a word.
        if is_address(text) || is_short_code(text) || is_word(text) {
            return Ok(Self(text.to_owned()));
        }
        let kept = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '\u{a0}'));
        let pattern: String = kept.collect();
        let digits = pattern.strip_prefix('+').unwrap_or_default();
        let well_formed = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !well_formed || digits.starts_with('0') {
            return Err(Invalid::new(
                "a caller is a number in E.164 form, like +12125550123; a prefix of numbers, like +1212; an address, like \
                 sip:desk@example.com or client:alice; a short code of 3 to 6 digits or a word, exactly as the carrier \
                 sends it; or anonymous for callers with a hidden number",
            ));
        }
        // Written with spaces or dashes it was not recognized above.
        if is_withheld(&pattern) {
            return Ok(Self(HIDDEN.to_owned()));
        }
        Ok(Self(pattern))
    }
}

/// Three to six digits, but no area code, alone or after a 1: an area code is most likely meant as a prefix, which
/// needs a plus sign.
fn is_short_code(text: &str) -> bool {
    let is_area_code = |code| CountryCode::of_area_code(code).is_some();
    // Short codes have three digits (911) to six (codes for text messages in North America).
    (3..=6).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !is_area_code(text)
        && !text.strip_prefix('1').is_some_and(is_area_code)
}

/// A letter, then letters, digits and the punctuation of names.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= MOST_CHARS
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// A scheme, a colon and visible characters.
fn is_address(text: &str) -> bool {
    let scheme = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && text.chars().count() <= MOST_CHARS
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

impl fmt::Display for CallerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CallerPattern {
    /// Masks the pattern, because it may be a person's whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallerPattern({})", mask(&self.0))
    }
}

serde_as_text!(CallerPattern);

/// The first of these patterns that matches the caller; a hidden caller is passed as `None`.
pub(super) fn pattern_of<'a>(
    caller: Option<&str>,
    among: &'a BTreeSet<CallerPattern>,
) -> Option<&'a CallerPattern> {
    let Some(shown) = caller else { return among.iter().find(|pattern| pattern.is_hidden()) };
    if !shown.starts_with('+') {
        return among.iter().find(|pattern| pattern.is_exact() && pattern.0 == shown);
    }
    // `get` skips prefixes that end inside a multi-byte character.
    // One look-up for each beginning of the caller, instead of a comparison with each of up to 500 patterns.
    let beginnings = (2..=shown.len()).filter_map(|length| shown.get(..length));
    beginnings.map(|beginning| CallerPattern(beginning.to_owned())).find_map(|pattern| among.get(&pattern))
}
