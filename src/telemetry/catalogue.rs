//! Catalogue of all metrics: name, kind, unit, labels, help text.
//!
//! - Names follow Prometheus' conventions: prefix `switchboard_` (`http_` for metrics common to HTTP
//!   servers), unit, and the suffix `_total` on counters.
//! - Instants are exported as Unix time, not as an age: the age of a value that is no longer updated keeps growing.
//! - A label has a closed set of values, never an id, a phone number or a client's input.
//! - Counters with listed label values are exported at 0 from startup, so that the first increment shows in a rate.

mod labels;

use metrics::{Label as Pair, Unit};

use self::labels::{differences, endpoints, tables};
use crate::domain::{CallOutcome, CallStatus, ConversationNews, OperationKind, OperationState, Worker};

/// Description of a metric. Tests compare the exported metrics, the dashboard and the alerts with it.
#[derive(Debug)]
pub struct Metric {
    /// Exported name. A histogram's series add `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// Prometheus type, with the buckets of a histogram.
    pub kind: Kind,
    /// Unit of the values, which the name ends in if it is seconds or bytes.
    pub unit: Unit,
    /// Labels of every series, in the order of their declaration.
    pub labels: &'static [Label],
    /// Text of the `HELP` line: one sentence or more, each with a full stop.
    pub help: &'static str,
}

/// Prometheus type of a metric.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Only increases while the process lives; starts at 0.
    Counter,
    /// Can increase and decrease.
    Gauge,
    /// Distribution of values. Contains the upper bounds of the buckets, sorted.
    Histogram(&'static [f64]),
}

/// A label with its allowed values.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Label name as exported.
    pub name: &'static str,
    /// Closed set of values.
    pub values: Values,
}

/// Allowed values of a label.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// The values that the function lists.
    Of(fn() -> Vec<&'static str>),
    /// A route's pattern as declared in the router, or `unmatched`.
    Route,
    /// HTTP status of three digits.
    Status,
    /// Area code in the variable `STOCK`.
    AreaCode,
}

impl Values {
    /// Returns whether the label may have this value.
    #[must_use]
    pub fn allow(&self, value: &str) -> bool {
        match self {
            Self::Of(values) => values().contains(&value),
            Self::Route => value == "unmatched" || value.starts_with('/'),
            Self::Status | Self::AreaCode => {
                value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit())
            }
        }
    }
}

/// Buckets of requests and statements, from 0.5 ms to the 30 s after which they are abandoned.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Buckets of call answers, finer around 5 s (the answer deadline) and 15 s (the carrier's timeout).
const ANSWER_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0];
/// Buckets of provider requests, which include network time and can take up to 60 s.
const PROVIDER_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0];

const fn of(name: &'static str, values: fn() -> Vec<&'static str>) -> Label {
    Label { name, values: Values::Of(values) }
}

/// Values of the label `method` of `http_requests_total`. Non-standard methods count as `OTHER`, so that
/// clients cannot create series.
pub const METHODS: [&str; 10] =
    ["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "OTHER"];

const METHOD: Label = of("method", || METHODS.to_vec());
const ROUTE: Label = Label { name: "route", values: Values::Route };
const STATUS: Label = Label { name: "status", values: Values::Status };
const AREA_CODE: Label = Label { name: "area_code", values: Values::AreaCode };
const POOL: Label = of("pool", || vec!["tenants", "system"]);
const BREAKER: Label = of("provider", || {
    vec![
        "carrier",
        "carrier_account",
        "carrier_media",
        "carrier_ports",
        "carrier_prices",
        "carrier_senders",
        "voice_agents",
        "voice_calls",
        "voice_conversations",
        "voice_texts",
        "voice_tools",
    ]
});

const WORKER: Label = of("worker", || Worker::ALL.iter().map(|worker| worker.as_str()).collect());

/// All metrics that the server exports.
pub const METRICS: &[Metric] = &[
    counter("http_requests_total", &[METHOD, ROUTE, STATUS], "HTTP requests answered."),
    histogram("http_request_duration_seconds", SECONDS, &[ROUTE], "Time until an HTTP request was answered."),
    gauge("switchboard_connections", Unit::Count, &[], "Open connections from clients, sockets included."),
    counter(
        "switchboard_connections_refused_total",
        &[of("limit", || vec!["server", "address"])],
        "Connections rejected because a limit was reached: of the server, or of one address.",
    ),
    counter(
        "switchboard_rate_limited_total",
        &[of("of", || vec!["principal", "address"])],
        "Requests rejected by a rate limit: of an authenticated caller, or of an address.",
    ),
    counter(
        "switchboard_graphql_shed_total",
        &[of("limit", || vec!["caller", "server"])],
        "GraphQL requests rejected because too many were in progress: of one caller, or on the server.",
    ),
    gauge("switchboard_graphql_sockets", Unit::Count, &[], "Open WebSockets."),
    gauge(
        "switchboard_graphql_socket_operations",
        Unit::Count,
        &[],
        "GraphQL operations in progress on WebSockets, mostly subscriptions.",
    ),
    gauge(
        "switchboard_ready",
        Unit::Count,
        &[],
        "1 while /readyz answers 200, including degraded; otherwise 0.",
    ),
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
        "Calls answered, by who answered. unavailable: a spoken sentence; unrouted: an unknown number.",
    ),
    counter(
        "switchboard_messages_received_total",
        &[of("outcome", || vec!["new", "known", "unclaimed"])],
        "Text messages that the carrier announced. known: stored before; unclaimed: to an unknown number.",
    ),
    gauge(
        "switchboard_message_sweep_gaps",
        Unit::Count,
        &[],
        "Hours whose missed text messages could not all be looked for; they are tried again.",
    ),
    counter(
        "switchboard_message_answers_total",
        &[of("outcome", || vec!["agent", "help_text", "dropped", "retried", "handed_over"])],
        "Attempts to answer texts. agent, help_text: answered by it; dropped: no longer wanted; handed_over: to a person.",
    ),
    histogram(
        "switchboard_message_answer_seconds",
        ANSWER_SECONDS,
        &[],
        "Time from a text to the agent's answer being stored.",
    ),
    counter(
        "switchboard_message_media_total",
        &[of("outcome", || vec!["stored", "refused", "failed", "retried", "deleted_at_carrier", "purged"])],
        "Files of incoming messages, by what was done. refused: not taken; failed: given up; purged: deleted with their message.",
    ),
    histogram(
        "switchboard_call_answer_seconds",
        ANSWER_SECONDS,
        &[],
        "Time from a call's webhook to its routing decision.",
    ),
    counter(
        "switchboard_calls_routed_from_memory_total",
        &[],
        "Calls routed from the routing cache because the database did not answer.",
    ),
    counter(
        "switchboard_calls_swept_total",
        &[of("status", || CallStatus::ALL.iter().map(|status| status.as_str()).collect())],
        "Calls whose end was not reported and was read from the carrier.",
    ),
    counter(
        "switchboard_dials_not_allowed_total",
        &[],
        "Fallback and forward numbers not dialled because the dialling policy forbids them.",
    ),
    counter(
        "switchboard_conversations_reported_total",
        &[of("news", || ConversationNews::ALL.iter().map(|news| news.as_str()).collect())],
        "Conversations reported by the voice provider's events.",
    ),
    counter(
        "switchboard_conversations_fetched_total",
        &[],
        "Conversations without an event, fetched from the voice provider.",
    ),
    counter(
        "switchboard_webhooks_refused_total",
        &[of("sender", || vec!["carrier", "voice provider"])],
        "Webhooks rejected because of an invalid signature.",
    ),
    gauge("switchboard_cached_numbers", Unit::Count, &[], "Numbers in the routing cache."),
    gauge(
        "switchboard_stock_numbers",
        Unit::Count,
        &[AREA_CODE],
        "Numbers in stock, by the area codes in STOCK: aggregate with max.",
    ),
    gauge("switchboard_stock_wanted", Unit::Count, &[AREA_CODE], "Numbers that are to be in stock."),
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
        "Unix time of the oldest journaled write; 0 if there is none.",
    ),
    counter(
        "switchboard_journal_put_aside_total",
        &[],
        "Journaled writes that the database rejected, moved to calls.refused.",
    ),
    counter("switchboard_database_statements_total", &[], "Statements executed."),
    histogram(
        "switchboard_database_wait_seconds",
        SECONDS,
        &[POOL],
        "Time to obtain a connection from a pool; for a write transaction, including its BEGIN.",
    ),
    histogram(
        "switchboard_database_statement_seconds",
        SECONDS,
        &[POOL, of("kind", || vec!["read", "write", "batch"])],
        "Duration of a statement. batch: a group commit of many calls' writes.",
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
        "Maximum number of connections of a pool.",
    ),
    gauge(
        "switchboard_database_away",
        Unit::Count,
        &[],
        "1 while this server considers the database unavailable; otherwise 0.",
    ),
    gauge(
        "switchboard_clock_offset_seconds",
        Unit::Seconds,
        &[],
        "How far this machine's clock is ahead of the database's.",
    ),
    counter(
        "switchboard_unreadable_rows_total",
        &[of("table", tables)],
        "Reads that skipped an unreadable row.",
    ),
    counter(
        "switchboard_database_overloads_total",
        &[],
        "Calls that could not wait for an overloaded database.",
    ),
    counter(
        "switchboard_worker_restarts_total",
        &[WORKER],
        "Restarts of a background worker that ended early.",
    ),
    gauge(
        "switchboard_worker_heartbeat_timestamp_seconds",
        Unit::Seconds,
        &[WORKER],
        "Unix time at which a background worker last started a pass.",
    ),
    counter(
        "switchboard_item_panics_total",
        &[of("work", || {
            vec![
                "delivery",
                "event",
                "mending",
                "message_answer",
                "missing_event",
                "operation",
                "prices",
                "sweep",
            ]
        })],
        "Panics contained to one item of a worker's pass.",
    ),
    histogram(
        "switchboard_provider_request_seconds",
        PROVIDER_SECONDS,
        &[
            of("provider", || vec!["carrier", "voice"]),
            of("endpoint", endpoints),
            of("outcome", || vec!["ok", "rejected", "failed"]),
        ],
        "Duration of a request to a provider. rejected: it answered 4xx; failed: 5xx, or no answer.",
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
        "State changes of a circuit breaker.",
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
        "Unix time at which the oldest due or started operation was created, of all servers; 0 if there is none.",
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
        "Operations that this server finished.",
    ),
    counter(
        "switchboard_reconciliations_total",
        &[of("outcome", || vec!["complete", "incomplete"])],
        "Reconciliations. incomplete: a provider's inventory could not be listed completely, so nothing was concluded.",
    ),
    gauge(
        "switchboard_differences",
        Unit::Count,
        &[of("kind", differences)],
        "Differences that the last reconciliation left: aggregate with max.",
    ),
    counter(
        "switchboard_retention_runs_total",
        &[of("outcome", || vec!["done", "failed"])],
        "Runs of the retention workers of calls and messages.",
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

/// Returns the metric with this name, without a histogram's suffix. `None` if it is not in the catalogue.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// Returns the histograms with their buckets, for the recorder's configuration.
pub(super) fn histograms() -> impl Iterator<Item = (&'static str, &'static [f64])> {
    METRICS.iter().filter_map(|metric| match metric.kind {
        Kind::Histogram(buckets) => Some((metric.name, buckets)),
        Kind::Counter | Kind::Gauge => None,
    })
}

/// Registers the descriptions of all metrics, and the counters at 0. Called once, when the recorder is installed.
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

/// Returns all combinations of the labels' values. Empty if the values of a label are not listed.
fn combinations(labels: &[Label]) -> Vec<Vec<Pair>> {
    labels.iter().fold(vec![Vec::new()], |combined, label| match label.values {
        Values::Of(values) => {
            let with = |value: &'static str| {
                combined.iter().map(move |pairs| {
                    let mut pairs = pairs.clone();
                    pairs.push(Pair::from_static_parts(label.name, value));
                    pairs
                })
            };
            values().into_iter().flat_map(with).collect()
        }
        Values::Route | Values::Status | Values::AreaCode => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_follow_the_conventions() {
        for (nth, metric) in METRICS.iter().enumerate() {
            let name = metric.name;
            assert!(METRICS[..nth].iter().all(|other| other.name != name), "{name} is listed twice");
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
    fn only_labels_with_listed_values_are_combined() {
        let of = |labels: &[Label]| combinations(labels).len();
        assert_eq!([of(&[]), of(&[POOL]), of(&[POOL, BREAKER]), of(&[METHOD, ROUTE])], [1, 2, 22, 0]);
    }
}
