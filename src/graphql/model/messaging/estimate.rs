//! Type `MessageEstimate`.

use async_graphql::{Enum, SimpleObject};

use crate::domain;

/// Encoding of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::MessageEncoding")]
pub(crate) enum MessageEncoding {
    /// The GSM alphabet: 160 units in one segment, 153 in each of several.
    #[graphql(name = "GSM_7")]
    Gsm7,
    /// Any other character turns the whole text to UCS-2: 70 units in one segment, 67 in each of several.
    #[graphql(name = "UCS_2")]
    Ucs2,
}

/// What a text costs to send, counted as the carrier counts it.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct MessageEstimate {
    /// Encoding of the text.
    encoding: MessageEncoding,
    /// Segments; each is charged like a text of its own.
    segments: i32,
    /// Characters of the text.
    characters: i32,
}

impl From<domain::Segments> for MessageEstimate {
    fn from(counted: domain::Segments) -> Self {
        Self { encoding: counted.encoding.into(), segments: counted.segments, characters: counted.characters }
    }
}
