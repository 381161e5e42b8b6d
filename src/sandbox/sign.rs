//! Webhook signatures of both providers. Implemented independently of the verification in `carrier` and
//! `voice`, so that the two check each other.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Returns the `X-Twilio-Signature`: HMAC-SHA1 over the URL and the sorted form fields. A GET has no fields. The URL is one of
/// [`voice_url`] or [`messaging_url`].
pub(crate) fn twilio(auth_token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = fields.iter().collect();
    // Twilio's libraries sign a repeated name with its distinct values, in order.
    pairs.sort();
    pairs.dedup();
    let mut text = url.to_owned();
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

/// Returns the URL as Twilio signs it for messaging: without fragment, user and password. The text is cut, not parsed and printed
/// again, because the receiver compares bytes.
pub(crate) fn messaging_url(url: &str) -> String {
    let url = url.split('#').next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Returns the URL as Twilio signs it for voice: that of messaging, over https without its port.
pub(crate) fn voice_url(url: &str) -> String {
    let url = messaging_url(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let port = host.rsplit_once(':').filter(|(_, port)| port.chars().all(|digit| digit.is_ascii_digit()));
    match port {
        Some((name, _)) if scheme.eq_ignore_ascii_case("https") => format!("{scheme}://{name}{path}"),
        _ => url,
    }
}

#[cfg(test)]
mod tests {
    use super::{messaging_url, twilio, voice_url};

    #[test]
    fn the_signed_url_has_no_credentials_or_fragment_and_for_voice_no_https_port() {
        let url = "https://user:pw@example.com:8443/a?b=c#rc=2";
        assert_eq!(voice_url(url), "https://example.com/a?b=c");
        assert_eq!(messaging_url(url), "https://example.com:8443/a?b=c");
        for sign in [voice_url, messaging_url] {
            assert_eq!(sign("http://127.0.0.1:8000/a"), "http://127.0.0.1:8000/a");
            assert_eq!(sign("http://example.com"), "http://example.com");
        }
    }

    #[test]
    fn the_signature_of_a_json_webhook_covers_its_url_alone() {
        // Made with Twilio's own library.
        let digest = "a99da9dcb6b5751a0aa23e10db996df1e17550c2fe24ee18f27c65b32ede2a7e";
        let url = format!("https://sb.example.com/api/webhooks/porting?bodySHA256={digest}");
        let signature = twilio("00112233445566778899aabbccddeeff", &url, &[]);
        assert_eq!(signature, "ok8BHZgTiIqepMjiKgyamf0SNBs=");
    }
}
