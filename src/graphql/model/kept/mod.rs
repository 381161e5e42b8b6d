//! Types `KeptNumber` and `Portability`.

use async_graphql::{Context, Enum, ID, Object};

use super::paging::{List, Listed, nothing, wrap};
use super::scalars::DateTime;
use super::{Agent, PhoneNumber};
use crate::domain::{self, E164, KeptNumberState as State, forwarding_instructions};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::store::{KeptNumberFilter, PageOf, PageRequest};

/// A number of another carrier that the tenant keeps.
#[derive(Debug, Clone)]
pub(crate) struct KeptNumber(pub(crate) domain::KeptNumber);

/// State of a kept number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::KeptNumberState")]
pub(crate) enum KeptNumberState {
    /// Calls are to be forwarded: see `forwardingInstructions`. No call has come in through the number yet.
    Forwarding,
    /// A call has come in through the number.
    Verified,
    /// A port was requested. The carrier checks the request.
    PortRequested,
    /// The authorized representative has to sign the letter of authorization: see `signatureUrl`.
    WaitingForSignature,
    /// The losing carrier has the request.
    PortInProgress,
    /// The losing carrier has confirmed `portDate`.
    PortDateSet,
    /// The number has arrived and is being set up.
    CutOver,
    /// The number is ported and takes calls.
    Done,
    /// The port was rejected: `detail` says why. Repeat `requestPort` with corrected data.
    Rejected,
    /// The port was canceled, or no target could be bought: see `detail`.
    Canceled,
    /// Nobody signed the letter of authorization in time.
    Expired,
}

/// A number of another carrier that the tenant keeps: its calls are forwarded to a number here, until the number itself is ported.
#[Object]
impl KeptNumber {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The number at the other carrier.
    async fn number(&self) -> &E164 {
        &self.0.number
    }

    /// State of forwarding and port.
    async fn state(&self) -> KeptNumberState {
        self.0.state.into()
    }

    /// The number that calls are forwarded to. It stays when the port is done, until it is released. `null` until it is bought.
    #[graphql(complexity = "child_complexity + 1")]
    async fn target(&self, ctx: &Context<'_>) -> Option<Result<PhoneNumber, ApiError>> {
        PhoneNumber::load(ctx, self.0.target_id?).await
    }

    /// How calls are forwarded to the target: codes to dial, by country and kind of the number. `null` without a target, and when
    /// the number is ported.
    #[graphql(complexity = "2")]
    async fn forwarding_instructions(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        let Some(target) = self.0.target_id.filter(|_| self.0.state != State::Done) else { return Ok(None) };
        let target = Box::pin(ctx.loaders()?.load_one(target)).await?;
        Ok(target.map(|target| forwarding_instructions(&self.0.number, &target.number)))
    }

    /// What is to be done now, or why something failed; `null` if there is nothing to tell.
    async fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The carrier's own word for the status of the port, also one that is not known here; `null` before a port.
    async fn carrier_status(&self) -> Option<&str> {
        self.0.carrier_status.as_deref()
    }

    /// When the number is ported, as the losing carrier confirmed; `null` until then.
    async fn port_date(&self) -> Option<DateTime> {
        self.0.port_date.map(DateTime)
    }

    /// Where the authorized representative signs the letter of authorization; `null` if nothing is to be signed.
    async fn signature_url(&self) -> Option<&str> {
        self.0.signature_url.as_deref()
    }

    /// The agent that the number was kept for.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        Agent::load(ctx, self.0.agent_id).await
    }

    /// When it was requested.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it changed last.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

impl Listed for KeptNumber {
    type Filter = KeptNumberFilter;
    const LIST: List = List::KeptNumbers;
    const CONNECTION: &'static str = "KeptNumberConnection";
    const EDGE: &'static str = "KeptNumberEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(nothing()) };
        let rows = session.reader().await?.kept_numbers(&KeptNumberFilter { agent }, page).await?;
        Ok(wrap(rows, Self))
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(0) };
        Ok(session.reader().await?.count_kept_numbers(&KeptNumberFilter { agent }).await?)
    }
}

/// Whether a number can be ported.
#[derive(Debug)]
pub(crate) struct Portability {
    pub(crate) number: E164,
    pub(crate) known: domain::Portability,
}

/// Whether a number of another carrier can be ported.
#[Object]
impl Portability {
    /// The number.
    async fn number(&self) -> &E164 {
        &self.number
    }

    /// Whether it can be ported.
    async fn portable(&self) -> bool {
        self.known.is_portable
    }

    /// Why it cannot be ported, and what to do instead; `null` if it can.
    async fn reason(&self) -> Option<&str> {
        self.known.reason.as_deref()
    }

    /// Kind of number; `null` if the carrier does not tell.
    #[graphql(name = "type")]
    async fn kind(&self) -> Option<super::PhoneNumberType> {
        self.known.kind.map(Into::into)
    }

    /// Whether the losing carrier requires the PIN and the account number, as for mobile numbers.
    async fn pin_required(&self) -> bool {
        self.known.is_pin_required
    }
}
