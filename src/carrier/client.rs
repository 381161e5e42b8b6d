//! Twilio's REST API: URLs, authentication, limits. Requests are sent by the kernel ([`crate::provider`]); each is made in the
//! module of its noun: `search`, `numbers`, `calls`, `prices`.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use url::Url;

use super::turns::{Turn, Turns};
use super::{CarrierError, Rejection, endpoint};
use crate::domain::{Clock, ComponentHealth, Entropy, LARGEST_MEDIA, TenantId};
use crate::provider::{
    Answer, CircuitBreaker, ConcurrencyLimit, Effect, Method, Priority, RequestBuilder, RetryPolicy,
    Transport, TransportConfig,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A page of 1000 numbers has about 2 MB.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// Twilio limits concurrent requests by account and does not publish the limit.
// A handful: over the limit, Twilio answers 429 (20429) to purchases too.
const PARALLEL_REQUESTS: usize = 5;
/// For reads that a person waits for: after two seconds an error is better than a longer wait.
const RETRY: RetryPolicy = RetryPolicy {
    repeats: 2,
    first_pause: Duration::from_millis(200),
    longest_pause: Duration::from_secs(2),
    time_needed: Duration::ZERO,
};

/// How to reach the carrier.
#[derive(Debug, Clone)]
pub struct CarrierConfig {
    /// `https://api.twilio.com`, or the emulated carrier.
    pub base_url: Url,
    /// The account's id, `AC…`.
    pub account_sid: String,
    /// The account's primary auth token.
    pub auth_token: SecretString,
    /// Limits a whole request, connecting included.
    pub timeout: Duration,
}

/// The credentials of an account beside the platform's.
#[derive(Debug, Clone)]
pub struct AccountCredentials {
    /// Its primary auth token, with which the carrier signs webhooks.
    pub auth_token: SecretString,
    /// The API key that authenticates requests; `None`: the token does.
    pub api_key: Option<ApiKey>,
}

/// An API key of an account. It cannot read or manage accounts and keys.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The carrier's id, `SK…`.
    pub sid: String,
    /// Its secret.
    pub secret: SecretString,
}

/// Twilio's REST API. Cheap to clone; clones share the limit on concurrent requests and the circuit breakers.
#[derive(Debug, Clone)]
pub struct Carrier {
    transport: Transport,
    /// For files of messages, which have other limits.
    pub(super) media_transport: Transport,
    pub(super) config: Arc<CarrierConfig>,
    /// Authenticates requests instead of the token.
    pub(super) api_key: Option<Arc<ApiKey>>,
    requests: ConcurrencyLimit,
    priority: Priority,
    turns: Turns,
    breaker: CircuitBreaker,
    /// Prices have a host of their own: its failures must not stop calls and purchases.
    pricing_breaker: CircuitBreaker,
    /// So has the messaging API, which tells registrations.
    messaging_breaker: CircuitBreaker,
    /// So do files of messages.
    pub(super) media_breaker: CircuitBreaker,
    /// So do ports.
    pub(super) porting_breaker: CircuitBreaker,
    /// The subaccount that requests are about; `None`: the account of the credentials.
    acts_in: Option<Arc<str>>,
    clock: Clock,
    entropy: Entropy,
}

impl Carrier {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// The machine has no certificate authorities to trust.
    pub fn new(config: CarrierConfig, clock: Clock, entropy: Entropy) -> Result<Self, CarrierError> {
        let transport = TransportConfig {
            provider: "carrier",
            base_url: &config.base_url,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: config.timeout,
            longest_answer: LONGEST_ANSWER,
            endpoint: endpoint::of,
        };
        let media =
            TransportConfig { longest_answer: LARGEST_MEDIA, endpoint: |_, _| "fetch_media", ..transport };
        Ok(Self {
            media_transport: Transport::new::<Rejection>(&media, clock.clone())?,
            transport: Transport::new::<Rejection>(&transport, clock.clone())?,
            config: Arc::new(config),
            api_key: None,
            requests: ConcurrencyLimit::new(PARALLEL_REQUESTS),
            priority: Priority::Normal,
            turns: Turns::new(),
            breaker: CircuitBreaker::new("carrier", clock.clone()),
            pricing_breaker: CircuitBreaker::new("carrier_prices", clock.clone()),
            messaging_breaker: CircuitBreaker::new("carrier_senders", clock.clone()),
            porting_breaker: CircuitBreaker::new("carrier_ports", clock.clone()),
            media_breaker: CircuitBreaker::new("carrier_media", clock.clone()),
            acts_in: None,
            clock,
            entropy,
        })
    }

    /// A client for another account, with circuit breakers and a limit on requests of its own. Both share their connections.
    #[must_use]
    pub fn for_account(&self, account_sid: String, credentials: AccountCredentials) -> Self {
        let breaker = || CircuitBreaker::without_gauge("carrier_account", self.clock.clone());
        let AccountCredentials { auth_token, api_key } = credentials;
        Self {
            config: Arc::new(CarrierConfig { account_sid, auth_token, ..(*self.config).clone() }),
            api_key: api_key.map(Arc::new),
            requests: ConcurrencyLimit::new(PARALLEL_REQUESTS),
            turns: Turns::new(),
            breaker: breaker(),
            pricing_breaker: breaker(),
            messaging_breaker: breaker(),
            media_breaker: breaker(),
            porting_breaker: breaker(),
            acts_in: None,
            ..self.clone()
        }
    }

    /// The same client with other credentials of its account.
    #[must_use]
    pub fn with_other_credentials(&self, credentials: AccountCredentials) -> Self {
        let AccountCredentials { auth_token, api_key } = credentials;
        let config = Arc::new(CarrierConfig { auth_token, ..(*self.config).clone() });
        Self { config, api_key: api_key.map(Arc::new), ..self.clone() }
    }

    /// The same client for requests that an API key may not make.
    pub(super) fn by_token(&self) -> Self {
        Self { api_key: None, ..self.clone() }
    }

    /// A client for a subaccount with the credentials of this one, its parent: for numbers and calls, not for other hosts.
    pub(super) fn acting_in(&self, account_sid: &str) -> Self {
        Self { acts_in: Some(account_sid.into()), ..self.clone() }
    }

    /// The account's id, `AC…`.
    #[must_use]
    pub fn account_sid(&self) -> &str {
        &self.config.account_sid
    }

    /// Returns a client that shares limits and circuit breakers, for requests of low priority.
    pub(super) fn with_low_priority(&self) -> Self {
        Self { priority: Priority::Low, ..self.clone() }
    }

    /// Whether requests go to an emulated carrier, and so reserve and cost nothing.
    #[must_use]
    pub fn is_emulated(&self) -> bool {
        !self.config.base_url.host_str().is_some_and(|host| host.ends_with(".twilio.com"))
    }

    /// The state of its circuit breakers and of the limit on requests, for operators.
    #[must_use]
    pub fn health(&self) -> Vec<ComponentHealth> {
        let breakers = [
            &self.breaker,
            &self.pricing_breaker,
            &self.messaging_breaker,
            &self.media_breaker,
            &self.porting_breaker,
        ];
        let breakers = breakers.into_iter().map(CircuitBreaker::health);
        breakers.chain([self.requests.health("carrier_requests")]).collect()
    }

    /// The URL of a resource of the account. The last segment gets the suffix that selects JSON.
    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.config.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let account = self.acts_in.as_deref().unwrap_or(&self.config.account_sid);
            segments.pop_if_empty().extend(["2010-04-01", "Accounts", account]);
            if let Some((last, folders)) = path.split_last() {
                // Without the suffix Twilio answers in XML.
                segments.extend(folders).push(&format!("{last}.json"));
            }
        }
        url
    }

    /// The URL of a price list, which has a host of its own.
    pub(super) fn pricing_url(&self, path: &str) -> Url {
        let mut url = self.host("pricing.twilio.com");
        url.set_path(path);
        url
    }

    /// Another of Twilio's hosts. The emulated carrier has one for all.
    fn host(&self, name: &str) -> Url {
        let mut url = self.config.base_url.clone();
        if !self.is_emulated() {
            // Replacing a domain by a domain cannot fail.
            let _renamed = url.set_host(Some(name));
        }
        url
    }

    /// The URL of a resource of another of Twilio's hosts.
    pub(super) fn url_at(&self, host: &str, path: &[&str]) -> Url {
        let mut url = self.host(host);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("v1").extend(path);
        }
        url
    }

    /// Resolves the URL of a list's next page, which Twilio gives relative to its host. Another host is rejected, because it
    /// would receive our credentials.
    pub(super) fn next_page(&self, uri: &str) -> Result<Url, CarrierError> {
        let elsewhere = || CarrierError::unavailable("the next page of a list is on another host");
        let next = self.config.base_url.join(uri).map_err(|_| elsewhere())?;
        if next.origin() == self.config.base_url.origin() { Ok(next) } else { Err(elsewhere()) }
    }

    /// Waits for a tenant's turn to search.
    pub(super) async fn search_turn(&self, tenant: TenantId) -> Result<Turn, CarrierError> {
        let turn = timeout(self.config.timeout, self.turns.take(tenant)).await;
        turn.ok()
            .and_then(Result::ok)
            .ok_or_else(|| CarrierError::unavailable("too many searches are waiting"))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, CarrierError> {
        self.get_answer(url).await?.json()
    }

    pub(super) async fn get_answer(&self, url: Url) -> Result<Answer, CarrierError> {
        self.send(&self.breaker, self.request(Method::GET, url), Effect::Reads).await
    }

    /// Like [`Self::get_answer`], with retries by [`RETRY`] within the deadline of one request. For callers without retries of
    /// their own; a step of an operation is retried as a whole.
    pub(super) async fn get_answer_with_retry(&self, url: Url) -> Result<Answer, CarrierError> {
        // One deadline for all attempts: with retries a person waits no longer than without.
        let deadline = Instant::now() + self.config.timeout;
        let mut attempt = 1;
        let mut answer = self.get_answer(url.clone()).await;
        while let Err(error) = &answer {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(pause) = RETRY.pause_after(attempt, error, left, &self.breaker, &self.entropy) else {
                break;
            };
            sleep(pause).await;
            // Past the deadline the last error is returned: it says more than a timeout.
            let Ok(again) = timeout_at(deadline, self.get_answer(url.clone())).await else { break };
            answer = again;
            attempt += 1;
        }
        answer
    }

    /// Reads a price list, with low priority.
    pub(super) async fn get_price<T: DeserializeOwned>(&self, url: Url) -> Result<T, CarrierError> {
        let request = self.request(Method::GET, url);
        self.with_low_priority().send(&self.pricing_breaker, request, Effect::Reads).await?.json()
    }

    /// Reads from the messaging API, with low priority.
    pub(super) async fn get_registration<T: DeserializeOwned>(&self, url: Url) -> Result<T, CarrierError> {
        let request = self.request(Method::GET, url);
        self.with_low_priority().send(&self.messaging_breaker, request, Effect::Reads).await?.json()
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        url: Url,
        form: &[(&str, &str)],
    ) -> Result<T, CarrierError> {
        self.post_for_answer(url, form).await?.json()
    }

    pub(super) async fn post_for_answer(
        &self,
        url: Url,
        form: &[(&str, &str)],
    ) -> Result<Answer, CarrierError> {
        self.send(&self.breaker, self.request(Method::POST, url).form(form), Effect::Writes).await
    }

    /// Reads whatever is answered, for requests whose rejections say something.
    pub(super) async fn get_any_answer(&self, url: Url) -> Result<Answer, CarrierError> {
        let request = self.request(Method::GET, url);
        self.send_for_any_answer(&self.breaker, request, Effect::Reads).await
    }

    pub(super) async fn delete(&self, url: Url) -> Result<(), CarrierError> {
        self.send(&self.breaker, self.request(Method::DELETE, url), Effect::Writes).await.map(drop)
    }

    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.with_credentials(self.transport.request(method, url))
    }

    pub(super) fn with_credentials(&self, request: RequestBuilder) -> RequestBuilder {
        let CarrierConfig { account_sid, auth_token, .. } = &*self.config;
        match &self.api_key {
            Some(key) => request.basic_auth(&key.sid, Some(key.secret.expose_secret())),
            None => request.basic_auth(account_sid, Some(auth_token.expose_secret())),
        }
    }

    pub(super) async fn send(
        &self,
        breaker: &CircuitBreaker,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<Answer, CarrierError> {
        self.send_for_any_answer(breaker, request, effect).await?.into_result()
    }

    /// Sends a request and returns whatever is answered.
    pub(super) async fn send_for_any_answer(
        &self,
        breaker: &CircuitBreaker,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<Answer, CarrierError> {
        // Checked before the queue, so that callers fail at once while the breaker is open. The transport checks again.
        if let Some(wait) = breaker.open_for() {
            return Err(CarrierError::breaker_open(wait));
        }
        let Some(_permit) = self.requests.acquire(self.priority, self.config.timeout).await else {
            return Err(CarrierError::unavailable("too many requests are waiting"));
        };
        self.transport.send_for_any_answer(breaker, request, effect).await
    }
}

/// Returns a carrier's id if it is safe as a path segment: letters and digits only.
pub(super) fn checked(sid: &str) -> Result<&str, CarrierError> {
    let fits = (2..=64).contains(&sid.len()) && sid.bytes().all(|b| b.is_ascii_alphanumeric());
    // Twilio's code for an invalid id. With "not found", a release would believe that the number is gone.
    let invalid = || Rejection::Other { code: 20001, words: "invalid carrier id".to_owned() };
    if fits { Ok(sid) } else { Err(CarrierError::Rejected(invalid())) }
}
