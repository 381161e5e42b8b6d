//! The REST client.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::{CarrierCall, CarrierError, NumberOnSale, NumberSearch, NumberSettings, OwnedNumber};
use crate::domain::E164;

/// How to reach the carrier.
#[derive(Debug, Clone)]
pub struct CarrierConfig {
    /// `https://api.twilio.com`, or where it is emulated.
    pub base_url: Url,
    /// `AC…`
    pub account_sid: String,
    /// The account's primary auth token.
    pub auth_token: SecretString,
    /// For a whole request, connecting included.
    pub timeout: Duration,
}

/// Twilio's REST API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Carrier {}

impl Carrier {
    /// A client; reaches nothing yet.
    ///
    /// # Errors
    /// When the machine has no certificate authorities to trust.
    pub fn new(_config: CarrierConfig) -> Result<Self, CarrierError> {
        todo!()
    }

    /// Numbers on sale; empty when there are none, or none of this kind in the country.
    ///
    /// # Errors
    /// [`CarrierError`]; reading has no unknown outcome.
    pub async fn search(&self, _search: &NumberSearch) -> Result<Vec<NumberOnSale>, CarrierError> {
        todo!()
    }

    /// Buys exactly this number, with its settings, in one request.
    ///
    /// # Errors
    /// [`CarrierError`]; after an unknown outcome, [`Self::find`] tells.
    pub async fn buy(&self, _number: &E164, _settings: &NumberSettings) -> Result<OwnedNumber, CarrierError> {
        todo!()
    }

    /// The number if we own it, by its exact E.164.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn find(&self, _number: &E164) -> Result<Option<OwnedNumber>, CarrierError> {
        todo!()
    }

    /// The number with this carrier's id, if we own it.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn fetch(&self, _sid: &str) -> Result<Option<OwnedNumber>, CarrierError> {
        todo!()
    }

    /// Sets a number's settings, clearing what would shadow them (application, trunk).
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn update(&self, _sid: &str, _settings: &NumberSettings) -> Result<OwnedNumber, CarrierError> {
        todo!()
    }

    /// Gives a number back. One that is gone already counts as given back.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn release(&self, _sid: &str) -> Result<(), CarrierError> {
        todo!()
    }

    /// Every number we own, all pages.
    ///
    /// # Errors
    /// [`CarrierError`]; never a partial list.
    pub async fn owned(&self) -> Result<Vec<OwnedNumber>, CarrierError> {
        todo!()
    }

    /// A call, if the carrier knows it.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn call(&self, _sid: &str) -> Result<Option<CarrierCall>, CarrierError> {
        todo!()
    }
}
