//! Time limits of statements and transactions in Postgres.

use std::time::{Duration, Instant};

use sqlx::Executor;
use switchboard::domain::Clock;
use switchboard::store::StoreError;

use crate::support::database::TestDatabase;
use crate::support::fixtures;

#[tokio::test]
async fn waits_for_locks_and_idle_transactions_time_out() {
    let test = TestDatabase::create().await;
    if !test.is_postgres() {
        println!("left out on SQLite: a file is locked by this machine alone");
        return;
    }
    let db = test.open_with(4, Clock::system()).await;
    let tenant = fixtures::tenant(&db).await;
    let agent = fixtures::agent(&db, tenant).await;
    let number = fixtures::number(&db, &agent, &fixtures::e164(100)).await;

    let waits = async {
        let mut other = test.raw().await;
        other.execute("BEGIN; LOCK TABLE agents IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let begun = Instant::now();
        let error = db.system().agent(agent.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!((8..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        other.execute("ROLLBACK").await.unwrap();
        assert!(db.system().agent(agent.id).await.unwrap().is_some());
    };
    let stands_still = async {
        // Holds the number's row, as a machine would that vanished in the middle.
        let door = fixtures::write_as(&db, tenant).await;
        door.number(number.id).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(33)).await;
        let next = fixtures::write_as(&db, tenant).await;
        next.number(number.id).await.unwrap().unwrap();
        let error = door.number(number.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    };
    tokio::join!(waits, stands_still);
}
