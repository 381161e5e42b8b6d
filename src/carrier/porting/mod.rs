//! Twilio's porting API: whether a number can be ported, and ports of numbers to the account (US numbers only).
//!
//! Twilio has no idempotency key here either. The id of the uploaded bill is in the request, and no other request has it, so that
//! a port whose answer was lost is found by it ([`Carrier::find_port`]).

mod wire;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::client::checked;
use super::{Carrier, CarrierError, Rejection};
use crate::domain::{E164, NumberType};
use crate::provider::{Effect, Method};
use wire::{Created, Listed, NumberAnswer, PortAnswer, WebhookAnswer};

const HOST: &str = "numbers.twilio.com";
const UPLOADS: &str = "numbers-upload.twilio.com";
/// A bill has up to 10 MB.
const UPLOAD_TIME: Duration = Duration::from_secs(60);
/// Ports that one look-up reads.
const MOST_LOOKED_AT: usize = 200;
const PAGE_SIZE: &str = "50";
const BOUNDARY: &str = "switchboard-6f1d2c7a9b3e4850";

/// What the carrier knows about porting a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortableNumber {
    /// Whether it can be ported.
    pub is_portable: bool,
    /// Twilio's code if it cannot.
    pub code: Option<u32>,
    /// Twilio's reason if it cannot.
    pub reason: Option<String>,
    /// Kind of number; `None` if Twilio does not tell.
    pub kind: Option<NumberType>,
    /// Whether the losing carrier requires a PIN and an account number.
    pub is_pin_required: bool,
}

/// A request for a port.
#[derive(Debug, Clone)]
pub struct PortOrder<'a> {
    /// The number.
    pub number: &'a E164,
    /// PIN of the number at the losing carrier.
    pub pin: Option<&'a str>,
    /// Id of the uploaded bill, `RD…`.
    pub bill: &'a str,
    /// The customer's name at the losing carrier.
    pub customer_name: &'a str,
    /// The customer's account number at the losing carrier.
    pub account_number: Option<&'a str>,
    /// Who signs the letter of authorization.
    pub representative: &'a str,
    /// Where the letter is sent.
    pub representative_email: &'a str,
    /// The customer's address at the losing carrier: street, city, state, postal code, country.
    pub address: [&'a str; 5],
    /// The wished date, `2026-12-31`.
    pub target_date: Option<&'a str>,
}

/// Status of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortStatus {
    /// Twilio checks the request.
    InReview,
    /// The letter of authorization is to be signed.
    WaitingForSignature,
    /// The losing carrier has the request.
    InProgress,
    /// The losing carrier has rejected the number.
    Rejected,
    /// The number is ported.
    Completed,
    /// The request was canceled.
    Canceled,
    /// Nobody signed in time.
    Expired,
    /// A word that Twilio does not document.
    Unknown,
}

/// A port, as Twilio describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortIn {
    /// Twilio's id, `KW…`.
    pub sid: String,
    /// The status.
    pub status: PortStatus,
    /// Twilio's own word.
    pub word: String,
    /// When the number is ported, once the losing carrier has confirmed it.
    pub port_date: Option<DateTime<Utc>>,
    /// Where the letter of authorization is signed.
    pub signature_url: Option<String>,
    /// Why the losing carrier rejected the number: Twilio's code and words.
    pub rejection: (Option<u32>, Option<String>),
    /// Why the request was canceled.
    pub cancellation: Option<String>,
}

/// Result of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortCancellation {
    /// The port is canceled, or Twilio does not know it.
    Done,
    /// Twilio refused, for this reason.
    Refused(String),
}

impl Carrier {
    fn ports(&self, path: &[&str]) -> Url {
        let path: Vec<&str> = ["Porting"].iter().chain(path).copied().collect();
        self.url_at(HOST, &path)
    }

    async fn get_port<T: DeserializeOwned>(&self, url: Url) -> Result<T, CarrierError> {
        self.send(&self.porting_breaker, self.request(Method::GET, url), Effect::Reads)
            .await?
            .json::<T, Rejection>()
    }

    /// Asks whether a number can be ported to the account.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn portability(&self, number: &E164) -> Result<PortableNumber, CarrierError> {
        let mut url = self.ports(&["Portability", "PhoneNumber", number.as_str()]);
        // In a path a plus sign need not be escaped, but Twilio's documentation does it.
        url.set_path(&url.path().replace("/+", "/%2B"));
        Ok(self.get_port::<NumberAnswer>(url).await?.read())
    }

    /// Uploads a bill. Returns Twilio's id of it. Repeated, it uploads another copy, which costs nothing.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn upload_bill(&self, content_type: &str, content: &[u8]) -> Result<String, CarrierError> {
        let field = |name: &str, value: &str| {
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let head = format!(
            "{}{}--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"File\"; filename=\"bill\"\r\nContent-Type: {content_type}\r\n\r\n",
            field("document_type", "utility_bill"),
            field("friendly_name", "bill"),
        );
        let body = [head.as_bytes(), content, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
        let request = self
            .request(Method::POST, self.url_at(UPLOADS, &["Documents"]))
            .timeout(UPLOAD_TIME)
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body);
        let answer = self.send(&self.porting_breaker, request, Effect::Writes).await?;
        let created = answer.json::<Created, Rejection>()?;
        Ok(checked(&created.sid)?.to_owned())
    }

    /// Requests a port. Returns Twilio's id of it.
    ///
    /// # Errors
    /// [`CarrierError`]. After an unknown outcome, look for the port with [`Self::find_port`].
    pub async fn request_port(&self, order: &PortOrder<'_>) -> Result<PortIn, CarrierError> {
        let [street, city, state, zip, country] = order.address;
        let mut body = json!({
            "account_sid": self.config.account_sid,
            "documents": [order.bill],
            "losing_carrier_information": {
                "customer_type": "Business",
                "customer_name": order.customer_name,
                "account_telephone_number": order.number.as_str(),
                "authorized_representative": order.representative,
                "authorized_representative_email": order.representative_email,
                "address": { "street": street, "city": city, "state": state, "zip": zip, "country": country },
            },
            "phone_numbers": [{ "phone_number": order.number.as_str() }],
        });
        if let Some(account) = order.account_number {
            body["losing_carrier_information"]["account_number"] = json!(account);
        }
        if let Some(pin) = order.pin {
            body["phone_numbers"][0]["pin"] = json!(pin);
        }
        if let Some(date) = order.target_date {
            body["target_port_in_date"] = json!(date);
        }
        let request = self.request(Method::POST, self.ports(&["PortIn"])).json::<Value>(&body);
        let answer = self.send(&self.porting_breaker, request, Effect::Writes).await?;
        let port = answer.json::<PortAnswer, Rejection>()?.read(order.number);
        // Not a rejection: Twilio reports success, so something was requested.
        let nothing = || CarrierError::OutcomeUnknown { reason: "it answered without a port".to_owned() };
        port.ok_or_else(nothing)
    }

    /// Fetches a port of this number; `None` if Twilio does not know it.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn fetch_port(&self, sid: &str, number: &E164) -> Result<Option<PortIn>, CarrierError> {
        match self.get_port::<PortAnswer>(self.ports(&["PortIn", checked(sid)?])).await {
            Ok(answer) => answer
                .read(number)
                .map(Some)
                .ok_or_else(|| CarrierError::unavailable("it answered without the port")),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the port that was requested with this bill, on this day at the earliest.
    ///
    /// # Errors
    /// [`CarrierError`], but never `Rejected`, and never for a partial list.
    pub async fn find_port(
        &self,
        number: &E164,
        bill: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<PortIn>, CarrierError> {
        let first = self.ports(&["PortIn", "PortInRequests"]);
        let (mut url, mut looked_at) = (first.clone(), 0);
        let since = since.format("%Y-%m-%d").to_string();
        url.query_pairs_mut().append_pair("Size", PAGE_SIZE).append_pair("CreatedAfter", &since);
        loop {
            let page: Listed = self.get_port(url).await.map_err(CarrierError::of_search)?;
            for listed in &page.port_in_requests {
                looked_at += 1;
                if looked_at > MOST_LOOKED_AT {
                    return Err(CarrierError::unavailable("its list of ports is too long"));
                }
                let url = self.ports(&["PortIn", checked(&listed.port_in_request_sid)?]);
                let answer: PortAnswer = self.get_port(url).await.map_err(CarrierError::of_search)?;
                if answer.has_document(bill) {
                    return Ok(answer.read(number));
                }
            }
            let Some(token) = page.meta.and_then(|meta| meta.next_token) else { return Ok(None) };
            url = first.clone();
            url.query_pairs_mut()
                .append_pair("Size", PAGE_SIZE)
                .append_pair("CreatedAfter", &since)
                .append_pair("Token", &token);
        }
    }

    /// Cancels a port. Safe to repeat.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn cancel_port(&self, sid: &str) -> Result<PortCancellation, CarrierError> {
        let request = self.request(Method::DELETE, self.ports(&["PortIn", checked(sid)?]));
        let answer = self.send_for_any_answer(&self.porting_breaker, request, Effect::Writes).await?;
        let status = answer.status();
        // Twilio does not document how it refuses a cancellation that comes too late; the contract assumes 409.
        match answer.into_result::<Rejection>() {
            Ok(_) | Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(PortCancellation::Done),
            Err(CarrierError::Rejected(Rejection::Other { words, .. })) => {
                Ok(PortCancellation::Refused(words))
            }
            Err(_) if status == 409 => {
                Ok(PortCancellation::Refused("it is too late to cancel the port".to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// Has webhooks about ports sent to this URL, unless another system of the account receives them.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn announce_ports_at(
        &self,
        url: &Url,
        ours: impl Fn(&str) -> bool,
    ) -> Result<(), CarrierError> {
        let configuration = self.ports(&["Configuration", "Webhook"]);
        let known = match self.get_port::<WebhookAnswer>(configuration.clone()).await {
            Ok(known) => known.port_in_target_url.filter(|known| !known.is_empty()),
            Err(CarrierError::Rejected(Rejection::NotFound)) => None,
            Err(error) => return Err(error),
        };
        match known {
            Some(known) if known == url.as_str() => return Ok(()),
            // One per account: it is not taken away from another system. Ports are followed without it.
            Some(known) if !ours(&known) => {
                tracing::warn!(
                    "webhooks about ports go to another system of the carrier account: ports are only polled"
                );
                return Ok(());
            }
            _ => {}
        }
        // An empty list asks for all events.
        let body = json!({ "port_in_target_url": url.as_str(), "notifications_of": [] });
        let request = self.request(Method::POST, configuration).json::<Value>(&body);
        self.send(&self.porting_breaker, request, Effect::Writes).await.map(drop)
    }
}
