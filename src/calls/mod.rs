//! Records what happens to a call after routing has answered it:
//! - [`CallRecords`] writes answers and status reports, or journals them while the database is unavailable.
//! - [`Sweep`] fetches status reports that never arrived.
//! - [`Conversations`] records what the voice provider reports.
//! - [`CallCounter`] counts calls for statistics.
//! - [`KeptNumbers`] finds calls that came through numbers of other carriers.
//!
//! Every server may do all of this at the same time: each writes the same, however often. A call or conversation that cannot
//! be processed is postponed, and the others continue.

mod availability;
mod conversations;
mod journal;
mod kept;
mod records;
mod replay;
mod statistics;
mod sweep;

pub use availability::NoAnswer;
pub use conversations::{Conversations, NotRecorded};
pub use journal::rewritten_journal_entry;
pub use kept::KeptNumbers;
pub use records::CallRecords;
pub use statistics::CallCounter;
pub use sweep::Sweep;
