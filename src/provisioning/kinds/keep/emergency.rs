//! The emergency address of a ported number, if the request asks for one. It is created at the carrier once the port is requested,
//! before the personal data is deleted, and the number is registered with it once it takes calls.
//!
//! The carrier knows no idempotency keys: the address is named by the id of the kept number, and looked for before it is created.
//! A repeated request for the port changes that address.
//!
//! A number that is given up meanwhile is not registered: that would cost a fee for a number that nobody uses.
//!
//! Neither the port nor the calls wait for an address. What goes wrong with it is told when the port is done.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::super::{number_of, present, read_data, write_data};
use super::follow::{REFUSED, canceled, superseded};
use super::port::{PortData, PortProgress};
use super::stored::{order_of, unreadable};
use super::words;
use crate::carrier::{Carrier, CarrierError, DispatchAddress, EmergencyAddress, PortCancellation, Rejection};
use crate::domain::{
    KeptNumber, KeptNumberState, KeptUpdate, NumberStatus, Operation, PhoneNumber, Refusal, RefusalCode, Step,
};
use crate::provisioning::outcome::{Outcome, Pause, Progress, unsettled_for};
use crate::provisioning::refusals::unsettled;
use crate::provisioning::{Provisioning, provider_refusal};
use crate::store::{Effect, StoreError};

/// How long an unavailable carrier is asked to create an address or to register the number with it.
const LONGEST: TimeDelta = TimeDelta::hours(1);
/// How often the carrier is asked how far the registration is.
const EVERY: Duration = Duration::from_secs(15);
/// Pause before the step that creates an address goes on after a cancellation that the carrier refused or did not answer.
const SOON: Duration = Duration::from_secs(5);

/// How far the emergency address of a ported number is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AddressPlan {
    /// The request does not ask for one.
    #[default]
    NotWanted,
    /// It is to be created once the carrier has the port.
    Wanted,
    /// It is being created, until then.
    Creating(DateTime<Utc>),
    /// The carrier has the address of this id.
    Created(String),
    /// The number is being registered with the address.
    Registering(Registering),
    /// There is none, for this reason.
    Missing(String),
}

/// A registration under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registering {
    /// The carrier's id of the address.
    address: String,
    /// When it is given up.
    until: DateTime<Utc>,
    /// Whether the carrier has accepted the request: it is not asked again.
    is_accepted: bool,
}

impl AddressPlan {
    pub(super) const fn wanted(is_wanted: bool) -> Self {
        if is_wanted { Self::Wanted } else { Self::NotWanted }
    }

    /// The plan once the carrier has the port.
    pub(super) fn creating(now: DateTime<Utc>) -> Self {
        Self::Creating(now + LONGEST)
    }
}

/// The operation's progress with this plan.
fn planned(operation: &Operation, plan: AddressPlan) -> Result<Progress, StoreError> {
    let mut data: PortProgress = read_data(operation)?;
    data.address = plan;
    Ok(Progress { data: write_data(&data), ..Progress::of(operation) })
}

/// The next step after the address, of which the personal data is no longer needed.
fn created(operation: &Operation, plan: AddressPlan) -> Result<Outcome, StoreError> {
    if let AddressPlan::Missing(why) = &plan {
        warn!(operation = %operation.id, why, "the emergency address of a ported number was not created");
    }
    let change = KeptUpdate { forgets_order: true, ..KeptUpdate::default() };
    let progress = planned(operation, plan)?.with([Effect::KeptNumber(Box::new(change))]);
    Ok(Outcome::Next(Step::FollowPort, progress))
}

/// Step: create the address.
pub(super) async fn create_address(
    driver: &Provisioning,
    operation: &Operation,
) -> Result<Outcome, StoreError> {
    let Some(kept) = driver.0.store.kept_of_port(operation.id).await? else {
        return Ok(superseded(operation));
    };
    let AddressPlan::Creating(until) = read_data::<PortProgress>(operation)?.address else {
        return Err(StoreError::Corrupt { table: "operations", column: "data" });
    };
    let is_late = driver.0.clock.now() > until;
    // Before the address: a port that ends needs none.
    if kept.is_cancel_wanted {
        return cancellation(driver, operation, &kept, is_late).await;
    }
    let order = match order_of(driver, &kept).await? {
        Ok(order) => order,
        Err(_) if is_late => {
            let why = "this server could not decrypt the address";
            return created(operation, AddressPlan::Missing(why.to_owned()));
        }
        Err(_) => return Ok(unreadable(operation, Progress::of(operation))),
    };
    let failure = match store_address(driver, operation, (&kept, &order), is_late).await {
        Ok(Some(sid)) => return created(operation, AddressPlan::Created(sid)),
        Ok(None) => {
            return Ok(Outcome::WaitUntil(Pause {
                because: unsettled::<Rejection>(),
                progress: Progress::of(operation),
                wait: unsettled_for(operation, driver.0.clock.now()).unwrap_or_default(),
                outcome_unknown: false,
            }));
        }
        Err(failure) => failure,
    };
    let because = provider_refusal(&failure);
    // An address that was found is gone since: the next attempt creates another.
    let is_verdict = failure.is_definitive() && failure != CarrierError::Rejected(Rejection::NotFound);
    if is_verdict {
        return created(operation, AddressPlan::Missing(words::address_refused(&failure, because)));
    }
    if is_late {
        return created(operation, AddressPlan::Missing(because.message));
    }
    Ok(Outcome::retry_endlessly(because, Progress::of(operation)))
}

/// Cancels the port at the carrier. When it is late, that is left to the step that follows the port, and there is no address.
async fn cancellation(
    driver: &Provisioning,
    operation: &Operation,
    kept: &KeptNumber,
    is_late: bool,
) -> Result<Outcome, StoreError> {
    let missing = StoreError::Corrupt { table: "kept_numbers", column: "port_sid" };
    let sid = kept.port_sid.as_deref().ok_or(missing)?;
    let (because, change) = match driver.carrier().cancel_port(sid).await {
        Ok(PortCancellation::Done) => return Ok(canceled(operation)),
        // The port goes on, and so does its address.
        Ok(PortCancellation::Refused(why)) => {
            let why = format!("{REFUSED}: {why}");
            let detail = Some(Some(why.clone()));
            let change = KeptUpdate { detail, stops_cancel: true, ..KeptUpdate::default() };
            (Refusal::new(RefusalCode::CarrierRejected, why), change)
        }
        Err(_) if is_late => {
            let why = "the port was to be canceled before the carrier had the address";
            return created(operation, AddressPlan::Missing(why.to_owned()));
        }
        Err(failure) => (provider_refusal(&failure), KeptUpdate::default()),
    };
    let news = (change != KeptUpdate::default()).then(|| Effect::KeptNumber(Box::new(change)));
    let progress = Progress::of(operation).with(news);
    Ok(Outcome::WaitUntil(Pause { because, progress, wait: SOON, outcome_unknown: false }))
}

/// Creates the address, or changes the one that an earlier request created; `None` while such a request may still succeed. When it
/// is late, none is created any more.
async fn store_address(
    driver: &Provisioning,
    operation: &Operation,
    (kept, order): (&KeptNumber, &PortData),
    is_late: bool,
) -> Result<Option<String>, CarrierError> {
    let name = kept.id.0.simple().to_string();
    let address = DispatchAddress {
        name: &name,
        customer_name: &order.customer_name,
        place: [&order.street, &order.city, &order.region, &order.postal_code, "US"],
    };
    // Ports are requested for the platform's account.
    let carrier = driver.carrier();
    let known = carrier.find_address(&name).await?;
    if known.is_none() && unsettled_for(operation, driver.0.clock.now()).is_some() {
        return Ok(None);
    }
    if known.is_none() && is_late {
        return Err(CarrierError::unavailable("it has not created the address in time"));
    }
    carrier.store_address(known.as_deref(), &address).await.map(Some)
}

/// The ported number takes calls: the port is done, unless it is to be registered with an address.
pub(super) fn takes_calls(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    match read_data::<PortProgress>(operation)?.address {
        AddressPlan::NotWanted => Ok(done(operation, None)),
        AddressPlan::Created(address) => {
            let until = driver.0.clock.now() + LONGEST;
            let plan = AddressPlan::Registering(Registering { address, until, is_accepted: false });
            let detail =
                "the number takes calls, and its emergency address is being registered, which takes minutes";
            let change = KeptUpdate { detail: Some(Some(detail.to_owned())), ..KeptUpdate::default() };
            let progress = planned(operation, plan)?.with([Effect::KeptNumber(Box::new(change))]);
            Ok(Outcome::Next(Step::RegisterAddress, progress))
        }
        AddressPlan::Missing(why) => Ok(unregistered(operation, &why)),
        // Neither can be: the step that creates the address leaves it behind, and this step comes once.
        AddressPlan::Wanted | AddressPlan::Creating(_) | AddressPlan::Registering(_) => {
            Err(StoreError::Corrupt { table: "operations", column: "data" })
        }
    }
}

/// Step: register the number with its address.
pub(super) async fn register_address(
    driver: &Provisioning,
    operation: &Operation,
) -> Result<Outcome, StoreError> {
    let AddressPlan::Registering(known) = read_data::<PortProgress>(operation)?.address else {
        return Err(StoreError::Corrupt { table: "operations", column: "data" });
    };
    let number = number_of(driver, operation).await?;
    if is_given_up(&number) {
        return Ok(given_up(operation, "Nothing more is done about its emergency address."));
    }
    let sid = present(number.sid.clone(), "phone_numbers")?;
    let now = driver.0.clock.now();
    let (is_late, is_settled) = (now > known.until, unsettled_for(operation, now).is_none());
    let may_ask = !known.is_accepted && !is_late && is_settled;
    let state = match driver.carrier_of(&number).await {
        Ok(carrier) => registration(&carrier, &sid, &known.address, may_ask).await,
        Err(failure) => Err(failure),
    };
    let outcome_unknown = matches!(state, Err(CarrierError::OutcomeUnknown { .. }));
    let waiting = |why: &str| Refusal::new(RefusalCode::CarrierUnavailable, why);
    let (because, is_accepted) = match state {
        Ok(Some(EmergencyAddress::Registered(registered))) if registered == known.address => {
            info!(operation = %operation.id, sid, "a ported number is registered with its emergency address");
            return Ok(done(operation, Some("Its emergency address is registered.")));
        }
        Ok(Some(EmergencyAddress::Registered(_))) => {
            warn!(operation = %operation.id, sid, "a ported number has another emergency address than its request");
            let why = "The number has another registered emergency address at the carrier, which stays.";
            return Ok(done(operation, Some(why)));
        }
        Ok(Some(EmergencyAddress::NotRegistered)) => {
            return Ok(unregistered(operation, "the carrier could not register it"));
        }
        Ok(Some(EmergencyAddress::NotRemoved)) => {
            return Ok(unregistered(operation, "the carrier could not remove the number's earlier address"));
        }
        Ok(Some(EmergencyAddress::None)) if known.is_accepted => {
            let why = "the carrier could not register it, or somebody has removed it there";
            return Ok(unregistered(operation, why));
        }
        Ok(Some(EmergencyAddress::None)) => {
            (waiting("the carrier has not confirmed the registration of the emergency address"), false)
        }
        Ok(Some(EmergencyAddress::BeingRemoved)) => {
            (waiting("the carrier is removing an earlier emergency address"), known.is_accepted)
        }
        Ok(Some(EmergencyAddress::BeingRegistered | EmergencyAddress::Unclear)) => {
            (waiting("the carrier is registering the emergency address"), true)
        }
        Ok(None) => (waiting("the carrier does not show the ported number at the moment"), known.is_accepted),
        Err(failure) => {
            let because = provider_refusal(&failure);
            // An earlier request may still be carried out, and explain the rejection.
            if failure.is_definitive() && is_settled {
                return Ok(unregistered(operation, &words::address_refused(&failure, because)));
            }
            (because, known.is_accepted)
        }
    };
    if is_late {
        return Ok(unregistered(operation, &because.message));
    }
    let progress = planned(operation, AddressPlan::Registering(Registering { is_accepted, ..known }))?;
    Ok(Outcome::WaitUntil(Pause { because, progress, wait: EVERY, outcome_unknown }))
}

/// How far the registration is; `None` if the account does not have the number. One that is not there is asked for, if it may be.
async fn registration(
    carrier: &Carrier,
    number: &str,
    address: &str,
    may_ask: bool,
) -> Result<Option<EmergencyAddress>, CarrierError> {
    let state = carrier.fetch(number).await?.map(|owned| owned.emergency_address);
    if may_ask && state == Some(EmergencyAddress::None) {
        carrier.register_emergency_address(number, address).await?;
        return Ok(Some(EmergencyAddress::BeingRegistered));
    }
    Ok(state)
}

/// Whether the number is released, or about to be.
pub(super) fn is_given_up(number: &PhoneNumber) -> bool {
    matches!(number.status, NumberStatus::Releasing | NumberStatus::Released)
}

/// The end of a port whose number was given up before it was set up, with what that means for the number.
pub(super) fn given_up(operation: &Operation, rest: &str) -> Outcome {
    info!(operation = %operation.id, "a ported number was given up before it was set up");
    let detail = format!(
        "the number is ported, and was given up meanwhile. {rest} The target keeps taking forwarded calls: release it when nothing \
         is forwarded any more"
    );
    let change = KeptUpdate::to(KeptNumberState::Done, Some(detail));
    Outcome::Done(Progress::of(operation).with([Effect::KeptNumber(Box::new(change))]))
}

/// The end of a port whose number is not registered with an emergency address, though the request asked for that.
fn unregistered(operation: &Operation, why: &str) -> Outcome {
    warn!(operation = %operation.id, why, "a ported number is not registered with its emergency address");
    let told = format!(
        "Its emergency address is not registered: {why}. Make no emergency calls from it until the operator has registered an \
         address for it at the carrier."
    );
    done(operation, Some(&told))
}

/// The end of a port, with what is told about the emergency address.
fn done(operation: &Operation, address: Option<&str>) -> Outcome {
    let detail = "the number is ported and takes calls. The target keeps taking forwarded calls: release it when nothing is \
                  forwarded any more";
    let detail = match address {
        Some(address) => format!("{detail}. {address}"),
        None => detail.to_owned(),
    };
    let change = KeptUpdate::to(KeptNumberState::Done, Some(detail));
    Outcome::Done(Progress::of(operation).with([Effect::KeptNumber(Box::new(change))]))
}
