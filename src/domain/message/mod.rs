//! Text messages: their words, and what can be said about a text without asking anybody.

mod answer;
mod body;
mod consent;
mod delivery;
mod media;
mod participant;
mod record;
mod registration;
mod segments;
mod status;
mod text;

pub use answer::{
    ANSWER_LIMITS, AnswerLimit, AutomaticAnswer, TextReading, TextReply, answer_texts, is_text_loop,
    reply_to, text_history, text_question,
};
pub use body::MessageBody;
pub use consent::{ConsentWord, consent_word, revokes_consent};
pub use delivery::{DeliveryProblem, DeliveryProblemKind, delivery_problem};
pub use media::{LARGEST_MEDIA, MediaFile, MediaId, MediaState, MediaType};
pub use participant::Participant;
pub use record::{IncomingMessage, MediaReference, Message, MessageReport, MessageThread};
pub use registration::{MessagingRegistration, RequiredRegistration, Review};
pub use segments::{MessageEncoding, Segments};
pub use status::MessageStatus;
pub use text::{plain_text, split};

use super::text_enum;

text_enum! {
    /// Direction of a text message.
    MessageDirection {
        /// A text to a tenant's number.
        Inbound = "inbound",
        /// A text from a tenant's number.
        Outbound = "outbound",
    }
}

text_enum! {
    /// What happens to the texts that an agent's numbers receive. They are stored in every case.
    AgentMessaging {
        /// Nothing else happens.
        Off = "off",
        /// A person of the tenant answers.
        Notify = "notify",
        /// The agent answers.
        Agent = "agent",
    }
}

impl AgentMessaging {
    /// Who answers a thread that follows this setting.
    #[must_use]
    pub const fn handling(self) -> ThreadHandling {
        match self {
            Self::Off => ThreadHandling::Nobody,
            Self::Notify => ThreadHandling::Person,
            Self::Agent => ThreadHandling::Agent,
        }
    }
}

text_enum! {
    /// Who answers a thread.
    ThreadHandling {
        /// The agent answers each text.
        Agent = "agent",
        /// A person of the tenant has taken the thread over.
        Person = "person",
        /// Nobody answers.
        Nobody = "nobody",
        /// The agent has handed the thread to a person, and none has taken it over yet.
        WaitingForPerson = "waiting_for_person",
    }
}

text_enum! {
    /// Whether a participant agrees to texts from a number.
    MessagingConsent {
        /// Nothing was said. An answer to a text of the participant's is permitted.
        Implied = "implied",
        /// The participant agreed to texts.
        OptedIn = "opted_in",
        /// The participant asked for no more texts. None is sent.
        OptedOut = "opted_out",
    }
}

text_enum! {
    /// Whether texts from a number reach anybody.
    MessagingStatus {
        /// The number can send texts.
        Ready = "ready",
        /// The number must be registered with the networks first.
        Unregistered = "unregistered",
        /// Its registration is under way.
        Pending = "pending",
        /// Its registration was rejected.
        Rejected = "rejected",
        /// The number cannot send texts.
        Unsupported = "unsupported",
        /// Not asked of the carrier yet.
        Unknown = "unknown",
    }
}
