//! The account's numbers: buying, finding, configuring, releasing.
//!
//! Twilio has no idempotency key. A purchase of a number that the account owns already reportedly succeeds, and changes
//! the settings of that number. Therefore:
//! - Check before a purchase that the account does not own the number ([`Carrier::find`]).
//! - A purchase sets only the name, which carries our mark. If the answer is lost, the mark identifies the number.
//! - [`Carrier::buy`] distinguishes a number that is older than the request from one that the request bought.
//! - A second request sets the webhooks ([`Carrier::point`]), once the number is known to be ours.

mod emergency;
mod former;

pub use emergency::{DispatchAddress, EmergencyAddress};
pub use former::FormerSettings;

use serde::de::IgnoredAny;

use super::client::checked;
use super::wire::{Owned, OwnedPage};
use super::{Carrier, CarrierError, METHOD, NumberSettings, OwnedNumber, RECEIVE_MODE, Rejection};
use crate::domain::E164;

const NUMBERS: &str = "IncomingPhoneNumbers";
const NAME: &str = "FriendlyName";
/// The largest page size that Twilio accepts.
const PAGE_SIZE: &str = "1000";
/// A longer list counts as a loop of pages.
const MOST_PAGES: usize = 1000;

/// Result of a successful purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purchase {
    /// This request bought the number.
    New(OwnedNumber),
    /// The account already owned the number; the request only changed its name. An earlier request of ours bought it, or
    /// another user of the account did.
    Older(OwnedNumber),
}

impl Carrier {
    /// Buys exactly this number and sets only its name. Check first that the account does not own it.
    ///
    /// # Errors
    /// [`CarrierError`]. After an unknown outcome, look for the number with [`Self::find`].
    pub async fn buy(&self, number: &E164, name: &str) -> Result<Purchase, CarrierError> {
        // Never `AreaCode`: repeated after a lost answer, it would buy a second number.
        let form = [("PhoneNumber", number.as_str()), ("FriendlyName", name)];
        let answer = self.post_for_answer(self.url(&[NUMBERS]), &form).await?;
        let began = answer.request_began();
        let bought = answer.json::<Owned, Rejection>()?;
        match bought.read() {
            Some(bought) if bought.number == *number => {
                // Both times come from Twilio, so our own clock does not matter.
                let is_older = bought.created_at.zip(began).is_some_and(|(created, began)| created < began);
                Ok(if is_older { Purchase::Older(bought) } else { Purchase::New(bought) })
            }
            // Not a rejection: Twilio reports success, so something may have been bought.
            other => Err(CarrierError::OutcomeUnknown {
                reason: match other {
                    Some(other) => format!("it answered with another number, {}", other.sid),
                    None => "it answered without a number".to_owned(),
                },
            }),
        }
    }

    /// Finds the account's number with this exact E.164.
    ///
    /// # Errors
    /// [`CarrierError`], but never `Rejected`.
    pub async fn find(&self, number: &E164) -> Result<Option<OwnedNumber>, CarrierError> {
        // Twilio's filter also matches parts of numbers.
        let similar = self.list(Some(number)).await.map_err(CarrierError::of_search)?;
        Ok(similar.into_iter().find(|owned| owned.number == *number))
    }

    /// Fetches the account's number with this SID; `None` if it does not exist.
    ///
    /// # Errors
    /// [`CarrierError`], also if the answer has no number: `None` would report it as gone.
    pub async fn fetch(&self, sid: &str) -> Result<Option<OwnedNumber>, CarrierError> {
        match self.get::<Owned>(self.url(&[NUMBERS, checked(sid)?])).await {
            // An unreadable number still exists: `None` would report it as gone.
            Ok(owned) => owned
                .read()
                .map(Some)
                .ok_or_else(|| CarrierError::unavailable("it answered without a number")),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Configures a number and clears settings that would override ours (application, trunk). Returns the number read back
    /// afterwards: compare it, because Twilio ignores parameters that it does not know.
    ///
    /// # Errors
    /// [`CarrierError`]; the outcome is unknown until the number has been read back. Safe to repeat.
    pub async fn update(
        &self,
        sid: &str,
        settings: &NumberSettings,
        takes_texts: bool,
    ) -> Result<OwnedNumber, CarrierError> {
        let form = update_fields(settings, takes_texts);
        let _: IgnoredAny = self.post(self.url(&[NUMBERS, checked(sid)?]), &form).await?;
        self.read_back(sid).await
    }

    /// Configures a number but keeps its name. Returns the number from the answer. Its name shows which operation owned it at
    /// that moment: if two operations bought it, one mark remains.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn point(
        &self,
        sid: &str,
        settings: &NumberSettings,
        takes_texts: bool,
    ) -> Result<OwnedNumber, CarrierError> {
        // An omitted field stays as it is.
        let form: Vec<_> =
            update_fields(settings, takes_texts).into_iter().filter(|(name, _)| *name != NAME).collect();
        let stored: Owned = self.post(self.url(&[NUMBERS, checked(sid)?]), &form).await?;
        let nothing = || CarrierError::OutcomeUnknown { reason: "it answered without a number".to_owned() };
        stored.read().ok_or_else(nothing)
    }

    /// Removes our mark from a number that is not ours: sets the name to the number's digits. Returns whether it had the mark.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn unmark(&self, sid: &str, mark: &str) -> Result<bool, CarrierError> {
        // Read first: the other owner may have restored its own name since, which must stay.
        let Some(owned) = self.fetch(sid).await?.filter(|owned| owned.friendly_name == mark) else {
            return Ok(false);
        };
        let form = [("FriendlyName", owned.number.as_str())];
        let stored: Owned = self.post(self.url(&[NUMBERS, checked(sid)?]), &form).await?;
        match stored.read() {
            Some(stored) if stored.friendly_name != mark => Ok(true),
            _ => Err(CarrierError::OutcomeUnknown { reason: "the mark is still there".to_owned() }),
        }
    }

    /// Releases a number. A number that is already gone counts as released.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn release(&self, sid: &str) -> Result<(), CarrierError> {
        match self.delete(self.url(&[NUMBERS, checked(sid)?])).await {
            // Twilio answers a second `DELETE` with 404 too, so a repetition after a lost answer succeeds.
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(()),
            other => other,
        }
    }

    /// Lists all numbers of the account, without those that have no E.164 form, such as short codes: we buy none.
    ///
    /// # Errors
    /// [`CarrierError`]; never a partial list.
    pub async fn owned(&self) -> Result<Vec<OwnedNumber>, CarrierError> {
        self.list(None).await
    }

    async fn list(&self, like: Option<&E164>) -> Result<Vec<OwnedNumber>, CarrierError> {
        let mut url = self.url(&[NUMBERS]);
        url.query_pairs_mut().append_pair("PageSize", PAGE_SIZE);
        if let Some(number) = like {
            url.query_pairs_mut().append_pair("PhoneNumber", number.as_str());
        }
        let mut numbers = Vec::new();
        for _ in 0..MOST_PAGES {
            // Without retries for a single number: operations look for it, and retry their steps themselves.
            let page: OwnedPage = match like {
                Some(_) => self.get(url).await?,
                None => self.get_answer_with_retry(url).await?.json::<_, Rejection>()?,
            };
            // Skipped, an incomplete entry would look like a number that the account no longer owns.
            if !page.incoming_phone_numbers.iter().all(Owned::is_whole) {
                return Err(CarrierError::unavailable("its list of numbers has an incomplete entry"));
            }
            numbers.extend(page.incoming_phone_numbers.into_iter().filter_map(Owned::read));
            match page.next_page_uri.filter(|uri| !uri.is_empty()) {
                // Followed as given: Twilio rejects a `PageToken` that it did not issue (21481).
                Some(uri) => url = self.next_page(&uri)?,
                None => return Ok(numbers),
            }
        }
        Err(CarrierError::unavailable("its list of numbers has too many pages"))
    }
}

/// The form fields of the settings.
fn update_fields(settings: &NumberSettings, takes_texts: bool) -> Vec<(&'static str, &str)> {
    let mut fields: Vec<_> = settings.friendly_name.iter().map(|name| (NAME, name.as_str())).collect();
    fields.extend([
        ("VoiceUrl", settings.voice_url.as_str()),
        ("VoiceMethod", METHOD),
        ("VoiceFallbackUrl", settings.voice_fallback_url.as_str()),
        ("VoiceFallbackMethod", METHOD),
        ("StatusCallback", settings.status_callback.as_str()),
        ("StatusCallbackMethod", METHOD),
        ("VoiceReceiveMode", RECEIVE_MODE),
        // An empty value clears a setting, an omitted one stays. With an application or a trunk, Twilio ignores the voice
        // URLs.
        ("VoiceApplicationSid", ""),
        ("TrunkSid", ""),
    ]);
    // Not for other numbers: whether Twilio accepts them there is not documented.
    if takes_texts {
        fields.extend([
            ("SmsUrl", settings.sms_url.as_str()),
            ("SmsMethod", METHOD),
            ("SmsFallbackUrl", settings.sms_fallback_url.as_str()),
            ("SmsFallbackMethod", METHOD),
            ("SmsApplicationSid", ""),
        ]);
    }
    fields
}
