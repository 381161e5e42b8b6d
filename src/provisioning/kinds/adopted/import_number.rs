//! IMPORT_NUMBER: takes over a number that the carrier account holds already. What is set on it is read and stored with the number's
//! row, and the row takes calls before the carrier sends any here: every call is answered by the former side or by this server.
//! Then the number is pointed here and read back.
//!
//! A number that somebody uses (a trunk, an application, a Messaging Service, a URL of another host) is refused, unless the request
//! says to replace its settings. If the carrier rejects this server's settings, the former ones are put back, and the row is
//! released.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tracing::{error, warn};
use uuid::Uuid;

use super::restore_number::{MOST_TRIES, former_settings, put_back};
use crate::carrier::{CarrierError, FormerSettings, MessagingService, OwnedNumber, Rejection, list_price};
use crate::domain::{
    AgentId, CarrierAccountId, CarrierAccountStatus, E164, IdempotencyKey, NumberId, NumberLabel,
    NumberOrigin, NumberType, Operation, OperationKind, OperationState, PhoneNumber, Refusal, RefusalCode,
    Step, Webhook, mask,
};
use crate::provisioning::kinds::repair_number::confirmed;
use crate::provisioning::kinds::settings::deviations;
use crate::provisioning::kinds::{
    Steps, agent_of, can_get_numbers, idempotency, insert, makes_no_loop, number_of, present, read_data,
    repeated, write_data,
};
use crate::provisioning::outcome::{Outcome, Patience, Pause, Progress, SETTLING, StepError, unsettled_for};
use crate::provisioning::refusals::unsettled;
use crate::provisioning::{Provisioning, operation_of_mark, provider_refusal};
use crate::store::{
    ClaimError, Effect, Lease, NewOperation, NumberClaim, NumberImport, StoreError, TenantStore,
};

pub(super) const STEPS: Steps = &[
    (Step::RecordNumber, |driver, operation, lease| Box::pin(record_number(driver, operation, lease))),
    (Step::PointNumber, |driver, operation, _| Box::pin(point_number(driver, operation))),
];

/// The request for an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedImport {
    /// The number.
    pub number: E164,
    /// The account that holds it: one of the tenant's own; `None`: the platform's.
    pub account: Option<CarrierAccountId>,
    /// The tenant's own name for it.
    pub label: Option<NumberLabel>,
    /// Whether to take it over even if its settings point elsewhere.
    pub replace_settings: bool,
}

/// The input that a repeated request must match.
#[derive(Serialize)]
struct Fingerprint<'a> {
    agent: Option<String>,
    wanted: &'a ImportData,
}

/// Data of an IMPORT_NUMBER operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ImportData {
    number: E164,
    label: Option<NumberLabel>,
    replace_settings: bool,
    /// Id of the account that holds the number; `None`: the platform's.
    account: Option<Uuid>,
    /// Whether the number goes to the pool.
    is_pooled: bool,
    /// Why the carrier does not take this server's settings: the former ones are being put back.
    #[serde(default)]
    given_up: Option<String>,
}

impl Provisioning {
    /// Stores an import of a number for an agent of the tenant, or for its pool.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn import_number(
        &self,
        store: &TenantStore,
        agent: Option<AgentId>,
        wanted: WantedImport,
        key: Option<IdempotencyKey>,
    ) -> Result<Operation, StoreError> {
        let WantedImport { number, account, label, replace_settings } = wanted;
        let account = account.map(|account| account.0);
        let is_pooled = agent.is_none();
        let data = ImportData { number, label, replace_settings, account, is_pooled, given_up: None };
        let fingerprint = Fingerprint { agent: agent.map(|agent| agent.to_string()), wanted: &data };
        let idempotency = idempotency(key, &fingerprint);
        // Before every check: the earlier request itself may be why this one would be refused.
        if let Some(operation) = repeated(store, OperationKind::ImportNumber, &idempotency).await? {
            return Ok(operation);
        }
        own_account(store, data.account.map(CarrierAccountId)).await?;
        // Every number has an agent: one in the pool has its last.
        let last = match agent {
            Some(agent) => agent,
            None => store.oldest_agent().await?.ok_or_else(|| {
                let why = "a number in the pool needs an agent that it can go to: create an agent first";
                Refusal::new(RefusalCode::InvalidInput, why).at("agentId")
            })?,
        };
        // Locks the agent.
        let agent = agent_of(store, last, "agentId").await?;
        can_get_numbers(store, &agent).await?;
        makes_no_loop(store, &agent, &data.number).await?;
        let operation = NewOperation {
            agent_id: Some(last),
            idempotency,
            ..self.new_operation(OperationKind::ImportNumber, &data)
        };
        insert(store, operation).await
    }
}

/// Checks that a named account is one of the tenant's own, and works.
async fn own_account(store: &TenantStore, id: Option<CarrierAccountId>) -> Result<(), StoreError> {
    let Some(id) = id else { return Ok(()) };
    let connected = store.carrier_accounts().await?;
    let account = connected.iter().find(|account| account.id == id);
    let account = account.ok_or_else(|| Refusal::not_found("carrier account", "carrierAccountId"))?;
    if account.status == CarrierAccountStatus::Active {
        return Ok(());
    }
    let why = "this account is not active: see its detail";
    Err(Refusal::new(RefusalCode::InvalidInput, why).at("carrierAccountId").into())
}

/// Step: read what is set on the number, and store it with the row, which takes calls from now on.
async fn record_number(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
) -> Result<Outcome, StoreError> {
    let data: ImportData = read_data(operation)?;
    let progress = Progress::of(operation);
    let found = match look_up(driver, &data).await {
        Ok(Ok(found)) => found,
        Ok(Err(refusal)) => return Ok(Outcome::Failed(refusal, progress)),
        // Nothing was changed.
        Err(failure) => return Ok(Outcome::failed(operation, &failure, Vec::new(), Patience::Bounded)),
    };
    let number = data.number.clone();
    let import = match import_of(driver, found, &data) {
        Ok(import) => import,
        Err(refusal) => return Ok(Outcome::Failed(refusal, progress)),
    };
    // One transaction: a crash in between would leave a row that no step points here or releases.
    let update = progress.into_update(OperationState::Running, Step::PointNumber, None);
    match driver.0.store.import_number(lease, import, update).await {
        Ok(recorded) => Ok(Outcome::Recorded(recorded)),
        Err(ClaimError::Taken) => {
            let held = driver.0.store.holders_of(std::slice::from_ref(&number)).await?;
            let is_own = held.get(&number).is_some_and(|holder| holder.tenant == operation.tenant_id);
            Ok(Outcome::Failed(taken(&number, is_own), Progress::of(operation)))
        }
        Err(ClaimError::Limit(refusal)) => Ok(Outcome::Failed(refusal, Progress::of(operation))),
        Err(ClaimError::Store(failure)) => Err(failure),
    }
}

fn taken(number: &E164, is_own: bool) -> Refusal {
    let why = if is_own {
        format!("{number} is held by this tenant already: assign it with assignPhoneNumber")
    } else {
        // Not whose it is.
        format!("{number} is held already: it can be imported once it has been given up")
    };
    Refusal::new(RefusalCode::NumberTaken, why).at("number")
}

/// The number in the account, or why it must not be taken over.
async fn look_up(
    driver: &Provisioning,
    wanted: &ImportData,
) -> Result<Result<OwnedNumber, Refusal>, CarrierError> {
    let carrier = driver.accounts().carrier(wanted.account.map(CarrierAccountId)).await?;
    let refused = |code, why: String| Refusal::new(code, why).at("number");
    let Some(owned) = carrier.find(&wanted.number).await? else {
        let why = format!(
            "the carrier account does not hold {}: buy it with provisionPhoneNumber, or port it",
            wanted.number
        );
        return Ok(Err(refused(RefusalCode::NotFound, why)));
    };
    if operation_of_mark(&owned.friendly_name).is_some() {
        let why = format!(
            "{} was bought by this system, or by another installation of it with the same carrier account, as its name \"{}\" \
             says: release it there, or change its name at the carrier if that installation no longer exists",
            wanted.number, owned.friendly_name
        );
        return Ok(Err(refused(RefusalCode::NumberTaken, why)));
    }
    // Of a hosted number, the account takes texts only.
    if !owned.capabilities.voice && !owned.is_hosted {
        let why = format!("{} takes no calls", wanted.number);
        return Ok(Err(refused(RefusalCode::InvalidInput, why)));
    }
    if wanted.replace_settings {
        return Ok(Ok(owned));
    }
    let services = if owned.capabilities.sms {
        carrier.messaging_services(&HashSet::from([owned.sid.as_str()])).await?
    } else {
        Vec::new()
    };
    let elsewhere = driver.points_elsewhere(&owned, &services);
    if elsewhere.is_empty() {
        return Ok(Ok(owned));
    }
    let why = format!(
        "{} is in use: {}; set replaceSettings to true to take it over (restorePhoneNumber puts the settings back)",
        wanted.number,
        elsewhere.join(", ")
    );
    Ok(Err(Refusal::new(RefusalCode::InvalidInput, why).at("replaceSettings")))
}

impl Provisioning {
    /// What sends the calls or texts of a number to another system than this server, in words.
    pub(in crate::provisioning) fn points_elsewhere(
        &self,
        owned: &OwnedNumber,
        services: &[MessagingService],
    ) -> Vec<String> {
        let config = &self.0.config;
        let ours: Vec<_> =
            std::iter::once(&config.webhook_base_url).chain(&config.webhook_base_url_previous).collect();
        let mut elsewhere = FormerSettings::of(owned).elsewhere(&ours);
        // One that leaves texts to the number's own URL, as for a registration in the United States, sends nothing elsewhere.
        let here = Webhook::IncomingMessage.url(&config.webhook_base_url);
        let takes_texts = |service: &&MessagingService| {
            service.numbers.contains(&owned.sid) && !service.sends_texts_to(here.as_str())
        };
        let service = services.iter().find(takes_texts);
        elsewhere.extend(service.map(|service| format!("Messaging Service {}", service.sid)));
        elsewhere
    }
}

fn import_of(driver: &Provisioning, owned: OwnedNumber, data: &ImportData) -> Result<NumberImport, Refusal> {
    let number = data.number.clone();
    let country = number.country().ok_or_else(|| {
        let why = format!("{number} is in no country's numbering plan, and cannot be imported");
        Refusal::new(RefusalCode::InvalidInput, why).at("number")
    })?;
    // A kind that Twilio may add is priced as a local number.
    let kind = owned.kind.unwrap_or(NumberType::Local);
    let claim = NumberClaim {
        id: NumberId(driver.0.entropy.uuid(driver.0.clock.now())),
        friendly_name: number.national(),
        number,
        kind,
        capabilities: owned.capabilities,
        country,
        locality: None,
        region: None,
        monthly_cost: list_price(kind),
        label: data.label.clone(),
        account: data.account.map(CarrierAccountId),
    };
    let former_settings = write_data(&FormerSettings::of(&owned));
    let origin = if owned.is_hosted { NumberOrigin::Hosted } else { NumberOrigin::Imported };
    Ok(NumberImport { claim, sid: owned.sid, former_settings, origin, is_pooled: data.is_pooled })
}

/// Step: point the number to this server, and read it back.
async fn point_number(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let data: ImportData = read_data(operation)?;
    let number = number_of(driver, operation).await?;
    let former = former_settings(driver, &number).await?;
    if let Some(why) = data.given_up {
        return Ok(give_back(driver, operation, &number, &former, &why).await);
    }
    let sid = present(number.sid.clone(), "phone_numbers")?;
    let released = || vec![Effect::NumberReleased { number: number.id }];
    let carrier = match driver.carrier_of(&number).await {
        Ok(carrier) => carrier,
        Err(failure) => return Ok(Outcome::failed(operation, &failure, released(), Patience::UntilSettled)),
    };
    let owned = match carrier.fetch(&sid).await {
        Ok(Some(owned)) => owned,
        Ok(None) => {
            let why = "the carrier account no longer holds the number";
            let refusal = Refusal::new(RefusalCode::NotFound, why).at("number");
            return Ok(Outcome::Failed(refusal, Progress::of(operation).with(released())));
        }
        Err(failure) => return Ok(Outcome::failed(operation, &failure, released(), Patience::UntilSettled)),
    };
    let settings = driver.settings_of(&number);
    if deviations(&owned, &settings).is_empty() {
        driver.want_registrations();
        return Ok(confirmed(operation, &number));
    }
    if let Some(outcome) = changed_since(driver, operation, &data, &number, &owned, &former) {
        return Ok(outcome);
    }
    Ok(match carrier.update(&sid, &settings, owned.capabilities.sms).await {
        Ok(pointed) if deviations(&pointed, &settings).is_empty() => {
            driver.want_registrations();
            confirmed(operation, &number)
        }
        // Twilio answers with success even if it ignores a parameter.
        Ok(pointed) if operation.attempts < MOST_TRIES => {
            let deviating = deviations(&pointed, &settings).join(", ");
            warn!(operation = %operation.id, number = mask(number.number.as_str()), deviating, "the carrier did not apply the settings of a number; they are sent again");
            let because = "the carrier did not apply the settings of the number: they are being sent again";
            let because = Refusal::new(RefusalCode::CarrierUnavailable, because);
            Outcome::retry_endlessly(because, Progress::of(operation))
        }
        Ok(_) => given_up(operation, data, "the carrier did not apply the settings of the number".to_owned()),
        // The next attempt finds that the number is gone.
        Err(CarrierError::Rejected(Rejection::NotFound)) => {
            let because =
                Refusal::new(RefusalCode::CarrierUnavailable, "the number is being looked up again");
            Outcome::retry_endlessly(because, Progress::of(operation))
        }
        Err(failure) if failure.is_definitive() => {
            warn!(operation = %operation.id, number = mask(number.number.as_str()), %failure, "carrier rejected the settings of a number to import; its former settings are put back");
            given_up(operation, data, provider_refusal(&failure).message)
        }
        Err(failure) => Outcome::failed(operation, &failure, released(), Patience::UntilSettled),
    })
}

/// The outcome if somebody has changed the number between its record and now: the new settings are recorded, and refused if they
/// point elsewhere and may not be replaced.
fn changed_since(
    driver: &Provisioning,
    operation: &Operation,
    data: &ImportData,
    number: &PhoneNumber,
    owned: &OwnedNumber,
    former: &FormerSettings,
) -> Option<Outcome> {
    let now = FormerSettings::of(owned);
    // After an attempt of ours the settings may be a mixture, which must not be taken for the former ones.
    let is_first = operation.attempts <= 1 && operation.outcome_unknown_at.is_none();
    if !is_first || former.are_set_on(owned) || now.calls_go_to(|url| driver.is_here(url)) {
        return None;
    }
    let elsewhere = driver.points_elsewhere(owned, &[]);
    let progress = Progress::of(operation);
    if !data.replace_settings && !elsewhere.is_empty() {
        let why = format!("{} is in use: {}", number.number, elsewhere.join(", "));
        let refusal = Refusal::new(RefusalCode::InvalidInput, why).at("replaceSettings");
        return Some(Outcome::Failed(refusal, progress.with([Effect::NumberReleased { number: number.id }])));
    }
    let changed = Effect::FormerSettings { number: number.id, settings: write_data(&now) };
    Some(Outcome::Next(Step::PointNumber, progress.with([changed])))
}

/// The outcome if the carrier does not take this server's settings: stored first, so that a crash does not lose the reason.
fn given_up(operation: &Operation, data: ImportData, why: String) -> Outcome {
    let data = ImportData { given_up: Some(why), ..data };
    let progress = Progress { data: write_data(&data), ..Progress::of(operation) };
    if operation.outcome_unknown_at.is_none() {
        return Outcome::Next(Step::PointNumber, progress);
    }
    // An earlier request may still be carried out, after the former settings were put back.
    Outcome::WaitUntil(Pause {
        because: unsettled::<Rejection>(),
        progress,
        wait: SETTLING.to_std().unwrap_or_default(),
        outcome_unknown: false,
    })
}

/// Undo: puts the former settings back and releases the row. If they are rejected, the row stays as long as the carrier sends the
/// number's calls here.
async fn give_back(
    driver: &Provisioning,
    operation: &Operation,
    number: &PhoneNumber,
    former: &FormerSettings,
    why: &str,
) -> Outcome {
    if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
        return Outcome::of_error(
            operation,
            StepError::<CarrierError>::Unsettled(wait),
            Vec::new(),
            Patience::Endless,
        );
    }
    let failed = |why: String, effects: Vec<Effect>| {
        Outcome::Failed(
            Refusal::new(RefusalCode::CarrierRejected, why),
            Progress::of(operation).with(effects),
        )
    };
    let released = vec![Effect::NumberReleased { number: number.id }];
    match put_back(driver, operation, number, former).await {
        Ok(()) => failed(why.to_owned(), released),
        Err(StepError::Rejected(_) | StepError::Refused(_)) => {
            let sid = number.sid.as_deref().unwrap_or_default();
            let owned = match driver.carrier_of(number).await {
                Ok(carrier) => carrier.fetch(sid).await,
                Err(failure) => Err(failure),
            };
            match owned {
                Ok(Some(owned)) if FormerSettings::of(&owned).calls_go_to(|url| driver.is_here(url)) => {
                    error!(operation = %operation.id, number = mask(number.number.as_str()), sid, "number half imported: the carrier took some of its settings, and rejects its former ones");
                    let why = format!(
                        "{why}; the carrier rejects the former settings too, and sends the number's calls here: the number is kept"
                    );
                    failed(why, Vec::new())
                }
                Ok(_) => failed(why.to_owned(), released),
                Err(failure) => Outcome::failed(operation, &failure, Vec::new(), Patience::Endless),
            }
        }
        Err(failure) => Outcome::of_error(operation, failure, Vec::new(), Patience::Endless),
    }
}
