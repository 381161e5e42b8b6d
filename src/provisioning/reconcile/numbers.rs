//! Differences of numbers between the carrier and the database.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use super::plan::{AccountInventory, Busy, Inventories};
use super::plausibility::{Implausible, plausible};
use super::report::{Difference, DifferenceKind, Repair};
use crate::carrier::{NumberSettings, OwnedNumber, list_price};
use crate::domain::{CarrierAccount, NumberStatus, Operation, OperationId, PhoneNumber};
use crate::provisioning::kinds::deviations;
use crate::provisioning::operation_of_mark;
use crate::store::ExpectedInventory;

/// What the numbers of one account are compared with.
struct Comparison<'a, S, H> {
    expected: &'a ExpectedInventory,
    busy: &'a Busy,
    /// By the digits, not by the id: a number that was bought again has another id.
    rows: HashMap<&'a str, &'a PhoneNumber>,
    operations: HashMap<OperationId, &'a Operation>,
    /// The numbers of all accounts.
    listed: HashSet<&'a str>,
    settings: S,
    is_here: H,
}

impl Inventories {
    /// The differences of numbers.
    ///
    /// # Errors
    /// [`Implausible`] if too many are missing in the platform's account.
    pub(super) fn numbers(
        &self,
        expected: &ExpectedInventory,
        busy: &Busy,
        settings: impl Fn(&PhoneNumber) -> NumberSettings,
        is_here: impl Fn(&str) -> bool,
    ) -> Result<Vec<Difference>, Implausible> {
        let comparison = Comparison {
            expected,
            busy,
            rows: expected.numbers.iter().map(|row| (row.number.as_str(), row)).collect(),
            operations: expected.operations.iter().map(|operation| (operation.id, operation)).collect(),
            listed: self.listed().map(|owned| owned.number.as_str()).collect(),
            settings,
            is_here,
        };
        let mut differences = comparison.of(None, &self.numbers)?;
        for AccountInventory { account, numbers } in &self.accounts {
            let found = match numbers {
                Ok(numbers) => comparison.of(Some(account), numbers).map_err(|why| why.to_string()),
                Err(why) => Err(why.clone()),
            };
            match found {
                Ok(found) => differences.extend(found),
                Err(why) => {
                    let detail =
                        format!("the numbers of the account {} were not compared: {why}", account.sid);
                    let unchecked = Difference::new(DifferenceKind::UncheckedAccount, detail);
                    differences.push(unchecked.of(account.tenant_id, None).in_account(Some(account.id)));
                }
            }
        }
        Ok(differences)
    }
}

impl<S: Fn(&PhoneNumber) -> NumberSettings, H: Fn(&str) -> bool> Comparison<'_, S, H> {
    /// The differences of the numbers in one account; `None`: the platform's.
    fn of(
        &self,
        account: Option<&CarrierAccount>,
        numbers: &[OwnedNumber],
    ) -> Result<Vec<Difference>, Implausible> {
        let (expected, busy, id) = (self.expected, self.busy, account.map(|account| account.id));
        let mut differences = Vec::new();
        for owned in numbers {
            let difference = match self.rows.get(owned.number.as_str()) {
                Some(row) if busy.number(row) => None,
                Some(row) if row.accounts.owner != id => Some(misplaced_number(owned, row, account)),
                // Held by an unreadable row. As an orphan it would be released.
                None if expected.unreadable.held.contains(owned.number.as_str())
                    || expected.unreadable.held.contains(&owned.sid) =>
                {
                    None
                }
                Some(row) => {
                    let elsewhere = expected.misdirected.get(&row.id).map(String::as_str);
                    held_number(owned, row, &(self.settings)(row), elsewhere)
                }
                None => unheld_number(owned, &self.operations, busy, &self.is_here)
                    // What else a tenant has in its own account is not the operator's business.
                    .filter(|difference| id.is_none() || difference.kind != DifferenceKind::ForeignNumber),
            };
            differences.extend(difference.map(|difference| difference.in_account(id)));
        }
        let owned: HashSet<&str> = numbers.iter().map(|owned| owned.number.as_str()).collect();
        let ours = || expected.numbers.iter().filter(|row| row.accounts.owner == id && !busy.number(row));
        let settled: Vec<&PhoneNumber> =
            ours().filter(|row| row.sid.is_some() && row.status == NumberStatus::Active).collect();
        // One that another account has is reported there.
        let missing: Vec<&&PhoneNumber> =
            settled.iter().filter(|row| !self.listed.contains(row.number.as_str())).collect();
        plausible("numbers", missing.len(), settled.len())?;
        differences.extend(missing.into_iter().map(|row| missing_number(row)));
        // Not counted above: numbers known to be missing say nothing about this list.
        let noted = ours().filter(|row| {
            let is_gone = row.sid.is_some() && !owned.contains(row.number.as_str());
            is_gone && row.status == NumberStatus::Inactive
        });
        differences.extend(noted.map(still_missing_number));
        Ok(differences)
    }
}

/// A number that another account has than the one that it is known to be in.
fn misplaced_number(owned: &OwnedNumber, row: &PhoneNumber, found_in: Option<&CarrierAccount>) -> Difference {
    let account = found_in.map_or("the platform's account", |account| account.sid.as_str());
    let detail = format!(
        "the carrier has it in {account}, and this system expects it in another account: its calls are rejected; move it \
         back at the carrier"
    );
    Difference::new(DifferenceKind::MisdirectedNumber, detail)
        .number(&row.number, Some(&owned.sid))
        .of(row.tenant_id, row.agent_id)
        .costing(row.monthly_cost)
}

/// Compares a number of the account with the row that holds it; `None` if both agree. `elsewhere` says why its texts do not reach
/// this server, whatever its settings are.
fn held_number(
    owned: &OwnedNumber,
    row: &PhoneNumber,
    settings: &NumberSettings,
    elsewhere: Option<&str>,
) -> Option<Difference> {
    let about = |kind, detail: String| {
        Difference::new(kind, detail).number(&row.number, Some(&owned.sid)).of(row.tenant_id, row.agent_id)
    };
    if row.sid.as_deref().is_some_and(|sid| sid != owned.sid) {
        let detail = format!(
            "the carrier has this number under another id than {}: it was bought again, but not by this system",
            row.sid.as_deref().unwrap_or_default()
        );
        return Some(about(DifferenceKind::ReplacedNumber, detail).costing(row.monthly_cost));
    }
    // Before the settings: a repair would take the number away from the other installation.
    let bears_anothers_mark = settings.friendly_name.as_ref() != Some(&owned.friendly_name);
    if let Some(other) = operation_of_mark(&owned.friendly_name).filter(|_| bears_anothers_mark) {
        let detail = format!(
            "it has the mark of {other}: another installation with the same carrier account claims it; decide which \
             one keeps it, and repair it there"
        );
        return Some(about(DifferenceKind::ContestedNumber, detail).costing(row.monthly_cost));
    }
    if row.status == NumberStatus::Releasing {
        let detail = "its release has stalled: no operation carries it out; cancelRelease puts it into service again, \
                      releasePhoneNumber releases it";
        return Some(about(DifferenceKind::StalledRelease, detail.to_owned()).costing(row.monthly_cost));
    }
    let wrong = deviations(owned, settings);
    if !wrong.is_empty() {
        let mut detail =
            format!("different settings at the carrier: {}; calls may not reach the agent", wrong.join(", "));
        if let Some(elsewhere) = elsewhere {
            detail.push_str("; ");
            detail.push_str(elsewhere);
        }
        return Some(
            about(DifferenceKind::MisdirectedNumber, detail)
                .costing(row.monthly_cost)
                .repaired_by(Repair::RestoreSettings { id: row.id }),
        );
    }
    if let Some(elsewhere) = elsewhere.filter(|_| row.status != NumberStatus::Inactive) {
        // Without a repair: the service may belong to another system.
        let about = about(DifferenceKind::MisdirectedNumber, elsewhere.to_owned());
        return Some(about.costing(row.monthly_cost));
    }
    (row.status == NumberStatus::Inactive).then(|| {
        let detail = "marked INACTIVE, but the carrier has it".to_owned();
        let recovered = about(DifferenceKind::RecoveredNumber, detail).costing(row.monthly_cost);
        recovered.repaired_by(Repair::MarkActive { id: row.id })
    })
}

/// Classifies a number of the account that no row holds; `None` while an operation may still be working on it.
fn unheld_number(
    owned: &OwnedNumber,
    operations: &HashMap<OperationId, &Operation>,
    busy: &Busy,
    is_here: impl Fn(&str) -> bool,
) -> Option<Difference> {
    // By list price: no row says what the account pays for it.
    let cost = owned.kind.map_or(Decimal::ZERO, list_price);
    let about = |kind, detail: String| {
        Difference::new(kind, detail).number(&owned.number, Some(&owned.sid)).costing(cost)
    };
    let foreign = |detail: &str| Some(about(DifferenceKind::ForeignNumber, detail.to_owned()));
    let Some(mark) = operation_of_mark(&owned.friendly_name) else {
        return foreign("not bought by this system: not changed");
    };
    match operations.get(&mark) {
        _ if busy.operations.contains(&mark) => None,
        // Reported separately, because a database restored from a backup looks like this.
        None if owned.voice_url.as_deref().is_some_and(is_here) => {
            let detail = format!(
                "bought by {mark}, which the database does not know, and it points to this server: the database lost \
                 that operation, or another installation has the same address; release it at the carrier if it is not \
                 needed"
            );
            Some(about(DifferenceKind::UnrecordedNumber, detail))
        }
        None => foreign("bought by another installation of this system: not changed"),
        Some(bought_by) if bought_by.agent_id.is_some_and(|agent| busy.agents.contains(&agent)) => None,
        Some(bought_by) => {
            let detail = format!("bought by {mark}, which {}, but no agent holds it", bought_by.state);
            let orphan = about(DifferenceKind::OrphanedNumber, detail);
            Some(
                orphan
                    .of(bought_by.tenant_id, bought_by.agent_id)
                    .repaired_by(Repair::ReleaseNumber { bought_by: mark }),
            )
        }
    }
}

fn missing_number(row: &PhoneNumber) -> Difference {
    let detail = "the carrier no longer has it: calls to it do not arrive".to_owned();
    Difference::new(DifferenceKind::MissingNumber, detail)
        .number(&row.number, row.sid.as_deref())
        .of(row.tenant_id, row.agent_id)
        .repaired_by(Repair::MarkInactive { id: row.id })
}

/// A missing number that is already marked INACTIVE.
fn still_missing_number(row: &PhoneNumber) -> Difference {
    let detail = "the carrier no longer has it, and it is marked INACTIVE: release it here, or ask the carrier to \
                  restore it";
    Difference::new(DifferenceKind::MissingNumber, detail.to_owned())
        .number(&row.number, row.sid.as_deref())
        .of(row.tenant_id, row.agent_id)
}
