//! Plausibility of a provider's list: too many missing objects mean an incomplete list.

/// Fewer missing objects than this are plausible, unless all are missing. From this number on, at most half may be missing.
const PLAUSIBLE: usize = 5;

/// Too many objects are missing from a provider's list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{missing} of {held} {what} are missing from the provider's list: the list is probably incomplete or of another \
     account, so nothing is concluded from it"
)]
pub(super) struct Implausible {
    pub(super) what: &'static str,
    pub(super) missing: usize,
    pub(super) held: usize,
}

/// Checks whether it is plausible that `missing` of `held` objects are missing.
///
/// # Errors
/// [`Implausible`] if all of several objects, or most of many, are missing.
pub(super) fn plausible(what: &'static str, missing: usize, held: usize) -> Result<(), Implausible> {
    // A single object may well be the one that is missing.
    let is_all = held > 1 && missing == held;
    let is_most = missing >= PLAUSIBLE && missing * 2 > held;
    if is_all || is_most { Err(Implausible { what, missing, held }) } else { Ok(()) }
}
