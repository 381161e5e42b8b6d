//! The published keys of whoever issues our tokens: fetched when needed, kept, fetched again for an unknown key.
//!
//! One fetch at a time, and never more than [`BUDGET`] at once and one each [`REFILL`] after that, whatever tokens are thrown
//! at us: a new key serves within that time even while strangers make key ids up. While the key server is down the keys we
//! have go on serving. Keys of the set that cannot be used are named in the log with the reason.

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

/// So many fetches may follow each other at once, for key ids that are not known.
const BUDGET: i32 = 5;
/// A fetch that was spent may be made again after this time.
const REFILL: TimeDelta = TimeDelta::seconds(12);
/// After a failure it may be tried again sooner: until then nobody with a new key gets in.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(5);
/// Known keys are looked up again after this time, so that one taken back stops to serve.
const MAX_AGE: TimeDelta = TimeDelta::minutes(15);
/// For a whole fetch, connecting included.
const DEADLINE: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 64;

/// A key, and the one algorithm it serves.
#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// What is known, and since when.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<[Key]>,
    fetched_at: Option<DateTime<Utc>>,
    tried_at: Option<DateTime<Utc>>,
    /// When all of the budget is there again.
    refilled_at: Option<DateTime<Utc>>,
    failing: bool,
}

impl Known {
    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).map(|key| key.key.clone()),
            // Without an id only a single key is meant beyond doubt.
            None => match (fitting.next(), fitting.next()) {
                (Some(only), None) => Some(only.key.clone()),
                _ => None,
            },
        }
    }

    fn may_fetch(&self, now: DateTime<Utc>) -> bool {
        if self.failing {
            return self.tried_at.is_none_or(|tried_at| (now - tried_at).abs() >= RETRY_AFTER);
        }
        self.debt(now) <= REFILL * (BUDGET - 1)
    }

    /// How long until all of the budget is there again. More than it takes to refill is a clock that was set back.
    fn debt(&self, now: DateTime<Utc>) -> TimeDelta {
        let debt = self.refilled_at.map_or(TimeDelta::zero(), |at| (at - now).max(TimeDelta::zero()));
        if debt > REFILL * BUDGET { TimeDelta::zero() } else { debt }
    }

    fn is_old(&self, now: DateTime<Utc>) -> bool {
        self.fetched_at.is_none_or(|fetched_at| (now - fetched_at).abs() >= MAX_AGE)
    }
}

/// A key set that keeps itself fresh. Cheap to clone.
#[derive(Clone)]
pub(super) struct KeySet(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    url: Url,
    clock: Clock,
    known: RwLock<Known>,
    /// Held while fetching; how many fetches were begun.
    fetching: Mutex<()>,
    begun: AtomicU64,
}

impl KeySet {
    /// A key set; nothing is fetched yet.
    ///
    /// # Errors
    /// When the machine has no certificate authorities to trust.
    pub(super) fn new(url: Url, clock: Clock) -> Result<Self, AuthConfigError> {
        let client = reqwest::Client::builder()
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("switchboard")
            .build()
            .map_err(AuthConfigError::Client)?;
        Ok(Self(Arc::new(Inner {
            client,
            url,
            clock,
            known: RwLock::default(),
            fetching: Mutex::default(),
            begun: AtomicU64::new(0),
        })))
    }

    /// The key for tokens of this algorithm with this key id.
    ///
    /// # Errors
    /// `Unavailable` when the key may exist but the key server does not answer, else `Unauthenticated`.
    pub(super) async fn find(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<DecodingKey, AuthError> {
        let known = self.known();
        if let Some(key) = known.find(algorithm, id) {
            let now = self.0.clock.now();
            if known.is_old(now) && known.may_fetch(now) {
                self.fetch_in_background();
            }
            return Ok(key);
        }
        // In a task of its own: a caller that hangs up must not spend the one fetch that others wait for.
        if self.fetch_in_background().await.is_err() {
            return Err(AuthError::Unavailable);
        }
        let known = self.known();
        match known.find(algorithm, id) {
            Some(key) => Ok(key),
            None if known.failing => Err(AuthError::Unavailable),
            None => Err(AuthError::INVALID),
        }
    }

    fn known(&self) -> Known {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fetch_in_background(&self) -> tokio::task::JoinHandle<()> {
        let (this, begun) = (self.clone(), self.0.begun.load(Ordering::SeqCst));
        tokio::spawn(async move { this.fetch_if_due(begun).await })
    }

    /// Fetches for the first time.
    pub(super) async fn fetch_first(&self) {
        self.fetch_if_due(0).await;
    }

    /// Fetches, unless whoever we waited for began to fetch after so many were begun, or the budget is used up.
    async fn fetch_if_due(&self, begun_before: u64) {
        let _one_at_a_time = self.0.fetching.lock().await;
        if self.0.begun.load(Ordering::SeqCst) > begun_before {
            return;
        }
        let now = self.0.clock.now();
        let before = self.known();
        if !before.may_fetch(now) {
            return;
        }
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        let refilled_at = Some(now + before.debt(now) + REFILL);
        let after = match self.fetch().await {
            Ok(keys) => {
                Known { keys, fetched_at: Some(now), tried_at: Some(now), refilled_at, failing: false }
            }
            Err(reason) => {
                tracing::warn!(
                    reason,
                    keys = before.keys.len(),
                    "the key server failed; going on with the keys we have"
                );
                Known { tried_at: Some(now), refilled_at, failing: true, ..before }
            }
        };
        *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = after;
    }

    async fn fetch(&self) -> Result<Arc<[Key]>, String> {
        let request = self.0.client.get(self.0.url.clone()).header("accept", "application/json");
        let mut answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(format!("it answered {}", answer.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(format!("its answer is longer than {MAX_BYTES} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let set: WireSet =
            serde_json::from_slice(&body).map_err(|_| "its answer is no key set".to_owned())?;
        let (mut keys, mut unusable) = (Vec::new(), Vec::new());
        for key in set.keys.into_iter().take(MAX_KEYS) {
            match usable(key) {
                Ok(key) => keys.push(key),
                Err(why) => unusable.push(why),
            }
        }
        tell(&keys, &unusable);
        Ok(keys.into())
    }
}

/// A key set on the wire (RFC 7517), each key left as it is: one we cannot read does not spoil the others.
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

/// Says which keys of a set serve, and which do not and why. With none, every token is refused.
fn tell(keys: &[Key], unusable: &[String]) {
    let unusable = unusable.join("; ");
    if keys.is_empty() {
        tracing::error!(
            unusable,
            "the key set has no key that can be used: every token it should check is refused"
        );
        return;
    }
    if !unusable.is_empty() {
        tracing::warn!(unusable, "keys of the key set cannot be used: tokens they sign are refused");
    }
    let algorithms: Vec<_> = keys.iter().map(|key| format!("{:?}", key.algorithm)).collect();
    tracing::info!(keys = keys.len(), algorithms = algorithms.join(" "), "key set loaded");
}

/// The key, if it is for signatures and of a kind we take. Secrets have no place in a published set. An RSA key that names no
/// algorithm serves RS256; the others can serve only one.
///
/// # Errors
/// Why it cannot be used, for the log.
fn usable(key: serde_json::Value) -> Result<Key, String> {
    let key: WireKey = serde_json::from_value(key).map_err(|_| "one is not a JSON Web Key".to_owned())?;
    let id = key.kid.clone().unwrap_or_default();
    let because = |why: &str| {
        let shown: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
        format!(
            "\"{shown}\" ({}): {why}",
            [Some(&*key.kty), key.crv.as_deref(), key.alg.as_deref()]
                .map(|part| part.unwrap_or("-").chars().take(16).collect::<String>())
                .join(" ")
        )
    };
    if key.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
        return Err(because("is not for signatures"));
    }
    let declared = match key.alg.as_deref().map(str::parse::<Algorithm>) {
        Some(Err(_)) => return Err(because("its algorithm is not supported")),
        Some(Ok(algorithm)) => Some(algorithm),
        None => None,
    };
    let part = |part: &Option<String>| part.clone().ok_or_else(|| because("is incomplete"));
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
                return Err(because("its algorithm does not fit its type"));
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
        _ => return Err(because("its type is not supported")),
    };
    if declared.is_some_and(|declared| declared != algorithm) {
        return Err(because("its algorithm does not fit its type"));
    }
    let key = decoding.map_err(|_| because("cannot be read"))?;
    Ok(Key { id: Some(id).filter(|id| !id.is_empty()), algorithm, key })
}
