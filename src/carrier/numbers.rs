//! The numbers we own: buying, finding, setting, giving back.
//!
//! Twilio has no idempotency key, and is reported to answer the purchase of a number that the account owns already with
//! success, applying what the request says to it. So a purchase says as little as it can: its number, and a mark as the name by
//! which it can be found again when its answer was lost. Where the number sends its calls is set by a second request
//! ([`Carrier::point`]), once it is known whose the number is. Whoever buys looks first whether the account owns the number
//! ([`Carrier::find`]), and [`Carrier::buy`] tells a number that is older than the request from one that the request bought.

use serde::de::IgnoredAny;

use super::client::checked;
use super::wire::{Owned, OwnedPage};
use super::{Carrier, CarrierError, METHOD, NumberSettings, OwnedNumber, RECEIVE_MODE, Rejection};
use crate::domain::E164;

const NUMBERS: &str = "IncomingPhoneNumbers";
/// Twilio's largest page.
const PAGE_SIZE: &str = "1000";
/// A list that goes on longer is taken for one that goes in circles.
const MOST_PAGES: usize = 1000;

/// What the carrier has sold us, or says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purchase {
    /// The number, bought by this request.
    New(OwnedNumber),
    /// The account owned the number before this request, which has only changed its settings: an earlier request of ours
    /// bought it, or somebody else with this account.
    Older(OwnedNumber),
}

impl Carrier {
    /// Buys exactly this number under a name, and sets nothing else. Make sure first that the account does not own it.
    ///
    /// # Errors
    /// [`CarrierError`]; after an unknown outcome, [`Self::find`] tells.
    pub async fn buy(&self, number: &E164, name: &str) -> Result<Purchase, CarrierError> {
        let form = [("PhoneNumber", number.as_str()), ("FriendlyName", name)];
        let answer = self.post_for_answer(self.url(&[NUMBERS]), &form).await?;
        let began = answer.request_began();
        let bought = answer.json::<Owned, Rejection>()?;
        match bought.read() {
            Some(bought) if bought.number == *number => {
                let is_older = bought.created_at.zip(began).is_some_and(|(created, began)| created < began);
                Ok(if is_older { Purchase::Older(bought) } else { Purchase::New(bought) })
            }
            other => Err(CarrierError::OutcomeUnknown {
                reason: match other {
                    Some(other) => format!("it answered with another number, {}", other.sid),
                    None => "it answered without a number".to_owned(),
                },
            }),
        }
    }

    /// The number if we own it, by its exact E.164.
    ///
    /// # Errors
    /// [`CarrierError`], but never a verdict: a list that was refused says nothing about the number.
    pub async fn find(&self, number: &E164) -> Result<Option<OwnedNumber>, CarrierError> {
        // Twilio's filter also matches parts of numbers.
        let similar = self.list(Some(number)).await.map_err(CarrierError::of_search)?;
        Ok(similar.into_iter().find(|owned| owned.number == *number))
    }

    /// The number with this carrier's id, if we own it.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn fetch(&self, sid: &str) -> Result<Option<OwnedNumber>, CarrierError> {
        match self.get::<Owned>(self.url(&[NUMBERS, checked(sid)?])).await {
            // It exists, so it must not pass for one that is gone.
            Ok(owned) => owned
                .read()
                .map(Some)
                .ok_or_else(|| CarrierError::unavailable("it answered without a number")),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a number's settings, clearing what would shadow them (application, trunk), and returns how
    /// the number stands afterwards: compare before believing.
    ///
    /// # Errors
    /// [`CarrierError`]; unknown as long as the number was not read back. Safe to repeat.
    pub async fn update(&self, sid: &str, settings: &NumberSettings) -> Result<OwnedNumber, CarrierError> {
        let form = update_fields(settings);
        let _: IgnoredAny = self.post(self.url(&[NUMBERS, checked(sid)?]), &form).await?;
        match self.fetch(sid).await {
            Ok(standing) => standing.ok_or(CarrierError::Rejected(Rejection::NotFound)),
            Err(error) => {
                Err(CarrierError::OutcomeUnknown { reason: format!("set, but not read back: {error}") })
            }
        }
    }

    /// Sets where a number sends its calls, but not its name, and returns how the number stands afterwards. The name in that
    /// answer says whose the number was when it was pointed: whoever is named there later finds it pointed already.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn point(&self, sid: &str, settings: &NumberSettings) -> Result<OwnedNumber, CarrierError> {
        let [_name, form @ ..] = update_fields(settings);
        let standing: Owned = self.post(self.url(&[NUMBERS, checked(sid)?]), &form).await?;
        let nothing = || CarrierError::OutcomeUnknown { reason: "it answered without a number".to_owned() };
        standing.read().ok_or_else(nothing)
    }

    /// Takes a mark off a number that is somebody else's, if it still bears it, and gives it its own digits for a name, so that
    /// nobody here takes it for ours. Returns whether it bore the mark.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn unmark(&self, sid: &str, mark: &str) -> Result<bool, CarrierError> {
        let Some(owned) = self.fetch(sid).await?.filter(|owned| owned.friendly_name == mark) else {
            return Ok(false);
        };
        let form = [("FriendlyName", owned.number.as_str())];
        let standing: Owned = self.post(self.url(&[NUMBERS, checked(sid)?]), &form).await?;
        match standing.read() {
            Some(standing) if standing.friendly_name != mark => Ok(true),
            _ => Err(CarrierError::OutcomeUnknown { reason: "the mark is still there".to_owned() }),
        }
    }

    /// Gives a number back. One that is gone already counts as given back.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn release(&self, sid: &str) -> Result<(), CarrierError> {
        match self.delete(self.url(&[NUMBERS, checked(sid)?])).await {
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(()),
            other => other,
        }
    }

    /// Every number we own, all pages. What is no E.164 number is left out: it cannot be one we bought.
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
            // A single number is looked for by operations, which repeat their steps themselves.
            let page: OwnedPage = match like {
                Some(_) => self.get(url).await?,
                None => self.get_answer_with_retry(url).await?.json::<_, Rejection>()?,
            };
            if !page.incoming_phone_numbers.iter().all(Owned::is_whole) {
                return Err(CarrierError::unavailable("its list of numbers is in pieces"));
            }
            numbers.extend(page.incoming_phone_numbers.into_iter().filter_map(Owned::read));
            match page.next_page_uri.filter(|uri| !uri.is_empty()) {
                Some(uri) => url = self.next_page(&uri)?,
                None => return Ok(numbers),
            }
        }
        Err(CarrierError::unavailable("its list of numbers does not end"))
    }
}

/// The name first.
fn update_fields(settings: &NumberSettings) -> [(&'static str, &str); 10] {
    [
        ("FriendlyName", &settings.friendly_name),
        ("VoiceUrl", settings.voice_url.as_str()),
        ("VoiceMethod", METHOD),
        ("VoiceFallbackUrl", settings.voice_fallback_url.as_str()),
        ("VoiceFallbackMethod", METHOD),
        ("StatusCallback", settings.status_callback.as_str()),
        ("StatusCallbackMethod", METHOD),
        ("VoiceReceiveMode", RECEIVE_MODE),
        ("VoiceApplicationSid", ""),
        ("TrunkSid", ""),
    ]
}
