//! Fuzz targets: one function for each parser of what comes from outside. Each takes any bytes and panics if a parser does, or if
//! what it accepts is not read back as it is written.
//!
//! `cargo +nightly fuzz run TARGET` runs one with libFuzzer. The test `fuzz::every_target_stands_mutations_of_its_corpus` of the
//! server includes this file and runs all of them on the corpus and on mutations of it, with the stable compiler.

use std::fmt::Debug;
use std::str::FromStr;

use chrono::{DateTime, Weekday};
use secrecy::SecretString;
use switchboard::calls::rewritten_journal_entry;
use switchboard::carrier::signature::{verify_form, verify_get, verify_json};
use switchboard::carrier::{DialCallback, Parameters, StatusCallback, VoiceRequest};
use switchboard::config::Config;
use switchboard::domain::{
    ActionDraft, AgentId, AreaCode, CallId, CallerId, ConditionDraft, CountryCode, DatabaseUrl, E164,
    IdempotencyKey, Language, NodeId, NumberId, OperationId, RoutingActionKind, RoutingRules, RuleDraft,
    mask,
};
use switchboard::graphql::{CursorScope, List};
use switchboard::voice::{EventHead, EventSignature, VoiceEvent};

/// A target: its name, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target. Each has a folder of its name in `corpus/`.
pub const TARGETS: &[Target] = &[
    ("twilio_webhook", twilio_webhook),
    ("e164", e164),
    ("database_url", database_url),
    ("routing_rules", routing_rules),
    ("elevenlabs_event", elevenlabs_event),
    ("cursor", cursor),
    ("journal_entry", journal_entry),
    ("signature", signature),
    ("configuration", configuration),
    ("ids", ids),
];

/// A Twilio webhook: a form, or a JSON object.
pub fn twilio_webhook(data: &[u8]) {
    for parameters in
        [Some(Parameters::from_form(data)), Parameters::from_json(data).ok()].into_iter().flatten()
    {
        if let Ok(call) = VoiceRequest::read(&parameters) {
            assert!(!call.call_sid.is_empty() && !call.account_sid.is_empty());
        }
        if let Ok(report) = StatusCallback::read(&parameters) {
            assert!(
                !report.call_sid.is_empty() && report.duration_seconds.is_none_or(|seconds| seconds >= 0)
            );
        }
        if let Ok(result) = DialCallback::read(&parameters) {
            assert!(!result.call_sid.is_empty());
        }
    }
}

/// A phone number, and the caller's number of a call, which may be a word.
pub fn e164(data: &[u8]) {
    let text = &String::from_utf8_lossy(data);
    reads_back::<E164>(text);
    if let Ok(number) = text.parse::<E164>() {
        let masked = mask(number.as_str());
        assert!(!masked.contains(number.as_str()), "{masked} shows the number");
    }
    let caller = CallerId::read(text);
    assert!(caller.shown().is_none_or(|shown| !shown.is_empty()));
}

/// `DATABASE_URL`. No error repeats a part of it.
pub fn database_url(data: &[u8]) {
    let text = &String::from_utf8_lossy(data);
    if let Ok(url) = DatabaseUrl::parse(text) {
        assert!(!url.hosts().is_empty());
        for host in url.hosts() {
            // The driver gets one host at a time.
            let alone = DatabaseUrl::parse(host.expose_url()).expect("the URL of one host is a URL");
            assert_eq!(alone.hosts().len(), 1);
        }
    }
    // What is written as a password shows nowhere.
    let marked = format!("postgres://user:{SENTINEL}{text}@host/db");
    match DatabaseUrl::parse(&marked) {
        Ok(url) => assert!(!format!("{url:?} {}", url.address()).contains(SENTINEL)),
        Err(problem) => assert!(!problem.to_string().contains(SENTINEL), "{problem}"),
    }
}

/// Routing rules, one on each line: `kind|name|from|to|zone|dates|callers|number|seconds|message|days`.
pub fn routing_rules(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let drafts: Vec<_> = text.lines().map(draft).collect();
    let count = drafts.len();
    let number = "+12125550123".parse().expect("a number");
    match RoutingRules::check(drafts, &number) {
        Err(faults) => assert!(!faults.is_empty()),
        Ok(rules) => {
            assert_eq!(rules.as_slice().len(), count);
            for seconds in [0, 951_782_400, 1_800_000_000, 4_102_444_799] {
                let at = DateTime::from_timestamp(seconds, 0).expect("a possible time");
                for caller in ["+13105550199", "+4930123456", "anonymous", ""] {
                    assert!(!rules.decide(&CallerId::read(caller), at).reason.is_empty());
                }
            }
            let written = serde_json::to_string(&rules).expect("rules can be written");
            let read: RoutingRules =
                serde_json::from_str(&written).expect("rules that were written can be read");
            assert_eq!(read, rules);
        }
    }
}

/// A webhook of ElevenLabs, whole and cut off.
pub fn elevenlabs_event(data: &[u8]) {
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a possible time");
    if let Ok(VoiceEvent::Conversation(report)) = VoiceEvent::parse(data, now) {
        assert!(!report.conversation_id.is_empty());
    }
    let head = EventHead::read(data);
    assert!(head.conversation_over().is_none_or(|id| !id.is_empty()));
    let _ = EventHead::read(&data[..data.len() / 2]);
}

/// A cursor of a GraphQL connection.
pub fn cursor(data: &[u8]) {
    let text = &String::from_utf8_lossy(data);
    for list in [List::Agents, List::Numbers, List::Calls, List::AuditEvents] {
        let scope = CursorScope::new(list, &"");
        if let Ok(cursor) = scope.decode(text) {
            assert_eq!(scope.encode(cursor), **text);
            assert!(
                CursorScope::new(list, &"other").decode(text).is_err(),
                "a cursor of another filter is accepted"
            );
        }
    }
}

/// An entry of the journal.
pub fn journal_entry(data: &[u8]) {
    if let Some(written) = rewritten_journal_entry(data) {
        assert!(!written.contains('\n'), "an entry is one line");
        let again = rewritten_journal_entry(written.as_bytes());
        assert_eq!(again.as_ref(), Some(&written));
    }
}

/// Signatures of webhooks: the header on the first line, the URL on the second, the body behind. None is valid.
pub fn signature(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let header = &String::from_utf8_lossy(parts.next().unwrap_or_default());
    let url = &String::from_utf8_lossy(parts.next().unwrap_or_default());
    let body = parts.next().unwrap_or_default();
    // Random, and in no corpus.
    let secrets = [SecretString::from("b9c1f8e47a5d40c2953de6f0a1b7d284")];
    assert!(!verify_form(url, body, header, &secrets));
    assert!(!verify_json(url, body, header, &secrets));
    assert!(!verify_get(url, header, &secrets));
    for seconds in [0, 1_800_000_000] {
        let now = DateTime::from_timestamp(seconds, 0).expect("a possible time");
        if let Some(mut event) = EventSignature::read(header, &secrets, now) {
            event.update(body);
            assert!(!event.is_valid());
        }
    }
}

/// The configuration: `NAME=value` on each line. No mistake repeats a value.
pub fn configuration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let variables: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let find = |name: &str, before: &str| {
        let value = variables.iter().rev().find(|(of, _)| *of == name).map(|(_, value)| *value)?;
        Some(format!("{before}{value}"))
    };
    if let Ok(config) = Config::from_vars(|name| find(name, "")) {
        assert!(config.jwt.secret.is_some() || config.jwt.jwks_url.is_some());
        assert!(config.jwt.tenant_claim.starts_with('/'));
    }
    let marked = Config::from_vars(|name| find(name, SENTINEL));
    for mistake in marked.err().unwrap_or_default() {
        assert!(!format!("{mistake} {mistake:?}").contains(SENTINEL), "{mistake}");
    }
}

/// Ids and other short texts of the API.
pub fn ids(data: &[u8]) {
    let text = &String::from_utf8_lossy(data);
    reads_back::<NodeId>(text);
    reads_back::<AgentId>(text);
    reads_back::<NumberId>(text);
    reads_back::<OperationId>(text);
    reads_back::<CallId>(text);
    reads_back::<AreaCode>(text);
    reads_back::<CountryCode>(text);
    reads_back::<IdempotencyKey>(text);
    if let Ok(language) = text.parse::<Language>() {
        assert_eq!(language.code().parse::<Language>().ok(), Some(language));
    }
}

/// Stands for a secret that must not be repeated. In no corpus.
const SENTINEL: &str = "s3nt1n3l";

/// What is accepted is read back as it is written.
fn reads_back<T: FromStr + ToString + PartialEq + Debug>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let written = read.to_string();
        assert_eq!(written.parse::<T>().ok(), Some(read), "{text} was written as {written}");
    }
}

fn draft(line: &str) -> RuleDraft {
    let mut fields = line.split('|');
    let mut field = || fields.next().filter(|text| !text.is_empty()).map(str::to_owned);
    let list = |text: Option<String>| text.map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
    let kind = match field().as_deref() {
        Some("FORWARD") => RoutingActionKind::Forward,
        Some("FORWARD_THEN_AGENT") => RoutingActionKind::ForwardThenAgent,
        Some("MESSAGE") => RoutingActionKind::Message,
        Some("REJECT") => RoutingActionKind::Reject,
        _ => RoutingActionKind::Agent,
    };
    let name = field().unwrap_or_default();
    let (from, to, time_zone) = (field(), field(), field());
    let (dates, callers) = (list(field()), list(field()));
    let forward_to = field().map(|text| text.parse());
    let (ring_seconds, message) = (field().and_then(|text| text.parse().ok()), field());
    let days = list(field()).map(|days| days.iter().filter_map(|day| day.parse::<Weekday>().ok()).collect());
    RuleDraft {
        name,
        condition: ConditionDraft { days, from, to, time_zone, dates, callers },
        action: ActionDraft { kind, forward_to, ring_seconds, message },
    }
}
