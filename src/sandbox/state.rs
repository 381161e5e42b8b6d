//! What the emulated providers know, and the file it is kept in.
//!
//! Promise: an effect is on disk before it is answered. The whole state is one JSON file, replaced atomically (temporary
//! file, fsync, rename) inside the lock and without an await, so that a caller who hangs up cannot come between an
//! effect and its file. A file that cannot be understood is an error, never a reset.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SandboxError, ambient, stock::Kind};

/// The layout of the file; another number in it is refused.
const VERSION: u32 = 1;

/// Both providers' records.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    last_serial: u64,
    /// How far the providers' clock was moved ahead, in seconds.
    #[serde(default)]
    ahead_seconds: i64,
    pub(crate) numbers: Vec<Number>,
    pub(crate) charges: Vec<Charge>,
    pub(crate) calls: Vec<Call>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) conversations: Vec<Conversation>,
    pub(crate) counters: Counters,
}

/// A number the account owns.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Number {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    pub(crate) phone_number: String,
    pub(crate) kind: Kind,
    pub(crate) country: String,
    /// By JSON name, only what is set; see `twilio::settings`.
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

impl Number {
    /// A setting's value, `""` when it is not set.
    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }
}

/// A purchase on the bill; it outlives the number.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) number_sid: String,
    pub(crate) phone_number: String,
    pub(crate) kind: Kind,
    pub(crate) country: String,
    pub(crate) bought: DateTime<Utc>,
    pub(crate) released: Option<DateTime<Utc>>,
}

/// A call the sandbox placed to an owned number.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    pub(crate) number_sid: String,
    pub(crate) kind: Kind,
    pub(crate) country: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Twilio's call status.
    pub(crate) status: String,
    pub(crate) started: DateTime<Utc>,
    pub(crate) ended: Option<DateTime<Utc>>,
    pub(crate) duration_seconds: u64,
    /// What the caller asked for as the call's length; without it a held call lasts as long as it is held.
    pub(crate) wanted_seconds: Option<u64>,
    /// Parameters every webhook of this call carries.
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) story: Story,
}

impl Call {
    /// Whether the call has reached one of Twilio's final statuses.
    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.status.as_str(), "queued" | "ringing" | "in-progress")
    }
}

/// What became of a call, for people and tests.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Story {
    pub(crate) answered_with: Vec<Answer>,
    pub(crate) heard: Vec<String>,
    pub(crate) agent: Option<AgentName>,
    pub(crate) conversation_id: Option<String>,
    pub(crate) status_callback: Option<Answer>,
}

/// One webhook request and its answer.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) url: String,
    /// HTTP status, absent when nothing came back.
    pub(crate) status: Option<u16>,
    /// The body; it need not be TwiML.
    pub(crate) twiml: String,
    /// Why it did not count, with Twilio's code.
    pub(crate) error: Option<String>,
}

/// The agent a call was connected to.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AgentName {
    pub(crate) agent_id: String,
    pub(crate) name: String,
}

/// An ElevenLabs agent, as its owner sent it; defaults are filled in when it is read.
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

/// A conversation, begun by register-call.
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
    /// The agent does not speak telephony's µ-law: the caller hears noise.
    pub(crate) garbled: bool,
    pub(crate) client_data: Value,
    pub(crate) call_sid: Option<String>,
    pub(crate) started: DateTime<Utc>,
    pub(crate) duration_seconds: u64,
    pub(crate) termination_reason: String,
}

/// How often what happened, for tests that compare before and after.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Numbers really bought.
    pub(crate) purchases: u64,
    /// Purchases of a number the account had already, which Twilio treats as an update.
    pub(crate) repurchases: u64,
    pub(crate) purchases_refused: u64,
    pub(crate) releases: u64,
    pub(crate) agents_created: u64,
    pub(crate) agents_refused: u64,
    #[serde(default)]
    pub(crate) agents_updated: u64,
    pub(crate) agents_deleted: u64,
    pub(crate) calls_placed: u64,
    pub(crate) calls_registered: u64,
}

impl State {
    /// The providers' time: the machine's, and what it was moved ahead.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        ambient::now() + TimeDelta::seconds(self.ahead_seconds)
    }

    /// Moves the providers' clock ahead: whatever they hold grows older, and is billed for.
    pub(crate) fn advance(&mut self, seconds: u32) {
        self.ahead_seconds += i64::from(seconds);
    }

    /// A number that rises with each record: the order of lists and the place in them.
    pub(crate) fn serial(&mut self) -> u64 {
        self.last_serial += 1;
        self.last_serial
    }

    /// The owned number with this E.164 form.
    pub(crate) fn number(&self, phone_number: &str) -> Option<&Number> {
        self.numbers.iter().find(|number| number.phone_number == phone_number)
    }

    /// The call with this SID.
    pub(crate) fn call_mut(&mut self, sid: &str) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.sid == sid)
    }
}

/// The state behind its lock, and its file.
pub(crate) struct Store {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

impl Store {
    /// Reads the file, or begins anew when there is none.
    pub(crate) fn open(file: Option<PathBuf>) -> Result<Self, SandboxError> {
        let state = match &file {
            Some(path) if path.exists() => read(path)?,
            _ => State { version: VERSION, ..State::default() },
        };
        Ok(Self { file, state: Mutex::new(state) })
    }

    /// The state, to look at.
    pub(crate) fn read(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out an effect and writes it down before returning.
    pub(crate) fn change<T>(&self, effect: impl FnOnce(&mut State) -> T) -> Result<T, SandboxError> {
        let mut state = self.read();
        let outcome = effect(&mut state);
        if let Some(path) = &self.file {
            write(path, &state)?;
        }
        Ok(outcome)
    }
}

fn read(path: &Path) -> Result<State, SandboxError> {
    let unreadable = |reason: String| SandboxError::Unreadable { path: path.to_owned(), reason };
    let text = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let raw: Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    let version = raw.get("version").and_then(Value::as_u64);
    if version != Some(u64::from(VERSION)) {
        let found = version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
        return Err(unreadable(format!("it has {found}, this program reads version {VERSION}")));
    }
    serde_json::from_value(raw).map_err(|error| unreadable(error.to_string()))
}

fn write(path: &Path, state: &State) -> Result<(), SandboxError> {
    let attempt = || -> std::io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let temporary = path.with_extension("tmp");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(state)?)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        fs::File::open(folder)?.sync_all()
    };
    attempt().map_err(|reason| SandboxError::Unwritable { path: path.to_owned(), reason })
}
