//! The differences: a pure function of both providers' inventories and the inventory that the database expects.
//!
//! Objects of an operation that had not ended when the lists were started are skipped: either side may have changed since.
//! Objects with an unreadable row are skipped, too.

use std::collections::HashSet;

use super::plausibility::Implausible;
use super::report::Difference;
use crate::carrier::{NumberSettings, OwnedNumber};
use crate::domain::{AgentId, CarrierAccount, NumberId, Operation, OperationId, PhoneNumber};
use crate::provisioning::operation_of_mark;
use crate::store::{ExpectedInventory, Unreadable};
use crate::voice::VoiceAgent;

/// Both providers' full inventories.
#[derive(Debug)]
pub(super) struct Inventories {
    /// Every number of the platform's account at the carrier.
    pub(super) numbers: Vec<OwnedNumber>,
    /// The tenants' accounts.
    pub(super) accounts: Vec<AccountInventory>,
    /// Every voice agent with a tag of ours.
    pub(super) voice_agents: Vec<VoiceAgent>,
    /// Voice agents that lack the tool `opt_out`, by the provider's ids.
    pub(super) without_tool: HashSet<String>,
}

/// The numbers of one tenant's account.
#[derive(Debug)]
pub(super) struct AccountInventory {
    /// The account.
    pub(super) account: CarrierAccount,
    /// Every number of it, or why the carrier did not list them.
    pub(super) numbers: Result<Vec<OwnedNumber>, String>,
}

impl Inventories {
    /// The numbers of all accounts that were listed.
    pub(super) fn listed(&self) -> impl Iterator<Item = &OwnedNumber> {
        let others = self.accounts.iter().filter_map(|account| account.numbers.as_ref().ok());
        self.numbers.iter().chain(others.flatten())
    }

    /// The operations in the marks of the numbers.
    pub(super) fn marks(&self) -> Vec<OperationId> {
        self.listed().filter_map(|owned| operation_of_mark(&owned.friendly_name)).collect()
    }

    /// The agents in the tags of the voice agents.
    pub(super) fn tagged(&self) -> Vec<AgentId> {
        self.voice_agents.iter().filter_map(VoiceAgent::created_for).collect()
    }

    /// Compares the inventories with the database. `settings` returns the expected settings of a number; `is_here` tells whether a
    /// voice URL is this server's.
    ///
    /// # Errors
    /// [`Implausible`] if too many objects are missing.
    pub(super) fn compare(
        &self,
        expected: &ExpectedInventory,
        settings: impl Fn(&PhoneNumber) -> NumberSettings,
        is_here: impl Fn(&str) -> bool,
    ) -> Result<Vec<Difference>, Implausible> {
        let busy = Busy::new(&expected.busy, &expected.unreadable);
        let mut differences = self.numbers(expected, &busy, settings, is_here)?;
        differences.extend(self.voice_agents(expected, &busy)?);
        Ok(differences)
    }
}

/// Objects to skip: those that an operation may still be changing, and those with an unreadable row.
pub(super) struct Busy {
    numbers: HashSet<NumberId>,
    pub(super) agents: HashSet<AgentId>,
    pub(super) operations: HashSet<OperationId>,
}

impl Busy {
    fn new(operations: &[Operation], unreadable: &Unreadable) -> Self {
        let Unreadable { numbers, agents, operations: ids, .. } = unreadable.clone();
        let mut busy = Self { numbers, agents, operations: ids };
        busy.numbers.extend(operations.iter().filter_map(|operation| operation.number_id));
        busy.agents.extend(operations.iter().filter_map(|operation| operation.agent_id));
        busy.operations.extend(operations.iter().map(|operation| operation.id));
        busy
    }

    pub(super) fn number(&self, row: &PhoneNumber) -> bool {
        self.numbers.contains(&row.id) || self.agents.contains(&row.agent_id)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use uuid::Uuid;

    use super::*;
    use crate::carrier::EmergencyAddress;
    use crate::domain::{
        Agent, AgentMessaging, AgentName, AgentStatus, Capabilities, CountryCode, Language, NumberOrigin,
        NumberStatus, NumberType, OperationKind, OperationState, Provider, Step, TenantId,
    };
    use crate::provisioning::reconcile::report::DifferenceKind;

    const CAPABILITIES: Capabilities = Capabilities { voice: true, sms: true, mms: true };

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).unwrap()
    }

    fn settings(row: &PhoneNumber) -> NumberSettings {
        let friendly_name = marked(row.operation_id).friendly_name.filter(|_| row.origin.is_bought());
        NumberSettings { friendly_name, ..marked(row.operation_id) }
    }

    fn marked(bought_by: OperationId) -> NumberSettings {
        let url = |path: &str| format!("https://calls.example.com/{path}").parse().unwrap();
        NumberSettings {
            friendly_name: Some(format!("switchboard:{bought_by}")),
            voice_url: url("in"),
            voice_fallback_url: url("fallback"),
            status_callback: url("status"),
            sms_url: url("message"),
            sms_fallback_url: url("message-fallback"),
        }
    }

    fn is_here(voice_url: &str) -> bool {
        ["https://calls.example.com/in", "https://previous.example.com/in"].contains(&voice_url)
    }

    fn operation(n: u128, state: OperationState) -> Operation {
        Operation {
            id: OperationId(Uuid::from_u128(n)),
            tenant_id: TenantId(Uuid::from_u128(1)),
            kind: OperationKind::CreateAgent,
            state,
            step: Step::Done,
            attempts: 1,
            agent_id: Some(AgentId(Uuid::from_u128(n))),
            number_id: None,
            data: serde_json::Value::Null,
            request_id: String::new(),
            error: None,
            waits_for: None,
            outcome_unknown_at: None,
            awaited_event: None,
            created_at: at(),
            finished_at: Some(at()),
        }
    }

    fn number(n: u128) -> PhoneNumber {
        PhoneNumber {
            id: NumberId(Uuid::from_u128(n)),
            tenant_id: TenantId(Uuid::from_u128(1)),
            agent_id: AgentId(Uuid::from_u128(n)),
            operation_id: OperationId(Uuid::from_u128(n)),
            number: format!("+1212555{n:04}").parse().unwrap(),
            friendly_name: String::new(),
            sid: Some(format!("PN{n:032x}")),
            provider: Provider::Twilio,
            kind: NumberType::Local,
            status: NumberStatus::Active,
            capabilities: CAPABILITIES,
            country: CountryCode::US,
            locality: None,
            region: None,
            monthly_cost: Decimal::new(115, 2),
            routing_version: 0,
            created_at: at(),
            provisioned_at: Some(at()),
            released_at: None,
            label: None,
            pooled_at: None,
            call_group_id: None,
            marked_by: None,
            primary_since: None,
            origin: NumberOrigin::Purchased,
            accounts: crate::domain::NumberAccounts::default(),
        }
    }

    fn owned(n: u128) -> OwnedNumber {
        let row = number(n);
        let should = settings(&row);
        OwnedNumber {
            sid: row.sid.unwrap(),
            number: row.number,
            friendly_name: should.friendly_name.unwrap(),
            voice_url: Some(should.voice_url.into()),
            voice_fallback_url: Some(should.voice_fallback_url.into()),
            status_callback: Some(should.status_callback.into()),
            voice_method: Some("POST".to_owned()),
            voice_fallback_method: None,
            status_callback_method: None,
            voice_receive_mode: None,
            voice_application_sid: None,
            sms_url: Some(should.sms_url.into()),
            sms_method: None,
            sms_fallback_url: Some(should.sms_fallback_url.into()),
            sms_fallback_method: None,
            sms_application_sid: None,
            trunk_sid: None,
            kind: Some(NumberType::Local),
            capabilities: CAPABILITIES,
            is_hosted: false,
            created_at: Some(at()),
            emergency_address: EmergencyAddress::None,
        }
    }

    fn agent(n: u128) -> Agent {
        Agent {
            id: AgentId(Uuid::from_u128(n)),
            tenant_id: TenantId(Uuid::from_u128(1)),
            voice_agent_id: Some(format!("agent_{n}")),
            name: "Practice".parse::<AgentName>().unwrap(),
            language: "en".parse::<Language>().unwrap(),
            first_message: None,
            prompt: None,
            voice_id: None,
            fallback_number: None,
            messaging: AgentMessaging::Notify,
            help_text: None,
            status: AgentStatus::Active,
            token_preview: String::new(),
            revision: 1,
            synced_revision: 1,
            refused_revision: 0,
            sync_error: None,
            created_at: at(),
            updated_at: at(),
        }
    }

    fn voice_agent(n: u128, of: u128) -> VoiceAgent {
        let tag = format!("switchboard:{}", AgentId(Uuid::from_u128(of)));
        VoiceAgent {
            voice_agent_id: format!("agent_{n}"),
            name: String::new(),
            tags: vec!["switchboard".into(), tag],
            archived: false,
        }
    }

    /// Tenants 1 to `n`, each with an agent and a number, without differences.
    fn estate(n: u128) -> (Inventories, ExpectedInventory) {
        let inventories = Inventories {
            accounts: Vec::new(),
            numbers: (1..=n).map(owned).collect(),
            voice_agents: (1..=n).map(|n| voice_agent(n, n)).collect(),
            without_tool: HashSet::new(),
        };
        let expected = ExpectedInventory {
            numbers: (1..=n).map(number).collect(),
            agents: (1..=n).map(agent).collect(),
            operations: (1..=n).map(|n| operation(n, OperationState::Succeeded)).collect(),
            ..ExpectedInventory::default()
        };
        (inventories, expected)
    }

    fn found((inventories, expected): &(Inventories, ExpectedInventory)) -> Vec<DifferenceKind> {
        inventories
            .compare(expected, settings, is_here)
            .unwrap()
            .iter()
            .map(|difference| difference.kind)
            .collect()
    }

    /// What can go wrong with tenant 1 of an estate of three, and the differences then found.
    type Mishap = fn(&mut Inventories, &mut ExpectedInventory);
    const MISHAPS: [(Mishap, &[DifferenceKind]); 22] = {
        use DifferenceKind as Kind;
        [
            (|there, _| drop(there.numbers.remove(0)), &[Kind::MissingNumber]),
            (|_, here| drop(here.numbers.remove(0)), &[Kind::OrphanedNumber]),
            // Unreadable rows: a number's, an agent's, an operation's.
            (
                |_, here| {
                    here.unreadable.held.extend(here.numbers.remove(0).sid);
                },
                &[],
            ),
            (
                |_, here| {
                    here.unreadable.agents.insert(here.agents.remove(0).id);
                },
                &[],
            ),
            (
                |_, here| {
                    here.numbers.remove(0);
                    here.unreadable.operations.insert(here.operations.remove(0).id);
                },
                &[],
            ),
            (
                |there, here| {
                    here.numbers.remove(0);
                    there.numbers[0].friendly_name = "Front desk".into();
                },
                &[Kind::ForeignNumber],
            ),
            (
                |_, here| {
                    here.numbers.remove(0);
                    here.operations.remove(0);
                },
                &[Kind::UnrecordedNumber],
            ),
            (|there, _| there.numbers[0].voice_url = None, &[Kind::MisdirectedNumber]),
            (|there, _| there.numbers[0].trunk_sid = Some("TK1".into()), &[Kind::MisdirectedNumber]),
            (|there, _| there.numbers[0].sid = "PN9".into(), &[Kind::ReplacedNumber]),
            (|_, here| here.numbers[0].status = NumberStatus::Inactive, &[Kind::RecoveredNumber]),
            (|there, _| drop(there.voice_agents.remove(0)), &[Kind::MissingVoiceAgent]),
            (|there, _| there.voice_agents.push(voice_agent(9, 1)), &[Kind::OrphanedVoiceAgent]),
            (|_, here| here.agents[0].status = AgentStatus::Deleted, &[Kind::OrphanedVoiceAgent]),
            (|_, here| drop(here.agents.remove(0)), &[Kind::ForeignVoiceAgent]),
            (
                |there, here| {
                    here.numbers.remove(0);
                    here.operations.remove(0);
                    there.numbers[0].voice_url = Some("https://elsewhere.example.com/".into());
                },
                &[Kind::ForeignNumber],
            ),
            (
                |there, _| {
                    there.numbers[0].friendly_name =
                        marked(OperationId(Uuid::from_u128(999))).friendly_name.unwrap();
                },
                &[Kind::ContestedNumber],
            ),
            (|_, here| here.numbers[0].status = NumberStatus::Releasing, &[Kind::StalledRelease]),
            (|there, _| there.numbers[0].voice_method = Some("GET".into()), &[Kind::MisdirectedNumber]),
            (|there, _| there.numbers[0].voice_receive_mode = Some("fax".into()), &[Kind::MisdirectedNumber]),
            (|there, _| there.voice_agents[0].archived = true, &[Kind::ArchivedVoiceAgent]),
            (
                |there, _| {
                    there.without_tool.insert(there.voice_agents[0].voice_agent_id.clone());
                },
                &[Kind::IncompleteVoiceAgent],
            ),
        ]
    };

    #[test]
    fn each_mishap_is_classified_and_skipped_while_an_operation_is_under_way() {
        for (at, (mishap, kinds)) in MISHAPS.iter().enumerate() {
            let mut whole = estate(3);
            mishap(&mut whole.0, &mut whole.1);
            assert_eq!(found(&whole), *kinds, "mishap {at}");
            for difference in whole.0.compare(&whole.1, settings, is_here).unwrap() {
                use DifferenceKind as Kind;
                let for_a_person = matches!(
                    difference.kind,
                    Kind::ForeignNumber
                        | Kind::ForeignVoiceAgent
                        | Kind::ReplacedNumber
                        | Kind::UnrecordedNumber
                        | Kind::ContestedNumber
                        | Kind::StalledRelease
                );
                assert_eq!(
                    difference.repair.is_none(),
                    for_a_person,
                    "an object that may not be ours is not changed: {difference:?}"
                );
            }

            whole.1.busy = vec![operation(1, OperationState::Running)];
            let about_ours = found(&whole).into_iter().filter(|kind| {
                use DifferenceKind::{ForeignNumber, ForeignVoiceAgent, UnrecordedNumber};
                !matches!(kind, ForeignNumber | ForeignVoiceAgent | UnrecordedNumber)
            });
            assert_eq!(about_ours.count(), 0, "mishap {at} while an operation is under way");
        }
    }

    #[test]
    fn a_number_that_points_at_the_previous_address_is_unrecorded_too() {
        let mut whole = estate(3);
        whole.1.numbers.remove(0);
        whole.1.operations.remove(0);
        whole.0.numbers[0].voice_url = Some("https://previous.example.com/in".into());
        assert_eq!(found(&whole), [DifferenceKind::UnrecordedNumber]);
    }

    #[test]
    fn an_imported_number_keeps_its_name_and_is_contested_under_a_mark() {
        let mut whole = estate(3);
        whole.1.numbers[0].origin = NumberOrigin::Imported;
        whole.0.numbers[0].friendly_name = "Front desk".into();
        assert_eq!(found(&whole), []);
        whole.0.numbers[0].voice_url = Some("https://former.example.com/".into());
        assert_eq!(found(&whole), [DifferenceKind::MisdirectedNumber]);
        whole.0.numbers[0].friendly_name = marked(OperationId(Uuid::from_u128(999))).friendly_name.unwrap();
        assert_eq!(found(&whole), [DifferenceKind::ContestedNumber]);
    }

    #[test]
    fn a_second_voice_agent_replaces_a_missing_one() {
        let mut whole = estate(3);
        whole.0.voice_agents[0] = voice_agent(9, 1);
        assert_eq!(found(&whole), [DifferenceKind::MissingVoiceAgent]);
    }

    #[test]
    fn a_missing_number_marked_inactive_is_reported_until_a_person_acts() {
        let mut whole = estate(3);
        whole.0.numbers.remove(0);
        whole.1.numbers[0].status = NumberStatus::Inactive;
        let differences = whole.0.compare(&whole.1, settings, is_here).unwrap();
        assert_eq!(differences.len(), 1, "{differences:?}");
        assert_eq!((differences[0].kind, differences[0].repair), (DifferenceKind::MissingNumber, None));
        // It does not make the list less plausible, because it is known to be missing.
        whole.0.numbers.clear();
        whole.1.numbers.truncate(2);
        assert_eq!(found(&whole).len(), 2);
    }

    #[test]
    fn a_list_that_lacks_most_objects_is_implausible() {
        let mut whole = estate(8);
        whole.0.numbers.truncate(4);
        assert_eq!(found(&whole).len(), 4);
        whole.0.numbers.truncate(3);
        let implausible = whole.0.compare(&whole.1, settings, is_here).unwrap_err();
        assert_eq!(implausible, Implausible { what: "numbers", missing: 5, held: 8 });
        whole = estate(2);
        whole.0.voice_agents.clear();
        assert!(whole.0.compare(&whole.1, settings, is_here).is_err());
    }

    proptest! {
        #[test]
        fn several_mishaps_add_up(which in proptest::collection::vec(0..MISHAPS.len(), 0..6)) {
            let (mut there, mut here) = (Vec::new(), ExpectedInventory::default());
            let (mut agents_there, mut expected) = (Vec::new(), Vec::new());
            let mut without_tool = HashSet::new();
            for (tenant, which) in which.iter().enumerate() {
                let n = tenant as u128 + 1;
                let mut part = estate(n);
                // Only the last tenant of the part, as if it were the first.
                part.0.numbers.drain(..tenant);
                part.0.voice_agents.drain(..tenant);
                part.1.numbers.drain(..tenant);
                part.1.agents.drain(..tenant);
                part.1.operations.drain(..tenant);
                // This one names tenant 1.
                if *which == 12 && tenant > 0 { continue; }
                MISHAPS[*which].0(&mut part.0, &mut part.1);
                expected.extend(MISHAPS[*which].1);
                there.extend(part.0.numbers);
                agents_there.extend(part.0.voice_agents);
                without_tool.extend(part.0.without_tool);
                here.numbers.extend(part.1.numbers);
                here.agents.extend(part.1.agents);
                here.operations.extend(part.1.operations);
                here.unreadable.held.extend(part.1.unreadable.held);
                here.unreadable.agents.extend(part.1.unreadable.agents);
                here.unreadable.operations.extend(part.1.unreadable.operations);
            }
            let there =
                Inventories { numbers: there, accounts: Vec::new(), voice_agents: agents_there, without_tool };
            let whole = (there, here);
            if let Ok(differences) = whole.0.compare(&whole.1, settings, is_here) {
                let mut kinds: Vec<_> = differences.iter().map(|difference| difference.kind).collect();
                kinds.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(kinds, expected);
            }
        }
    }
}
