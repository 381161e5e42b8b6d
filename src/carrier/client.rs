//! Talks HTTP with Twilio: every request has a deadline, few run at once, none is sent while Twilio stays down, and
//! every failure ends up in one of the three classes of [`CarrierError`]. Calls and purchases go before searches: see
//! [`super::turns`].
//!
//! What is asked of Twilio stands beside its noun: `search`, `numbers`, `calls`.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::error::{Answer, Effect};
use super::turns::{Rank, Slots, Turn, Turns};
use super::{CarrierError, Rejection, endpoint};
use crate::domain::{Clock, Entropy, TenantId, backoff};
use crate::provider::{BreakerChange, Exchange, Gate, lenient_json};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A page of a thousand numbers is about 2 MB.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// How often a read is repeated for somebody who waits for it.
const REPEATS: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Somebody who waits is better told at once than after a longer pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How to reach the carrier.
#[derive(Debug, Clone)]
pub struct CarrierConfig {
    /// `https://api.twilio.com`, or where it is emulated.
    pub base_url: Url,
    /// `AC…`
    pub account_sid: String,
    /// The account's primary auth token.
    pub auth_token: SecretString,
    /// For a whole request, connecting included.
    pub timeout: Duration,
}

/// Twilio's REST API. Cheap to clone; clones share the limit on parallel requests and the breaker.
#[derive(Debug, Clone)]
pub struct Carrier {
    http: reqwest::Client,
    config: Arc<CarrierConfig>,
    slots: Slots,
    rank: Rank,
    turns: Turns,
    gate: Gate,
    /// Prices are another host's: when that is down, nothing else is.
    pricing_gate: Gate,
    clock: Clock,
    entropy: Entropy,
}

impl Carrier {
    /// A client; reaches nothing yet.
    ///
    /// # Errors
    /// When the machine has no certificate authorities to trust.
    pub fn new(config: CarrierConfig, clock: Clock, entropy: Entropy) -> Result<Self, CarrierError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.timeout)
            .redirect(redirect::Policy::none());
        if is_loopback(&config.base_url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| CarrierError::unavailable(reason(&error)))?;
        let gate = Gate::new("carrier", clock.clone(), told);
        let pricing_gate = Gate::new("carrier_prices", clock.clone(), |_| ());
        let (slots, rank, turns) = (Slots::new(), Rank::First, Turns::new());
        Ok(Self { http, config: Arc::new(config), slots, rank, turns, gate, pricing_gate, clock, entropy })
    }

    /// The same carrier, for requests that wait until nothing else does.
    pub(super) fn ranking_last(&self) -> Self {
        Self { rank: Rank::Last, ..self.clone() }
    }

    /// `…/Accounts/{AC}/` and `path`, whose last segment gets the suffix that asks for JSON.
    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.config.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["2010-04-01", "Accounts", &self.config.account_sid]);
            if let Some((last, folders)) = path.split_last() {
                segments.extend(folders).push(&format!("{last}.json"));
            }
        }
        url
    }

    /// The address of the price lists, which Twilio has on a host of their own. The emulated carrier has only one.
    pub(super) fn pricing_url(&self, path: &str) -> Url {
        let mut url = self.config.base_url.clone();
        if url.host_str().is_some_and(|host| host.ends_with(".twilio.com")) {
            // Both are host names, so this cannot fail.
            let _renamed = url.set_host(Some("pricing.twilio.com"));
        }
        url.set_path(path);
        url
    }

    /// Reads from a price list.
    pub(super) async fn get_price<T: DeserializeOwned>(&self, url: Url) -> Result<T, CarrierError> {
        let this = self.ranking_last();
        let answer = this.exchange_behind(&this.pricing_gate, this.http.get(url), Effect::Reads).await?;
        read_json(&answer.into_body(Effect::Reads)?, Effect::Reads)
    }

    /// The address of a list's next page. Twilio gives it relative to the host; our credentials go to no other.
    pub(super) fn next_page(&self, uri: &str) -> Result<Url, CarrierError> {
        let elsewhere =
            || CarrierError::unavailable("the next page of a list is not at the carrier".to_owned());
        let next = self.config.base_url.join(uri).map_err(|_| elsewhere())?;
        if next.origin() == self.config.base_url.origin() { Ok(next) } else { Err(elsewhere()) }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, CarrierError> {
        self.ask(self.http.get(url), Effect::Reads).await
    }

    /// Waits for a tenant's turn at searching.
    pub(super) async fn search_turn(&self, tenant: TenantId) -> Result<Turn, CarrierError> {
        let turn = tokio::time::timeout(self.config.timeout, self.turns.take(tenant)).await;
        let too_many = || CarrierError::unavailable("too many searches are waiting for it".to_owned());
        turn.ok().and_then(Result::ok).ok_or_else(too_many)
    }

    /// As [`Self::get`], for whoever must know more of the answer than its body.
    pub(super) async fn get_for_answer(&self, url: Url) -> Result<Answer, CarrierError> {
        self.exchange(self.http.get(url), Effect::Reads).await
    }

    /// As [`Self::get_for_answer`], for what nobody else repeats: asks again shortly, a bounded number of times, when the
    /// carrier turned the request away or failed, all within one request's deadline.
    pub(super) async fn get_again(&self, url: Url) -> Result<Answer, CarrierError> {
        let deadline = Instant::now() + self.config.timeout;
        let mut answer = self.exchange(self.http.get(url.clone()), Effect::Reads).await?;
        for repeat in 1..=REPEATS {
            let Some(wait) = answer.asks_to_wait().filter(|wait| *wait <= LONGEST_PAUSE) else { break };
            let pause = wait + backoff(&self.entropy, FIRST_PAUSE, LONGEST_PAUSE, repeat);
            if Instant::now() + pause >= deadline || self.gate.shut_for().is_some() {
                break;
            }
            sleep(pause).await;
            let again = self.exchange(self.http.get(url.clone()), Effect::Reads);
            let Ok(again) = timeout_at(deadline, again).await else { break };
            answer = again?;
        }
        Ok(answer)
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        url: Url,
        form: &[(&str, &str)],
    ) -> Result<T, CarrierError> {
        self.ask(self.http.post(url).form(form), Effect::Writes).await
    }

    /// As [`Self::post`], for whoever must know more of the answer than its body.
    pub(super) async fn post_for_answer(
        &self,
        url: Url,
        form: &[(&str, &str)],
    ) -> Result<Answer, CarrierError> {
        self.exchange(self.http.post(url).form(form), Effect::Writes).await
    }

    pub(super) async fn delete(&self, url: Url) -> Result<(), CarrierError> {
        self.exchange(self.http.delete(url), Effect::Writes).await?.into_body(Effect::Writes).map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<T, CarrierError> {
        read_json(&self.exchange(request, effect).await?.into_body(effect)?, effect)
    }

    /// Sends a request and gives its answer, whatever it says.
    async fn exchange(&self, request: RequestBuilder, effect: Effect) -> Result<Answer, CarrierError> {
        self.exchange_behind(&self.gate, request, effect).await
    }

    async fn exchange_behind(
        &self,
        gate: &Gate,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<Answer, CarrierError> {
        // Nobody queues for a carrier that is left alone.
        if let Some(wait) = gate.shut_for() {
            return Err(CarrierError::left_alone(wait));
        }
        let waiting = tokio::time::timeout(self.config.timeout, self.slots.take(self.rank));
        let Ok(Ok(_slot)) = waiting.await else {
            return Err(CarrierError::unavailable("too many requests are waiting for it".to_owned()));
        };
        let request =
            request.basic_auth(&self.config.account_sid, Some(self.config.auth_token.expose_secret()));
        let mut request = request.build().map_err(|error| CarrierError::unavailable(reason(&error)))?;
        // It may have gone down while this request waited for its turn.
        let passage = gate.pass().map_err(CarrierError::left_alone)?;
        let mut exchange = Exchange::begin("carrier", endpoint::of(&request));
        if let Some(Ok(trace)) = exchange.traceparent().map(HeaderValue::try_from) {
            request.headers_mut().insert("traceparent", trace);
        }
        let sent = Instant::now();
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            // A request that cannot be built was never sent.
            Err(error) if error.is_builder() => return Err(CarrierError::unavailable(reason(&error))),
            Err(error) => {
                passage.failed();
                let why = reason(&error);
                return Err(if error.is_connect() {
                    CarrierError::unavailable(why)
                } else {
                    effect.lost(why)
                });
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response).await;
        exchange.answered(status.as_u16());
        let answer = Answer { status, headers, body, at: self.clock.now(), took: sent.elapsed() };
        if answer.is_failure() {
            passage.failed();
        } else {
            passage.answered();
        }
        Ok(answer)
    }
}

/// Tells the operator that the carrier is down, or back.
fn told(change: BreakerChange) {
    let state = match change {
        BreakerChange::Opened { pause } => {
            tracing::warn!(?pause, "the carrier keeps failing: it is asked nothing for a while");
            "open"
        }
        BreakerChange::Closed => {
            tracing::info!("the carrier answers again");
            "closed"
        }
    };
    metrics::counter!("switchboard_breaker_changes_total", "provider" => "carrier", "state" => state)
        .increment(1);
}

pub(super) fn read_json<T: DeserializeOwned>(body: &[u8], effect: Effect) -> Result<T, CarrierError> {
    lenient_json(body).map_err(|error| effect.lost(format!("an unreadable answer: {error}")))
}

/// A carrier's id as a path segment: letters and digits only.
pub(super) fn checked(sid: &str) -> Result<&str, CarrierError> {
    let fits = (2..=64).contains(&sid.len()) && sid.bytes().all(|b| b.is_ascii_alphanumeric());
    // Twilio's own word for it; "not found" would make a release believe that the number is gone.
    let invalid = || Rejection::Other { code: 20001, words: "this is no id of the carrier's".to_owned() };
    if fits { Ok(sid) } else { Err(CarrierError::Rejected(invalid())) }
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err("the answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What went wrong, down to its cause, without the address: it names numbers.
fn reason(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "timed out".to_owned()
    } else if error.is_connect() {
        "could not connect".to_owned()
    } else {
        "the exchange broke off".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A proxy from the environment is for the world outside; an emulated carrier is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
