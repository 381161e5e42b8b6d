//! JSON of the porting API. Status words are spelled in several ways, and new ones may come.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use super::{PortIn, PortStatus, PortableNumber};
use crate::domain::{E164, NumberType};
use crate::provider::shown;

#[derive(Deserialize)]
pub(super) struct NumberAnswer {
    portable: bool,
    not_portable_reason: Option<String>,
    not_portable_reason_code: Option<u32>,
    number_type: Option<String>,
    pin_and_account_number_required: Option<bool>,
}

impl NumberAnswer {
    pub(super) fn read(self) -> PortableNumber {
        let kind = self.number_type.map(|word| normalized(&word));
        PortableNumber {
            is_portable: self.portable,
            code: self.not_portable_reason_code,
            reason: self.not_portable_reason.map(|reason| shown(&reason)),
            kind: match kind.as_deref() {
                Some("local") => Some(NumberType::Local),
                Some("mobile") => Some(NumberType::Mobile),
                Some("toll_free") => Some(NumberType::TollFree),
                _ => None,
            },
            is_pin_required: self.pin_and_account_number_required.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Created {
    pub(super) sid: String,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) port_in_requests: Vec<ListedPort>,
    pub(super) meta: Option<Meta>,
}

#[derive(Deserialize)]
pub(super) struct ListedPort {
    pub(super) port_in_request_sid: String,
}

#[derive(Deserialize)]
pub(super) struct Meta {
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WebhookAnswer {
    pub(super) port_in_target_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PortAnswer {
    port_in_request_sid: Option<String>,
    port_in_request_status: Option<String>,
    order_cancellation_reason: Option<String>,
    signature_request_url: Option<String>,
    #[serde(default)]
    documents: Option<Vec<String>>,
    #[serde(default)]
    phone_numbers: Option<Vec<PortedNumber>>,
}

#[derive(Deserialize)]
struct PortedNumber {
    phone_number: Option<String>,
    port_in_phone_number_status: Option<String>,
    rejection_reason: Option<String>,
    rejection_reason_code: Option<u32>,
    port_date: Option<String>,
}

impl PortAnswer {
    pub(super) fn has_document(&self, sid: &str) -> bool {
        self.documents.iter().flatten().any(|document| document == sid)
    }

    /// Reads the port of this number; `None` if the answer has no port.
    pub(super) fn read(self, number: &E164) -> Option<PortIn> {
        let word = self.port_in_request_status.unwrap_or_default();
        let numbers = self.phone_numbers.unwrap_or_default();
        let ours = numbers.into_iter().find(|known| known.phone_number.as_deref() == Some(number.as_str()));
        let (code, reason) =
            ours.as_ref().map_or((None, None), |n| (n.rejection_reason_code, n.rejection_reason.clone()));
        let of_number = ours.as_ref().and_then(|n| n.port_in_phone_number_status.as_deref());
        Some(PortIn {
            sid: super::checked(&self.port_in_request_sid?).ok()?.to_owned(),
            status: status(&word, of_number.unwrap_or_default()),
            word: shown(&word),
            port_date: ours.and_then(|n| moment(n.port_date.as_deref()?)),
            signature_url: self.signature_request_url.filter(|url| !url.is_empty() && url.len() <= 2048),
            rejection: (code, reason.map(|reason| shown(&reason))),
            cancellation: self.order_cancellation_reason.map(|reason| shown(&reason)),
        })
    }
}

/// A word without its spelling: `In Review`, `in_review` and `port_submitted` lose case, spaces and prefix.
fn normalized(word: &str) -> String {
    let word = word.trim().to_lowercase().replace([' ', '-'], "_");
    word.strip_prefix("port_").map_or(word.clone(), str::to_owned)
}

/// The status of a request with one number. The number's own word comes first where it says more.
fn status(request: &str, number: &str) -> PortStatus {
    let of_request = match normalized(request).as_str() {
        "in_review" => PortStatus::InReview,
        "waiting_for_signature" => PortStatus::WaitingForSignature,
        "in_progress" => PortStatus::InProgress,
        "action_required" => PortStatus::Rejected,
        "completed" => PortStatus::Completed,
        "canceled" | "cancelled" => PortStatus::Canceled,
        "expired" => PortStatus::Expired,
        // Never guessed.
        _ => return PortStatus::Unknown,
    };
    match (of_request, normalized(number).as_str()) {
        (PortStatus::InProgress | PortStatus::InReview, "rejected") => PortStatus::Rejected,
        (PortStatus::InProgress, "completed") => PortStatus::Completed,
        (of_request, _) => of_request,
    }
}

/// A moment, or the begin of a day.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let day = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc());
    text.parse::<DateTime<Utc>>().ok().or_else(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_understood_and_an_unknown_word_is_kept() {
        for word in ["In Review", "in_review", "In review", "IN-REVIEW"] {
            assert_eq!(status(word, "in_review"), PortStatus::InReview, "{word}");
        }
        assert_eq!(status("In Progress", "port_pending"), PortStatus::InProgress);
        assert_eq!(status("In progress", "port_rejected"), PortStatus::Rejected);
        assert_eq!(status("Action Required", "rejected"), PortStatus::Rejected);
        assert_eq!(status("in_progress", "completed"), PortStatus::Completed);
        assert_eq!(status("Teleporting", "completed"), PortStatus::Unknown);
        let json = r#"{"port_in_request_sid": "KW1", "port_in_request_status": "Teleporting", "documents": ["RD1"],
            "phone_numbers": [{"phone_number": "+12125550142", "port_date": "2026-12-08"}], "signature_request_url": ""}"#;
        let answer: PortAnswer = serde_json::from_str(json).unwrap();
        assert!(answer.has_document("RD1") && !answer.has_document("RD2"));
        let port = answer.read(&"+12125550142".parse().unwrap()).unwrap();
        assert_eq!((port.word.as_str(), port.signature_url), ("Teleporting", None));
        assert_eq!(port.port_date.unwrap().to_rfc3339(), "2026-12-08T00:00:00+00:00");
    }
}
