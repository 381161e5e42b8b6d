//! Test calls through the emulated carrier, for the console of `dev`.
//!
//! The emulated providers listen on a port of their own, which the page's Content Security Policy does not allow. Their routes for
//! test calls are therefore also served here. They need no token, so a request must come from this machine, and not from another
//! page in its browser: such a page cannot send JSON without a preflight, which fails, and its origin is rejected, even if it made
//! a name of its own lead to this machine.

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
    let rejection = if !is_from_here || !is_own_page(request.headers()) {
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

/// Returns whether the request's `Origin` is the host that the request was sent to, by a name or an address of this machine.
/// Programs send no origin.
fn is_own_page(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), headers.get(header::HOST).map(|host| host.to_str()))
    else {
        return false;
    };
    let is_this_machine = Url::parse(origin).is_ok_and(|origin| match origin.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => is_loopback(address.into()),
        Some(Host::Ipv6(address)) => is_loopback(address.into()),
        None => false,
    });
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    is_this_machine && authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
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
    fn only_pages_of_this_server_may_place_calls() {
        let of = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            let host =
                origin.and_then(|origin| origin.split_once("://")).map_or("localhost:8000", |(_, host)| host);
            headers.insert(header::HOST, HeaderValue::from_static(host));
            headers.extend(origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin))));
            headers
        };
        for origin in
            [None, Some("http://localhost:8000"), Some("http://127.0.0.1:8000"), Some("http://[::1]:8000")]
        {
            assert!(is_own_page(&of(origin)), "{origin:?}");
        }
        // Names that lead to this machine, and pages without an origin.
        for origin in
            ["http://rebound.example:8000", "http://localhost.example:8000", "http://192.0.2.1:8000", "null"]
        {
            assert!(!is_own_page(&of(Some(origin))), "{origin}");
        }
        let mut other_port = of(Some("http://localhost:3000"));
        other_port.insert(header::HOST, HeaderValue::from_static("localhost:8000"));
        assert!(!is_own_page(&other_port));
    }
}
