//! The domain model, without I/O except for time zone data: numbers, agents, operations and calls with their lifecycles and
//! legal transitions, and routing rules.
//!
//! External input is parsed once into types that only hold valid values, so the other modules need no further checks. Time and
//! randomness are passed in as values ([`Clock`], [`Entropy`]), so that tests can choose them.

mod agent;
mod ambient;
mod audit_event;
mod background;
mod call;
mod carrier_account;
mod country;
mod database_url;
mod e164;
mod id;
mod kept;
mod language;
mod message;
mod number;
mod operation;
mod refusal;
mod routing;
mod shares;
mod tenant;
mod time;

pub use agent::{
    Agent, AgentName, AgentStatus, AgentToken, AnsweringAgent, FirstMessage, Prompt, SyncState, VoiceId,
};
pub use ambient::{Clock, Entropy};
pub use audit_event::{Actor, AuditEvent, AuditOutcome, AuditOutcomeKind, Author};
pub use background::{
    Ailing, ComponentHealth, HealthProbes, HealthStatus, Heartbeat, Worker, Workers, backoff, caught,
};
pub use call::{
    AnswerStage, Call, CallAnswer, CallDirection, CallGroup, CallGroupMember, CallGroupName,
    CallGroupStrategy, CallOutcome, CallReport, CallStatus, ConversationNews, ConversationReport,
    GivenAnswer, IfUnanswered, IncomingCall, TranscriptLine, Webhook,
};
pub use carrier_account::{CarrierAccount, CarrierAccountKind, CarrierAccountStatus, NumberAccounts};
pub use country::{AreaCode, CountryCode};
pub use database_url::{DatabaseHost, DatabaseUrl};
pub use e164::{E164, load_numbering_plans, mask};
pub use id::{
    AgentId, AuditEventId, CallGroupId, CallId, CarrierAccountId, KeptNumberId, MessageId, NodeId, NodeKind,
    NumberId, OperationId, TenantId, ThreadId,
};
pub use kept::{KeptNumber, KeptNumberState, KeptUpdate, Portability, forwarding_instructions};
pub use language::Language;
pub use message::{
    ANSWER_LIMITS, AgentMessaging, AnswerLimit, AutomaticAnswer, ConsentWord, DeliveryProblem,
    DeliveryProblemKind, IncomingMessage, LARGEST_MEDIA, MediaFile, MediaId, MediaReference, MediaState,
    MediaType, Message, MessageBody, MessageDirection, MessageEncoding, MessageReport, MessageStatus,
    MessageThread, MessagingConsent, MessagingRegistration, MessagingStatus, Participant,
    RequiredRegistration, Review, Segments, TextReading, TextReply, ThreadHandling, answer_texts,
    consent_word, delivery_problem, is_text_loop, plain_text, reply_to, revokes_consent, split, text_history,
    text_question,
};
pub use number::{
    Capabilities, Cost, NumberLabel, NumberOrigin, NumberStatus, NumberTransition, NumberType, PhoneNumber,
    Provider, Rates, StockWishes,
};
pub(crate) use operation::operation_kinds;
pub use operation::{
    EventKey, GivenUpNumbers, IdempotencyKey, Operation, OperationKind, OperationState, Step,
};
pub use refusal::{Refusal, RefusalCode, UsedUp};
pub use routing::{
    ActionDraft, AppliedRule, CallerId, CallerPattern, Cause, Causes, ConditionDraft, Decision, NotDialed,
    RoutingAction, RoutingActionKind, RoutingCondition, RoutingRule, RoutingRules, RuleDraft, When, Window,
};
pub use shares::Shares;
pub use tenant::{Countries, Dialing, DialingChange, DialingOverride, Limits, Tenant};
pub use time::{Interval, NotDivided, Zone, ZoneData};
use url::{Host, Url};

/// Invalid input. The message says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Whether a text has no visible character: it is empty, white space, or characters that render as nothing.
pub(crate) fn is_blank(text: &str) -> bool {
    // A name of such characters would pass a test for white space, and nobody could see or hear it.
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// Whether a character renders as nothing: Unicode's `Default_Ignorable_Code_Point`, and the blank Braille pattern.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // Other names are not resolved: a look-up could block, and may change.
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Bytes in hexadecimal, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text is the id of a Twilio account: `AC` and 32 hexadecimal digits.
pub(crate) fn is_account_sid(text: &str) -> bool {
    is_sid("AC", text)
}

/// Whether a text is the id of a Twilio API key: `SK` and 32 hexadecimal digits.
pub(crate) fn is_api_key_sid(text: &str) -> bool {
    is_sid("SK", text)
}

fn is_sid(prefix: &str, text: &str) -> bool {
    let is_hex = |digits: &str| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.strip_prefix(prefix).is_some_and(is_hex)
}

/// The names on the path of a JSON pointer, unescaped.
pub(crate) fn names_of_pointer(pointer: &str) -> impl Iterator<Item = String> {
    // In this order, as RFC 6901 demands: `~01` is an escaped `~1`, not a slash.
    pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"))
}

/// Defines a type for texts of limited length that tenants write.
macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Maximum length in characters.
            pub const MAX_CHARS: usize = $max;

            /// The text, trimmed of white space.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::Invalid;

            fn from_str(text: &str) -> Result<Self, $crate::domain::Invalid> {
                let text = text.trim();
                let length = text.chars().count();
                if length == 0 || length > Self::MAX_CHARS {
                    return Err($crate::domain::Invalid::new(format!(
                        concat!("the ", $what, " must have 1 to {} characters; got {}"),
                        Self::MAX_CHARS, length
                    )));
                }
                if $crate::domain::is_blank(text) {
                    return Err($crate::domain::Invalid::new(concat!("the ", $what, " must contain a visible character")));
                }
                // Postgres stores no NUL, and the others mean nothing in speech. Prompts have paragraphs and lists.
                if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
                    return Err($crate::domain::Invalid::new(concat!("the ", $what, " must not contain control characters")));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Defines an enum whose values have one spelling in the database and on the wire.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All values in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling in the database and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::domain::Invalid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(crate::domain::Invalid::new(format!(
                        concat!("\"{}\" is not a ", stringify!($name)), other
                    ))),
                }
            }
        }
    };
}
use bounded_text;
pub(crate) use text_enum;

/// Implements Serde for a type through its `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($($name:ty),+ $(,)?) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // The spelling of the database, so that a JSON column and a text column hold the same word.
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                // Validated when it is read back: an older version or a person may have written the row.
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use serde_as_text;
serde_as_text!(
    E164,
    CountryCode,
    AreaCode,
    CarrierAccountId,
    Language,
    NumberType,
    NumberStatus,
    NumberLabel,
    AgentStatus,
    Participant,
    TenantId,
    AgentId,
    NumberId,
    OperationId,
    MessageId,
    ThreadId,
    CallGroupId
);
