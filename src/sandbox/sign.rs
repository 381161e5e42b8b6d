//! Webhook signatures of both providers. Implemented independently of the verification in `carrier` and
//! `voice`, so that the two check each other.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Returns the `X-Twilio-Signature`: HMAC-SHA1 over the URL and the sorted form fields. A GET has no fields.
pub(crate) fn twilio(auth_token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = fields.iter().collect();
    // Twilio's libraries sign a repeated name with its distinct values, in order.
    pairs.sort();
    pairs.dedup();
    let mut text = signed_url(url);
    for (name, value) in pairs {
        text.push_str(name);
        text.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// Returns the `ElevenLabs-Signature` of a body sent at this Unix time: HMAC-SHA256 over time, dot and body.
pub(crate) fn elevenlabs(secret: &str, unix_seconds: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut message = format!("{unix_seconds}.").into_bytes();
    message.extend_from_slice(body);
    let digest: String =
        hmac::sign(&key, &message).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={unix_seconds},v0={digest}")
}

/// Returns the URL as Twilio signs it: without fragment, user and password, and for voice over https without
/// port. The text is cut, not parsed and printed again, because the receiver compares bytes.
fn signed_url(url: &str) -> String {
    let url = url.split('#').next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(':').filter(|(_, port)| port.chars().all(|digit| digit.is_ascii_digit()));
    let host = match port {
        Some((name, _)) if scheme.eq_ignore_ascii_case("https") => name,
        _ => host,
    };
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::signed_url;

    #[test]
    fn the_signed_url_has_no_credentials_fragment_or_https_port() {
        assert_eq!(signed_url("https://user:pw@example.com:8443/a?b=c#rc=2"), "https://example.com/a?b=c");
        assert_eq!(signed_url("http://127.0.0.1:8000/a"), "http://127.0.0.1:8000/a");
        assert_eq!(signed_url("http://example.com"), "http://example.com");
    }
}
