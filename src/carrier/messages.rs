//! Text messages: sending, finding and fetching them, and their files ([`media`]).
//!
//! Twilio knows no idempotency keys: the outcome of a request without an answer is found in its list of messages
//! ([`Carrier::messages_between`]), by the parties, the time and the text.

mod media;
mod registrations;

pub use media::{FetchedMedia, MediaFailure};
pub use registrations::MessagingService;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use url::Url;

use super::client::checked;
use super::wire::instant;
use super::{Carrier, CarrierError, Rejection};
use crate::domain::{E164, MediaReference, MessageReport, MessageStatus, delivery_problem};

const MESSAGES: &str = "Messages";
/// Messages of one page. Twilio accepts up to 1000, of which each may be 10 KB long.
const PAGE_SIZE: &str = "500";
/// Pages of one search. What is older is found by the next one.
const MOST_PAGES: usize = 20;

/// A text message to send.
pub struct TextToSend<'a> {
    /// The account's number.
    pub from: &'a E164,
    /// The recipient.
    pub to: &'a str,
    /// The text; empty for files alone. Never logged.
    pub body: &'a str,
    /// Addresses of files, which Twilio fetches.
    pub media_urls: Vec<&'a str>,
    /// Where Twilio reports what becomes of it.
    pub status_callback: Url,
}

/// A text message at the carrier.
#[derive(Clone, PartialEq)]
pub struct CarrierMessage {
    /// Twilio's id, `SM…` or `MM…`.
    pub sid: String,
    /// Whether it was sent to a number of the account.
    pub is_inbound: bool,
    /// Who sent it.
    pub from: String,
    /// Whom it was sent to.
    pub to: String,
    /// The text. Never logged.
    pub body: String,
    /// Its status; `None` for a word that Twilio does not document.
    pub status: Option<MessageStatus>,
    /// Twilio's code of what went wrong.
    pub error_code: Option<i32>,
    /// Parts; `None` while Twilio has not counted them.
    pub segments: Option<i32>,
    /// Files.
    pub media_count: u32,
    /// What it cost in US dollars, positive; `None` until Twilio knows.
    pub price: Option<Decimal>,
    /// When Twilio learned of it.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for CarrierMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CarrierMessage")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl CarrierMessage {
    /// What it tells of the message.
    #[must_use]
    pub fn report(&self) -> MessageReport {
        MessageReport {
            sid: self.sid.clone(),
            // Unknown words tell only that Twilio has it.
            status: self.status.unwrap_or(MessageStatus::Queued),
            error: self.error_code.map(|code| delivery_problem(code).into()),
            segments: self.segments,
            price: self.price,
            sent_at: self.sent_at,
        }
    }
}

impl Carrier {
    /// Sends a text message.
    ///
    /// # Errors
    /// [`CarrierError`]. After an unknown outcome, look for the message with [`Self::messages_between`].
    pub async fn send_message(&self, text: &TextToSend<'_>) -> Result<CarrierMessage, CarrierError> {
        let callback = text.status_callback.as_str();
        let mut form = vec![("To", text.to), ("From", text.from.as_str()), ("StatusCallback", callback)];
        if !text.body.is_empty() {
            form.push(("Body", text.body));
        }
        form.extend(text.media_urls.iter().map(|url| ("MediaUrl", *url)));
        // Behind calls and purchases, however many messages are to be sent.
        let sent: Wire = self.with_low_priority().post(self.url(&[MESSAGES]), &form).await?;
        // Not a rejection: Twilio reports success, so something may have been sent.
        let nothing = || CarrierError::OutcomeUnknown { reason: "it answered without a message".to_owned() };
        sent.read().ok_or_else(nothing)
    }

    /// Lists messages from one party to another, newest first, back to an instant.
    ///
    /// # Errors
    /// [`CarrierError`], but never `Rejected`; never a partial list.
    pub async fn messages_between(
        &self,
        from: &str,
        to: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<CarrierMessage>, CarrierError> {
        // Not by `DateSent`: a message that waits to be sent has none.
        let found = self.list_messages(&[("From", from), ("To", to)], Some(since)).await;
        let found = found.map_err(CarrierError::of_search)?;
        // Newest first: what is missing is older than all that was asked for lately.
        found.ok_or_else(|| CarrierError::unavailable("its list of messages has too many pages"))
    }

    /// Lists messages to the account's numbers of a span of time, newest first; `None` if there are too many to list.
    ///
    /// # Errors
    /// [`CarrierError`]; never a partial list.
    pub async fn messages_received(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Vec<CarrierMessage>>, CarrierError> {
        // Twilio knows whole seconds.
        let [since, until] =
            [since, until + TimeDelta::seconds(1)].map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let span = [("DateSent>", since.as_str()), ("DateSent<", until.as_str())];
        let listed = self.with_low_priority().list_messages(&span, None).await?;
        Ok(listed.map(|listed| listed.into_iter().filter(|message| message.is_inbound).collect()))
    }

    /// Fetches a message; `None` if the carrier does not know it.
    ///
    /// # Errors
    /// [`CarrierError`]; a message that the carrier does not know is no error.
    pub async fn message(&self, sid: &str) -> Result<Option<CarrierMessage>, CarrierError> {
        let url = self.url(&[MESSAGES, checked(sid)?]);
        match self.with_low_priority().get::<Wire>(url).await {
            Ok(message) => message
                .read()
                .map(Some)
                .ok_or_else(|| CarrierError::unavailable("it answered without a message")),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the text of a message in this account; the record stays. Returns whether the account has the message.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn redact_message(&self, sid: &str) -> Result<bool, CarrierError> {
        let url = self.url(&[MESSAGES, checked(sid)?]);
        match self.with_low_priority().post::<Wire>(url, &[("Body", "")]).await {
            Ok(message) if message.body.as_deref().unwrap_or_default().is_empty() => Ok(true),
            Ok(_) => Err(CarrierError::unavailable("it did not delete the text")),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lists the files of a message.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn media_of_message(&self, sid: &str) -> Result<Vec<MediaReference>, CarrierError> {
        let url = self.url(&[MESSAGES, checked(sid)?, "Media"]);
        let listed: MediaPage = self.with_low_priority().get(url).await?;
        let read = |file: Media| {
            // Without the suffix it is the file itself.
            let url = self.next_page(file.uri?.strip_suffix(".json")?).ok()?;
            Some(MediaReference { url: url.into(), content_type: file.content_type })
        };
        Ok(listed.media_list.into_iter().filter_map(read).collect())
    }

    /// `None` if there are too many pages.
    async fn list_messages(
        &self,
        filter: &[(&str, &str)],
        back_to: Option<DateTime<Utc>>,
    ) -> Result<Option<Vec<CarrierMessage>>, CarrierError> {
        let mut url = self.url(&[MESSAGES]);
        url.query_pairs_mut().extend_pairs(filter).append_pair("PageSize", PAGE_SIZE);
        let mut messages = Vec::new();
        for _ in 0..MOST_PAGES {
            let page: Page = self.get(url).await?;
            let listed = page.messages.len();
            let read: Vec<CarrierMessage> = page.messages.into_iter().filter_map(Wire::read).collect();
            // Skipped, an incomplete entry would look like a message that was never sent.
            if read.len() < listed {
                return Err(CarrierError::unavailable("its list of messages has an incomplete entry"));
            }
            let is_older = |message: &CarrierMessage| {
                back_to.zip(message.created_at).is_some_and(|(back_to, created)| created < back_to)
            };
            let is_complete = read.last().is_some_and(is_older);
            messages.extend(read.into_iter().filter(|message| !is_older(message)));
            match page.next_page_uri.filter(|uri| !uri.is_empty() && !is_complete) {
                Some(uri) => url = self.next_page(&uri)?,
                None => return Ok(Some(messages)),
            }
        }
        Ok(None)
    }
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<Wire>,
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct MediaPage {
    media_list: Vec<Media>,
}

#[derive(Deserialize)]
struct Media {
    uri: Option<String>,
    content_type: Option<String>,
}

/// Twilio's JSON of a message. Counts are strings.
#[derive(Deserialize)]
struct Wire {
    sid: Option<String>,
    direction: Option<String>,
    from: Option<String>,
    to: Option<String>,
    body: Option<String>,
    status: Option<String>,
    error_code: Option<i32>,
    num_segments: Option<String>,
    num_media: Option<String>,
    price: Option<String>,
    date_created: Option<String>,
    date_sent: Option<String>,
}

impl Wire {
    /// Reads the message; `None` without an id.
    fn read(self) -> Option<CarrierMessage> {
        let count = |text: Option<String>| text.and_then(|text| text.parse::<u32>().ok()).unwrap_or_default();
        let segments = i32::try_from(count(self.num_segments)).ok().filter(|segments| *segments > 0);
        Some(CarrierMessage {
            sid: self.sid.filter(|sid| !sid.is_empty())?,
            is_inbound: self.direction.as_deref() == Some("inbound"),
            from: self.from.unwrap_or_default(),
            to: self.to.unwrap_or_default(),
            body: self.body.unwrap_or_default(),
            status: self.status.as_deref().and_then(message_status),
            error_code: self.error_code.filter(|code| *code != 0),
            segments,
            media_count: count(self.num_media),
            price: self.price.and_then(|price| price.parse().ok()).map(|price: Decimal| price.abs()),
            created_at: self.date_created.as_deref().and_then(instant),
            sent_at: self.date_sent.as_deref().and_then(instant),
        })
    }
}

/// Reads Twilio's `MessageStatus`; `None` for a value that Twilio does not document.
pub(super) fn message_status(word: &str) -> Option<MessageStatus> {
    Some(match word {
        "accepted" | "scheduled" | "queued" => MessageStatus::Queued,
        "sending" => MessageStatus::Sending,
        "sent" => MessageStatus::Sent,
        // `read` follows a delivery.
        "delivered" | "read" | "partially_delivered" => MessageStatus::Delivered,
        "undelivered" => MessageStatus::Undelivered,
        "failed" => MessageStatus::Failed,
        "canceled" => MessageStatus::Canceled,
        "receiving" | "received" => MessageStatus::Received,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_leniently() {
        let read = |json: &str| serde_json::from_str::<Wire>(json).unwrap().read();
        let message = read(
            r#"{"sid": "SM1", "direction": "outbound-api", "from": null, "to": "+13125550177", "body": "Hi",
                "status": "undelivered", "error_code": 30003, "num_segments": "2", "num_media": "0",
                "price": "-0.01660", "price_unit": "usd", "date_sent": "Thu, 30 Jul 2026 23:19:04 +0000", "new": 1}"#,
        )
        .unwrap();
        assert_eq!((message.is_inbound, message.segments, message.media_count), (false, Some(2), 0));
        assert_eq!(message.price, Some(Decimal::new(1660, 5)));
        let report = message.report();
        assert_eq!(report.status, MessageStatus::Undelivered);
        assert!(report.error.unwrap().message.contains("out of reach"));
        assert_eq!(report.sent_at.map(|at| at.timestamp()), Some(1_785_453_544));
        // A service has not chosen the sender yet.
        let accepted =
            read(r#"{"sid": "SM1", "direction": "outbound-api", "status": "accepted", "num_segments": "0"}"#);
        let accepted = accepted.unwrap();
        assert_eq!((accepted.segments, accepted.report().status), (None, MessageStatus::Queued));
        assert_eq!(read(r#"{"sid": ""}"#), None);
        assert_eq!(message_status("teleported"), None);
        assert!(!format!("{message:?}").contains("Hi"));
    }
}
