//! Records of Twilio's messaging, and the settings of the control API for it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ProviderState, WebhookExchange};

/// Everything about messages.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Messaging {
    pub(crate) messages: Vec<Message>,
    /// Kept apart, because the bill includes messages that were deleted.
    pub(crate) charges: Vec<MessageCharge>,
    pub(crate) opt_outs: Vec<OptOut>,
    pub(crate) services: Vec<Service>,
    pub(crate) applications: Vec<Application>,
    pub(crate) registrations: Vec<Registration>,
    pub(crate) settings: Settings,
    pub(crate) rules: Vec<Rule>,
}

/// A text or picture message in either direction.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    #[serde(default)]
    pub(crate) account: String,
    /// `inbound`, `outbound-api` or `outbound-reply`.
    pub(crate) direction: String,
    /// `None` until a Messaging Service has chosen a sender.
    pub(crate) from: Option<String>,
    pub(crate) to: String,
    pub(crate) body: String,
    pub(crate) service_sid: Option<String>,
    /// Twilio's message status, such as `queued` or `delivered`.
    pub(crate) status: String,
    pub(crate) error_code: Option<u32>,
    pub(crate) segments: usize,
    /// Number of media at creation. It survives their deletion.
    pub(crate) media_count: usize,
    pub(crate) media: Vec<Media>,
    /// URLs from which the media of an outbound message are fetched when it is sent.
    pub(crate) media_urls: Vec<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
    pub(crate) sent: Option<DateTime<Utc>>,
    /// Time of a scheduled message.
    pub(crate) send_at: Option<DateTime<Utc>>,
    pub(crate) is_priced: bool,
    pub(crate) status_callback: Option<String>,
    /// What still happens to the message, in order.
    pub(crate) steps: Vec<Step>,
    /// Whether the status callbacks are sent in reverse order, after the last status.
    pub(crate) is_shuffled: bool,
    /// Whether each status callback is sent twice.
    pub(crate) is_doubled: bool,
    /// Requests to webhooks about this message, with their responses.
    pub(crate) exchanges: Vec<WebhookExchange>,
    /// Twilio's free reply to a stop, start or help word.
    pub(crate) auto_reply: Option<String>,
}

impl Message {
    /// Returns whether nothing but its price changes any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.steps.iter().all(|step| step.event == Event::Price)
    }
}

/// A file of a message.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Media {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    pub(crate) content_type: String,
    pub(crate) base64: String,
    /// Size up to which zeros follow the content.
    #[serde(default)]
    pub(crate) padded_to: usize,
    /// Where the file's URL redirects, if not to storage.
    #[serde(default)]
    pub(crate) redirect_to: Option<String>,
    /// Unguessable part of the file's storage URL.
    pub(crate) storage_key: String,
    pub(crate) created: DateTime<Utc>,
}

/// An event in the life of a message, this long after the previous one.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) after_ms: u64,
    pub(crate) event: Event,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// A Messaging Service chooses the sender.
    Queue,
    Send,
    Deliver,
    Undeliver(u32),
    Fail(u32),
    /// The price becomes known.
    Price,
}

/// A message on the bill.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MessageCharge {
    #[serde(default)]
    pub(crate) account: String,
    pub(crate) message_sid: String,
    pub(crate) direction: String,
    pub(crate) segments: usize,
}

/// An entry of the block list: a person and a sender, or a person and a Messaging Service.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OptOut {
    pub(crate) person: String,
    /// A number, or the SID of a Messaging Service.
    pub(crate) sender: String,
}

/// A Messaging Service with its pool of senders.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    #[serde(default)]
    pub(crate) account: String,
    /// Values by JSON name. Unset settings are absent.
    pub(crate) members: Map<String, Value>,
    pub(crate) pool: Vec<PoolNumber>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

impl Service {
    /// Returns a setting's text, or `""` if it is unset.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.members.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.members.get(name).and_then(Value::as_bool).unwrap_or_default()
    }
}

/// A number's place in the pool of a Messaging Service.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PoolNumber {
    pub(crate) serial: u64,
    pub(crate) number_sid: String,
    pub(crate) added: DateTime<Utc>,
}

/// A TwiML application.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Application {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    #[serde(default)]
    pub(crate) account: String,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

impl Application {
    /// Returns a setting's value, or `""` if it is unset.
    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }
}

/// Type of a [`Registration`].
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RegistrationKind {
    Brand,
    /// A campaign of a brand, for the numbers of a Messaging Service.
    Campaign,
    TollfreeVerification,
}

/// A registration that somebody reviews.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    #[serde(default)]
    pub(crate) account: String,
    pub(crate) kind: RegistrationKind,
    /// Messaging Service of a campaign, or number of a toll-free verification.
    pub(crate) subject_sid: String,
    pub(crate) status: String,
    /// Members by JSON name, as submitted or as set by a reviewer.
    pub(crate) members: Map<String, Value>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

/// Settings of the control API.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Time from the request to `sent`.
    pub(crate) sent_after_ms: u64,
    /// Time from `sent` to the delivery receipt.
    pub(crate) delivered_after_ms: u64,
    /// Time from the last status to the price.
    pub(crate) priced_after_ms: u64,
    pub(crate) registration: RegistrationDuty,
    /// Whether files of messages need the account's credentials.
    pub(crate) media_auth: bool,
    /// Countries that may be texted. `None` for all.
    pub(crate) countries: Option<Vec<String>>,
    /// Numbers that are landlines, beside those in stock without SMS.
    pub(crate) landlines: Vec<String>,
    /// Messaging Services with Advanced Opt-Out.
    pub(crate) advanced_opt_out: Vec<String>,
    /// Messages of one sender that may be queued; more are refused. `None` for any number.
    #[serde(default)]
    pub(crate) most_queued: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sent_after_ms: 100,
            delivered_after_ms: 400,
            priced_after_ms: 1000,
            registration: RegistrationDuty::Off,
            media_auth: false,
            countries: None,
            landlines: Vec::new(),
            advanced_opt_out: Vec::new(),
            most_queued: None,
        }
    }
}

/// Whether American numbers must be registered to send messages.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RegistrationDuty {
    Off,
    Enforced,
}

/// A rule of the control API for messages between a pair of numbers.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Sender. `None` matches all. A message by a Messaging Service has no sender when its rule is chosen.
    #[serde(default)]
    pub(crate) from: Option<String>,
    /// Recipient. `None` matches all.
    #[serde(default)]
    pub(crate) to: Option<String>,
    #[serde(default)]
    pub(crate) outcome: Outcome,
    /// Twilio's error code of the outcomes `failed` and `undelivered`.
    #[serde(default)]
    pub(crate) code: Option<u32>,
    #[serde(default)]
    pub(crate) shuffled: bool,
    #[serde(default)]
    pub(crate) doubled: bool,
    #[serde(default)]
    pub(crate) sent_after_ms: Option<u64>,
    #[serde(default)]
    pub(crate) delivered_after_ms: Option<u64>,
    /// Number of messages that it still applies to. `None` for no limit.
    #[serde(default)]
    pub(crate) times: Option<u32>,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    #[default]
    Delivered,
    /// `sent` is the last status.
    NoReceipt,
    Undelivered,
    Failed,
    /// The webhook of an inbound message is not requested: the message is only in the list.
    LostWebhook,
}

impl ProviderState {
    /// Returns the message with this SID.
    pub(crate) fn message_mut(&mut self, sid: &str) -> Option<&mut Message> {
        self.messaging.messages.iter_mut().find(|message| message.sid == sid)
    }

    /// Returns the Messaging Service that has this number in its pool.
    pub(crate) fn service_of(&self, number_sid: &str) -> Option<&Service> {
        let has = |service: &&Service| service.pool.iter().any(|member| member.number_sid == number_sid);
        self.messaging.services.iter().find(has)
    }

    /// Returns the first rule for a message, counted down. Only rules of inbound messages have the outcome `lost_webhook`.
    pub(crate) fn take_rule(&mut self, inbound: bool, from: Option<&str>, to: &str) -> Option<Rule> {
        let rules = &mut self.messaging.rules;
        let rule = rules.iter_mut().find(|rule| {
            (rule.outcome == Outcome::LostWebhook) == inbound
                && rule.from.as_deref().is_none_or(|wanted| Some(wanted) == from)
                && rule.to.as_deref().is_none_or(|wanted| wanted == to)
        })?;
        let taken = rule.clone();
        if let Some(times) = &mut rule.times {
            *times = times.saturating_sub(1);
        }
        rules.retain(|rule| rule.times != Some(0));
        Some(taken)
    }

    /// Returns the message of an account with this SID.
    pub(crate) fn own_message_mut(&mut self, account: &str, sid: &str) -> Option<&mut Message> {
        self.message_mut(sid).filter(|message| message.account == account)
    }

    /// Records what a message costs.
    pub(crate) fn charge_message(&mut self, account: &str, sid: &str, direction: &str, segments: usize) {
        self.messaging.charges.push(MessageCharge {
            account: account.to_owned(),
            message_sid: sid.to_owned(),
            direction: direction.to_owned(),
            segments,
        });
    }
}
