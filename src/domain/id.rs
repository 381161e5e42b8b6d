//! Identifiers: UUIDs of version 7, one type per noun, and their opaque form in GraphQL.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::Invalid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The global id for GraphQL clients.
            #[must_use]
            pub fn to_node(self) -> NodeId {
                NodeId { kind: NodeKind::$kind, uuid: self.0 }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.to_node().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            /// Rejects an id of another noun: an agent's id does not parse as a number's.
            fn from_str(text: &str) -> Result<Self, Invalid> {
                let id: NodeId = text.parse()?;
                if id.kind == NodeKind::$kind {
                    Ok(Self(id.uuid))
                } else {
                    Err(Invalid::new(format!(
                        "this is an id of another kind; an id of kind \"{}\" is required",
                        NodeKind::$kind.as_str()
                    )))
                }
            }
        }
    )+};
}

ids! {
    /// A tenant: the subject of its tokens.
    TenantId = Tenant,
    /// An agent of a tenant.
    AgentId = Agent,
    /// One lease of a number from the carrier. A number bought again later gets a new id.
    NumberId = Number,
    /// A durable operation. The number that it buys carries this id in its name at the carrier.
    OperationId = Operation,
    /// A call to a number.
    CallId = Call,
    /// A text message from or to a number.
    MessageId = Message,
    /// The texts between a number and one participant.
    ThreadId = Thread,
    /// A call group of a tenant.
    CallGroupId = CallGroup,
    /// A number of another carrier that a tenant keeps.
    KeptNumberId = KeptNumber,
    /// An entry of the audit trail.
    AuditEventId = AuditEvent,
    /// An account at the carrier.
    CarrierAccountId = CarrierAccount,
}

super::text_enum! {
    /// The noun that an id names. Its text is the id's prefix.
    NodeKind {
        /// The id of a tenant: `tenant_…`.
        Tenant = "tenant",
        /// The id of an agent: `agent_…`.
        Agent = "agent",
        /// The id of a number: `number_…`.
        Number = "number",
        /// The id of an operation: `operation_…`.
        Operation = "operation",
        /// The id of a call: `call_…`.
        Call = "call",
        /// The id of a text message: `message_…`.
        Message = "message",
        /// The id of a thread: `thread_…`.
        Thread = "thread",
        /// The id of a call group: `callgroup_…`.
        CallGroup = "callgroup",
        /// The id of a kept number: `keptnumber_…`.
        KeptNumber = "keptnumber",
        /// The id of an entry of the audit trail: `audit_…`.
        AuditEvent = "audit",
        /// The id of an account at the carrier: `carrieraccount_…`.
        CarrierAccount = "carrieraccount",
        /// `tenantrecord_…`: a tenant as operators see it. To itself it is a [`NodeKind::Tenant`].
        TenantRecord = "tenantrecord",
    }
}

/// A global id: kind and UUID, written `agent_` + 32 hexadecimal digits. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId {
    /// The noun, which is the prefix of the id.
    pub kind: NodeKind,
    /// The object among those of its kind.
    pub uuid: Uuid,
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.kind, self.uuid.simple())
    }
}

impl FromStr for NodeId {
    type Err = Invalid;

    /// Accepts exactly the form that `Display` writes.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let malformed = || Invalid::new("malformed id: pass an id as the API returned it");
        let (kind, digits) = text.split_once('_').ok_or_else(malformed)?;
        let kind = kind.parse().map_err(|_| malformed())?;
        // `try_parse` accepts other spellings too, so that one id would have several.
        let canonical = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(malformed());
        }
        Ok(Self { kind, uuid: Uuid::try_parse(digits).map_err(|_| malformed())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_is_refused_as_another_kind() {
        let id = AgentId(Uuid::from_u128(0x0198_c0de));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().parse::<NumberId>().unwrap_err().0.contains("\"number\""));
        for bad in ["", "agent", "agent_", "agent_0198C0DE0000000000000000000000000", "x_0", "agent_é"] {
            assert!(bad.parse::<AgentId>().is_err(), "{bad}");
        }
    }
}
