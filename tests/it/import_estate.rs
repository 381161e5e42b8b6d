//! `switchboard import`, the program itself: an estate of a thousand numbers taken over under calls, faults in the file, a carrier
//! that fails for some numbers, and runs that are stopped or killed.

use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::any;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::App;
use crate::support::api::create;
use crate::support::practice::RELEASE;
use crate::support::program::{PUBLIC_URL, Started, err, finish, out};

const TENANT: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OWN_TOKEN: &str = "11111111111111111111111111111111";
const CONNECT: &str = "mutation($input: ConnectCarrierAccountInput!) { connectCarrierAccount(input: $input) {
    carrierAccount { id } userErrors { message field } } }";
const DISCONNECT: &str =
    "mutation($id: ID!) { disconnectCarrierAccount(input: {id: $id}) { userErrors { message } } }";

/// What answered an estate's calls before.
struct FormerSide {
    url: String,
    calls: Arc<AtomicUsize>,
}

impl FormerSide {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/voice", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let answer = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async {
                ([("content-type", "text/xml")], "<Response><Say>The former side.</Say></Response>")
                    .into_response()
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await });
        Self { url, calls }
    }
}

fn number(at: usize) -> String {
    format!("+1201{:07}", 5_550_000 + at)
}

fn own_number(at: usize) -> String {
    format!("+1646{:07}", 5_550_000 + at)
}

/// A practice on a server, and an estate of so many numbers in the account, with a file that gives them to the practice.
struct Estate {
    app: App,
    token: String,
    agent: String,
    former: FormerSide,
    folder: tempfile::TempDir,
    count: usize,
}

impl Estate {
    async fn open(count: usize) -> Self {
        let app = App::start_with(&[
            ("RECONCILE_EVERY", "0s"),
            ("RATE_LIMIT_PER_MINUTE", "0"),
            ("RELEASE_GRACE", "1h"),
            ("ENCRYPTION_KEY", KEY),
        ])
        .await;
        let token = app.token(TENANT);
        let made = create(&app, &token, json!({ "name": "Practice", "provisionPhone": false })).await;
        app.set_phone_numbers(TENANT, 2000).await;
        let former = FormerSide::start().await;
        let placed: Vec<Value> =
            (0..count).map(|at| json!({ "phone_number": number(at), "voice_url": former.url })).collect();
        app.place_numbers(json!(placed)).await;
        let agent = made["agent"]["id"].as_str().unwrap().to_owned();
        Self { app, token, agent, former, folder: tempfile::tempdir().unwrap(), count }
    }

    fn file(&self, lines: impl IntoIterator<Item = String>) -> PathBuf {
        let path = self.folder.path().join("numbers.csv");
        let lines: Vec<String> = lines.into_iter().collect();
        std::fs::write(&path, format!("number,tenant,agent,label\n{}\n", lines.join("\n"))).unwrap();
        path
    }

    /// The file with a line for each number.
    fn whole(&self) -> PathBuf {
        self.file((0..self.count).map(|at| format!("{},{TENANT},{},Line {at}", number(at), self.agent)))
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.app.program(&[&["import", "--from", "twilio"], arguments].concat());
        command.env("OPERATION_LEASE", "1s").env("ENCRYPTION_KEY", KEY);
        command
    }

    async fn import(&self, arguments: &[&str]) -> Output {
        finish(self.command(arguments)).await
    }

    /// The same without a server, which would point a number to its own address if it carried an import out.
    async fn import_alone(&mut self, arguments: &[&str]) -> Output {
        self.app.kill().await;
        let done = self.import(arguments).await;
        self.app.restart().await;
        done
    }

    /// How many numbers of the account point to this address.
    async fn at(&self, url: &str) -> usize {
        let state = self.app.sandbox_state().await;
        let points = |number: &&Value| number["settings"]["voice_url"].as_str().unwrap().starts_with(url);
        state["numbers"].as_array().unwrap().iter().filter(points).count()
    }

    /// How many numbers of the account point to where the program points them.
    async fn here(&self) -> usize {
        self.at(PUBLIC_URL).await
    }

    /// An account of the tenant's own with so many numbers. Gives its SID and our id of it.
    async fn own_account(&self, count: usize) -> (String, Value) {
        let opened = self.app.open_account(json!({ "auth_token": OWN_TOKEN })).await;
        let input = json!({ "accountSid": opened["sid"], "authToken": OWN_TOKEN });
        let answer = self.app.graphql(&self.token, CONNECT, json!({ "input": input })).await;
        let connected = &answer["data"]["connectCarrierAccount"];
        assert_eq!(connected["userErrors"], json!([]), "{answer}");
        let placed = (0..count).map(|at| {
            let account = opened["sid"].clone();
            json!({ "phone_number": own_number(at), "voice_url": self.former.url, "account_sid": account })
        });
        self.app.place_numbers(placed.collect()).await;
        (opened["sid"].as_str().unwrap().to_owned(), connected["carrierAccount"]["id"].clone())
    }

    async fn held(&self) -> Value {
        let query = "{ phoneNumbers(filter: {status: ACTIVE}) { totalCount } }";
        self.app.graphql(&self.token, query, json!({})).await["data"]["phoneNumbers"]["totalCount"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estate_is_taken_over_under_calls_and_none_is_lost() {
    // By the API, since the program points numbers to a public address, where the emulated carrier cannot call.
    let estate = Estate::open(150).await;
    let is_over = AtomicBool::new(false);
    let (ours, theirs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let caller = async |first: usize| {
        let mut at = first * 37;
        while !is_over.load(Ordering::Relaxed) {
            at = (at + 61) % estate.count;
            let call = estate.app.place_call(json!({ "to": number(at), "duration_seconds": 1 })).await;
            match (call["agent"].is_object(), call["heard"].to_string().contains("The former side.")) {
                (true, false) => ours.fetch_add(1, Ordering::Relaxed),
                (false, true) => theirs.fetch_add(1, Ordering::Relaxed),
                _ => panic!("answered by nobody: {call}"),
            };
        }
    };
    let import = async |at: usize| {
        let input = json!({ "number": number(at), "agentId": estate.agent, "label": format!("Line {at}"), "replaceSettings": true });
        let imported = estate.app.import_placed(input).await;
        assert_eq!(imported["userErrors"], json!([]), "{imported}");
    };
    let run = async {
        stream::iter(0..estate.count).for_each_concurrent(4, &import).await;
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(run, join_all((0..3).map(&caller)));
    let (ours, theirs) = (ours.load(Ordering::Relaxed), theirs.load(Ordering::Relaxed));
    println!("calls during the import: {theirs} answered by the former side, {ours} here");
    assert!(ours > 0 && theirs > 0, "{ours} {theirs}");
    assert_eq!(theirs, estate.former.calls.load(Ordering::Relaxed));
    let base_url = estate.app.base_url();
    assert_eq!((estate.at(&base_url).await, estate.held().await), (150, json!(150)));
}

#[tokio::test]
async fn an_estate_is_taken_over_by_the_program_and_a_second_run_finds_nothing_to_do() {
    let mut estate = Estate::open(60).await;
    let file = estate.whole();
    let file = file.to_str().unwrap();
    let run = estate.import_alone(&["--map", file, "--yes"]).await;
    let said = out(&run);
    assert!(run.status.success(), "{said}{}", err(&run));
    assert!(said.contains("60 to take over, 0 held already"), "{said}");
    assert!(said.contains("60 of 60 numbers imported."), "{said}");
    assert_eq!((estate.here().await, estate.held().await), (60, json!(60)));
    let again = estate.import_alone(&["--map", file, "--yes"]).await;
    assert!(again.status.success(), "{}", err(&again));
    assert!(out(&again).contains("0 to take over, 60 held already"), "{}", out(&again));
    let labels = "{ phoneNumbers(first: 2) { nodes { label origin agent { id } } } }";
    let labels =
        estate.app.graphql(&estate.token, labels, json!({})).await["data"]["phoneNumbers"]["nodes"].clone();
    assert!(labels[0]["label"].as_str().unwrap().starts_with("Line "), "{labels}");
    assert_eq!((&labels[1]["origin"], &labels[1]["agent"]["id"]), (&json!("IMPORTED"), &json!(estate.agent)));
}

#[tokio::test]
async fn an_estate_is_listed_and_changed_only_when_confirmed() {
    let mut estate = Estate::open(3).await;
    let listed = estate.import(&[]).await;
    assert!(listed.status.success(), "{}", err(&listed));
    let said = out(&listed);
    assert!(
        said.contains("+12015550001") && said.contains(&format!("VoiceUrl {}", estate.former.url)),
        "{said}"
    );
    let json_lines = out(&estate.import(&["--json"]).await);
    let lines: Vec<Value> = json_lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[0]["number"], &lines[0]["here"]),
        (3, &json!("+12015550000"), &json!(false))
    );
    assert_eq!((&lines[0]["holder"], &lines[0]["planned"]), (&Value::Null, &Value::Null));

    let file = estate.whole();
    let file = file.to_str().unwrap();
    let dry = estate.import(&["--map", file, "--dry-run", "--json"]).await;
    let first: Value = serde_json::from_str(out(&dry).lines().next().unwrap()).unwrap();
    assert_eq!(first["planned"], json!({"tenant": TENANT, "agent": estate.agent, "label": "Line 0"}));
    assert!(dry.status.success());
    // Nobody is there to be asked.
    let unasked = estate.import(&["--map", file]).await;
    assert_eq!(unasked.status.code(), Some(2), "{}", err(&unasked));
    assert!(err(&unasked).contains("--yes"), "{}", err(&unasked));
    let foreign = estate.import(&["--account", "AC0123456789abcdef0123456789abcdef"]).await;
    assert_eq!(foreign.status.code(), Some(2), "{}", err(&foreign));
    assert!(err(&foreign).contains("is not known here"), "{}", err(&foreign));
    assert_eq!((estate.here().await, estate.held().await), (0, json!(0)));

    let run = estate.import_alone(&["--map", file, "--yes", "--json"]).await;
    let lines: Vec<Value> = out(&run).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() == 3 && lines.iter().all(|line| line["imported"] == true), "{lines:?}");
    assert_eq!(estate.here().await, 3);
    assert!(out(&estate.import(&[]).await).contains(&format!("held by {}", estate.agent)));
}

#[tokio::test]
async fn a_file_with_faults_changes_nothing() {
    let estate = Estate::open(4).await;
    let other =
        create(&estate.app, &estate.app.token(OTHER), json!({ "name": "Other", "provisionPhone": false }))
            .await;
    let other = other["agent"]["id"].as_str().unwrap();
    let agent = &estate.agent;
    let file = estate.file([
        format!("{},{TENANT},{agent},Fine", number(0)),
        format!("{},{TENANT},{agent},Twice", number(0)),
        format!("{},{},{agent},", number(1), Uuid::from_u128(9)),
        format!("{},{TENANT},agent_00000000000000000000000000000009,", number(2)),
        format!("{},{TENANT},{other},", number(3)),
        format!("+12025550100,{TENANT},{agent},"),
        "nonsense".to_owned(),
    ]);
    let run = estate.import(&["--map", file.to_str().unwrap(), "--yes"]).await;
    let said = err(&run);
    assert_eq!(run.status.code(), Some(2), "{said}");
    for fault in [
        "6 faults; nothing was changed",
        "line 3: +12015550000 is on line 2 already",
        "line 4: there is no tenant",
        "line 5: there is no agent",
        "of another tenant",
        "line 7: +12025550100 is not in the carrier account",
        "line 8: number,tenant,agent,label has 4 fields; got 1",
    ] {
        assert!(said.contains(fault), "{fault:?} is not in {said}");
    }
    assert_eq!((estate.here().await, estate.held().await), (0, json!(0)));
}

#[tokio::test]
async fn a_number_that_fails_stops_no_other_and_the_next_run_takes_it() {
    let mut estate = Estate::open(6).await;
    let file = estate.whole();
    let file = file.to_str().unwrap();
    let state = estate.app.sandbox_state().await;
    let sid = state["numbers"][2]["sid"].as_str().unwrap();
    let matching = json!({ "provider": "twilio", "method": "POST", "path_contains": sid });
    estate.app.faults(json!({ "match": matching, "action": { "status": 400, "code": 21402 } })).await;
    let partly = estate.import_alone(&["--map", file, "--yes"]).await;
    assert_eq!(partly.status.code(), Some(1), "{}{}", out(&partly), err(&partly));
    assert!(out(&partly).contains("5 of 6 numbers imported."), "{}", out(&partly));
    assert!(out(&partly).contains("failed: "), "{}", out(&partly));
    assert_eq!((estate.here().await, estate.held().await), (5, json!(5)));
    estate.app.clear_faults().await;
    let rest = estate.import_alone(&["--map", file, "--yes"]).await;
    assert!(
        rest.status.success() && out(&rest).contains("1 of 1 numbers imported."),
        "{}{}",
        out(&rest),
        err(&rest)
    );
    assert_eq!(estate.here().await, 6);
}

#[tokio::test]
async fn a_number_that_is_being_released_is_not_reported_as_imported() {
    let mut estate = Estate::open(2).await;
    let input = json!({ "number": number(0), "agentId": estate.agent, "replaceSettings": true });
    let imported = estate.app.import_placed(input).await;
    assert_eq!(imported["userErrors"], json!([]), "{imported}");
    let id = json!({ "id": imported["phoneNumber"]["id"] });
    let released = estate.app.graphql(&estate.token, RELEASE, id).await;
    assert_eq!(released["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{released}");
    let file = estate.whole();
    let run = estate.import_alone(&["--map", file.to_str().unwrap(), "--yes"]).await;
    let said = out(&run);
    assert_eq!(run.status.code(), Some(1), "{said}{}", err(&run));
    assert!(said.contains("1 of 2 numbers imported.") && said.contains("is being released"), "{said}");
    assert_eq!(estate.here().await, 1);
}

#[tokio::test]
async fn after_an_interrupt_or_a_kill_the_next_run_continues() {
    let mut estate = Estate::open(9).await;
    let file = estate.whole();
    let file = file.to_str().unwrap().to_owned();
    // Without a server: what a killed run has begun is left to the next run alone.
    estate.app.kill().await;
    let slow = |times: u8| {
        json!({ "match": { "provider": "twilio", "method": "POST", "path_contains": "IncomingPhoneNumbers/PN" },
                "action": { "delay_ms": 3000 }, "times": times })
    };
    estate.app.faults(slow(4)).await;
    let started = Started::begin(estate.command(&["--map", &file, "--yes"]));
    estate.app.all_faults_have_struck().await;
    let stopped = started.terminate().await;
    assert_eq!(stopped.status.code(), Some(1), "{}", err(&stopped));
    assert!(
        err(&stopped).contains("Stopping") && out(&stopped).contains("4 of 9 numbers imported."),
        "{}",
        out(&stopped)
    );
    assert_eq!(estate.here().await, 4);

    estate.app.faults(slow(4)).await;
    let killed = Started::begin(estate.command(&["--map", &file, "--yes"]));
    estate.app.all_faults_have_struck().await;
    killed.kill();
    estate.app.clear_faults().await;
    let rest = estate.import(&["--map", &file, "--yes"]).await;
    assert!(rest.status.success(), "{}{}", out(&rest), err(&rest));
    assert_eq!(estate.here().await, 9);
    estate.app.restart().await;
    assert_eq!(estate.held().await, json!(9));
}

#[tokio::test]
async fn the_numbers_of_a_tenants_own_account_are_taken_over_for_that_tenant() {
    let mut estate = Estate::open(2).await;
    let (account, id) = estate.own_account(3).await;
    let account = account.as_str();
    let listed = estate.import(&["--account", account, "--json"]).await;
    assert!(listed.status.success(), "{}", err(&listed));
    let lines: Vec<Value> = out(&listed).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<&Value> = lines.iter().map(|line| &line["number"]).collect();
    assert_eq!(numbers, [&json!(own_number(0)), &json!(own_number(1)), &json!(own_number(2))]);

    let other =
        create(&estate.app, &estate.app.token(OTHER), json!({ "name": "Other", "provisionPhone": false }))
            .await;
    let agent = estate.agent.clone();
    let file = estate.file([
        format!("{},{TENANT},{agent},Fine", own_number(0)),
        format!("{},{OTHER},{},Not theirs", own_number(1), other["agent"]["id"].as_str().unwrap()),
        format!("{},{TENANT},{agent},Of the platform", number(0)),
    ]);
    let faulty = estate.import(&["--account", account, "--map", file.to_str().unwrap(), "--yes"]).await;
    let said = err(&faulty);
    assert_eq!(faulty.status.code(), Some(2), "{said}");
    let theirs = format!("line 3: {} cannot go to tenant {OTHER}", own_number(1));
    let elsewhere = format!("line 4: {} is not in the carrier account", number(0));
    for fault in
        ["2 faults; nothing was changed", &theirs, &format!("belongs to tenant {TENANT}"), &elsewhere]
    {
        assert!(said.contains(fault), "{fault:?} is not in {said}");
    }
    assert_eq!((estate.here().await, estate.held().await), (0, json!(0)));

    let file = estate.file((0..3).map(|at| format!("{},{TENANT},{agent},Line {at}", own_number(at))));
    let file = file.to_str().unwrap();
    let dry = estate.import(&["--account", account, "--map", file, "--dry-run"]).await;
    assert!(dry.status.success() && out(&dry).contains("3 to take over, 0 held already"), "{}", out(&dry));
    assert_eq!((estate.here().await, estate.held().await), (0, json!(0)));
    let run = estate.import_alone(&["--account", account, "--map", file, "--yes"]).await;
    assert!(run.status.success(), "{}{}", out(&run), err(&run));
    assert!(out(&run).contains("3 of 3 numbers imported."), "{}", out(&run));
    assert_eq!((estate.here().await, estate.held().await), (3, json!(3)));
    let again = estate.import_alone(&["--account", account, "--map", file, "--yes"]).await;
    assert!(out(&again).contains("0 to take over, 3 held already"), "{}{}", out(&again), err(&again));
    let holders = "{ phoneNumbers { nodes { origin carrierAccount { id } } } }";
    let holders = estate.app.graphql(&estate.token, holders, json!({})).await;
    let there = json!({ "origin": "IMPORTED", "carrierAccount": { "id": id } });
    assert_eq!(holders["data"]["phoneNumbers"]["nodes"], json!([there, there, there]), "{holders}");
}

#[tokio::test]
async fn a_run_ends_early_once_its_account_is_rejected() {
    let mut estate = Estate::open(1).await;
    let (account, _) = estate.own_account(16).await;
    let agent = estate.agent.clone();
    let file = estate.file((0..16).map(|at| format!("{},{TENANT},{agent},Line {at}", own_number(at))));
    estate.app.kill().await;
    let path = format!("Accounts/{account}/IncomingPhoneNumbers");
    let reads = json!({ "provider": "twilio", "method": "GET", "path_contains": path });
    let rejected = json!({ "status": 401, "code": 20003 });
    // The list is read, and then the credentials are revoked.
    let faults = json!([
        { "match": reads, "action": { "delay_ms": 1 }, "times": 1 },
        { "match": reads, "action": rejected, "in_turn": true },
    ]);
    estate.app.faults(faults).await;
    let ended = estate.import(&["--account", &account, "--map", file.to_str().unwrap(), "--yes"]).await;
    let said = format!("{}{}", out(&ended), err(&ended));
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("0 of 16 numbers imported.") && said.contains("the run ended early"), "{said}");
    assert!(said.matches("failed: the carrier rejected the account").count() < 16, "{said}");
    assert_eq!(estate.here().await, 0);
}

#[tokio::test]
async fn an_account_that_cannot_be_used_is_refused_with_what_to_do() {
    let estate = Estate::open(1).await;
    let (account, id) = estate.own_account(1).await;
    let refused = async || {
        let run = estate.import(&["--account", &account]).await;
        assert_eq!(run.status.code(), Some(2), "{}{}", out(&run), err(&run));
        err(&run)
    };
    for (status, why) in
        [("suspended", "settle it with the carrier"), ("rejected", "connect the account again")]
    {
        estate
            .app
            .execute(&format!("UPDATE carrier_accounts SET status = '{status}', detail = 'wrong: {why}'"))
            .await;
        let said = refused().await;
        assert!(said.contains(&format!("{account} is {status}: wrong: {why}")), "{said}");
    }
    let mut keyless = estate.command(&["--account", &account]);
    keyless.env_remove("ENCRYPTION_KEY");
    let keyless = finish(keyless).await;
    let unreadable = "ENCRYPTION_KEY: the credentials of 1 of 1 carrier accounts cannot be decrypted";
    assert!(!keyless.status.success() && err(&keyless).contains(unreadable), "{}", err(&keyless));

    let answer = estate.app.graphql(&estate.token, DISCONNECT, json!({ "id": id })).await;
    assert_eq!(answer["data"]["disconnectCarrierAccount"]["userErrors"], json!([]), "{answer}");
    let said = refused().await;
    assert!(said.contains("is disconnected: its tenant connects it again"), "{said}");
}
