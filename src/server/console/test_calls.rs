//! Test calls through the emulated carrier, for the console of `dev`.
//!
//! The emulated providers listen on a port of their own, which the page's Content Security Policy does not allow. Their routes for
//! test calls are therefore also served here. They need no token, so a request must come from this machine, not through a tunnel, and
//! not from another page in its browser: such a page cannot send JSON without a preflight, which fails, and its origin is rejected,
//! even if it made a name of its own lead to this machine.

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use url::{Host, Url};

use crate::server::rate::Peer;
use crate::server::rejection::Rejection;
use crate::server::{RequestId, graphql_http};

/// Path at which the page places test calls.
pub(in crate::server) const PATH: &str = "/sandbox/calls";

/// Returns the emulated carrier's routes behind their checks.
pub(in crate::server) fn routes<S: Clone + Send + Sync + 'static>(calls: Router) -> Router<S> {
    calls.layer(from_fn(guard)).with_state(())
}

async fn guard(request_id: RequestId, request: Request, next: Next) -> Response {
    let is_from_here = request.extensions().get::<Peer>().is_some_and(|peer| is_loopback(peer.0));
    let rejection = if !is_from_here || !is_of_this_machine(request.headers()) {
        let message = "test calls are placed from this machine only, by the console or a program";
        Some(Rejection::new(StatusCode::FORBIDDEN, "FORBIDDEN", message))
    } else {
        graphql_http::json_only(request.headers()).err()
    };
    match rejection {
        Some(rejection) => rejection.respond(&request_id.0),
        None => next.run(request).await,
    }
}

/// Returns whether the request was sent to a name or an address of this machine and, if a page sent it, by a page from there. Programs
/// send no origin.
fn is_of_this_machine(headers: &HeaderMap) -> bool {
    let Some(Ok(host)) = headers.get(header::HOST).map(|host| host.to_str()) else { return false };
    let is_named = Url::parse(&format!("http://{host}")).is_ok_and(|url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => is_loopback(address.into()),
        Some(Host::Ipv6(address)) => is_loopback(address.into()),
        None => false,
    });
    let is_own = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
    };
    is_named && headers.get(header::ORIGIN).is_none_or(|origin| origin.to_str().is_ok_and(is_own))
}

fn is_loopback(address: IpAddr) -> bool {
    // Canonical, because a dual-stack listener reports IPv4 peers as mapped IPv6 addresses.
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_this_machine_and_pages_of_this_server_may_place_calls() {
        let of = |host: &'static str, origin: Option<&'static str>| {
            let host = (header::HOST, HeaderValue::from_static(host));
            let origin = origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin)));
            is_of_this_machine(&HeaderMap::from_iter(std::iter::once(host).chain(origin)))
        };
        for (host, origin) in [
            ("localhost:8000", "http://localhost:8000"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
        ] {
            assert!(of(host, Some(origin)) && of(host, None), "{host}");
        }
        // A tunnel to this machine, and names that lead to it.
        for (host, origin) in [
            ("tunnel.example", "https://tunnel.example"),
            ("rebound.example:8000", "http://rebound.example:8000"),
            ("localhost.example:8000", "http://localhost.example:8000"),
            ("192.0.2.1:8000", "http://192.0.2.1:8000"),
        ] {
            assert!(!of(host, Some(origin)) && !of(host, None), "{host}");
        }
        for origin in ["null", "http://localhost:3000", "http://127.0.0.1:8000", "https://elsewhere.example"]
        {
            assert!(!of("localhost:8000", Some(origin)), "{origin}");
        }
        assert!(!is_of_this_machine(&HeaderMap::new()));
    }
}
