//! Answers to calls, independent of a carrier, and the stages of a call. The carrier's module renders them.
//!
//! An answer is stored with its stage. A repeated request gets the stored answer again ([`GivenAnswer::answers_again`]) from any
//! server, and rendering the same answer again gives the same bytes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{E164, Language, serde_as_text, text_enum};

text_enum! {
    /// Stage of a call at which an answer is given.
    AnswerStage {
        /// The call came in.
        First = "first",
        /// The carrier could not fetch or carry out the previous answer.
        AfterFailure = "after_failure",
        /// The number that rang before the agent did not answer.
        AfterForward = "after_forward",
        /// The number that rang last did not answer.
        AfterDial = "after_dial",
    }
}

text_enum! {
    /// The next answer if a dialled number does not answer.
    IfUnanswered {
        /// The agent takes the call.
        Agent = "agent",
        /// The caller hears the fallback message.
        Apology = "apology",
    }
}
serde_as_text!(AnswerStage, IfUnanswered);

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
// Stored with the call and in the journal, where answers of earlier versions are still read: the names of
// variants and fields cannot change.
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CallAnswer {
    /// Connects the caller to the agent.
    Connect {
        /// The voice provider's id of the registered conversation; `None` if it returned none.
        conversation_id: Option<String>,
        /// The voice provider's instructions for the carrier, passed on unchanged.
        handover: String,
    },
    /// Dials the fallback number, or the number that a rule forwards to.
    Dial {
        /// The number to dial.
        number: E164,
        /// Time limit for ringing, in seconds.
        ring_seconds: u16,
        /// The number shown to the dialled party; the caller's own if `None`.
        caller_id: Option<E164>,
        /// The next answer if nobody answers.
        if_unanswered: IfUnanswered,
    },
    /// Speaks a message, then ends the call.
    Say {
        /// The message to speak.
        text: String,
        /// Language of the message.
        language: Language,
    },
    /// Rejects the call without answering it.
    Reject,
    /// Ends the call without a word: a dialled number has answered, or the caller is gone.
    HangUp,
}

impl CallAnswer {
    /// The fallback message in a language: nobody can take the call.
    #[must_use]
    pub fn apology(language: Language) -> Self {
        Self::Say { text: language.sorry().to_owned(), language }
    }

    /// The dialled number; `None` if the answer dials none.
    #[must_use]
    pub fn dialed(&self) -> Option<&E164> {
        match self {
            Self::Dial { number, .. } => Some(number),
            Self::Connect { .. } | Self::Say { .. } | Self::Reject | Self::HangUp => None,
        }
    }

    /// The voice provider's id of the conversation; `None` if the answer starts none or the provider returned none.
    #[must_use]
    pub fn conversation_id(&self) -> Option<&str> {
        match self {
            Self::Connect { conversation_id, .. } => conversation_id.as_deref(),
            Self::Dial { .. } | Self::Say { .. } | Self::Reject | Self::HangUp => None,
        }
    }

    /// Whether the answer dials a number and `next` follows if it does not answer.
    fn is_followed_by(&self, next: IfUnanswered) -> bool {
        matches!(self, Self::Dial { if_unanswered, .. } if *if_unanswered == next)
    }
}

/// The last answer given to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The stage at which it was given.
    pub stage: AnswerStage,
    /// The answer to render again for a repeated request.
    pub answer: CallAnswer,
    /// When it was given.
    pub at: DateTime<Utc>,
}

impl GivenAnswer {
    /// Whether a request at this stage is a repetition and gets this answer again. A request after a dial is new only while that
    /// dial is the last answer.
    #[must_use]
    pub fn answers_again(&self, stage: AnswerStage) -> bool {
        match stage {
            // The carrier announces a call once. Whatever comes later is its retry after a lost answer.
            AnswerStage::First => true,
            // An answer of any other stage may be the one that failed.
            AnswerStage::AfterFailure => self.stage == AnswerStage::AfterFailure,
            // By the dial and not by the stage: a number may ring after the announcement, or after a failure.
            AnswerStage::AfterForward => !self.answer.is_followed_by(IfUnanswered::Agent),
            AnswerStage::AfterDial => !self.answer.is_followed_by(IfUnanswered::Apology),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(if_unanswered: IfUnanswered) -> CallAnswer {
        let number = "+12125550142".parse().unwrap();
        CallAnswer::Dial { number, ring_seconds: 20, caller_id: None, if_unanswered }
    }

    #[test]
    fn a_request_is_answered_anew_only_at_the_stage_before() {
        use AnswerStage::{AfterDial, AfterFailure, AfterForward, First};
        let connect = CallAnswer::Connect { conversation_id: None, handover: "<Response/>".to_owned() };
        let apology = CallAnswer::apology(Language::default());
        for (stage, answer, anew) in [
            (First, connect.clone(), vec![AfterFailure]),
            (First, dial(IfUnanswered::Agent), vec![AfterFailure, AfterForward]),
            (First, dial(IfUnanswered::Apology), vec![AfterFailure, AfterDial]),
            (AfterForward, connect, vec![AfterFailure]),
            (AfterForward, dial(IfUnanswered::Apology), vec![AfterFailure, AfterDial]),
            (AfterFailure, dial(IfUnanswered::Apology), vec![AfterDial]),
            (AfterFailure, CallAnswer::Reject, vec![]),
            (AfterDial, apology, vec![AfterFailure]),
        ] {
            let given = GivenAnswer { stage, answer, at: DateTime::UNIX_EPOCH };
            let answered_anew: Vec<_> =
                AnswerStage::ALL.iter().copied().filter(|stage| !given.answers_again(*stage)).collect();
            assert_eq!(answered_anew, anew, "{given:?}");
        }
    }

    #[test]
    fn an_answer_is_stored_and_read_back_as_it_was() {
        let text = "Tom & Jerry's </Say> \"ok\" 👋\r\n".to_owned();
        for answer in [
            CallAnswer::Connect { conversation_id: Some("conv_1".to_owned()), handover: text.clone() },
            dial(IfUnanswered::Agent),
            CallAnswer::Say { text, language: "pt-br".parse().unwrap() },
            CallAnswer::Reject,
            CallAnswer::HangUp,
        ] {
            let stored = serde_json::to_value(&answer).unwrap();
            assert_eq!(serde_json::from_value::<CallAnswer>(stored).unwrap(), answer);
        }
    }
}
