//! The kinds of operations and their steps, in one list.
//!
//! The code and the undo of a kind's steps are in its file in `provisioning/kinds/`. The public enum expands this list, and the
//! store claims only kinds and steps that are in it. Tests compare it with the driver's table, the check constraints of the
//! database and the crash matrix.

use super::super::text_enum;

/// Passes every kind to a macro: description, name, name in the database, name in the audit trail, and steps in their usual
/// order. The name in the audit trail is the mutation that requests the operation, if there is one.
macro_rules! operation_kinds {
    ($expand:ident) => {
        $expand! {
            /// Creates a voice agent and, unless `provisionPhone` is false, buys a number for it.
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
            /// Takes over a number that the carrier account holds already.
            ImportNumber = "import_number", "importPhoneNumber", [RecordNumber, PointNumber];
            /// Puts the former settings of an imported number back, and gives it up.
            RestoreNumber = "restore_number", "restorePhoneNumber", [RestoreSettings];
            /// Sends a text message.
            SendMessage = "send_message", "sendMessage", [SendMessage];
            /// Creates the tenant's subaccount at the carrier. Started by the first purchase of a number with
            /// `CARRIER_ACCOUNTS=subaccount`.
            CreateCarrierAccount = "create_carrier_account", "createCarrierAccount", [CreateCarrierAccount];
            /// Moves a number between accounts at the carrier.
            MoveNumber = "move_number", "movePhoneNumber", [MoveNumber];
            /// Buys the number that calls to a number of another carrier are forwarded to.
            KeepNumber = "keep_number", "keepPhoneNumber", [SearchNumbers, ClaimNumber, BuyNumber];
            /// Ports a kept number from another carrier. It takes weeks, most of which it waits for the carriers.
            PortNumber = "port_number", "requestPort",
                [CheckPortability, UploadBill, RequestPort, CreateAddress, FollowPort, CutOver, RegisterAddress];
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
            /// The name in the audit trail: the mutation that requests the operation, if there is one.
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
    /// Whether an operation of this kind may buy a number.
    #[must_use]
    pub fn may_buy(self) -> bool {
        self.steps().contains(&Step::BuyNumber)
    }

    /// Which numbers an operation of this kind gives up.
    #[must_use]
    pub const fn gives_up(self) -> GivenUpNumbers {
        match self {
            Self::ReleaseNumber | Self::RestoreNumber => GivenUpNumbers::Own,
            Self::DeleteAgent => GivenUpNumbers::OfItsAgent,
            Self::CreateAgent
            | Self::ProvisionNumber
            | Self::RepairNumber
            | Self::CheckNumber
            | Self::RestoreVoiceAgent
            | Self::ImportNumber
            | Self::SendMessage
            | Self::CreateCarrierAccount
            | Self::MoveNumber
            | Self::KeepNumber
            | Self::PortNumber => GivenUpNumbers::None,
        }
    }
}

/// The numbers that an operation gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUpNumbers {
    /// None.
    None,
    /// The number that it names.
    Own,
    /// It names no number: all numbers that are assigned to its agent.
    OfItsAgent,
}

text_enum! {
    /// The step an operation runs next. Each makes one change at a provider, or claims a number in the database.
    Step {
        /// Create the voice agent; for a new agent, search for numbers at the same time.
        CreateVoiceAgent = "create_voice_agent",
        /// Search for numbers on sale.
        SearchNumbers = "search_numbers",
        /// Store which number is about to be bought, so that no other operation takes it.
        ClaimNumber = "claim_number",
        /// Buy exactly the claimed number.
        BuyNumber = "buy_number",
        /// Release the number to the carrier.
        ReleaseNumber = "release_number",
        /// Compare the settings of the number at the carrier with the expected ones, and restore them.
        RepairNumber = "repair_number",
        /// Look up whether the carrier still has the number.
        CheckNumber = "check_number",
        /// Read what is set on a number at the carrier, and store the number with it, so that its calls are answered.
        RecordNumber = "record_number",
        /// Point the stored number to this server.
        PointNumber = "point_number",
        /// Put the former settings of the number back at the carrier.
        RestoreSettings = "restore_settings",
        /// Delete the voice agent.
        DeleteVoiceAgent = "delete_voice_agent",
        /// Hand the message to the carrier.
        SendMessage = "send_message",
        /// Create the tenant's subaccount at the carrier.
        CreateCarrierAccount = "create_carrier_account",
        /// Move the number to another account, and read it back there.
        MoveNumber = "move_number",
        /// Ask the carrier whether the number can be ported, and cancel an earlier port of it.
        CheckPortability = "check_portability",
        /// Hand the bill of the losing carrier over.
        UploadBill = "upload_bill",
        /// Request the port.
        RequestPort = "request_port",
        /// Create the emergency address of the number at the carrier, if the request asks for it.
        CreateAddress = "create_address",
        /// Follow the port until the number has arrived.
        FollowPort = "follow_port",
        /// Point the ported number to this server.
        CutOver = "cut_over",
        /// Register the ported number with its emergency address.
        RegisterAddress = "register_address",
        /// No step: the operation has succeeded.
        Done = "done",
    }
}
