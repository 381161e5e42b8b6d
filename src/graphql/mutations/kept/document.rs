//! A document in base64: checked by its content, not by what the client says about it.

use async_graphql::InputObject;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::{Invalid, MediaType};
use crate::store::Bill;

/// Largest document in bytes (Twilio, porting documents).
const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Types of documents.
const TYPES: [&str; 3] = ["application/pdf", "image/jpeg", "image/png"];

/// A bill of the losing carrier.
#[derive(InputObject)]
pub(crate) struct PortDocumentInput {
    /// `application/pdf`, `image/jpeg` or `image/png`. The content must be such a file.
    content_type: String,
    /// The file in base64, at most 10 MB before encoding.
    base64: String,
}

impl std::fmt::Debug for PortDocumentInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortDocumentInput").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

impl PortDocumentInput {
    /// Decodes and checks the document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(self) -> Result<Bill, Invalid> {
        let invalid = |why: String| Invalid(why);
        let declared = self.content_type.trim().to_ascii_lowercase();
        let Some(kind) = MediaType::named(&declared).filter(|kind| TYPES.contains(&kind.name)) else {
            return Err(invalid("the bill must be application/pdf, image/jpeg or image/png".to_owned()));
        };
        // Each 4 characters are 3 bytes; checked before they are decoded.
        if self.base64.len() / 4 * 3 > MAX_BYTES + 2 {
            return Err(invalid("the bill must have at most 10 MB: scan it with less detail".to_owned()));
        }
        let content = STANDARD
            .decode(self.base64.trim())
            .map_err(|_| invalid("the bill is not valid base64".to_owned()))?;
        if content.len() > MAX_BYTES {
            return Err(invalid("the bill must have at most 10 MB: scan it with less detail".to_owned()));
        }
        if !kind.fits(&content) {
            return Err(invalid(format!("the bill's content is not {}: pass the file itself", kind.name)));
        }
        Ok(Bill { content_type: kind.name.to_owned(), content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_what_its_content_is() {
        let read = |content_type: &str, content: &[u8]| {
            PortDocumentInput { content_type: content_type.to_owned(), base64: STANDARD.encode(content) }
                .read()
        };
        assert!(
            read("application/pdf", b"%PDF-1.7 bill").is_ok()
                && read("image/png", b"\x89PNG\r\n\x1a\n").is_ok()
        );
        assert!(read("application/pdf", b"\x89PNG").unwrap_err().0.contains("not application/pdf"));
        assert!(read("application/pdf", b"%PDF").is_err() && read("image/png", b"\x89PNG\r\n").is_err());
        // Files of a type that messages may have, but no bill.
        assert!(read("image/gif", b"GIF89a").is_err());
        assert!(read("text/plain", b"bill").is_err());
        let mut large = b"%PDF-".to_vec();
        large.resize(MAX_BYTES, 0);
        assert!(read("application/pdf", &large).is_ok());
        large.push(0);
        assert!(read("application/pdf", &large).unwrap_err().0.contains("10 MB"));
        let broken = PortDocumentInput { content_type: "image/png".to_owned(), base64: "?".to_owned() };
        assert!(broken.read().unwrap_err().0.contains("base64"));
    }
}
