//! Numbers that this system did not buy: they are taken over from the carrier account, and given back to whoever set them up. They
//! are never deleted at the carrier, and keep their name there.

mod import_number;
mod restore_number;

pub use import_number::WantedImport;
pub(super) use restore_number::let_go;

use super::Steps;

pub(super) const IMPORT_STEPS: Steps = import_number::STEPS;
pub(super) const RESTORE_STEPS: Steps = restore_number::STEPS;
