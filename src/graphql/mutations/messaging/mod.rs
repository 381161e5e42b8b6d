//! Mutations about text messages.

mod send_message;
mod set_messaging_consent;
mod set_thread_handling;

pub(super) use send_message::SendMessage;
pub(super) use set_messaging_consent::SetMessagingConsent;
pub(super) use set_thread_handling::SetThreadHandling;
