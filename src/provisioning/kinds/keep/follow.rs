//! PORT_NUMBER once the carrier has the port: it is read every minute, and at once when a webhook hints at a change, until the number
//! has arrived in the account, or the port has ended otherwise.
//!
//! The row of the number is prepared when the date is known. It becomes active when the number has arrived, and only then the number is
//! pointed to this server: the first call that reaches it finds its agent.
//!
//! A rejected port is followed on, because the carrier's support may correct it. A further request of the tenant replaces it.

use chrono::TimeDelta;
use tracing::{error, info, warn};

use super::super::settings::{Setting, restore};
use super::super::{number_of, present};
use super::emergency::{given_up, is_given_up, takes_calls};
use super::words;
use crate::carrier::{OwnedNumber, PortCancellation, PortIn, PortStatus, list_price};
use crate::domain::{
    Capabilities, CountryCode, EventKey, KeptNumber, KeptNumberState, KeptUpdate, NumberId, NumberType,
    Operation, OperationState, Refusal, RefusalCode, Step, mask,
};
use crate::provisioning::outcome::{EventWait, Outcome, Progress};
use crate::provisioning::pause::LONGEST_EVENT_WAIT;
use crate::provisioning::{Provisioning, provider_refusal};
use crate::store::{ClaimError, Effect, Lease, NumberClaim, OperationUpdate, StoreError};

/// How often the carrier is asked.
const EVERY: TimeDelta = TimeDelta::minutes(1);
/// How long before the port date the number is looked for in the account.
const NEAR: TimeDelta = TimeDelta::days(1);

/// What a tenant is told if the carrier does not cancel a port.
pub(super) const REFUSED: &str = "the carrier refused to cancel the port";

fn is_told(kept: &KeptNumber) -> bool {
    kept.detail.as_ref().is_some_and(|detail| detail.starts_with(REFUSED))
}

/// The event that a webhook about this port announces.
pub(super) fn event(port_sid: &str) -> Option<EventKey> {
    format!("port:{port_sid}").parse().ok()
}

/// What the carrier's description of a port means for the kept number.
pub(super) fn changed_by(port: &PortIn) -> KeptUpdate {
    let (state, detail) = match port.status {
        PortStatus::InReview => (KeptNumberState::PortRequested, None),
        PortStatus::WaitingForSignature => (
            KeptNumberState::WaitingForSignature,
            Some("the authorized representative has to sign the letter of authorization that was sent by e-mail".to_owned()),
        ),
        PortStatus::InProgress | PortStatus::Completed if port.port_date.is_some() => {
            (KeptNumberState::PortDateSet, None)
        }
        PortStatus::InProgress | PortStatus::Completed => (KeptNumberState::PortInProgress, None),
        PortStatus::Rejected => {
            let (code, reason) = &port.rejection;
            (KeptNumberState::Rejected, Some(words::rejected(*code, reason.as_deref())))
        }
        PortStatus::Canceled => (
            KeptNumberState::Canceled,
            Some(port.cancellation.clone().map_or_else(
                || "the port was canceled".to_owned(),
                |why| format!("the port was canceled: {why}"),
            )),
        ),
        PortStatus::Expired => (
            KeptNumberState::Expired,
            Some("nobody signed the letter of authorization in time: repeat requestPort".to_owned()),
        ),
        // The state stays: an unknown word is shown, and never guessed.
        PortStatus::Unknown => {
            return KeptUpdate { carrier_status: Some(port.word.clone()), ..KeptUpdate::default() };
        }
    };
    let is_signing = state == KeptNumberState::WaitingForSignature;
    KeptUpdate {
        carrier_status: Some(port.word.clone()),
        port_date: Some(port.port_date),
        signature_url: Some(port.signature_url.clone().filter(|_| is_signing)),
        ..KeptUpdate::to(state, detail)
    }
}

/// The prepared row of the number is freed.
fn freed(operation: &Operation) -> Option<Effect> {
    operation.number_id.map(|number| Effect::NumberReleased { number })
}

/// The end of an operation whose port was replaced by a later request.
pub(super) fn superseded(operation: &Operation) -> Outcome {
    let why = Refusal::new(RefusalCode::InvalidInput, "the port was requested again: this request ended");
    Outcome::Failed(why, Progress::of(operation).with(freed(operation)))
}

/// The end of an operation whose port was canceled by the tenant.
pub(super) fn canceled(operation: &Operation) -> Outcome {
    let why = "the port was canceled by cancelPort";
    ended(operation, KeptUpdate::to(KeptNumberState::Canceled, Some(why.to_owned())), why.to_owned())
}

fn ended(operation: &Operation, change: KeptUpdate, why: String) -> Outcome {
    let change = KeptUpdate { signature_url: Some(None), stops_cancel: true, ..change };
    let effects = [Effect::KeptNumber(Box::new(change))].into_iter().chain(freed(operation));
    Outcome::Failed(Refusal::new(RefusalCode::CarrierRejected, why), Progress::of(operation).with(effects))
}

/// Step: read the port, and look for the number near the date.
pub(super) async fn follow_port(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
) -> Result<Outcome, StoreError> {
    let Some(mut kept) = driver.0.store.kept_of_port(operation.id).await? else {
        return Ok(superseded(operation));
    };
    let missing = StoreError::Corrupt { table: "kept_numbers", column: "port_sid" };
    let sid = kept.port_sid.clone().ok_or(missing)?;
    let mut refusal = None;
    if kept.is_cancel_wanted {
        match driver.carrier().cancel_port(&sid).await {
            Ok(PortCancellation::Done) => return Ok(canceled(operation)),
            Ok(PortCancellation::Refused(why)) => {
                refusal = Some(format!("{REFUSED}: {why}"));
            }
            Err(failure) => {
                let because = provider_refusal(&failure);
                return Ok(waits(operation, &sid, because, KeptUpdate::default()));
            }
        }
    }
    let port = match driver.carrier().fetch_port(&sid, &kept.number).await {
        Ok(Some(port)) => port,
        Ok(None) => {
            warn!(operation = %operation.id, sid, "the carrier does not know the port");
            let why =
                "the carrier does not know this port at the moment: the operator should ask its support";
            let change = KeptUpdate { detail: Some(Some(why.to_owned())), ..KeptUpdate::default() };
            let change = change.news_for(&kept).unwrap_or_default();
            return Ok(waits(operation, &sid, Refusal::new(RefusalCode::CarrierRejected, why), change));
        }
        Err(failure) => {
            let because = provider_refusal(&failure);
            return Ok(waits(operation, &sid, because, KeptUpdate::default()));
        }
    };
    let mut change = changed_by(&port);
    if kept.state != change.state.unwrap_or(kept.state) {
        info!(operation = %operation.id, sid, from = %kept.state, word = port.word, "a port has gone on");
    }
    if matches!(port.status, PortStatus::Canceled | PortStatus::Expired) {
        let why = change.detail.clone().flatten().unwrap_or_default();
        return Ok(ended(operation, change, why));
    }
    change.stops_cancel = refusal.is_some();
    if let Some(why) = refusal {
        change.detail = Some(Some(why));
    } else if change.detail == Some(None) && change.state == Some(kept.state) && is_told(&kept) {
        // Told until the port goes on.
        change.detail = None;
    }
    // Written only if something is new: the port is read every minute.
    let change = change.news_for(&kept).unwrap_or_default();
    if port.status != PortStatus::Unknown {
        kept.port_date = port.port_date;
    }
    arrival(driver, operation, lease, (&kept, &port, change)).await
}

/// Prepares the row of the number once the date is known, and looks for the number near the date.
async fn arrival(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
    (kept, port, change): (&KeptNumber, &PortIn, KeptUpdate),
) -> Result<Outcome, StoreError> {
    let sid = &port.sid;
    let now = driver.0.clock.now();
    let is_completed = port.status == PortStatus::Completed;
    let is_near = is_completed || kept.port_date.is_some_and(|date| date - now <= NEAR);
    if operation.number_id.is_none() && (is_completed || kept.port_date.is_some()) {
        match prepare(driver, operation, lease, (kept, &change)).await {
            Ok(recorded) => return Ok(Outcome::Recorded(recorded)),
            Err(ClaimError::Taken | ClaimError::Limit(_)) => {
                error!(operation = %operation.id, number = mask(kept.number.as_str()), "ported number not prepared: another row holds it");
                let why = "the number is in use on this server already: the operator must release it there";
                let change = KeptUpdate { detail: Some(Some(why.to_owned())), ..change };
                return Ok(waits(operation, sid, Refusal::new(RefusalCode::NumberTaken, why), change));
            }
            Err(ClaimError::Store(failure)) => return Err(failure),
        }
    }
    let on_its_way = || {
        Refusal::new(
            RefusalCode::CarrierUnavailable,
            "the carriers work on the port, which takes days to weeks",
        )
    };
    let Some(number) = operation.number_id.filter(|_| is_near) else {
        return Ok(waits(operation, sid, on_its_way(), change));
    };
    match driver.carrier().find(&kept.number).await {
        Ok(Some(owned)) => Ok(arrived(operation, number, owned, change)),
        Ok(None) => Ok(waits(operation, sid, on_its_way(), change)),
        Err(failure) => Ok(waits(operation, sid, provider_refusal(&failure), change)),
    }
}

/// The number is in the account: its row becomes active, then it is pointed to this server.
fn arrived(operation: &Operation, number: NumberId, owned: OwnedNumber, change: KeptUpdate) -> Outcome {
    info!(operation = %operation.id, number = mask(owned.number.as_str()), sid = owned.sid, "a ported number has arrived");
    let change = KeptUpdate { state: Some(KeptNumberState::CutOver), detail: Some(None), ..change };
    let effects = [
        Effect::NumberPorted { number, sid: owned.sid, capabilities: owned.capabilities },
        Effect::KeptNumber(Box::new(change)),
    ];
    Outcome::Next(Step::CutOver, Progress::of(operation).with(effects))
}

/// Waits for a webhook about the port, or for the next minute.
fn waits(operation: &Operation, sid: &str, because: Refusal, change: KeptUpdate) -> Outcome {
    let news = (change != KeptUpdate::default()).then(|| Effect::KeptNumber(Box::new(change)));
    let progress = Progress::of(operation).with(news);
    let Some(event) = event(sid) else {
        return Outcome::retry_endlessly(because, progress);
    };
    let why = "the port has not ended within half a year: ask the operator to look at it at the carrier";
    let given_up = KeptUpdate::to(KeptNumberState::Canceled, Some(why.to_owned()));
    let undo = [Effect::KeptNumber(Box::new(given_up))].into_iter().chain(freed(operation)).collect();
    let until = operation.created_at + LONGEST_EVENT_WAIT;
    Outcome::WaitForEvent(EventWait { event, look_again: EVERY, until, because, progress, undo })
}

/// Stores the row of the number, so that nobody else takes it and its first call is answered.
async fn prepare(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
    (kept, change): (&KeptNumber, &KeptUpdate),
) -> Result<Operation, ClaimError> {
    let kind = kept.number.line().filter(|kind| *kind == NumberType::Mobile).unwrap_or(NumberType::Local);
    let claim = NumberClaim {
        id: NumberId(driver.0.entropy.uuid(driver.0.clock.now())),
        friendly_name: kept.number.to_string(),
        number: kept.number.clone(),
        kind,
        // What it can besides is known when it has arrived.
        capabilities: Capabilities { voice: true, sms: false, mms: false },
        country: kept.number.country().unwrap_or(CountryCode::US),
        locality: None,
        region: None,
        monthly_cost: list_price(kind),
        label: None,
        // Ports are requested for the platform's account.
        account: None,
    };
    let progress = Progress::of(operation).with([Effect::KeptNumber(Box::new(change.clone()))]);
    let update: OperationUpdate = progress.into_update(OperationState::Running, Step::FollowPort, None);
    driver.0.store.prepare_ported(lease, kept, claim, update).await
}

/// Step: point the number to this server.
pub(super) async fn cut_over(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let number = number_of(driver, operation).await?;
    if is_given_up(&number) {
        let rest =
            "It may not be pointed to this server: if the release is cancelled, call repairPhoneNumber.";
        return Ok(given_up(operation, rest));
    }
    let sid = present(number.sid.clone(), "phone_numbers")?;
    let progress = Progress::of(operation);
    let unapplied = |why: &str| Refusal::new(RefusalCode::CarrierUnavailable, why);
    // Without our mark: a marked number that nobody holds any more is released by reconciliation, and this one is the tenant's.
    let settings = driver.settings_of(&number);
    Ok(match restore(driver.carrier_of(&number).await, &sid, &settings).await {
        Ok(Setting::Right) => takes_calls(driver, operation)?,
        Ok(Setting::Different) => {
            let why =
                "the carrier did not apply the settings of the ported number: they are being sent again";
            Outcome::retry_endlessly(unapplied(why), progress)
        }
        Ok(Setting::Gone) => {
            error!(operation = %operation.id, sid, "a ported number has disappeared from the account");
            let why = "the carrier does not show the ported number at the moment: it is being looked for";
            Outcome::retry_endlessly(unapplied(why), progress)
        }
        Err(failure) => Outcome::retry_endlessly(provider_refusal(&failure), progress),
    })
}
