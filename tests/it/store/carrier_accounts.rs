//! Credentials of tenants' own accounts.

use chrono::{DateTime, TimeDelta, Utc};
use switchboard::domain::{CarrierAccountId, CarrierAccountStatus, TenantId};
use switchboard::store::{AccountCheck, Database, ReplacedToken, SealedCredentials, StoredAccount};

use crate::support::database::{HandClock, TestDatabase};
use crate::support::fixtures::{self, uuid};

const SID: &str = "AC0123456789abcdef0123456789abcdef";

fn token(text: &str) -> SealedCredentials {
    SealedCredentials { token: text.to_owned(), api_key_sid: None, api_key_secret: None }
}

fn active() -> AccountCheck {
    AccountCheck { status: CarrierAccountStatus::Active, detail: None }
}

async fn stored(db: &Database) -> StoredAccount {
    db.system().carrier_account_by_sid(SID).await.unwrap().unwrap()
}

/// Stores a token in place of the one that was read; returns whether it was stored.
async fn replaced(
    db: &Database,
    tenant: TenantId,
    read: &StoredAccount,
    by: &str,
    at: DateTime<Utc>,
) -> bool {
    let until = at + TimeDelta::hours(24);
    let replaced = ReplacedToken {
        previous: read.tokens.token.clone().zip(Some(until)),
        previous_until: read.tokens.previous_until,
    };
    let door = fixtures::write_as(db, tenant).await;
    let id = read.account.id;
    let is_replaced = door.replace_account_credentials(id, token(by), replaced, &active()).await.unwrap();
    door.commit().await.unwrap();
    is_replaced
}

#[tokio::test]
async fn of_two_tokens_stored_at_once_one_is_refused_and_none_is_lost() {
    let test = TestDatabase::create().await;
    let clock = HandClock::new();
    let db = test.open_with(4, clock.clock()).await;
    let tenant = fixtures::tenant(&db).await;
    let door = fixtures::write_as(&db, tenant).await;
    let id = CarrierAccountId(uuid());
    assert!(door.insert_own_account(id, SID, token("first"), &active()).await.unwrap());
    door.commit().await.unwrap();

    // Two servers read the same row.
    let read = stored(&db).await;
    clock.advance(TimeDelta::microseconds(1));
    assert!(replaced(&db, tenant, &read, "second", clock.clock().now()).await);
    assert!(!replaced(&db, tenant, &read, "third", clock.clock().now()).await);
    let now = stored(&db).await.tokens;
    assert_eq!((now.token.as_deref(), now.previous.as_deref()), (Some("second"), Some("first")));

    // Repeated, it replaces what is there.
    clock.advance(TimeDelta::microseconds(1));
    assert!(replaced(&db, tenant, &stored(&db).await, "third", clock.clock().now()).await);
    let now = stored(&db).await.tokens;
    assert_eq!((now.token.as_deref(), now.previous.as_deref()), (Some("third"), Some("second")));
}
