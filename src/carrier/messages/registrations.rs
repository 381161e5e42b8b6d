//! What the account's numbers may send: Messaging Services with their numbers and campaigns (A2P 10DLC), and toll-free
//! verifications. Twilio has no list of numbers with their registrations, so it is put together from lists: one of services, one of
//! each service's numbers, one of toll-free verifications, and the campaign of each service that has a number of ours.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::super::client::checked;
use super::super::{Carrier, CarrierError, Rejection};
use crate::domain::Review;

/// The largest page size that Twilio accepts.
const PAGE_SIZE: &str = "1000";
/// The host of the messaging API.
const MESSAGING: &str = "messaging.twilio.com";
/// A longer list counts as a loop of pages.
const MOST_PAGES: usize = 100;
/// Each service takes two requests.
const MOST_SERVICES: usize = 2000;

/// A Messaging Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagingService {
    /// Twilio's id, `MG…`.
    pub sid: String,
    /// Whether texts to its numbers go to each number's own URL.
    pub uses_numbers_url: bool,
    /// Where all others go; `None`: nowhere.
    pub inbound_url: Option<String>,
    /// Twilio's ids of its numbers.
    pub numbers: Vec<String>,
    /// The review of its campaign; `None`: it has no campaign, or no number of ours.
    pub campaign: Option<Review>,
}

impl MessagingService {
    /// Whether texts to its numbers go to this URL, if that is each number's own.
    #[must_use]
    pub fn sends_texts_to(&self, url: &str) -> bool {
        self.uses_numbers_url || self.inbound_url.as_deref() == Some(url)
    }
}

impl Carrier {
    /// Lists the Messaging Services, with the campaigns of those that have one of these numbers.
    ///
    /// # Errors
    /// [`CarrierError`]; never a partial list.
    pub async fn messaging_services(
        &self,
        ours: &HashSet<&str>,
    ) -> Result<Vec<MessagingService>, CarrierError> {
        let listed: Vec<Service> = self.list_v1(&["Services"]).await?;
        if listed.len() > MOST_SERVICES {
            return Err(CarrierError::unavailable("it has too many Messaging Services"));
        }
        let mut services = Vec::new();
        for service in listed {
            let numbers: Vec<PoolNumber> =
                self.list_v1(&["Services", checked(&service.sid)?, "PhoneNumbers"]).await?;
            let numbers: Vec<String> = numbers.into_iter().map(|number| number.sid).collect();
            let campaign = if numbers.iter().any(|number| ours.contains(number.as_str())) {
                self.campaign(&service.sid).await?
            } else {
                None
            };
            services.push(MessagingService {
                sid: service.sid,
                uses_numbers_url: service.use_inbound_webhook_on_number,
                inbound_url: service.inbound_request_url.filter(|url| !url.is_empty()),
                numbers,
                campaign,
            });
        }
        Ok(services)
    }

    async fn campaign(&self, service: &str) -> Result<Option<Review>, CarrierError> {
        let path = ["Services", checked(service)?, "Compliance", "Usa2p"];
        let campaigns: Vec<Campaign> = match self.list_v1(&path).await {
            Err(CarrierError::Rejected(Rejection::NotFound)) => Vec::new(),
            listed => listed?,
        };
        // One at most, says Twilio; of several, an approved one counts.
        let mut reviews: Vec<Review> = campaigns.into_iter().map(Campaign::review).collect();
        let approved = reviews.iter().position(|review| *review == Review::Approved);
        Ok(if reviews.is_empty() { None } else { Some(reviews.swap_remove(approved.unwrap_or_default())) })
    }

    /// Lists the reviews of toll-free verifications, by Twilio's id of the number.
    ///
    /// # Errors
    /// [`CarrierError`]; never a partial list.
    pub async fn toll_free_reviews(&self) -> Result<HashMap<String, Review>, CarrierError> {
        let listed: Vec<Verification> = self.list_v1(&["Tollfree", "Verifications"]).await?;
        let mut reviews = HashMap::new();
        // Newest first: a number that was submitted again has its latest review.
        for verification in listed {
            let review = verification.review();
            reviews.entry(verification.tollfree_phone_number_sid).or_insert(review);
        }
        Ok(reviews)
    }

    /// Reads all pages of a list of the messaging API, with low priority.
    async fn list_v1<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, CarrierError> {
        let mut url = self.url_at(MESSAGING, path);
        url.query_pairs_mut().append_pair("PageSize", PAGE_SIZE);
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let page: Page = self.get_registration(url).await?;
            let unreadable = |_| CarrierError::unavailable("an unreadable list of registrations");
            let Some(records) = page.records.get(&page.meta.key) else {
                return Err(CarrierError::unavailable("a list of registrations without records"));
            };
            all.extend(Vec::<T>::deserialize(records).map_err(unreadable)?);
            match page.meta.next_page_url.filter(|next| !next.is_empty()) {
                Some(next) => url = self.next_messaging_page(&next)?,
                None => return Ok(all),
            }
        }
        Err(CarrierError::unavailable("its list of registrations has too many pages"))
    }

    /// The URL of a list's next page, which Twilio gives in full: the path at the host that is asked. No other host receives our
    /// credentials.
    fn next_messaging_page(&self, next: &str) -> Result<Url, CarrierError> {
        let next: Url = next.parse().map_err(|_| CarrierError::unavailable("its list has no next page"))?;
        let mut url = self.url_at(MESSAGING, &[]);
        url.set_path(next.path());
        url.set_query(next.query());
        Ok(url)
    }
}

#[derive(Deserialize)]
struct Page {
    meta: Meta,
    /// Under the name that `meta` tells.
    #[serde(flatten)]
    records: HashMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Meta {
    key: String,
    next_page_url: Option<String>,
}

#[derive(Deserialize)]
struct Service {
    sid: String,
    #[serde(default)]
    use_inbound_webhook_on_number: bool,
    inbound_request_url: Option<String>,
}

#[derive(Deserialize)]
struct PoolNumber {
    sid: String,
}

#[derive(Deserialize)]
struct Campaign {
    campaign_status: String,
    #[serde(default)]
    errors: Option<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
struct Verification {
    tollfree_phone_number_sid: String,
    status: String,
    rejection_reason: Option<String>,
}

impl Campaign {
    fn review(self) -> Review {
        match self.campaign_status.as_str() {
            "VERIFIED" => Review::Approved,
            "FAILED" => Review::Rejected(self.errors.as_deref().and_then(reasons)),
            "SUSPENDED" => Review::Suspended,
            // Unknown words are those of a review that goes on.
            _ => Review::Pending,
        }
    }
}

/// The reasons among a campaign's errors. Twilio does not document their fields.
fn reasons(errors: &[serde_json::Value]) -> Option<String> {
    let text = |error: &serde_json::Value| {
        let found = ["description", "message", "error_message"].iter().find_map(|name| error.get(name));
        let code = || error.get("error_code").and_then(serde_json::Value::as_u64);
        found.unwrap_or(error).as_str().map(str::to_owned).or_else(|| Some(format!("error {}", code()?)))
    };
    let all: Vec<String> = errors.iter().filter_map(text).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

impl Verification {
    fn review(&self) -> Review {
        match self.status.as_str() {
            "TWILIO_APPROVED" => Review::Approved,
            "TWILIO_REJECTED" => {
                Review::Rejected(self.rejection_reason.clone().filter(|reason| !reason.is_empty()))
            }
            _ => Review::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reviews_read_leniently() {
        let campaign = |json: &str| serde_json::from_str::<Campaign>(json).unwrap().review();
        assert_eq!(campaign(r#"{"campaign_status": "VERIFIED", "errors": null}"#), Review::Approved);
        assert_eq!(campaign(r#"{"campaign_status": "TELEPORTED"}"#), Review::Pending);
        assert_eq!(campaign(r#"{"campaign_status": "SUSPENDED", "errors": []}"#), Review::Suspended);
        let errors = r#"[{"error_code": 30886, "description": "No opt-in."}, "No samples.", {"error_code": 30896}, {"fields": ["X"]}]"#;
        let failed = campaign(&format!(r#"{{"campaign_status": "FAILED", "errors": {errors}}}"#));
        assert_eq!(failed, Review::Rejected(Some("No opt-in.; No samples.; error 30896".to_owned())));
        assert_eq!(campaign(r#"{"campaign_status": "FAILED", "errors": []}"#), Review::Rejected(None));
        let page: Page = serde_json::from_str(
            r#"{"services": [{"sid": "MG1", "inbound_request_url": null}], "meta": {"key": "services", "page": 0}}"#,
        )
        .unwrap();
        assert!(page.records.contains_key(&page.meta.key) && page.meta.next_page_url.is_none());
    }
}
