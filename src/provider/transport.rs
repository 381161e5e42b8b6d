//! The HTTP client: sends one request and reads its answer.

use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, Method, Request, RequestBuilder, Response, redirect};
use url::Url;

use super::redaction::reason;
use super::request_span::RequestSpan;
use super::{Answer, CircuitBreaker, Effect, ProviderError, ProviderRejection};
use crate::domain::{Clock, is_loopback};

/// Names a request by its method and the segments of its path.
type Endpoint = fn(&Method, &[&str]) -> &'static str;

/// What differs between the providers.
#[derive(Debug)]
pub struct TransportConfig<'a> {
    /// The provider's name in metrics and traces.
    pub provider: &'static str,
    /// Where requests go. A loopback address bypasses the proxy of the environment.
    pub base_url: &'a Url,
    /// Time limit for connecting, a part of `timeout`.
    pub connect_timeout: Duration,
    /// Limits a whole request, connecting included.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub longest_answer: usize,
    /// Names requests in metrics and traces, from a closed set: neither ids nor phone numbers.
    pub endpoint: Endpoint,
}

/// An HTTP client for one provider. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Transport {
    http: Client,
    provider: &'static str,
    longest_answer: usize,
    endpoint: Endpoint,
    clock: Clock,
}

impl Transport {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// The machine has no certificate authorities to trust.
    pub fn new<R: ProviderRejection>(
        config: &TransportConfig<'_>,
        clock: Clock,
    ) -> Result<Self, ProviderError<R>> {
        // A redirect would take credentials to an address that nobody configured.
        let mut http = Client::builder()
            .connect_timeout(config.connect_timeout)
            // Until the last byte of the answer: one that trickles in is ended too.
            .timeout(config.timeout)
            .redirect(redirect::Policy::none());
        // The environment's proxy leads to the Internet; an emulated provider runs on this machine.
        if is_loopback(config.base_url) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| not_sent::<R>(&error))?;
        let TransportConfig { provider, longest_answer, endpoint, .. } = *config;
        Ok(Self { http, provider, longest_answer, endpoint, clock })
    }

    /// A request without credentials.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request and returns its complete answer, whose status is 2xx.
    ///
    /// # Errors
    /// Any [`ProviderError`]. While the circuit breaker is open the request is not sent.
    pub async fn send<R: ProviderRejection>(
        &self,
        breaker: &CircuitBreaker,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<Answer, ProviderError<R>> {
        self.send_for_any_answer(breaker, request, effect).await?.into_result()
    }

    /// Sends a request and returns whatever is answered, also a redirect or an answer that is too long.
    ///
    /// # Errors
    /// Any [`ProviderError`] but `Rejected`. While the circuit breaker is open the request is not sent.
    pub async fn send_for_any_answer<R: ProviderRejection>(
        &self,
        breaker: &CircuitBreaker,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<Answer, ProviderError<R>> {
        // Before admission, so that a request that cannot be built does not use up the breaker's trial.
        let mut request = request.build().map_err(|error| not_sent::<R>(&error))?;
        let permit = breaker.admit().map_err(ProviderError::<R>::breaker_open)?;
        let mut span = RequestSpan::begin(self.provider, self.endpoint_of(&request));
        if let Some(Ok(traceparent)) = span.traceparent().map(HeaderValue::try_from) {
            request.headers_mut().insert("traceparent", traceparent);
        }
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            // Nothing was sent, which says nothing about the provider: the permit is dropped without a report.
            Err(error) if error.is_builder() => return Err(not_sent(&error)),
            Err(error) => {
                permit.failed();
                // Without a connection nothing was sent. Any later failure leaves open what the provider received.
                return Err(if error.is_connect() { not_sent(&error) } else { effect.lost(reason(&error)) });
            }
        };
        let answer = Answer::read(response, effect, self.longest_answer, span.began(), &self.clock).await;
        span.answered(answer.status());
        if answer.shows_outage() {
            permit.failed();
        } else {
            permit.answered();
        }
        Ok(answer)
    }

    /// The provider's name in metrics and traces.
    pub(super) fn provider(&self) -> &'static str {
        self.provider
    }

    /// Sends a request as it is.
    pub(super) async fn execute(&self, request: Request) -> Result<Response, reqwest::Error> {
        self.http.execute(request).await
    }

    pub(super) fn endpoint_of(&self, request: &Request) -> &'static str {
        let path: Vec<&str> = request.url().path().trim_matches('/').split('/').collect();
        (self.endpoint)(request.method(), &path)
    }
}

fn not_sent<R: ProviderRejection>(error: &reqwest::Error) -> ProviderError<R> {
    ProviderError::unavailable(reason(error))
}
