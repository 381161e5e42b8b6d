//! Text messages (SMS and MMS) to the tenants' numbers, and what becomes of those that are sent:
//! - [`Inbox`] stores what comes in, or keeps it on disk while the database is unavailable. It reads what a message says about
//!   consent.
//! - [`MessageSweep`] asks the carrier for messages whose webhook never arrived, and for statuses and prices that are missing.
//! - [`MessageAnswers`] lets the agent answer, and hands a thread to a person if it cannot.
//! - [`MediaKeeper`] fetches the files of incoming messages into [`MediaStorage`], and deletes them.
//!
//! What the carrier is told to send is an operation: see [`crate::provisioning`].

mod answers;
mod gaps;
mod inbox;
mod media;
mod slots;
mod spool;
mod storage;
mod sweep;

pub use answers::MessageAnswers;
pub use inbox::{Inbox, NotKept};
pub use media::MediaKeeper;
pub use storage::{MediaPlace, MediaStorage, StorageError, StoredMedia};
pub use sweep::{MessageSweep, SweepSettings};
