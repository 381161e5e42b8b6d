//! The accounts on disk: one line about the file, then one line for each account. Credentials stay encrypted.

use std::io::{self, BufRead, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{SealedTokens, StoredAccount};
use crate::domain::{CarrierAccount, CarrierAccountId, CarrierAccountKind, CarrierAccountStatus, TenantId};
use crate::store::SystemStore;

/// Format version. Incremented when older versions would misread the lines.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    /// Host and name of the database that the accounts belong to.
    database: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: Uuid,
    tenant: Uuid,
    sid: String,
    kind: String,
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_key_sid: Option<String>,
    checked_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_until: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_key_secret: Option<String>,
}

impl Entry {
    fn of(account: &CarrierAccount, tokens: &SealedTokens) -> Self {
        Self {
            id: account.id.0,
            tenant: account.tenant_id.0,
            sid: account.sid.clone(),
            kind: account.kind.to_string(),
            status: account.status.to_string(),
            api_key_sid: account.api_key_sid.clone(),
            checked_at: account.checked_at,
            created_at: account.created_at,
            token: tokens.token.clone(),
            previous: tokens.previous.clone(),
            previous_until: tokens.previous_until,
            api_key_secret: tokens.api_key_secret.clone(),
        }
    }

    /// `None` if a newer version wrote something that this one does not know.
    fn stored(self) -> Option<StoredAccount> {
        let kind: CarrierAccountKind = self.kind.parse().ok()?;
        let status: CarrierAccountStatus = self.status.parse().ok()?;
        let account = CarrierAccount {
            id: CarrierAccountId(self.id),
            tenant_id: TenantId(self.tenant),
            sid: self.sid,
            kind,
            api_key_sid: self.api_key_sid,
            status,
            detail: None,
            checked_at: self.checked_at,
            created_at: self.created_at,
        };
        let tokens = SealedTokens {
            token: self.token,
            previous: self.previous,
            previous_until: self.previous_until,
            api_key_secret: self.api_key_secret,
        };
        Some(StoredAccount { account, tokens, is_connected: true })
    }
}

impl SystemStore {
    /// Writes connected accounts with their encrypted tokens.
    ///
    /// # Errors
    /// The error of the writer.
    pub fn save_accounts<'a>(
        &self,
        accounts: impl Iterator<Item = (&'a CarrierAccount, &'a SealedTokens)>,
        mut into: impl Write,
    ) -> io::Result<()> {
        let mut line = |line: serde_json::Result<Vec<u8>>| {
            into.write_all(&line?)?;
            into.write_all(b"\n")
        };
        let header = Header { format: FORMAT, database: self.shared.location.clone() };
        line(serde_json::to_vec(&header))?;
        for (account, tokens) in accounts {
            line(serde_json::to_vec(&Entry::of(account, tokens)))?;
        }
        Ok(())
    }

    /// Reads what [`Self::save_accounts`] wrote. An unreadable line is skipped.
    ///
    /// # Errors
    /// The first line is unreadable, or of another format or database.
    pub fn saved_accounts(&self, from: impl BufRead) -> io::Result<Vec<StoredAccount>> {
        let mut lines = from.lines();
        let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        let header: Header = serde_json::from_str(&first)?;
        // In another database the same account may be another tenant's.
        if header.format != FORMAT || header.database != self.shared.location {
            return Err(io::Error::other("the saved accounts are from another version or database"));
        }
        let (mut accounts, mut unreadable) = (Vec::new(), 0_u64);
        for line in lines {
            match serde_json::from_str::<Entry>(&line?).ok().and_then(Entry::stored) {
                Some(account) => accounts.push(account),
                None => unreadable += 1,
            }
        }
        if unreadable > 0 {
            tracing::error!(
                unreadable,
                "skipped unreadable entries of the saved accounts: calls to numbers in these accounts hear an apology"
            );
        }
        Ok(accounts)
    }
}
