//! Ownership of a number in a shared carrier account.
//!
//! Two installations that share only a carrier account may buy the same number at the same time, and the carrier has no request
//! that buys a number only if the account does not own it. Two writes, each followed by a read, decide: an installation sets
//! its mark (the name) and reads from the answer where the number points; then it points the number to itself and reads from
//! the answer which mark the number has. An installation yields if the number it marked points elsewhere, or if the number it
//! pointed has got another mark. Exactly one of the two keeps the number, and only then records it as bought.
//!
//! A conflict may leave wrong settings. An installation that yields after pointing may have redirected a number that the other
//! one had finished, and cannot restore the overwritten URL. The other one's reconciliation finds the number under its own mark
//! with different settings and repairs it. An overwritten mark of another installation is restored by its reconciliation, too;
//! callers do not notice.

use super::Purchase;
use crate::carrier::{NumberSettings, OwnedNumber};
use crate::domain::{Operation, Webhook};

/// The owner of a number in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    /// The number has our mark, and no other owner is known.
    Ours,
    /// The number has our mark, but another owner had it before.
    MarkedByMistake,
    /// The number has no name: an earlier request may have bought it, and another installation may have removed our mark.
    Nobodys,
    /// The number has another name.
    Anothers,
}

/// Decides who owns a number of the account.
pub(super) fn of(
    owned: &OwnedNumber,
    operation: &Operation,
    purchase: &Purchase,
    settings: &NumberSettings,
    mark: &str,
) -> Ownership {
    // Both times are the carrier's: this server's clock does not matter.
    let is_older =
        owned.created_at.zip(purchase.offered_at).is_some_and(|(created, offered)| created < offered);
    let is_anothers = is_older || is_pointed_by_another(owned, purchase, settings);
    if owned.friendly_name == mark {
        return if is_anothers { Ownership::MarkedByMistake } else { Ownership::Ours };
    }
    // `Carrier::unmark` sets the digits as the name.
    let is_unnamed = owned.friendly_name == owned.number.as_str();
    if is_unnamed && !is_anothers && operation.outcome_unknown_at.is_some() {
        Ownership::Nobodys
    } else {
        Ownership::Anothers
    }
}

/// Whether the number points to another installation of this system. Any other address may have been set by a
/// person after our purchase.
fn is_pointed_by_another(owned: &OwnedNumber, purchase: &Purchase, settings: &NumberSettings) -> bool {
    let is_ours =
        |url: &str| url == settings.voice_url.as_str() || purchase.voice_url.as_deref() == Some(url);
    owned.voice_url.as_deref().is_some_and(|url| url.ends_with(Webhook::IncomingCall.path()) && !is_ours(url))
}
