//! What happens to a call's record once the call was routed: the carrier's missing reports are fetched, the voice provider's
//! conversations are recorded, and old records are deleted.
//!
//! Every server may do all of it at the same time: what is written is the same whoever writes it and however often. One call or
//! conversation that cannot be worked off is put off, and the others go on.

mod conversations;
mod retention;
mod sweep;

pub use conversations::{Conversations, NotRecorded};
pub use retention::Retention;
pub use sweep::Sweep;
