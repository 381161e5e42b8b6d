//! Finds requests in a sentence, by the table in `phrases`.

use std::sync::LazyLock;

use super::fold::{fold, words};
use super::phrases::{PHRASES, UNSPACED};

/// Phrases of a language that ask for no more texts.
///
/// A phrase is a row of words: `a|b` is one of two words, `[a]` an optional one. It is found in one clause of a text, at the
/// boundaries of words, in any case and without accents.
pub(super) struct Phrases {
    /// The code of [`crate::domain::Language`].
    #[cfg_attr(not(test), expect(dead_code, reason = "a test finds a language without a row by it"))]
    pub(super) language: &'static str,
    pub(super) requests: &'static [&'static str],
    /// Phrases that turn a request into something else when they end right before it: "do not [stop texting me]".
    pub(super) unless_after: &'static [&'static str],
    /// Words that limit a request when they follow it: "stop texting me [at] night".
    pub(super) unless_before: &'static [&'static str],
}

/// Phrases of a language that is written without spaces, or whose particles are. They are found anywhere in a clause, spaces left
/// out.
pub(super) struct Unspaced {
    /// The code of [`crate::domain::Language`].
    #[cfg_attr(not(test), expect(dead_code, reason = "a test finds a language without a row by it"))]
    pub(super) language: &'static str,
    pub(super) requests: &'static [&'static str],
    /// What turns a request into something else right before it.
    pub(super) unless_after: &'static [&'static str],
    /// What turns a request into something else right behind it.
    pub(super) unless_before: &'static [&'static str],
}

/// The longest phrase before a request, in words.
const REACH: usize = 6;
/// Stands for a comma among words. A phrase may have commas between its words, but nothing reaches over one into it.
const COMMA: &str = ",";

/// Whether a clause of the text asks for no more texts.
pub(super) fn found(body: &str) -> bool {
    let folded = fold(body);
    folded.split(is_end_of_clause).any(|clause| {
        let words = with_commas(clause);
        let unspaced: String = words.iter().copied().filter(|word| *word != COMMA).collect();
        let (spaced, joined) = &*TABLES;
        spaced.iter().any(|language| language.is_in(&words))
            || joined.iter().any(|language| language.is_in(&unspaced))
    })
}

fn is_end_of_clause(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | ';' | '(' | ')' | '\n' | '\r' | '\u{2013}' | '\u{2014}' | '。' | '؛' | '؟' | '।'
    )
}

fn with_commas(clause: &str) -> Vec<&str> {
    let parts = clause.split([',', '、', '،']).enumerate();
    parts.flat_map(|(at, part)| (at > 0).then_some(COMMA).into_iter().chain(words(part))).collect()
}

static TABLES: LazyLock<(Vec<Parsed>, Vec<Joined>)> =
    LazyLock::new(|| (PHRASES.iter().map(Parsed::of).collect(), UNSPACED.iter().map(Joined::of).collect()));

struct Parsed {
    requests: Vec<Vec<Slot>>,
    unless_after: Vec<Vec<Slot>>,
    unless_before: Vec<String>,
}

/// One place of a phrase.
struct Slot {
    words: Vec<String>,
    is_optional: bool,
}

impl Parsed {
    fn of(row: &Phrases) -> Self {
        let all = |phrases: &[&str]| phrases.iter().map(|phrase| slots(phrase)).collect();
        Self {
            requests: all(row.requests),
            unless_after: all(row.unless_after),
            unless_before: row.unless_before.iter().map(|word| fold(word)).collect(),
        }
    }

    fn is_in(&self, words: &[&str]) -> bool {
        let is_limited = |end: usize| {
            words.get(end).is_some_and(|next| self.unless_before.iter().any(|limit| limit == next))
        };
        (0..words.len()).any(|start| {
            let stands =
                self.requests.iter().any(|request| at(request, words, start, &|end| !is_limited(end)));
            stands && !self.is_turned(&words[..start])
        })
    }

    /// Whether one of the phrases before a request ends where the request begins.
    fn is_turned(&self, before: &[&str]) -> bool {
        let end = before.len();
        let ends_here = |start| {
            self.unless_after.iter().any(|phrase| at(phrase, before, start, &|reached| reached == end))
        };
        (end.saturating_sub(REACH)..end).any(ends_here)
    }
}

/// The phrases of [`Unspaced`], folded.
struct Joined {
    requests: Vec<String>,
    unless_after: Vec<String>,
    unless_before: Vec<String>,
}

impl Joined {
    fn of(row: &Unspaced) -> Self {
        let all = |phrases: &[&str]| phrases.iter().map(|phrase| fold(phrase)).collect();
        Self {
            requests: all(row.requests),
            unless_after: all(row.unless_after),
            unless_before: all(row.unless_before),
        }
    }

    fn is_in(&self, clause: &str) -> bool {
        self.requests.iter().any(|request| {
            clause.match_indices(request).any(|(start, _)| {
                let (before, behind) = (&clause[..start], &clause[start + request.len()..]);
                !self.unless_after.iter().any(|turned| before.ends_with(turned))
                    && !self.unless_before.iter().any(|turned| behind.starts_with(turned))
            })
        })
    }
}

/// Whether a phrase stands at a word, with an end that is accepted. An optional word that is there belongs to the phrase, so that
/// "stop texting me" with an optional "again" has one end.
fn at(phrase: &[Slot], words: &[&str], start: usize, accept: &dyn Fn(usize) -> bool) -> bool {
    phrase
        .iter()
        .try_fold(start, |at, slot| {
            let skipped = at + usize::from(at > start && words.get(at) == Some(&COMMA));
            let is_here = words.get(skipped).is_some_and(|word| slot.words.iter().any(|one| one == word));
            if is_here { Some(skipped + 1) } else { slot.is_optional.then_some(at) }
        })
        .is_some_and(accept)
}

fn slots(phrase: &str) -> Vec<Slot> {
    let slot = |place: &str| {
        let inner = place.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let words = inner.unwrap_or(place).split('|').map(fold).collect();
        Slot { words, is_optional: inner.is_some() }
    };
    phrase.split_whitespace().map(slot).collect()
}
