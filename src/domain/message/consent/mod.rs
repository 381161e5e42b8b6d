//! Consent to texts: how a participant withdraws and restores it.
//!
//! Two rules, one after the other:
//! 1. A text that is one of the [words](consent_word), whole, is an instruction to the carrier and to us. It is no conversation:
//!    nobody answers it but, for HELP, with the tenant's text.
//! 2. A text that [asks for no more texts](revokes_consent) in a sentence withdraws consent too, since the law accepts any reasonable
//!    wording (United States: 47 CFR 64.1200(a)(10)). The carrier does not block its sender, so only our own record does.
//!
//! Both hold in every language that an agent speaks, whichever one the agent has, since a participant writes in the own one.

mod fold;
mod phrases;
mod requests;
mod words;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::MessagingConsent;
use crate::domain::NumberType;

/// What a text that is one word asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentWord {
    /// No more texts.
    Stop,
    /// Texts again. The carrier lifts its own block only for its English words.
    Start,
    /// Who sends the texts, and how to stop them.
    Help,
}

static WORDS: LazyLock<HashMap<String, ConsentWord>> = LazyLock::new(|| {
    let rows = words::TABLE.iter().flat_map(|row| {
        [(row.stop, ConsentWord::Stop), (row.start, ConsentWord::Start), (row.help, ConsentWord::Help)]
    });
    rows.flat_map(|(words, meaning)| words.iter().map(move |word| (fold::fold(word), meaning))).collect()
});

/// The instruction that a text is: one of the words of [`words`], whole, in any case. Spaces, punctuation and emoji around it do not
/// matter (but for a question mark: `Stop?` is a question).
///
/// `YES` restores texts only if the participant has opted out, and never on a toll-free number, where the network does not accept
/// it. Otherwise it is an ordinary answer.
#[must_use]
pub fn consent_word(body: &str, number: NumberType, consent: MessagingConsent) -> Option<ConsentWord> {
    let form = |folded: &str| fold::words(folded).collect::<Vec<_>>().join(" ");
    if body.contains(['?', '？', '؟', '\u{37e}']) {
        return None;
    }
    let word = form(&fold::fold(body));
    if word == words::YES {
        let restores = number != NumberType::TollFree && consent == MessagingConsent::OptedOut;
        return restores.then_some(ConsentWord::Start);
    }
    let with_accents = || form(&fold::fold_with_accents(body));
    let is_stop = || words::STOP_WITH_ACCENTS.contains(&with_accents().as_str());
    WORDS.get(&word).copied().or_else(|| is_stop().then_some(ConsentWord::Stop))
}

/// Whether a text is the carrier's own word for help, which the carrier answers itself (Twilio, "Twilio support for opt-out keywords").
#[must_use]
pub(super) fn is_help_of_carrier(body: &str) -> bool {
    let folded = fold::fold(body);
    matches!(fold::words(&folded).collect::<Vec<_>>()[..], ["help" | "info"])
}

/// Whether a text asks for no more texts in a sentence, beyond doubt: "please stop texting me".
///
/// A request that is denied ("don't stop texting me") or limited ("do not text me at work") is left to whoever reads it, and so is
/// everything else that is open to doubt: the agent or a person can record the participant's wish.
#[must_use]
pub fn revokes_consent(body: &str) -> bool {
    requests::found(body)
}

#[cfg(test)]
mod tests;
