//! Upload of documents as `multipart/form-data`: the bill of the losing carrier. At Twilio uploads have a host of their own.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use serde_json::{Value, json};

use crate::sandbox::{
    Shared, ambient,
    state::porting::Document,
    twilio::{Account, TwilioError, iso_date},
};

/// Maximum size of a document in bytes.
pub(super) const MAX_BYTES: usize = 10 * 1024 * 1024;

/// Types of documents with the first bytes of such a file.
const TYPES: &[(&str, &[u8])] =
    &[("application/pdf", b"%PDF"), ("image/jpeg", b"\xff\xd8\xff"), ("image/png", b"\x89PNG")];

fn refuse<T>(status: StatusCode, message: impl Into<String>) -> Result<T, TwilioError> {
    Err(TwilioError::new(status, 20001, message))
}

/// `POST /v1/Documents`: stores a document.
pub(super) async fn upload(
    State(sandbox): State<Shared>,
    Account(account): Account,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<(StatusCode, Json<Value>), TwilioError> {
    let too_large = || refuse(StatusCode::PAYLOAD_TOO_LARGE, "The document is larger than 10 MB");
    let Ok(body) = body else { return too_large() };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(parts) = boundary(kind).and_then(|boundary| parts(&body, boundary)) else {
        return refuse(StatusCode::BAD_REQUEST, "The body must be multipart/form-data");
    };
    let text = |name: &str| {
        let part = parts.iter().find(|part| part.name == name);
        part.map(|part| String::from_utf8_lossy(part.content).into_owned()).unwrap_or_default()
    };
    let (document_type, friendly_name) = (text("document_type"), text("friendly_name"));
    if document_type != "utility_bill" {
        return refuse(StatusCode::BAD_REQUEST, format!("document_type is not valid: {document_type:?}"));
    }
    let Some(file) = parts.iter().find(|part| part.name == "File") else {
        return refuse(StatusCode::BAD_REQUEST, "File is required");
    };
    if file.content.len() > MAX_BYTES {
        return too_large();
    }
    let Some((mime_type, _)) = TYPES.iter().find(|(_, start)| file.content.starts_with(start)) else {
        return refuse(StatusCode::BAD_REQUEST, "File must be a PDF, a JPEG or a PNG");
    };
    let document = sandbox.store.change(|state| {
        let document = Document {
            sid: ambient::sid("RD"),
            account,
            document_type,
            friendly_name,
            mime_type: (*mime_type).to_owned(),
            bytes: file.content.len(),
            created: state.now(),
        };
        state.porting.documents.push(document.clone());
        document
    })?;
    let resource = json!({
        "sid": document.sid, "document_type": document.document_type, "friendly_name": document.friendly_name,
        "status": "DRAFT", "mime_type": document.mime_type, "date_created": iso_date(document.created),
        "url": format!("https://numbers-upload.twilio.com/v1/Documents/{}", document.sid),
    });
    Ok((StatusCode::CREATED, Json(resource)))
}

/// A part of a form.
struct Part<'a> {
    name: String,
    content: &'a [u8],
}

/// Returns the boundary of a content type.
fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.strip_prefix("multipart/form-data")?;
    let boundary = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    Some(boundary.trim_matches('"')).filter(|boundary| !boundary.is_empty())
}

/// Returns the parts of a form. `None` if the body is not well formed.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    let delimiter = format!("\r\n--{boundary}");
    let first = body.strip_prefix(delimiter.get(2..)?.as_bytes())?;
    let mut parts = Vec::new();
    let mut rest = first;
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n")?;
        let end = position(part, delimiter.as_bytes())?;
        let (part, after) = part.split_at(end);
        let blank = position(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(part.get(..blank)?).into_owned();
        parts.push(Part { name: part_name(&head)?, content: part.get(blank + 4..)? });
        rest = after.get(delimiter.len()..)?;
    }
    Some(parts)
}

fn part_name(head: &str) -> Option<String> {
    let disposition =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let name = disposition.split(';').find_map(|parameter| parameter.trim().strip_prefix("name="))?;
    Some(name.trim_matches('"').to_owned())
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    // Line ends are rare in a file, so that few places are compared whole.
    let first = *wanted.first()?;
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
    starts
        .map(|(index, _)| index)
        .find(|index| bytes.get(*index..).is_some_and(|rest| rest.starts_with(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_split_at_its_boundary_and_a_torn_one_is_refused() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\ncontent-disposition: \
                     form-data; name=\"File\"; filename=\"b.pdf\"\r\nContent-Type: application/pdf\r\n\r\n\r\n2\r\n\r\n--x--\r\n";
        let form = parts(body, boundary("multipart/form-data; boundary=\"x\"").unwrap()).unwrap();
        let all: Vec<(&str, &[u8])> = form.iter().map(|part| (part.name.as_str(), part.content)).collect();
        assert_eq!(all, [("a", &b"1"[..]), ("File", &b"\r\n2\r\n"[..])]);
        for end in 0..body.len() - 4 {
            assert!(parts(&body[..end], "x").is_none(), "{end}");
        }
        assert!(boundary("multipart/form-data").is_none() && boundary("text/plain; boundary=x").is_none());
    }
}
