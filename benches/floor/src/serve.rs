//! The hand-written peers of Switchboard's hot paths, on one axum server over Switchboard's own tables.
//!
//! Each does what the server must do for the caller, in as few steps as a person would need who wrote only this path:
//! one statement per webhook, one join per list, no layers in between. Calls are written to a table of its own,
//! `floor.calls`: a schema of its own, since the server refuses tables without Row Level Security in its schema.

use std::error::Error;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use clap::Args;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::sign::Signer;
use crate::{Failure, INCOMING_PATH, REFUSAL, REGISTER_PATH, STATUS_PATH};

/// Made at every start; the indexes are those that a list of calls needs.
const TABLE: &str = "
    CREATE SCHEMA IF NOT EXISTS floor;
    GRANT USAGE ON SCHEMA floor TO switchboard_system;
    CREATE TABLE IF NOT EXISTS floor.calls (
        id uuid PRIMARY KEY,
        tenant_id uuid NOT NULL,
        agent_id uuid NOT NULL,
        phone_number_id uuid NOT NULL,
        sid text NOT NULL UNIQUE,
        caller text NOT NULL,
        called text NOT NULL,
        status text NOT NULL,
        duration_seconds integer,
        started_at timestamptz NOT NULL,
        ended_at timestamptz
    );
    CREATE INDEX IF NOT EXISTS calls_page ON floor.calls (tenant_id, started_at, id);
    GRANT SELECT, INSERT, UPDATE ON floor.calls TO switchboard_system";

/// A call that is announced again changes nothing, but its row is returned.
const ADMIT: &str = "
    INSERT INTO floor.calls AS made (id, tenant_id, agent_id, phone_number_id, sid, caller, called, status, started_at)
    SELECT $1, n.tenant_id, n.agent_id, n.id, $2, $3, n.number, 'ringing', now()
    FROM phone_numbers n JOIN agents a ON a.id = n.agent_id
    WHERE n.number = $4 AND n.status <> 'released' AND n.status IN ('active', 'releasing') AND a.status = 'active'
    ON CONFLICT (sid) DO UPDATE SET sid = excluded.sid
    RETURNING (SELECT voice_agent_id FROM agents WHERE id = made.agent_id)";

const END: &str =
    "UPDATE floor.calls SET status = $2, duration_seconds = $3, ended_at = now() WHERE sid = $1";

const BECOME_TENANT: &str =
    "SELECT set_config('role', 'switchboard_tenant', true), set_config('request.jwt.claims', $1, true)";

const LIST: &str = "
    SELECT n.id, n.number, upper(n.status), a.name
    FROM phone_numbers n JOIN agents a ON a.id = n.agent_id
    WHERE n.tenant_id = $1 AND n.status <> 'released'
    ORDER BY n.created_at DESC, n.id DESC LIMIT 20";

/// How long the voice provider may take.
const PROVIDER_TIME: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The Postgres database that `switchboard migrate` prepared.
    #[arg(long)]
    database: String,
    /// The voice provider's base address.
    #[arg(long)]
    provider: String,
    /// The key of webhook signatures.
    #[arg(long)]
    auth_token: String,
    /// The carrier account whose calls are answered.
    #[arg(long)]
    account: String,
    /// The origin that signatures are over.
    #[arg(long)]
    base_url: String,
    /// The key of HS256 tokens.
    #[arg(long)]
    jwt_secret: String,
    /// The port to listen on, at 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// Database connections of each of the two pools.
    #[arg(long, default_value_t = 16)]
    connections: u32,
}

/// What the handlers share.
struct Floor {
    /// As the role that sees all tenants.
    system: PgPool,
    /// As the login role, which sees nothing until it becomes a tenant.
    tenants: PgPool,
    provider: reqwest::Client,
    register_url: String,
    incoming_url: String,
    status_url: String,
    signer: Signer,
    account: String,
    jwt_key: DecodingKey,
    jwt_rules: Validation,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let database = PgConnectOptions::from_str(&options.database)?;
    let pool = || PgPoolOptions::new().max_connections(options.connections).test_before_acquire(false);
    let tenants = pool().connect_with(database.clone()).await?;
    sqlx::raw_sql(TABLE).execute(&tenants).await?;
    let floor = Floor {
        system: pool().connect_with(database.options([("role", "switchboard_system")])).await?,
        tenants,
        provider: reqwest::Client::builder().timeout(PROVIDER_TIME).build()?,
        register_url: format!("{}{REGISTER_PATH}", options.provider),
        incoming_url: format!("{}{INCOMING_PATH}", options.base_url),
        status_url: format!("{}{STATUS_PATH}", options.base_url),
        signer: Signer::new(&options.auth_token),
        account: options.account,
        jwt_key: DecodingKey::from_secret(options.jwt_secret.as_bytes()),
        jwt_rules: Validation::new(Algorithm::HS256),
    };
    let routes = Router::new()
        .route(INCOMING_PATH, post(incoming))
        .route(STATUS_PATH, post(status))
        .route("/form", post(form))
        .route("/graphql", post(list))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(Arc::new(floor));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    // A connection that cannot be set up breaks at its first request.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, routes).await?;
    Ok(())
}

/// What a handler answers when it cannot do its work.
enum Refusal {
    /// The request has no valid signature, or no valid token.
    Forbidden,
    /// The request lacks something.
    Malformed(&'static str),
    /// The database or the provider failed.
    Failed(Box<dyn Error + Send + Sync>),
}

impl<E: Error + Send + Sync + 'static> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Forbidden => (StatusCode::FORBIDDEN, REFUSAL).into_response(),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::Failed(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// What the voice provider is asked.
#[derive(Serialize)]
struct Registration<'a> {
    agent_id: &'a str,
    from_number: &'a str,
    to_number: &'a str,
    direction: &'static str,
    conversation_initiation_client_data: ClientData<'a>,
}

#[derive(Serialize)]
struct ClientData<'a> {
    dynamic_variables: Variables<'a>,
}

#[derive(Serialize)]
struct Variables<'a> {
    call_sid: &'a str,
}

/// A call comes in: it is written down, and the voice provider's answer connects it.
async fn incoming(
    State(floor): State<Arc<Floor>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    floor.verify(&floor.incoming_url, &headers, &body)?;
    let (mut sid, mut from, mut to) = (None, None, None);
    for (name, value) in form_urlencoded::parse(&body) {
        match &*name {
            "CallSid" => sid = Some(value),
            "From" => from = Some(value),
            "To" => to = Some(value),
            "AccountSid" if value != floor.account => return Err(Refusal::Forbidden),
            _ => {}
        }
    }
    let sid = sid.ok_or(Refusal::Malformed("CallSid is missing"))?;
    let to = to.ok_or(Refusal::Malformed("To is missing"))?;
    let from = from.unwrap_or_default();
    let voice_agent: Option<String> = sqlx::query_scalar(ADMIT)
        .bind(id())
        .bind(&*sid)
        .bind(&*from)
        .bind(&*to)
        .fetch_one(&floor.system)
        .await?;
    let registration = Registration {
        agent_id: &voice_agent.ok_or(Refusal::Malformed("the agent is not at the voice provider"))?,
        from_number: &from,
        to_number: &to,
        direction: "inbound",
        conversation_initiation_client_data: ClientData { dynamic_variables: Variables { call_sid: &sid } },
    };
    let answer =
        floor.provider.post(&floor.register_url).json(&registration).send().await?.error_for_status()?;
    Ok(xml(answer.bytes().await?))
}

/// A call ended.
async fn status(
    State(floor): State<Arc<Floor>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    floor.verify(&floor.status_url, &headers, &body)?;
    let (mut sid, mut word, mut seconds) = (None, None, None);
    for (name, value) in form_urlencoded::parse(&body) {
        match &*name {
            "CallSid" => sid = Some(value),
            "CallStatus" => word = Some(value),
            "CallDuration" => seconds = value.parse::<i32>().ok(),
            "AccountSid" if value != floor.account => return Err(Refusal::Forbidden),
            _ => {}
        }
    }
    let sid = sid.ok_or(Refusal::Malformed("CallSid is missing"))?;
    let word = word.ok_or(Refusal::Malformed("CallStatus is missing"))?;
    sqlx::query(END).bind(&*sid).bind(&*word).bind(seconds).execute(&floor.system).await?;
    Ok(xml(Bytes::from_static(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>")))
}

/// The bare cost of a form: it is read, and refused as a webhook with an invalid signature is.
async fn form(body: Bytes) -> Response {
    let parameters: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    let status = if parameters.is_empty() { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
    (status, REFUSAL).into_response()
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
}

#[derive(Serialize)]
struct Number {
    number: String,
    status: String,
    agent: Agent,
}

#[derive(Serialize)]
struct Agent {
    name: String,
}

/// A tenant's newest numbers. The document in the request is not read: this is what it would cost to answer it.
async fn list(State(floor): State<Arc<Floor>>, headers: HeaderMap, _: Bytes) -> Result<Response, Refusal> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Refusal::Forbidden)?;
    let token = jsonwebtoken::decode::<Claims>(token, &floor.jwt_key, &floor.jwt_rules);
    let tenant = token.map_err(|_| Refusal::Forbidden)?.claims.sub;
    let claims = json!({ "sub": tenant, "role": "switchboard_tenant" }).to_string();
    let mut transaction = floor.tenants.begin().await?;
    sqlx::query(BECOME_TENANT).bind(claims).execute(&mut *transaction).await?;
    let rows: Vec<(Uuid, String, String, String)> =
        sqlx::query_as(LIST).bind(tenant).fetch_all(&mut *transaction).await?;
    transaction.rollback().await?;
    let numbers =
        rows.into_iter().map(|(_, number, status, name)| Number { number, status, agent: Agent { name } });
    let numbers: Vec<Number> = numbers.collect();
    #[derive(Serialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        phone_numbers: Nodes,
    }
    #[derive(Serialize)]
    struct Nodes {
        nodes: Vec<Number>,
    }
    let answer = Answer { data: Data { phone_numbers: Nodes { nodes: numbers } } };
    let answer = serde_json::to_vec(&answer)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response())
}

impl Floor {
    fn verify(&self, url: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
        let signature = headers.get("x-twilio-signature").and_then(|value| value.to_str().ok());
        let holds = signature.is_some_and(|signature| self.signer.verifies(url, body, signature));
        if holds { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

fn xml(twiml: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], twiml).into_response()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the crate has no domain through which time and randomness come"
)]
fn id() -> Uuid {
    Uuid::now_v7()
}
