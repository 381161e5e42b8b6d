//! Interface `Node`: objects with a global id, and finding them by it.

use async_graphql::{Context, ID, Interface};

use super::{
    Agent, AuditEvent, Call, CallGroup, CarrierAccount, KeptNumber, Message, MessageThread, Operation,
    PhoneNumber, Tenant, Viewer,
};
use crate::auth::Principal;
use crate::domain::{
    AgentId, AuditEventId, CallGroupId, CallId, CarrierAccountId, KeptNumberId, MessageId, NodeId, NodeKind,
    NumberId, OperationId, TenantId, ThreadId,
};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;

/// An object with a global id. `node` returns it again by that id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id, opaque and stable. Pass it to `node`."))]
pub(crate) enum Node {
    /// A voice agent.
    Agent(Agent),
    /// A phone number.
    PhoneNumber(PhoneNumber),
    /// A durable operation.
    Operation(Operation),
    /// A call.
    Call(Call),
    /// A text message.
    Message(Message),
    /// A thread of text messages.
    MessageThread(MessageThread),
    /// A call group.
    CallGroup(CallGroup),
    /// A number of another carrier that the tenant keeps.
    KeptNumber(KeptNumber),
    /// The tenant.
    Viewer(Viewer),
    /// An entry of the audit trail.
    AuditEvent(AuditEvent),
    /// An account at the carrier.
    CarrierAccount(CarrierAccount),
    /// A tenant, for operators.
    Record(Tenant),
}

impl Node {
    /// Finds the object with this id, if the caller may see it.
    ///
    /// # Errors
    /// Errors of the read.
    pub(crate) async fn find(ctx: &Context<'_>, id: NodeId) -> Result<Option<Self>, ApiError> {
        let loaders = ctx.loaders()?;
        Ok(match id.kind {
            NodeKind::Agent => {
                loaders.load_one(AgentId(id.uuid)).await?.map(|row| Self::Agent(Agent::Whole(row)))
            }
            NodeKind::Number => {
                loaders.load_one(NumberId(id.uuid)).await?.map(|row| Self::PhoneNumber(row.into()))
            }
            NodeKind::Operation => {
                loaders.load_one(OperationId(id.uuid)).await?.map(|row| Self::Operation(Operation(row)))
            }
            NodeKind::Call => loaders.load_one(CallId(id.uuid)).await?.map(|row| Self::Call(Call(row))),
            NodeKind::Message => {
                loaders.load_one(MessageId(id.uuid)).await?.map(|row| Self::Message(Message(row)))
            }
            NodeKind::Thread => match loaders.load_one(ThreadId(id.uuid)).await? {
                // An agent's token sees the threads of its agent's numbers.
                Some(row) if loaders.load_one(row.number_id).await?.is_some() => {
                    Some(Self::MessageThread(MessageThread(row)))
                }
                _ => None,
            },
            NodeKind::KeptNumber => {
                loaders.load_one(KeptNumberId(id.uuid)).await?.map(|row| Self::KeptNumber(KeptNumber(row)))
            }
            NodeKind::Tenant => {
                let session = ctx.session()?;
                let scope = session.scope()?;
                // As if it did not exist: `node` does not tell which ids of others exist.
                if scope.is_whole() && scope.tenant() == TenantId(id.uuid) {
                    Some(Self::Viewer(Viewer::read(session).await?))
                } else {
                    None
                }
            }
            NodeKind::CallGroup => {
                loaders.load_one(CallGroupId(id.uuid)).await?.map(|row| Self::CallGroup(CallGroup(row)))
            }
            NodeKind::AuditEvent => {
                loaders.load_one(AuditEventId(id.uuid)).await?.map(|row| Self::AuditEvent(AuditEvent(row)))
            }
            NodeKind::CarrierAccount => {
                CarrierAccount::find(ctx, CarrierAccountId(id.uuid)).await?.map(Self::CarrierAccount)
            }
            NodeKind::TenantRecord => match ctx.session()?.principal()? {
                Principal::Operator { .. } => {
                    loaders.load_one(TenantId(id.uuid)).await?.map(|row| Self::Record(Tenant(row)))
                }
                // As if it did not exist.
                Principal::Tenant(_) | Principal::Agent { .. } => None,
            },
        })
    }
}
