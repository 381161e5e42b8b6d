//! Addresses, and emergency addresses of numbers: `EmergencyAddressSid` of an update or a purchase.
//!
//! A registration and its removal are pending for a while. An address cannot be replaced: it is removed first. `EmergencyStatus` is
//! ignored, as at Twilio since 2021. Which code refuses a replacement is not documented; here it is 22222.

pub(super) mod addresses;

use super::{
    super::state::{
        Number, ProviderState,
        emergency::{Registration, RegistrationStatus as Status},
    },
    Fields, TwilioError,
};

/// Countries whose numbers can be registered.
const COUNTRIES: &[&str] = &["US", "CA", "GB"];

/// Returns the registration of a number with these fields applied.
///
/// # Errors
/// 400 with Twilio's code.
pub(super) fn apply(
    state: &ProviderState,
    number: &Number,
    fields: &Fields,
) -> Result<Registration, TwilioError> {
    let refuse = |code, message: &str| Err(TwilioError::bad_request(code, message));
    let current = &number.emergency;
    let Some(wanted) = fields.get("EmergencyAddressSid") else { return Ok(current.clone()) };
    let due = Some(state.registration_due());
    let settings = &state.emergency.settings;
    if wanted.is_empty() {
        return match current.status {
            Status::Unregistered | Status::PendingUnregistration => Ok(current.clone()),
            Status::PendingRegistration => refuse(22222, "The emergency address is being registered"),
            Status::Registered | Status::RegistrationFailure | Status::UnregistrationFailure => {
                let (status, fails) = (Status::PendingUnregistration, settings.unregistrations_fail);
                Ok(Registration { status, due, fails, ..current.clone() })
            }
        };
    }
    let is_same = current.address_sid.as_deref() == Some(wanted);
    if is_same && matches!(current.status, Status::Registered | Status::PendingRegistration) {
        return Ok(current.clone());
    }
    if !matches!(current.status, Status::Unregistered | Status::RegistrationFailure) {
        return refuse(22222, "The number has an emergency address, which must be removed first");
    }
    if !COUNTRIES.contains(&number.country.as_str()) {
        return refuse(22402, "Emergency calling is not available for numbers of this country");
    }
    if !number.setting("trunk_sid").is_empty() {
        return refuse(21634, "A number on a SIP trunk cannot have an emergency address");
    }
    match state.address(&number.account, wanted) {
        None => refuse(18014, "EmergencyAddressSid is not an address of this account"),
        Some(address) if !address.is_for_emergencies() => {
            refuse(18015, "EmergencyAddressSid is an address without EmergencyEnabled")
        }
        Some(address) if address.setting("iso_country") != number.country => {
            refuse(18013, "The emergency address must be in the number's country")
        }
        Some(address) => Ok(Registration {
            address_sid: Some(address.sid.clone()),
            status: Status::PendingRegistration,
            due,
            fails: settings.registrations_fail,
        }),
    }
}
