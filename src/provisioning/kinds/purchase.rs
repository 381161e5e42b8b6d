//! The purchase of a number: search, claim, buy. Shared by the kinds that buy one.
//!
//! A number is claimed in the database before it is bought, so that two operations never buy the same number. It is bought by
//! its exact E.164 and under the operation's mark.
//!
//! Twilio reports success for the purchase of a number that the account already owns, and another installation may share
//! the account. Therefore, in the terms of [`ownership`]:
//! - Before every purchase request, the number is looked up in the account. A number under another name is left unchanged; a
//!   number under this operation's mark was bought by an earlier request.
//! - The purchase request sets only the name. Its answer decides who owns the number, and only an own number is pointed to
//!   this server; calls to another owner's number are not redirected.
//! - A number of another owner loses this operation's mark before its claim is freed.
//! - While the carrier may still carry out an earlier request, the claim is not freed, whatever it answers to a later one. The
//!   answer is stored, and used once a further look-up finds nothing.
//! - Once a number is bought, the operation ends only when the number points to this server, is released, or turns out to
//!   belong to another owner.
//!
//! A number in the operator's stock is taken instead, if one matches: nothing is bought then ([`stock`]).
//!
//! A purchase with [`WantedNumber::any_in_country`] leaves the area code only when all numbers on sale there, or as many as
//! [`SEARCHES`] cover, have been tried ([`Purchase::searched`]).

mod buy;
mod ownership;
mod stock;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Runner, read_data, write_data};
use crate::carrier::{CarrierError, NumberOnSale, NumberSearch, Rejection};
use crate::domain::{
    AreaCode, CarrierAccountId, CountryCode, E164, NumberId, NumberLabel, NumberType, Operation,
    OperationState, Refusal, RefusalCode, Step, TenantId,
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

/// Maximum number of candidates kept from one search.
const CANDIDATES: usize = 20;
/// Result limit of each successive search; after the last the operation fails. A search lists the same numbers first each time,
/// so if none of them can be bought, the next search must ask for more.
// 1000 is the largest page of Twilio, and a search has no further pages.
const SEARCHES: [u16; 3] = [20, 200, 1000];
/// Maximum number of area codes suggested when the requested one has no numbers.
const SUGGESTIONS: usize = 5;

/// The request for a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedNumber {
    /// Country of the number.
    pub country: CountryCode,
    /// Requested area code; only in countries with area codes.
    pub area_code: Option<AreaCode>,
    /// Requested type of number.
    pub kind: NumberType,
    /// Buy exactly this number; `None` buys any that matches.
    pub number: Option<E164>,
    /// Whether to search the whole country if the area code has no numbers.
    pub any_in_country: bool,
    /// The tenant's own name for the number.
    // Left out if there is none, so that a repeated request matches one that an earlier version stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<NumberLabel>,
}

/// The state of a purchase, stored with its operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::provisioning) struct Purchase {
    wanted: WantedNumber,
    candidates: Vec<NumberOnSale>,
    searches: u8,
    // Fields with a default may be missing in an operation that an earlier version stored.
    /// Whether the search has left the area code.
    #[serde(default)]
    elsewhere: bool,
    /// Number of candidates that the carrier refused because an address or documents are missing.
    #[serde(default)]
    regulated: u8,
    /// The carrier's rejection of the claimed number, stored while the outcome of an earlier request is unknown.
    #[serde(default)]
    refused: Option<Refused>,
    /// When the claimed number was on sale, by the carrier's clock.
    #[serde(default)]
    offered_at: Option<DateTime<Utc>>,
    /// This server's voice URL at the time of the claim.
    #[serde(default)]
    voice_url: Option<String>,
    /// Whether a number from stock will do.
    #[serde(default)]
    stock: FromStock,
}

/// Whether a number is taken from stock instead of being bought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FromStock {
    /// Not looked for yet.
    #[default]
    Untried,
    /// One was there.
    Available,
    /// None matches, or others have taken them all.
    Unavailable,
}

/// Why the claimed number cannot be had.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refused {
    /// The number is sold to somebody else.
    Sold,
    /// The carrier requires an address or documents on file.
    Regulated,
    /// The carrier rejects the purchase of any number.
    Purchase {
        /// The reason, as shown to the tenant.
        message: String,
    },
    /// The carrier sold the number and rejects its settings; the number is released.
    Settings {
        /// The reason, as shown to the tenant.
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

/// Data of every kind with a purchase; `purchase` is `None` if no number was requested.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::provisioning) struct PurchaseData {
    pub purchase: Option<Purchase>,
}

impl Purchase {
    pub(super) fn new(wanted: WantedNumber) -> Self {
        let (candidates, searches, elsewhere, regulated) = (Vec::new(), 0, false, 0);
        let (refused, offered_at, voice_url, stock) = (None, None, None, FromStock::Untried);
        Self { wanted, candidates, searches, elsewhere, regulated, refused, offered_at, voice_url, stock }
    }

    /// Result limit of the next search; `None` after the last search.
    fn next_search(&self) -> Option<u16> {
        SEARCHES.get(usize::from(self.searches)).copied()
    }

    /// Counts a search. Once the area code is exhausted, the searches start over for the whole country.
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

    /// The refusal when no number can be had, with area codes that have numbers.
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
                    "no numbers are available in area code {code}: choose another one, or set ifUnavailable to ANY_IN_COUNTRY"
                ),
                "areaCode",
            ),
            (None, None) => (
                format!(
                    "no numbers of this type are available in {}: choose another country or type",
                    wanted.country
                ),
                "country",
            ),
        };
        let refusal = Refusal::new(RefusalCode::NoAvailableNumbers, message).at(field);
        Refusal { suggested_area_codes: suggested, ..refusal }
    }
}

/// The result of a search.
pub(super) enum Found {
    /// A number in stock matches.
    InStock,
    Candidates(Vec<NumberOnSale>, Reach),
    Nothing {
        suggested: Vec<AreaCode>,
    },
}

/// How far a search has looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The first matching numbers, up to the search's limit.
    First,
    /// All matching numbers: the carrier listed fewer than the limit.
    WholeArea,
    /// The whole country, because the area code has no numbers.
    Elsewhere,
}

/// Searches numbers on sale, with a higher limit each time. Quarantined and held numbers are
/// removed later, by [`after_search`].
pub(super) async fn find(
    driver: &Provisioning,
    purchase: &Purchase,
    tenant: TenantId,
) -> Result<Found, CarrierError> {
    let wanted = &purchase.wanted;
    if stock::has_one_for(driver, purchase, tenant).await {
        return Ok(Found::InStock);
    }
    let search = NumberSearch {
        country: wanted.country,
        kind: wanted.kind,
        area_code: wanted.area_code.clone().filter(|_| wanted.number.is_none() && !purchase.elsewhere),
        // In this filter Twilio reads a plus sign as the start of the number, not as a digit.
        contains: wanted.number.as_ref().map(|number| number.as_str().trim_start_matches('+').to_owned()),
        limit: purchase.next_search().unwrap_or(SEARCHES[0]),
    };
    let mut found = driver.carrier().search(&search, tenant).await?;
    let reach = if found.len() < usize::from(search.limit) { Reach::WholeArea } else { Reach::First };
    if let Some(exactly) = &wanted.number {
        // The carrier's filter also matches longer numbers that contain these digits.
        found.retain(|candidate| candidate.number == *exactly);
    }
    if !found.is_empty() || search.area_code.is_none() {
        return Ok(candidates_or_nothing(found, reach));
    }
    // Searched also for the suggestions alone: a tenant that gets no number learns where there are some.
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

/// Step: search for candidates.
async fn search_numbers(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let purchase = purchase_of(operation)?;
    match find(driver, &purchase, operation.tenant_id).await {
        Ok(found) => after_search(operation, purchase, found, driver).await,
        Err(failure) => Ok(Outcome::failed(operation, &failure, Vec::new(), Patience::Bounded)),
    }
}

/// The outcome of an answered search: claim a candidate, or fail.
pub(super) async fn after_search(
    operation: &Operation,
    mut purchase: Purchase,
    found: Found,
    driver: &Provisioning,
) -> Result<Outcome, StoreError> {
    let progress = Progress::of(operation);
    match found {
        Found::InStock => {
            purchase.stock = FromStock::Available;
            Ok(Outcome::Next(Step::ClaimNumber, with_purchase(progress, purchase)))
        }
        Found::Nothing { suggested } => Ok(Outcome::Failed(purchase.none_left(suggested), progress)),
        Found::Candidates(mut candidates, reach) => {
            let numbers: Vec<E164> = candidates.iter().map(|candidate| candidate.number.clone()).collect();
            let since = driver.purchase_rules(operation.tenant_id).quarantined_since;
            let barred = driver.0.store.barred_among(&numbers, operation.tenant_id, since).await?;
            let is_regulated = purchase.regulated > 0;
            candidates.retain(|candidate| {
                let needs_what_we_lack = is_regulated && candidate.needs_address;
                !needs_what_we_lack && !barred.contains(&candidate.number)
            });
            // The sort is stable, so the carrier's order is kept otherwise.
            candidates.sort_by_key(|candidate| candidate.needs_address);
            candidates.truncate(CANDIDATES);
            purchase.searched(reach);
            purchase.candidates = candidates;
            Ok(Outcome::Next(Step::ClaimNumber, with_purchase(progress, purchase)))
        }
    }
}

/// Step: store which number is about to be bought.
async fn claim_number(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
) -> Result<Outcome, StoreError> {
    let mut purchase = purchase_of(operation)?;
    let account = match driver.account_for_purchases(operation).await? {
        Ok(account) => account,
        Err(outcome) => return Ok(outcome),
    };
    if purchase.stock == FromStock::Available {
        if account.is_none() {
            return stock::take(driver, operation, lease, purchase).await;
        }
        // The stock is in the platform's account, this tenant's numbers in another.
        purchase.stock = FromStock::Unavailable;
        return Ok(Outcome::Next(Step::SearchNumbers, with_purchase(Progress::of(operation), purchase)));
    }
    let rules = driver.purchase_rules(operation.tenant_id);
    while !purchase.candidates.is_empty() {
        // Stored with the claim: after a crash no candidate is tried a second time.
        let candidate = purchase.candidates.remove(0);
        purchase.offered_at = candidate.offered_at;
        // WEBHOOK_BASE_URL may change before the purchase ends; a number at the old address is still ours.
        purchase.voice_url = Some(driver.settings(operation.id).voice_url.into());
        let claim = claim_for(driver, candidate, purchase.wanted.label.clone(), account);
        let progress = with_purchase(Progress::of(operation), purchase.clone()).about(Some(claim.id));
        let update = progress.into_update(OperationState::Running, Step::BuyNumber, None);
        // One transaction: a crash between claim and step would leave a claim that no step frees.
        match driver.0.store.claim_number(lease, claim, &rules, update).await {
            Ok(recorded) => return Ok(Outcome::Recorded(recorded)),
            Err(ClaimError::Taken) => {}
            Err(ClaimError::Limit(refusal)) => {
                return Ok(Outcome::Failed(refusal, Progress::of(operation)));
            }
            Err(ClaimError::Store(failure)) => return Err(failure),
        }
    }
    // Another search for one exact number would find the same number again.
    if purchase.wanted.number.is_some() || purchase.next_search().is_none() {
        return Ok(Outcome::Failed(purchase.none_left(Vec::new()), Progress::of(operation)));
    }
    Ok(Outcome::Next(Step::SearchNumbers, with_purchase(Progress::of(operation), purchase)))
}

fn claim_for(
    driver: &Provisioning,
    candidate: NumberOnSale,
    label: Option<NumberLabel>,
    account: Option<CarrierAccountId>,
) -> NumberClaim {
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
        label,
        account,
    }
}

fn purchase_of(operation: &Operation) -> Result<Purchase, StoreError> {
    let missing = StoreError::Corrupt { table: "operations", column: "data" };
    read_data::<PurchaseData>(operation)?.purchase.ok_or(missing)
}

fn with_purchase(progress: Progress, purchase: Purchase) -> Progress {
    Progress { data: write_data(&PurchaseData { purchase: Some(purchase) }), ..progress }
}

/// The area code that this operation wants, if it buys a number of one.
pub(in crate::provisioning) fn area_code_of(operation: &Operation) -> Option<AreaCode> {
    read_data::<PurchaseData>(operation).ok()?.purchase?.wanted.area_code
}

/// Whether this operation buys a number for its agent.
pub(super) fn buys_a_number(operation: &Operation) -> bool {
    let data = || read_data::<PurchaseData>(operation);
    operation.kind.may_buy() && data().is_ok_and(|data| data.purchase.is_some())
}
