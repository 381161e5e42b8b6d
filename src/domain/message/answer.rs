//! Automatic answers to texts: which texts get one, what the agent is told of earlier texts, and how its answer is sent.

use chrono::{DateTime, TimeDelta, Utc};

use super::consent::is_help_of_carrier;
use super::{
    ConsentWord, IncomingMessage, Message, MessageBody, MessageDirection, MessageStatus, MessagingConsent,
    plain_text, split,
};
use crate::domain::{is_blank, text_enum};

text_enum! {
    /// Who answers a text by itself.
    AutomaticAnswer {
        /// The voice agent.
        Agent = "agent",
        /// The tenant's help text.
        HelpText = "help_text",
    }
}

/// Who is to answer a text, if the tenant wants automatic answers at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextReply {
    /// Nobody: an answer is not wanted, or the carrier has given it.
    #[default]
    Nobody,
    /// The tenant's help text answers it.
    HelpText,
    /// The agent.
    Agent,
    /// A person: the agent cannot.
    Person,
}

/// What a text that came in says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextReading {
    /// What it says about consent.
    pub consent: Option<MessagingConsent>,
    /// Who is to answer it.
    pub reply: TextReply,
}

/// How many texts a thread gets by itself. The agent writes more only to a machine that answers every text.
#[derive(Debug, Clone, Copy)]
pub struct AnswerLimit {
    /// Who writes them.
    pub by: AutomaticAnswer,
    /// Within this time.
    pub within: TimeDelta,
    /// At most so many.
    pub most: u64,
}

/// All limits of automatic texts to one thread.
pub const ANSWER_LIMITS: [AnswerLimit; 3] = [
    AnswerLimit { by: AutomaticAnswer::Agent, within: LOOP, most: 10 },
    AnswerLimit { by: AutomaticAnswer::HelpText, within: TimeDelta::minutes(1), most: 1 },
    AnswerLimit { by: AutomaticAnswer::HelpText, within: TimeDelta::days(1), most: 5 },
];

/// A text that is stored so long after it arrived is not answered by the agent.
const LATEST: TimeDelta = TimeDelta::hours(1);
/// The span within which loops are looked for.
const LOOP: TimeDelta = TimeDelta::minutes(10);
/// Equal texts of a participant within that span. An automatic reply repeats itself; a person in a hurry sends a text twice.
const MOST_EQUAL: usize = 2;
/// Earlier texts that the agent is told, and their lengths in characters.
const MOST_TURNS: usize = 20;
const LONGEST_TURN: usize = 500;
const LONGEST_HISTORY: usize = 6000;
/// Texts of one answer.
const MOST_TEXTS: usize = 3;
/// What the last text of an answer ends with if there was more.
const CUT: &str = " …";

/// Who is to answer a text, given the [word](super::consent_word) that it is.
///
/// A word about consent is no conversation: the agent does not answer it. HELP is answered by the tenant's text, unless the carrier
/// answers it: it does so for its own English words, and for every text that it marks (`OptOutType`). Senders without a telephone
/// number, such as short codes, are machines. What only a person can answer: files alone, and a text that is older than an hour.
#[must_use]
pub fn reply_to(message: &IncomingMessage, word: Option<ConsentWord>, now: DateTime<Utc>) -> TextReply {
    let answered_by_carrier = message.opt_out_type.is_some() || is_help_of_carrier(&message.body);
    match word {
        _ if message.from.number().is_none() => TextReply::Nobody,
        Some(ConsentWord::Help) if !answered_by_carrier => TextReply::HelpText,
        Some(_) => TextReply::Nobody,
        None if is_blank(&message.body) && message.media.is_empty() => TextReply::Nobody,
        None if is_blank(&message.body) || now - message.received_at > LATEST => TextReply::Person,
        None => TextReply::Agent,
    }
}

/// Whether these waiting texts look like those of a machine that answers every text, given the thread's other texts: within ten
/// minutes the participant repeats ours, or sends the same text for the third time.
#[must_use]
pub fn is_text_loop(recent: &[Message], waiting: &[Message], now: DateTime<Utc>) -> bool {
    let recent: Vec<&Message> = recent.iter().filter(|message| now - message.created_at < LOOP).collect();
    let repeats = |text: &Message| {
        let equal = |direction: MessageDirection| {
            let alike = |message: &&&Message| message.direction == direction && is_equal(message, text);
            recent.iter().filter(alike).count()
        };
        let own = waiting.iter().filter(|other| is_equal(other, text)).count();
        equal(MessageDirection::Outbound) > 0 || equal(MessageDirection::Inbound) + own > MOST_EQUAL
    };
    waiting.iter().any(repeats)
}

fn is_equal(one: &Message, other: &Message) -> bool {
    let text = |message: &Message| message.body.as_deref().map(|body| body.trim().to_owned());
    text(one) == text(other)
}

/// Earlier texts of a thread for the agent, oldest first, a line each: the last twenty, as far as they fit 6000 characters. Texts that
/// did not arrive, and files, are left out.
#[must_use]
pub fn text_history(earlier: &[Message]) -> String {
    let mut left = LONGEST_HISTORY;
    let mut lines = Vec::new();
    let told = earlier.iter().rev().filter(|message| {
        !matches!(
            message.status,
            MessageStatus::Failed | MessageStatus::Undelivered | MessageStatus::Canceled
        ) && message.body.as_deref().is_some_and(|body| !is_blank(body))
    });
    for message in told.take(MOST_TURNS) {
        let who = match message.direction {
            MessageDirection::Inbound => "Person",
            MessageDirection::Outbound => "Practice",
        };
        let body: String =
            message.body.as_deref().unwrap_or_default().trim().chars().take(LONGEST_TURN).collect();
        let line = format!("{who}: {}", body.replace('\n', " "));
        let Some(rest) = left.checked_sub(line.chars().count()) else { break };
        left = rest;
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}

/// What the agent is asked: the waiting texts, a line each.
#[must_use]
pub fn text_question(waiting: &[Message]) -> String {
    let lines = waiting.iter().map(|message| {
        let body = message.body.as_deref().unwrap_or_default().trim();
        match message.media.len() {
            0 => body.to_owned(),
            files => format!("{body}\n({files} attached, which you cannot see)"),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The texts that an answer is sent as: without Markdown, of at most 1600 characters each, three at most. The third ends with `…` if
/// there was more. Empty if nothing visible was answered.
#[must_use]
pub fn answer_texts(answer: &str) -> Vec<MessageBody> {
    let plain = plain_text(&answer.replace('\0', ""));
    let mut parts = split(&plain, MessageBody::LONGEST);
    if parts.len() > MOST_TEXTS {
        parts.truncate(MOST_TEXTS);
        let room = MessageBody::LONGEST - CUT.chars().count();
        if let Some(last) = parts.last_mut() {
            let kept = split(last, room).into_iter().next().unwrap_or_default();
            *last = format!("{kept}{CUT}");
        }
    }
    parts.iter().filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::NumberType;
    use crate::domain::{AgentId, MediaReference, MessageId, NumberId, TenantId, ThreadId, consent_word};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
    }

    fn incoming(from: &str, body: &str) -> IncomingMessage {
        IncomingMessage {
            sid: "SM1".to_owned(),
            from: from.parse().unwrap(),
            to: "+12125550142".parse().unwrap(),
            body: body.to_owned(),
            media: Vec::new(),
            segments: None,
            opt_out_type: None,
            received_at: at(0),
            sent_at: None,
        }
    }

    fn message(direction: MessageDirection, body: &str, seconds: i64) -> Message {
        Message {
            id: MessageId(Uuid::nil()),
            tenant_id: TenantId(Uuid::nil()),
            thread_id: ThreadId(Uuid::nil()),
            number_id: NumberId(Uuid::nil()),
            agent_id: AgentId(Uuid::nil()),
            operation_id: None,
            sid: None,
            direction,
            number: "+12125550142".parse().unwrap(),
            participant: "+13125550177".parse().unwrap(),
            body: Some(body.to_owned()),
            media: Vec::new(),
            status: MessageStatus::Delivered,
            error: None,
            segments: None,
            price: None,
            automatic: None,
            created_at: at(seconds),
            sent_at: None,
        }
    }

    fn inbound(body: &str, seconds: i64) -> Message {
        message(MessageDirection::Inbound, body, seconds)
    }

    fn answer(body: &str, seconds: i64) -> Message {
        Message {
            automatic: Some(AutomaticAnswer::Agent),
            ..message(MessageDirection::Outbound, body, seconds)
        }
    }

    #[test]
    fn who_answers_depends_on_sender_word_age_and_files() {
        let person = "+13125550177";
        for (from, body, reply) in [
            (person, "Is Friday free?", TextReply::Agent),
            (person, "STOP", TextReply::Nobody),
            (person, "start", TextReply::Nobody),
            (person, "Help!", TextReply::Nobody),
            (person, "INFO", TextReply::Nobody),
            (person, "Hilfe", TextReply::HelpText),
            (person, "", TextReply::Nobody),
            ("72345", "Your code is 1234", TextReply::Nobody),
            ("PHARMACY", "Ready", TextReply::Nobody),
        ] {
            let text = incoming(from, body);
            let word = consent_word(body, NumberType::Local, MessagingConsent::Implied);
            assert_eq!(reply_to(&text, word, at(5)), reply, "{from} {body}");
        }
        let marked = IncomingMessage { opt_out_type: Some("HELP".to_owned()), ..incoming(person, "Hilfe") };
        assert_eq!(reply_to(&marked, Some(ConsentWord::Help), at(0)), TextReply::Nobody);
        assert_eq!(reply_to(&incoming(person, "Hello"), None, at(3601)), TextReply::Person);
        let file = MediaReference { url: "https://a.example/1".to_owned(), content_type: None };
        let picture = IncomingMessage { media: vec![file], ..incoming(person, " ") };
        assert_eq!(reply_to(&picture, None, at(0)), TextReply::Person);
        assert_eq!(
            reply_to(&IncomingMessage { body: "See".into(), ..picture }, None, at(0)),
            TextReply::Agent
        );
    }

    #[test]
    fn a_loop_shows_in_echoes_and_in_equal_texts() {
        let talk: Vec<Message> =
            (0..9).flat_map(|n| [inbound(&format!("q{n}"), n), answer(&format!("a{n}"), n)]).collect();
        let new = [inbound("And Friday?", 60)];
        assert!(!is_text_loop(&talk, &new, at(60)));
        assert!(is_text_loop(&talk, &[inbound(" a3 ", 60)], at(60)), "an echo");
        assert!(!is_text_loop(&talk, &[inbound("a3", 700)], at(700)), "ten minutes later");
        let twice = [inbound("Hello?", 10), inbound("Hello?", 20)];
        assert!(!is_text_loop(&twice[..1], &twice[1..], at(30)), "twice");
        assert!(is_text_loop(&twice, &[inbound("Hello?", 30)], at(30)), "three times");
        assert!(!is_text_loop(&[], &[], at(0)));
    }

    #[test]
    fn the_agent_is_told_the_last_texts_within_bounds() {
        let failed = Message { status: MessageStatus::Failed, ..answer("lost", 3) };
        let told =
            text_history(&[inbound("Is Friday\nfree?", 1), answer("Yes.", 2), failed, inbound(" ", 4)]);
        assert_eq!(told, "Person: Is Friday free?\nPractice: Yes.");
        let many: Vec<Message> = (0..100).map(|n| inbound(&format!("{n} {}", "x".repeat(900)), n)).collect();
        let told = text_history(&many);
        assert!(told.chars().count() <= LONGEST_HISTORY + MOST_TURNS && told.contains("Person: 99 x"));
        assert!(!told.contains("Person: 88 x"));
        assert_eq!(text_question(&[inbound("One", 0), inbound(" Two ", 1)]), "One\nTwo");
    }

    #[test]
    fn an_answer_is_at_most_three_texts() {
        assert!(answer_texts(" **  ** ").len() <= 1);
        assert!(answer_texts("\0 \n").is_empty());
        let one = answer_texts("# Hours\n**9** to 5");
        assert_eq!(one.iter().map(MessageBody::as_str).collect::<Vec<_>>(), ["Hours\n9 to 5"]);
        let long = "This is a sentence of some length. ".repeat(300);
        let texts = answer_texts(&long);
        assert_eq!(texts.len(), 3);
        assert!(texts[2].as_str().ends_with(". …"), "{:?}", texts[2]);
        assert_eq!(answer_texts(&"This is short. ".repeat(200)).len(), 2);
    }
}
