//! The program itself is killed with SIGKILL at every step of every kind of operation that clients request, before the
//! effect of the step at the provider and after it. Without dying it loses the answer, is rejected for now, or gets the answer
//! after its deadline. Whatever was interrupted is finished by the next server, and carrier, voice provider and database agree
//! in the end. `scripts/crash` does the same at random instants, under load.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use switchboard::domain::{OperationKind, Step, Webhook};
use switchboard::sandbox::Credentials;
use uuid::Uuid;

use crate::support::program::PUBLIC_URL;
use crate::support::webhooks::{INCOMING, ringing, sid, signature};
use crate::support::{Levers, System, wait_until};

/// What happens while a step is under way.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// The server dies while its request waits at the provider, which then still carries it out.
    KilledBefore,
    /// The server dies when the provider has carried the request out, and has not heard so.
    KilledAfter,
    /// The answer never comes; nobody dies.
    AnswerLost,
    /// The provider turns the request away for now.
    Refused,
    /// The provider carries the request out after the server gave up waiting.
    Late,
}

/// A step, and the request by which it can be told that it is under way. A claim has no request of its own: it stands
/// between the end of the search and the beginning of the purchase.
struct CrashPoint {
    kind: OperationKind,
    step: Step,
    blow: Blow,
    provider: &'static str,
    method: &'static str,
    path: &'static str,
}

fn crash_points() -> Vec<CrashPoint> {
    use Blow::{AnswerLost, KilledAfter, KilledBefore, Late, Refused};
    use OperationKind::{
        CreateAgent, CreateCarrierAccount, DeleteAgent, ImportNumber, KeepNumber, MoveNumber,
        ProvisionNumber, ReleaseNumber, RepairNumber, RestoreNumber, SendMessage,
    };
    let search = ("twilio", "GET", "AvailablePhoneNumbers");
    let number = |method| ("twilio", method, "IncomingPhoneNumbers");
    let agent = |method| ("elevenlabs", method, "/v1/convai/agents");
    let all = [KilledBefore, KilledAfter, AnswerLost, Refused, Late];
    let mut crash_points = Vec::new();
    let mut at = |kind, step, blows: &[Blow], (provider, method, path)| {
        crash_points.extend(blows.iter().map(|blow| CrashPoint {
            kind,
            step,
            blow: *blow,
            provider,
            method,
            path,
        }));
    };
    at(CreateAgent, Step::CreateVoiceAgent, &all, agent("POST"));
    for kind in [CreateAgent, ProvisionNumber, KeepNumber] {
        at(kind, Step::SearchNumbers, &all, search);
        at(kind, Step::ClaimNumber, &[KilledAfter], search);
        at(kind, Step::ClaimNumber, &[KilledBefore], number("POST"));
        at(kind, Step::BuyNumber, &all, number("POST"));
        // Bought, and pointed here by a second request.
        at(kind, Step::BuyNumber, &all, ("twilio", "POST", "IncomingPhoneNumbers/PN"));
    }
    at(ReleaseNumber, Step::ReleaseNumber, &all, number("DELETE"));
    at(RepairNumber, Step::RepairNumber, &all, number("POST"));
    at(ImportNumber, Step::RecordNumber, &all, number("GET"));
    at(ImportNumber, Step::PointNumber, &all, number("POST"));
    // Read back after it was pointed.
    at(ImportNumber, Step::PointNumber, &all, ("twilio", "GET", "IncomingPhoneNumbers/PN"));
    at(RestoreNumber, Step::RestoreSettings, &all, number("POST"));
    at(DeleteAgent, Step::ReleaseNumber, &all, number("DELETE"));
    at(DeleteAgent, Step::DeleteVoiceAgent, &all, agent("DELETE"));
    at(SendMessage, Step::SendMessage, &all, ("twilio", "POST", "Messages"));
    at(
        CreateCarrierAccount,
        Step::CreateCarrierAccount,
        &all,
        ("twilio", "POST", "/2010-04-01/Accounts.json"),
    );
    at(MoveNumber, Step::MoveNumber, &all, ("twilio", "POST", "IncomingPhoneNumbers/PN"));
    crash_points
}

/// Kinds that the server starts by itself and no client can. A check changes nothing at a provider; a voice agent is restored by the
/// code that creates one, which is struck here at `CREATE_AGENT`. A subaccount is struck here too, in the purchase that needs it.
const OF_THE_SERVER: [OperationKind; 3] =
    [OperationKind::CheckNumber, OperationKind::RestoreVoiceAgent, OperationKind::CreateCarrierAccount];

/// A port takes weeks of both clocks: it is struck in `porting`, whose tests move them.
const OF_WEEKS: [OperationKind; 1] = [OperationKind::PortNumber];

fn requested() -> impl Iterator<Item = &'static OperationKind> {
    OperationKind::ALL.iter().filter(|kind| !OF_THE_SERVER.contains(kind) && !OF_WEEKS.contains(kind))
}

#[test]
fn the_crash_script_requests_every_kind() {
    let script = include_str!("../../scripts/crash");
    for kind in requested() {
        assert!(script.contains(&format!("{{ {}(input", kind.audit_action())), "{kind}");
    }
}

#[test]
fn no_step_of_any_kind_is_left_out() {
    let crash_points = crash_points();
    for kind in requested() {
        for step in kind.steps() {
            let struck = |wanted: fn(&Blow) -> bool| {
                crash_points.iter().any(|at| at.kind == *kind && at.step == *step && wanted(&at.blow))
            };
            assert!(struck(|blow| matches!(blow, Blow::KilledBefore)), "{kind} {step}: killed before");
            assert!(struck(|blow| matches!(blow, Blow::KilledAfter)), "{kind} {step}: killed after");
            // A claim asks no provider.
            if *step != Step::ClaimNumber {
                assert!(struck(|blow| matches!(blow, Blow::AnswerLost)), "{kind} {step}: answer lost");
                assert!(struck(|blow| matches!(blow, Blow::Refused)), "{kind} {step}: refused");
                assert!(struck(|blow| matches!(blow, Blow::Late)), "{kind} {step}: late");
            }
        }
    }
}

/// Kinds that begin with `createAgent`.
const CREATING: [OperationKind; 2] = [OperationKind::CreateAgent, OperationKind::CreateCarrierAccount];
const ENCRYPTION_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const SHARED: &str = "carrieraccount_00000000000000000000000000000000";
const CREATE: &str = "mutation($input: CreateAgentInput!) {
    createAgent(input: $input) { agent { id } operation { id } userErrors { message } } }";
/// Who gets the message.
const PATIENT: &str = "+13125550177";
/// A number that the account holds already, and what answers it.
const ESTATE: &str = "+12015550142";
const FORMER_URL: &str = "https://former.example.com/voice";
const HELD: &str = "{ agents { nodes { elevenlabsAgentId } }
    phoneNumbers { nodes { id number sid status } } }";

#[tokio::test]
async fn whatever_is_cut_off_is_finished_and_everybody_agrees() {
    // Several at a time: each mostly waits for leases to run out.
    stream::iter(crash_points()).for_each_concurrent(6, strike).await;
}

async fn strike(at: CrashPoint) {
    let what = format!("{} {} {:?}", at.kind, at.step, at.blow);
    let mut variables =
        vec![("OPERATION_WAIT", "0s"), ("OPERATION_LEASE", "1s"), ("PROVIDER_TIMEOUT", "1500ms")];
    if matches!(at.kind, OperationKind::CreateCarrierAccount | OperationKind::MoveNumber) {
        variables.extend([("CARRIER_ACCOUNTS", "subaccount"), ("ENCRYPTION_KEY", ENCRYPTION_KEY)]);
    }
    let mut system = System::start_with(&variables).await;
    let token = system.token(Uuid::from_u128(1));
    let (agent, number) = if CREATING.contains(&at.kind) {
        (Value::Null, Value::Null)
    } else {
        prepare(&system, &token, at.kind).await
    };
    let action = match at.blow {
        Blow::KilledBefore => json!({ "delay_ms": 1200 }),
        Blow::KilledAfter | Blow::AnswerLost => json!({ "lose": "after" }),
        Blow::Refused => json!({ "status": 503 }),
        Blow::Late => json!({ "delay_ms": 2000 }),
    };
    system
        .faults(json!({
            "match": { "provider": at.provider, "method": at.method, "path_contains": at.path },
            "action": action, "times": 1,
        }))
        .await;
    let operation = begin(&system, &token, at.kind, &agent, &number).await;
    wait_until(&what, Duration::from_secs(20), async || (system.pending_faults().await == 0).then_some(()))
        .await;
    if matches!(at.blow, Blow::KilledBefore | Blow::KilledAfter) {
        system.restart().await;
    }
    let query = "query($id: ID!) { operation(id: $id) { state step error { message } } }";
    let ended = wait_until(&what, Duration::from_secs(60), async || {
        let answer = system.graphql(&token, query, json!({ "id": operation })).await;
        let operation = answer["data"]["operation"].clone();
        matches!(operation["state"].as_str(), Some("SUCCEEDED" | "FAILED")).then_some(operation)
    })
    .await;
    assert_eq!(ended["state"], "SUCCEEDED", "{what}: {ended}");
    agree(&system, &token, at.kind, &what).await;
}

/// Kinds about a number that was not bought.
const OF_ESTATES: [OperationKind; 2] = [OperationKind::ImportNumber, OperationKind::RestoreNumber];

/// An agent, with a number unless one is to be bought or imported.
async fn prepare(system: &System, token: &str, kind: OperationKind) -> (Value, Value) {
    let with_number = !matches!(kind, OperationKind::ProvisionNumber | OperationKind::KeepNumber)
        && !OF_ESTATES.contains(&kind);
    let input = json!({ "name": "Practice", "areaCode": "646", "provisionPhone": with_number });
    let made = system.graphql(token, CREATE, json!({ "input": input })).await;
    let agent = made["data"]["createAgent"]["agent"]["id"].clone();
    let number = wait_until("the scene is set", Duration::from_secs(20), async || {
        let held = system.graphql(token, HELD, json!({})).await;
        let (agents, numbers) = (&held["data"]["agents"]["nodes"], &held["data"]["phoneNumbers"]["nodes"]);
        let number = if with_number { &numbers[0]["id"] } else { &Value::Null };
        let stands =
            agents[0]["elevenlabsAgentId"].is_string() && (!with_number || numbers[0]["status"] == "ACTIVE");
        stands.then(|| number.clone())
    })
    .await;
    if OF_ESTATES.contains(&kind) {
        let placed = json!({ "phone_number": ESTATE, "voice_url": FORMER_URL });
        system.place_numbers(placed).await;
    }
    if kind == OperationKind::RestoreNumber {
        begin(system, token, OperationKind::ImportNumber, &agent, &Value::Null).await;
        let number = wait_until("the number is imported", Duration::from_secs(20), async || {
            let held = system.graphql(token, HELD, json!({})).await;
            let busy = system.graphql(token, "{ operations { nodes { state } } }", json!({})).await;
            let is_over = !busy.to_string().contains("RUNNING") && !busy.to_string().contains("PENDING");
            let number = held["data"]["phoneNumbers"]["nodes"][0].clone();
            (is_over && number["status"] == "ACTIVE").then(|| number["id"].clone())
        })
        .await;
        return (agent, number);
    }
    if kind == OperationKind::RepairNumber {
        let sid = system.sandbox_state().await["numbers"][0]["sid"].clone();
        system
            .as_account_owner(sid.as_str().unwrap(), &[("VoiceUrl", "https://elsewhere.example.com/")])
            .await;
    }
    (agent, number)
}

/// Begins the operation that is to be struck; gives its id.
async fn begin(system: &System, token: &str, kind: OperationKind, agent: &Value, number: &Value) -> Value {
    let mutation = if CREATING.contains(&kind) { OperationKind::CreateAgent } else { kind }.audit_action();
    let input = match kind {
        OperationKind::CreateAgent | OperationKind::CreateCarrierAccount => {
            json!({ "name": "Practice", "areaCode": "646" })
        }
        OperationKind::ProvisionNumber => json!({ "agentId": agent, "areaCode": "646" }),
        OperationKind::ReleaseNumber | OperationKind::RepairNumber | OperationKind::RestoreNumber => {
            json!({ "id": number })
        }
        OperationKind::ImportNumber => {
            json!({ "number": ESTATE, "agentId": agent, "replaceSettings": true })
        }
        OperationKind::DeleteAgent => json!({ "id": agent }),
        OperationKind::SendMessage => {
            json!({ "phoneNumberId": number, "to": PATIENT, "body": "See you on Friday." })
        }
        OperationKind::MoveNumber => json!({ "id": number, "carrierAccountId": SHARED }),
        OperationKind::KeepNumber => {
            json!({ "number": "+17185557777", "agentId": agent, "areaCode": "646" })
        }
        OperationKind::CheckNumber | OperationKind::RestoreVoiceAgent | OperationKind::PortNumber => {
            panic!("no client requests {kind}")
        }
    };
    let of_input = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let query = format!(
        "mutation($input: {of_input}!) {{ {mutation}(input: $input) {{ operation {{ id }} userErrors {{ message }} }} }}"
    );
    // The account's numbers are the operator's to give away.
    let operator = system.operator_token();
    let token = if kind == OperationKind::ImportNumber { &operator } else { token };
    let answer = system.graphql(token, &query, json!({ "input": input })).await;
    let payload = &answer["data"][mutation];
    assert_eq!(payload["userErrors"], json!([]), "{answer}");
    payload["operation"]["id"].clone()
}

async fn agree(system: &System, token: &str, kind: OperationKind, what: &str) {
    let held = system.graphql(token, HELD, json!({})).await;
    let state = system.sandbox_state().await;
    let sorted = |list: &Value, name: &str| {
        let mut names: Vec<Value> = list.as_array().unwrap().iter().map(|item| item[name].clone()).collect();
        names.sort_by_key(ToString::to_string);
        names
    };
    let (agents, numbers) = (&held["data"]["agents"]["nodes"], &held["data"]["phoneNumbers"]["nodes"]);
    let former = |number: &Value| number["settings"]["voice_url"] == FORMER_URL;
    let given_up = state["numbers"].as_array().unwrap().iter().filter(|number| former(number)).count();
    assert_eq!(given_up, usize::from(kind == OperationKind::RestoreNumber), "{what}: given up");
    if given_up == 0 {
        assert_eq!(sorted(numbers, "sid"), sorted(&state["numbers"], "sid"), "{what}: numbers");
    }
    assert_eq!(sorted(agents, "elevenlabsAgentId"), sorted(&state["agents"], "agent_id"), "{what}: agents");
    assert!(
        numbers.as_array().unwrap().iter().all(|number| number["status"] == "ACTIVE"),
        "{what}: {numbers}"
    );
    let left = match kind {
        OperationKind::DeleteAgent => (0, 0),
        OperationKind::ReleaseNumber | OperationKind::RestoreNumber => (1, 0),
        _ => (1, 1),
    };
    assert_eq!((agents.as_array().unwrap().len(), numbers.as_array().unwrap().len()), left, "{what}");
    let bought = match kind {
        OperationKind::ReleaseNumber | OperationKind::DeleteAgent => 1,
        kind if OF_ESTATES.contains(&kind) => 0,
        _ => left.1,
    };
    assert_eq!(state["counters"]["purchases"], bought, "{what}: purchases");
    let sent = state["messages"].as_array().unwrap().len();
    assert_eq!(sent, usize::from(kind == OperationKind::SendMessage), "{what}: messages");
    if matches!(kind, OperationKind::CreateCarrierAccount | OperationKind::MoveNumber) {
        let accounts = state["accounts"].as_array().unwrap();
        assert_eq!(accounts.len(), 2, "{what}: one subaccount beside the platform's account");
        let holder = &accounts[usize::from(kind == OperationKind::CreateCarrierAccount)]["sid"];
        assert_eq!(state["numbers"][0]["account"], *holder, "{what}: {state}");
    }
    if matches!(kind, OperationKind::RepairNumber | OperationKind::ImportNumber) {
        let voice_url = state["numbers"][0]["settings"]["voice_url"].as_str().unwrap();
        assert!(voice_url.ends_with("/api/webhooks/call/incoming"), "{what}: {voice_url}");
    }
}

#[tokio::test]
async fn two_servers_share_the_work_and_one_finishes_what_the_other_began() {
    let mut system = System::start_with(&[
        ("OPERATION_WAIT", "0s"),
        ("OPERATION_LEASE", "1s"),
        ("PURCHASES_PER_HOUR", "9"),
    ])
    .await;
    system.add_server().await;
    let token = system.token(Uuid::from_u128(1));
    let purchase = json!({ "provider": "twilio", "method": "POST", "path_contains": "IncomingPhoneNumbers" });
    system.faults(json!({ "match": purchase, "action": { "delay_ms": 1500 }, "times": 1 })).await;
    let ask = async |server: usize, key: String| {
        let input = json!({ "name": "Practice", "ifUnavailable": "ANY_IN_COUNTRY", "idempotencyKey": key });
        let answer = system.graphql_at(server, &token, CREATE, json!({ "input": input })).await;
        answer["data"]["createAgent"]["operation"]["id"].clone()
    };
    let (first, same) = (ask(0, "key-0".to_owned()).await, ask(1, "key-0".to_owned()).await);
    assert_eq!(first, same, "the same request to another server");
    // More than the guard allows, and each twice, from both sides at once.
    let requests = (1..12).flat_map(|n| [(0, n), (1, n)]);
    stream::iter(requests)
        .for_each_concurrent(8, async |(server, n)| drop(ask(server, format!("key-{n}")).await))
        .await;
    wait_until("a purchase is under way", Duration::from_secs(20), async || {
        (system.pending_faults().await == 0).then_some(())
    })
    .await;
    system.kill();
    let count = "{ agents { totalCount } phoneNumbers(filter: {status: ACTIVE}) { totalCount } }";
    wait_until("the other server has finished all of it", Duration::from_secs(60), async || {
        let counts = system.graphql(&token, count, json!({})).await["data"].clone();
        let wanted = json!({ "agents": { "totalCount": 12 }, "phoneNumbers": { "totalCount": 9 } });
        // The list shows an agent before it exists at the voice provider.
        let state = system.sandbox_state().await;
        (counts == wanted && state["agents"].as_array().unwrap().len() >= 12).then_some(())
    })
    .await;
    let state = system.sandbox_state().await;
    assert_eq!(state["counters"]["purchases"], 9, "exactly what the guard allows");
    assert_eq!(state["agents"].as_array().unwrap().len(), 12);
}

/// Sends something about a call as the carrier does, and where that fails sends it on to `then`, until it is taken.
async fn until_taken(levers: &Levers, address: &str, first: &str, then: &str, form: &[(String, String)]) {
    let auth_token = Credentials::development().auth_token;
    let mut path = first;
    wait_until("the carrier is answered", Duration::from_secs(30), async || {
        let proof = signature(&auth_token, &format!("{PUBLIC_URL}{path}"), form);
        let request = levers.http().post(format!("http://{address}{path}")).form(form);
        let taken = request.header("X-Twilio-Signature", proof).send().await.is_ok_and(|a| a.status() == 200);
        path = then;
        taken.then_some(())
    })
    .await;
}

#[tokio::test]
async fn killed_while_calls_come_and_go_a_server_counts_exactly_those_under_way() {
    const STATUS: &str = Webhook::CallStatus.path();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut system = System::start_with(&[("BIND_ADDRESS", &address)]).await;
    let token = system.token(Uuid::from_u128(1));
    prepare(&system, &token, OperationKind::ReleaseNumber).await;
    let held = system.graphql(&token, HELD, json!({})).await;
    let number = held["data"]["phoneNumbers"]["nodes"][0]["number"].as_str().unwrap().to_owned();
    let levers = Levers::of(system.sandbox_url());
    let carried = async |call: u8| {
        let mut form = ringing(&number, &sid(call));
        until_taken(&levers, &address, INCOMING, Webhook::CallFallback.path(), &form).await;
        if call.is_multiple_of(2) {
            form.retain(|(name, _)| name != "CallStatus");
            form.push(("CallStatus".to_owned(), "completed".to_owned()));
            until_taken(&levers, &address, STATUS, STATUS, &form).await;
        }
    };
    // Never more at a time than the plan has crash_points.
    for round in 0..4_u8 {
        let killed = async {
            tokio::time::sleep(Duration::from_millis(8 * u64::from(round))).await;
            system.restart().await;
        };
        tokio::join!(join_all((4 * round..4 * round + 4).map(&carried)), killed);
    }
    let query = "{ viewer { activeCalls } calls(first: 100) { totalCount nodes { sid status } } }";
    let counted = system.graphql(&token, query, json!({})).await["data"].clone();
    assert_eq!((&counted["calls"]["totalCount"], &counted["viewer"]["activeCalls"]), (&json!(16), &json!(8)));
    for call in counted["calls"]["nodes"].as_array().unwrap() {
        let has_ended = (0..16).step_by(2).any(|call_number| call["sid"] == sid(call_number));
        assert_eq!(call["status"] == "COMPLETED", has_ended, "{counted}");
    }
}
