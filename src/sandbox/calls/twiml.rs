//! TwiML parser for the verbs that can answer a call. Names are case-sensitive, as at Twilio.

use roxmltree::{Document, Node};

use super::super::webhook::{Target, resolved};

/// A verb of a document, in the order of execution.
#[derive(Debug, PartialEq)]
pub(super) enum Verb {
    /// Something the caller hears or waits for, described in words. Execution continues with the next verb.
    Heard(String),
    /// `<Connect>`: a two-way media stream.
    Connect {
        stream: Option<Stream>,
        action: Option<Target>,
    },
    /// `<Dial>`: numbers to ring.
    Dial {
        who: Vec<String>,
        /// Caller id shown to the dialled numbers. `None`: the caller's own number.
        caller_id: Option<String>,
        action: Option<Target>,
    },
    Redirect(Target),
    Reject {
        busy: bool,
    },
    Hangup,
}

/// URL and custom parameters of a `<Stream>`.
#[derive(Debug, PartialEq)]
pub(super) struct Stream {
    pub(super) url: String,
    pub(super) parameters: Vec<(String, String)>,
}

/// Parses a document. Relative URLs are resolved against `base`, the document's URL.
///
/// # Errors
/// Twilio's error code and a text.
pub(super) fn parse(text: &str, base: &str) -> Result<Vec<Verb>, String> {
    let document = Document::parse(text).map_err(|error| format!("12100: not XML ({error})"))?;
    let root = document.root_element();
    if root.tag_name().name() != "Response" {
        return Err(format!("12100: the root is <{}>, not <Response>", root.tag_name().name()));
    }
    let mut verbs = Vec::new();
    for element in root.children().filter(Node::is_element) {
        parse_verb(element, base, &mut verbs)?;
    }
    Ok(verbs)
}

fn parse_verb(element: Node<'_, '_>, base: &str, verbs: &mut Vec<Verb>) -> Result<(), String> {
    let name = element.tag_name().name();
    let verb = match name {
        "Say" => Verb::Heard(format!("say: {}", all_text(element))),
        "Play" => Verb::Heard(format!("play: {}", all_text(element))),
        "Pause" => Verb::Heard(format!("pause: {} s", element.attribute("length").unwrap_or("1"))),
        "Record" => Verb::Heard("record: the caller says nothing".to_owned()),
        "Gather" => {
            // What is nested plays while the caller could press a key.
            for child in element.children().filter(Node::is_element) {
                parse_verb(child, base, verbs)?;
            }
            Verb::Heard("gather: the caller presses nothing".to_owned())
        }
        "Connect" => Verb::Connect { stream: stream(element)?, action: action(element, base)? },
        "Dial" => {
            let caller_id = element.attribute("callerId").map(str::to_owned);
            Verb::Dial { who: dialled(element), caller_id, action: action(element, base)? }
        }
        "Redirect" => {
            let method = element.attribute("method").unwrap_or_default();
            let url = resolved(&all_text(element), base)?;
            Verb::Redirect(Target::of(&url, method).ok_or("12200: <Redirect> without a URL")?)
        }
        "Reject" => Verb::Reject { busy: element.attribute("reason") == Some("busy") },
        "Hangup" => Verb::Hangup,
        other => Verb::Heard(format!("<{other}> is not supported by the sandbox")),
    };
    verbs.push(verb);
    Ok(())
}

fn all_text(element: Node<'_, '_>) -> String {
    let text: String =
        element.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
    text.trim().to_owned()
}

fn action(element: Node<'_, '_>, base: &str) -> Result<Option<Target>, String> {
    let Some(url) = element.attribute("action").filter(|url| !url.is_empty()) else { return Ok(None) };
    Ok(Target::of(&resolved(url, base)?, element.attribute("method").unwrap_or_default()))
}

fn stream(element: Node<'_, '_>) -> Result<Option<Stream>, String> {
    let is_stream = |node: &Node<'_, '_>| node.tag_name().name() == "Stream";
    let Some(stream) = element.children().find(is_stream) else { return Ok(None) };
    let url = stream.attribute("url").unwrap_or_default();
    if !url.starts_with("wss://") {
        return Err(format!("12200: a <Stream> goes to wss://, not to {url:?}"));
    }
    let parameters = stream.children().filter(|node| node.tag_name().name() == "Parameter");
    let parameters = parameters.map(|node| {
        let text = |name: &str| node.attribute(name).unwrap_or_default().to_owned();
        (text("name"), text("value"))
    });
    // Twilio drops the query of a stream's URL.
    let url = url.split('?').next().unwrap_or(url).to_owned();
    Ok(Some(Stream { url, parameters: parameters.collect() }))
}

fn dialled(element: Node<'_, '_>) -> Vec<String> {
    let nouns: Vec<String> = element.children().filter(Node::is_element).map(all_text).collect();
    // `<Dial>` takes a number as its text, or nouns such as `<Number>`.
    let nouns = if nouns.is_empty() { vec![all_text(element)] } else { nouns };
    nouns.into_iter().filter(|noun| !noun.is_empty()).collect()
}
