//! The kinds of operations and their steps: the one list of both.
//!
//! What runs the steps of a kind, and what undoes them, is in its file in `provisioning/kinds/`. The public enum expands this
//! list; the store claims only kinds and steps that are in it; tests compare it with the driver's table, with the check
//! constraints of the database and with the crash matrix.

use super::super::text_enum;

/// Hands every kind to a macro: description, name, name in the database, name in the audit trail, and steps in their usual
/// order. The name in the audit trail is the mutation that requests the operation, where there is one.
macro_rules! operation_kinds {
    ($expand:ident) => {
        $expand! {
            /// Creates a voice agent and, unless told otherwise, buys a number for it.
            CreateAgent = "create_agent", "createAgent",
                [CreateVoiceAgent, SearchNumbers, ClaimNumber, BuyNumber];
            /// Buys a number for an agent.
            ProvisionNumber = "provision_number", "provisionPhoneNumber",
                [SearchNumbers, ClaimNumber, BuyNumber];
            /// Releases a number to the carrier.
            ReleaseNumber = "release_number", "releasePhoneNumber", [ReleaseNumber];
            /// Restores the settings of a number at the carrier, its webhooks among them.
            RepairNumber = "repair_number", "repairPhoneNumber", [RepairNumber];
            /// Looks up whether the carrier still has a number, and marks it `ACTIVE` or `INACTIVE`. Started by
            /// reconciliation.
            CheckNumber = "check_number", "checkPhoneNumber", [CheckNumber];
            /// Releases the numbers of an agent and deletes it at the voice provider.
            DeleteAgent = "delete_agent", "deleteAgent", [ReleaseNumber, DeleteVoiceAgent];
            /// Replaces a voice agent that the voice provider has lost. Started by reconciliation.
            RestoreVoiceAgent = "restore_voice_agent", "restoreVoiceAgent", [CreateVoiceAgent];
        }
    };
}
pub(crate) use operation_kinds;

macro_rules! define_kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal, $action:literal, [$($step:ident),+];)+) => {
        text_enum! {
            /// What an operation does.
            OperationKind { $($(#[$doc])* $kind = $word),+ }
        }

        impl OperationKind {
            /// The name in the audit trail: the mutation that requests the operation, where there is one.
            #[must_use]
            pub const fn audit_action(self) -> &'static str {
                match self { $(Self::$kind => $action),+ }
            }

            /// The steps an operation of this kind may go through, in their usual order.
            #[must_use]
            pub const fn steps(self) -> &'static [Step] {
                match self { $(Self::$kind => &[$(Step::$step),+]),+ }
            }
        }
    };
}
operation_kinds!(define_kinds);

impl OperationKind {
    /// Whether such an operation may buy a number.
    #[must_use]
    pub fn may_buy(self) -> bool {
        self.steps().contains(&Step::BuyNumber)
    }
}

text_enum! {
    /// The step an operation does next. Each makes one change outside, or claims a number in the database.
    Step {
        /// Create the voice agent; for a new agent, a search for numbers runs beside it.
        CreateVoiceAgent = "create_voice_agent",
        /// Look for numbers on sale.
        SearchNumbers = "search_numbers",
        /// Store which number is about to be bought, so that no other operation takes it.
        ClaimNumber = "claim_number",
        /// Buy exactly the claimed number.
        BuyNumber = "buy_number",
        /// Release the number to the carrier.
        ReleaseNumber = "release_number",
        /// Compare the settings of the number at the carrier with what they should be, and restore them.
        RepairNumber = "repair_number",
        /// Look up whether the carrier still has the number.
        CheckNumber = "check_number",
        /// Delete the voice agent.
        DeleteVoiceAgent = "delete_voice_agent",
        /// None: the operation is over.
        Done = "done",
    }
}
