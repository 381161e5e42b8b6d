//! The report of a reconciliation, stored as JSON and shown to operators.
//!
//! During an upgrade the servers of the former version read reports of the new one. A kind of difference, a repair or an outcome
//! that this version does not know therefore leaves the report readable: the kind is `OTHER`, without a repair or not repaired.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::{
    AgentId, CarrierAccountId, E164, NumberId, OperationId, TenantId, serde_as_text, text_enum,
};

text_enum! {
    /// Kind of a difference between a provider and the database. New kinds may be added.
    // Stored reports and metrics contain these words: change none.
    #[derive(Default)]
    DifferenceKind {
        /// The carrier bills a number that an operation of this system bought, but no agent holds.
        OrphanedNumber = "ORPHANED_NUMBER",
        /// The carrier bills a number that points to this server, bought by an operation that the database does not know.
        UnrecordedNumber = "UNRECORDED_NUMBER",
        /// The carrier bills a number that this system did not buy.
        ForeignNumber = "FOREIGN_NUMBER",
        /// The carrier no longer has a held number.
        MissingNumber = "MISSING_NUMBER",
        /// A held number was bought again, not by this system, and has another id at the carrier.
        ReplacedNumber = "REPLACED_NUMBER",
        /// A held number has the mark of another operation or installation.
        ContestedNumber = "CONTESTED_NUMBER",
        /// A number is `RELEASING`, but no operation releases it.
        StalledRelease = "STALLED_RELEASE",
        /// A held number does not point to this server, or has other settings that differ.
        MisdirectedNumber = "MISDIRECTED_NUMBER",
        /// The carrier has a number that is marked INACTIVE.
        RecoveredNumber = "RECOVERED_NUMBER",
        /// The carrier did not list the numbers of a tenant's account: they were not compared.
        UncheckedAccount = "UNCHECKED_ACCOUNT",
        /// The voice provider has a voice agent of a deleted agent, or a second one of an agent.
        OrphanedVoiceAgent = "ORPHANED_VOICE_AGENT",
        /// The voice provider has a voice agent that another installation of this system created.
        ForeignVoiceAgent = "FOREIGN_VOICE_AGENT",
        /// The voice provider does not list the voice agent of an agent.
        MissingVoiceAgent = "MISSING_VOICE_AGENT",
        /// Somebody archived the voice agent of an agent at the voice provider.
        ArchivedVoiceAgent = "ARCHIVED_VOICE_AGENT",
        /// The voice agent of an agent that answers texts lacks the tool `opt_out`.
        IncompleteVoiceAgent = "INCOMPLETE_VOICE_AGENT",
        /// A kind that only a newer version knows. Never stored by this version.
        #[default]
        Other = "OTHER",
    }
}

serde_as_text!(DifferenceKind);

/// Reads a stored value; the default if it is unknown to this version.
fn known_or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let stored = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(stored).unwrap_or_default())
}

/// The repair of a difference. Stored under the names of 0.1.0, since servers of that version read the report, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// Release the number to the carrier. Cannot be undone.
    #[serde(rename = "give_back")]
    ReleaseNumber {
        /// The operation that bought the number.
        bought_by: OperationId,
    },
    /// Mark a number INACTIVE that the carrier no longer has.
    MarkInactive {
        /// Id of the number's row.
        id: NumberId,
    },
    /// Mark a number ACTIVE that the carrier has again.
    MarkActive {
        /// Id of the number's row.
        id: NumberId,
    },
    /// Restore the number's settings at the carrier.
    #[serde(rename = "set_right")]
    RestoreSettings {
        /// Id of the number's row.
        id: NumberId,
    },
    /// Delete the voice agent. Cannot be undone.
    DeleteVoiceAgent,
    /// Restore the voice agent from the archive and its tags, or create another one if it is gone.
    RestoreVoiceAgent,
}

impl Repair {
    /// The repair as a phrase that completes "it would …".
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::ReleaseNumber { .. } => "release the number",
            Self::MarkInactive { .. } => "mark the number INACTIVE",
            Self::MarkActive { .. } => "mark the number ACTIVE",
            Self::RestoreSettings { .. } => "restore the number's settings",
            Self::DeleteVoiceAgent => "delete the voice agent",
            Self::RestoreVoiceAgent => "restore the voice agent and its tags, or create another one",
        }
    }
}

/// The result of a difference's repair. Stored under the names of 0.1.0, as [`Repair`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairOutcome {
    /// No repair was attempted.
    #[default]
    #[serde(rename = "no")]
    NotAttempted,
    /// The difference is repaired.
    #[serde(rename = "yes")]
    Repaired,
    /// The number was marked INACTIVE. The difference remains until a person acts.
    #[serde(rename = "noted")]
    MarkedInactive,
    /// The repair failed for this reason; the difference remains.
    Failed(String),
}

/// A difference between a provider and the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs; a label of the metric `switchboard_differences`.
    #[serde(deserialize_with = "known_or_default")]
    pub kind: DifferenceKind,
    /// The number concerned; `None` for voice agents.
    pub number: Option<E164>,
    /// The provider's id of the number or the voice agent.
    pub sid: Option<String>,
    /// The tenant that owns it; `None` if unknown.
    pub tenant: Option<TenantId>,
    /// The agent concerned; `None` if unknown.
    pub agent: Option<AgentId>,
    /// Monthly cost of the number in US dollars, by list price or as stored; zero for voice agents and missing numbers.
    pub monthly_cost: Decimal,
    /// Explanation for people, with what to do if no repair exists.
    pub detail: String,
    /// The account at the carrier that lists the number; `None`: the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<CarrierAccountId>,
    /// The available repair; `None` if a person must decide.
    #[serde(deserialize_with = "known_or_default")]
    pub repair: Option<Repair>,
    /// The result of the repair.
    #[serde(rename = "mended", deserialize_with = "known_or_default")]
    pub outcome: RepairOutcome,
}

impl Difference {
    pub(super) fn new(kind: DifferenceKind, detail: String) -> Self {
        Self {
            kind,
            number: None,
            sid: None,
            tenant: None,
            agent: None,
            monthly_cost: Decimal::ZERO,
            detail,
            account: None,
            repair: None,
            outcome: RepairOutcome::NotAttempted,
        }
    }

    pub(super) fn number(self, number: &E164, sid: Option<&str>) -> Self {
        Self { number: Some(number.clone()), sid: sid.map(str::to_owned), ..self }
    }

    pub(super) fn voice_agent(self, id: &str) -> Self {
        Self { sid: Some(id.to_owned()), ..self }
    }

    pub(super) fn of(self, tenant: TenantId, agent: impl Into<Option<AgentId>>) -> Self {
        Self { tenant: Some(tenant), agent: agent.into(), ..self }
    }

    pub(super) fn in_account(self, account: Option<CarrierAccountId>) -> Self {
        Self { account, ..self }
    }

    pub(super) fn costing(self, monthly_cost: Decimal) -> Self {
        Self { monthly_cost, ..self }
    }

    pub(super) fn repaired_by(self, repair: Repair) -> Self {
        Self { repair: Some(repair), ..self }
    }

    /// Whether the difference still exists.
    #[must_use]
    pub fn remains(&self) -> bool {
        self.outcome != RepairOutcome::Repaired
    }
}

/// The report of one reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconciliationReport {
    /// When the reconciliation started.
    pub started_at: DateTime<Utc>,
    /// When the reconciliation ended.
    pub finished_at: DateTime<Utc>,
    /// Why the reconciliation was inconclusive: a provider did not list its full inventory. Then `differences` is
    /// empty and nothing was changed.
    pub incomplete: Option<String>,
    /// Number of numbers that the carrier listed.
    pub numbers: usize,
    /// Number of voice agents with our tags that the voice provider listed.
    pub voice_agents: usize,
    /// All differences found, repaired ones included.
    pub differences: Vec<Difference>,
}

impl ReconciliationReport {
    /// The differences that still exist.
    pub fn remaining(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.remains())
    }

    /// Monthly cost in US dollars of all numbers with remaining differences.
    #[must_use]
    pub fn monthly_cost_at_stake(&self) -> Decimal {
        self.remaining().map(|difference| difference.monthly_cost).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_keeps_the_stored_names_of_0_1_0() {
        let hex = "00000000000000000000000000000007";
        let difference = |repair: &str, outcome: &str| {
            format!(
                r#"{{"kind":"MISSING_NUMBER","number":"+12125550123","sid":"PN7","tenant":null,"agent":"agent_{hex}","monthly_cost":"1.15","detail":"","repair":{repair},"mended":{outcome}}}"#
            )
        };
        let number = |name: &str| format!(r#"{{"{name}":{{"id":"number_{hex}"}}}}"#);
        let differences = [
            difference(&format!(r#"{{"give_back":{{"bought_by":"operation_{hex}"}}}}"#), r#""no""#),
            difference(&number("mark_inactive"), r#""noted""#),
            difference(&number("mark_active"), r#""yes""#),
            difference(&number("set_right"), r#"{"failed":"no answer"}"#),
            difference(r#""delete_voice_agent""#, r#""no""#),
            difference(r#""restore_voice_agent""#, r#""no""#),
            difference("null", r#""no""#),
        ];
        let stored = format!(
            r#"{{"started_at":"2026-11-27T10:00:00Z","finished_at":"2026-11-27T10:00:01Z","incomplete":null,"numbers":7,"voice_agents":7,"differences":[{}]}}"#,
            differences.join(",")
        );
        let report: ReconciliationReport = serde_json::from_str(&stored).unwrap();
        assert_eq!(serde_json::to_string(&report).unwrap(), stored);
        assert_eq!(report.differences[1].outcome, RepairOutcome::MarkedInactive);
    }

    #[test]
    fn a_report_of_a_newer_version_is_readable() {
        let stored = r#"{"kind":"PORTED_NUMBER","number":"+12125550123","sid":"PN7","tenant":null,"agent":null,"monthly_cost":"1.15",
            "detail":"ported away","repair":{"port_back":{"to":"carrier"}},"mended":{"scheduled":"tomorrow"}}"#;
        let read: Difference = serde_json::from_str(stored).unwrap();
        assert_eq!((read.kind, read.repair), (DifferenceKind::Other, None));
        assert_eq!((read.detail.as_str(), read.remains()), ("ported away", true));
    }
}
