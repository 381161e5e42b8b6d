//! MOVE_NUMBER: moves a number between the platform's account and the tenant's subaccount. It keeps its id and its URLs.
//!
//! The intent is stored with the number, so that calls from either account are accepted during the move. Before every request the
//! number is looked up in both accounts: in the new one, it is read back and its settings are restored. A rejected move leaves the
//! number where it is, which is the undo. A finished move is undone by moving back.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{error, warn};
use uuid::Uuid;

use crate::carrier::{CarrierError, EmergencyAddress, OwnedNumber, Rejection};
use crate::domain::{
    CarrierAccount, CarrierAccountId, CarrierAccountKind, CarrierAccountStatus, NumberId, NumberOrigin,
    Operation, OperationKind, PhoneNumber, Refusal, RefusalCode, Step, mask,
};
use crate::provisioning::kinds::repair_number::under_way;
use crate::provisioning::kinds::settings::{Setting, restore};
use crate::provisioning::kinds::{Steps, insert, number_of, present, read_data, settled_number_of};
use crate::provisioning::outcome::{Outcome, Patience, Pause, Progress, unsettled_for};
use crate::provisioning::refusals::unsettled;
use crate::provisioning::{Provisioning, provider_refusal};
use crate::store::{Effect, NewOperation, StoreError, TenantStore};

pub(in crate::provisioning::kinds) const STEPS: Steps =
    &[(Step::MoveNumber, |driver, operation, _| Box::pin(move_number(driver, operation)))];

/// Pause before a number that has just left its account is looked up again.
const AGAIN: Duration = Duration::from_secs(1);

/// Data of a MOVE_NUMBER operation. In each, `None` is the platform's account.
#[derive(Serialize, Deserialize)]
struct MoveData {
    from: Option<Uuid>,
    to: Option<Uuid>,
}

impl Provisioning {
    /// Stores the move of a number to another account of the same parent.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn move_number(
        &self,
        store: &TenantStore,
        id: NumberId,
        to: CarrierAccountId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        let number = settled_number_of(store, id).await?;
        let (from, to) = (number.accounts.owner, to.of_tenant());
        for account in [from, to].into_iter().flatten() {
            let known = store.carrier_accounts_by_id(&[account]).await?.pop();
            movable(known.as_ref(), Some(account) == to)?;
        }
        if from == to {
            return Err(refused("carrierAccountId", "the number is in this account already"));
        }
        if number.origin == NumberOrigin::Hosted {
            return Err(refused("id", "a hosted number stays in the account in which it is hosted"));
        }
        if let Some(busy) = under_way(store, &number, |_| true).await? {
            return Err(refused(
                "id",
                &format!("{} is under way for this number: wait until it ends", busy.id),
            ));
        }
        let moving = store.begin_move(id, to).await?;
        let moving = moving.ok_or_else(|| refused("id", "this number is being moved or released"))?;
        let data = MoveData { from: from.map(|account| account.0), to: to.map(|account| account.0) };
        let operation = NewOperation {
            agent_id: Some(number.agent_id),
            number_id: Some(id),
            ..self.new_operation(OperationKind::MoveNumber, &data)
        };
        Ok((insert(store, operation).await?, moving))
    }
}

fn refused(field: &str, why: &str) -> StoreError {
    Refusal::new(RefusalCode::InvalidInput, why).at(field).into()
}

fn movable(account: Option<&CarrierAccount>, is_target: bool) -> Result<(), StoreError> {
    let Some(account) = account else {
        return Err(Refusal::not_found("carrier account", "carrierAccountId").into());
    };
    if account.kind == CarrierAccountKind::Own {
        let (field, why) = if is_target {
            (
                "carrierAccountId",
                "a number moves only between the platform's account and its subaccounts: this account is unrelated",
            )
        } else {
            (
                "id",
                "the number is in your own account, which is unrelated to the platform's: the carrier's support moves numbers between unrelated accounts",
            )
        };
        return Err(refused(field, why));
    }
    if is_target && account.status != CarrierAccountStatus::Active {
        return Err(refused("carrierAccountId", "this account is not active: see its detail"));
    }
    Ok(())
}

/// The number at the carrier.
enum Place {
    /// In the account that it moves to.
    There,
    /// In the account that it moves from.
    Here(Box<OwnedNumber>),
    Nowhere,
}

/// Step: look the number up in both accounts, and move it.
async fn move_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let data: MoveData = read_data(operation)?;
    let (from, to) = (data.from.map(CarrierAccountId), data.to.map(CarrierAccountId));
    let number = number_of(driver, operation).await?;
    let sid = present(number.sid.clone(), "phone_numbers")?;
    let stays = || vec![Effect::NumberStays { number: number.id }];
    let failed =
        |failure: &CarrierError| Outcome::failed(operation, failure, stays(), Patience::UntilSettled);
    let (from_sid, to_sid) = match (driver.sid_of(from).await, driver.sid_of(to).await) {
        (Ok(from_sid), Ok(to_sid)) => (from_sid, to_sid),
        (Err(failure), _) | (_, Err(failure)) => return Ok(failed(&failure)),
    };
    let owned = match place(driver, &from_sid, &to_sid, &sid).await {
        Ok(Place::There) => return arrived(driver, operation, &number, (from, to)).await,
        Ok(Place::Here(owned)) => owned,
        Ok(Place::Nowhere) => return Ok(nowhere(driver, operation, &number)),
        Err(failure) => return Ok(failed(&failure)),
    };
    if owned.emergency_address != EmergencyAddress::None {
        let why = "the number has an emergency address, which belongs to its account: have the address removed at the carrier, \
                   then move the number";
        let because = Refusal::new(RefusalCode::CarrierRejected, why);
        return Ok(Outcome::Failed(because, Progress::of(operation).with(stays())));
    }
    if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
        return Ok(waits(operation, wait));
    }
    Ok(match driver.carrier().move_number(&from_sid, &sid, &to_sid).await {
        // Read back in the next attempt of this step, as after a lost answer.
        Ok(()) => Outcome::Next(Step::MoveNumber, Progress::of(operation)),
        // It has left this account since it was read: an earlier request moved it.
        Err(CarrierError::Rejected(Rejection::NotFound)) => waits(operation, AGAIN),
        Err(failure) if failure.is_definitive() => {
            warn!(operation = %operation.id, number = mask(number.number.as_str()), %failure, "carrier rejected the move of a number");
            Outcome::Failed(in_words(&failure), Progress::of(operation).with(stays()))
        }
        Err(failure) => failed(&failure),
    })
}

impl Provisioning {
    /// The SID of an account of the platform's family.
    async fn sid_of(&self, account: Option<CarrierAccountId>) -> Result<String, CarrierError> {
        let carrier = self.0.accounts.carrier(account).await?;
        Ok(carrier.account_sid().to_owned())
    }
}

async fn place(driver: &Provisioning, from: &str, to: &str, sid: &str) -> Result<Place, CarrierError> {
    // The former account first: found there and then moved by an earlier request, it is found in the new one in the next attempt.
    if let Some(owned) = driver.carrier().fetch_in(from, sid).await? {
        return Ok(Place::Here(Box::new(owned)));
    }
    let there = driver.carrier().fetch_in(to, sid).await?;
    Ok(if there.is_some() { Place::There } else { Place::Nowhere })
}

/// The number is in the new account: restore what the move may have changed.
async fn arrived(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
    (from, to): (Option<CarrierAccountId>, Option<CarrierAccountId>),
) -> Result<Outcome, StoreError> {
    let sid = present(number.sid.clone(), "phone_numbers")?;
    let carrier = driver.0.accounts.carrier(to).await;
    Ok(match restore(carrier, &sid, &driver.settings_of(number)).await {
        Ok(Setting::Right) => {
            // A campaign belongs to the former account.
            driver.want_registrations();
            let moved = Effect::NumberMoved { number: number.id, to, from };
            Outcome::Done(Progress::of(operation).with([moved]))
        }
        Ok(Setting::Different | Setting::Gone) => {
            let why = "the number was moved, and its settings are being sent again";
            let because = Refusal::new(RefusalCode::CarrierUnavailable, why);
            Outcome::retry_endlessly(because, Progress::of(operation))
        }
        Err(failure) => Outcome::retry_endlessly(provider_refusal(&failure), Progress::of(operation)),
    })
}

fn nowhere(driver: &Provisioning, operation: &Operation, number: &PhoneNumber) -> Outcome {
    if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
        return waits(operation, wait);
    }
    error!(operation = %operation.id, number = mask(number.number.as_str()), sid = number.sid, "number to move is in neither account");
    let why = "the carrier has the number in neither account, so it cannot be moved";
    let effects = [Effect::NumberStays { number: number.id }, Effect::NumberLost { number: number.id }];
    Outcome::Failed(Refusal::new(RefusalCode::CarrierRejected, why), Progress::of(operation).with(effects))
}

fn waits(operation: &Operation, wait: Duration) -> Outcome {
    Outcome::WaitUntil(Pause {
        because: unsettled::<Rejection>(),
        progress: Progress::of(operation),
        wait,
        outcome_unknown: false,
    })
}

/// A rejected move, for tenants.
fn in_words(failure: &CarrierError) -> Refusal {
    let why = match failure {
        CarrierError::Rejected(Rejection::Other { code: 21470..=21472, .. }) => {
            "the carrier does not accept the other account: it does not exist or is not active"
        }
        CarrierError::Rejected(Rejection::Other { code: 21473 | 21474, .. }) => {
            "the carrier moves numbers only between accounts of one parent"
        }
        CarrierError::Rejected(Rejection::Other { code: 22121, .. }) => {
            "the number is hosted, and its order is not finished: move it afterwards"
        }
        CarrierError::Rejected(Rejection::Regulation) => {
            "the country requires an address or documents in the other account: have them approved there first"
        }
        other => return provider_refusal(other),
    };
    Refusal::new(RefusalCode::CarrierRejected, why)
}
