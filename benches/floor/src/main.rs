//! The hot paths of Switchboard, written by hand: how fast the same work can be on the same libraries.
//!
//! `scripts/bench` measures each path of the server beside its hand-written peer in [`serve`]. The other subcommands are
//! the tools of that measurement: a voice provider that costs almost nothing ([`stub`]), a load generator ([`load`])
//! and a way to fill Switchboard's own tables ([`seed`]).

mod http;
mod load;
mod recorded;
mod seed;
mod serve;
mod sign;
mod stub;

use std::error::Error;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

/// Any failure: it ends the process, and its text is for a person.
type Failure = Box<dyn Error + Send + Sync>;

/// Twilio announces a call here.
const INCOMING_PATH: &str = "/api/webhooks/call/incoming";
/// Twilio reports how a call ended here.
const STATUS_PATH: &str = "/api/webhooks/call/status";
/// The voice provider's endpoint that connects a call to an agent.
const REGISTER_PATH: &str = "/v1/convai/twilio/register-call";
/// The answer to a webhook without a valid signature; as long as Switchboard's.
const REFUSAL: &str = "invalid signature";
/// The first of the consecutive numbers that `seed` creates and `load` calls, without its plus sign.
const FIRST_NUMBER: u64 = 12_122_000_000;

#[derive(Debug, Parser)]
#[command(about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the hand-written peers of Switchboard's hot paths.
    Serve(serve::Options),
    /// Serves the voice provider's register-call endpoint, at almost no cost.
    Stub(stub::Options),
    /// Sends requests over keep-alive connections and prints what came back as one line of JSON.
    Load(load::Options),
    /// Fills Switchboard's tables with tenants, agents and numbers.
    Seed(seed::Options),
    /// Counts the calls of a run that are on record, as one line of JSON.
    Recorded(recorded::Options),
}

fn main() -> Result<(), Failure> {
    let cli = Cli::parse();
    // The tools use one thread each, since they share the machine with what they measure.
    let mut runtime = match &cli.command {
        Command::Serve(_) | Command::Seed(_) => Builder::new_multi_thread(),
        Command::Stub(_) | Command::Load(_) | Command::Recorded(_) => Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    match cli.command {
        Command::Serve(options) => runtime.block_on(serve::run(options)),
        Command::Stub(options) => runtime.block_on(stub::run(options)),
        Command::Load(options) => runtime.block_on(load::run(options)),
        Command::Seed(options) => runtime.block_on(seed::run(options)),
        Command::Recorded(options) => runtime.block_on(recorded::run(options)),
    }
}
