//! Client address of a request: the connection's peer, or what trusted proxies report in `X-Forwarded-For`.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::server::ServerState;

/// Peer address of a connection. [`mod@super::super::serve`] inserts it into the extensions of each request.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct Peer(pub(in crate::server) IpAddr);

/// Address by which clients are limited: an IPv4 address, or the /64 prefix of an IPv6 address, since a
/// client can choose the rest freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::server) struct ClientAddress(IpAddr);

/// Formats the address as the key of its bucket in the database.
impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address {}", self.0)
    }
}

impl FromRequestParts<ServerState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &ServerState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
        Ok(client(peer, &parts.headers, server.trusted_proxies))
    }
}

/// Returns the client's address behind `proxies` trusted proxies. Each of them appends its own peer to
/// `X-Forwarded-For`, so only the last `proxies` entries are trustworthy: the client can forge the entries before them.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: u8) -> ClientAddress {
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    // Without proxies this is past the end, so the peer's own address counts.
    let outermost = hops.get(hops.len().saturating_sub(proxies.into()));
    outermost.and_then(|hop| parse(hop)).unwrap_or(peer).into()
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
            v4 => v4,
        })
    }
}

/// Parses an address with or without a port, and with or without brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_of_trusted_proxies_are_used() {
        let seen = |forwarded: &[&str], proxies| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", value.parse().expect("a header"));
            }
            client("192.0.2.1".parse().expect("an address"), &headers, proxies).0.to_string()
        };
        for (forwarded, proxies, expected) in [
            (&["203.0.113.7"][..], 0, "192.0.2.1"),
            (&[], 1, "192.0.2.1"),
            (&["198.51.100.9, 203.0.113.7"], 1, "203.0.113.7"),
            (&["198.51.100.9", "203.0.113.7, 10.0.0.2"], 2, "203.0.113.7"),
            (&["203.0.113.7"], 2, "203.0.113.7"),
            (&["203.0.113.7:4711"], 1, "203.0.113.7"),
            (&["203.0.113.7, nonsense"], 1, "192.0.2.1"),
            (&["::ffff:203.0.113.7"], 1, "203.0.113.7"),
            (&["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::"),
            (&["[2001:db8:1:2::9]:4711"], 1, "2001:db8:1:2::"),
        ] {
            assert_eq!(seen(forwarded, proxies), expected, "{forwarded:?} behind {proxies}");
        }
    }
}
