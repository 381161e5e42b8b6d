//! PORT_NUMBER until the carrier has the port. The request is stored with the bill first, and both are deleted when the carrier has
//! them or the operation ends.
//!
//! The carrier knows no idempotency keys. A bill that was uploaded twice costs nothing; its id then marks the port. While the
//! outcome of the request for the port is unknown, the carrier's list is searched for the port with this bill. Of an earlier
//! port of the same number that was rejected, the carrier cancels what is left first.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tracing::error;

use super::super::{Steps, idempotency, insert, present, read_data, repeated, write_data};
use super::emergency::{AddressPlan, create_address, register_address};
use super::follow::{canceled, changed_by, cut_over, follow_port, superseded};
use super::stored::{bill_of, order_of, sealed, unreadable};
use super::words;
use crate::carrier::{CarrierError, PortCancellation, PortIn, PortOrder, PortStatus, Rejection};
use crate::domain::{
    IdempotencyKey, KeptNumber, KeptNumberId, KeptNumberState, KeptUpdate, Operation, OperationKind, Refusal,
    RefusalCode, Step, Webhook, hex,
};
use crate::provisioning::outcome::{Outcome, Patience, Pause, Progress, StepError, unsettled_for};
use crate::provisioning::{Provisioning, provider_refusal};
use crate::store::{Bill, Effect, NewOperation, NewPort, StoreError, TenantStore};

pub(in crate::provisioning::kinds) const STEPS: Steps = &[
    (Step::CheckPortability, |driver, operation, _| Box::pin(check_portability(driver, operation))),
    (Step::UploadBill, |driver, operation, _| Box::pin(upload_bill(driver, operation))),
    (Step::RequestPort, |driver, operation, _| Box::pin(request_port(driver, operation))),
    (Step::CreateAddress, |driver, operation, _| Box::pin(create_address(driver, operation))),
    (Step::FollowPort, |driver, operation, lease| Box::pin(follow_port(driver, operation, lease))),
    (Step::CutOver, |driver, operation, _| Box::pin(cut_over(driver, operation))),
    (Step::RegisterAddress, |driver, operation, _| Box::pin(register_address(driver, operation))),
];

/// Pause while the carrier still has an earlier port of the number.
const EARLIER: Duration = Duration::from_secs(30);
/// How long a request that cannot be decrypted waits for a server that can.
const LONGEST_UNREADABLE: TimeDelta = TimeDelta::days(1);

/// What the losing carrier knows of its customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PortData {
    /// The customer's name.
    pub customer_name: String,
    /// The customer's account number.
    pub account_number: Option<String>,
    /// PIN of the number.
    pub pin: Option<String>,
    /// Who signs the letter of authorization.
    pub representative: String,
    /// Where the letter is sent.
    pub representative_email: String,
    /// Street and number.
    pub street: String,
    /// City.
    pub city: String,
    /// State.
    pub region: String,
    /// ZIP code.
    pub postal_code: String,
    /// The wished date, `2026-12-31`.
    pub target_date: Option<String>,
    /// Whether the address is registered for emergency calls when the number has arrived.
    // May be missing in a request that an earlier version stored.
    #[serde(default)]
    pub registers_emergency_address: bool,
}

/// The request for a port.
#[derive(Debug, Clone)]
pub struct WantedPort {
    /// The kept number.
    pub kept: KeptNumberId,
    /// What the losing carrier knows of its customer.
    pub data: PortData,
    /// A bill of the losing carrier.
    pub bill: Bill,
}

/// The input that a repeated request must match.
#[derive(Serialize)]
struct Fingerprint<'a> {
    kept: String,
    data: &'a PortData,
    bill: String,
}

/// Data of a PORT_NUMBER operation. Nothing personal: operations are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PortProgress {
    /// State of the kept number before the request; the undo restores it.
    was: String,
    /// An earlier port of the number, which the carrier cancels first.
    earlier: Option<String>,
    /// The carrier's id of the bill.
    bill: Option<String>,
    /// The number's emergency address.
    // May be missing in an operation that an earlier version stored.
    #[serde(default)]
    pub(super) address: AddressPlan,
    /// Since when no server could decrypt the request; `None` if the last one could.
    #[serde(default)]
    unreadable_since: Option<DateTime<Utc>>,
}

impl Provisioning {
    /// Stores a request for a port and its operation.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn request_port(
        &self,
        store: &TenantStore,
        wanted: WantedPort,
        key: Option<IdempotencyKey>,
    ) -> Result<(Operation, KeptNumber), StoreError> {
        let WantedPort { kept: id, data, bill } = wanted;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bill.content);
        let fingerprint = Fingerprint { kept: id.to_string(), data: &data, bill: hex(digest.as_ref()) };
        let idempotency = idempotency(key, &fingerprint);
        if let Some(operation) = repeated(store, OperationKind::PortNumber, &idempotency).await? {
            let kept = store.kept_number(id).await?;
            return Ok((operation, present(kept, "kept_numbers")?));
        }
        let missing = || Refusal::not_found("kept number", "keptNumberId");
        // Locks the record: of two requests at once the second finds the first.
        let kept = store.kept_number(id).await?.ok_or_else(missing)?;
        may_be_ported(store, &kept).await?;
        let progress = PortProgress {
            was: kept.state.to_string(),
            earlier: kept.port_sid.clone().filter(|_| kept.state == KeptNumberState::Rejected),
            bill: None,
            address: AddressPlan::wanted(data.registers_emergency_address),
            unreadable_since: None,
        };
        // Of no agent: it takes weeks, in which the agent and its numbers may change.
        let operation =
            NewOperation { idempotency, ..self.new_operation(OperationKind::PortNumber, &progress) };
        let operation = insert(store, operation).await?;
        let (order, bill) = sealed(self, id, &data, bill)?;
        let port = NewPort { operation: operation.id, order, bill };
        let kept = store.request_port(id, port).await?;
        Ok((operation, present(kept, "kept_numbers")?))
    }

    /// Stores that a port is to be canceled, and returns its operation, which cancels it.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn cancel_port(&self, store: &TenantStore, id: KeptNumberId) -> Result<KeptNumber, StoreError> {
        let refused = |why: &str| Refusal::new(RefusalCode::InvalidInput, why).at("keptNumberId");
        let missing = || Refusal::not_found("kept number", "keptNumberId");
        let kept = store.kept_number(id).await?.ok_or_else(missing)?;
        if !kept.state.may_cancel() || kept.port_operation_id.is_none() {
            let why = match kept.state {
                KeptNumberState::Done => "the number is ported already: to give it up, release it",
                KeptNumberState::CutOver => "it is too late to cancel the port: the number has arrived",
                _ => "no port of this number is under way",
            };
            return Err(refused(why).into());
        }
        // The operation of a rejected port goes on, unless a further request has ended it and failed itself.
        let operation = present(kept.port_operation_id, "kept_numbers")?;
        if self.0.store.operation(operation).await?.is_none_or(|operation| operation.state.is_final()) {
            return Err(
                refused("no port of this number is under way: request it again with requestPort").into()
            );
        }
        present(store.want_cancel(id).await?, "kept_numbers")
    }

    /// Has the operation of a port look at it now.
    ///
    /// # Errors
    /// [`StoreError`]: it looks within a minute anyway.
    pub async fn hurry_port(&self, kept: &KeptNumber) -> Result<(), StoreError> {
        if let Some(event) = kept.port_sid.as_deref().and_then(super::follow::event) {
            self.0.store.wake(&event).await?;
        }
        Ok(())
    }
}

/// Refuses a port that cannot be requested.
async fn may_be_ported(store: &TenantStore, kept: &KeptNumber) -> Result<(), StoreError> {
    let refused = |why: &str| Refusal::new(RefusalCode::InvalidInput, why).at("keptNumberId");
    if let Some(why) = words::never_portable(&kept.number) {
        return Err(refused(&why).into());
    }
    if kept.target_id.is_none() {
        let why = "this number has no target yet: wait until the operation of keepPhoneNumber has succeeded";
        return Err(refused(why).into());
    }
    if !kept.state.may_port() {
        let why = match kept.state {
            KeptNumberState::Done => "this number is ported already",
            _ => "a port of this number is under way already: cancel it with cancelPort first",
        };
        return Err(refused(why).into());
    }
    if kept.state.is_over()
        && let Some(other) = store.kept_by_number(&kept.number).await?
    {
        return Err(refused(&format!("{} keeps this number now: request the port there", other.id)).into());
    }
    Ok(())
}

/// The undo of everything before the carrier has the port: the state before the request.
fn undone(operation: &Operation) -> Result<Vec<Effect>, StoreError> {
    let was = read_data::<PortProgress>(operation)?.was;
    let state = was.parse().map_err(|_| StoreError::Corrupt { table: "operations", column: "data" })?;
    Ok(vec![Effect::KeptNumber(Box::new(KeptUpdate { state: Some(state), ..KeptUpdate::default() }))])
}

fn failed(operation: &Operation, refusal: Refusal) -> Result<Outcome, StoreError> {
    Ok(Outcome::Failed(refusal, Progress::of(operation).with(undone(operation)?)))
}

/// The outcome before the carrier has the port, while this server cannot decrypt the request: another server may have the key, but the
/// tenant does not wait for it forever.
fn undecipherable(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let now = driver.0.clock.now();
    let mut data: PortProgress = read_data(operation)?;
    let since = *data.unreadable_since.get_or_insert(now);
    if now < since + LONGEST_UNREADABLE {
        let progress = Progress { data: write_data(&data), ..Progress::of(operation) };
        return Ok(unreadable(operation, progress));
    }
    error!(operation = %operation.id, "the request for a port is given up: no server could decrypt it within a day");
    let why = "the request could not be decrypted within a day: repeat requestPort";
    failed(operation, Refusal::new(RefusalCode::CarrierUnavailable, why))
}

/// Step: cancel an earlier port, and ask whether the number can be ported.
async fn check_portability(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let Some(kept) = driver.0.store.kept_of_port(operation.id).await? else {
        return Ok(superseded(operation));
    };
    if kept.is_cancel_wanted {
        return Ok(canceled(operation));
    }
    let Ok(order) = order_of(driver, &kept).await? else { return undecipherable(driver, operation) };
    let mut data: PortProgress = read_data(operation)?;
    data.unreadable_since = None;
    if let Some(sid) = &data.earlier {
        match end_earlier(driver, sid, &kept).await {
            Ok(None) => {}
            Ok(Some(why)) => {
                let why = format!("the carrier has not ended the earlier port of this number: {why}");
                return failed(operation, Refusal::new(RefusalCode::CarrierRejected, why));
            }
            Err(failure) => {
                return Ok(Outcome::failed(operation, &failure, undone(operation)?, Patience::Bounded));
            }
        }
    }
    let known = match driver.carrier().portability(&kept.number).await {
        Ok(known) => known,
        Err(failure) => {
            return Ok(Outcome::failed(operation, &failure, undone(operation)?, Patience::Bounded));
        }
    };
    if known.code == Some(22137) && data.earlier.is_some() {
        return Ok(Outcome::WaitUntil(Pause {
            because: Refusal::new(
                RefusalCode::CarrierUnavailable,
                "the carrier is ending the earlier port of this number",
            ),
            progress: Progress { data: write_data(&data), ..Progress::of(operation) },
            wait: EARLIER,
            outcome_unknown: false,
        }));
    }
    if !known.is_portable {
        let why = words::not_portable(known.code, known.reason.as_deref());
        return failed(operation, Refusal::new(RefusalCode::CarrierRejected, why));
    }
    if known.is_pin_required {
        let lacks = [("pin", order.pin.is_none()), ("accountNumber", order.account_number.is_none())];
        if let Some((field, _)) = lacks.into_iter().find(|(_, lacks)| *lacks) {
            let why = "this is a mobile number: its carrier requires the PIN and the account number";
            return failed(operation, Refusal::new(RefusalCode::InvalidInput, why).at(field));
        }
    }
    let progress = Progress { data: write_data(&data), ..Progress::of(operation) };
    Ok(Outcome::Next(Step::UploadBill, progress))
}

/// Ends an earlier port at the carrier. Returns why that is not possible, if it is not.
async fn end_earlier(
    driver: &Provisioning,
    sid: &str,
    kept: &KeptNumber,
) -> Result<Option<String>, CarrierError> {
    let PortCancellation::Refused(why) = driver.carrier().cancel_port(sid).await? else { return Ok(None) };
    let port = driver.carrier().fetch_port(sid, &kept.number).await?;
    let is_over = port.is_none_or(|port| matches!(port.status, PortStatus::Canceled | PortStatus::Expired));
    Ok((!is_over).then_some(why))
}

/// Step: upload the bill.
async fn upload_bill(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let Some(kept) = driver.0.store.kept_of_port(operation.id).await? else {
        return Ok(superseded(operation));
    };
    if kept.is_cancel_wanted {
        return Ok(canceled(operation));
    }
    let Ok(bill) = bill_of(driver, &kept).await? else { return undecipherable(driver, operation) };
    match driver.carrier().upload_bill(&bill.content_type, &bill.content).await {
        Ok(sid) => {
            let progress = PortProgress { bill: Some(sid), ..read_data(operation)? };
            let progress = Progress { data: write_data(&progress), ..Progress::of(operation) };
            Ok(Outcome::Next(Step::RequestPort, progress))
        }
        Err(failure) => Ok(Outcome::failed(operation, &failure, undone(operation)?, Patience::Bounded)),
    }
}

/// Step: request the port.
async fn request_port(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let Some(kept) = driver.0.store.kept_of_port(operation.id).await? else {
        return Ok(superseded(operation));
    };
    let missing = StoreError::Corrupt { table: "operations", column: "data" };
    let bill = read_data::<PortProgress>(operation)?.bill.ok_or(missing)?;
    if operation.outcome_unknown_at.is_some() {
        // The carrier lists by day, and its clock may differ.
        let since = operation.created_at - TimeDelta::days(1);
        match driver.carrier().find_port(&kept.number, &bill, since).await {
            Ok(Some(found)) => return requested(driver, operation, &found),
            Ok(None) => {
                if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
                    let why: StepError<CarrierError> = StepError::Unsettled(wait);
                    return Ok(Outcome::of_error(operation, why, Vec::new(), Patience::UntilSettled));
                }
            }
            Err(failure) => {
                let undo = undone(operation)?;
                return Ok(Outcome::failed(operation, &failure, undo, Patience::UntilSettled));
            }
        }
    }
    // After the look-up: an earlier request may have succeeded, and that port is followed and canceled.
    if kept.is_cancel_wanted {
        return Ok(canceled(operation));
    }
    driver.announce_ports().await;
    let Ok(data) = order_of(driver, &kept).await? else { return undecipherable(driver, operation) };
    let order = PortOrder {
        number: &kept.number,
        pin: data.pin.as_deref(),
        bill: &bill,
        customer_name: &data.customer_name,
        account_number: data.account_number.as_deref(),
        representative: &data.representative,
        representative_email: &data.representative_email,
        address: [&data.street, &data.city, &data.region, &data.postal_code, "US"],
        target_date: data.target_date.as_deref(),
    };
    match driver.carrier().request_port(&order).await {
        Ok(port) => requested(driver, operation, &port),
        // While an earlier request may have succeeded, a rejection of this one settles nothing.
        Err(CarrierError::Rejected(Rejection::Other { code, words }))
            if unsettled_for(operation, driver.0.clock.now()).is_none() =>
        {
            let why = words::not_portable(Some(code), Some(&words));
            failed(operation, Refusal::new(RefusalCode::CarrierRejected, why))
        }
        Err(failure) => Ok(Outcome::failed(operation, &failure, undone(operation)?, Patience::UntilSettled)),
    }
}

impl Provisioning {
    /// Asks for webhooks about ports. They are hints only, so that a failure is only logged.
    async fn announce_ports(&self) {
        let config = &self.0.config;
        let url = Webhook::Porting.url(&config.webhook_base_url);
        let former = config.webhook_base_url_previous.as_ref().map(|base| Webhook::Porting.url(base));
        let ours = |known: &str| former.as_ref().is_some_and(|former| former.as_str() == known);
        if let Err(failure) = self.carrier().announce_ports_at(&url, ours).await {
            let because = provider_refusal(&failure);
            tracing::warn!(
                reason = because.message,
                "webhooks about ports were not configured: ports are only polled"
            );
        }
    }
}

/// The carrier has the port: the personal data and the bill are deleted, unless the address is needed once more.
fn requested(driver: &Provisioning, operation: &Operation, port: &PortIn) -> Result<Outcome, StoreError> {
    let mut data: PortProgress = read_data(operation)?;
    let is_address_wanted = data.address == AddressPlan::Wanted;
    if is_address_wanted {
        data.address = AddressPlan::creating(driver.0.clock.now());
    }
    let change = KeptUpdate {
        port_sid: Some(Some(port.sid.clone())),
        port_date: Some(port.port_date),
        forgets_order: !is_address_wanted,
        ..changed_by(port)
    };
    let next = if is_address_wanted { Step::CreateAddress } else { Step::FollowPort };
    let effect = Effect::KeptNumber(Box::new(change));
    let progress = Progress { data: write_data(&data), ..Progress::of(operation) };
    Ok(Outcome::Next(next, progress.with([effect])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_with_the_id_of_an_arrived_number_is_read() {
        let earlier =
            serde_json::json!({ "was": "forwarding", "earlier": null, "bill": "RD1", "arrived": "PN1" });
        let read: PortProgress = serde_json::from_value(earlier).unwrap();
        assert_eq!((read.was.as_str(), read.bill.as_deref()), ("forwarding", Some("RD1")));
        assert_eq!(read.address, AddressPlan::NotWanted);
    }
}
