//! `DATABASE_URL` for Postgres in libpq's form: one host or several.
//!
//! Errors never repeat any part of the URL, since a password with an unescaped character spills into the parts that follow. They name
//! the position of the host or parameter instead. For the same reason an ambiguous URL is rejected.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use super::Invalid;

/// Advice that ends the messages about special characters.
const ESCAPES: &str = "in a user name or password write % as %25, / as %2F, ? as %3F, # as %23 and @ as %40";
/// Parameters that are passed on to the driver, in its spellings and in those of libpq.
const PASSED_ON: [&str; 15] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "dbname",
    "user",
    "password",
    "options",
    "application_name",
];
/// Parameters of libpq that are accepted and ignored: deadlines and encoding are set by the server, and the driver
/// negotiates neither GSS nor compression.
const IGNORED: [&str; 15] = [
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "channel_binding",
    "sslcompression",
    "sslsni",
    "load_balance_hosts",
    "requirepeer",
    "krbsrvname",
];
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Hosts, database and login. `Debug` prints no secret.
#[derive(Clone)]
pub struct DatabaseUrl {
    hosts: Vec<DatabaseHost>,
    address: String,
}

/// One host of a [`DatabaseUrl`].
#[derive(Clone)]
pub struct DatabaseHost {
    /// Host and, if given, port: for messages.
    pub name: String,
    /// The URL with only this host.
    pub url: SecretString,
}

impl DatabaseUrl {
    /// Reads `postgres://user:password@host1:5432,host2:5433/database?parameter=value`. Hosts and ports may also be given by the
    /// parameters `host` and `port`. `target_session_attrs` may be `read-write`, `primary` or `any`, which mean
    /// the same: the host that takes writes is looked for.
    ///
    /// # Errors
    /// The URL is malformed. The message repeats none of its text.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let parts = Parts::split(text)?;
        let parameters = Parameters::read(parts.query)?;
        let hosts = match &parameters.hosts {
            Some(hosts) => hosts.split(',').map(|host| (host.to_owned(), None)).collect(),
            None => hosts_of(parts.hosts)?,
        };
        let ports = ports_of(parameters.ports.as_deref(), hosts.len())?;
        let mut names = Vec::new();
        let mut read = Vec::new();
        let are_several = hosts.len() > 1;
        for (at, (host, port)) in hosts.into_iter().enumerate() {
            let port = port.or_else(|| ports.get(at).copied().flatten());
            let host = DatabaseHost::new(&parts, &parameters, (&host, port), are_several)
                .map_err(|problem| Invalid::new(format!("host {} {problem}", at + 1)))?;
            names.push(host.name.clone());
            read.push(host);
        }
        let address = format!("{}/{}", names.join(","), parts.database);
        Ok(Self { hosts: read, address })
    }

    /// The hosts in the order in which they are tried.
    #[must_use]
    pub fn hosts(&self) -> &[DatabaseHost] {
        &self.hosts
    }

    /// Hosts and database, without the login.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseUrl").field(&self.address).finish()
    }
}

impl fmt::Debug for DatabaseHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseHost").field(&self.name).finish()
    }
}

impl DatabaseHost {
    fn new(
        parts: &Parts<'_>,
        parameters: &Parameters,
        (host, port): (&str, Option<u16>),
        is_one_of_several: bool,
    ) -> Result<Self, &'static str> {
        // Alone, an empty host means the local server, as in libpq. In a list it is most likely a surplus comma.
        if host.is_empty() && is_one_of_several {
            return Err("is empty");
        }
        // A socket's folder: its slashes are escaped before the path of the URL, and plain in the parameter `host`.
        let is_socket = host.starts_with('/') || host.starts_with("%2F") || host.starts_with("%2f");
        let is_known = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if !is_socket && !host.chars().all(is_known) {
            return Err("has a character that no host name has");
        }
        // Others would end the host or begin the parameters in the URL.
        let is_of_a_folder = |c: char| c.is_alphanumeric() || "/%._-~+=".contains(c);
        if is_socket && !host.chars().all(is_of_a_folder) {
            return Err("has a character that cannot be in the folder of a socket");
        }
        let written = if host.starts_with('/') { host.replace('/', "%2F") } else { host.to_owned() };
        // The parameter `host` has IPv6 addresses without brackets, which a URL requires.
        let is_bare_v6 = host.matches(':').count() > 1 && !host.starts_with('[');
        let written = if is_bare_v6 { format!("[{written}]") } else { written };
        let port_text = port.map(|port| format!(":{port}")).unwrap_or_default();
        // A URL cannot have a user or a port without a host; the driver also accepts them as parameters.
        let url = if host.is_empty() {
            let port = port.map(|port| format!("&port={port}")).unwrap_or_default();
            format!(
                "postgres:///{}?{}{port}{}",
                parts.database,
                parameters.passed_on,
                parts.login_parameters()
            )
            // Escaped, so that no reader takes what precedes an @ for a login.
            .replace('@', "%40")
        } else {
            format!(
                "postgres://{}{written}{port_text}/{}?{}",
                parts.login_prefix(),
                parts.database,
                parameters.passed_on
            )
        };
        Url::parse(&url).map_err(|_| "cannot be read")?;
        let name = if host.is_empty() { "localhost".to_owned() } else { host.to_owned() };
        Ok(Self { name: name + &port_text, url: url.into() })
    }

    /// The URL for the driver, with the password.
    #[must_use]
    pub fn expose_url(&self) -> &str {
        self.url.expose_secret()
    }
}

/// The URL split at its separators.
struct Parts<'a> {
    login: Option<&'a str>,
    hosts: &'a str,
    database: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, Invalid> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or_else(|| Invalid::new("does not begin with postgres://"))?;
        if rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Invalid::new("has a blank in it: write it as %20"));
        }
        // A # would begin the fragment, and the driver would ignore the rest of the password.
        if rest.contains('#') {
            return Err(Invalid::new(format!("has a # in it: {ESCAPES}")));
        }
        if !are_escapes_whole(rest) {
            return Err(Invalid::new(format!("has a % without two hexadecimal digits behind it: {ESCAPES}")));
        }
        let (front, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = front.split_once('/').unwrap_or((front, ""));
        // The last @ ends the login, as for the URL parser of the driver: a password may contain one.
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        // A password that ends the authority early would otherwise count as a host and appear in messages.
        if database.contains(['@', '/']) || login.is_none() && query.contains('@') {
            return Err(Invalid::new(format!("has an @ or a / where none can be: {ESCAPES}")));
        }
        Ok(Self { login, hosts, database, query })
    }

    fn login_prefix(&self) -> String {
        self.login.map(|login| format!("{login}@")).unwrap_or_default()
    }

    fn login_parameters(&self) -> String {
        let login = self.login.unwrap_or_default();
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let mut parameters = String::new();
        for (name, value) in [("user", user), ("password", password)] {
            if !value.is_empty() {
                // What a login may contain unescaped would end or change a parameter.
                let value = value.replace('&', "%26").replace('+', "%2B");
                parameters = format!("{parameters}&{name}={value}");
            }
        }
        parameters
    }
}

/// The parameters after the question mark.
#[derive(Default)]
struct Parameters {
    hosts: Option<String>,
    ports: Option<String>,
    /// The parameters for the driver, unchanged.
    passed_on: String,
}

impl Parameters {
    fn read(query: &str) -> Result<Self, Invalid> {
        let mut read = Self::default();
        let mut passed_on = form_urlencoded::Serializer::new(String::new());
        for (at, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            let wrong = |problem: &str| Invalid::new(format!("parameter {} {problem}", at + 1));
            match &*name {
                // `hostaddr` has precedence over `host`, as in libpq.
                "host" if read.hosts.is_some() => {}
                "host" | "hostaddr" => read.hosts = Some(value.into_owned()),
                "port" => read.ports = Some(value.into_owned()),
                "target_session_attrs" => match &*value {
                    "any" | "read-write" | "primary" => {}
                    _ => {
                        return Err(wrong(
                            "(target_session_attrs) selects hosts that may be read-only: use read-write, or omit it",
                        ));
                    }
                },
                // Checked here, because the driver's own error would repeat the value.
                "sslmode" | "ssl-mode" if !SSL_MODES.contains(&&*value.to_ascii_lowercase()) => {
                    return Err(wrong(&format!("(sslmode) is none of: {}", SSL_MODES.join(", "))));
                }
                "statement-cache-capacity" if value.parse::<u16>().is_err() => {
                    return Err(wrong("(statement-cache-capacity) must be a whole number"));
                }
                name if PASSED_ON.contains(&name) || is_option(name) => {
                    // Encoded again: the value was decoded to be checked.
                    passed_on.append_pair(name, &value);
                }
                name if IGNORED.contains(&name) => {}
                _ => return Err(wrong("is unknown: the README lists the supported ones")),
            }
        }
        read.passed_on = passed_on.finish();
        Ok(read)
    }
}

/// Whether a parameter is a session setting in the driver's form: `options[name]`.
fn is_option(name: &str) -> bool {
    name.strip_prefix("options[").is_some_and(|setting| setting.ends_with(']'))
}

fn are_escapes_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let mut digits = after.bytes().take(2);
        digits.len() == 2 && digits.all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Parses the hosts before the path, each with its port if it has one.
fn hosts_of(text: &str) -> Result<Vec<(String, Option<u16>)>, Invalid> {
    let read = |(at, part): (usize, &str)| {
        let wrong = |problem: &str| Invalid::new(format!("host {} {problem}", at + 1));
        let (host, port) = match part.strip_prefix('[') {
            Some(v6) => {
                let (host, after) = v6.split_once(']').ok_or_else(|| wrong("lacks the closing ]"))?;
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return Err(wrong("has no IPv6 address between [ and ]"));
                }
                (format!("[{host}]"), after.strip_prefix(':'))
            }
            None => {
                let (host, port) =
                    part.split_once(':').map_or((part, None), |(host, port)| (host, Some(port)));
                (host.to_owned(), port)
            }
        };
        let port = port.filter(|port| !port.is_empty()).map(port_of).transpose();
        Ok((host, port.map_err(wrong)?))
    };
    text.split(',').enumerate().map(read).collect()
}

fn ports_of(text: Option<&str>, hosts: usize) -> Result<Vec<Option<u16>>, Invalid> {
    let Some(text) = text else { return Ok(vec![None; hosts]) };
    let wrong = |problem: &str| Invalid::new(format!("has a parameter \"port\" that {problem}"));
    let mut ports = Vec::new();
    for port in text.split(',') {
        ports.push(if port.is_empty() { None } else { Some(port_of(port).map_err(wrong)?) });
    }
    match ports.len() {
        // As in libpq, a single port applies to every host.
        1 => Ok(vec![ports.first().copied().flatten(); hosts]),
        many if many == hosts => Ok(ports),
        _ => Err(wrong("names neither one port nor one for each host")),
    }
}

fn port_of(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|port| *port > 0).ok_or("has a port that is not a number from 1 to 65535")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<(String, String)> {
        let url = DatabaseUrl::parse(text).unwrap();
        url.hosts().iter().map(|host| (host.name.clone(), host.expose_url().to_owned())).collect()
    }

    #[test]
    fn one_host_or_several_are_read_as_libpq_does() {
        let one = hosts("postgres://u:p@h/db?sslmode=require");
        assert_eq!(one, [("h".to_owned(), "postgres://u:p@h/db?sslmode=require".to_owned())]);
        let names = |text: &str| -> Vec<String> { hosts(text).into_iter().map(|(name, _)| name).collect() };
        for (text, expected) in [
            ("postgresql://u:p@h1:5432,h2:5433/db?target_session_attrs=read-write", ["h1:5432", "h2:5433"]),
            (
                "postgres://u:p@h1,h2/db?port=5433&target_session_attrs=any&connect_timeout=2",
                ["h1:5433", "h2:5433"],
            ),
            ("postgres:///db?host=h1,h2&port=1,2&user=u&target_session_attrs=primary", ["h1:1", "h2:2"]),
            ("postgres://u@[::1]:1,[fe80::1]/db", ["[::1]:1", "[fe80::1]"]),
            ("postgres://u@x/db?hostaddr=::1,10.0.0.1&host=a,b", ["::1", "10.0.0.1"]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
        assert_eq!(names("postgres:///db"), ["localhost"]);
        for (login, read) in [("u", "&user=u"), ("u:p", "&user=u&password=p")] {
            let url = &hosts(&format!("postgres://{login}@/db"))[0].1;
            assert!(url.ends_with(read), "{url}");
        }
        assert_eq!(names("postgres://u:p@%2Frun%2Fpg/db"), ["%2Frun%2Fpg"]);
        assert_eq!(names("postgres:///db?host=/run/pg&user=a%40b"), ["/run/pg"]);
        // Without a host the login becomes parameters, in which no @ may be taken for a login's.
        let without_host = hosts("postgres://u:p@/db?application_name=a@b");
        assert!(DatabaseUrl::parse(&without_host[0].1).is_ok(), "{without_host:?}");
        let odd_login = hosts("postgres://u&host=x:p+q@/db").remove(0).1;
        assert!(odd_login.ends_with("&user=u%26host=x&password=p%2Bq"), "{odd_login}");
        let address = |text: &str| DatabaseUrl::parse(text).unwrap().address().to_owned();
        assert_eq!(address("postgres://u:p@h1:1,h2/db?sslmode=disable"), "h1:1,h2/db");
        assert_eq!(address("postgres://u:p@h:5432/db"), "h:5432/db");
    }

    #[test]
    fn no_mistake_repeats_any_of_the_text() {
        for text in [
            "postgres://u:hunter2@h:port/db",
            "postgres://u:hunter2@h:70000/db",
            "postgres://u:hunter2",
            "postgres://hunter2:hunter2/x@h/db",
            "postgres://u:12/hunter2@h/db",
            "postgres://u:12?hunter2@h/db",
            "postgres://u:12#hunter2@h/db",
            "postgres://u:hunter2%@h/db",
            "postgres://u:hunter 2@h/db",
            "postgres://u:hunter2@h,,[::x]/db",
            "postgres://u:hunter2@h/db?sslmode=hunter2",
            "postgres://u@h/db?password=a&hunter2=b",
            "postgres://u:hunter2@h1,h2/db?port=1,2,3",
            "postgres://u:hunter2@h/db?target_session_attrs=standby",
            "postgres://u:hunter2@h/db?statement-cache-capacity=hunter2",
            "postgres://u:hunter2@ho$t/db",
            "postgres:hunter2",
            "mysql://u:hunter2@h/db",
        ] {
            let problem = DatabaseUrl::parse(text).unwrap_err().to_string();
            assert!(!problem.contains("hunter"), "{text}: {problem}");
        }
        let debug =
            format!("{:?}", DatabaseUrl::parse("postgres://u:hunter2@h/db?password=hunter2").unwrap());
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}
