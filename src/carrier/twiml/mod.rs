//! TwiML, Twilio's answer language: renders the answers of routing. What connects a caller to an agent is the voice provider's TwiML
//! and passes through unchanged.

mod speech;

use std::fmt;

use url::Url;

use crate::domain::{CallAnswer, E164, IfUnanswered, Language, Webhook};
use speech::Speech;

/// The longest text Twilio reads aloud.
const LONGEST_SENTENCE: usize = 4096;

/// A document: verbs, carried out from top to bottom; after the last one the call ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Twiml(pub Vec<Verb>);

/// One thing to do with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Reads a sentence aloud.
    Say {
        /// What; cut at 4096 characters.
        text: String,
        /// In which language; each has a voice that speaks it.
        language: Language,
    },
    /// Connects the caller to a number.
    Dial(Dial),
    /// Does not answer the call, so it costs nothing. Only as the first verb.
    Reject(RejectReason),
    /// Ends the call.
    Hangup,
}

/// Connects the caller to a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// Who is called.
    pub number: E164,
    /// How long it may ring, in seconds; Twilio takes 5 to 600.
    pub timeout_seconds: u16,
    /// Asked for TwiML when the call to the number is over, busy and unanswered included; verbs after
    /// this one are then not reached. Without it, the next verb follows.
    pub action: Option<String>,
    /// Shown to the one called; the caller's own number when `None`. Must be a number the account may show.
    pub caller_id: Option<E164>,
}

/// What a rejected caller hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// That the number is not in service.
    Rejected,
    /// The busy tone.
    Busy,
}

impl Twiml {
    /// The content type to answer with; without one the call fails.
    pub const CONTENT_TYPE: &'static str = "text/xml; charset=utf-8";
}

/// Renders answers, with the URLs at which Twilio reports how a dialled number's call ended.
#[derive(Debug, Clone)]
pub struct TwimlRenderer {
    dial_ended: String,
    forward_ended: String,
}

impl TwimlRenderer {
    /// For the webhooks under this public address.
    #[must_use]
    pub fn new(webhook_base_url: &Url) -> Self {
        let url = |webhook: Webhook| String::from(webhook.url(webhook_base_url));
        Self { dial_ended: url(Webhook::DialEnded), forward_ended: url(Webhook::ForwardEnded) }
    }

    /// The TwiML of an answer. Equal answers give equal bytes.
    #[must_use]
    pub fn render(&self, answer: CallAnswer) -> String {
        let verb = match answer {
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
            CallAnswer::Reject => Verb::Reject(RejectReason::Rejected),
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
            Self::Reject(RejectReason::Rejected) => f.write_str(r#"<Reject reason="rejected"/>"#),
            Self::Reject(RejectReason::Busy) => f.write_str(r#"<Reject reason="busy"/>"#),
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

/// Text fit for an element or an attribute. What XML 1.0 has no way to write is left out.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
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
        let busy = Twiml(vec![Verb::Reject(RejectReason::Busy)]);
        assert_eq!(busy.to_string(), format!(r#"{head}<Response><Reject reason="busy"/></Response>"#));
    }
}
