//! The published keys of whoever issues our tokens: fetched when needed, kept, fetched again for an unknown key.
//!
//! One fetch at a time, and never more often than [`REFETCH_AFTER`], whatever tokens are thrown at us. While the
//! key server is down the keys we have go on serving.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::{AuthConfigError, AuthError};
use crate::domain::Clock;

/// An unknown key leads to at most one fetch in this time.
const REFETCH_AFTER: TimeDelta = TimeDelta::seconds(60);
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
        let pause = if self.failing { RETRY_AFTER } else { REFETCH_AFTER };
        self.tried_at.is_none_or(|tried_at| (now - tried_at).abs() >= pause)
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
    fetching: Mutex<()>,
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
        Ok(Self(Arc::new(Inner { client, url, clock, known: RwLock::default(), fetching: Mutex::default() })))
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
        let this = self.clone();
        tokio::spawn(async move { this.fetch_if_due().await })
    }

    /// Fetches unless that was done just now, by us or by whoever we waited for.
    async fn fetch_if_due(&self) {
        let _one_at_a_time = self.0.fetching.lock().await;
        let now = self.0.clock.now();
        let before = self.known();
        if !before.may_fetch(now) {
            return;
        }
        let after = match self.fetch().await {
            Ok(keys) => Known { keys, fetched_at: Some(now), tried_at: Some(now), failing: false },
            Err(reason) => {
                tracing::warn!(
                    reason,
                    keys = before.keys.len(),
                    "the key server failed; going on with the keys we have"
                );
                Known { tried_at: Some(now), failing: true, ..before }
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
        Ok(set.keys.into_iter().take(MAX_KEYS).filter_map(usable).collect())
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

/// The key, if it is for signatures and of a kind we take. Secrets have no place in a published set.
fn usable(key: serde_json::Value) -> Option<Key> {
    let key: WireKey = serde_json::from_value(key).ok()?;
    if key.r#use.is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let (algorithm, name, decoding) = match (key.kty.as_str(), key.crv.as_deref()) {
        ("RSA", _) => (Algorithm::RS256, "RS256", DecodingKey::from_rsa_components(&key.n?, &key.e?).ok()?),
        ("EC", Some("P-256")) => {
            (Algorithm::ES256, "ES256", DecodingKey::from_ec_components(&key.x?, &key.y?).ok()?)
        }
        _ => return None,
    };
    if key.alg.is_some_and(|declared| declared != name) {
        return None;
    }
    Some(Key { id: key.kid, algorithm, key: decoding })
}
