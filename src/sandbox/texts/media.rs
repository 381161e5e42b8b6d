//! Files of messages: made or given by the control API, or fetched from the sender's URLs as Twilio does.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::super::{
    Sandbox, ambient,
    state::{
        ProviderState,
        messaging::{Media, Message},
    },
};

/// Maximum size of a file in bytes.
const MAX_BYTES: usize = 5_000_000;
/// Maximum size of a file that is not a picture.
const MAX_OTHER_BYTES: usize = 500_000;

/// Maximum size of a file with padding.
const MAX_PADDED_BYTES: usize = 50_000_000;

const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const JPEG: &str = "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////\
                    ////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=";

/// A file to attach to a text: `"png"` or `"jpeg"` for a made one, or its content.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum MediaRequest {
    Made(String),
    Given {
        content_type: String,
        #[serde(default)]
        base64: String,
        /// Size in bytes up to which zeros follow the content. It may exceed what Twilio would deliver.
        #[serde(default)]
        padded_to: usize,
        /// URL to which the file's URL redirects, instead of storage.
        redirect_to: Option<String>,
    },
}

/// Content of a file before it is stored.
#[derive(Default)]
pub(crate) struct File {
    content_type: String,
    base64: String,
    padded_to: usize,
    redirect_to: Option<String>,
}

impl MediaRequest {
    /// Returns the file.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub(crate) fn file(&self) -> Result<File, String> {
        let (content_type, base64, padded_to, redirect_to) = match self {
            Self::Made(name) if name == "png" => ("image/png", PNG, 0, None),
            Self::Made(name) if name == "jpeg" => ("image/jpeg", JPEG, 0, None),
            Self::Made(name) => {
                return Err(format!(
                    "media: {name:?} is neither \"png\", \"jpeg\" nor an object with content_type and base64"
                ));
            }
            Self::Given { content_type, base64, padded_to, redirect_to } => {
                (content_type.as_str(), base64.as_str(), *padded_to, redirect_to.clone())
            }
        };
        match STANDARD.decode(base64) {
            Ok(bytes) if bytes.len() > MAX_BYTES => {
                Err(format!("media: at most {MAX_BYTES} bytes are allowed; got {}", bytes.len()))
            }
            Ok(_) if padded_to > MAX_PADDED_BYTES => {
                Err(format!("media: padded_to is at most {MAX_PADDED_BYTES}"))
            }
            Ok(_) => Ok(File {
                content_type: content_type.to_owned(),
                base64: base64.to_owned(),
                padded_to,
                redirect_to,
            }),
            Err(error) => Err(format!("media: base64 is not valid: {error}")),
        }
    }
}

impl File {
    /// Returns the file as a record.
    pub(crate) fn record(self, state: &mut ProviderState) -> Media {
        Media {
            serial: state.serial(),
            sid: ambient::sid("ME"),
            content_type: self.content_type,
            base64: self.base64,
            padded_to: self.padded_to,
            redirect_to: self.redirect_to,
            storage_key: ambient::hex32(),
            created: state.now(),
        }
    }
}

/// Returns the URL of a file, as webhooks name it.
pub(crate) fn url(sandbox: &Sandbox, message: &Message, media_sid: &str) -> String {
    let Message { account, sid, .. } = message;
    format!("{}/2010-04-01/Accounts/{account}/Messages/{sid}/Media/{media_sid}", sandbox.base_url)
}

/// Fetches the files of an outbound message.
///
/// # Errors
/// Twilio's error code with which the message fails.
pub(super) async fn fetch(sandbox: &Sandbox, urls: &[String]) -> Result<Vec<File>, u32> {
    let mut files = Vec::new();
    for url in urls {
        let mut response =
            sandbox.http.get(url).header("Accept", "*/*").send().await.map_err(|_| 11200_u32)?;
        if !response.status().is_success() {
            return Err(11200);
        }
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = kind.ok_or(12300_u32)?.to_owned();
        let is_picture =
            ["image/jpeg", "image/png", "image/gif"].iter().any(|is| content_type.starts_with(is));
        let most = if is_picture { MAX_BYTES } else { MAX_OTHER_BYTES };
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| 11200_u32)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > most {
                // The file exceeds the operator's limit.
                return Err(11751);
            }
        }
        files.push(File { content_type, base64: STANDARD.encode(bytes), ..File::default() });
    }
    Ok(files)
}
