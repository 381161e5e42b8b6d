//! A call comes in: who answers, decided and written down, always with an answer a caller can hear.

use std::time::Duration;

use url::Url;

use crate::carrier::twiml::Twiml;
use crate::domain::{CallStatus, Clock, E164, Entropy};
use crate::store::SystemStore;
use crate::voice::Voice;

/// How long routing may take, and where a dialled fallback number's outcome is reported.
#[derive(Debug, Clone)]
pub struct RoutingConfig {
    /// For the whole answer: the carrier waits 15 s.
    pub answer_deadline: Duration,
    /// The public address of this server.
    pub webhook_base_url: Url,
}

/// Answers calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Routing {}
