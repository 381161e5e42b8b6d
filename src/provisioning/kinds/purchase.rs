//! A number's purchase: search, claim, buy; shared by the kinds that buy one.
//!
//! A number is claimed in the database before it is bought, so that two operations never want the same one, and it
//! is bought by its exact E.164 and under the operation's mark.
//!
//! Twilio answers a purchase of a number that the account already owns with success, and the account may be shared with
//! another installation. So ([`ownership`]):
//! - Before every request to buy, the number is looked up in the account. One that is owned under another name is left as
//!   it is; one under our mark was bought by an earlier request of ours.
//! - A purchase changes nothing but the number's name. Whose the number is, is decided by what comes back, and only one that
//!   is ours is pointed here: somebody else's goes on sending its calls where it sent them.
//! - A number that turns out to be somebody else's loses our mark before its claim is freed.
//! - While an earlier request may still be carried out, a claim is not freed, whatever the carrier answers to a later one:
//!   the answer is kept, and acted on once a further look has found nothing.
//! - Once a number is bought, the operation ends only when the number is pointed here, given back, or somebody else's.
//!
//! A purchase that may take any number of the country ([`WantedNumber::any_in_country`]) leaves the area code only when every
//! number on sale there was looked at, or as many as [`SEARCHES`] look at, and none can be had ([`Purchase::searched`]).

mod buy;
mod ownership;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Runner, read_data, write_data};
use crate::carrier::{CarrierError, NumberOnSale, NumberSearch, Rejection};
use crate::domain::{
    AreaCode, CountryCode, E164, NumberId, NumberType, Operation, OperationState, Refusal, RefusalCode, Step,
    TenantId,
};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Patience, Progress};
use crate::provisioning::refusals::ForTenants;
use crate::store::{ClaimError, Lease, NumberClaim, StoreError};

pub(super) const SEARCH: (Step, Runner) =
    (Step::SearchNumbers, |driver, operation, _| Box::pin(search_numbers(driver, operation)));
pub(super) const CLAIM: (Step, Runner) =
    (Step::ClaimNumber, |driver, operation, lease| Box::pin(claim_number(driver, operation, lease)));
pub(super) const BUY: (Step, Runner) =
    (Step::BuyNumber, |driver, operation, _| Box::pin(buy::buy_number(driver, operation)));

/// Candidates kept from one search.
const CANDIDATES: usize = 20;
/// How many numbers each search asks for, one search after the other, before an operation gives up. A search shows the
/// same numbers first each time: when none of them can be had, the next must look further.
const SEARCHES: [u16; 3] = [20, 200, 1000];
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
    /// Whether it has left the area code.
    #[serde(default)]
    elsewhere: bool,
    /// How many candidates the carrier has refused for want of an address or documents.
    #[serde(default)]
    regulated: u8,
    /// The carrier's rejection of the claimed number, kept while the outcome of an earlier request for it is unknown.
    #[serde(default)]
    refused: Option<Refused>,
    /// When the claimed number was on sale, by the carrier's clock.
    #[serde(default)]
    offered_at: Option<DateTime<Utc>>,
    /// Where the claimed number was to be pointed when it was claimed.
    #[serde(default)]
    voice_url: Option<String>,
}

/// How the carrier refused to sell a number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refused {
    /// It is sold.
    Sold,
    /// It asks for an address or documents on file.
    Regulated,
    /// The purchase, of whichever number.
    Purchase {
        /// Why, for the client.
        message: String,
    },
    /// Our settings, for a number that it has sold: it is given back.
    Settings {
        /// Why, for the client.
        message: String,
    },
}

impl Refused {
    fn by(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::NumberNotAvailable => Self::Sold,
            Rejection::Regulation => Self::Regulated,
            other => Self::Purchase { message: other.refusal().message },
        }
    }
}

/// The part of a kind's data that every kind with a purchase has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::provisioning) struct PurchaseData {
    pub purchase: Option<Purchase>,
}

impl Purchase {
    pub(super) fn new(wanted: WantedNumber) -> Self {
        let (candidates, searches, elsewhere, regulated) = (Vec::new(), 0, false, 0);
        let (refused, offered_at, voice_url) = (None, None, None);
        Self { wanted, candidates, searches, elsewhere, regulated, refused, offered_at, voice_url }
    }

    /// How many numbers the next search asks for; `None` when enough were made.
    fn next_search(&self) -> Option<u16> {
        SEARCHES.get(usize::from(self.searches)).copied()
    }

    /// A search was answered. Once the area code shows no further numbers, the searches elsewhere begin from the first.
    fn searched(&mut self, reach: Reach) {
        self.searches = self.searches.saturating_add(1);
        let is_area_over = reach == Reach::WholeArea || self.next_search().is_none();
        if reach == Reach::Elsewhere {
            self.elsewhere = true;
        } else if self.may_leave_area() && is_area_over {
            (self.elsewhere, self.searches) = (true, 0);
        }
    }

    fn may_leave_area(&self) -> bool {
        self.wanted.any_in_country && self.wanted.area_code.is_some() && !self.elsewhere
    }

    /// What to do when nothing could be found: say so, with area codes that do have numbers.
    fn none_left(&self, suggested: Vec<AreaCode>) -> Refusal {
        let wanted = &self.wanted;
        if self.regulated > 0 {
            return Rejection::Regulation.refusal();
        }
        let (message, field) = match (&wanted.number, &wanted.area_code) {
            (Some(number), _) => {
                let message = format!("{number} is not for sale: search again with availablePhoneNumbers");
                return Refusal::new(RefusalCode::NumberTaken, message).at("number");
            }
            (None, Some(code)) => (
                format!(
                    "no numbers can be had in area code {code}: choose another one, or set ifUnavailable to ANY_IN_COUNTRY"
                ),
                "areaCode",
            ),
            (None, None) => (
                format!(
                    "no numbers of this kind can be had in {}: choose another country or type",
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
    Candidates(Vec<NumberOnSale>, Reach),
    Nothing { suggested: Vec<AreaCode> },
}

/// How far a search has looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The first of the numbers wanted.
    First,
    /// All of them: the carrier listed fewer than it was asked for.
    WholeArea,
    /// The country, after the area code had nothing.
    Elsewhere,
}

/// Looks for numbers on sale, further with every search. Some of them may be barred here: that is looked at afterwards.
pub(super) async fn find(
    driver: &Provisioning,
    purchase: &Purchase,
    tenant: TenantId,
) -> Result<Found, CarrierError> {
    let wanted = &purchase.wanted;
    let search = NumberSearch {
        country: wanted.country,
        kind: wanted.kind,
        area_code: wanted.area_code.clone().filter(|_| wanted.number.is_none() && !purchase.elsewhere),
        contains: wanted.number.as_ref().map(|number| number.as_str().trim_start_matches('+').to_owned()),
        limit: purchase.next_search().unwrap_or(SEARCHES[0]),
    };
    let mut found = driver.carrier().search(&search, tenant).await?;
    let reach = if found.len() < usize::from(search.limit) { Reach::WholeArea } else { Reach::First };
    if let Some(exactly) = &wanted.number {
        found.retain(|candidate| candidate.number == *exactly);
    }
    if !found.is_empty() || search.area_code.is_none() {
        return Ok(candidates_or_nothing(found, reach));
    }
    let anywhere = driver.carrier().search(&NumberSearch { area_code: None, ..search }, tenant).await?;
    if wanted.any_in_country {
        return Ok(candidates_or_nothing(anywhere, Reach::Elsewhere));
    }
    Ok(Found::Nothing { suggested: area_codes(&anywhere) })
}

fn candidates_or_nothing(found: Vec<NumberOnSale>, reach: Reach) -> Found {
    if found.is_empty() { Found::Nothing { suggested: Vec::new() } } else { Found::Candidates(found, reach) }
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
async fn search_numbers(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let purchase = purchase_of(operation)?;
    match find(driver, &purchase, operation.tenant_id).await {
        Ok(found) => after_search(operation, purchase, found, driver).await,
        Err(failure) => Ok(Outcome::failed(operation, &failure, Vec::new(), Patience::Bounded)),
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
        Found::Candidates(mut candidates, reach) => {
            let numbers: Vec<E164> = candidates.iter().map(|candidate| candidate.number.clone()).collect();
            let since = driver.purchase_rules().quarantined_since;
            let barred = driver.0.store.barred_among(&numbers, operation.tenant_id, since).await?;
            let is_regulated = purchase.regulated > 0;
            candidates.retain(|candidate| {
                let needs_what_we_lack = is_regulated && candidate.needs_address;
                !needs_what_we_lack && !barred.contains(&candidate.number)
            });
            // Stable: otherwise in the carrier's order.
            candidates.sort_by_key(|candidate| candidate.needs_address);
            candidates.truncate(CANDIDATES);
            purchase.searched(reach);
            purchase.candidates = candidates;
            Ok(Outcome::Next(Step::ClaimNumber, with_purchase(progress, purchase)))
        }
    }
}

/// Step: write down which number is about to be bought.
async fn claim_number(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
) -> Result<Outcome, StoreError> {
    let mut purchase = purchase_of(operation)?;
    while !purchase.candidates.is_empty() {
        let candidate = purchase.candidates.remove(0);
        purchase.offered_at = candidate.offered_at;
        purchase.voice_url = Some(driver.settings(operation.id).voice_url.into());
        let claim = claim_for(driver, candidate);
        let progress = with_purchase(Progress::of(operation), purchase.clone()).about(Some(claim.id));
        let update = progress.into_update(OperationState::Running, Step::BuyNumber, None);
        match driver.0.store.claim_number(lease, claim, &driver.purchase_rules(), update).await {
            Ok(recorded) => return Ok(Outcome::Recorded(recorded)),
            Err(ClaimError::Taken) => {}
            Err(ClaimError::Limit(refusal)) => {
                return Ok(Outcome::Failed(refusal, Progress::of(operation)));
            }
            Err(ClaimError::Store(failure)) => return Err(failure),
        }
    }
    if purchase.wanted.number.is_some() || purchase.next_search().is_none() {
        return Ok(Outcome::Failed(purchase.none_left(Vec::new()), Progress::of(operation)));
    }
    Ok(Outcome::Next(Step::SearchNumbers, with_purchase(Progress::of(operation), purchase)))
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

fn purchase_of(operation: &Operation) -> Result<Purchase, StoreError> {
    let missing = StoreError::Corrupt { table: "operations", column: "data" };
    read_data::<PurchaseData>(operation)?.purchase.ok_or(missing)
}

fn with_purchase(progress: Progress, purchase: Purchase) -> Progress {
    Progress { data: write_data(&PurchaseData { purchase: Some(purchase) }), ..progress }
}

/// Whether this operation buys a number for its agent.
pub(super) fn buys_a_number(operation: &Operation) -> bool {
    let data = || read_data::<PurchaseData>(operation);
    operation.kind.may_buy() && data().is_ok_and(|data| data.purchase.is_some())
}
