//! Who signed what: both providers' signatures. The fixed values were computed with Python's `hmac`; the
//! rest is signed here by the plain formula.

use std::collections::BTreeSet;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use secrecy::SecretString;
use switchboard::carrier::signature::{verify_form, verify_get, verify_json};
use switchboard::voice::EventSignature;

const TOKEN: &str = "5b1e0c2d7f4a49c8a3d6e9b0f1c2d3e4";
const URL: &str = "https://voice.switchboard.example/api/webhooks/call/incoming";
const SECRET: &str = "wsec_5f0e1d2c3b4a";
const EVENT: &str = r#"{"type":"post_call_transcription","data":{"conversation_id":"conv_ä"}}"#;
const SIGNED_AT: i64 = 1_788_000_000;

fn tokens(tokens: &[&str]) -> Vec<SecretString> {
    tokens.iter().map(|token| SecretString::from(*token)).collect()
}

fn sign(url: &str, parameters: &[(&str, &str)]) -> String {
    let sorted: BTreeSet<_> = parameters.iter().collect();
    let text: String = sorted.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{url}{text}").as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn event_digest(time: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hex(hmac::sign(&key, &[time.as_bytes(), b".", body].concat()).as_ref())
}

fn event_passes(header: &str, body: &str, now: i64) -> bool {
    event_passes_with(&["wsec_retired", SECRET], header, body, now)
}

fn event_passes_with(secrets: &[&str], header: &str, body: &str, now: i64) -> bool {
    let now = DateTime::from_timestamp(now, 0).unwrap();
    let Some(mut signature) = EventSignature::read(header, &tokens(secrets), now) else { return false };
    body.as_bytes().chunks(7).for_each(|part| signature.update(part));
    signature.is_valid()
}

#[test]
fn twilio_forms_with_known_answers() {
    let ours = tokens(&[TOKEN]);
    // Unsorted, with an empty value, an escaped one, and names that differ only in case.
    let form = "From=%2B12125550101&CallSid=CA0123456789abcdef0123456789abcdef&b=1&To=%2B12125550123\
                &CallerName=Zo%C3%AB+%26+S%C3%B6hne&B=2&ForwardedFrom=";
    let signature = "VPH0KrnWQUTco7rLXP6SxUQyUzg=";
    assert!(verify_form(URL, form.as_bytes(), signature, &ours));
    assert!(verify_form(&format!("{URL}#rc=2&rp=all"), form.as_bytes(), signature, &ours));
    assert!(verify_form(URL, form.as_bytes(), signature, &tokens(&["retired", TOKEN])));
    for (url, form, signature, tokens) in [
        (format!("{URL}/"), form.to_owned(), signature, ours.clone()),
        (URL.replace("https", "http"), form.to_owned(), signature, ours.clone()),
        (URL.to_owned(), form.replace("5550123", "5550124"), signature, ours.clone()),
        (URL.to_owned(), form.replace("%2B", "+"), signature, ours.clone()),
        (URL.to_owned(), form.replace("&ForwardedFrom=", ""), signature, ours.clone()),
        (URL.to_owned(), form.to_owned(), "VPH0KrnWQUTco7rLXP6SxUQyUzg", ours.clone()),
        (URL.to_owned(), form.to_owned(), "", ours),
        (URL.to_owned(), form.to_owned(), signature, tokens(&["another"])),
        (URL.to_owned(), form.to_owned(), signature, Vec::new()),
    ] {
        assert!(!verify_form(&url, form.as_bytes(), signature, &tokens), "{url} {form} {signature}");
    }
    // Repeated names: their distinct values, sorted.
    let url = format!("{URL}?x=%2B1");
    assert!(verify_form(&url, b"Tag=b&Tag=a&Tag=b", "qWyHG3FvX9jgLK7m/D0pKeNVrB0=", &tokens(&[TOKEN])));
    // Signed with the port that https has anyway.
    assert!(verify_form(URL, b"To=%2B12125550123", "9lM3eHnxEI49bXrCG7q+fSQatVs=", &tokens(&[TOKEN])));
}

#[test]
fn an_empty_token_vouches_for_nothing() {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"");
    let signature = STANDARD.encode(hmac::sign(&key, URL.as_bytes()));
    assert!(!verify_get(URL, &signature, &tokens(&[""])));
}

#[test]
fn twilio_ports_and_queries() {
    let ours = tokens(&[TOKEN]);
    let to = ("To", "+12125550123");
    let passes = |configured: &str, signed: &str| {
        verify_form(configured, b"To=%2B12125550123", &sign(signed, &[to]), &ours)
    };
    let (bare, port) =
        ("https://voice.switchboard.example/x?a=1", "https://voice.switchboard.example:8443/x?a=1");
    assert!(passes(port, port) && passes(port, bare) && passes(bare, bare));
    assert!(!passes(bare, port));
    assert!(!passes(port, &port.replace("8443", "443")));
    assert!(passes("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"));
    assert!(passes("http://switchboard.example/x", "http://switchboard.example:80/x"));

    let get = format!("{URL}?From=%2B12125550101&To=%2B12125550123");
    assert!(verify_get(&get, "ZVH1tteRdjLlYvlQNknS8SOcAaw=", &ours));
    assert!(!verify_get(&get.replace("%2B", "%2b"), "ZVH1tteRdjLlYvlQNknS8SOcAaw=", &ours));
}

#[test]
fn twilio_json_is_vouched_for_by_its_hash() {
    let ours = tokens(&[TOKEN]);
    let body = b"{\"CallSid\":\"CA1\",\"To\":\"+12125550123\"}\n";
    let hash = "a273c0cf1ae71de6100b3f217bd4a2f07e1fbfa32cf708be255307c7609fce5c";
    let url = format!("{URL}?bodySHA256={hash}");
    let signature = "rOT62XuUaI1WAXTZA8dvqA+LPlI=";
    assert!(verify_json(&url, body, signature, &ours));
    assert!(
        !verify_json(&url, body.trim_ascii_end(), signature, &ours),
        "the bytes count, not their meaning"
    );
    assert!(!verify_json(URL, body, &sign(URL, &[]), &ours), "nothing vouches for this body");
    let swapped = format!("{URL}?bodySHA256={}", hex(digest::digest(&digest::SHA256, b"{}").as_ref()));
    assert!(!verify_json(&swapped, b"{}", signature, &ours));
    let two = format!("{URL}?bodySHA256={hash}&bodySHA256=0");
    assert!(!verify_json(&two, body, &sign(&two, &[]), &ours));
}

#[test]
fn elevenlabs_events_with_a_known_answer() {
    let digest = "855fc252dc1fe63b989d985ce6cac1e2d2d37139640e189ca5a6eb16cbb13cf4";
    let header = format!("t={SIGNED_AT},v0={digest}");
    assert!(event_passes(&header, EVENT, SIGNED_AT + 1));
    assert!(event_passes(&format!("x,v1=00,v0={digest},t={SIGNED_AT}"), EVENT, SIGNED_AT));
    assert!(event_passes(&format!("t={SIGNED_AT},v0={},v0={digest}", "0".repeat(64)), EVENT, SIGNED_AT));
    for bad in [
        String::new(),
        format!("t={SIGNED_AT}"),
        format!("v0={digest}"),
        format!("t={SIGNED_AT}, v0={digest}"),
        format!("t={SIGNED_AT},v0={}", digest.to_uppercase()),
        format!("t={SIGNED_AT},v0={}", &digest[..62]),
        format!("t={SIGNED_AT},v1={digest}"),
        format!("t={SIGNED_AT},t={SIGNED_AT},v0={digest}"),
        format!("t={},v0={digest}", SIGNED_AT + 1),
    ] {
        assert!(!event_passes(&bad, EVENT, SIGNED_AT), "{bad}");
    }
    assert!(!event_passes(&header, &EVENT.replace("ä", "a"), SIGNED_AT));
    assert!(!event_passes_with(&["wsec_other", ""], &header, EVENT, SIGNED_AT));
}

#[test]
fn elevenlabs_events_grow_old_and_come_from_no_far_future() {
    let signed = |time: &str| format!("t={time},v0={}", event_digest(time, EVENT.as_bytes()));
    for (age, passes) in [(0, true), (1800, true), (1801, false), (-300, true), (-301, false)] {
        assert_eq!(event_passes(&signed(&SIGNED_AT.to_string()), EVENT, SIGNED_AT + age), passes, "{age}");
    }
    for time in ["soon", "", "1788000000.5", "1788000000000", "+1788000000", "99999999999999999999"] {
        assert!(!event_passes(&signed(time), EVENT, SIGNED_AT), "{time}");
    }
}
