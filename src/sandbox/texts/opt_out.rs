//! The carrier's block list: stop, start and help words, and who has opted out of what.
//!
//! An entry is for a person and a number, or for a person and a Messaging Service if the number is in one. The replies to these words
//! are free and are no messages of the account.

use super::super::{
    state::{ProviderState, messaging::OptOut},
    stock::Kind,
};

/// Meaning of a message that consists of one word.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Word {
    Stop,
    Start,
    Help,
}

impl Word {
    /// Recognizes a word. The whole message must be the word, in any case; spaces around it are ignored.
    pub(crate) fn of(body: &str, kind: Kind) -> Option<Self> {
        let word = body.trim().to_uppercase();
        match (word.as_str(), kind) {
            ("STOP", _) => Some(Self::Stop),
            ("START" | "UNSTOP", _) => Some(Self::Start),
            ("HELP" | "INFO", _) => Some(Self::Help),
            // On toll-free numbers the networks decide, and they know fewer words.
            (_, Kind::TollFree) => None,
            ("UNSUBSCRIBE" | "END" | "QUIT" | "STOPALL" | "REVOKE" | "OPTOUT" | "CANCEL", _) => {
                Some(Self::Stop)
            }
            ("YES", _) => Some(Self::Start),
            _ => None,
        }
    }

    /// Returns the value of the webhook's `OptOutType`.
    pub(crate) fn opt_out_type(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Help => "HELP",
        }
    }

    fn reply(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Stop, Kind::TollFree) => {
                "NETWORK MSG: You replied with the word \"stop\" which blocks all texts sent from this number. \
                 Text back \"unstop\" to receive messages again."
            }
            (Self::Start, Kind::TollFree) => {
                "NETWORK MSG: You have replied \"unstop\" and will begin receiving messages again from this number."
            }
            (Self::Help, Kind::TollFree) => "NETWORK MSG: Reply STOP to block all texts from this number.",
            (Self::Stop, _) => {
                "You have successfully been unsubscribed. You will not receive any more messages from this \
                 number. Reply START to resubscribe."
            }
            (Self::Start, _) => {
                "You have successfully been re-subscribed to messages from this number. Reply HELP for help. \
                 Reply STOP to unsubscribe. Msg&Data Rates May Apply."
            }
            (Self::Help, _) => "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
        }
    }
}

/// Returns whether a person has opted out of a number's messages.
pub(crate) fn is_blocked(state: &ProviderState, person: &str, number: &str) -> bool {
    let service = state.number(number).and_then(|number| state.service_of(&number.sid));
    state.messaging.opt_outs.iter().any(|entry| {
        let is_sender = entry.sender == number || service.is_some_and(|service| entry.sender == service.sid);
        entry.person == person && is_sender
    })
}

/// Applies a word that a person sent to a number, and returns the reply. Someone who has opted out gets none, except to a start word.
pub(crate) fn apply(
    state: &mut ProviderState,
    word: Word,
    person: &str,
    number: &str,
    kind: Kind,
) -> Option<&'static str> {
    let was_blocked = is_blocked(state, person, number);
    let service = state.number(number).and_then(|number| state.service_of(&number.sid));
    let service = service.map(|service| service.sid.clone());
    match word {
        Word::Stop | Word::Help if was_blocked => return None,
        Word::Help => {}
        Word::Stop => {
            let sender = service.unwrap_or_else(|| number.to_owned());
            state.messaging.opt_outs.push(OptOut { person: person.to_owned(), sender });
        }
        Word::Start => state.messaging.opt_outs.retain(|entry| {
            entry.person != person || (entry.sender != number && Some(&entry.sender) != service.as_ref())
        }),
    }
    Some(word.reply(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_message_is_a_word_and_toll_free_numbers_know_fewer() {
        for (body, local, toll_free) in [
            (" stop\n", Some(Word::Stop), Some(Word::Stop)),
            ("Unsubscribe", Some(Word::Stop), None),
            ("STOP please", None, None),
            ("stop.", None, None),
            ("yes", Some(Word::Start), None),
            ("UNSTOP", Some(Word::Start), Some(Word::Start)),
            ("info", Some(Word::Help), Some(Word::Help)),
            ("", None, None),
        ] {
            assert_eq!(
                (Word::of(body, Kind::Local), Word::of(body, Kind::TollFree)),
                (local, toll_free),
                "{body}"
            );
        }
    }
}
