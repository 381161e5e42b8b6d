//! What happens to a call's record once routing has decided who answers: [`CallRecords`] writes answers and status reports, or
//! journals them while the database is unavailable; [`Sweep`] fetches status reports that never came; [`Conversations`] records
//! what the voice provider reports; [`Retention`] deletes old calls.
//!
//! Every server may do all of it at the same time: what is written is the same whoever writes it and however often. One call or
//! conversation that cannot be worked off is put off, and the others go on.

mod availability;
mod conversations;
mod journal;
mod records;
mod replay;
mod retention;
mod sweep;

pub use availability::NoAnswer;
pub use conversations::{Conversations, NotRecorded};
pub(crate) use journal::replace_file;
pub use journal::rewritten_journal_entry;
pub use records::CallRecords;
pub use retention::Retention;
pub use sweep::Sweep;
