//! `POST` and `GET /graphql`, as the GraphQL-over-HTTP draft wants them.
//!
//! The library's own extractors take any content type, bodies of any size and mutations by `GET`, and answer every
//! request 200; so a request is read here. In this order: what it accepts, its type, who sends it, its body, the
//! document. Bearer tokens, JSON only and no writing by `GET`: no other site's page can send a request in somebody's
//! name without asking the browser first.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::credentials::{self, anonymous};
use super::executing::Sharer;
use super::negotiation::{self, Media};
use super::rate::ClientAddress;
use super::rejection::{Rejection, challenge};
use super::{Edge, RequestId};
use crate::auth::Known;
use crate::graphql::{Caller, Executed, GraphqlRequest};

/// The longest body; there are no files here.
const MAX_BODY: usize = 256 * 1024;

/// How much of a longer one is read and thrown away.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Runs a request sent by `POST`.
pub(super) async fn post(
    State(edge): State<Edge>,
    request_id: RequestId,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let media = acceptable(&headers)?;
        json_only(&headers)?;
        let caller = caller(&edge, &request_id, address, &headers).await?;
        let request = decode(&read(body).await?)?;
        // Once the body has arrived, so that no slow sender holds a share.
        let _in_flight = edge.executing.begin(Sharer::of(caller.principal, address))?;
        Ok(answer(edge.api.execute(caller, request).await, media))
    };
    answer.await.unwrap_or_else(|rejection: Rejection| rejection.respond(&request_id.0))
}

/// Shows GraphiQL to a browser, or runs a query.
pub(super) async fn get(
    State(edge): State<Edge>,
    request_id: RequestId,
    address: ClientAddress,
    headers: HeaderMap,
    RawQuery(parameters): RawQuery,
) -> Response {
    if let Some(graphiql) = &edge.graphiql {
        let offered = [Media::Graphql, Media::Json, Media::Html];
        if negotiation::best(&headers, &offered) == Some(Media::Html) {
            return graphiql.page();
        }
    }
    let answer = async {
        let media = acceptable(&headers)?;
        let caller = caller(&edge, &request_id, address, &headers).await?;
        let request = from_parameters(parameters.as_deref().unwrap_or_default())?;
        let _in_flight = edge.executing.begin(Sharer::of(caller.principal, address))?;
        Ok(answer(edge.api.read(caller, request).await, media))
    };
    answer.await.unwrap_or_else(|rejection: Rejection| rejection.respond(&request_id.0))
}

/// Answers every other method.
pub(super) async fn other_method(request_id: RequestId, method: Method) -> Response {
    let message = format!("{method} is not for GraphQL: use POST");
    let rejection = Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
    let mut response = rejection.respond(&request_id.0);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    response
}

fn acceptable(headers: &HeaderMap) -> Result<Media, Rejection> {
    // Of two that are asked for alike, the newer one where it is asked for by name, else the older.
    let newer = [Media::Graphql, Media::Json];
    let older = [Media::Json, Media::Graphql];
    let offered = if negotiation::names(headers, Media::Graphql) { newer } else { older };
    negotiation::best(headers, &offered).ok_or_else(|| {
        let message = "this endpoint answers with application/graphql-response+json or application/json";
        Rejection::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message)
    })
}

fn json_only(headers: &HeaderMap) -> Result<(), Rejection> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    let plain =
        text(header::CONTENT_ENCODING).is_none_or(|encoding| encoding.eq_ignore_ascii_case("identity"));
    if is_json && utf8 && plain {
        return Ok(());
    }
    let message = "send Content-Type: application/json, in UTF-8 and not compressed";
    Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message))
}

/// Who asks, after the request was counted: theirs, or, when it proves nothing, their address's. An agent's token is counted
/// before the database is asked about it: as its agent's where it proved lately to be one, else as its address's.
async fn caller(
    edge: &Edge,
    request_id: &RequestId,
    address: ClientAddress,
    headers: &HeaderMap,
) -> Result<Caller, Rejection> {
    let presented = match credentials::from_headers(headers) {
        Ok(presented) => presented,
        Err(unreadable) => {
            edge.rates.from(address).await?;
            return Err(unreadable);
        }
    };
    if anonymous(&presented) {
        edge.rates.from(address).await?;
        return Ok(Caller { principal: None, request_id: request_id.0.clone() });
    }
    let known = edge.authenticator.known(&presented);
    match known {
        Known::Proven(agent) => edge.rates.by(agent).await?,
        Known::Guess => edge.rates.from(address).await?,
        Known::Signed => {}
    }
    match credentials::check(&edge.authenticator, &presented).await {
        Ok(who) => {
            if known == Known::Guess {
                edge.rates.proven(address);
            }
            if !matches!(known, Known::Proven(_)) {
                edge.rates.by(who.principal).await?;
            }
            Ok(Caller { principal: Some(who.principal), request_id: request_id.0.clone() })
        }
        Err(refused) => {
            if known != Known::Guess && refused.status == StatusCode::UNAUTHORIZED {
                edge.rates.from(address).await?;
            }
            Err(refused)
        }
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Rejection> {
    tokio::time::timeout(BODY_TIME, collect(body)).await.unwrap_or_else(|_| {
        let message = "the body took too long to arrive";
        Err(Rejection::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", message))
    })
}

/// Reads a body; of one that is too long, reads on a while without keeping it, since a client that is still sending
/// when the connection closes never sees the answer.
async fn collect(body: Body) -> Result<Vec<u8>, Rejection> {
    let (mut stream, mut kept, mut seen) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Rejection::bad_request("the body ended too early"))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= MAX_BODY {
            kept.extend_from_slice(&chunk);
        } else if seen > MAX_DISCARDED {
            break;
        }
    }
    if seen > MAX_BODY {
        let message = format!("the body is longer than {MAX_BODY} bytes");
        return Err(Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message));
    }
    Ok(kept)
}

fn decode(body: &[u8]) -> Result<GraphqlRequest, Rejection> {
    let text = std::str::from_utf8(body).map_err(|_| Rejection::bad_request("the body is not UTF-8"))?;
    let body = serde_json::from_str(text)
        .map_err(|error| Rejection::bad_request(format!("the body is not JSON: {error}")))?;
    from_json(body)
}

/// Reads a request from JSON, of a body or of a socket's message. Keys nobody knows are let pass.
pub(super) fn from_json(body: Value) -> Result<GraphqlRequest, Rejection> {
    let mut body = match body {
        Value::Object(body) => body,
        Value::Array(_) => {
            let message = "send one request at a time: a batch saves nothing";
            return Err(Rejection::new(StatusCode::BAD_REQUEST, "BATCHING_NOT_SUPPORTED", message));
        }
        _ => return Err(Rejection::bad_request("the request is a JSON object")),
    };
    let persisted = persisted(map(body.remove("extensions"), "extensions")?)?;
    Ok(GraphqlRequest {
        query: match body.remove("query") {
            Some(Value::String(query)) => query,
            None | Some(Value::Null) if persisted.is_some() => String::new(),
            _ => return Err(Rejection::bad_request("\"query\" is required and a string")),
        },
        persisted,
        operation_name: match body.remove("operationName") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err(Rejection::bad_request("\"operationName\" is a string or null")),
        },
        variables: map(body.remove("variables"), "variables")?,
    })
}

/// The hash of a persisted query, in Apollo's protocol.
fn persisted(mut extensions: Map<String, Value>) -> Result<Option<String>, Rejection> {
    let Some(persisted) = extensions.remove("persistedQuery").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let is_hash = |hash: &&str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hash = persisted["sha256Hash"].as_str().filter(is_hash);
    match hash.filter(|_| persisted["version"] == 1) {
        Some(hash) => Ok(Some(hash.to_owned())),
        None => {
            let message = "\"extensions.persistedQuery\" is {\"version\": 1, \"sha256Hash\": \"<64 hexadecimal digits>\"}";
            Err(Rejection::bad_request(message))
        }
    }
}

fn map(value: Option<Value>, name: &str) -> Result<Map<String, Value>, Rejection> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(Rejection::bad_request(format!("\"{name}\" is an object or null"))),
    }
}

/// Reads a request from an address: `variables` and `extensions` are JSON inside it.
fn from_parameters(parameters: &str) -> Result<GraphqlRequest, Rejection> {
    let mut request = Map::new();
    for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
        let value = match &*name {
            "query" | "operationName" => Value::String(value.into_owned()),
            "variables" | "extensions" if value.is_empty() => Value::Null,
            "variables" | "extensions" => serde_json::from_str(&value)
                .map_err(|_| Rejection::bad_request(format!("\"{name}\" is JSON, percent-encoded")))?,
            _ => continue,
        };
        if request.insert(name.to_string(), value).is_some() {
            return Err(Rejection::bad_request(format!("\"{name}\" is given twice")));
        }
    }
    from_json(Value::Object(request))
}

/// Puts an answer on the wire. A request error has no `data`, and its status only where the media type is young
/// enough for clients to expect it; an executed request is 200 whatever became of its fields.
fn answer(executed: Executed, media: Media) -> Response {
    let status = status(&executed, media);
    let mut response = executed.body.into_response();
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media.content_type());
    response.extensions_mut().insert(executed.summary);
    match status {
        StatusCode::UNAUTHORIZED => challenge(&mut response),
        StatusCode::METHOD_NOT_ALLOWED => {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    response
}

fn status(executed: &Executed, media: Media) -> StatusCode {
    match executed.code() {
        _ if executed.began => StatusCode::OK,
        Some("UNAUTHENTICATED") => StatusCode::UNAUTHORIZED,
        Some("METHOD_NOT_ALLOWED") => StatusCode::METHOD_NOT_ALLOWED,
        // Clients of this protocol send the document only after an answer that looks like one.
        Some("PERSISTED_QUERY_NOT_FOUND") => StatusCode::OK,
        Some("UNAVAILABLE" | "TIMEOUT") => StatusCode::SERVICE_UNAVAILABLE,
        Some("INTERNAL") => StatusCode::INTERNAL_SERVER_ERROR,
        _ if media == Media::Json => StatusCode::OK,
        _ => StatusCode::BAD_REQUEST,
    }
}
