//! Parsers that turn the text of a variable into its value.
//!
//! Each says what a value must be, with its limits: the message completes "VARIABLE …". None repeats the value, not even a part
//! of it, since it may be a secret that was put into the wrong variable.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_decimal::Decimal;
use secrecy::SecretString;
use url::{Host, Url};

use super::media_store::MediaStore;
use crate::domain::{
    Countries, CountryCode, DatabaseUrl, Invalid, StockWishes, is_account_sid, is_loopback, names_of_pointer,
};

/// Names of claims that users write themselves, at Supabase, Auth0 and Clerk.
const WRITTEN_BY_USERS: [&str; 5] =
    ["user_metadata", "usermetadata", "user_meta_data", "unsafe_metadata", "unsafemetadata"];

/// The share of traces, unless `OTEL_TRACES_SAMPLER_ARG` has it, and whether the sampling decision of a parent is followed.
const SAMPLERS: [(&str, (Option<f64>, bool)); 6] = [
    ("parentbased_always_on", (Some(1.0), true)),
    ("parentbased_always_off", (Some(0.0), true)),
    ("parentbased_traceidratio", (None, true)),
    ("always_on", (Some(1.0), false)),
    ("always_off", (Some(0.0), false)),
    ("traceidratio", (None, false)),
];

/// Any text, unchanged: it is compared or sent as it is written.
pub(super) fn text(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

/// A path; nothing need exist there.
pub(super) fn path(value: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(value))
}

/// The path of a folder.
pub(super) fn folder(value: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(value);
    if path.is_dir() { Ok(path) } else { Err("must be the path of an existing folder".into()) }
}

/// An IP address and a port.
pub(super) fn socket_address(value: &str) -> Result<SocketAddr, String> {
    value.parse().map_err(|_| "must be an IP address and a port from 0 to 65535".into())
}

/// A whole number within limits.
pub(super) fn whole<T: FromStr + PartialOrd + Display>(
    value: &str,
    limits: RangeInclusive<T>,
) -> Result<T, String> {
    value
        .parse()
        .ok()
        .filter(|number| limits.contains(number))
        .ok_or_else(|| format!("must be a whole number from {} to {}", limits.start(), limits.end()))
}

/// A number from 0 to 1.
pub(super) fn share(value: &str) -> Result<f64, String> {
    // NaN parses as a number and is in no range.
    let share = value.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "must be a number from 0 to 1".into())
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(value: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("must be one of {}", words.join(", "))
    })
}

/// A switch of something that is there by default.
pub(super) fn on_or_off(value: &str) -> Result<bool, String> {
    one_of(value, &[("on", true), ("off", false)])
}

/// Whether something is wanted.
pub(super) fn true_or_false(value: &str) -> Result<bool, String> {
    one_of(value, &[("true", true), ("false", false)])
}

/// How OTLP is spoken.
pub(super) fn otlp_protocol(value: &str) -> Result<(), String> {
    one_of(value, &[("http/json", ()), ("http/protobuf", ())])
}

/// A sampler of OpenTelemetry.
pub(super) fn sampler(value: &str) -> Result<(Option<f64>, bool), String> {
    one_of(value, &SAMPLERS)
}

/// A log filter, which logging itself would take leniently: it ignores what it cannot read.
pub(super) fn log_filter(value: &str) -> Result<String, String> {
    let filter = value.parse::<tracing_subscriber::filter::EnvFilter>();
    let problem = "must be a log filter: a level (error, warn, info, debug or trace) or target=level, separated by commas";
    // The filter's own error is dropped: it repeats the value.
    filter.map(|_| value.to_owned()).map_err(|_| problem.into())
}

/// A duration with its unit, within limits in seconds.
pub(super) fn duration(value: &str, limits: RangeInclusive<u64>) -> Result<Duration, String> {
    let (least, most) = (Duration::from_secs(*limits.start()), Duration::from_secs(*limits.end()));
    // The unit is required: a bare 30 could be seconds or minutes.
    let duration = humantime::parse_duration(value).ok().filter(|it| (least..=most).contains(it));
    duration.ok_or_else(|| {
        let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
        format!("must be a duration with its unit from {least} to {most}")
    })
}

/// Codes of countries, separated by commas; `None` for an asterisk, which stands for all.
pub(super) fn countries(value: &str) -> Result<Option<Countries>, String> {
    const WANTED: &str = "must be ISO 3166-1 alpha-2 codes separated by commas, or * for all countries";
    if value == "*" {
        return Ok(None);
    }
    let codes = || value.split(',').map(str::trim).filter(|code| !code.is_empty());
    if let Some(at) = codes().position(|code| code.parse::<CountryCode>().is_err()) {
        return Err(format!("{WANTED}; code {} is none", at + 1));
    }
    let countries = value.parse::<Countries>().ok().filter(|countries| !countries.0.is_empty());
    countries.map(Some).ok_or_else(|| WANTED.to_owned())
}

/// How many numbers of each area code are kept in stock.
pub(super) fn stock(value: &str) -> Result<StockWishes, String> {
    value.parse().map_err(|invalid: Invalid| invalid.0)
}

/// A secret of a minimum length.
pub(super) fn secret(value: &str, least_bytes: usize) -> Result<SecretString, String> {
    // A line break copied along would only show as "wrong key" at the provider.
    if value.contains(char::is_whitespace) {
        return Err("must not contain white space".into());
    }
    if value.len() < least_bytes {
        return Err(format!("must have at least {least_bytes} bytes; it has {}", value.len()));
    }
    Ok(value.into())
}

/// 32 bytes in Base64.
pub(super) fn encryption_key(value: &str) -> Result<SecretString, String> {
    match STANDARD.decode(value) {
        Ok(bytes) if bytes.len() == 32 => Ok(value.into()),
        Ok(bytes) => Err(format!("must be 32 bytes in Base64; it has {}", bytes.len())),
        Err(_) => Err("must be 32 bytes in Base64".into()),
    }
}

/// An amount of US dollars.
pub(super) fn price(value: &str) -> Result<Decimal, String> {
    // Exact: an amount with too many digits is rejected, not rounded.
    let price = Decimal::from_str_exact(value).ok().filter(|price| !price.is_sign_negative());
    price.ok_or_else(|| "must be an amount in US dollars, 0 or more, with a decimal point".into())
}

/// `AC` and 32 hexadecimal digits.
pub(super) fn account_sid(value: &str) -> Result<String, String> {
    if is_account_sid(value) {
        Ok(value.to_owned())
    } else {
        Err("must be AC and 32 hexadecimal digits".into())
    }
}

/// A JSON pointer to one claim.
fn json_pointer(value: &str) -> Result<String, String> {
    // A slash alone would point to a claim with an empty name.
    if value.len() > 1 && value.starts_with('/') {
        Ok(value.to_owned())
    } else {
        Err("must be a JSON pointer, which begins with a slash".into())
    }
}

/// A JSON pointer to the claim that names a tenant. Users edit their own `user_metadata` (Supabase), so one in there could be
/// set to any other tenant.
pub(super) fn tenant_claim(value: &str) -> Result<String, String> {
    let pointer = json_pointer(value)?;
    // A claim may be named by a whole address that ends in such a name, with its slashes escaped.
    let is_written_by_users = |name: String| {
        let name = name.to_lowercase();
        WRITTEN_BY_USERS.iter().any(|written| name.contains(written))
    };
    if names_of_pointer(&pointer).any(is_written_by_users) {
        return Err("must not name a claim that users edit themselves, since each could then act as any tenant: use one \
                    under app_metadata"
            .into());
    }
    Ok(pointer)
}

/// The URL of a database: `sqlite:` with a path, or what [`postgres_url`] accepts.
pub(super) fn database_url(value: &str) -> Result<SecretString, String> {
    if value.starts_with("sqlite:") {
        return Ok(value.into());
    }
    if !["postgres:", "postgresql:"].iter().any(|scheme| value.starts_with(scheme)) {
        return Err("must begin with postgres:// or sqlite:".into());
    }
    postgres_url(value)
}

/// `postgres:`, with one host or several.
pub(super) fn postgres_url(value: &str) -> Result<SecretString, String> {
    DatabaseUrl::parse(value).map(|_| value.into()).map_err(|problem| problem.to_string())
}

/// The address of somebody else's service, to which paths are added: https, or plain http on this machine, where no
/// wire can be tapped.
pub(super) fn service_url(value: &str) -> Result<Url, String> {
    document_url(value).and_then(without_query)
}

/// The address of one document of somebody else's, its query included: secured as [`service_url`] is.
pub(super) fn document_url(value: &str) -> Result<Url, String> {
    let url = web_url(value)?;
    if url.scheme() == "https" || is_loopback(&url) {
        Ok(url)
    } else {
        Err("must begin with https://, or with http:// and a loopback address".into())
    }
}

/// An address that the carrier can reach and will accept: https, with a public name. It may have a query, and a fragment,
/// which tells Twilio its timeouts.
pub(super) fn public_url(value: &str) -> Result<Url, String> {
    let url = web_url(value)?;
    // Twilio would call plain http as well, but callers' numbers must not cross the internet readable.
    if url.scheme() != "https" {
        return Err("must begin with https://".into());
    }
    let public = match url.host() {
        Some(Host::Domain(name)) if name.contains('_') => {
            return Err("must not have an underscore in its host name, which Twilio rejects".into());
        }
        Some(Host::Domain(name)) => is_public_name(name.trim_end_matches('.')),
        Some(Host::Ipv4(address)) => is_public_address(address.into()),
        Some(Host::Ipv6(address)) => is_public_address(address.into()),
        None => false,
    };
    if public { Ok(url) } else { Err("must have a host that Twilio can reach from the internet".into()) }
}

/// The origin of a service. It has no path, so that the URL a signature is made over is this and the request's path.
pub(super) fn service_origin(value: &str) -> Result<Url, String> {
    service_url(value).and_then(origin)
}

/// As [`public_url`], for a check alone.
pub(super) fn is_public(value: &str) -> Result<(), String> {
    public_url(value).map(drop)
}

fn origin(url: Url) -> Result<Url, String> {
    let url = without_query(url)?;
    if url.path() == "/" { Ok(url) } else { Err("must not have a path".into()) }
}

/// Origins, separated by commas, each as a browser sends it.
pub(super) fn origins(value: &str) -> Result<Vec<String>, String> {
    value
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .enumerate()
        .map(|(at, part)| match web_url(part).and_then(origin) {
            // As a browser sends it: lower case, in Punycode, without the default port.
            Ok(url) => Ok(url.origin().ascii_serialization()),
            Err(problem) => Err(format!("must be origins separated by commas; origin {} {problem}", at + 1)),
        })
        .collect()
}

/// The URL of a page for people to log in. `{return_url}` stands for the address to come back to. It must not decide which host is
/// visited.
pub(super) fn login_url(value: &str) -> Result<String, String> {
    let with = |text: &str| web_url(&value.replace("{return_url}", text));
    let (one, other) = (with("a")?, with("b")?);
    if one.origin() != other.origin() {
        return Err("must have {return_url} in its path, query or fragment only".into());
    }
    if value.replace("{return_url}", "").contains(['{', '}']) {
        return Err("must have no braces but those of {return_url}".into());
    }
    Ok(value.to_owned())
}

fn web_url(value: &str) -> Result<Url, String> {
    let url = Url::parse(value).map_err(|error| format!("must be a URL ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https://".into());
    }
    // A password in an address would appear wherever the address does.
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user or a password".into());
    }
    Ok(url)
}

fn without_query(url: Url) -> Result<Url, String> {
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or a fragment".into());
    }
    Ok(url)
}

fn is_public_name(name: &str) -> bool {
    // Top-level names that are reserved, or usual in private networks: no public name server knows them.
    const PRIVATE: [&str; 6] = ["localhost", "local", "internal", "lan", "test", "invalid"];
    // A name without a dot exists on a private network only.
    name.rsplit_once('.').is_some_and(|(_, top)| !PRIVATE.contains(&top))
}

fn is_public_address(address: IpAddr) -> bool {
    // An IPv4 address in IPv6 notation is judged as IPv4.
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            // 100.64.0.0/10 is shared by customers of a carrier behind its NAT (RFC 6598).
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified();
            !(special || shared || v4.is_broadcast() || v4.is_documentation() || v4.is_multicast())
        }
        IpAddr::V6(v6) => {
            // 2001:db8::/32 is for documentation (RFC 3849).
            let documentation = v6.segments()[..2] == [0x2001, 0xdb8];
            let special = v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || documentation;
            !(special || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}

/// A folder or a bucket.
pub(super) fn media_store(value: &str) -> Result<MediaStore, String> {
    let unreadable = || "must be file:///path, or s3:// with a bucket and optionally a prefix".to_owned();
    let url = Url::parse(value).map_err(|_| unreadable())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    if !is_plain || url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a user, a port or a query".into());
    }
    match (url.scheme(), url.host_str()) {
        ("file", None) if value.starts_with("file:///") && url.path() != "/" => {
            url.to_file_path().map(MediaStore::Folder).map_err(|()| unreadable())
        }
        ("s3", Some(bucket)) if !bucket.is_empty() => Ok(MediaStore::Bucket {
            name: bucket.to_owned(),
            prefix: url.path().trim_matches('/').to_owned(),
        }),
        _ => Err(unreadable()),
    }
}

/// An address in the operator's own network, where plain http is usual.
pub(super) fn collector(value: &str) -> Result<Url, String> {
    let url = Url::parse(value).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "must be a URL that begins with http:// or https://".to_owned())
}

/// `name=value,name=value`, with values percent-encoded.
pub(super) fn pairs(value: &str) -> Result<Vec<(String, String)>, String> {
    let unreadable =
        || "must be name=value pairs separated by commas, with values percent-encoded".to_owned();
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').ok_or_else(unreadable)?;
            let value = decoded(value.trim()).ok_or_else(unreadable)?;
            let is_name = !name.trim().is_empty() && !name.contains(|c: char| c.is_control());
            // A line break in a value would begin another header.
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
            // Digit by digit: parsing two characters as a number would also accept a sign, as in `%+5`.
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
