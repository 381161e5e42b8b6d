//! Every metric there is: its name, kind, unit, labels and meaning.
//!
//! Names follow Prometheus' conventions: `switchboard_` (`http_` for what every HTTP server has), the unit, and `_total` on counters.
//! Instants are exported as Unix time rather than as an age, so that whatever stopped updating one shows. A label's values
//! are a closed set, whoever calls: never an id, a telephone number or a client's word. Counters whose labels are listed here
//! are exported from the start, at 0, so that a first increment shows in a rate.

use metrics::{Label as Pair, Unit};

use crate::domain::{CallOutcome, CallStatus, ConversationNews, OperationKind, OperationState, Worker};

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name, without `_bucket`, `_sum` or `_count`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What its values are.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [Label],
    /// What it tells.
    pub help: &'static str,
}

/// What a metric is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Grows and shrinks.
    Gauge,
    /// Counts values by size, up to each of these.
    Histogram(&'static [f64]),
}

/// A label and the values it may have.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// The values a label may have.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// These.
    Of(fn() -> Vec<&'static str>),
    /// A route of the server's as it is declared, or `unmatched`.
    Route,
    /// An HTTP status.
    Status,
}

impl Values {
    /// Whether a label may have this value.
    #[must_use]
    pub fn allow(&self, value: &str) -> bool {
        match self {
            Self::Of(values) => values().contains(&value),
            Self::Route => value == "unmatched" || value.starts_with('/'),
            Self::Status => value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit()),
        }
    }
}

/// Of requests and statements: from half a millisecond to the half minute after which either is given up.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Of calls' answers: finer towards the 5 s that an answer may take and the 15 s that the carrier waits.
const ANSWER_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0];
/// Of providers' answers, over the network.
const PROVIDER_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0];

const fn of(name: &'static str, values: fn() -> Vec<&'static str>) -> Label {
    Label { name, values: Values::Of(values) }
}

/// The methods of `http_requests_total`. Clients can make up others without end: they are one, `OTHER`.
pub const METHODS: [&str; 10] =
    ["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "OTHER"];

const METHOD: Label = of("method", || METHODS.to_vec());
const ROUTE: Label = Label { name: "route", values: Values::Route };
const STATUS: Label = Label { name: "status", values: Values::Status };
const POOL: Label = of("pool", || vec!["tenants", "system"]);
const BREAKER: Label = of("provider", || {
    vec!["carrier", "carrier_prices", "voice_agents", "voice_calls", "voice_conversations"]
});

const WORKER: Label = of("worker", || Worker::ALL.iter().map(|worker| worker.as_str()).collect());

/// Every metric.
pub const METRICS: &[Metric] = &[
    counter("http_requests_total", &[METHOD, ROUTE, STATUS], "HTTP requests answered."),
    histogram("http_request_duration_seconds", SECONDS, &[ROUTE], "Time until an HTTP request was answered."),
    gauge("switchboard_connections", Unit::Count, &[], "Open connections from clients, sockets included."),
    counter(
        "switchboard_connections_refused_total",
        &[of("limit", || vec!["server", "address"])],
        "Connections refused because a limit was reached: the server's or one address's.",
    ),
    counter(
        "switchboard_rate_limited_total",
        &[of("of", || vec!["principal", "address"])],
        "Requests refused because a caller, or an address without a token, asked too often.",
    ),
    counter(
        "switchboard_graphql_shed_total",
        &[of("limit", || vec!["caller", "server"])],
        "GraphQL requests refused because too many were being executed: one caller's or all callers'.",
    ),
    gauge("switchboard_graphql_sockets", Unit::Count, &[], "Open WebSockets."),
    gauge(
        "switchboard_graphql_socket_operations",
        Unit::Count,
        &[],
        "Operations under way on WebSockets, subscriptions most of all.",
    ),
    gauge("switchboard_ready", Unit::Count, &[], "1 while /readyz answers 200, degraded included; else 0."),
    counter(
        "switchboard_log_lines_lost_total",
        &[],
        "Log lines dropped because stderr was not read fast enough.",
    ),
    counter(
        "switchboard_spans_lost_total",
        &[of("reason", || vec!["queue_full", "export_failed"])],
        "Trace spans that did not reach the collector.",
    ),
    counter(
        "switchboard_calls_answered_total",
        &[of("outcome", || {
            let outcomes = CallOutcome::ALL.iter().map(|outcome| outcome.as_str());
            outcomes.chain(["unrouted"]).collect()
        })],
        "Calls answered, by who took them. unavailable: a spoken sentence; unrouted: the number is not known.",
    ),
    histogram(
        "switchboard_call_answer_seconds",
        ANSWER_SECONDS,
        &[],
        "Time until it was certain how a call is answered.",
    ),
    counter(
        "switchboard_calls_routed_from_memory_total",
        &[],
        "Calls routed by the routing cache because the database did not answer.",
    ),
    counter(
        "switchboard_calls_swept_total",
        &[of("status", || CallStatus::ALL.iter().map(|status| status.as_str()).collect())],
        "Calls whose end was not reported, and for which the carrier was asked.",
    ),
    counter(
        "switchboard_dials_not_allowed_total",
        &[],
        "Fallback and forward numbers not dialled because they are not allowed.",
    ),
    counter(
        "switchboard_conversations_reported_total",
        &[of("news", || ConversationNews::ALL.iter().map(|news| news.as_str()).collect())],
        "Conversations of calls here that the voice provider reported.",
    ),
    counter(
        "switchboard_conversations_fetched_total",
        &[],
        "Conversations that nobody reported, and for which the voice provider was asked.",
    ),
    counter(
        "switchboard_webhooks_refused_total",
        &[of("sender", || vec!["carrier", "voice provider"])],
        "Webhooks rejected because of their signature.",
    ),
    gauge("switchboard_cached_numbers", Unit::Count, &[], "Numbers in the routing cache."),
    gauge(
        "switchboard_cache_confirmed_timestamp_seconds",
        Unit::Seconds,
        &[],
        "Unix time at which the routing cache was last compared with the database.",
    ),
    gauge(
        "switchboard_journal_entries",
        Unit::Count,
        &[],
        "Journaled writes of this server that wait for the database.",
    ),
    gauge("switchboard_journal_bytes", Unit::Bytes, &[], "Size of this server's journal file."),
    gauge(
        "switchboard_journal_oldest_timestamp_seconds",
        Unit::Seconds,
        &[],
        "Unix time of the oldest journaled write; 0 when none waits.",
    ),
    counter(
        "switchboard_journal_put_aside_total",
        &[],
        "Journaled writes that the database rejected, moved to calls.refused.",
    ),
    counter("switchboard_database_statements_total", &[], "Statements run."),
    histogram(
        "switchboard_database_wait_seconds",
        SECONDS,
        &[POOL],
        "Time until a connection was obtained from a pool; for a writing transaction, until it had begun.",
    ),
    histogram(
        "switchboard_database_statement_seconds",
        SECONDS,
        &[POOL, of("kind", || vec!["read", "write", "batch"])],
        "Time of a statement. batch: a group commit of many calls' writes.",
    ),
    gauge(
        "switchboard_database_connections",
        Unit::Count,
        &[POOL, of("state", || vec!["in_use", "idle"])],
        "Open connections of a pool.",
    ),
    gauge(
        "switchboard_database_connections_max",
        Unit::Count,
        &[POOL],
        "The most connections a pool may open.",
    ),
    gauge(
        "switchboard_database_away",
        Unit::Count,
        &[],
        "1 while the database counts as unavailable; else 0.",
    ),
    gauge(
        "switchboard_clock_offset_seconds",
        Unit::Seconds,
        &[],
        "By how much this machine's clock is ahead of the database's.",
    ),
    counter(
        "switchboard_unreadable_rows_total",
        &[of("table", tables)],
        "Times that a row could not be read and was put aside.",
    ),
    counter(
        "switchboard_database_overloads_total",
        &[],
        "Times that a call could not wait for a database that answers but has too much to do.",
    ),
    counter(
        "switchboard_worker_restarts_total",
        &[WORKER],
        "Times that a background worker ended early and was started again.",
    ),
    gauge(
        "switchboard_worker_heartbeat_timestamp_seconds",
        Unit::Seconds,
        &[WORKER],
        "Unix time at which a background worker last began a round.",
    ),
    counter(
        "switchboard_item_panics_total",
        &[of("work", || {
            vec!["delivery", "event", "mending", "missing_event", "operation", "prices", "sweep"]
        })],
        "Panics that cost one item of a worker's round.",
    ),
    histogram(
        "switchboard_provider_request_seconds",
        PROVIDER_SECONDS,
        &[
            of("provider", || vec!["carrier", "voice"]),
            of("endpoint", endpoints),
            of("outcome", || vec!["ok", "rejected", "failed"]),
        ],
        "Time of a request to a provider. rejected: it answered 4xx; failed: 5xx, or no answer.",
    ),
    gauge(
        "switchboard_breaker_state",
        Unit::Count,
        &[BREAKER],
        "State of a circuit breaker: 0 closed, 1 open, 2 half-open.",
    ),
    counter(
        "switchboard_breaker_changes_total",
        &[BREAKER, of("state", || vec!["open", "closed"])],
        "Times that a circuit breaker opened or closed.",
    ),
    gauge(
        "switchboard_operations",
        Unit::Count,
        &[of("state", || unfinished().collect())],
        "Unfinished operations of all servers: aggregate with max.",
    ),
    gauge(
        "switchboard_operation_oldest_timestamp_seconds",
        Unit::Seconds,
        &[],
        "Unix time at which the oldest operation was created that is due or begun, of all servers; 0 when there is none.",
    ),
    counter(
        "switchboard_operations_ended_total",
        &[
            of("kind", || OperationKind::ALL.iter().map(|kind| kind.as_str()).collect()),
            of("state", || {
                let over = OperationState::ALL.iter().filter(|state| state.is_final());
                over.map(|state| state.as_str()).collect()
            }),
        ],
        "Operations that this server drove to their end.",
    ),
    counter(
        "switchboard_reconciliations_total",
        &[of("outcome", || vec!["complete", "incomplete"])],
        "Reconciliations. incomplete: a provider did not tell all it holds, and nothing was concluded.",
    ),
    gauge(
        "switchboard_differences",
        Unit::Count,
        &[of("kind", differences)],
        "Differences between the providers and the database that the last reconciliation left: aggregate with max.",
    ),
    counter(
        "switchboard_retention_runs_total",
        &[of("outcome", || vec!["done", "failed"])],
        "Times that old calls were to be deleted.",
    ),
];

const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit: Unit::Count, labels, help }
}

const fn gauge(name: &'static str, unit: Unit, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, labels, help }
}

const fn histogram(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [Label],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram(buckets), unit: Unit::Seconds, labels, help }
}

fn unfinished() -> impl Iterator<Item = &'static str> {
    OperationState::ALL.iter().filter(|state| !state.is_final()).map(|state| state.as_str())
}

/// Of both providers.
fn endpoints() -> Vec<&'static str> {
    vec![
        "search_numbers",
        "buy_number",
        "list_numbers",
        "fetch_number",
        "update_number",
        "release_number",
        "fetch_call",
        "fetch_prices",
        "create_agent",
        "list_agents",
        "fetch_agent",
        "update_agent",
        "delete_agent",
        "register_call",
        "fetch_conversation",
        "other",
    ]
}

/// As provisioning names them.
/// The tables whose rows are read one by one.
fn tables() -> Vec<&'static str> {
    vec![
        "agents",
        "audit_events",
        "call_totals",
        "calls",
        "operations",
        "phone_numbers",
        "reconciliations",
        "tenants",
        "voice_events",
    ]
}

fn differences() -> Vec<&'static str> {
    vec![
        "ORPHANED_NUMBER",
        "UNRECORDED_NUMBER",
        "FOREIGN_NUMBER",
        "MISSING_NUMBER",
        "REPLACED_NUMBER",
        "CONTESTED_NUMBER",
        "STALLED_RELEASE",
        "MISDIRECTED_NUMBER",
        "RECOVERED_NUMBER",
        "ORPHANED_VOICE_AGENT",
        "FOREIGN_VOICE_AGENT",
        "MISSING_VOICE_AGENT",
    ]
}

/// The metric of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// Histograms, and their buckets.
pub(super) fn histograms() -> impl Iterator<Item = (&'static str, &'static [f64])> {
    METRICS.iter().filter_map(|metric| match metric.kind {
        Kind::Histogram(buckets) => Some((metric.name, buckets)),
        Kind::Counter | Kind::Gauge => None,
    })
}

/// Describes all metrics to the recorder, and has it export the counters.
pub(super) fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.unit, metric.help),
            Kind::Counter => {
                metrics::describe_counter!(metric.name, metric.unit, metric.help);
                for labels in combinations(metric.labels) {
                    metrics::counter!(metric.name, labels).increment(0);
                }
            }
        }
    }
}

/// All combinations of the labels' values; none where a label's values are not listed.
fn combinations(labels: &[Label]) -> Vec<Vec<Pair>> {
    labels.iter().fold(vec![Vec::new()], |so_far, label| match label.values {
        Values::Of(values) => {
            let with = |value: &'static str| {
                so_far.iter().map(move |pairs| {
                    let mut pairs = pairs.clone();
                    pairs.push(Pair::from_static_parts(label.name, value));
                    pairs
                })
            };
            values().into_iter().flat_map(with).collect()
        }
        Values::Route | Values::Status => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_follow_the_conventions() {
        for (nth, metric) in METRICS.iter().enumerate() {
            let name = metric.name;
            assert!(METRICS[..nth].iter().all(|other| other.name != name), "{name} is there twice");
            assert!(name.starts_with("switchboard_") || name.starts_with("http_"), "{name}");
            assert_eq!(matches!(metric.kind, Kind::Counter), name.ends_with("_total"), "{name}");
            assert_eq!(metric.unit == Unit::Seconds, name.ends_with("_seconds"), "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
            if let Kind::Histogram(buckets) = metric.kind {
                assert!(buckets.is_sorted() && buckets.len() <= 20, "{name}");
            }
        }
    }

    #[test]
    fn labels_are_combined_and_open_ones_are_not() {
        let of = |labels: &[Label]| combinations(labels).len();
        assert_eq!([of(&[]), of(&[POOL]), of(&[POOL, BREAKER]), of(&[METHOD, ROUTE])], [1, 2, 10, 0]);
    }
}
