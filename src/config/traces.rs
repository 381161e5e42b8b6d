//! Export of traces, configured by OpenTelemetry's own variables.
//!
//! Variables of one signal (`OTEL_EXPORTER_OTLP_TRACES_…`) take precedence over general ones, as OpenTelemetry's specification
//! requires. Only `http/json` is spoken; collectors accept it on the port of `http/protobuf` (4318).

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::values::Values;
use super::{Mistake, table};

/// Where traces are exported to, and which.
#[derive(Debug, Clone)]
pub struct Traces {
    /// URL of the collector for traces.
    pub url: Url,
    /// Headers of every request.
    pub headers: Vec<(String, SecretString)>,
    /// Attributes of this server, `service.name` among them.
    pub resource: Vec<(String, String)>,
    /// The share of traces that is exported, from 0 to 1.
    pub ratio: f64,
    /// Whether the sampling decision of the request's `traceparent` is followed.
    pub follows_parent: bool,
    /// Deadline of an export.
    pub timeout: Duration,
}

impl Traces {
    /// `None` without a collector.
    pub(super) fn read(values: &Values<'_>) -> Result<Option<Self>, Mistake> {
        let url = values.optional(&table::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)?;
        let base = values.optional(&table::OTEL_EXPORTER_OTLP_ENDPOINT)?;
        let Some(url) = url.or_else(|| base.map(|base| below(base, "v1/traces"))) else { return Ok(None) };
        // Read after the endpoints: without a collector the variable is not checked either.
        if values.get(&table::OTEL_SDK_DISABLED)? {
            return Ok(None);
        }
        let mut headers: Vec<(String, SecretString)> = Vec::new();
        for variable in [&table::OTEL_EXPORTER_OTLP_HEADERS, &table::OTEL_EXPORTER_OTLP_TRACES_HEADERS] {
            for (name, value) in values.optional(variable)?.unwrap_or_default() {
                // Header names have no case: a header for traces replaces a general one in any spelling.
                let name = name.to_lowercase();
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value.into()));
            }
        }
        let (share, follows_parent) = values.get(&table::OTEL_TRACES_SAMPLER)?;
        let ratio = share.map_or_else(|| values.get(&table::OTEL_TRACES_SAMPLER_ARG), Ok)?;
        let timeout = values.get(&table::OTEL_EXPORTER_OTLP_TIMEOUT)?;
        // Clamped, not rejected: platforms set this variable for all their programs.
        let timeout = Duration::from_millis(timeout.clamp(100, 60_000));
        Ok(Some(Self { url, headers, resource: resource(values)?, ratio, follows_parent, timeout }))
    }
}

fn resource(values: &Values<'_>) -> Result<Vec<(String, String)>, Mistake> {
    let mut resource = values.optional(&table::OTEL_RESOURCE_ATTRIBUTES)?.unwrap_or_default();
    let name = values.optional(&table::OTEL_SERVICE_NAME)?;
    // `OTEL_SERVICE_NAME` takes precedence over the attribute, as the specification demands.
    if name.is_some() || !resource.iter().any(|(name, _)| name == "service.name") {
        resource.retain(|(name, _)| name != "service.name");
        let name = name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned());
        resource.insert(0, ("service.name".to_owned(), name));
    }
    Ok(resource)
}

fn below(mut base: Url, path: &str) -> Url {
    base.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    base
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::config::{Profile, Section, VARIABLES};

    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const EXAMPLE: &str = "http://localhost:4318";

    fn read(set: &[(&str, &str)]) -> Result<Option<Traces>, Vec<&'static str>> {
        let lookup = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        let traces = VARIABLES.iter().copied().filter(|variable| variable.section == Section::Traces);
        let values = Values::checked(&lookup, Profile::Serve, traces);
        let traces = values.and_then(|values| Traces::read(&values).map_err(|mistake| vec![mistake]));
        traces.map_err(|mistakes| mistakes.iter().map(|mistake| mistake.variable).collect())
    }

    #[test]
    fn opentelemetrys_own_variables_are_read() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap().is_none(), "without a collector");
        assert!(read(&[(ENDPOINT, EXAMPLE), ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
        let traces = read(&[
            (ENDPOINT, "https://otel.example.com/base/"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20b, x-team = blue"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Basic%20a%3D"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,region=eu"),
            ("OTEL_SERVICE_NAME", "calls"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ]);
        let traces = traces.unwrap().unwrap();
        assert_eq!(traces.url.as_str(), "https://otel.example.com/base/v1/traces");
        let headers: Vec<_> =
            traces.headers.iter().map(|(name, v)| (name.as_str(), v.expose_secret())).collect();
        assert_eq!(headers, [("x-team", "blue"), ("authorization", "Basic a=")]);
        let resource: Vec<_> = traces.resource.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(resource, [("service.name", "calls"), ("region", "eu")]);
        assert_eq!((traces.ratio, traces.follows_parent), (0.25, true));
        let own = "http://localhost:9/own";
        assert_eq!(read(&[(ENDPOINT, EXAMPLE), (TRACES_ENDPOINT, own)]).unwrap().unwrap().url.as_str(), own);
    }

    #[test]
    fn mistakes_name_the_variable() {
        for (name, value) in [
            (TRACES_ENDPOINT, "localhost:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%+5"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_SDK_DISABLED", "yes"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0ac"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ] {
            assert_eq!(read(&[(ENDPOINT, EXAMPLE), (name, value)]).unwrap_err(), [name], "{value}");
        }
    }
}
