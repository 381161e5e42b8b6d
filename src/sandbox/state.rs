//! State of the emulated providers, and its file.
//!
//! Guarantee: an effect is on disk before it is answered. The whole state is one JSON file, replaced
//! atomically (temporary file, fsync, rename) under the lock and without an await, so that a client that
//! disconnects cannot separate an effect from its file. An unreadable file is an error, never a reset.

pub(crate) mod accounts;
pub(crate) mod caller_ids;
pub(crate) mod emergency;
pub(crate) mod messaging;
pub(crate) mod porting;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Credentials, SandboxError, ambient, stock::Kind};

/// Version of the file's format. Files with another version are refused.
const VERSION: u32 = 1;

/// Records of both providers.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct ProviderState {
    version: u32,
    last_serial: u64,
    /// Seconds by which the providers' clock is ahead of the machine's.
    #[serde(default)]
    ahead_seconds: i64,
    /// SID of the account that the sandbox was started with.
    #[serde(default)]
    main_account: String,
    #[serde(default)]
    pub(crate) accounts: Vec<accounts::Account>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) charges: Vec<Charge>,
    pub(crate) calls: Vec<Call>,
    pub(crate) agents: Vec<Agent>,
    #[serde(default)]
    pub(crate) tools: Vec<Tool>,
    pub(crate) conversations: Vec<Conversation>,
    #[serde(default)]
    pub(crate) signed_urls: Vec<SignedUrl>,
    #[serde(default)]
    pub(crate) messaging: messaging::Messaging,
    #[serde(default)]
    pub(crate) emergency: emergency::Emergency,
    #[serde(default)]
    pub(crate) caller_ids: caller_ids::CallerIds,
    #[serde(default)]
    pub(crate) porting: porting::Porting,
    pub(crate) counters: Counters,
}

/// A number that an account owns.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Number {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    // Missing in files of earlier versions, here and in other records.
    #[serde(default)]
    pub(crate) account: String,
    pub(crate) phone_number: String,
    pub(crate) kind: Kind,
    pub(crate) country: String,
    /// Values by JSON name. Unset settings are absent; see `twilio::settings`.
    pub(crate) settings: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) origin: Origin,
    #[serde(default)]
    pub(crate) emergency: emergency::Registration,
    #[serde(default)]
    pub(crate) obstacle: Option<Obstacle>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

/// How a number came to the carrier.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Bought or ported.
    #[default]
    Twilio,
    /// Hosted: its calls stay with another carrier.
    Hosted,
}

/// What stands in the way of a number's move and release, beside an emergency address.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Obstacle {
    /// Another carrier is porting the number.
    PortOut,
    /// The order that hosts the number is not complete.
    HostingOrder,
}

impl Number {
    /// Returns a setting's value, or `""` if it is unset.
    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }
}

/// A purchase on the bill. It is kept after the number's release.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Charge {
    #[serde(default)]
    pub(crate) account: String,
    pub(crate) number_sid: String,
    pub(crate) phone_number: String,
    pub(crate) kind: Kind,
    pub(crate) country: String,
    pub(crate) bought: DateTime<Utc>,
    pub(crate) released: Option<DateTime<Utc>>,
}

impl Charge {
    /// The charge of a number that has just been bought, or has come otherwise.
    pub(crate) fn of(number: &Number) -> Self {
        Self {
            account: number.account.clone(),
            number_sid: number.sid.clone(),
            phone_number: number.phone_number.clone(),
            kind: number.kind,
            country: number.country.clone(),
            bought: number.created,
            released: None,
        }
    }
}

/// A test call to an owned number.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    #[serde(default)]
    pub(crate) account: String,
    pub(crate) number_sid: String,
    pub(crate) kind: Kind,
    pub(crate) country: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Twilio's call status, such as `ringing` or `completed`.
    pub(crate) status: String,
    pub(crate) started: DateTime<Utc>,
    pub(crate) ended: Option<DateTime<Utc>>,
    pub(crate) duration_seconds: u64,
    /// Requested duration. `None`: a held call lasts until it is hung up.
    pub(crate) wanted_seconds: Option<u64>,
    /// Additional parameters of every webhook of this call.
    pub(crate) parameters: BTreeMap<String, String>,
    // The name in files of earlier versions.
    #[serde(rename = "story")]
    pub(crate) trace: CallTrace,
}

impl Call {
    /// Returns whether the call has one of Twilio's final statuses.
    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.status.as_str(), "queued" | "ringing" | "in-progress")
    }
}

/// Trace of a call for people and tests: webhooks, what the caller heard, and the agent reached.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct CallTrace {
    pub(crate) answered_with: Vec<WebhookExchange>,
    pub(crate) heard: Vec<String>,
    pub(crate) agent: Option<AgentRef>,
    pub(crate) conversation_id: Option<String>,
    pub(crate) status_callback: Option<WebhookExchange>,
}

/// A webhook request and its response.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct WebhookExchange {
    pub(crate) url: String,
    /// HTTP status. `None` if there was no response.
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) content_type: Option<String>,
    /// Body of the response, whether or not it is TwiML.
    pub(crate) twiml: String,
    /// Twilio's error code and text if the response was not accepted.
    pub(crate) error: Option<String>,
}

/// The agent that a call was connected to.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AgentRef {
    pub(crate) agent_id: String,
    pub(crate) name: String,
}

/// An ElevenLabs agent as its owner sent it. Defaults are added when it is read.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) serial: u64,
    pub(crate) agent_id: String,
    pub(crate) version_id: String,
    pub(crate) branch_id: String,
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) conversation_config: Value,
    pub(crate) platform_settings: Value,
    pub(crate) workflow: Value,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

/// A tool of the ElevenLabs workspace.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tool {
    pub(crate) serial: u64,
    pub(crate) id: String,
    pub(crate) config: Value,
    pub(crate) created: DateTime<Utc>,
}

/// An ElevenLabs conversation, created by register-call or by a text-only socket.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) serial: u64,
    pub(crate) conversation_id: String,
    pub(crate) agent_id: String,
    pub(crate) agent_name: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) direction: String,
    /// `initiated`, `in-progress`, `done` or `failed`.
    pub(crate) status: String,
    /// Whether the caller hears noise, because the agent's audio formats are not the carrier's µ-law.
    pub(crate) garbled: bool,
    pub(crate) client_data: Value,
    pub(crate) call_sid: Option<String>,
    pub(crate) started: DateTime<Utc>,
    pub(crate) duration_seconds: u64,
    pub(crate) termination_reason: String,
    #[serde(default)]
    pub(crate) text_only: bool,
    /// Transcript of a text-only conversation.
    #[serde(default)]
    pub(crate) turns: Vec<Turn>,
}

/// A message of a text-only conversation.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// `user` or `agent`.
    pub(crate) role: String,
    pub(crate) message: String,
    /// Second of the conversation.
    pub(crate) second: u64,
}

/// A URL that opens an agent's socket without the API key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignedUrl {
    pub(crate) agent_id: String,
    pub(crate) signature: String,
    pub(crate) expires: DateTime<Utc>,
}

/// Counts of effects and refused requests, for tests that compare before and after.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Purchases that added a number to the account.
    pub(crate) purchases: u64,
    /// Purchases of a number that the account already owned, which Twilio treats as an update.
    pub(crate) repurchases: u64,
    pub(crate) purchases_refused: u64,
    pub(crate) releases: u64,
    /// Numbers that were moved to another account.
    #[serde(default)]
    pub(crate) moves: u64,
    /// Numbers that were ported from another carrier.
    #[serde(default)]
    pub(crate) ports: u64,
    pub(crate) agents_created: u64,
    pub(crate) agents_refused: u64,
    #[serde(default)]
    pub(crate) agents_updated: u64,
    pub(crate) agents_deleted: u64,
    pub(crate) calls_placed: u64,
    pub(crate) calls_registered: u64,
    /// Messages accepted from the API.
    #[serde(default)]
    pub(crate) messages_accepted: u64,
    #[serde(default)]
    pub(crate) messages_refused: u64,
    /// Messages from people.
    #[serde(default)]
    pub(crate) messages_received: u64,
}

impl ProviderState {
    /// Returns the providers' time: the machine's, plus the seconds by which it was moved ahead.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        ambient::now() + TimeDelta::seconds(self.ahead_seconds)
    }

    /// Moves the providers' clock ahead. Records grow older and are billed accordingly.
    pub(crate) fn advance(&mut self, seconds: u32) {
        self.ahead_seconds += i64::from(seconds);
    }

    /// Returns the next serial number. Lists are ordered by it, and their cursors contain it.
    pub(crate) fn serial(&mut self) -> u64 {
        self.last_serial += 1;
        self.last_serial
    }

    /// Returns the owned number with this E.164 form.
    pub(crate) fn number(&self, phone_number: &str) -> Option<&Number> {
        self.numbers.iter().find(|number| number.phone_number == phone_number)
    }

    /// Returns the number of an account with this SID.
    pub(crate) fn number_by_sid(&self, account: &str, sid: &str) -> Option<&Number> {
        self.numbers.iter().find(|number| number.sid == sid && number.account == account)
    }

    /// Returns the number of an account with this SID.
    pub(crate) fn number_by_sid_mut(&mut self, account: &str, sid: &str) -> Option<&mut Number> {
        self.numbers.iter_mut().find(|number| number.sid == sid && number.account == account)
    }

    /// Returns the number of an account with this E.164 form.
    pub(crate) fn own_number(&self, account: &str, phone_number: &str) -> Option<&Number> {
        self.number(phone_number).filter(|number| number.account == account)
    }

    /// Takes numbers out of their accounts, and ends their charges. Returns their count.
    pub(crate) fn drop_numbers(&mut self, leaves: impl Fn(&Number) -> bool) -> usize {
        let now = self.now();
        let left: HashSet<String> =
            self.numbers.extract_if(.., |number| leaves(number)).map(|number| number.sid).collect();
        for charge in self.charges.iter_mut().filter(|charge| left.contains(&charge.number_sid)) {
            charge.released.get_or_insert(now);
        }
        left.len()
    }

    /// Returns the call with this SID.
    pub(crate) fn call_mut(&mut self, sid: &str) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.sid == sid)
    }
}

/// The state behind its lock, with its file.
pub(crate) struct Store {
    file: Option<PathBuf>,
    /// Held while the file is written, so that files replace each other in the order of their effects.
    state: Mutex<ProviderState>,
}

impl Store {
    /// Reads the file, or starts with an empty state if it does not exist.
    pub(crate) fn open(file: Option<PathBuf>, credentials: &Credentials) -> Result<Self, SandboxError> {
        let mut state = match &file {
            Some(path) if path.exists() => read(path)?,
            _ => ProviderState { version: VERSION, ..ProviderState::default() },
        };
        state.adopt_main_account(credentials);
        Ok(Self { file, state: Mutex::new(state) })
    }

    /// Locks the state for reading.
    pub(crate) fn read(&self) -> MutexGuard<'_, ProviderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies an effect and saves the state before it returns.
    ///
    /// # Errors
    /// [`SandboxError::Unwritable`]. The effect then exists in memory only.
    pub(crate) fn change<T>(&self, effect: impl FnOnce(&mut ProviderState) -> T) -> Result<T, SandboxError> {
        let mut state = self.read();
        let outcome = effect(&mut state);
        if let Some(path) = &self.file {
            write(path, &state)?;
        }
        Ok(outcome)
    }
}

fn read(path: &Path) -> Result<ProviderState, SandboxError> {
    let unreadable = |reason: String| SandboxError::Unreadable { path: path.to_owned(), reason };
    let text = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let raw: Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    let version = raw.get("version").and_then(Value::as_u64);
    if version != Some(u64::from(VERSION)) {
        let found = version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
        return Err(unreadable(format!("found {found}, this program supports version {VERSION}")));
    }
    serde_json::from_value(raw).map_err(|error| unreadable(error.to_string()))
}

fn write(path: &Path, state: &ProviderState) -> Result<(), SandboxError> {
    let attempt = || -> std::io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        // Written beside the file and renamed, so that a crash leaves the old or the new state, never a
        // part.
        let temporary = path.with_extension("tmp");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(state)?)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // The rename is durable only after its folder is synced too.
        fs::File::open(folder)?.sync_all()
    };
    attempt().map_err(|reason| SandboxError::Unwritable { path: path.to_owned(), reason })
}
