//! Whose a number of the carrier account is.
//!
//! Two installations of this system that share an account, and nothing else, may want the same number in the same instant, and
//! the carrier has no request that buys only what nobody owns. They are kept apart by the order of two writes and two reads:
//! each writes its mark (the name) and reads from the answer where the number points; then it points the number and reads from
//! the answer whose mark it bears. Whoever marks a number that is pointed elsewhere yields, and so does whoever points a
//! number that was marked anew meanwhile. Of two, exactly one keeps it, and it is told of its number after that.
//!
//! One trace may stay: who yields after pointing has pointed the number of the other one away from it, if that one was already
//! done. What it pointed to cannot be read any more, so it is not put back from here. The other one's reconciliation finds
//! the number under its own mark and set otherwise, and sets it right. Likewise a mark of another installation is
//! overwritten before it could be read: its reconciliation puts it back, and its callers do not notice.

use super::Purchase;
use crate::carrier::{NumberSettings, OwnedNumber};
use crate::domain::{Operation, Webhook};

/// Whose a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    /// It bears our mark, and nothing speaks against it.
    Ours,
    /// It bears our mark, but somebody else owned it before.
    MarkedByMistake,
    /// It bears no name: an earlier request of ours may have bought it, and another installation have taken our mark off.
    Nobodys,
    /// It bears another name.
    Anothers,
}

/// Whose a number is that the account owns.
pub(super) fn of(
    owned: &OwnedNumber,
    operation: &Operation,
    purchase: &Purchase,
    settings: &NumberSettings,
) -> Ownership {
    let is_older =
        owned.created_at.zip(purchase.offered_at).is_some_and(|(created, offered)| created < offered);
    let is_anothers = is_older || is_pointed_by_another(owned, purchase, settings);
    if owned.friendly_name == settings.friendly_name {
        return if is_anothers { Ownership::MarkedByMistake } else { Ownership::Ours };
    }
    let is_unnamed = owned.friendly_name == owned.number.as_str();
    if is_unnamed && !is_anothers && operation.outcome_unknown_at.is_some() {
        Ownership::Nobodys
    } else {
        Ownership::Anothers
    }
}

/// Whether it sends its calls to another installation of this system. Any other address may be one that a person has set since
/// we bought it.
fn is_pointed_by_another(owned: &OwnedNumber, purchase: &Purchase, settings: &NumberSettings) -> bool {
    let is_ours =
        |url: &str| url == settings.voice_url.as_str() || purchase.voice_url.as_deref() == Some(url);
    owned.voice_url.as_deref().is_some_and(|url| url.ends_with(Webhook::IncomingCall.path()) && !is_ours(url))
}
