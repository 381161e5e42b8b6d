//! When a list is taken for less than the whole truth, although nothing says so.

/// Fewer missing things than this are believed, unless they are all there are; more only when they are not the greater
/// part.
const BELIEVED: usize = 5;

/// Why the inventories cannot be the truth, and nothing may be concluded from them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{missing} of {held} {what} are missing from the provider's list: it is taken for half a list, or for that of \
     another account, and nothing is concluded from it"
)]
pub(super) struct Doubt {
    pub(super) what: &'static str,
    pub(super) missing: usize,
    pub(super) held: usize,
}

/// Whether so many missing of all that is held can be.
///
/// # Errors
/// [`Doubt`].
pub(super) fn believable(what: &'static str, missing: usize, held: usize) -> Result<(), Doubt> {
    let is_all = held > 1 && missing == held;
    let is_most = missing >= BELIEVED && missing * 2 > held;
    if is_all || is_most { Err(Doubt { what, missing, held }) } else { Ok(()) }
}
