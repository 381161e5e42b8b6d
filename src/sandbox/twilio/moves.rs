//! Moves of a number between accounts of one parent: an update of the number with the SID of another account.
//!
//! The number keeps its SID, its name and its URLs. Its trunk, its applications and its place in a Messaging Service belong to the
//! former account, so that it loses them. Nothing is changed unless the whole update is valid.

use axum::http::StatusCode;

use super::{
    super::{
        state::{Number, Obstacle, ProviderState},
        stock::{self, Requirement},
    },
    Caller, Fields, TwilioError,
    settings::{self, is_sid},
};

/// Settings that name objects of an account.
const OF_THE_ACCOUNT: &[&str] = &[
    "trunk_sid",
    "voice_application_sid",
    "sms_application_sid",
    "address_sid",
    "bundle_sid",
    "identity_sid",
];

/// Moves a number to the account in the field `AccountSid`, with the other fields applied.
///
/// # Errors
/// 400 with Twilio's code; nothing is changed then.
pub(super) fn apply(
    state: &mut ProviderState,
    caller: &Caller,
    number: &Number,
    target: &str,
    fields: &Fields,
) -> Result<Number, TwilioError> {
    check_target(state, caller, number, target)?;
    obstacle(number).map_or(Ok(()), Err)?;
    let requirement = stock::find(&number.phone_number).map_or(Requirement::Nothing, |item| item.requirement);
    match requirement {
        Requirement::Bundle if fields.filled("BundleSid").is_none() => {
            return refuse(21649, "Bundle required");
        }
        Requirement::AnyAddress if fields.filled("AddressSid").is_none() => {
            return refuse(21631, "Phone Number requires an Address in the target account");
        }
        _ => {}
    }
    let mut kept = number.settings.clone();
    kept.retain(|name, _| !OF_THE_ACCOUNT.contains(&name.as_str()));
    let settings = settings::apply(fields, &kept)?;
    let now = state.now();
    let mut moved = number.clone();
    target.clone_into(&mut moved.account);
    moved.settings = settings;
    moved.updated = now;
    if let Some(record) = state.numbers.iter_mut().find(|known| known.sid == moved.sid) {
        record.clone_from(&moved);
    }
    for service in &mut state.messaging.services {
        service.pool.retain(|member| member.number_sid != moved.sid);
    }
    // The months of a number are on the bill of the account that owns it.
    for charge in state.charges.iter_mut().filter(|charge| charge.number_sid == moved.sid) {
        target.clone_into(&mut charge.account);
    }
    state.counters.moves += 1;
    Ok(moved)
}

fn refuse<T>(code: u32, message: &str) -> Result<T, TwilioError> {
    Err(TwilioError::bad_request(code, message))
}

fn check_target(
    state: &ProviderState,
    caller: &Caller,
    number: &Number,
    target: &str,
) -> Result<(), TwilioError> {
    if !is_sid(target, "AC") {
        return refuse(21470, "AccountSid is not valid");
    }
    let Some(account) = state.account(target) else {
        return refuse(21471, "The account in AccountSid does not exist");
    };
    if !state.is_active(target) {
        return refuse(21472, "The account in AccountSid is not active");
    }
    let parent = state.account(&number.account).map(|owner| owner.owner_sid.as_str());
    if parent != Some(&account.owner_sid) {
        return refuse(21473, "The accounts are not related");
    }
    if caller.is_key || Some(caller.account.as_str()) != parent {
        return refuse(21474, "Only the parent account can move a number");
    }
    Ok(())
}

/// Returns why a number can be neither moved nor released. For an emergency address Twilio's code is known by its title only; for the
/// others it is not documented.
pub(super) fn obstacle(number: &Number) -> Option<TwilioError> {
    if !number.emergency.is_clear() {
        return Some(TwilioError::bad_request(
            21634,
            "The emergency address of the number must be removed first",
        ));
    }
    Some(match number.obstacle? {
        Obstacle::HostingOrder => TwilioError::bad_request(22121, "The hosted number order is not complete"),
        Obstacle::PortOut => {
            TwilioError::new(StatusCode::CONFLICT, 20009, "The number is being ported to another carrier")
        }
    })
}
