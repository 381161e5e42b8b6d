//! Where traces go, by OpenTelemetry's own variables.
//!
//! Those of one signal (`OTEL_EXPORTER_OTLP_TRACES_…`) win over those of all, as its specification wants. Only `http/json` is spoken, which
//! collectors take on the port of `http/protobuf` (4318).

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::read::{self, Reader};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const EXAMPLE: &str = "http://localhost:4318";

/// Where traces go, and which.
#[derive(Debug, Clone)]
pub struct Traces {
    /// The collector's address for traces.
    pub url: Url,
    /// Sent with every request.
    pub headers: Vec<(String, SecretString)>,
    /// Attributes of this server, `service.name` among them.
    pub resource: Vec<(String, String)>,
    /// The share of traces that is exported, from 0 to 1.
    pub ratio: f64,
    /// Whether a request that names the trace it belongs to decides itself.
    pub follows_parent: bool,
    /// How long the collector may take.
    pub timeout: Duration,
}

impl Traces {
    /// `None` when no collector is named.
    pub(super) fn read(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let is_off = vars.or("OTEL_SDK_DISABLED", false, "false", read::true_false);
        let url = vars.read(TRACES_ENDPOINT, "http://localhost:4318/v1/traces", collector);
        let base = vars.read(ENDPOINT, EXAMPLE, collector);
        let url = url.or_else(|| base.map(|base| below(base, "v1/traces")))?;
        for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
            let json = read::one_of(&[("http/json", ()), ("http/protobuf", ())]);
            vars.read(name, "http/json", json);
        }
        let mut headers: Vec<(String, SecretString)> = Vec::new();
        for name in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"] {
            for (name, value) in vars.read(name, "authorization=Bearer%20abc", pairs).unwrap_or_default() {
                let name = name.to_lowercase();
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value.into()));
            }
        }
        let mut resource = vars
            .read("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=production", pairs)
            .unwrap_or_default();
        let named = vars.text("OTEL_SERVICE_NAME");
        if named.is_some() || !resource.iter().any(|(name, _)| name == "service.name") {
            resource.retain(|(name, _)| name != "service.name");
            let name = named.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned());
            resource.insert(0, ("service.name".to_owned(), name));
        }
        let (ratio, follows_parent) = read_sampler(vars);
        let millis = read::parsed::<u64>("a number of milliseconds");
        let timeout = vars.or("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, "10000", millis);
        let timeout = Duration::from_millis(timeout.clamp(100, 60_000));
        (!is_off).then_some(Self { url, headers, resource, ratio, follows_parent, timeout })
    }
}

fn read_sampler(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> (f64, bool) {
    /// The share, unless it is an argument, and whether a parent is followed.
    const SAMPLERS: &[(&str, (Option<f64>, bool))] = &[
        ("parentbased_always_on", (Some(1.0), true)),
        ("parentbased_always_off", (Some(0.0), true)),
        ("parentbased_traceidratio", (None, true)),
        ("always_on", (Some(1.0), false)),
        ("always_off", (Some(0.0), false)),
        ("traceidratio", (None, false)),
    ];
    let (share, follows_parent) =
        vars.or("OTEL_TRACES_SAMPLER", SAMPLERS[0].1, SAMPLERS[0].0, read::one_of(SAMPLERS));
    let ratio = vars.or("OTEL_TRACES_SAMPLER_ARG", 1.0, "0.1", |value| {
        let ratio = value.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or_else(|| "is not a number from 0 to 1".to_owned())
    });
    (share.unwrap_or(ratio), follows_parent)
}

/// An address in the operator's own network, where plain http is usual.
fn collector(value: &str) -> Result<Url, String> {
    let url = Url::parse(value).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "is not an http or https address".to_owned())
}

fn below(mut base: Url, path: &str) -> Url {
    base.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    base
}

/// `name=value,name=value`, with values percent-encoded.
fn pairs(value: &str) -> Result<Vec<(String, String)>, String> {
    let unreadable = || "is not NAME=VALUE, with commas between several".to_owned();
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').ok_or_else(unreadable)?;
            let value = decoded(value.trim()).ok_or_else(unreadable)?;
            let is_name = !name.trim().is_empty() && !name.contains(|c: char| c.is_control());
            let is_value = !value.contains(|c: char| c.is_control());
            let pair = (is_name && is_value).then(|| (name.trim().to_owned(), value));
            pair.ok_or_else(unreadable)
        })
        .collect()
}

fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> (Option<Traces>, Vec<&'static str>) {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        let mut vars = Reader::new(lookup);
        let traces = Traces::read(&mut vars);
        (traces, vars.mistakes.iter().map(|mistake| mistake.variable).collect())
    }

    #[test]
    fn opentelemetrys_own_variables_are_read() {
        assert!(read(&[]).0.is_none());
        assert!(read(&[(ENDPOINT, EXAMPLE), ("OTEL_SDK_DISABLED", "true")]).0.is_none());
        let (traces, mistakes) = read(&[
            (ENDPOINT, "https://otel.example.com/base/"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20b, x-team = blue"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Basic%20a%3D"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,region=eu"),
            ("OTEL_SERVICE_NAME", "calls"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ]);
        let traces = traces.unwrap();
        assert!(mistakes.is_empty());
        assert_eq!(traces.url.as_str(), "https://otel.example.com/base/v1/traces");
        let headers: Vec<_> =
            traces.headers.iter().map(|(name, v)| (name.as_str(), v.expose_secret())).collect();
        assert_eq!(headers, [("x-team", "blue"), ("authorization", "Basic a=")]);
        let resource: Vec<_> = traces.resource.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(resource, [("service.name", "calls"), ("region", "eu")]);
        assert_eq!((traces.ratio, traces.follows_parent), (0.25, true));
        let own = "http://localhost:9/own";
        assert_eq!(read(&[(ENDPOINT, EXAMPLE), (TRACES_ENDPOINT, own)]).0.unwrap().url.as_str(), own);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            (TRACES_ENDPOINT, "localhost:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0ac"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ] {
            assert_eq!(read(&[(ENDPOINT, EXAMPLE), (name, value)]).1, [name], "{value}");
        }
    }
}
