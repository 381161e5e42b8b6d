//! How a number at the carrier, or in the database, differs from what it should be.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::plan::Busy;
use super::report::{Difference, DifferenceKind, Repair};
use crate::carrier::{NumberSettings, OwnedNumber, list_price};
use crate::domain::{NumberStatus, Operation, OperationId, PhoneNumber};
use crate::provisioning::kinds::deviations;
use crate::provisioning::operation_of_mark;

/// A number that a row holds.
pub(super) fn known(owned: &OwnedNumber, row: &PhoneNumber, settings: &NumberSettings) -> Option<Difference> {
    let about = |kind, detail: String| {
        Difference::new(kind, detail).number(&row.number, Some(&owned.sid)).of(row.tenant_id, row.agent_id)
    };
    if row.sid.as_deref().is_some_and(|sid| sid != owned.sid) {
        let detail = format!(
            "the carrier has this number under another id than {}: it was bought anew by somebody else than this system",
            row.sid.as_deref().unwrap_or_default()
        );
        return Some(about(DifferenceKind::ReplacedNumber, detail).costing(row.monthly_cost));
    }
    let bears_anothers_mark = owned.friendly_name != settings.friendly_name;
    if let Some(other) = operation_of_mark(&owned.friendly_name).filter(|_| bears_anothers_mark) {
        let detail = format!(
            "it bears the mark of {other}: another installation with the same carrier account holds it for its own; \
             decide which keeps it, and repair it there"
        );
        return Some(about(DifferenceKind::ContestedNumber, detail).costing(row.monthly_cost));
    }
    if row.status == NumberStatus::Releasing {
        let detail = "it was to be given back, and nothing is at it any more: cancelRelease puts it into service \
                      again, releasePhoneNumber gives it back";
        return Some(about(DifferenceKind::StalledRelease, detail.to_owned()).costing(row.monthly_cost));
    }
    let wrong = deviations(owned, settings);
    if !wrong.is_empty() {
        let detail = format!(
            "set otherwise at the carrier: {}; its calls may not reach their agent",
            wrong.join(", ")
        );
        return Some(
            about(DifferenceKind::MisdirectedNumber, detail)
                .costing(row.monthly_cost)
                .mended_by(Repair::SetRight { id: row.id }),
        );
    }
    (row.status == NumberStatus::Inactive).then(|| {
        let detail = "held to be gone, but the carrier has it".to_owned();
        let recovered = about(DifferenceKind::RecoveredNumber, detail).costing(row.monthly_cost);
        recovered.mended_by(Repair::MarkActive { id: row.id })
    })
}

/// A number that no row holds.
pub(super) fn unknown(
    owned: &OwnedNumber,
    operations: &HashMap<OperationId, &Operation>,
    busy: &Busy,
    is_here: impl Fn(&str) -> bool,
) -> Option<Difference> {
    let cost = owned.kind.map_or(Decimal::ZERO, list_price);
    let about = |kind, detail: String| {
        Difference::new(kind, detail).number(&owned.number, Some(&owned.sid)).costing(cost)
    };
    let foreign = |detail: &str| Some(about(DifferenceKind::ForeignNumber, detail.to_owned()));
    let Some(mark) = operation_of_mark(&owned.friendly_name) else {
        return foreign("not bought by this system: it is left alone");
    };
    match operations.get(&mark) {
        _ if busy.operations.contains(&mark) => None,
        None if owned.voice_url.as_deref().is_some_and(is_here) => {
            let detail = format!(
                "bought by {mark}, which the database does not know, and it points at this server: the database lost \
                 that operation, or another installation has the same address; give it back at the carrier if nobody \
                 needs it"
            );
            Some(about(DifferenceKind::UnrecordedNumber, detail))
        }
        None => foreign("bought by another installation of this system: it is left alone"),
        Some(bought_by) if bought_by.agent_id.is_some_and(|agent| busy.agents.contains(&agent)) => None,
        Some(bought_by) => {
            let detail = format!("bought by {mark}, which {}; nobody holds it", bought_by.state);
            let orphan = about(DifferenceKind::OrphanedNumber, detail);
            Some(
                orphan
                    .of(bought_by.tenant_id, bought_by.agent_id)
                    .mended_by(Repair::GiveBack { bought_by: mark }),
            )
        }
    }
}

pub(super) fn missing_number(row: &PhoneNumber) -> Difference {
    let detail = "the carrier does not have it any more: its calls go nowhere".to_owned();
    Difference::new(DifferenceKind::MissingNumber, detail)
        .number(&row.number, row.sid.as_deref())
        .of(row.tenant_id, row.agent_id)
        .mended_by(Repair::MarkInactive { id: row.id })
}

/// One that was marked INACTIVE for that reason before.
pub(super) fn still_missing_number(row: &PhoneNumber) -> Difference {
    let detail = "the carrier does not have it any more, and it is INACTIVE for that: release it here, or have the carrier \
                  give it back";
    Difference::new(DifferenceKind::MissingNumber, detail.to_owned())
        .number(&row.number, row.sid.as_deref())
        .of(row.tenant_id, row.agent_id)
}
