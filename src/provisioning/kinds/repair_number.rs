//! REPAIR_NUMBER: compares a number at the carrier with what it should be, and sets it right. For numbers whose
//! calls do not arrive: another tool pointed them elsewhere, or an application or trunk shadows their webhooks.

use serde::{Deserialize, Serialize};
use tracing::{error, info};

use super::{insert, present, read_data, settled_number_of, write_data};
use crate::carrier::{CarrierError, METHOD, NumberSettings, OwnedNumber, RECEIVE_MODE};
use crate::domain::{NumberId, Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step, mask};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};

impl Provisioning {
    /// Writes a repair of a number's webhooks down. One that is under way for the number is returned instead of a second: it
    /// has not ended, so the number is set right after this request as well.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn repair_number(
        &self,
        store: &TenantStore,
        id: NumberId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        self.repair(store, id, RepairData { only_look: false }).await
    }

    /// As [`Self::repair_number`], but nothing is changed at the carrier: a number that is gone becomes INACTIVE, one
    /// that is there and right ACTIVE.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub(in crate::provisioning) async fn look_for_number(
        &self,
        store: &TenantStore,
        id: NumberId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        self.repair(store, id, RepairData { only_look: true }).await
    }

    async fn repair(
        &self,
        store: &TenantStore,
        id: NumberId,
        data: RepairData,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        let number = settled_number_of(store, id).await?;
        if let Some(under_way) = repaired_by(store, &number, data.only_look).await? {
            return Ok((under_way, number));
        }
        let operation = NewOperation {
            id: self.new_operation_id(),
            kind: OperationKind::RepairNumber,
            step: Step::RepairNumber,
            agent_id: number.agent_id,
            number_id: Some(number.id),
            data: write_data(&data)?,
            not_before: None,
            idempotency: None,
        };
        Ok((insert(store, operation).await?, number))
    }
}

/// The repair that is under way for a number and does what is wanted. Locks the agent: of two requests at the same time, the
/// second finds the operation of the first.
async fn repaired_by(
    store: &TenantStore,
    number: &PhoneNumber,
    only_look: bool,
) -> Result<Option<Operation>, StoreError> {
    present(store.agent(number.agent_id).await?, "agents")?;
    for operation in store.unfinished_operations(number.agent_id).await? {
        if operation.kind == OperationKind::RepairNumber
            && operation.number_id == Some(number.id)
            && (only_look || !read_data::<RepairData>(&operation)?.only_look)
        {
            return Ok(Some(operation));
        }
    }
    Ok(None)
}

/// The kind's own data.
#[derive(Serialize, Deserialize)]
struct RepairData {
    /// Whether the number stays as it is at the carrier.
    only_look: bool,
}

/// What a repair found, and did about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provisioning) enum Found {
    /// Set as it should be.
    Right,
    /// Set otherwise.
    Wrong,
    /// The carrier does not have it any more.
    Gone,
}

/// Step: compare and set right.
pub(in crate::provisioning) async fn repair_number(
    driver: &Provisioning,
    operation: &Operation,
) -> Result<Outcome, StoreError> {
    let id = present(operation.number_id, "operations")?;
    let number = present(driver.0.store.number(id).await?, "phone_numbers")?;
    let sid = present(number.sid.clone(), "phone_numbers")?;
    let settings = driver.settings(number.operation_id);
    let only_look = read_data::<RepairData>(operation)?.only_look;
    Ok(match set_right(driver, &sid, &settings, only_look).await {
        Ok(Found::Right) => {
            Outcome::Done(Progress::of(operation).with([Effect::NumberRepaired { number: number.id }]))
        }
        Ok(Found::Wrong) => {
            let why =
                "the number is set otherwise at the carrier and was left so: repairPhoneNumber sets it right";
            let refusal = Refusal::new(RefusalCode::CarrierRejected, why);
            Outcome::Failed(refusal, Progress::of(operation))
        }
        Ok(Found::Gone) => {
            error!(number = mask(number.number.as_str()), sid, "a number is gone at the carrier");
            let why = "the number is gone at the carrier and cannot be repaired: release it and provision another one";
            let lost = Effect::NumberLost { number: number.id };
            let refusal = Refusal::new(RefusalCode::CarrierRejected, why);
            Outcome::Failed(refusal, Progress::of(operation).with([lost]))
        }
        Err(failure) => Outcome::failed(operation, &failure, Vec::new(), Patience::Bounded),
    })
}

/// How the number is, once set right unless it is only looked for. Safe to repeat.
pub(in crate::provisioning) async fn set_right(
    driver: &Provisioning,
    sid: &str,
    settings: &NumberSettings,
    only_look: bool,
) -> Result<Found, CarrierError> {
    let Some(owned) = driver.carrier().fetch(sid).await? else {
        return Ok(Found::Gone);
    };
    if is_right(&owned, settings) {
        return Ok(Found::Right);
    }
    if only_look {
        return Ok(Found::Wrong);
    }
    info!(sid, "a number's webhooks were not as they should be: setting them right");
    match driver.carrier().update(sid, settings).await {
        Ok(updated) if is_right(&updated, settings) => Ok(Found::Right),
        Ok(_) => Err(CarrierError::OutcomeUnknown {
            reason: "the number's settings read back are not the ones sent".to_owned(),
        }),
        Err(failure) => Err(failure),
    }
}

fn is_right(owned: &OwnedNumber, settings: &NumberSettings) -> bool {
    deviations(owned, settings).is_empty()
}

/// Which of the number's settings are not as they should be, by the carrier's names for them: every one that a purchase
/// sets, and those that would shadow them.
pub(in crate::provisioning) fn deviations(
    owned: &OwnedNumber,
    settings: &NumberSettings,
) -> Vec<&'static str> {
    let elsewhere = |set: &Option<String>, wanted: &url::Url| set.as_deref() != Some(wanted.as_str());
    let other = |set: &Option<String>, wanted: &str| {
        set.as_ref().is_some_and(|set| !set.eq_ignore_ascii_case(wanted))
    };
    let looked_at = [
        ("FriendlyName", owned.friendly_name != settings.friendly_name),
        ("VoiceUrl", elsewhere(&owned.voice_url, &settings.voice_url)),
        ("VoiceFallbackUrl", elsewhere(&owned.voice_fallback_url, &settings.voice_fallback_url)),
        ("StatusCallback", elsewhere(&owned.status_callback, &settings.status_callback)),
        ("VoiceMethod", other(&owned.voice_method, METHOD)),
        ("VoiceFallbackMethod", other(&owned.voice_fallback_method, METHOD)),
        ("StatusCallbackMethod", other(&owned.status_callback_method, METHOD)),
        ("VoiceReceiveMode", other(&owned.voice_receive_mode, RECEIVE_MODE)),
        ("VoiceApplicationSid", owned.voice_application_sid.is_some()),
        ("TrunkSid", owned.trunk_sid.is_some()),
    ];
    looked_at.into_iter().filter_map(|(name, deviates)| deviates.then_some(name)).collect()
}
