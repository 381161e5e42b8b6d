//! Counts the calls of a run that are on record: an answer whose call is lost was too cheap.

use std::str::FromStr;

use clap::Args;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::Failure;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The database: postgres://… or sqlite://….
    #[arg(long)]
    database: String,
    /// The run, as `load` was told.
    #[arg(long)]
    run: u64,
    /// Counts the calls of the hand-written peer instead of Switchboard's.
    #[arg(long)]
    peer: bool,
}

#[expect(clippy::print_stdout, reason = "the count is this command's output")]
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let count = if options.peer {
        "SELECT COUNT(*), COUNT(ended_at) FROM floor.calls WHERE sid BETWEEN $1 AND $2"
    } else {
        "SELECT COUNT(*), COUNT(ended_at) FROM calls WHERE sid BETWEEN $1 AND $2"
    };
    let first = format!("CA{:016x}{:016x}", options.run, 0);
    let last = format!("CA{:016x}{:016x}", options.run, u64::MAX);
    let (recorded, ended): (i64, i64) = if options.database.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(&options.database).await?;
        sqlx::query_as(count).bind(first).bind(last).fetch_one(&mut connection).await?
    } else {
        let system = PgConnectOptions::from_str(&options.database)?.options([("role", "switchboard_system")]);
        let mut connection = PgConnection::connect_with(&system).await?;
        sqlx::query_as(count).bind(first).bind(last).fetch_one(&mut connection).await?
    };
    println!("{}", json!({ "recorded": recorded, "ended": ended }));
    Ok(())
}
