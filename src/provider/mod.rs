//! HTTP kernel shared by the clients of the carrier and the voice provider.
//!
//! It guarantees for every request:
//! - It has a deadline, and its answer a maximum length ([`Transport`]).
//! - Its failure belongs to one of three classes: rejected, unavailable or outcome unknown ([`ProviderError`]).
//! - It is not sent while the provider keeps failing ([`CircuitBreaker`]).
//! - It is measured and traced under a name from a closed set.
//! - No error message contains its URL, which can contain phone numbers.
//!
//! A client adds what only its provider has: URLs, authentication, names of endpoints, limits, and the meaning
//! of error bodies ([`ProviderRejection`]).

mod answer;
mod circuit_breaker;
mod concurrency;
mod error;
mod json;
mod redaction;
mod request_span;
mod retry;
mod socket;
mod transport;

pub use answer::Answer;
pub use circuit_breaker::CircuitBreaker;
pub use concurrency::{ConcurrencyLimit, Priority};
pub use error::{Effect, ProviderError, ProviderRejection};
pub use json::lenient_json;
pub use redaction::{NO_REASON, shown};
pub use request_span::set_traceparent;
/// The vocabulary of requests, so that only the kernel names the HTTP library.
pub use reqwest::{Method, RequestBuilder};
pub use retry::RetryPolicy;
pub use socket::{Socket, SocketEnd};
pub use transport::{Transport, TransportConfig};
