//! Calls of the emulated carrier, and what it was answered with.

use serde_json::Value;
use switchboard::domain::{CallId, Clock, Entropy, IncomingCall};

use super::App;

pub(crate) const CALLER: &str = "+13125550199";
pub(crate) const DESK: &str = "+12125550142";

/// The names of the verbs the carrier was answered with, an answer each.
pub(crate) fn verbs(call: &Value) -> Vec<Vec<String>> {
    let answers = call["answered_with"].as_array().unwrap_or_else(|| panic!("{call}"));
    let of = |answer: &Value| {
        let twiml = answer["twiml"].as_str().unwrap();
        let document = roxmltree::Document::parse(twiml).unwrap();
        document.root_element().children().map(|verb| verb.tag_name().name().to_owned()).collect()
    };
    answers.iter().map(of).collect()
}

pub(crate) fn twiml(call: &Value, nth: usize) -> &str {
    call["answered_with"][nth]["twiml"].as_str().unwrap()
}

/// Announces a call to the store as the webhook would.
pub(crate) async fn announce(app: &App, sid: &str, to: &Value) {
    let id = CallId(Entropy::system().uuid(Clock::system().now()));
    let call = IncomingCall {
        sid: sid.to_owned(),
        from: "+13055550100".to_owned(),
        attestation: None,
        to: to.as_str().unwrap().parse().unwrap(),
    };
    app.database().system().admit_call(id, &call).await.unwrap().expect("the number is ours");
}
