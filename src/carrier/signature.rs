//! `X-Twilio-Signature`: proves that a webhook comes from Twilio, for the account whose auth token we hold.
//!
//! The signature is HMAC-SHA1 in Base64 over the URL configured at Twilio, byte by byte, and the form's parameters. Twilio's
//! back ends disagree on whether the port belongs to the URL, so both forms are tried. A signature proves no freshness: a
//! repeated request is valid again.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, verify};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::hex;

/// The query parameter that holds the hash of a JSON body.
const BODY_HASH: &str = "bodySHA256";

/// Whether Twilio signed a form `POST` to `url`. `url` is the URL configured at Twilio, with its query as sent; `raw_form_body`
/// is the unchanged body. Any of `auth_tokens` may have signed.
#[must_use]
pub fn verify_form(url: &str, raw_form_body: &[u8], signature: &str, auth_tokens: &[SecretString]) -> bool {
    let mut parameters: Vec<_> = form_urlencoded::parse(raw_form_body).collect();
    // As in Twilio's own libraries: sorted by name, then value, and each distinct value of a repeated name once.
    parameters.sort();
    parameters.dedup();
    let signed: String =
        parameters.iter().flat_map(|(name, value)| [name.as_ref(), value.as_ref()]).collect();
    verify_text(url, &signed, signature, auth_tokens)
}

/// Whether Twilio signed a JSON `POST` to `url`: the query must hold the hash of exactly this body. A body without that hash is
/// rejected, because the signature does not cover it.
#[must_use]
pub fn verify_json(url: &str, raw_body: &[u8], signature: &str, auth_tokens: &[SecretString]) -> bool {
    let expected = hex(digest(&SHA256, raw_body).as_ref());
    let query = without_fragment(url).split_once('?').map_or("", |(_, query)| query);
    let mut hashes =
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == BODY_HASH).peekable();
    // Each of several hashes must match: nothing says which of them Twilio added.
    let vouched = hashes.peek().is_some() && hashes.all(|(_, hash)| hash == expected);
    vouched && verify_get(url, signature, auth_tokens)
}

/// Whether Twilio signed a `GET` of `url`. Its parameters are all in the query.
#[must_use]
pub fn verify_get(url: &str, signature: &str, auth_tokens: &[SecretString]) -> bool {
    verify_text(url, "", signature, auth_tokens)
}

fn verify_text(url: &str, parameters: &str, signature: &str, auth_tokens: &[SecretString]) -> bool {
    let (Ok(signature), Some(addresses)) = (STANDARD.decode(signature), addresses(url)) else {
        return false;
    };
    // Anybody can sign with an empty key.
    auth_tokens.iter().map(ExposeSecret::expose_secret).filter(|token| !token.is_empty()).any(|token| {
        // Twilio signs with SHA-1, whose collisions do not weaken an HMAC. `verify` compares in constant time.
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
        addresses
            .iter()
            .any(|address| verify(&key, format!("{address}{parameters}").as_bytes(), &signature).is_ok())
    })
}

/// Returns the URL without its port and with it: the explicit port, or the scheme's. User, password and fragment are never
/// signed; everything else stays unchanged.
fn addresses(url: &str) -> Option<[String; 2]> {
    let (scheme, rest) = without_fragment(url).split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (authority, ""),
    };
    let port = match (port, scheme) {
        ("", "https" | "wss") => "443",
        ("", _) => "80",
        (port, _) => port,
    };
    Some([format!("{scheme}://{host}{path}"), format!("{scheme}://{host}:{port}{path}")])
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_forms() {
        let cases = [
            (
                "https://u:p@voice.example/a?b=c#rc=2",
                ["https://voice.example/a?b=c", "https://voice.example:443/a?b=c"],
            ),
            ("http://127.0.0.1:8000", ["http://127.0.0.1", "http://127.0.0.1:8000"]),
            ("http://[::1]/x?y=@z:1", ["http://[::1]/x?y=@z:1", "http://[::1]:80/x?y=@z:1"]),
            ("https://[::1]:8443/x", ["https://[::1]/x", "https://[::1]:8443/x"]),
        ];
        for (url, expected) in cases {
            assert_eq!(addresses(url), Some(expected.map(str::to_owned)), "{url}");
        }
        assert_eq!(addresses("voice.example/a"), None);
    }
}
