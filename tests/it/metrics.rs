//! `/metrics` holds what the catalogue lists and nothing else; the dashboard and the alerts use nothing else; and every alert is
//! explained. `runbook.rs` compares the table of metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::domain::{CallOutcome, Webhook};
use switchboard::provisioning::DifferenceKind;
use switchboard::telemetry::catalogue::{self, Kind, Metric, Values};
use uuid::Uuid;

use crate::support::practice::{Practice, RELEASE};
use crate::support::socket::Socket;
use crate::support::wait_until;
use crate::support::webhooks::{INCOMING, send, sid};

/// A line of `/metrics`.
struct Series<'a> {
    name: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    value: f64,
}

impl<'a> Series<'a> {
    fn read(line: &'a str) -> Self {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap();
        let pairs = labels.split("\",").filter(|pair| !pair.is_empty());
        let labels = pairs.map(|pair| pair.split_once("=\"").unwrap());
        let labels = labels.map(|(name, value)| (name, value.trim_end_matches('"'))).collect();
        Self { name, labels, value: value.parse().unwrap() }
    }
}

/// The metric that a series is of.
fn metric_of(series: &str) -> Option<&'static Metric> {
    let of_a_histogram = || {
        let parts = ["_bucket", "_sum", "_count"];
        let name = parts.iter().find_map(|part| series.strip_suffix(part))?;
        catalogue::find(name).filter(|metric| matches!(metric.kind, Kind::Histogram(_)))
    };
    catalogue::find(series)
        .filter(|metric| !matches!(metric.kind, Kind::Histogram(_)))
        .or_else(of_a_histogram)
}

#[tokio::test]
async fn every_metric_is_in_the_catalogue_and_every_label_of_a_closed_set() {
    let practice = Practice::open(json!({})).await;
    let app = &practice.app;
    for nth in 0..3 {
        assert!(practice.send(INCOMING, &practice.ringing(&sid(nth))).await.status().is_success());
    }
    let made_up = [("CallSid".to_owned(), "CA+12125550100".to_owned())];
    app.http().post(format!("{}{INCOMING}", app.base_url())).form(&made_up).send().await.unwrap();
    send(app, Webhook::CallStatus.path(), &practice.ringing(&sid(0))).await;
    let mut socket = Socket::ready(app, &practice.token).await;
    socket.subscribe("1", "subscription { callUpdated { id } }").await;
    let token = app.token(Uuid::from_u128(2));
    app.graphql(&token, "{ agents { totalCount } }", json!({})).await;
    app.http().get(format!("{}/+12125550100", app.base_url())).send().await.unwrap();

    let metrics = wait_until("the routing cache is confirmed", Duration::from_secs(20), async || {
        let metrics = app.http().get(format!("{}/metrics", app.base_url())).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        metrics.contains("switchboard_cache_confirmed_timestamp_seconds ").then_some(metrics)
    })
    .await;
    let (mut help, mut kinds, mut seen) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    for line in metrics.lines().filter(|line| !line.is_empty()) {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help.insert(described.split_once(' ').unwrap().0);
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            kinds.extend(typed.split_once(' '));
        } else {
            let series = Series::read(line);
            let metric = metric_of(series.name).unwrap_or_else(|| panic!("{line} is not in the catalogue"));
            closed(&series, metric);
            *seen.entry(metric.name).or_insert(0.0) += series.value;
        }
    }
    for name in seen.keys() {
        assert!(help.contains(name), "{name} has no HELP");
        let kind = match catalogue::find(name).unwrap().kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert_eq!(kinds.get(name), Some(&kind), "{name}");
    }
    let used = [
        "http_requests_total",
        "http_request_duration_seconds",
        "switchboard_connections",
        "switchboard_graphql_sockets",
        "switchboard_graphql_socket_operations",
        "switchboard_ready",
        "switchboard_calls_answered_total",
        "switchboard_call_answer_seconds",
        "switchboard_webhooks_refused_total",
        "switchboard_database_statements_total",
        "switchboard_database_wait_seconds",
        "switchboard_database_statement_seconds",
        "switchboard_database_connections",
        "switchboard_database_connections_max",
        "switchboard_provider_request_seconds",
        "switchboard_operations_ended_total",
        "switchboard_cache_confirmed_timestamp_seconds",
    ];
    for name in used {
        assert!(seen.get(name).is_some_and(|sum| *sum > 0.0), "{name}: {:?}", seen.get(name));
    }
    for name in ["switchboard_breaker_state", "switchboard_operations", "switchboard_journal_entries"] {
        assert!(seen.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn the_oldest_operation_metric_covers_due_and_started_operations() {
    let practice = Practice::open_with(&[("RELEASE_GRACE", "24h")], json!({})).await;
    let app = &practice.app;
    let backlog = async || {
        let backlog = app.database().system().backlog().await.unwrap();
        let by_state: Vec<_> = backlog.by_state.iter().map(|(state, n)| (state.as_str(), *n)).collect();
        (by_state, backlog.oldest)
    };
    assert_eq!(backlog().await, (vec![("pending", 0), ("running", 0)], None));
    let numbers = "{ phoneNumbers { nodes { id } } }";
    let held = app.graphql(&practice.token, numbers, json!({})).await;
    let id = &held["data"]["phoneNumbers"]["nodes"][0]["id"];
    let released = app.graphql(&practice.token, RELEASE, json!({ "id": id })).await;
    assert_eq!(released["data"]["releasePhoneNumber"]["userErrors"], json!([]), "{released}");
    assert_eq!(backlog().await, (vec![("pending", 1), ("running", 0)], None), "it is to begin in a day");
    app.execute("UPDATE operations SET attempts = 1 WHERE state = 'pending'").await;
    let (_, oldest) = backlog().await;
    let age = app.clock().now() - oldest.unwrap();
    assert!((0..60).contains(&age.num_seconds()), "{age}");
}

/// A series' labels are the catalogue's, with values that it allows, and none could be an id or a number.
fn closed(series: &Series<'_>, metric: &Metric) {
    let is_bucket = series.name.ends_with("_bucket");
    for (name, value) in &series.labels {
        if is_bucket && *name == "le" {
            continue;
        }
        let label = metric.labels.iter().find(|label| label.name == *name);
        let label = label.unwrap_or_else(|| panic!("{}: the label {name} is not listed", series.name));
        assert!(label.values.allow(value), "{}: {name}={value}", series.name);
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        assert!(digits < 7 && value.len() < 64, "{}: {name}={value}", series.name);
    }
    let missing =
        metric.labels.iter().find(|label| !series.labels.iter().any(|(name, _)| *name == label.name));
    assert!(missing.is_none(), "{}: {missing:?} is missing", series.name);
}

#[test]
fn the_catalogues_label_values_match_their_sources() {
    let values = |metric: &str, label: &str| {
        let label = catalogue::find(metric).unwrap().labels.iter().find(|known| known.name == label);
        match label.unwrap().values {
            Values::Of(values) => values(),
            Values::Route | Values::Status | Values::AreaCode => panic!("{metric}"),
        }
    };
    let differences: Vec<&str> = DifferenceKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(values("switchboard_differences", "kind"), differences);
    assert!(values("switchboard_calls_answered_total", "outcome").contains(&CallOutcome::Agent.as_str()));
}

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One alert of `deploy/prometheus/alerts.yml`, which keeps to a small part of YAML: a key and a value a line.
#[derive(Debug, Default)]
struct Alert {
    name: String,
    keys: BTreeMap<String, String>,
}

fn alerts() -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    for line in file("deploy/prometheus/alerts.yml").lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("no key: {line}"));
        let value = value.trim().trim_matches('\'').to_owned();
        assert!(!value.contains('\''), "a quote would end the value: {line}");
        if let Some("alert") = key.strip_prefix("- ") {
            alerts.push(Alert { name: value, ..Alert::default() });
        } else if let Some(alert) = alerts.last_mut() {
            alert.keys.insert(key.to_owned(), value);
        }
    }
    assert!(alerts.len() >= 12, "the alerts were not found");
    alerts
}

/// The texts of all panels' queries and variables.
fn queries(dashboard: &Value, found: &mut Vec<String>) {
    match dashboard {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "expr" || name == "definition" => found.push(text.clone()),
                    value => queries(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

/// What else than metrics an expression may hold.
const WORDS: [&str; 25] = [
    "abs",
    "sum",
    "max",
    "min",
    "avg",
    "count",
    "by",
    "without",
    "rate",
    "increase",
    "delta",
    "histogram_quantile",
    "le",
    "time",
    "and",
    "or",
    "unless",
    "on",
    "ignoring",
    "vector",
    "clamp_min",
    "instance",
    "job",
    "label_values",
    "bool",
];

/// Every name in an expression is a metric's, one of its labels, or PromQL's own.
fn check_expression(expression: &str, whose: &str) -> usize {
    let unquoted: String = expression.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    // A range such as [5m], and Grafana's own variables.
    let unquoted = unquoted.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    let unquoted = unquoted.collect::<Vec<_>>().join(" ");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: Vec<&str> = unquoted.split(|c: char| !is_part(c)).collect();
    let names = words.into_iter().filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    let names: Vec<&str> = names.filter(|name| !WORDS.contains(name)).collect();
    let (metrics, others): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| name.starts_with("switchboard_") || name.starts_with("http_"));
    for name in &metrics {
        assert!(metric_of(name).is_some(), "{whose}: there is no metric {name}");
    }
    for label in others {
        let is_known = |metric: &&Metric| metric.labels.iter().any(|known| known.name == label);
        let of_these = metrics.iter().filter_map(|name| metric_of(name));
        assert!(
            of_these.into_iter().any(|metric| is_known(&metric)),
            "{whose}: {label} is no label of {metrics:?}"
        );
    }
    metrics.len()
}

#[test]
fn the_dashboard_shows_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(&file("deploy/grafana/dashboard.json")).unwrap();
    let mut found = Vec::new();
    queries(&dashboard, &mut found);
    assert!(found.len() >= 20, "the queries were not found");
    for query in found {
        assert!(check_expression(&query, &query) > 0, "{query}");
    }
}

#[test]
fn every_alert_uses_metrics_that_exist_and_is_explained() {
    let manual = file("docs/operating.md");
    let mut names = BTreeSet::new();
    for Alert { name, keys } in alerts() {
        assert!(names.insert(name.clone()), "{name} is there twice");
        assert!(check_expression(&keys["expr"], &name) > 0, "{name}");
        for key in ["severity", "summary", "runbook"] {
            assert!(keys.get(key).is_some_and(|value| !value.is_empty()), "{name} has no {key}");
        }
        assert!(keys["runbook"].ends_with(&format!("docs/operating.md#{}", name.to_lowercase())), "{name}");
        assert!(manual.contains(&format!("\n### {name}\n")), "docs/operating.md does not explain {name}");
    }
    let explained = manual.lines().filter_map(|line| line.strip_prefix("### Switchboard"));
    for name in explained.map(|rest| format!("Switchboard{rest}")) {
        assert!(names.contains(&name), "docs/operating.md explains {name}, which is no alert");
    }
}

#[test]
fn expressions_with_unknown_metrics_or_labels_are_detected() {
    let fails =
        |expression: &str| std::panic::catch_unwind(|| check_expression(expression, "a test")).is_err();
    assert!(fails("rate(switchboard_made_up_total[5m])"));
    assert!(fails(r#"switchboard_differences{made_up="x"}"#));
    assert!(fails("switchboard_call_answer_seconds > 1"), "a histogram has no series of its own name");
    assert!(!fails(r#"max by (kind) (switchboard_differences{kind=~"A|B"}) > 0 and on () time() > 1"#));
}
