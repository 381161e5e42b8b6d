//! Addresses for emergency calls, and the registration of a number with one. An address costs nothing, a registration does by the
//! month (Twilio's documentation of emergency calling).
//!
//! Twilio has no idempotency key here either. The name of an address identifies it: look for it first ([`Carrier::find_address`]).

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{NAME, NUMBERS, checked};
use crate::carrier::{Carrier, CarrierError};

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

/// The address that emergency services are sent to when the number calls them. The carrier does not release a number that has
/// one, and takes minutes to register and to remove it (Twilio's documentation of emergency calling).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmergencyAddress {
    /// The number has none.
    None,
    /// One is being registered, and cannot be removed before that has ended.
    BeingRegistered,
    /// The number is registered with the address of this id, `AD…`.
    Registered(String),
    /// The carrier could not register it.
    NotRegistered,
    /// It is being removed.
    BeingRemoved,
    /// The carrier could not remove it.
    NotRemoved,
    /// The number has one, with a status that we do not know, or is registered with one that the carrier does not name.
    Unclear,
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

    /// Asks for the registration of a number with an address. It takes minutes:
    /// [`crate::carrier::OwnedNumber::emergency_address`] tells.
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

impl EmergencyAddress {
    /// Reads the id and the status of a number's address.
    pub(in crate::carrier) fn read(sid: Option<String>, status: &str) -> Self {
        match (status, sid) {
            ("pending-registration", _) => Self::BeingRegistered,
            ("registration-failure", Some(_)) => Self::NotRegistered,
            ("pending-unregistration", _) => Self::BeingRemoved,
            ("unregistration-failure", _) => Self::NotRemoved,
            ("registered", Some(sid)) => Self::Registered(sid),
            // A status that Twilio may add says nothing: the address itself decides.
            ("registered", None) | (_, Some(_)) => Self::Unclear,
            // Also after a failed registration: there is nothing to remove.
            (_, None) => Self::None,
        }
    }

    /// Whether the carrier can be asked to remove it now.
    #[must_use]
    pub fn is_removable(&self) -> bool {
        matches!(self, Self::Registered(_) | Self::NotRegistered | Self::Unclear)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_an_address_counts_and_the_address_where_it_says_nothing() {
        let read = |sid: Option<&str>, status: &str| EmergencyAddress::read(sid.map(str::to_owned), status);
        assert_eq!(read(Some("AD1"), "registered"), EmergencyAddress::Registered("AD1".to_owned()));
        assert_eq!(read(Some("AD1"), "pending-registration"), EmergencyAddress::BeingRegistered);
        assert_eq!(read(Some("AD1"), "registration-failure"), EmergencyAddress::NotRegistered);
        assert_eq!(read(None, "pending-unregistration"), EmergencyAddress::BeingRemoved);
        assert_eq!(read(Some("AD1"), "unregistration-failure"), EmergencyAddress::NotRemoved);
        assert_eq!(read(Some("AD1"), "a-new-word"), EmergencyAddress::Unclear);
        assert_eq!(read(Some("AD1"), "unregistered"), EmergencyAddress::Unclear);
        assert_eq!(read(None, "registered"), EmergencyAddress::Unclear);
        assert_eq!(read(None, "registration-failure"), EmergencyAddress::None);
        assert_eq!([read(None, "unregistered"), read(None, "")], [const { EmergencyAddress::None }; 2]);
    }
}
