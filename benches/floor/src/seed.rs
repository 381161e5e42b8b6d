//! Fills Switchboard's own tables: tenants, their agents, and a number for each agent.
//!
//! Everything can be computed from its position: number `n` is `+12122000000 + n`, belongs to tenant `n % tenants`, and
//! the ids of both end in that position. Columns are always named, so that a column added later gets its default.

use std::str::FromStr;

use clap::Args;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};
use tokio::task::JoinSet;

use crate::{FIRST_NUMBER, Failure};

/// So many different prompts there are; agents share them.
const PROMPTS: usize = 64;
/// Connections that insert side by side.
const PARALLEL: i64 = 2;
/// Rows of a statement.
const BATCH: i64 = 50_000;

/// The words of the prompts.
const WORDS: [&str; 40] = [
    "appointment",
    "patient",
    "office",
    "insurance",
    "doctor",
    "morning",
    "please",
    "confirm",
    "the",
    "caller",
    "name",
    "date",
    "of",
    "birth",
    "before",
    "and",
    "never",
    "promise",
    "a",
    "price",
    "transfer",
    "emergency",
    "to",
    "reception",
    "repeat",
    "number",
    "slowly",
    "ask",
    "whether",
    "they",
    "have",
    "visited",
    "us",
    "cancel",
    "reschedule",
    "within",
    "hours",
    "polite",
    "short",
    "answer",
];

const TENANTS: &str = "
    INSERT INTO tenants (id, plan, concurrent_calls, phone_numbers, created_at)
    SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n + 1), 12, '0'))::uuid, 'Large', 65535, 65535,
        now() - interval '1 day' + n * interval '1 millisecond'
    FROM generate_series($1::bigint, $2::bigint - 1) AS n";

const AGENTS: &str = "
    INSERT INTO agents (id, tenant_id, voice_agent_id, name, language, prompt, status, token_hash, token_preview,
        revision, synced_revision, created_at, updated_at)
    SELECT ('01900001-0000-7000-8000-' || lpad(to_hex(n + 1), 12, '0'))::uuid,
        ('01900000-0000-7000-8000-' || lpad(to_hex(n % $3 + 1), 12, '0'))::uuid,
        'agent_' || lpad(n::text, 28, '0'), 'Practice ' || n, 'en', ($4::text[])[1 + n % cardinality($4::text[])],
        'active', lpad(to_hex(n), 64, '0'), 'vst_' || lpad(to_hex(n), 8, '0'), 1, 1,
        now() - interval '1 day' + n * interval '1 millisecond', now()
    FROM generate_series($1::bigint, $2::bigint - 1) AS n";

const OPERATIONS: &str = "
    INSERT INTO operations (id, tenant_id, kind, state, step, attempts, agent_id, data, request_id, run_after, fencing_token,
        created_at, updated_at, finished_at)
    SELECT ('01900002-0000-7000-8000-' || lpad(to_hex(n + 1), 12, '0'))::uuid,
        ('01900000-0000-7000-8000-' || lpad(to_hex(n + 1), 12, '0'))::uuid, 'create_agent', 'succeeded', 'done', 1,
        ('01900001-0000-7000-8000-' || lpad(to_hex(n + 1), 12, '0'))::uuid, '{}', 'seed', now(), 0, now(), now(), now()
    FROM generate_series($1::bigint, $2::bigint - 1) AS n";

const NUMBERS: &str = "
    INSERT INTO phone_numbers (id, tenant_id, agent_id, operation_id, number, friendly_name, sid, provider, kind, status,
        voice, sms, mms, country, monthly_cost, routing_rules, routing_version, created_at, provisioned_at)
    SELECT ('01900003-0000-7000-8000-' || lpad(to_hex(n + 1), 12, '0'))::uuid,
        ('01900000-0000-7000-8000-' || lpad(to_hex(n % $3 + 1), 12, '0'))::uuid,
        ('01900001-0000-7000-8000-' || lpad(to_hex(n + 1), 12, '0'))::uuid,
        ('01900002-0000-7000-8000-' || lpad(to_hex(n % $3 + 1), 12, '0'))::uuid,
        '+' || ($4 + n), 'Practice ' || n, 'PN' || lpad(to_hex(n), 32, '0'), 'twilio', 'local', 'active',
        true, true, true, 'US', 1.15, '[]', 0, now() - interval '1 day' + n * interval '1 millisecond', now()
    FROM generate_series($1::bigint, $2::bigint - 1) AS n";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The database that `switchboard migrate` prepared: postgres://… or sqlite://….
    #[arg(long)]
    database: String,
    /// So many tenants, with plans that never fill.
    #[arg(long, default_value_t = 200)]
    tenants: i64,
    /// So many agents, each with a number: at least as many as there are tenants.
    #[arg(long, default_value_t = 5_000)]
    numbers: i64,
    /// The length of each agent's prompt.
    #[arg(long, default_value_t = 2_000)]
    prompt_bytes: usize,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    if options.tenants < 1 || options.numbers < options.tenants {
        return Err("there is at least one tenant, and a number for each".into());
    }
    if options.database.starts_with("sqlite:") { sqlite(&options).await } else { postgres(&options).await }
}

async fn postgres(options: &Options) -> Result<(), Failure> {
    let owner = PgConnectOptions::from_str(&options.database)?;
    let system = owner.clone().options([("role", "switchboard_system")]);
    let mut connection = PgConnection::connect_with(&system).await?;
    sqlx::query(TENANTS).bind(0).bind(options.tenants).execute(&mut connection).await?;
    let prompts: Vec<String> = (0..PROMPTS).map(|seed| prompt(seed as u64, options.prompt_bytes)).collect();
    let mut tasks = JoinSet::new();
    for worker in 0..PARALLEL {
        let (system, prompts, tenants, numbers) =
            (system.clone(), prompts.clone(), options.tenants, options.numbers);
        tasks.spawn(async move {
            let mut connection = PgConnection::connect_with(&system).await?;
            for (first, end) in batches(numbers, worker) {
                let agents = sqlx::query(AGENTS).bind(first).bind(end).bind(tenants).bind(&prompts);
                agents.execute(&mut connection).await?;
            }
            Ok::<(), sqlx::Error>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    sqlx::query(OPERATIONS).bind(0).bind(options.tenants).execute(&mut connection).await?;
    let first_number = i64::try_from(FIRST_NUMBER)?;
    for worker in 0..PARALLEL {
        let (system, tenants, numbers) = (system.clone(), options.tenants, options.numbers);
        tasks.spawn(async move {
            let mut connection = PgConnection::connect_with(&system).await?;
            for (first, end) in batches(numbers, worker) {
                let numbers = sqlx::query(NUMBERS).bind(first).bind(end).bind(tenants).bind(first_number);
                numbers.execute(&mut connection).await?;
            }
            Ok::<(), sqlx::Error>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    // Tables are the login role's, and there may be no autovacuum.
    let mut connection = PgConnection::connect_with(&owner).await?;
    sqlx::raw_sql("VACUUM ANALYZE tenants, agents, operations, phone_numbers")
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// The worker's share of the rows: from the first to before the end.
fn batches(rows: i64, worker: i64) -> impl Iterator<Item = (i64, i64)> {
    let firsts = (0..rows).step_by(usize::try_from(BATCH).unwrap_or(1));
    firsts
        .filter(move |first| first / BATCH % PARALLEL == worker)
        .map(move |first| (first, rows.min(first + BATCH)))
}

/// The same rows, one statement a table: ids are 16 bytes there, times are text.
async fn sqlite(options: &Options) -> Result<(), Failure> {
    let database = SqliteConnectOptions::from_str(&options.database)?.foreign_keys(true);
    let mut connection = SqliteConnection::connect_with(&database).await?;
    let mut transaction = connection.begin().await?;
    let tenants = "
        WITH RECURSIVE row(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM row WHERE n + 1 < ?1)
        INSERT INTO tenants (id, plan, concurrent_calls, phone_numbers, created_at)
        SELECT unhex('01900000000070008000' || printf('%012x', n + 1)), 'Large', 65535, 65535,
            strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1 day', (n / 1000.0) || ' seconds')
        FROM row";
    sqlx::query(tenants).bind(options.tenants).execute(&mut *transaction).await?;
    sqlx::query("CREATE TEMPORARY TABLE prompts (n INTEGER PRIMARY KEY, prompt TEXT)")
        .execute(&mut *transaction)
        .await?;
    for seed in 0..PROMPTS {
        let insert = sqlx::query("INSERT INTO prompts VALUES (?1, ?2)").bind(seed as i64);
        insert.bind(prompt(seed as u64, options.prompt_bytes)).execute(&mut *transaction).await?;
    }
    let agents = "
        WITH RECURSIVE row(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM row WHERE n + 1 < ?1)
        INSERT INTO agents (id, tenant_id, voice_agent_id, name, language, prompt, status, token_hash, token_preview,
            revision, synced_revision, created_at, updated_at)
        SELECT unhex('01900001000070008000' || printf('%012x', n + 1)),
            unhex('01900000000070008000' || printf('%012x', n % ?2 + 1)),
            'agent_' || printf('%028d', n), 'Practice ' || n, 'en',
            (SELECT prompt FROM prompts WHERE prompts.n = row.n % (SELECT COUNT(*) FROM prompts)),
            'active', printf('%064x', n), 'vst_' || printf('%08x', n), 1, 1,
            strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1 day', (n / 1000.0) || ' seconds'),
            strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')
        FROM row";
    sqlx::query(agents).bind(options.numbers).bind(options.tenants).execute(&mut *transaction).await?;
    let operations = "
        WITH RECURSIVE row(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM row WHERE n + 1 < ?1),
            time(now) AS (SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'))
        INSERT INTO operations (id, tenant_id, kind, state, step, attempts, agent_id, data, request_id, run_after, fencing_token,
            created_at, updated_at, finished_at)
        SELECT unhex('01900002000070008000' || printf('%012x', n + 1)),
            unhex('01900000000070008000' || printf('%012x', n + 1)), 'create_agent', 'succeeded', 'done', 1,
            unhex('01900001000070008000' || printf('%012x', n + 1)), '{}', 'seed', now, 0, now, now, now
        FROM row, time";
    sqlx::query(operations).bind(options.tenants).execute(&mut *transaction).await?;
    let numbers = "
        WITH RECURSIVE row(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM row WHERE n + 1 < ?1)
        INSERT INTO phone_numbers (id, tenant_id, agent_id, operation_id, number, friendly_name, sid, provider, kind,
            status, voice, sms, mms, country, monthly_cost, routing_rules, routing_version, created_at, provisioned_at)
        SELECT unhex('01900003000070008000' || printf('%012x', n + 1)),
            unhex('01900000000070008000' || printf('%012x', n % ?2 + 1)),
            unhex('01900001000070008000' || printf('%012x', n + 1)),
            unhex('01900002000070008000' || printf('%012x', n % ?2 + 1)),
            '+' || (?3 + n), 'Practice ' || n, 'PN' || printf('%032x', n), 'twilio', 'local',
            'active', TRUE, TRUE, TRUE, 'US', 1.15, '[]', 0,
            strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1 day', (n / 1000.0) || ' seconds'),
            strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')
        FROM row";
    let insert = sqlx::query(numbers).bind(options.numbers).bind(options.tenants);
    insert.bind(i64::try_from(FIRST_NUMBER)?).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(connection.close().await?)
}

/// A prompt of this length: words in an order that compresses no better than a person's would.
fn prompt(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut prompt = String::with_capacity(bytes + 16);
    while prompt.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        prompt.push_str(WORDS[(state % WORDS.len() as u64) as usize]);
        prompt.push(' ');
    }
    prompt.truncate(bytes);
    prompt
}
