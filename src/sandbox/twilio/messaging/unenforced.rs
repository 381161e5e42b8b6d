//! Registrations that nobody submitted. While registration is not enforced, every American number may send messages; its lists say so,
//! because Twilio has no other way to tell: a Messaging Service that holds all numbers without one, an approved campaign of every
//! service without one, and an approved verification of every toll-free number without one. They are not stored and cannot be
//! changed; a number in this service can be added to another.

use serde_json::{Map, json};

use crate::sandbox::{
    state::{
        ProviderState,
        messaging::{PoolNumber, Registration, RegistrationDuty, RegistrationKind, Service},
    },
    stock::Kind,
};

const SERVICE: &str = "MG00000000000000000000000000000000";

fn is_enforced(state: &ProviderState) -> bool {
    state.messaging.settings.registration == RegistrationDuty::Enforced
}

/// Returns the service of an account's local numbers that are in no service. `None` if there is no such number.
pub(super) fn service(state: &ProviderState, account: &str) -> Option<Service> {
    if is_enforced(state) {
        return None;
    }
    let numbers = state.numbers.iter().filter(|number| {
        number.account == account
            && number.kind == Kind::Local
            && matches!(number.country.as_str(), "US" | "CA")
            && state.service_of(&number.sid).is_none()
    });
    let pool: Vec<PoolNumber> = numbers
        .map(|number| PoolNumber {
            serial: number.serial,
            number_sid: number.sid.clone(),
            added: number.created,
        })
        .collect();
    let created = pool.first()?.added;
    let mut members = Map::new();
    members.insert("friendly_name".to_owned(), json!("Numbers of the sandbox without a Messaging Service"));
    members.insert("use_inbound_webhook_on_number".to_owned(), json!(true));
    members.insert("inbound_request_url".to_owned(), json!(null));
    // Older than all others.
    Some(Service {
        serial: 0,
        account: account.to_owned(),
        sid: SERVICE.to_owned(),
        members,
        pool,
        created,
        updated: created,
    })
}

/// Returns the service with this SID, if it is the one of [`service`].
pub(super) fn service_with(state: &ProviderState, (account, sid): (&str, &str)) -> Option<Service> {
    // Before the pool is built: most reads are of other services.
    if sid == SERVICE { service(state, account) } else { None }
}

/// Returns the approved campaign of a service without a campaign.
pub(super) fn campaign(state: &ProviderState, account: &str, service_sid: &str) -> Option<Registration> {
    let mut services = state.messaging.services.iter();
    let is_known = service_sid == SERVICE
        || services.any(|service| service.sid == service_sid && service.account == account);
    let has_one = state
        .messaging
        .registrations
        .iter()
        .any(|known| known.kind == RegistrationKind::Campaign && known.subject_sid == service_sid);
    let is_shown = is_known && !has_one && !is_enforced(state);
    is_shown.then(|| Registration {
        serial: 0,
        sid: "QE00000000000000000000000000000000".to_owned(),
        account: account.to_owned(),
        kind: RegistrationKind::Campaign,
        subject_sid: service_sid.to_owned(),
        status: "VERIFIED".to_owned(),
        members: Map::new(),
        created: state.now(),
        updated: state.now(),
    })
}

/// Returns the approved verifications of toll-free numbers without a verification.
pub(super) fn verifications(state: &ProviderState, account: &str) -> Vec<Registration> {
    if is_enforced(state) {
        return Vec::new();
    }
    let numbers = state.numbers.iter().filter(|number| {
        let mut known = state.messaging.registrations.iter();
        number.account == account
            && number.kind == Kind::TollFree
            && !known.any(|known| known.subject_sid == number.sid)
    });
    numbers
        .map(|number| {
            let mut members = Map::new();
            members.insert("tollfree_phone_number_sid".to_owned(), json!(number.sid));
            Registration {
                serial: number.serial,
                sid: number.sid.replacen("PN", "HH", 1),
                account: account.to_owned(),
                kind: RegistrationKind::TollfreeVerification,
                subject_sid: number.sid.clone(),
                status: "TWILIO_APPROVED".to_owned(),
                members,
                created: number.created,
                updated: number.created,
            }
        })
        .collect()
}
