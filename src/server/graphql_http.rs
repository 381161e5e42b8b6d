//! `POST` and `GET /graphql`, following the GraphQL-over-HTTP draft.
//!
//! The GraphQL library's extractors accept any content type, bodies of any size and mutations by `GET`, and
//! answer every request with 200, so requests are read here. Checks run in this order: `Accept`,
//! `Content-Type`, credentials, body, document. Bearer tokens, JSON only and no mutations by `GET` rule out
//! cross-site request forgery: another site's page cannot send such a request without a CORS preflight.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::credentials::{self, is_anonymous};
use super::execution_limits::{ExecutionPermit, ShareKey};
use super::negotiation::{self, Media};
use super::rate::ClientAddress;
use super::rejection::{Rejection, challenge};
use super::{RequestId, ServerState};
use crate::auth::{CredentialHint, Principal};
use crate::graphql::{Caller, Executed, GraphqlRequest};

/// Maximum body size in bytes, without a file.
const MAX_BODY: usize = 256 * 1024;

/// The only mutation that takes a file: its body may be as large as [`MAX_BODY_WITH_FILE`].
const WITH_FILE: &str = "requestPort";

/// Maximum body size in bytes of a request with a file, which is 10 MB in base64.
const MAX_BODY_WITH_FILE: usize = 16 * 1024 * 1024;

/// Time limit for receiving a body with a file.
const FILE_TIME: Duration = Duration::from_secs(45);

/// Maximum number of bytes read and discarded from an oversized body.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

/// Time limit for receiving a body, so that slow senders cannot hold requests open.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Handles `POST /graphql`: executes any operation except subscriptions.
pub(super) async fn post(
    State(server): State<ServerState>,
    request_id: RequestId,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let media = acceptable(&headers)?;
        json_only(&headers)?;
        let caller = caller(&server, &request_id, address, &headers).await?;
        let may_have_file =
            matches!(caller.principal, Some(Principal::Tenant(_) | Principal::Operator { .. }));
        let key = ShareKey::of(caller.principal, address);
        let file_permit = || server.execution_limits.acquire_with_file(key);
        let (request, _file) = receive(&headers, body, may_have_file.then_some(file_permit)).await?;
        // Acquired after the body has arrived, so that a slow sender holds no permit.
        let _permit = server.execution_limits.acquire(key)?;
        Ok(answer(server.api.execute(caller, request).await, media))
    };
    answer.await.unwrap_or_else(|rejection: Rejection| rejection.respond(&request_id.0))
}

/// Handles `GET /graphql`: returns the GraphiQL page to browsers, else executes a query.
pub(super) async fn get(
    State(server): State<ServerState>,
    request_id: RequestId,
    address: ClientAddress,
    headers: HeaderMap,
    RawQuery(parameters): RawQuery,
) -> Response {
    if let Some(graphiql) = &server.graphiql {
        let offered = [Media::Graphql, Media::Json, Media::Html];
        // Before any token is asked for: the page is where a person enters one.
        if negotiation::best(&headers, &offered) == Some(Media::Html) {
            return graphiql.page(&headers).await;
        }
    }
    let answer = async {
        let media = acceptable(&headers)?;
        let caller = caller(&server, &request_id, address, &headers).await?;
        // No check of the content type: a GET has no body.
        let request = from_parameters(parameters.as_deref().unwrap_or_default())?;
        let _permit = server.execution_limits.acquire(ShareKey::of(caller.principal, address))?;
        Ok(answer(server.api.read(caller, request).await, media))
    };
    answer.await.unwrap_or_else(|rejection: Rejection| rejection.respond(&request_id.0))
}

/// Handles all other methods: 405.
pub(super) async fn other_method(request_id: RequestId, method: Method) -> Response {
    let message = format!("the method {method} is not supported here: use POST");
    let rejection = Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
    let mut response = rejection.respond(&request_id.0);
    // The router answers HEAD by the handler of GET.
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    response
}

fn acceptable(headers: &HeaderMap) -> Result<Media, Rejection> {
    // On a tie the newer type wins only if it is named: a client that sends `*/*` may not know it.
    let newer = [Media::Graphql, Media::Json];
    let older = [Media::Json, Media::Graphql];
    let offered = if negotiation::names_explicitly(headers, Media::Graphql) { newer } else { older };
    negotiation::best(headers, &offered).ok_or_else(|| {
        let message = "this endpoint answers with application/graphql-response+json or application/json";
        Rejection::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message)
    })
}

pub(super) fn json_only(headers: &HeaderMap) -> Result<(), Rejection> {
    // `?` stands for a value that is not text, and matches nothing below.
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

/// Authenticates the request and counts it against the rate limit of its principal or, without valid
/// credentials, of its address. A request with an agent token is counted before the database looks the token
/// up: against the agent if the token was valid recently, else against the address.
async fn caller(
    server: &ServerState,
    request_id: &RequestId,
    address: ClientAddress,
    headers: &HeaderMap,
) -> Result<Caller, Rejection> {
    let presented = match credentials::from_headers(headers) {
        Ok(presented) => presented,
        Err(unreadable) => {
            server.rate_limiter.count_address(address).await?;
            return Err(unreadable);
        }
    };
    if is_anonymous(&presented) {
        server.rate_limiter.count_address(address).await?;
        return Ok(Caller { principal: None, request_id: request_id.0.clone() });
    }
    let hint = server.authenticator.hint(&presented);
    match hint {
        CredentialHint::RecentAgent(agent) => server.rate_limiter.count_principal(agent).await?,
        CredentialHint::UnknownAgentToken => server.rate_limiter.count_address(address).await?,
        CredentialHint::Bearer => {}
    }
    match credentials::authenticate(&server.authenticator, &presented).await {
        Ok(authenticated) => {
            if hint == CredentialHint::UnknownAgentToken {
                // The token proved valid, and behind a proxy all clients may share the address.
                server.rate_limiter.refund_address(address);
            }
            if !matches!(hint, CredentialHint::RecentAgent(_)) {
                server.rate_limiter.count_principal(authenticated.principal).await?;
            }
            Ok(Caller { principal: Some(authenticated.principal), request_id: request_id.0.clone() })
        }
        Err(rejection) => {
            // An unknown agent token was counted above. Credentials that could not be checked prove nothing
            // against the client.
            if hint != CredentialHint::UnknownAgentToken && rejection.status == StatusCode::UNAUTHORIZED {
                server.rate_limiter.count_address(address).await?;
            }
            Err(rejection)
        }
    }
}

/// Reads and decodes a body. One that is larger than [`MAX_BODY`], as its `Content-Length` tells, is read only for a caller that may
/// send a file, and only with a permit; it must be a request that takes one.
async fn receive(
    headers: &HeaderMap,
    body: Body,
    file_permit: Option<impl FnOnce() -> Result<ExecutionPermit, Rejection>>,
) -> Result<(GraphqlRequest, Option<ExecutionPermit>), Rejection> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_large = length.is_some_and(|length: usize| length > MAX_BODY);
    let Some(file_permit) = file_permit.filter(|_| is_large) else {
        return Ok((decode(&read(body, MAX_BODY, BODY_TIME).await?)?, None));
    };
    let permit = file_permit()?;
    let body = read(body, MAX_BODY_WITH_FILE, FILE_TIME).await?;
    // Before it is decoded, so that any other large body costs no more than before.
    if !std::str::from_utf8(&body).is_ok_and(|text| text.contains(WITH_FILE)) {
        return Err(too_large(MAX_BODY));
    }
    let request = decode(&body)?;
    if !request.query.contains(WITH_FILE) {
        return Err(too_large(MAX_BODY));
    }
    Ok((request, Some(permit)))
}

async fn read(body: Body, most: usize, time: Duration) -> Result<Vec<u8>, Rejection> {
    tokio::time::timeout(time, collect(body, most)).await.unwrap_or_else(|_| {
        let message = format!("the body did not arrive within {} seconds", time.as_secs());
        Err(Rejection::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", message))
    })
}

fn too_large(most: usize) -> Rejection {
    let message = format!("the body must be at most {most} bytes long");
    Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
}

/// Reads a body of up to `most` bytes. Up to [`MAX_DISCARDED`] bytes of a longer one are read and
/// discarded, because a client that is still sending when the connection closes does not see the 413.
async fn collect(body: Body, most: usize) -> Result<Vec<u8>, Rejection> {
    let (mut stream, mut kept, mut seen) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|_| Rejection::bad_request("the body is incomplete: the connection ended"))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= most {
            kept.extend_from_slice(&chunk);
        } else if seen > MAX_DISCARDED.max(most) {
            break;
        }
    }
    if seen > most {
        return Err(too_large(most));
    }
    Ok(kept)
}

fn decode(body: &[u8]) -> Result<GraphqlRequest, Rejection> {
    let text =
        std::str::from_utf8(body).map_err(|_| Rejection::bad_request("the body is not valid UTF-8"))?;
    let body = serde_json::from_str(text)
        .map_err(|error| Rejection::bad_request(format!("the body is not valid JSON: {error}")))?;
    from_json(body)
}

/// Reads a GraphQL request from the JSON of a body or of a socket's message. Unknown members are ignored.
///
/// # Errors
/// 400 if a member has the wrong type or the request is a batch.
pub(super) fn from_json(body: Value) -> Result<GraphqlRequest, Rejection> {
    let mut body = match body {
        Value::Object(body) => body,
        Value::Array(_) => {
            let message = "batches are not supported: send one request at a time";
            return Err(Rejection::new(StatusCode::BAD_REQUEST, "BATCHING_NOT_SUPPORTED", message));
        }
        _ => return Err(Rejection::bad_request("the request must be a JSON object")),
    };
    let persisted = persisted(map(body.remove("extensions"), "extensions")?)?;
    Ok(GraphqlRequest {
        query: match body.remove("query") {
            Some(Value::String(query)) => query,
            // With a hash the document may be omitted; the empty text stands for that.
            None | Some(Value::Null) if persisted.is_some() => String::new(),
            _ => return Err(Rejection::bad_request("\"query\" is required and must be a string")),
        },
        persisted,
        operation_name: match body.remove("operationName") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err(Rejection::bad_request("\"operationName\" must be a string or null")),
        },
        variables: map(body.remove("variables"), "variables")?,
    })
}

/// Reads the hash of a persisted query, in Apollo's protocol. Returns `None` if there is none.
fn persisted(mut extensions: Map<String, Value>) -> Result<Option<String>, Rejection> {
    let Some(persisted) = extensions.remove("persistedQuery").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let is_hash = |hash: &&str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hash = persisted["sha256Hash"].as_str().filter(is_hash);
    match hash.filter(|_| persisted["version"] == 1) {
        Some(hash) => Ok(Some(hash.to_owned())),
        None => {
            let message = "\"extensions.persistedQuery\" must be \
                           {\"version\": 1, \"sha256Hash\": \"<64 hexadecimal digits>\"}";
            Err(Rejection::bad_request(message))
        }
    }
}

fn map(value: Option<Value>, name: &str) -> Result<Map<String, Value>, Rejection> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(Rejection::bad_request(format!("\"{name}\" must be an object or null"))),
    }
}

/// Reads a GraphQL request from a query string, in which `variables` and `extensions` are JSON.
fn from_parameters(parameters: &str) -> Result<GraphqlRequest, Rejection> {
    let mut request = Map::new();
    for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
        let value = match &*name {
            "query" | "operationName" => Value::String(value.into_owned()),
            "variables" | "extensions" if value.is_empty() => Value::Null,
            "variables" | "extensions" => serde_json::from_str(&value)
                .map_err(|_| Rejection::bad_request(format!("\"{name}\" must be percent-encoded JSON")))?,
            // As unknown members of a body are: proxies and analytics add parameters of their own.
            _ => continue,
        };
        if request.insert(name.to_string(), value).is_some() {
            return Err(Rejection::bad_request(format!("\"{name}\" must occur only once")));
        }
    }
    from_json(Value::Object(request))
}

/// Builds the HTTP response. A request that began executing gets 200, whatever errors its fields have. A
/// request error has no `data`, and a 4xx status only with the newer media type or where [`status`] says so.
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
        // Clients of Apollo's protocol send the document only after a response with status 200.
        Some("PERSISTED_QUERY_NOT_FOUND") => StatusCode::OK,
        Some("UNAVAILABLE" | "TIMEOUT") => StatusCode::SERVICE_UNAVAILABLE,
        Some("INTERNAL") => StatusCode::INTERNAL_SERVER_ERROR,
        _ if media == Media::Json => StatusCode::OK,
        _ => StatusCode::BAD_REQUEST,
    }
}
