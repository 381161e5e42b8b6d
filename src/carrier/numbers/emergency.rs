//! Addresses for emergency calls, and the registration of a number with one. An address costs nothing, a registration does by the
//! month (Twilio's documentation of emergency calling).
//!
//! Twilio has no idempotency key here either. The name of an address identifies it: look for it first ([`Carrier::find_address`]).

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{NAME, NUMBERS, checked};
use crate::carrier::{Carrier, CarrierError, Rejection};

const ADDRESSES: &str = "Addresses";
/// The address of a registration, by Twilio's name.
const ADDRESS: &str = "EmergencyAddressSid";

/// An address that emergency services can be sent to.
#[derive(Debug, Clone)]
pub struct DispatchAddress<'a> {
    /// The carrier's name of the address, at most 32 characters, which no other address of the account has.
    pub name: &'a str,
    /// The customer's name.
    pub customer_name: &'a str,
    /// Street, city, state, postal code, country.
    pub place: [&'a str; 5],
}

/// How far the registration of a number with an emergency address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmergencyRegistration {
    /// The number has no address.
    None,
    /// The carrier is registering or removing one.
    Pending,
    /// The number is registered with the address of this id, `AD…`.
    Registered(String),
    /// The carrier could not register or remove an address.
    Failed,
}

#[derive(Deserialize)]
struct AddressPage {
    addresses: Vec<StoredAddress>,
}

#[derive(Deserialize)]
struct StoredAddress {
    sid: Option<String>,
    friendly_name: Option<String>,
}

#[derive(Deserialize)]
struct RegisteredNumber {
    emergency_address_sid: Option<String>,
    emergency_address_status: Option<String>,
}

impl Carrier {
    /// Finds the account's address with exactly this name. Returns the carrier's id of it, `AD…`.
    ///
    /// # Errors
    /// [`CarrierError`], but never `Rejected` for a definitive reason.
    pub async fn find_address(&self, name: &str) -> Result<Option<String>, CarrierError> {
        let mut url = self.url(&[ADDRESSES]);
        url.query_pairs_mut().append_pair(NAME, name);
        let page: AddressPage = self.get(url).await.map_err(CarrierError::of_search)?;
        let named = page.addresses.into_iter().find(|known| known.friendly_name.as_deref() == Some(name));
        Ok(named.and_then(|known| known.sid))
    }

    /// Creates an address for emergency calls, or changes the one with this id. Returns the carrier's id of it.
    ///
    /// # Errors
    /// [`CarrierError`]. A rejection tells why the carrier does not accept the address. After an unknown outcome, look for it with
    /// [`Self::find_address`].
    pub async fn store_address(
        &self,
        sid: Option<&str>,
        address: &DispatchAddress<'_>,
    ) -> Result<String, CarrierError> {
        let [street, city, region, postal_code, country] = address.place;
        let mut form = vec![
            (NAME, address.name),
            ("CustomerName", address.customer_name),
            ("Street", street),
            ("City", city),
            ("Region", region),
            ("PostalCode", postal_code),
            ("EmergencyEnabled", "true"),
        ];
        let url = match sid {
            Some(sid) => self.url(&[ADDRESSES, checked(sid)?]),
            None => {
                // Cannot be changed later.
                form.push(("IsoCountry", country));
                self.url(&[ADDRESSES])
            }
        };
        let stored: StoredAddress = self.post(url, &form).await?;
        let nothing = || CarrierError::OutcomeUnknown { reason: "it answered without an address".to_owned() };
        stored.sid.filter(|sid| !sid.is_empty()).ok_or_else(nothing)
    }

    /// How far the registration of a number with an emergency address is; `None` if the account does not have the number.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn emergency_registration(
        &self,
        number_sid: &str,
    ) -> Result<Option<EmergencyRegistration>, CarrierError> {
        match self.get::<RegisteredNumber>(self.url(&[NUMBERS, checked(number_sid)?])).await {
            Ok(number) => Ok(Some(number.read())),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for the registration of a number with an address. It takes minutes: [`Self::emergency_registration`] tells.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn register_emergency_address(
        &self,
        number_sid: &str,
        address_sid: &str,
    ) -> Result<(), CarrierError> {
        let form = [(ADDRESS, checked(address_sid)?)];
        let _: IgnoredAny = self.post(self.url(&[NUMBERS, checked(number_sid)?]), &form).await?;
        Ok(())
    }

    /// Asks for the removal of a number's emergency address. It takes minutes: [`crate::carrier::OwnedNumber::emergency_address`]
    /// tells.
    ///
    /// # Errors
    /// [`CarrierError`]; safe to repeat.
    pub async fn clear_emergency_address(&self, sid: &str) -> Result<(), CarrierError> {
        let form = [(ADDRESS, "")];
        let _: IgnoredAny = self.post(self.url(&[NUMBERS, checked(sid)?]), &form).await?;
        Ok(())
    }
}

impl RegisteredNumber {
    fn read(self) -> EmergencyRegistration {
        let address = self.emergency_address_sid.filter(|sid| !sid.is_empty());
        match self.emergency_address_status.as_deref().unwrap_or_default() {
            "pending-registration" | "pending-unregistration" => EmergencyRegistration::Pending,
            "registration-failure" | "unregistration-failure" => EmergencyRegistration::Failed,
            "registered" => address.map_or(EmergencyRegistration::Pending, EmergencyRegistration::Registered),
            // A status that Twilio may add says nothing: with an address, something goes on.
            _ if address.is_some() => EmergencyRegistration::Pending,
            _ => EmergencyRegistration::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_read_from_status_and_address() {
        let read = |sid: Option<&str>, status: Option<&str>| {
            let [emergency_address_sid, emergency_address_status] =
                [sid, status].map(|text| text.map(str::to_owned));
            RegisteredNumber { emergency_address_sid, emergency_address_status }.read()
        };
        let registered = EmergencyRegistration::Registered("AD1".to_owned());
        assert_eq!(read(Some("AD1"), Some("registered")), registered);
        assert_eq!(read(Some("AD1"), Some("pending-registration")), EmergencyRegistration::Pending);
        assert_eq!(read(Some("AD1"), Some("registration-failure")), EmergencyRegistration::Failed);
        assert_eq!(read(None, Some("unregistered")), EmergencyRegistration::None);
        assert_eq!(read(Some(""), None), EmergencyRegistration::None);
        assert_eq!(read(Some("AD1"), Some("a-new-word")), EmergencyRegistration::Pending);
    }
}
