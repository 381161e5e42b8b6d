//! What a number may send. Networks of the United States take texts from local numbers only if these are registered (A2P 10DLC:
//! a campaign of the Messaging Service that the number is in), and those of the United States and Canada from toll-free numbers
//! only if these are verified. Nothing else needs a registration.

use super::MessagingStatus;
use crate::domain::{Capabilities, CountryCode, E164, NumberType, PhoneNumber};

/// Longest reason that is stored, in characters: the carrier's reviewers write free text.
const LONGEST_REASON: usize = 500;

/// What the carrier told last about a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagingRegistration {
    /// What the number may send.
    pub status: MessagingStatus,
    /// Why the status is not `READY`, and what to do.
    pub reason: Option<String>,
    /// Why texts to the number do not reach this server, whatever the number's own settings say, and what to do.
    pub misdirected: Option<String>,
}

/// How far the review of a registration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// It is not decided.
    Pending,
    /// It was approved.
    Approved,
    /// It was rejected, for this reason if one was given.
    Rejected(Option<String>),
    /// It was approved, and suspended later.
    Suspended,
}

/// The registration that a number needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredRegistration {
    /// None.
    Nothing,
    /// A campaign, for texts to the United States.
    Campaign,
    /// A verification, for texts to the United States and Canada.
    Verification,
}

impl RequiredRegistration {
    /// What a number of this kind needs.
    #[must_use]
    pub fn of(country: CountryCode, kind: NumberType) -> Self {
        match kind {
            // Toll-free numbers of North America belong to no country.
            NumberType::TollFree if country.has_area_codes() => Self::Verification,
            NumberType::Local | NumberType::Mobile if country.has_area_codes() => Self::Campaign,
            _ => Self::Nothing,
        }
    }

    /// Whether it is needed for texts to this number.
    #[must_use]
    pub fn concerns(self, to: &E164) -> bool {
        // Other countries of the numbering plan, such as Jamaica, are not concerned.
        let country = || to.classify().country;
        match self {
            Self::Nothing => false,
            Self::Campaign => country() == Some(CountryCode::US),
            Self::Verification => country().is_some_and(CountryCode::has_area_codes),
        }
    }

    /// What the number may send, given the review of its registration (`None`: none was submitted), and why.
    #[must_use]
    pub fn status(self, can: Capabilities, review: Option<&Review>) -> (MessagingStatus, Option<String>) {
        if !can.sms {
            return (MessagingStatus::Unsupported, Some("the number cannot send text messages".to_owned()));
        }
        let (subject, missing, time) = match self {
            Self::Nothing => return (MessagingStatus::Ready, None),
            Self::Campaign => (
                "registration (A2P campaign) of the number",
                "the number is not registered for text messages to the United States (A2P 10DLC): the operator must add it to \
                 a Messaging Service with an approved campaign",
                "10 to 15 business days",
            ),
            Self::Verification => (
                "verification of the toll-free number",
                "the toll-free number is not verified for text messages: the operator must have it verified",
                "3 to 5 business days",
            ),
        };
        match review {
            None => (MessagingStatus::Unregistered, Some(missing.to_owned())),
            Some(Review::Approved) => (MessagingStatus::Ready, None),
            Some(Review::Pending) => (
                MessagingStatus::Pending,
                Some(format!("the {subject} is being reviewed, which takes {time}")),
            ),
            Some(Review::Rejected(reason)) => {
                let why = reason.as_deref().map(|why| format!(" ({})", shortened(why))).unwrap_or_default();
                let text = format!("the {subject} was rejected{why}: the operator must correct it");
                (MessagingStatus::Rejected, Some(text))
            }
            Some(Review::Suspended) => {
                let text = format!("the {subject} is suspended: the operator must contact the carrier");
                (MessagingStatus::Rejected, Some(text))
            }
        }
    }
}

impl MessagingRegistration {
    /// What is known of a number about which the carrier was not asked yet.
    #[must_use]
    pub fn unknown(number: &PhoneNumber) -> Self {
        if number.capabilities.sms {
            return Self { status: MessagingStatus::Unknown, reason: None, misdirected: None };
        }
        let (status, reason) = RequiredRegistration::Nothing.status(number.capabilities, None);
        Self { status, reason, misdirected: None }
    }

    /// Why a text from this number to that one would certainly fail; `None` if it may arrive.
    #[must_use]
    pub fn forbids(&self, from: &PhoneNumber, to: &E164) -> Option<&str> {
        let is_certain = matches!(self.status, MessagingStatus::Unregistered | MessagingStatus::Rejected);
        let is_concerned = is_certain && RequiredRegistration::of(from.country, from.kind).concerns(to);
        is_concerned
            .then(|| self.reason.as_deref().unwrap_or("the number is not registered for text messages"))
    }
}

fn shortened(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().trim_end_matches('.').chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: Capabilities = Capabilities { voice: true, sms: true, mms: true };

    #[test]
    fn north_american_numbers_need_a_registration_for_some_recipients() {
        let number = |text: &str| text.parse::<E164>().unwrap();
        let (us, canada, jamaica, britain) =
            (number("+13125550177"), number("+14165550177"), number("+18765550177"), number("+442071838750"));
        for (country, kind, concerned) in [
            (CountryCode::US, NumberType::Local, [true, false, false, false]),
            ("CA".parse().unwrap(), NumberType::Local, [true, false, false, false]),
            (CountryCode::US, NumberType::TollFree, [true, true, false, false]),
            ("GB".parse().unwrap(), NumberType::Mobile, [false; 4]),
        ] {
            let needs = RequiredRegistration::of(country, kind);
            let found = [&us, &canada, &jamaica, &britain].map(|to| needs.concerns(to));
            assert_eq!(found, concerned, "{country} {kind}");
        }
    }

    #[test]
    fn a_review_decides_what_a_number_may_send() {
        use MessagingStatus::{Pending, Ready, Rejected, Unregistered, Unsupported};
        let mute = Capabilities { sms: false, ..TEXTS };
        let rejected = Review::Rejected(Some(" Opt-in\nis not public. ".to_owned()));
        for (needs, can, review, status, says) in [
            (RequiredRegistration::Nothing, TEXTS, None, Ready, ""),
            (RequiredRegistration::Nothing, mute, None, Unsupported, "cannot send"),
            (RequiredRegistration::Campaign, mute, Some(&Review::Approved), Unsupported, "cannot send"),
            (RequiredRegistration::Campaign, TEXTS, None, Unregistered, "approved campaign"),
            (RequiredRegistration::Campaign, TEXTS, Some(&Review::Approved), Ready, ""),
            (
                RequiredRegistration::Campaign,
                TEXTS,
                Some(&Review::Pending),
                Pending,
                "10 to 15 business days",
            ),
            (RequiredRegistration::Campaign, TEXTS, Some(&Review::Suspended), Rejected, "is suspended"),
            (RequiredRegistration::Verification, TEXTS, None, Unregistered, "not verified"),
            (RequiredRegistration::Verification, TEXTS, Some(&rejected), Rejected, "(Opt-in is not public)"),
        ] {
            let (found, reason) = needs.status(can, review);
            assert_eq!(found, status, "{needs:?} {review:?}");
            assert_eq!(reason.is_none(), says.is_empty(), "{needs:?} {review:?}");
            assert!(reason.unwrap_or_default().contains(says), "{needs:?} {review:?}");
        }
        let long =
            RequiredRegistration::Campaign.status(TEXTS, Some(&Review::Rejected(Some("x".repeat(9000)))));
        assert!(long.1.unwrap().len() < 700);
    }
}
