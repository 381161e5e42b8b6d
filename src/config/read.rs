//! Reading one variable: what it must look like, and what is said when it does not.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use rust_decimal::Decimal;
use secrecy::SecretString;
use url::{Host, Url};

use super::Mistake;
use crate::domain::DatabaseUrl;

/// Claims that hold what users wrote about themselves: Supabase's, Auth0's and Clerk's.
const USERS_OWN: [&str; 5] =
    ["user_metadata", "usermetadata", "user_meta_data", "unsafe_metadata", "unsafemetadata"];

/// Reads variables one after the other and keeps every mistake until the end.
pub(super) struct Reader<F> {
    lookup: F,
    /// Found so far.
    pub(super) mistakes: Vec<Mistake>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    pub(super) fn new(lookup: F) -> Self {
        Self { lookup, mistakes: Vec::new() }
    }

    /// The variable's value; an empty one counts as not set, as in a `.env` file copied from the example.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(super) fn mistake(
        &mut self,
        variable: &'static str,
        problem: impl Into<String>,
        example: &'static str,
    ) {
        self.mistakes.push(Mistake { variable, problem: problem.into(), example });
    }

    /// Reads a variable by `parse`, which says what is wrong without repeating the value: it may be a secret.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        example: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.text(name)?;
        let read = if is_quoted(&value) {
            Err("is in quotes, which would be part of the value: remove them".to_owned())
        } else {
            parse(&value)
        };
        read.map_err(|problem| self.mistake(name, problem, example)).ok()
    }

    /// As [`Self::read`], but the variable must be set.
    pub(super) fn require<T>(
        &mut self,
        name: &'static str,
        example: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.text(name).is_none() {
            self.mistake(name, "is not set", example);
        }
        self.read(name, example, parse)
    }

    /// As [`Self::read`], with a value for when it is not set.
    pub(super) fn or<T>(
        &mut self,
        name: &'static str,
        default: T,
        example: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.read(name, example, parse).unwrap_or(default)
    }
}

/// Whether a value is in quotes. No shell or file format has removed them, so they would be part of the value.
fn is_quoted(value: &str) -> bool {
    let inside = |quote: char| value.strip_prefix(quote).is_some_and(|rest| rest.ends_with(quote));
    inside('"') || inside('\'')
}

/// Any text.
pub(super) fn text(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

/// Anything with a `FromStr`; `what` completes "is not …".
pub(super) fn parsed<T: FromStr>(what: &'static str) -> impl FnOnce(&str) -> Result<T, String> {
    move |value| value.parse().map_err(|_| format!("is not {what}"))
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(words: &'static [(&'static str, T)]) -> impl FnOnce(&str) -> Result<T, String> {
    move |value| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let found = words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning);
        found.ok_or_else(|| format!("is none of: {}", known.join(", ")))
    }
}

/// Whether something is on.
pub(super) fn on_off(value: &str) -> Result<bool, String> {
    one_of(&[("on", true), ("off", false)])(value)
}

/// Whether something is wanted.
pub(super) fn true_false(value: &str) -> Result<bool, String> {
    one_of(&[("true", true), ("false", false)])(value)
}

/// A number of days.
pub(super) fn days(value: &str) -> Result<u16, String> {
    parsed("a whole number of days, 0 or more")(value)
}

/// A number of connections of a pool.
pub(super) fn connections(value: &str) -> Result<u32, String> {
    value.parse().ok().filter(|n| (1..=500).contains(n)).ok_or_else(|| "is not 1 to 500".into())
}

/// A duration as people write it, within bounds.
pub(super) fn duration(least: Duration, most: Duration) -> impl FnOnce(&str) -> Result<Duration, String> {
    move |value| {
        let duration =
            humantime::parse_duration(value).map_err(|error| format!("is not a duration: {error}"))?;
        if (least..=most).contains(&duration) {
            return Ok(duration);
        }
        let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
        Err(format!("must be between {least} and {most}"))
    }
}

/// A secret without blanks, at least so long.
pub(super) fn secret(least_bytes: usize) -> impl FnOnce(&str) -> Result<SecretString, String> {
    move |value| {
        if value.contains(char::is_whitespace) {
            return Err("has a blank in it".into());
        }
        if value.len() < least_bytes {
            return Err(format!("is too short: at least {least_bytes} bytes are needed"));
        }
        Ok(value.into())
    }
}

/// An amount of US dollars.
pub(super) fn price(value: &str) -> Result<Decimal, String> {
    let price = Decimal::from_str_exact(value).ok().filter(|price| !price.is_sign_negative());
    price.ok_or_else(|| "is not an amount in US dollars".into())
}

/// `AC` and 32 hexadecimal digits.
pub(super) fn account_sid(value: &str) -> Result<String, String> {
    let fits = value
        .strip_prefix("AC")
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if fits { Ok(value.to_owned()) } else { Err("is not \"AC\" and 32 hexadecimal digits".into()) }
}

/// A JSON pointer to one claim.
fn json_pointer(value: &str) -> Result<String, String> {
    if value.len() > 1 && value.starts_with('/') {
        Ok(value.to_owned())
    } else {
        Err("is not a JSON pointer: it begins with a slash".into())
    }
}

/// A JSON pointer to the claim that names a tenant. Users edit their own `user_metadata` (Supabase), so one in there could be
/// set to any other tenant.
pub(super) fn tenant_claim(value: &str) -> Result<String, String> {
    let pointer = json_pointer(value)?;
    // A claim may be named by a whole address that ends in such a name, with its slashes escaped.
    let is_users_own = |part: &str| {
        let name = part.replace("~1", "/").replace("~0", "~").to_lowercase();
        USERS_OWN.iter().any(|own| name.contains(own))
    };
    if pointer.split('/').any(is_users_own) {
        return Err(
            "names a claim that users edit themselves, so that each could become any tenant: use one under \
                    app_metadata"
                .into(),
        );
    }
    Ok(pointer)
}

/// `sqlite:` or `postgres:`.
pub(super) fn database_url(value: &str) -> Result<SecretString, String> {
    if value.starts_with("sqlite:") {
        return Ok(value.into());
    }
    if !["postgres:", "postgresql:"].iter().any(|scheme| value.starts_with(scheme)) {
        return Err("begins with neither postgres: nor sqlite:".into());
    }
    postgres_url(value)
}

/// `postgres:`, with one host or several.
pub(super) fn postgres_url(value: &str) -> Result<SecretString, String> {
    DatabaseUrl::parse(value).map(|_| value.into()).map_err(|problem| problem.to_string())
}

/// The address of somebody else's service, to which paths are added: https, or plain http on this machine, where no wire
/// can be tapped.
pub(super) fn service_url(value: &str) -> Result<Url, String> {
    document_url(value).and_then(without_query)
}

/// The address of one document of somebody else's, its query included: secured as [`service_url`] is.
pub(super) fn document_url(value: &str) -> Result<Url, String> {
    let url = web_url(value)?;
    if url.scheme() == "https" || is_loopback(&url) {
        Ok(url)
    } else {
        Err("must begin with https:// (http:// is only for this machine's own addresses)".into())
    }
}

/// An address that the carrier can reach and will accept: https, with a public name. It may have a query, and a fragment,
/// by which Twilio is told its time-outs.
pub(super) fn public_url(value: &str) -> Result<Url, String> {
    let url = web_url(value)?;
    if url.scheme() != "https" {
        return Err("must begin with https://".into());
    }
    let public = match url.host() {
        Some(Host::Domain(name)) if name.contains('_') => {
            return Err("has an underscore in its host name, which the carrier refuses".into());
        }
        Some(Host::Domain(name)) => is_public_name(name.trim_end_matches('.')),
        Some(Host::Ipv4(address)) => is_public_address(address.into()),
        Some(Host::Ipv6(address)) => is_public_address(address.into()),
        None => false,
    };
    if public { Ok(url) } else { Err("has a host that the carrier cannot reach from the internet".into()) }
}

/// An origin: no path, so that the URL a signature is made over is this and the request's path.
pub(super) fn origin(url: Url) -> Result<Url, String> {
    let url = without_query(url)?;
    if url.path() == "/" { Ok(url) } else { Err("must not have a path".into()) }
}

/// Origins, separated by commas, each as a browser sends it.
pub(super) fn origins(value: &str) -> Result<Vec<String>, String> {
    value
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let url = web_url(part).and_then(origin).map_err(|problem| format!("\"{part}\" {problem}"))?;
            Ok(url.origin().ascii_serialization())
        })
        .collect()
}

fn web_url(value: &str) -> Result<Url, String> {
    let url = Url::parse(value).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https://".into());
    }
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

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_public_name(name: &str) -> bool {
    const PRIVATE: [&str; 6] = ["localhost", "local", "internal", "lan", "test", "invalid"];
    name.rsplit_once('.').is_some_and(|(_, top)| !PRIVATE.contains(&top))
}

fn is_public_address(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified();
            !(special || shared || v4.is_broadcast() || v4.is_documentation() || v4.is_multicast())
        }
        IpAddr::V6(v6) => {
            let special = v6.is_loopback() || v6.is_unspecified() || v6.is_multicast();
            !(special || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}
