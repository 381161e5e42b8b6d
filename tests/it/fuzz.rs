//! Whatever comes in from outside, no parser of ours panics, and what one accepts it writes as it reads it. Each takes
//! the corpus in `tests/corpus/`, and then texts made up anew at every run; one that fails is kept beside this file.

use std::str::FromStr;

use chrono::DateTime;
use proptest::prelude::*;
use roxmltree::Document;
use secrecy::SecretString;
use switchboard::carrier::signature::{verify_form, verify_get, verify_json};
use switchboard::carrier::{Twiml, Verb};
use switchboard::config::Jwt;
use switchboard::domain::{
    AgentId, AreaCode, CallId, CountryCode, E164, IdempotencyKey, Language, NodeId, NumberId, OperationId,
    mask,
};
use switchboard::voice::EventSignature;

const CORPUS: &str = include_str!("../corpus/texts.txt");

/// The corpus, pieces of it put together, and anything at all.
fn texts() -> impl Strategy<Value = String> {
    let known = || prop::sample::select(CORPUS.lines().collect::<Vec<_>>());
    prop_oneof![
        2 => known().prop_map(str::to_owned),
        3 => prop::collection::vec(prop_oneof![known().prop_map(str::to_owned), any::<String>()], 1..5)
            .prop_map(|parts| parts.concat()),
        3 => any::<String>(),
        2 => "[+]?[0-9 ()./-]{0,24}",
        2 => "[a-z]{0,10}_?[0-9a-fA-F]{0,40}",
    ]
}

fn reads_back<T: FromStr + ToString + PartialEq + std::fmt::Debug>(text: &str) -> Result<(), TestCaseError> {
    if let Ok(read) = text.parse::<T>() {
        let written = read.to_string();
        prop_assert_eq!(written.parse::<T>().ok(), Some(read), "{} was written as {}", text, written);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_reads_back(text in texts()) {
        reads_back::<E164>(&text)?;
        reads_back::<AreaCode>(&text)?;
        reads_back::<CountryCode>(&text)?;
        reads_back::<IdempotencyKey>(&text)?;
        reads_back::<NodeId>(&text)?;
        reads_back::<AgentId>(&text)?;
        reads_back::<NumberId>(&text)?;
        reads_back::<OperationId>(&text)?;
        reads_back::<CallId>(&text)?;
        if let Ok(language) = text.parse::<Language>() {
            prop_assert_eq!(language.code().parse::<Language>().ok(), Some(language));
        }
    }

    #[test]
    fn a_masked_number_shows_at_most_its_ends(text in "[+][1-9][0-9]{6,14}") {
        let masked = mask(&text);
        prop_assert!(!masked.contains(&text), "{}", masked);
        let shown = masked.chars().filter(char::is_ascii_digit).count();
        prop_assert!(shown + 3 < text.len(), "{} of {} digits are shown", shown, text.len() - 1);
    }

    #[test]
    fn no_signature_made_up_is_believed(
        url in texts(), body in prop::collection::vec(any::<u8>(), 0..200), signature in texts(), secret in texts(),
        seconds in 0_i64..4_000_000_000,
    ) {
        let secret = SecretString::from(secret);
        let tokens = std::slice::from_ref(&secret);
        prop_assert!(!verify_form(&url, &body, &signature, tokens));
        prop_assert!(!verify_json(&url, &body, &signature, tokens));
        prop_assert!(!verify_get(&url, &signature, tokens));
        let now = DateTime::from_timestamp(seconds, 0).expect("a possible time");
        let event = EventSignature::read(&signature, tokens, now);
        let passes = event.is_some_and(|mut event| {
            event.update(&body);
            event.is_valid()
        });
        prop_assert!(!passes);
    }

    #[test]
    fn whatever_is_said_stays_text(text in texts()) {
        let twiml = Twiml(vec![Verb::Say { text, language: Language::default() }]).to_string();
        let document = Document::parse(&twiml);
        prop_assert!(document.is_ok(), "{}", twiml);
        let document = document.expect("it was just seen to be");
        let say = document.root_element().first_element_child().expect("it says something");
        prop_assert!(say.tag_name().name() == "Say" && say.next_sibling_element().is_none(), "{}", twiml);
        prop_assert!(say.first_element_child().is_none(), "{}", twiml);
    }

    #[test]
    fn a_tenant_claim_is_a_pointer_or_refused(text in texts()) {
        let secret = "a-secret-of-the-tests-of-more-than-32-bytes";
        let variables = |name: &str| match name {
            "JWT_SECRET" => Some(secret.to_owned()),
            "JWT_TENANT_CLAIM" => Some(text.clone()),
            _ => None,
        };
        if let Ok(jwt) = Jwt::from_vars(variables) {
            prop_assert!(jwt.tenant_claim.starts_with('/'), "{}", jwt.tenant_claim);
            let claims = serde_json::Value::Object(serde_json::Map::new());
            prop_assert!(claims.pointer(&jwt.tenant_claim).is_none());
        }
    }
}
