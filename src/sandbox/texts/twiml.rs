//! TwiML parser for the verbs that can answer a message. Names are case-sensitive, as at Twilio.

use roxmltree::{Document, Node};

use super::super::webhook::{Target, resolved};

/// A verb of a document, in the order of execution.
#[derive(Debug, PartialEq)]
pub(super) enum Verb {
    Message(Reply),
    Redirect(Target),
}

/// `<Message>`: a message to send.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reply {
    /// Recipient. `None`: the sender of the inbound message.
    pub(super) to: Option<String>,
    /// Sender. `None`: the number that was reached.
    pub(super) from: Option<String>,
    pub(super) body: String,
    pub(super) media_urls: Vec<String>,
    /// The next document; the verbs after it are not executed.
    pub(super) action: Option<Target>,
    pub(super) status_callback: Option<String>,
}

/// Parses a document. Relative URLs are resolved against `base`, the document's URL. Returns Twilio's warning about elements that it
/// ignores, too.
///
/// # Errors
/// Twilio's error code and a text.
pub(super) fn parse(text: &str, base: &str) -> Result<(Vec<Verb>, Option<String>), String> {
    let document = Document::parse(text).map_err(|error| format!("12100: not XML ({error})"))?;
    let root = document.root_element();
    if root.tag_name().name() != "Response" {
        return Err(format!("12100: the root is <{}>, not <Response>", root.tag_name().name()));
    }
    let (mut verbs, mut warning) = (Vec::new(), None);
    for element in root.children().filter(Node::is_element) {
        match element.tag_name().name() {
            "Message" => verbs.push(Verb::Message(reply(element, base)?)),
            "Redirect" => {
                let method = element.attribute("method").unwrap_or_default();
                let url = resolved(&all_text(element), base)?;
                verbs
                    .push(Verb::Redirect(Target::of(&url, method).ok_or("12200: <Redirect> without a URL")?));
            }
            other => warning = Some(format!("12200: <{other}> is not a verb for messages and is ignored")),
        }
    }
    Ok((verbs, warning))
}

fn reply(element: Node<'_, '_>, base: &str) -> Result<Reply, String> {
    let attribute = |name: &str| element.attribute(name).filter(|value| !value.is_empty());
    let nested = |name: &'static str| {
        element.children().filter(move |node| node.tag_name().name() == name).map(all_text)
    };
    let bodies: Vec<String> = nested("Body").collect();
    // Text outside of `<Body>` counts only if there is none.
    let body = if bodies.is_empty() { own_text(element) } else { bodies.concat() };
    let media_urls = nested("Media").map(|url| resolved(&url, base)).collect::<Result<_, _>>()?;
    let url = |name: &str| attribute(name).map(|url| resolved(url, base)).transpose();
    let method = attribute("method").unwrap_or_default();
    Ok(Reply {
        to: attribute("to").map(str::to_owned),
        from: attribute("from").map(str::to_owned),
        body,
        media_urls,
        action: url("action")?.and_then(|url| Target::of(&url, method)),
        status_callback: url("statusCallback")?,
    })
}

fn own_text(element: Node<'_, '_>) -> String {
    let text: String = element.children().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
    text.trim().to_owned()
}

fn all_text(element: Node<'_, '_>) -> String {
    let text: String =
        element.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
    text.trim().to_owned()
}
