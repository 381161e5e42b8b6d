//! Files of incoming messages: what is known of each, and which types are taken.
//!
//! A file comes from a stranger. Its type is believed only as far as its first bytes agree, and it is served under the type that
//! was found here, never under one that somebody claimed.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::text_enum;
use crate::domain::{Invalid, MessageId, NumberId, TenantId};

/// Largest file that is taken, in bytes: the carrier's own limit.
pub const LARGEST_MEDIA: usize = 5_000_000;

/// Identifier of a file of an incoming message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaId(pub Uuid);

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl FromStr for MediaId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(Self).map_err(|_| Invalid::new("this is not the id of a file"))
    }
}

text_enum! {
    /// How far a file of an incoming message has come.
    MediaState {
        /// It is at the carrier and will be fetched.
        Pending = "pending",
        /// It is stored.
        Stored = "stored",
        /// It is not taken: see the reason.
        Refused = "refused",
        /// It could not be fetched: see the reason.
        Failed = "failed",
    }
}

/// A file of an incoming message, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// Identifier in this system.
    pub id: MediaId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// The message that it came with.
    pub message_id: MessageId,
    /// The number that it came to.
    pub number_id: NumberId,
    /// Where it is at the carrier.
    pub url: String,
    /// How far it has come.
    pub state: MediaState,
    /// Why it is not stored; `None` unless it was refused or failed.
    pub reason: Option<String>,
    /// Its type: found in the file once it is stored, before that as the carrier told it.
    pub content_type: Option<String>,
    /// Its size; `None` until it is stored.
    pub size_bytes: Option<i32>,
}

/// A type of files that are taken.
#[derive(Debug, Clone, Copy)]
pub struct MediaType {
    /// Its name, such as `image/jpeg`.
    pub name: &'static str,
    /// Extension of file names.
    pub extension: &'static str,
    /// Whether browsers may show it in place. Documents are downloaded.
    pub is_shown: bool,
    begins: fn(&[u8]) -> bool,
}

/// Every type that is taken. SVG is not among them: it can contain scripts.
const TYPES: [MediaType; 21] = [
    shown("image/jpeg", "jpg", |file| file.starts_with(b"\xff\xd8\xff")),
    shown("image/png", "png", |file| file.starts_with(b"\x89PNG\r\n\x1a\n")),
    shown("image/gif", "gif", |file| file.starts_with(b"GIF87a") || file.starts_with(b"GIF89a")),
    shown("image/webp", "webp", |file| file.starts_with(b"RIFF") && has(file, 8, b"WEBP")),
    shown("image/heic", "heic", is_heic),
    shown("image/bmp", "bmp", |file| file.starts_with(b"BM")),
    shown("image/tiff", "tiff", |file| file.starts_with(b"II*\0") || file.starts_with(b"MM\0*")),
    shown("audio/mpeg", "mp3", |file| file.starts_with(b"ID3") || is_frame(file, 0xe0)),
    shown("audio/aac", "aac", |file| is_frame(file, 0xf0)),
    shown("audio/ogg", "ogg", |file| file.starts_with(b"OggS")),
    shown("audio/amr", "amr", |file| file.starts_with(b"#!AMR")),
    shown("audio/wav", "wav", |file| file.starts_with(b"RIFF") && has(file, 8, b"WAVE")),
    shown("audio/mp4", "m4a", is_mp4),
    shown("audio/3gpp", "3gp", is_mp4),
    shown("audio/webm", "weba", is_webm),
    shown("video/mp4", "mp4", is_mp4),
    shown("video/3gpp", "3gp", is_mp4),
    shown("video/quicktime", "mov", is_quicktime),
    shown("video/webm", "webm", is_webm),
    document("application/pdf", "pdf", |file| file.starts_with(b"%PDF-")),
    document("text/vcard", "vcf", is_vcard),
];

/// Other names of these types.
const SYNONYMS: [(&str, &str); 14] = [
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/heif", "image/heic"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/amr-nb", "audio/amr"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/3gpp2", "audio/3gpp"),
    ("audio/opus", "audio/ogg"),
    ("video/3gpp2", "video/3gpp"),
    ("text/x-vcard", "text/vcard"),
    ("text/directory", "text/vcard"),
];

impl MediaType {
    /// The type of this file, which somebody says is `claimed`. An image is what its first bytes say, since phones confuse the
    /// types of images; any other file must be what was claimed.
    ///
    /// # Errors
    /// Why the file is not taken, for people.
    pub fn of(claimed: &str, file: &[u8]) -> Result<Self, Invalid> {
        let name = essence(claimed);
        let is_image = name.starts_with("image/") || name == "application/octet-stream";
        let mut known = TYPES
            .into_iter()
            .filter(|known| known.name == name || is_image && known.name.starts_with("image/"));
        if let Some(found) = known.clone().find(|known| known.fits(file)) {
            return Ok(found);
        }
        let is_taken = known.any(|known| known.name == name);
        Err(Invalid::new(if is_taken || name == "application/octet-stream" {
            format!("its content is not {}", if is_taken { name.as_str() } else { "an image" })
        } else {
            format!(
                "files of the type {} are not taken: only images, audio, video, PDF and vCard are",
                shown_name(&name)
            )
        }))
    }

    /// The type with exactly this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TYPES.into_iter().find(|known| known.name == name)
    }

    /// Whether a file begins as files of this type do.
    #[must_use]
    pub fn fits(self, file: &[u8]) -> bool {
        (self.begins)(file)
    }
}

/// A type without its parameters, under the name that this table has for it.
fn essence(claimed: &str) -> String {
    let name = claimed.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    SYNONYMS.iter().find(|(other, _)| *other == name).map_or(name, |(_, known)| (*known).to_owned())
}

/// A stranger's text, short and harmless in a message.
fn shown_name(name: &str) -> String {
    let is_usual = |c: &char| c.is_ascii_alphanumeric() || "/.+-_".contains(*c);
    let name: String = name.chars().filter(is_usual).take(60).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

const fn shown(name: &'static str, extension: &'static str, begins: fn(&[u8]) -> bool) -> MediaType {
    MediaType { name, extension, is_shown: true, begins }
}

const fn document(name: &'static str, extension: &'static str, begins: fn(&[u8]) -> bool) -> MediaType {
    MediaType { name, extension, is_shown: false, begins }
}

fn has(file: &[u8], at: usize, bytes: &[u8]) -> bool {
    file.get(at..).is_some_and(|rest| rest.starts_with(bytes))
}

fn is_mp4(file: &[u8]) -> bool {
    has(file, 4, b"ftyp")
}

fn is_quicktime(file: &[u8]) -> bool {
    [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"].iter().any(|atom| has(file, 4, *atom))
}

fn is_heic(file: &[u8]) -> bool {
    let brands = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"];
    is_mp4(file) && brands.iter().any(|brand| has(file, 8, *brand))
}

fn is_webm(file: &[u8]) -> bool {
    file.starts_with(b"\x1a\x45\xdf\xa3")
}

/// Whether a file begins with the synchronization of an MPEG audio frame: eleven bits or, with the larger mask, twelve.
fn is_frame(file: &[u8], mask: u8) -> bool {
    matches!(file, [0xff, second, ..] if second & mask == mask)
}

fn is_vcard(file: &[u8]) -> bool {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file).trim_ascii_start();
    file.get(..11).is_some_and(|begin| begin.eq_ignore_ascii_case(b"BEGIN:VCARD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0";
    const PAGE: &[u8] = b"<!doctype html><script>alert(1)</script>";

    fn found(claimed: &str, file: &[u8]) -> &'static str {
        MediaType::of(claimed, file).map_or("refused", |found| found.name)
    }

    #[test]
    fn a_file_is_taken_if_its_content_agrees() {
        for (claimed, file, expected) in [
            ("image/png", PNG, "image/png"),
            ("IMAGE/PNG; charset=binary", PNG, "image/png"),
            // A phone's mistake: what it is counts.
            ("image/png", JPEG, "image/jpeg"),
            ("image/jpg", JPEG, "image/jpeg"),
            ("application/octet-stream", JPEG, "image/jpeg"),
            ("image/heic", b"\0\0\0\x18ftypmif1", "image/heic"),
            ("image/webp", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            ("audio/amr", b"#!AMR\n", "audio/amr"),
            ("audio/mpeg", b"\xff\xfb\x90", "audio/mpeg"),
            ("video/3gpp2", b"\0\0\0\x18ftyp3g2a", "video/3gpp"),
            ("application/pdf", b"%PDF-1.7", "application/pdf"),
            ("text/x-vcard", b"\xef\xbb\xbfbegin:vcard\r\n", "text/vcard"),
            ("image/png", PAGE, "refused"),
            ("image/jpeg", b"", "refused"),
            ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "refused"),
            ("text/html", PAGE, "refused"),
            // No other type is guessed.
            ("application/pdf", PNG, "refused"),
            ("audio/mpeg", PAGE, "refused"),
            ("application/octet-stream", PAGE, "refused"),
            ("", PNG, "refused"),
        ] {
            assert_eq!(found(claimed, file), expected, "{claimed}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_repeats_nothing_harmful() {
        let refusal = |claimed: &str| MediaType::of(claimed, PAGE).unwrap_err().0;
        assert_eq!(refusal("image/png"), "its content is not image/png");
        assert!(refusal("text/html").starts_with("files of the type text/html are not taken"));
        let hostile = refusal(&format!("\u{1b}[31m<b>{}", "x".repeat(500)));
        assert!(hostile.len() < 200 && !hostile.contains(['<', '\u{1b}']), "{hostile}");
    }
}
