//! A database that is there and has too much to do: the plan's calls are counted all the same, every caller gets an answer,
//! and all of it is on record afterwards.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::practice::Practice;
use crate::support::sql::execute;
use crate::support::webhooks::{INCOMING, ringing, send, twiml};
use crate::support::{App, wait_until};

/// Makes every row of a call cost the database some 50 ms.
async fn slow_down(app: &App) {
    let sleeping = "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep(0.05); RETURN new; END $$;
         CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON calls FOR EACH ROW EXECUTE FUNCTION take_time()";
    if is_postgres(app) {
        return execute(app, &[sleeping]).await;
    }
    // SQLite cannot sleep. It counts, as far as it comes in this time on this machine.
    let counting = |to: u64| {
        format!(
            "SELECT count(*) FROM (
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {to}) SELECT i FROM n)"
        )
    };
    let (tried, begun) = (400_000, Instant::now());
    execute(app, &[&counting(tried)]).await;
    let in_time = tried * 50 / begun.elapsed().as_millis().max(1) as u64;
    execute(app, &[&format!("CREATE TRIGGER slow BEFORE INSERT ON calls BEGIN {}; END", counting(in_time))])
        .await;
}

fn is_postgres(app: &App) -> bool {
    app.database_url().starts_with("postgres")
}

const FAST: [&[&str]; 2] =
    [&["DROP TRIGGER slow ON calls"], &["PRAGMA busy_timeout = 60000", "DROP TRIGGER slow"]];
const CALLS: usize = 150;

fn sid(nth: usize) -> String {
    format!("CA{nth:032x}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_goes_on_counting_the_plans_calls_and_keeps_all_of_them() {
    let practice = Practice::open(json!({"fallbackNumber": "+12125550142"})).await;
    let system = practice.app.database().system();
    wait_until("the number is known", Duration::from_secs(10), async || {
        system.can_route_from_cache().then_some(())
    })
    .await;
    slow_down(&practice.app).await;
    // Some 50 a second, of which it takes a third.
    let calls = (0..CALLS).map(|nth| {
        let practice = &practice;
        async move {
            sleep(Duration::from_millis(20 * nth as u64)).await;
            // Callers of their own: the desk does not ring for many calls of one.
            let mut form = ringing(&practice.number, &sid(nth));
            form.retain(|(name, _)| name != "From");
            form.push(("From".to_owned(), format!("+1312555{:04}", 1000 + nth)));
            twiml(send(&practice.app, INCOMING, &form).await).await
        }
    });
    let given = join_all(calls).await;
    let to_agent = given.iter().filter(|(verbs, _)| verbs == &["Connect"]).count();
    let to_desk = given.iter().filter(|(verbs, _)| verbs == &["Dial"]).count();
    assert_eq!(to_agent + to_desk, CALLS);
    assert!((1..=10).contains(&to_agent), "the plan has ten call slots: {to_agent}");
    let ready = practice.app.http().get(format!("{}/readyz", practice.app.base_url())).send().await.unwrap();
    let ready: Value = ready.json().await.unwrap();
    assert_eq!(ready["status"], "ok", "slow is not away: {ready}");
    execute(&practice.app, FAST[usize::from(!is_postgres(&practice.app))]).await;
    let answered = "SELECT count(*) AS n FROM calls WHERE answer IS NOT NULL";
    wait_until("every call is on record with its answer", Duration::from_secs(60), async || {
        (practice.app.count(answered).await == i64::try_from(CALLS).unwrap()).then_some(())
    })
    .await;
    let active = practice.app.graphql(&practice.token, "{ viewer { activeCalls } }", json!({})).await;
    assert_eq!(active["data"]["viewer"]["activeCalls"], to_agent, "no other call holds a slot");
}
