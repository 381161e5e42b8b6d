//! Type `MessageMedia`.

use async_graphql::Object;

use crate::domain::MediaFile;

/// A picture or another file of a message.
#[derive(Debug, Clone)]
pub(crate) struct MessageMedia {
    content_type: Option<String>,
    url: String,
    size_bytes: Option<i32>,
    problem: Option<String>,
}

/// A picture or another file of a message.
#[Object]
impl MessageMedia {
    /// Its type, such as `image/jpeg`: as the carrier told it, and as found in the file once that is stored. `application/octet-stream`
    /// if nobody told it.
    async fn content_type(&self) -> &str {
        self.content_type.as_deref().unwrap_or("application/octet-stream")
    }

    /// Where to load it. For a received file, a link to this server that needs no token and is good for ten to fifteen minutes;
    /// until the file is fetched from the carrier, it answers 404 with `Retry-After`. For a sent one, the address that was given.
    async fn url(&self) -> &str {
        &self.url
    }

    /// Size of a received file; `null` until it is fetched.
    async fn size_bytes(&self) -> Option<i32> {
        self.size_bytes
    }

    /// Why a received file cannot be loaded; `null` if it can, or is still being fetched.
    async fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

impl MessageMedia {
    /// A received file, with a link to it.
    pub(crate) fn received(file: MediaFile, url: String) -> Self {
        Self { content_type: file.content_type, url, size_bytes: file.size_bytes, problem: file.reason }
    }

    /// A file that is sent from this address.
    pub(crate) fn sent(url: String, content_type: Option<String>) -> Self {
        Self { content_type, url, size_bytes: None, problem: None }
    }
}
