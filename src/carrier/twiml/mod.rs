//! Renders routing's answers in TwiML, Twilio's markup language for calls. The voice provider's TwiML, which connects a caller
//! to an agent, passes through unchanged.

mod speech;

use std::fmt;

use url::Url;

use crate::domain::{CallAnswer, E164, IfUnanswered, Language, Webhook};
use speech::Speech;

/// The longest text that Twilio reads aloud, in characters.
const LONGEST_SENTENCE: usize = 4096;

/// A TwiML document: verbs that run from top to bottom. The call ends after the last one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Twiml(pub Vec<Verb>);

/// A verb of TwiML: one thing that Twilio does with the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Reads a sentence aloud.
    Say {
        /// The text; cut at 4096 characters.
        text: String,
        /// The language of the text, which selects the voice.
        language: Language,
    },
    /// Connects the caller to a number.
    Dial(Dial),
    /// Does not answer the call, so it costs nothing; the caller hears that the number is not in service. Valid only as
    /// the first verb.
    Reject,
    /// Ends the call at once.
    Hangup,
}

/// Connects the caller to a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// The number to dial.
    pub number: E164,
    /// Ring time in seconds; Twilio accepts 5 to 600.
    pub timeout_seconds: u16,
    /// The URL that Twilio asks for TwiML when the dialled call is over, also if it was busy or unanswered. Twilio then skips
    /// the remaining verbs. `None`: the next verb follows.
    pub action: Option<String>,
    /// The caller id to show, a number that the account may show. `None`: the caller's own number.
    pub caller_id: Option<E164>,
}

impl Twiml {
    /// The content type of the answer. Twilio fails a call whose answer has none.
    pub const CONTENT_TYPE: &'static str = "text/xml; charset=utf-8";
}

/// Renders answers, with the URLs at which Twilio reports how a dialled number's call ended.
#[derive(Debug, Clone)]
pub struct TwimlRenderer {
    dial_ended: String,
    forward_ended: String,
}

impl TwimlRenderer {
    /// Renders answers for webhooks under this public URL.
    #[must_use]
    pub fn new(webhook_base_url: &Url) -> Self {
        let url = |webhook: Webhook| String::from(webhook.url(webhook_base_url));
        Self { dial_ended: url(Webhook::DialEnded), forward_ended: url(Webhook::ForwardEnded) }
    }

    /// Renders an answer as TwiML. Equal answers give equal bytes.
    #[must_use]
    pub fn render(&self, answer: CallAnswer) -> String {
        let verb = match answer {
            // Unchanged: the provider's document belongs to the conversation that it has just registered.
            CallAnswer::Connect { handover, .. } => return handover,
            CallAnswer::Dial { number, ring_seconds, caller_id, if_unanswered } => {
                let action = match if_unanswered {
                    IfUnanswered::Agent => &self.forward_ended,
                    IfUnanswered::Apology => &self.dial_ended,
                };
                let action = Some(action.clone());
                Verb::Dial(Dial { number, timeout_seconds: ring_seconds, action, caller_id })
            }
            CallAnswer::Say { text, language } => Verb::Say { text, language },
            CallAnswer::Reject => Verb::Reject,
            CallAnswer::HangUp => Verb::Hangup,
        };
        Twiml(vec![verb]).to_string()
    }
}

impl fmt::Display for Twiml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
        if self.0.is_empty() {
            return f.write_str("<Response/>");
        }
        f.write_str("<Response>")?;
        self.0.iter().try_for_each(|verb| verb.fmt(f))?;
        f.write_str("</Response>")
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Say { text, language } => {
                let text: String = text.chars().take(LONGEST_SENTENCE).collect();
                let Speech { voice, tag } = Speech::of(*language);
                write!(f, r#"<Say voice="{voice}" language="{tag}">{}</Say>"#, Escaped(&text))
            }
            Self::Dial(dial) => dial.fmt(f),
            Self::Reject => f.write_str(r#"<Reject reason="rejected"/>"#),
            Self::Hangup => f.write_str("<Hangup/>"),
        }
    }
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<Dial timeout="{}""#, self.timeout_seconds.clamp(5, 600))?;
        if let Some(action) = &self.action {
            write!(f, r#" action="{}" method="POST""#, Escaped(action))?;
        }
        if let Some(caller_id) = &self.caller_id {
            write!(f, r#" callerId="{caller_id}""#)?;
        }
        write!(f, "><Number>{}</Number></Dial>", self.number)
    }
}

/// Text escaped for an element or an attribute, without characters that XML 1.0 cannot represent.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // An XML parser turns literal ones in an attribute into spaces.
                '\t' | '\n' | '\r' => write!(f, "&#{};", u32::from(c))?,
                '\u{0}'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => {}
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_said_stays_text() {
        let hostile = "Tom & Jerry's </Say><Hangup/> \u{0}\u{b}\u{fffe}\"ok\" 👋 line\r\nnext";
        let twiml = Twiml(vec![
            Verb::Say { text: hostile.to_owned(), language: Language::default() },
            Verb::Dial(Dial {
                number: "+12125550123".parse().unwrap(),
                timeout_seconds: 9999,
                action: Some("https://switchboard.example/dial?a=1&b=2".to_owned()),
                caller_id: Some("+12125550199".parse().unwrap()),
            }),
            Verb::Hangup,
        ])
        .to_string();
        let document = roxmltree::Document::parse(&twiml).expect("well-formed");
        let verbs: Vec<_> = document.root_element().children().collect();
        assert_eq!(
            verbs.iter().map(|verb| verb.tag_name().name()).collect::<Vec<_>>(),
            ["Say", "Dial", "Hangup"]
        );
        assert_eq!(verbs[0].text(), Some("Tom & Jerry's </Say><Hangup/> \"ok\" 👋 line\r\nnext"));
        assert_eq!(verbs[0].attribute("language"), Some("en-US"));
        assert_eq!(verbs[0].attribute("voice"), Some("Polly.Joanna"));
        assert_eq!(verbs[1].attribute("action"), Some("https://switchboard.example/dial?a=1&b=2"));
        assert_eq!(verbs[1].attribute("timeout"), Some("600"));
        assert_eq!(verbs[1].attribute("callerId"), Some("+12125550199"));
        assert_eq!(verbs[1].first_element_child().and_then(|number| number.text()), Some("+12125550123"));
    }

    #[test]
    fn every_answer_renders_to_valid_twiml() {
        let renderer = TwimlRenderer::new(&"https://example.com/calls/".parse().unwrap());
        let number: E164 = "+12125550142".parse().unwrap();
        let caller_id = Some("+12125550100".parse().unwrap());
        let dial = |if_unanswered, caller_id| CallAnswer::Dial {
            number: number.clone(),
            ring_seconds: 20,
            caller_id,
            if_unanswered,
        };
        let handover =
            "<?xml version=\"1.0\"?>\n<Response><Connect><Stream url=\"wss://v\"/></Connect></Response>";
        let connect =
            |conversation_id| CallAnswer::Connect { conversation_id, handover: handover.to_owned() };
        let mut answers = vec![
            (connect(None), "Connect"),
            (connect(Some("conv_1".to_owned())), "Connect"),
            (dial(IfUnanswered::Agent, None), "Dial"),
            (dial(IfUnanswered::Apology, caller_id), "Dial"),
            (CallAnswer::Reject, "Reject"),
            (CallAnswer::HangUp, "Hangup"),
        ];
        answers.extend(Language::all().map(|language| (CallAnswer::apology(language), "Say")));
        for (answer, verb) in answers {
            let stored = serde_json::to_value(&answer).unwrap();
            let twiml = renderer.render(answer.clone());
            let again = serde_json::from_value(stored).unwrap();
            assert_eq!(renderer.render(again), twiml, "a stored answer renders to the same bytes");
            let document = roxmltree::Document::parse(&twiml).expect("well-formed");
            let root = document.root_element();
            assert!(root.has_tag_name("Response"), "{twiml}");
            let verbs: Vec<_> = root.children().collect();
            assert_eq!(verbs.len(), 1, "{twiml}");
            assert!(verbs[0].has_tag_name(verb), "{twiml}");
            let action = match answer {
                CallAnswer::Connect { .. } => {
                    assert_eq!(twiml, handover);
                    None
                }
                CallAnswer::Dial { if_unanswered: IfUnanswered::Agent, .. } => Some("forwarded"),
                CallAnswer::Dial { .. } => {
                    assert_eq!(verbs[0].attribute("callerId"), Some("+12125550100"));
                    Some("dial")
                }
                CallAnswer::Say { text, .. } => {
                    assert_eq!(verbs[0].text(), Some(text.as_str()));
                    None
                }
                CallAnswer::Reject | CallAnswer::HangUp => None,
            };
            let action = action.map(|end| format!("https://example.com/calls/api/webhooks/call/{end}"));
            assert_eq!(verbs[0].attribute("action"), action.as_deref());
        }
    }

    #[test]
    fn the_shortest_answers() {
        let head = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        assert_eq!(Twiml::default().to_string(), format!("{head}<Response/>"));
        let reject = Twiml(vec![Verb::Reject]);
        assert_eq!(reject.to_string(), format!(r#"{head}<Response><Reject reason="rejected"/></Response>"#));
    }
}
