//! When a provider's list is taken to be incomplete, although nothing says so.

/// Fewer missing objects than this are plausible, unless everything is missing; more only if they are not the greater part.
const PLAUSIBLE: usize = 5;

/// Why the inventories cannot be right, and nothing may be concluded from them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{missing} of {held} {what} are missing from the provider's list: it is taken for an incomplete list, or for that of \
     another account, and nothing is concluded from it"
)]
pub(super) struct Implausible {
    pub(super) what: &'static str,
    pub(super) missing: usize,
    pub(super) held: usize,
}

/// Checks that so many of all that is held can be missing.
///
/// # Errors
/// [`Implausible`].
pub(super) fn plausible(what: &'static str, missing: usize, held: usize) -> Result<(), Implausible> {
    let is_all = held > 1 && missing == held;
    let is_most = missing >= PLAUSIBLE && missing * 2 > held;
    if is_all || is_most { Err(Implausible { what, missing, held }) } else { Ok(()) }
}
