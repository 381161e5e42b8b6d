//! A number's purchase: search, claim, buy; shared by the kinds that buy one.
//!
//! A number is claimed in the database before it is bought, so that two operations never want the same one, and it
//! is bought by its exact E.164 and under the operation's mark. Twilio answers a purchase of a number that the
//! account already owns with success and re-points it, so whatever may be ours already is looked up first.

use serde::{Deserialize, Serialize};
use tracing::error;

use super::{present, read_data, write_data};
use crate::carrier::{CarrierError, NumberOnSale, NumberSearch, Rejection};
use crate::domain::{
    AreaCode, CountryCode, E164, NumberId, NumberType, Operation, OperationKind, PhoneNumber, Refusal,
    RefusalCode, Step,
};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress};
use crate::store::{ClaimRefused, Effect, Lease, NumberClaim, StoreError};

/// Candidates kept from one search.
const CANDIDATES: u16 = 20;
/// Searches before an operation gives up: between them other customers of the carrier were faster every time.
const SEARCHES: u8 = 3;
/// Area codes suggested where the one asked for has nothing.
const SUGGESTIONS: usize = 5;

/// Which number to look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedNumber {
    /// The country.
    pub country: CountryCode,
    /// The area code, where the country has them.
    pub area_code: Option<AreaCode>,
    /// What kind of number.
    pub kind: NumberType,
    /// This one exactly.
    pub number: Option<E164>,
    /// Whether any other number of the country will do.
    pub any_in_country: bool,
}

/// How far a purchase is: stored with its operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::provisioning) struct Purchase {
    wanted: WantedNumber,
    candidates: Vec<NumberOnSale>,
    searches: u8,
}

/// The part of a kind's data that every kind with a purchase has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::provisioning) struct PurchaseData {
    pub purchase: Option<Purchase>,
}

impl Purchase {
    pub(super) fn new(wanted: WantedNumber) -> Self {
        Self { wanted, candidates: Vec::new(), searches: 0 }
    }

    /// What to do when nothing could be found: say so, with area codes that do have numbers.
    fn none_left(&self, suggested: Vec<AreaCode>) -> Refusal {
        let wanted = &self.wanted;
        let (message, field) = match (&wanted.number, &wanted.area_code) {
            (Some(number), _) => {
                let message = format!("{number} is not for sale: search again with availablePhoneNumbers");
                return Refusal::new(RefusalCode::NumberTaken, message).at("number");
            }
            (None, Some(code)) => (
                format!(
                    "no numbers are for sale in area code {code}: choose another one, or set ifUnavailable to ANY_IN_COUNTRY"
                ),
                "areaCode",
            ),
            (None, None) => (
                format!(
                    "no numbers of this kind are for sale in {}: choose another country or type",
                    wanted.country
                ),
                "country",
            ),
        };
        let refusal = Refusal::new(RefusalCode::NoAvailableNumbers, message).at(field);
        Refusal { suggested_area_codes: suggested, ..refusal }
    }
}

/// What a search came to.
pub(super) enum Found {
    Candidates(Vec<NumberOnSale>),
    Nothing { suggested: Vec<AreaCode> },
}

/// Looks for numbers on sale. Some of them may be barred here: that is looked at afterwards.
pub(super) async fn find(driver: &Provisioning, purchase: &Purchase) -> Result<Found, CarrierError> {
    let wanted = &purchase.wanted;
    let search = NumberSearch {
        country: wanted.country,
        kind: wanted.kind,
        area_code: wanted.area_code.clone().filter(|_| wanted.number.is_none()),
        contains: wanted.number.as_ref().map(|number| number.as_str().trim_start_matches('+').to_owned()),
        limit: CANDIDATES,
    };
    let mut found = driver.carrier().search(&search).await?;
    if let Some(exactly) = &wanted.number {
        found.retain(|candidate| candidate.number == *exactly);
    }
    if !found.is_empty() || search.area_code.is_none() {
        return Ok(candidates_or_nothing(found));
    }
    let anywhere = driver.carrier().search(&NumberSearch { area_code: None, ..search }).await?;
    if wanted.any_in_country {
        return Ok(candidates_or_nothing(anywhere));
    }
    Ok(Found::Nothing { suggested: area_codes(&anywhere) })
}

fn candidates_or_nothing(found: Vec<NumberOnSale>) -> Found {
    if found.is_empty() { Found::Nothing { suggested: Vec::new() } } else { Found::Candidates(found) }
}

fn area_codes(found: &[NumberOnSale]) -> Vec<AreaCode> {
    let mut codes: Vec<AreaCode> = Vec::new();
    for code in found.iter().filter_map(|candidate| candidate.number.area_code()?.parse().ok()) {
        if codes.len() < SUGGESTIONS && !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

/// Step: look for candidates.
pub(in crate::provisioning) async fn search_numbers(
    driver: &Provisioning,
    operation: &Operation,
) -> Result<Outcome, StoreError> {
    let purchase = purchase_of(operation)?;
    match find(driver, &purchase).await {
        Ok(found) => after_search(operation, purchase, found, driver).await,
        Err(failure) => Ok(Outcome::carrier_failed(operation, &failure, Vec::new(), Patience::Bounded)),
    }
}

/// The way on once a search was answered.
pub(super) async fn after_search(
    operation: &Operation,
    mut purchase: Purchase,
    found: Found,
    driver: &Provisioning,
) -> Result<Outcome, StoreError> {
    let progress = Progress::of(operation);
    match found {
        Found::Nothing { suggested } => Ok(Outcome::Failed(purchase.none_left(suggested), progress)),
        Found::Candidates(mut candidates) => {
            let numbers: Vec<E164> = candidates.iter().map(|candidate| candidate.number.clone()).collect();
            let since = driver.purchase_rules().quarantined_since;
            let barred = driver.0.store.barred_among(&numbers, operation.tenant_id, since).await?;
            candidates.retain(|candidate| !barred.contains(&candidate.number));
            purchase.searches = purchase.searches.saturating_add(1);
            purchase.candidates = candidates;
            Ok(Outcome::Next(Step::ClaimNumber, with_purchase(progress, purchase)?))
        }
    }
}

/// Step: write down which number is about to be bought.
pub(in crate::provisioning) async fn claim_number(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
) -> Result<Outcome, StoreError> {
    let mut purchase = purchase_of(operation)?;
    while !purchase.candidates.is_empty() {
        let candidate = purchase.candidates.remove(0);
        let claim = claim_for(driver, candidate);
        let progress = with_purchase(Progress::of(operation), purchase.clone())?.about(Some(claim.id));
        let update = progress.into_update(crate::domain::OperationState::Running, Step::BuyNumber, None);
        match driver.0.store.claim_number(lease, claim, &driver.purchase_rules(), update).await? {
            Ok(recorded) => return Ok(Outcome::Recorded(recorded)),
            Err(ClaimRefused::Taken) => {}
            Err(ClaimRefused::Limit(refusal)) => {
                return Ok(Outcome::Failed(refusal, Progress::of(operation)));
            }
        }
    }
    if purchase.wanted.number.is_some() || purchase.searches >= SEARCHES {
        return Ok(Outcome::Failed(purchase.none_left(Vec::new()), Progress::of(operation)));
    }
    Ok(Outcome::Next(Step::SearchNumbers, with_purchase(Progress::of(operation), purchase)?))
}

fn claim_for(driver: &Provisioning, candidate: NumberOnSale) -> NumberClaim {
    NumberClaim {
        id: NumberId(driver.0.entropy.uuid(driver.0.clock.now())),
        number: candidate.number,
        friendly_name: candidate.friendly_name,
        kind: candidate.kind,
        capabilities: candidate.capabilities,
        country: candidate.country,
        locality: candidate.locality,
        region: candidate.region,
        monthly_cost: candidate.monthly_cost,
    }
}

/// Step: buy exactly the claimed number.
pub(in crate::provisioning) async fn buy_number(
    driver: &Provisioning,
    operation: &Operation,
) -> Result<Outcome, StoreError> {
    let purchase = purchase_of(operation)?;
    let id = present(operation.number_id, "operations")?;
    let number = present(driver.0.store.number(id).await?, "phone_numbers")?;
    let settings = driver.settings(operation.id);

    // A first try with a number the carrier has just offered cannot be ours yet; anything else may be.
    if operation.attempts > 1 || purchase.wanted.number.is_some() {
        match driver.carrier().find(&number.number).await {
            Ok(None) => {}
            Ok(Some(owned)) if owned.friendly_name == settings.friendly_name => {
                return Ok(bought(operation, &number, owned.sid));
            }
            Ok(Some(owned)) => {
                error!(operation = %operation.id, number = %number.number, sid = owned.sid, "the carrier account owns a number that the database does not know: reconcile");
                return next_candidate(operation, purchase, &number);
            }
            Err(failure) => {
                return Ok(Outcome::carrier_failed(operation, &failure, free(&number), Patience::Endless));
            }
        }
    }
    match driver.carrier().buy(&number.number, &settings).await {
        Ok(owned) => Ok(bought(operation, &number, owned.sid)),
        Err(CarrierError::Rejected(Rejection::NumberNotAvailable)) => {
            next_candidate(operation, purchase, &number)
        }
        Err(failure @ CarrierError::OutcomeUnknown { .. }) => {
            Ok(Outcome::carrier_failed(operation, &failure, free(&number), Patience::Endless))
        }
        Err(failure) => Ok(Outcome::carrier_failed(operation, &failure, free(&number), Patience::Bounded)),
    }
}

fn bought(operation: &Operation, number: &PhoneNumber, sid: String) -> Outcome {
    Outcome::Done(Progress::of(operation).with([Effect::NumberBought { number: number.id, sid }]))
}

/// Undo of a claim: nothing was bought.
fn free(number: &PhoneNumber) -> Vec<Effect> {
    vec![Effect::NumberReleased { number: number.id }]
}

fn next_candidate(
    operation: &Operation,
    purchase: Purchase,
    number: &PhoneNumber,
) -> Result<Outcome, StoreError> {
    let progress = Progress::of(operation).with(free(number)).about(None);
    if purchase.wanted.number.is_some() {
        return Ok(Outcome::Failed(purchase.none_left(Vec::new()), progress));
    }
    Ok(Outcome::Next(Step::ClaimNumber, with_purchase(progress, purchase)?))
}

fn purchase_of(operation: &Operation) -> Result<Purchase, StoreError> {
    present(read_data::<PurchaseData>(operation)?.purchase, "operations")
}

fn with_purchase(progress: Progress, purchase: Purchase) -> Result<Progress, StoreError> {
    Ok(Progress { data: write_data(&PurchaseData { purchase: Some(purchase) })?, ..progress })
}

/// Whether this operation buys a number for its agent.
pub(super) fn buys_a_number(operation: &Operation) -> bool {
    match operation.kind {
        OperationKind::ProvisionNumber => true,
        OperationKind::CreateAgent => {
            read_data::<PurchaseData>(operation).is_ok_and(|data| data.purchase.is_some())
        }
        OperationKind::ReleaseNumber | OperationKind::RepairNumber | OperationKind::DeleteAgent => false,
    }
}
