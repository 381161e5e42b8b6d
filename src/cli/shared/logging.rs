//! Start of logging and tracing, as configured.

use crate::config;
use crate::telemetry::{self, Sampler, TraceConfig};

/// Starts logging, and the export of traces if a collector is configured.
pub(in crate::cli) fn start(log: &config::Log) {
    let traces = log.traces.clone().map(|traces| TraceConfig {
        url: traces.url,
        headers: traces.headers,
        resource: traces.resource,
        sampler: Sampler { ratio: traces.ratio, follows_parent: traces.follows_parent },
        timeout: traces.timeout,
    });
    telemetry::start(log.json, &log.filter, traces);
}
