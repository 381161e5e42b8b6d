//! JSON Web Key Set of the token issuer: fetched on demand, cached, and fetched again when a token
//! names an unknown key.
//!
//! The key set guarantees:
//! - One fetch runs at a time. At most [`BUDGET`] fetches run in a burst, then one every [`REFILL`], whatever
//!   key ids tokens name. A new key is therefore usable within [`REFILL`] even while somebody sends tokens
//!   with invented key ids.
//! - While the key server is unavailable, the cached keys stay in use.
//! - Keys of the set that cannot be used are logged with the reason.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::{AuthConfigError, AuthError};
use crate::domain::Clock;

/// Fetches allowed in a burst for unknown key ids.
const BUDGET: i32 = 5;
/// Time until one spent fetch is available again.
const REFILL: TimeDelta = TimeDelta::seconds(12);
/// Time between fetches after a failed one. Shorter than [`REFILL`], since tokens signed by a new
/// key are refused meanwhile.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(5);
/// Age at which the cached set is fetched again, so that a revoked key stops being accepted.
const MAX_AGE: TimeDelta = TimeDelta::minutes(15);
/// Time limit of a whole fetch, including the connection: callers with an unknown key wait for it.
const DEADLINE: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 256 * 1024;
/// Keys read from a set. Further keys are ignored.
const MAX_KEYS: usize = 64;

/// A public key and the only algorithm it may verify.
#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The last fetched key set and the state of the fetch budget.
#[derive(Clone, Default)]
struct CachedKeys {
    keys: Arc<[Key]>,
    /// Last successful fetch. `None` before the first one.
    fetched_at: Option<DateTime<Utc>>,
    /// Last fetch, successful or not.
    tried_at: Option<DateTime<Utc>>,
    /// When the whole budget is available again. `None` before the first fetch.
    refilled_at: Option<DateTime<Utc>>,
    failing: bool,
}

impl CachedKeys {
    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<DecodingKey> {
        let mut candidates = self.keys.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => candidates.find(|key| key.id.as_deref() == Some(id)).map(|key| key.key.clone()),
            // A token without a key id is unambiguous only if the set has one key for its algorithm.
            None => match (candidates.next(), candidates.next()) {
                (Some(only), None) => Some(only.key.clone()),
                _ => None,
            },
        }
    }

    fn may_fetch(&self, now: DateTime<Utc>) -> bool {
        if self.failing {
            // `abs`, because a clock that is set back would otherwise stop fetches.
            return self.tried_at.is_none_or(|tried_at| (now - tried_at).abs() >= RETRY_AFTER);
        }
        self.debt(now) <= REFILL * (BUDGET - 1)
    }

    /// Time until the whole budget is available again. A value above the longest possible refill means that
    /// the clock was set back, and counts as zero.
    fn debt(&self, now: DateTime<Utc>) -> TimeDelta {
        let debt = self.refilled_at.map_or(TimeDelta::zero(), |at| (at - now).max(TimeDelta::zero()));
        if debt > REFILL * BUDGET { TimeDelta::zero() } else { debt }
    }

    fn is_stale(&self, now: DateTime<Utc>) -> bool {
        self.fetched_at.is_none_or(|fetched_at| (now - fetched_at).abs() >= MAX_AGE)
    }
}

/// A cached key set that refreshes itself. Cheap to clone.
#[derive(Clone)]
pub(super) struct KeySet(Arc<KeySetInner>);

struct KeySetInner {
    client: reqwest::Client,
    url: Url,
    clock: Clock,
    /// Held for a read or a write only, never across a fetch.
    cached: RwLock<CachedKeys>,
    /// Held across a fetch, so that concurrent callers share one.
    fetch_lock: Mutex<()>,
    /// Number of fetches started. A caller compares it to see whether a fetch started after it began to wait.
    fetches: AtomicU64,
}

impl KeySet {
    /// Builds the HTTP client. Fetches nothing.
    ///
    /// # Errors
    /// [`AuthConfigError::Client`], usually because the machine has no CA certificates.
    pub(super) fn new(url: Url, clock: Clock) -> Result<Self, AuthConfigError> {
        let client = reqwest::Client::builder()
            .timeout(DEADLINE)
            // A redirect could lead the server to another host's keys.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("switchboard")
            .build()
            .map_err(AuthConfigError::Client)?;
        Ok(Self(Arc::new(KeySetInner {
            client,
            url,
            clock,
            cached: RwLock::default(),
            fetch_lock: Mutex::default(),
            fetches: AtomicU64::new(0),
        })))
    }

    /// Returns the key for a token with this algorithm and key id. Fetches the set if the key is unknown.
    ///
    /// # Errors
    /// `Unavailable` if the key is unknown and the key server failed; `Unauthenticated` if the set does not have it.
    pub(super) async fn find(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<DecodingKey, AuthError> {
        let cached = self.cached();
        if let Some(key) = cached.find(algorithm, id) {
            let now = self.0.clock.now();
            if cached.is_stale(now) && cached.may_fetch(now) {
                self.fetch_in_background();
            }
            return Ok(key);
        }
        // In its own task: if this caller disconnects, the fetch that others wait for still completes.
        if self.fetch_in_background().await.is_err() {
            return Err(AuthError::Unavailable);
        }
        let cached = self.cached();
        match cached.find(algorithm, id) {
            Some(key) => Ok(key),
            None if cached.failing => Err(AuthError::Unavailable),
            None => Err(AuthError::INVALID),
        }
    }

    fn cached(&self) -> CachedKeys {
        self.0.cached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fetch_in_background(&self) -> tokio::task::JoinHandle<()> {
        // Read here and not in the task: a fetch that starts before the task runs serves this caller too.
        let (this, fetches) = (self.clone(), self.0.fetches.load(Ordering::SeqCst));
        tokio::spawn(async move { this.fetch_if_due(fetches).await })
    }

    /// Fetches the set unless it has been fetched before.
    pub(super) async fn fetch_first(&self) {
        self.fetch_if_due(0).await;
    }

    /// Fetches the set, unless the budget is spent or a fetch started after `fetches_before` was read.
    async fn fetch_if_due(&self, fetches_before: u64) {
        let _one_at_a_time = self.0.fetch_lock.lock().await;
        // While this caller waited for the lock, its holder fetched for both.
        if self.0.fetches.load(Ordering::SeqCst) > fetches_before {
            return;
        }
        let now = self.0.clock.now();
        let before = self.cached();
        if !before.may_fetch(now) {
            return;
        }
        // Counted when it starts: a caller that comes during the fetch may need a key published after it
        // began.
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        let refilled_at = Some(now + before.debt(now) + REFILL);
        let after = match self.fetch().await {
            Ok(keys) => {
                CachedKeys { keys, fetched_at: Some(now), tried_at: Some(now), refilled_at, failing: false }
            }
            Err(reason) => {
                tracing::warn!(
                    reason,
                    keys = before.keys.len(),
                    "key server request failed: cached keys stay in use"
                );
                CachedKeys { tried_at: Some(now), refilled_at, failing: true, ..before }
            }
        };
        *self.0.cached.write().unwrap_or_else(PoisonError::into_inner) = after;
    }

    async fn fetch(&self) -> Result<Arc<[Key]>, String> {
        let request = self.0.client.get(self.0.url.clone()).header("accept", "application/json");
        let mut answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(format!("HTTP status {}", answer.status()));
        }
        // Read in chunks: `Content-Length` may be absent or wrong, so only the bytes received bound the
        // memory.
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(format!("the response is longer than {MAX_BYTES} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let set: WireSet =
            serde_json::from_slice(&body).map_err(|_| "the response is not a key set".to_owned())?;
        let (mut keys, mut unusable) = (Vec::new(), Vec::new());
        for key in set.keys.into_iter().take(MAX_KEYS) {
            match parse_key(key) {
                Ok(key) => keys.push(key),
                Err(why) => unusable.push(why),
            }
        }
        log_key_set(&keys, &unusable);
        Ok(keys.into())
    }
}

/// A key set on the wire (RFC 7517). Each key is parsed on its own, so that an unreadable one does not cost the others.
#[derive(Deserialize)]
struct WireSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct WireKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Logs the usable keys of a set, and the unusable ones with the reason. A set without a usable key is an
/// error: every token is refused.
fn log_key_set(keys: &[Key], unusable: &[String]) {
    let unusable = unusable.join("; ");
    if keys.is_empty() {
        tracing::error!(
            unusable,
            "key set has no usable key: every token signed by a key of the set is refused"
        );
        return;
    }
    if !unusable.is_empty() {
        tracing::warn!(unusable, "key set has unusable keys: tokens signed by them are refused");
    }
    let algorithms: Vec<_> = keys.iter().map(|key| format!("{:?}", key.algorithm)).collect();
    tracing::info!(keys = keys.len(), algorithms = algorithms.join(" "), "key set loaded");
}

/// Parses a public signature key (RSA, EC or Ed25519). Symmetric keys are refused: a published one is no
/// secret. An RSA key without `alg` verifies RS256; the other types imply their algorithm.
///
/// # Errors
/// The reason why the key cannot be used, for the log.
fn parse_key(key: serde_json::Value) -> Result<Key, String> {
    let key: WireKey = serde_json::from_value(key).map_err(|_| "one is not a JSON Web Key".to_owned())?;
    let id = key.kid.clone().unwrap_or_default();
    let because = |why: &str| {
        // The text comes from another server: cut and cleaned, it cannot forge or flood log lines.
        let shown: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
        format!(
            "\"{shown}\" ({}): {why}",
            [Some(&*key.kty), key.crv.as_deref(), key.alg.as_deref()]
                .map(|part| part.unwrap_or("-").chars().take(16).collect::<String>())
                .join(" ")
        )
    };
    if key.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
        return Err(because("not a signature key"));
    }
    let declared = match key.alg.as_deref().map(str::parse::<Algorithm>) {
        Some(Err(_)) => return Err(because("unsupported algorithm")),
        Some(Ok(algorithm)) => Some(algorithm),
        None => None,
    };
    let part = |part: &Option<String>| part.clone().ok_or_else(|| because("a component is missing"));
    let (algorithm, decoding) = match (key.kty.as_str(), key.crv.as_deref()) {
        ("RSA", _) => {
            let algorithm = declared.unwrap_or(Algorithm::RS256);
            let fits = matches!(
                algorithm,
                Algorithm::RS256
                    | Algorithm::RS384
                    | Algorithm::RS512
                    | Algorithm::PS256
                    | Algorithm::PS384
                    | Algorithm::PS512
            );
            if !fits {
                return Err(because("the algorithm does not match the key type"));
            }
            (algorithm, DecodingKey::from_rsa_components(&part(&key.n)?, &part(&key.e)?))
        }
        ("EC", Some("P-256")) => {
            (Algorithm::ES256, DecodingKey::from_ec_components(&part(&key.x)?, &part(&key.y)?))
        }
        ("EC", Some("P-384")) => {
            (Algorithm::ES384, DecodingKey::from_ec_components(&part(&key.x)?, &part(&key.y)?))
        }
        ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, DecodingKey::from_ed_components(&part(&key.x)?)),
        _ => return Err(because("unsupported key type")),
    };
    if declared.is_some_and(|declared| declared != algorithm) {
        return Err(because("the algorithm does not match the key type"));
    }
    let key = decoding.map_err(|_| because("unreadable key material"))?;
    Ok(Key { id: Some(id).filter(|id| !id.is_empty()), algorithm, key })
}
