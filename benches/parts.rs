//! What a call and a query cost in parts, without network and database: `cargo bench --bench parts`.

use std::collections::HashMap;
use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use chrono::{DateTime, Utc};
use criterion::{BatchSize, Criterion};
use secrecy::SecretString;
use serde_json::json;
use switchboard::app::{self, Core};
use switchboard::auth::{self, Authenticator, Credentials, Principal};
use switchboard::carrier::signature::verify_form;
use switchboard::carrier::{Dial, Twiml, Verb};
use switchboard::config::Config;
use switchboard::domain::{CallerId, Clock, Entropy, HealthProbes, Language, RoutingRules, TenantId};
use switchboard::graphql::{Api, Caller, CursorScope, GraphqlRequest, List, Services};
use switchboard::store::{Cursor, Database, DatabaseConfig};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Signed with [`TOKEN`] for [`URL`].
const FORM: &str = "From=%2B12125550101&CallSid=CA0123456789abcdef0123456789abcdef&To=%2B12125550123\
    &AccountSid=AC0123456789abcdef0123456789abcdef&CallStatus=ringing&Direction=inbound&ApiVersion=2010-04-01\
    &FromCity=NEW+YORK&FromState=NY&FromZip=10001&FromCountry=US&ToCity=NEW+YORK&ToState=NY&ToZip=10002&ToCountry=US";
const URL: &str = "https://calls.example.com/api/webhooks/call/incoming";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "a-secret-of-the-benchmarks-of-more-than-32-bytes";
/// The list that `scripts/bench` asks for, as one of two operations: the other one runs, and costs nothing.
const LIST: &str = "query Run { __typename } query List($first: Int = 20, $after: String) {
    phoneNumbers(first: $first, after: $after) {
        nodes { number status agent { name } } pageInfo { endCursor hasNextPage } } }";

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let now = DateTime::from_timestamp(1_788_000_000, 0).ok_or("no such instant")?;
    calls(&mut criterion, now)?;
    pages(&mut criterion, now)?;
    requests(&mut criterion, now)?;
    criterion.final_summary();
    Ok(())
}

/// What a webhook does: signature, decision, TwiML.
fn calls(criterion: &mut Criterion, now: DateTime<Utc>) -> Result<(), Box<dyn Error>> {
    let tokens = [SecretString::from(TOKEN)];
    let signature = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    criterion.bench_function("signature of a webhook", |bench| {
        bench.iter(|| verify_form(black_box(URL), black_box(FORM.as_bytes()), signature, &tokens));
    });

    let rules: RoutingRules = serde_json::from_value(json!((0..20).map(rule).collect::<Vec<_>>()))?;
    let caller = CallerId::read("+12125550101");
    criterion.bench_function("decision by 20 rules, of which none applies", |bench| {
        bench.iter(|| black_box(&rules).decide(black_box(&caller), now));
    });

    let number: switchboard::domain::E164 = "+12125550142".parse()?;
    criterion.bench_function("TwiML that dials a number and apologizes", |bench| {
        bench.iter_batched(
            || {
                let dial =
                    Dial { number: number.clone(), timeout_seconds: 20, action: None, caller_id: None };
                let text = "We are closed & will call back <soon>.".to_owned();
                Twiml(vec![Verb::Dial(dial), Verb::Say { text, language: Language::default() }])
            },
            |twiml| twiml.to_string(),
            BatchSize::SmallInput,
        );
    });
    Ok(())
}

/// A rule for nights in one of three time zones, and for one caller.
fn rule(nth: usize) -> serde_json::Value {
    let zone = ["Europe/Berlin", "America/New_York", "Australia/Sydney"][nth % 3];
    json!({
        "name": format!("Night {nth}"),
        "condition": {
            "when": { "time_zone": zone, "days": ["Mon", "Tue", "Wed", "Thu", "Fri"],
                "window": { "from": "22:00:00", "to": "06:00:00" }, "dates": [] },
            "callers": [format!("+1646555{nth:04}")],
        },
        "action": { "kind": "message", "text": "We are closed." },
    })
}

/// A cursor there and back.
fn pages(criterion: &mut Criterion, now: DateTime<Utc>) -> Result<(), Box<dyn Error>> {
    let scope = CursorScope::new(List::Numbers, &"no filter");
    let cursor = Cursor { at: now, id: Uuid::from_u128(7) };
    scope.decode(&scope.encode(cursor))?;
    criterion.bench_function("cursor, written and read", |bench| {
        bench.iter(|| scope.decode(&scope.encode(black_box(cursor))));
    });
    Ok(())
}

/// What a GraphQL request does before its resolvers: token, document.
fn requests(criterion: &mut Criterion, now: DateTime<Utc>) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let config = config(&format!("sqlite://{}/parts.db", folder.path().display()))?;
    let clock = Clock::from_fn(move || now);
    let core = runtime.block_on(async {
        let settings = DatabaseConfig {
            url: config.database_url.clone(),
            listen_url: None,
            max_connections: 2,
            acquire_timeout: Duration::from_secs(3),
        };
        Database::connect(&settings, clock.clone()).await?.migrate().await?;
        Ok::<_, Box<dyn Error>>(Core::build(&config, &clock, &Entropy::system()).await?)
    })?;

    let tokens = app::auth_config(&config.jwt);
    let token = auth::mint(&tokens, Uuid::from_u128(1), false, Duration::from_secs(3600), now)?;
    let credentials = Credentials { bearer: Some(token), ..Credentials::default() };
    let authenticator = Authenticator::new(tokens, core.database.system(), clock.clone())?;
    runtime.block_on(authenticator.authenticate(&credentials)).map_err(|error| format!("{error:?}"))?;
    criterion.bench_function("JWT with HS256, of a tenant seen before", |bench| {
        bench.iter(|| runtime.block_on(authenticator.authenticate(black_box(&credentials))));
    });

    let services = Services {
        database: core.database,
        provisioning: core.provisioning,
        reconciler: core.reconciler,
        clock,
        health: HealthProbes::new(Vec::new()),
        media_links: auth::MediaLinks::new(config.webhook_base_url.clone(), &[]),
        is_sandbox: true,
    };
    let api = Api::new(services, true);
    let execute = |query: String| {
        let principal = Some(Principal::Tenant(TenantId(Uuid::from_u128(1))));
        let caller = Caller { principal, request_id: "parts".to_owned() };
        let operation_name = Some("Run".to_owned());
        let request = GraphqlRequest { query, operation_name, ..GraphqlRequest::default() };
        runtime.block_on(api.execute(caller, request))
    };
    let answered = execute(LIST.to_owned());
    if !answered.errors.is_empty() {
        return Err(format!("{:?}", answered.errors).into());
    }
    criterion.bench_function("document seen before", |bench| bench.iter(|| execute(LIST.to_owned())));
    let mut seen = 0_u64;
    criterion.bench_function("new document, parsed and validated", |bench| {
        bench.iter(|| {
            seen += 1;
            execute(format!("# {seen}\n{LIST}"))
        });
    });
    runtime.block_on(async { drop(api) });
    Ok(())
}

/// A configuration whose providers are never called.
fn config(database: &str) -> Result<Config, Box<dyn Error>> {
    let all = HashMap::from([
        ("DATABASE_URL", database),
        ("WEBHOOK_BASE_URL", "https://calls.example.com"),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("ELEVENLABS_API_KEY", "sk_0123456789abcdef0123456789abcdef"),
        ("JWT_SECRET", SECRET),
    ]);
    Config::for_this_machine(|name| all.get(name).map(|value| (*value).to_owned()))
        .map_err(|error| format!("{error:?}").into())
}
