//! Types about text messages.

mod estimate;
mod media;
mod message;
mod thread;

pub(crate) use estimate::MessageEstimate;
pub(crate) use media::MessageMedia;
pub(crate) use message::{Message, MessageFilter};
pub(crate) use thread::{MessageThread, MessageThreadFilter, MessagingConsent, ThreadHandling};
