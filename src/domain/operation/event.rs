//! External events that operations wait for.

use std::fmt;
use std::str::FromStr;

use super::super::Invalid;

/// The name of an external event, such as `regulatory_bundle:BU0123`: the same in the operation that waits for it and in the
/// webhook that announces it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventKey(String);

impl EventKey {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 200;

    /// The key as stored in the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("an event key has 1 to 200 visible ASCII characters and no spaces"))
        }
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
