//! `GET /api/media/{id}`: a file of an incoming message, for whoever has a link that is signed and not over.
//!
//! The file comes from a stranger. It is served under the type that was found in it, in a sandbox without scripts, and documents
//! are downloaded. The row is read through the door of the tenant that the link names.

use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::ServerState;
use super::layers::RequestId;
use super::rejection::Rejection;
use crate::auth::{GrantedMedia, MediaLinks};
use crate::domain::{MediaFile, MediaId, MediaState, MediaType};
use crate::messages::{MediaStorage, StoredMedia};

/// Seconds after which a file that is being fetched may be asked for again.
const FETCHED_SOON: u64 = 5;

/// What the route needs.
#[derive(Debug, Clone)]
pub struct MediaAccess {
    /// Verifies links.
    pub links: MediaLinks,
    /// Holds the files.
    pub storage: MediaStorage,
}

pub(super) async fn get(
    State(server): State<ServerState>,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    request_id: RequestId,
) -> Response {
    let id = id.parse::<MediaId>().ok();
    let query = uri.query().unwrap_or_default();
    let granted = id.and_then(|id| Some((id, server.media.links.verify(id, query, server.clock.now())?)));
    let served = match granted {
        Some((id, granted)) => serve(&server, id, granted).await,
        None => Err(Rejection::new(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            "this link is invalid or has expired: query the message again for a new one",
        )),
    };
    served.unwrap_or_else(|rejection| rejection.respond(&request_id.0))
}

async fn serve(server: &ServerState, id: MediaId, granted: GrantedMedia) -> Result<Response, Rejection> {
    let gone =
        || Rejection::new(StatusCode::NOT_FOUND, "NOT_FOUND", "the file does not exist or was deleted");
    let read = async {
        let door = server.database.read_as(granted.tenant).await?;
        door.media_file(id).await
    };
    let file = Box::pin(read).await.map_err(|error| {
        tracing::warn!(file = %id, %error, "file of a message not served");
        unavailable("the database does not answer: try again")
    })?;
    let file = file.ok_or_else(gone)?;
    match file.state {
        MediaState::Stored => {}
        MediaState::Pending => {
            let message = "this file is still being fetched from the carrier: try again";
            let not_yet = Rejection::new(StatusCode::NOT_FOUND, "NOT_FOUND", message);
            return Err(Rejection { retry_after: Some(FETCHED_SOON), ..not_yet });
        }
        MediaState::Refused | MediaState::Failed => {
            let reason = file.reason.as_deref().unwrap_or("it could not be fetched");
            let message = format!("this file is not here: {reason}");
            return Err(Rejection::new(StatusCode::NOT_FOUND, "NOT_FOUND", message));
        }
    }
    let stored = server.media.storage.get(&file).await.map_err(|error| {
        tracing::error!(file = %id, %error, "file of a message not read");
        unavailable("the media store does not answer: try again")
    })?;
    let Some(stored) = stored else {
        tracing::error!(
            file = %id,
            "file of a message missing in the media store: check that all servers have the same MEDIA_STORE"
        );
        return Err(gone());
    };
    let left = (granted.expires_at - server.clock.now()).num_seconds().max(0);
    response(&file, stored, left).ok_or_else(|| unavailable("this file cannot be served"))
}

fn response(file: &MediaFile, stored: StoredMedia, left: i64) -> Option<Response> {
    let kind = MediaType::named(file.content_type.as_deref()?)?;
    let disposition = if kind.is_shown { "inline" } else { "attachment" };
    let headers = [
        (header::CONTENT_TYPE, kind.name.to_owned()),
        (header::CONTENT_LENGTH, stored.size.to_string()),
        (header::CONTENT_DISPOSITION, format!("{disposition}; filename=\"{}.{}\"", file.id, kind.extension)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'; frame-ancestors 'none'".to_owned()),
        // No longer than the link: a shared cache must not keep it, and a browser need not load it twice.
        (header::CACHE_CONTROL, format!("private, max-age={left}, immutable")),
    ];
    let mut response = Response::new(Body::from_stream(stored.content));
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::try_from(value).ok()?);
    }
    Some(response)
}

fn unavailable(message: &str) -> Rejection {
    let unavailable = Rejection::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message);
    Rejection { retry_after: Some(FETCHED_SOON), ..unavailable }
}
