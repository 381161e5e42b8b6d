//! Starting to log, as the environment says.

use crate::config;
use crate::telemetry::{self, Sampler, TraceConfig};

/// Starts logging, and exporting traces where a collector is named.
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
