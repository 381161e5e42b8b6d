//! Servers that are replaced one after the other behind a proxy that repeats nothing: no request fails.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use switchboard::sandbox::Credentials;
use uuid::Uuid;

use crate::support::program::{PUBLIC_URL, Running};
use crate::support::webhooks::{INCOMING, ringing, signature};
use crate::support::{App, System, Watched, wait_until};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_server_that_leaves_says_so_and_serves_on_with_every_answer_the_last_of_its_connection() {
    let mut app = App::start_with(&[("DRAIN_DELAY", "60s")]).await;
    let token = app.token(Uuid::from_u128(1));
    let health = async || app.http().get(format!("{}/healthz", app.base_url())).send().await.unwrap();
    assert!(health().await.headers().get("connection").is_none());
    let mut watched = app.watch(&token, "subscription { callUpdated { sid } }", json!({})).await;
    app.leave();
    let ready = app.http().get(format!("{}/readyz", app.base_url())).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.json::<serde_json::Value>().await.unwrap()["status"], "draining");
    for _ in 0..3 {
        let answer = health().await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["connection"]),
            (200, &"close".parse().unwrap())
        );
    }
    let answer = app.graphql(&token, "{ viewer { userId } }", json!({})).await;
    assert!(answer["errors"].is_null(), "{answer}");
    // Sockets are opened and served, too, until it stops.
    let mut late =
        Watched::at(&app.base_url(), &token, "subscription { callUpdated { sid } }", json!({})).await;
    app.stop().await;
    for socket in [&mut watched, &mut late] {
        assert_eq!(socket.ended(SOON).await, Some(1001));
    }
}

#[tokio::test]
async fn each_further_signal_skips_what_the_server_is_at() {
    let mut system = System::start_with(&[("DRAIN_DELAY", "60s")]).await;
    let begun = Instant::now();
    system.signal();
    let ready = format!("{}/readyz", system.url());
    // Two signals at once are one.
    wait_until("the server leaves", SOON, async || {
        (system.http().get(&ready).send().await.ok()?.status() == 503).then_some(())
    })
    .await;
    assert_eq!(system.terminate().await, Some(0));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// HAProxy before these ports, as `deploy/haproxy.cfg` has it but for its pace.
fn proxy(folder: &std::path::Path, port: u16, ports: &[u16]) -> Running {
    let servers: String = ports.iter().map(|port| format!("    server s{port} 127.0.0.1:{port}\n")).collect();
    let config = format!(
        "defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout check 5s
    retries 0
    http-reuse always
frontend all
    bind 127.0.0.1:{port}
    http-response set-header x-served-by %s
    default_backend servers
backend servers
    balance roundrobin
    option httpchk GET /readyz
    default-server check inter 300ms fall 2 rise 1
{servers}"
    );
    let path = folder.join("haproxy.cfg");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new("haproxy");
    let command = command.arg("-db").arg("-f").arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    let started = command.spawn();
    Running(
        started.expect("HAProxy is needed: install the package haproxy (Debian's name), or run scripts/test"),
    )
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

#[tokio::test]
async fn replacing_every_server_behind_a_proxy_fails_no_request() {
    let [port, ports @ ..] = free_ports::<4>();
    let bind = |port: u16| format!("127.0.0.1:{port}");
    let mut system = System::start_with(&[
        ("BIND_ADDRESS", &bind(ports[0])),
        ("DRAIN_DELAY", "2s"),
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "0"),
    ])
    .await;
    for port in &ports[1..] {
        system.add_server_with(&[("BIND_ADDRESS", &bind(*port))]).await;
    }
    let token = system.token(Uuid::from_u128(1));
    let made =
        "mutation { createAgent(input: {name: \"Practice\", areaCode: \"212\"}) { phoneNumber { number } } }";
    let made = system.graphql(&token, made, json!({})).await;
    let number = made["data"]["createAgent"]["phoneNumber"]["number"].as_str().unwrap().to_owned();

    let folder = tempfile::tempdir().unwrap();
    let _proxy = proxy(folder.path(), port, &ports);
    let url = format!("http://127.0.0.1:{port}");
    let client =
        reqwest::Client::builder().timeout(SOON).no_proxy().retry(reqwest::retry::never()).build().unwrap();
    let serves = async |port: u16| {
        let name = format!("s{port}");
        wait_until("the proxy sends requests to the server", SOON, async || {
            let answer = client.get(format!("{url}/healthz")).send().await.ok()?;
            (answer.headers().get("x-served-by")? == name.as_str()).then_some(())
        })
        .await;
    };
    for port in ports {
        serves(port).await;
    }

    let (is_over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let load = async |nth: u128| {
        let (mut failures, mut calls) = (Vec::new(), 0);
        while !is_over.load(Ordering::Relaxed) {
            let at = sent.fetch_add(1, Ordering::Relaxed);
            let request = if nth.is_multiple_of(2) {
                client
                    .post(format!("{url}/graphql"))
                    .bearer_auth(&token)
                    .json(&json!({"query": "{ viewer { userId } agents { nodes { name } } }"}))
            } else {
                calls += 1;
                let form = ringing(&number, &format!("CA{at:032x}"));
                let proof = signature(
                    &Credentials::development().auth_token,
                    &format!("{PUBLIC_URL}{INCOMING}"),
                    &form,
                );
                client.post(format!("{url}{INCOMING}")).header("x-twilio-signature", proof).form(&form)
            };
            match request.send().await {
                Ok(answer) if answer.status() == 200 => drop(answer.bytes().await),
                Ok(answer) => {
                    let (status, by) = (answer.status(), answer.headers().get("x-served-by").cloned());
                    failures.push(format!("{status} of {by:?}: {:?}", answer.text().await));
                }
                Err(error) => failures.push(format!("{error:?}")),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (failures, calls)
    };
    let roll = async {
        for port in ports {
            assert_eq!(system.terminate().await, Some(0));
            system.add_server_with(&[("BIND_ADDRESS", &bind(port))]).await;
            serves(port).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let (loads, ()) = tokio::join!(join_all((0..8).map(load)), roll);
    let failures: Vec<_> = loads.iter().flat_map(|(failures, _)| failures).collect();
    assert_eq!(failures, [""; 0], "{} of {} requests", failures.len(), sent.load(Ordering::Relaxed));
    assert!(sent.load(Ordering::Relaxed) > 100);
    let calls: i64 = loads.iter().map(|(_, calls)| calls).sum();
    let count = "{ calls { totalCount } }";
    wait_until("every call is on record", SOON, async || {
        let answer = system.graphql(&token, count, json!({})).await;
        (answer["data"]["calls"]["totalCount"] == calls).then_some(())
    })
    .await;
}
