//! Pages: every row once, in one order, whatever is written meanwhile.

use std::collections::HashSet;

use chrono::TimeDelta;
use switchboard::domain::{Agent, AgentId, AgentToken, Clock, Entropy, TenantId};
use switchboard::store::{AgentFilter, AgentProfile, Cursor, Database, Page, PageOf, PageRequest};
use uuid::Uuid;

use crate::support::database::TestDatabase;
use crate::support::fixtures;

/// Agents whose creation is `minutes` past an hour ago, several to a minute: the id decides between them.
async fn insert(db: &Database, tenant: TenantId, minutes: &[i64]) -> Vec<AgentId> {
    let door = fixtures::write_as(db, tenant).await;
    let mut ids = Vec::new();
    for minute in minutes {
        let token = AgentToken::generate(&Entropy::system());
        let created_at = Clock::system().now() - TimeDelta::hours(1);
        let created_at =
            created_at - TimeDelta::nanoseconds(created_at.timestamp_nanos_opt().unwrap() % 60_000_000_000);
        let agent = fixtures::new_agent(tenant, &token);
        let agent = Agent { created_at: created_at + TimeDelta::minutes(*minute), ..agent };
        door.insert_agent(&agent, &token).await.unwrap();
        ids.push(agent.id);
    }
    door.commit().await.unwrap();
    ids
}

async fn page(db: &Database, tenant: TenantId, request: PageRequest) -> PageOf<AgentProfile> {
    db.read_as(tenant).await.unwrap().agents(&AgentFilter::default(), request).await.unwrap()
}

fn ids(page: &PageOf<AgentProfile>) -> Vec<AgentId> {
    page.items.iter().map(|(_, agent)| agent.id).collect()
}

/// Walks all pages; between two of them `meanwhile` writes.
async fn walk(
    db: &Database,
    tenant: TenantId,
    size: Page,
    mut meanwhile: impl AsyncFnMut(usize),
) -> Vec<AgentId> {
    let mut seen = Vec::new();
    let mut request = PageRequest { page: size, after: None, before: None };
    for turn in 0.. {
        assert!(turn < 100, "the walk does not end");
        let part = page(db, tenant, request).await;
        let (more, back) = match size {
            Page::First(_) => (part.has_next, part.has_previous),
            Page::Last(_) => (part.has_previous, part.has_next),
        };
        assert_eq!(back, turn > 0, "there is something behind every page but the first");
        match size {
            Page::First(_) => {
                seen.extend(ids(&part));
                request.after = part.items.last().map(|(cursor, _)| *cursor);
            }
            Page::Last(_) => {
                seen.splice(0..0, ids(&part));
                request.before = part.items.first().map(|(cursor, _)| *cursor);
            }
        }
        if !more {
            break;
        }
        meanwhile(turn).await;
    }
    seen
}

#[tokio::test]
async fn pages_contain_every_row_once_in_both_directions_during_writes() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    let stranger = fixtures::tenant(&db).await;
    insert(&db, stranger, &[10, 11, 12]).await;
    let mine = insert(&db, tenant, &[10, 11, 11, 11, 11, 12, 13, 13, 14, 15, 16]).await;
    let all = ids(&page(&db, tenant, fixtures::first(100)).await);
    assert_eq!(all.iter().collect::<HashSet<_>>(), mine.iter().collect::<HashSet<_>>());
    assert_eq!(all.first(), mine.last(), "newest first");

    for size in 1..=5 {
        assert_eq!(walk(&db, tenant, Page::First(size), async |_| ()).await, all);
        assert_eq!(walk(&db, tenant, Page::Last(size), async |_| ()).await, all);
    }
    // Written behind the walk, towards either end: none of it moves what is still to come.
    let newer = async |turn: usize| drop(insert(&db, tenant, &[20 + turn as i64]).await);
    assert_eq!(walk(&db, tenant, Page::First(2), newer).await, all);
    let older = async |turn: usize| drop(insert(&db, tenant, &[-(turn as i64)]).await);
    let with_newer = ids(&page(&db, tenant, fixtures::first(100)).await);
    assert_eq!(walk(&db, tenant, Page::Last(2), older).await, with_newer);
}

#[tokio::test]
async fn windows_know_what_lies_on_either_side() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    insert(&db, tenant, &[1, 2, 3, 4, 5]).await;
    let all = page(&db, tenant, fixtures::first(5)).await;
    assert_eq!((all.items.len(), all.has_next, all.has_previous), (5, false, false));
    let at = |n: usize| Some(all.items[n].0);

    let middle = page(&db, tenant, PageRequest { page: Page::First(10), after: at(0), before: at(4) }).await;
    assert_eq!(ids(&middle), ids(&all)[1..4]);
    assert!(middle.has_next && middle.has_previous);
    let past = page(&db, tenant, PageRequest { page: Page::First(3), after: at(4), before: None }).await;
    assert_eq!((past.items.len(), past.has_next, past.has_previous), (0, false, true));
    let none = page(&db, tenant, PageRequest { page: Page::First(0), after: None, before: None }).await;
    assert_eq!((none.items.len(), none.has_next, none.has_previous), (0, true, false));

    // A cursor outlives its row: this one never had any.
    let (cursor, _) = all.items[2];
    let gone = Cursor { id: Uuid::from_u128(cursor.id.as_u128() + 1), ..cursor };
    let after =
        page(&db, tenant, PageRequest { page: Page::First(9), after: Some(gone), before: None }).await;
    assert_eq!(ids(&after), ids(&all)[2..]);
    assert!(after.has_previous);
    let empty = page(&db, fixtures::tenant(&db).await, fixtures::first(5)).await;
    assert_eq!((empty.items.len(), empty.has_next, empty.has_previous), (0, false, false));
}

#[tokio::test]
async fn a_page_costs_a_fixed_number_of_statements() {
    let test = TestDatabase::create().await;
    let db = test.open().await;
    let tenant = fixtures::tenant(&db).await;
    insert(&db, tenant, &[1, 2, 3, 4, 5, 6, 7, 8]).await;
    let mut costs = Vec::new();
    for size in [1, 8] {
        let door = db.read_as(tenant).await.unwrap();
        let before = db.statements();
        let page = door.agents(&AgentFilter::default(), fixtures::first(size)).await.unwrap();
        door.first_numbers(&ids(&page)).await.unwrap();
        costs.push(db.statements() - before);
    }
    assert_eq!(costs, [2, 2]);
}
