//! REPAIR_NUMBER: compares a number at the carrier with what it should be, and sets it right. For numbers whose
//! calls do not arrive: another tool pointed them elsewhere, or an application or trunk shadows their webhooks.

use tracing::{error, info};

use super::{insert, present, settled_number_of, write_data};
use crate::carrier::{CarrierError, NumberSettings, OwnedNumber};
use crate::domain::{NumberId, Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};

impl Provisioning {
    /// Writes a repair of a number's webhooks down.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn repair_number(
        &self,
        store: &TenantStore,
        id: NumberId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        let number = settled_number_of(store, id).await?;
        let operation = NewOperation {
            id: self.new_operation_id(),
            kind: OperationKind::RepairNumber,
            step: Step::RepairNumber,
            agent_id: number.agent_id,
            number_id: Some(number.id),
            data: write_data(&serde_json::json!({}))?,
            not_before: None,
            idempotency: None,
        };
        Ok((insert(store, operation).await?, number))
    }
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
    Ok(match set_right(driver, &sid, &settings).await {
        Ok(true) => {
            Outcome::Done(Progress::of(operation).with([Effect::NumberRepaired { number: number.id }]))
        }
        Ok(false) => {
            error!(number = %number.number, sid, "a number is gone at the carrier");
            let why = "the number is gone at the carrier and cannot be repaired: release it and provision another one";
            let lost = Effect::NumberLost { number: number.id };
            let refusal = Refusal::new(RefusalCode::CarrierRejected, why);
            Outcome::Failed(refusal, Progress::of(operation).with([lost]))
        }
        Err(failure) => Outcome::carrier_failed(operation, &failure, Vec::new(), Patience::Bounded),
    })
}

/// Whether the number is there, and then as it should be. Safe to repeat.
async fn set_right(
    driver: &Provisioning,
    sid: &str,
    settings: &NumberSettings,
) -> Result<bool, CarrierError> {
    let Some(owned) = driver.carrier().fetch(sid).await? else {
        return Ok(false);
    };
    if is_right(&owned, settings) {
        return Ok(true);
    }
    info!(sid, "a number's webhooks were not as they should be: setting them right");
    match driver.carrier().update(sid, settings).await {
        Ok(updated) if is_right(&updated, settings) => Ok(true),
        Ok(_) => Err(CarrierError::OutcomeUnknown {
            reason: "the number's settings read back are not the ones sent".to_owned(),
        }),
        Err(failure) => Err(failure),
    }
}

fn is_right(owned: &OwnedNumber, settings: &NumberSettings) -> bool {
    deviations(owned, settings).is_empty()
}

/// Which of the number's settings are not as they should be, by the carrier's names for them.
pub(in crate::provisioning) fn deviations(
    owned: &OwnedNumber,
    settings: &NumberSettings,
) -> Vec<&'static str> {
    let elsewhere = |set: &Option<String>, wanted: &url::Url| set.as_deref() != Some(wanted.as_str());
    let looked_at = [
        ("FriendlyName", owned.friendly_name != settings.friendly_name),
        ("VoiceUrl", elsewhere(&owned.voice_url, &settings.voice_url)),
        ("VoiceFallbackUrl", elsewhere(&owned.voice_fallback_url, &settings.voice_fallback_url)),
        ("StatusCallback", elsewhere(&owned.status_callback, &settings.status_callback)),
        ("VoiceApplicationSid", owned.voice_application_sid.is_some()),
        ("TrunkSid", owned.trunk_sid.is_some()),
    ];
    looked_at.into_iter().filter_map(|(name, deviates)| deviates.then_some(name)).collect()
}
