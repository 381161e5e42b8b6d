//! What the carrier's error codes of messages mean, and what to do about them.
//!
//! Source: Twilio's error dictionary. Its codes are advisory, and new ones appear.

use std::borrow::Cow;

use crate::domain::{Refusal, RefusalCode};

/// What can be done about a message that did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryProblemKind {
    /// This recipient cannot be reached by text from this number.
    Permanent,
    /// The message itself must be different.
    Content,
    /// The number or its Messaging Service must be set up differently.
    Configuration,
    /// The operator must act at the carrier.
    Operator,
    /// The same message may arrive later.
    Retry,
    /// The recipient asked for no more texts. Never sent again until they agree.
    OptedOut,
    /// The number must be registered or verified for texts.
    NotRegistered,
    /// The code is not known here.
    Unknown,
}

/// An error code in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryProblem {
    /// What can be done.
    pub kind: DeliveryProblemKind,
    /// What is wrong and what to do, in one sentence.
    pub message: Cow<'static, str>,
}

impl From<DeliveryProblem> for Refusal {
    fn from(problem: DeliveryProblem) -> Self {
        let code = match problem.kind {
            DeliveryProblemKind::OptedOut => RefusalCode::OptedOut,
            DeliveryProblemKind::NotRegistered => RefusalCode::NotRegistered,
            _ => RefusalCode::CarrierRejected,
        };
        Self::new(code, problem.message)
    }
}

/// Explains an error code, whether the carrier rejected the request with it or reported it afterwards.
#[must_use]
pub fn delivery_problem(code: i32) -> DeliveryProblem {
    // The ranges of rejected registrations last: single codes lie within them.
    let known =
        to_recipient(code).or_else(|| of_message(code)).or_else(|| passing(code)).or_else(|| of_sender(code));
    let (kind, message) = known.map_or_else(
        || (DeliveryProblemKind::Unknown, Cow::Owned(format!("the carrier reported error {code}"))),
        |(kind, message)| (kind, Cow::Borrowed(message)),
    );
    DeliveryProblem { kind, message }
}

type Known = Option<(DeliveryProblemKind, &'static str)>;

fn to_recipient(code: i32) -> Known {
    use DeliveryProblemKind::{Operator, OptedOut, Permanent, Retry};
    Some(match code {
        21211 => (Permanent, "the recipient's number is not valid: correct it"),
        21614 | 21635 | 30006 => {
            (Permanent, "the recipient's number is a landline, which receives no text messages: call instead")
        }
        21612 | 21703 => {
            (Permanent, "this number cannot send text messages to this recipient: send from another number")
        }
        21408 => (
            Operator,
            "text messages to the recipient's country are not enabled at the carrier: the operator must enable it",
        ),
        21608 => (
            Operator,
            "the carrier's trial account sends only to verified numbers: the operator must upgrade it",
        ),
        21610 => (
            OptedOut,
            "the recipient asked for no more text messages: only their own START permits them again",
        ),
        30003 => (Retry, "the recipient's telephone is off or out of reach: try once more later"),
        30004 => (Permanent, "the recipient or their network blocks messages from this number: call instead"),
        30005 => (Permanent, "the recipient's number is not in service: correct it"),
        30640 => (
            Permanent,
            "the recipient is on a list of people who must not be sent text messages: call instead",
        ),
        _ => return None,
    })
}

fn of_sender(code: i32) -> Known {
    use DeliveryProblemKind::{Configuration, NotRegistered, Operator};
    Some(match code {
        21212 | 21603 | 21606 | 21660 | 21661 => (
            Configuration,
            "the sending number is not a number of this account that can send text messages: check it at the carrier",
        ),
        21659 => (
            Configuration,
            "the sending number is not ready for text messages: its porting is not complete, or it is of another country",
        ),
        21701 | 21704 | 21705 => (
            Configuration,
            "the number's Messaging Service is missing or has no senders: set it up at the carrier",
        ),
        30002 | 30037 => {
            (Operator, "the carrier suspended the account's messages: the operator must contact the carrier")
        }
        30453 => {
            (Operator, "the carrier blocked the message as fraud: the operator must contact the carrier")
        }
        30454 => (
            Operator,
            "the carrier's trial account reached its limit of messages: the operator must upgrade it",
        ),
        30032 => (
            NotRegistered,
            "the toll-free number is not verified for text messages: the operator must have it verified",
        ),
        30033 => (
            NotRegistered,
            "the registration (A2P campaign) of the number is suspended: the operator must contact the carrier",
        ),
        30034 => (
            NotRegistered,
            "the number is not registered for text messages in the United States (A2P 10DLC): the operator must register it",
        ),
        30024 | 30035 => (
            NotRegistered,
            "the registration of the number for text messages is not complete yet: try again in some hours",
        ),
        30436..=30480 => (
            NotRegistered,
            "the verification of the toll-free number was rejected: the operator must correct it",
        ),
        30729..=30799 => (
            NotRegistered,
            "the registration of the business (A2P brand) was rejected: the operator must correct it",
        ),
        30880..=30909 => (
            NotRegistered,
            "the registration of the number (A2P campaign) was rejected: the operator must correct it",
        ),
        _ => return None,
    })
}

fn of_message(code: i32) -> Known {
    use DeliveryProblemKind::{Configuration, Content};
    Some(match code {
        21617 => (Content, "the text is longer than 1600 characters: shorten it"),
        21602 | 21619 => (Content, "the message has neither text nor media: add one"),
        21620 => (
            Content,
            "the address of a media file is not valid: pass an https address that the carrier can fetch",
        ),
        21621 => (Configuration, "the sending number cannot send media: send text alone"),
        21623 => (
            Content,
            "the message has too many or too large media files: at most 10 files and 5 MB are allowed",
        ),
        21624 => (Content, "the time for which the message is valid is out of range"),
        30007 => (
            Content,
            "the network filtered the message as unwanted: change its wording and check the registration of the number",
        ),
        30011 => (Content, "the recipient's network does not accept media: send text alone"),
        30105 => (Content, "the domain of a link in the text is not accepted: remove the link"),
        _ => return None,
    })
}

fn passing(code: i32) -> Known {
    use DeliveryProblemKind::Retry;
    Some(match code {
        14107 | 20429 => (Retry, "the carrier received too many requests: try again later"),
        21611 | 30001 => (Retry, "too many messages of this number are waiting: try again later"),
        30008 => (Retry, "the network reported no reason: try once more later"),
        30017 | 30022 => (Retry, "the network is congested, or the number sends too fast: try again later"),
        30023 | 30025..=30027 => {
            (Retry, "the daily limit of the recipient's network is reached: try again tomorrow")
        }
        30036 => (Retry, "the message waited too long and expired: send it again if it still matters"),
        30410 | 30500 => (Retry, "the carrier or the network has a failure: try again later"),
        30450 => {
            (Retry, "the carrier blocked the message as part of unusual traffic: try again in half an hour")
        }
        30610 => (Retry, "it is night where the recipient lives: try again in the morning"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::DeliveryProblemKind::{
        Configuration, Content, NotRegistered, Operator, OptedOut, Permanent, Retry, Unknown,
    };
    use super::*;

    #[test]
    fn every_documented_code_says_what_to_do() {
        for (kind, codes) in [
            (Permanent, &[21211, 21614, 21635, 21612, 21703, 30004, 30005, 30006, 30640][..]),
            (Content, &[21602, 21617, 21619, 21620, 21623, 21624, 30007, 30011, 30105]),
            (Configuration, &[21212, 21603, 21606, 21621, 21659, 21660, 21661, 21701, 21704, 21705]),
            (Operator, &[21408, 21608, 30002, 30037, 30453, 30454]),
            (
                Retry,
                &[
                    14107, 20429, 21611, 30001, 30003, 30008, 30017, 30022, 30023, 30025, 30036, 30410,
                    30450, 30500, 30610,
                ],
            ),
            (OptedOut, &[21610]),
            (NotRegistered, &[30024, 30032, 30033, 30034, 30035, 30436, 30480, 30729, 30880, 30909]),
            (Unknown, &[0, -1, 12345, 30435, 99_999, i32::MAX]),
        ] {
            for code in codes {
                let problem = delivery_problem(*code);
                assert_eq!(problem.kind, kind, "{code}");
                assert!(kind == Unknown || problem.message.len() > 20, "{code}");
            }
        }
        assert_eq!(delivery_problem(12345).message, "the carrier reported error 12345");
    }
}
