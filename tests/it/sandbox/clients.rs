//! Twilio's and ElevenLabs' own Python clients against the sandbox.

use std::process::{Command, Stdio};

use tokio::task::spawn_blocking;

use crate::support::sandbox::World;

#[tokio::test]
async fn the_providers_own_clients_run_a_whole_lifecycle() {
    let probe = Command::new("python3").args(["-c", "import ensurepip, venv"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        println!("skipped: python3 with venv is not installed");
        return;
    }
    let world = World::start().await;
    let credentials = world.credentials.clone();
    let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/sandbox-clients"));
    script.arg(world.sandbox.base_url());
    script.args([credentials.account_sid, credentials.auth_token, credentials.api_key]);
    let run = spawn_blocking(move || script.output()).await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{err}");
    let state = world.state().await;
    let count = |name: &str| state["counters"][name].as_u64().unwrap();
    assert_eq!(count("purchases") + count("ports"), count("releases"));
    assert_eq!((count("ports"), count("moves")), (1, 1), "{out}");
    assert!(state["counters"]["purchases"].as_u64() >= Some(1), "{out}");
    assert_eq!(state["counters"]["agents_created"], state["counters"]["agents_deleted"]);
}
