//! Encryption of what a port is requested with, while it waits in the database for the carrier: with the keys of the tokens.

use super::{Accounts, Unreadable};
use crate::domain::KeptNumberId;

/// A part of a request for a port. It is authenticated, so that one cannot be put into another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortPart {
    /// The customer's data.
    Order,
    /// The bill.
    Bill,
}

impl Accounts {
    /// Encrypts a part of the request for the port of a kept number; `None` without `ENCRYPTION_KEY`.
    ///
    /// # Errors
    /// [`Unreadable`]: it cannot be encrypted.
    pub fn seal_port(
        &self,
        id: KeptNumberId,
        part: PortPart,
        plain: &[u8],
    ) -> Result<Option<String>, Unreadable> {
        let keyring = self.0.keyring.as_ref();
        keyring.map(|keyring| keyring.seal_bytes(&context(id, part), plain)).transpose()
    }

    /// Decrypts a part of the request for the port of a kept number.
    ///
    /// # Errors
    /// [`Unreadable`]: the key with which it was encrypted is missing, or it is of another number.
    pub fn open_port(&self, id: KeptNumberId, part: PortPart, sealed: &str) -> Result<Vec<u8>, Unreadable> {
        self.0.keyring.as_ref().ok_or(Unreadable)?.open_bytes(&context(id, part), sealed)
    }
}

fn context(id: KeptNumberId, part: PortPart) -> String {
    let part = match part {
        PortPart::Order => "order",
        PortPart::Bill => "bill",
    };
    format!("switchboard kept number {} {part}", id.0.simple())
}
