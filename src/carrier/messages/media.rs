//! Files of incoming messages: fetching and deleting them.
//!
//! Where a file is comes from a webhook, and redirects lead on from there, so that each address is checked before it is requested:
//! only the carrier's own hosts over https, by name, so that no address in our own network can be reached. The account's
//! credentials go to the API alone, never along a redirect to another origin. For an emulated carrier its host stands for all
//! hosts of Twilio, on any port.

use url::{Host, Url};

use crate::carrier::client::checked;
use crate::carrier::{Carrier, CarrierError, Rejection};
use crate::domain::LARGEST_MEDIA;
use crate::provider::{Effect, Method};

/// Redirects that are followed. Twilio sends one, from the API to its storage.
const MOST_REDIRECTS: usize = 3;
const API: &str = "api.twilio.com";
/// Storage, such as `mms.twiliocdn.com`.
const STORAGE: &str = ".twiliocdn.com";

/// A file as the carrier sent it, not larger than [`LARGEST_MEDIA`].
#[derive(Clone, PartialEq, Eq)]
pub struct FetchedMedia {
    /// Its type, as the carrier says.
    pub content_type: Option<String>,
    /// Its content.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for FetchedMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchedMedia").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Why a file was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaFailure {
    /// It must not be fetched, now or later. For people.
    #[error("{0}")]
    Refused(String),
    /// The carrier did not give it.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
}

impl MediaFailure {
    fn refused(why: &str) -> Self {
        Self::Refused(why.to_owned())
    }
}

impl Carrier {
    /// Fetches a file of an incoming message.
    ///
    /// # Errors
    /// [`MediaFailure`].
    pub async fn fetch_media(&self, url: &str) -> Result<FetchedMedia, MediaFailure> {
        let mut url = Url::parse(url).map_err(|_| MediaFailure::refused("its address is not a URL"))?;
        for _ in 0..=MOST_REDIRECTS {
            if !self.is_host_of_media(&url) {
                return Err(MediaFailure::refused("it is not on a host of the carrier"));
            }
            // No turn among the carrier's other requests: a large file must not keep a purchase waiting.
            let request = self.media_transport.request(Method::GET, url.clone());
            let request = if self.is_api(&url) { self.with_credentials(request) } else { request };
            let answer = self
                .media_transport
                .send_for_any_answer::<Rejection>(&self.media_breaker, request, Effect::Reads)
                .await
                .map_err(MediaFailure::Carrier)?;
            if let 301 | 302 | 303 | 307 | 308 = answer.status() {
                let next = answer.header("location").and_then(|location| url.join(location).ok());
                url = next.ok_or_else(|| MediaFailure::refused("the carrier's redirect leads nowhere"))?;
                continue;
            }
            if answer.is_too_long() {
                let most = LARGEST_MEDIA / 1_000_000;
                return Err(MediaFailure::Refused(format!("it is larger than {most} MB")));
            }
            let answer = answer.into_result::<Rejection>()?;
            return Ok(FetchedMedia {
                content_type: answer.header("content-type").map(str::to_owned),
                content: answer.body().to_vec(),
            });
        }
        Err(MediaFailure::refused("the carrier redirects too often"))
    }

    /// Deletes a file of a message in this account. Returns whether it was there.
    ///
    /// # Errors
    /// [`CarrierError`]; `Rejected` if this is no address of a file in the API.
    pub async fn delete_media(&self, url: &str) -> Result<bool, CarrierError> {
        let parsed = Url::parse(url).ok().filter(|url| self.is_api(url));
        let path: Vec<&str> =
            parsed.as_ref().and_then(Url::path_segments).map(Iterator::collect).unwrap_or_default();
        let [.., "Messages", message, "Media", file] = path[..] else {
            let words = "this is no file of a message".to_owned();
            return Err(CarrierError::Rejected(Rejection::Other { code: 20001, words }));
        };
        let url = self.url(&["Messages", checked(message)?, "Media", checked(file)?]);
        match self.with_low_priority().delete(url).await {
            Ok(()) => Ok(true),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether files may be fetched from there.
    fn is_host_of_media(&self, url: &Url) -> bool {
        let base = &self.config.base_url;
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        if self.is_emulated() {
            return url.scheme() == base.scheme() && url.host() == base.host();
        }
        let Some(Host::Domain(name)) = url.host() else { return false };
        let is_ours = Some(name) == base.host_str() || name == API || name.ends_with(STORAGE);
        // The default port is read as none.
        is_ours && url.scheme() == "https" && url.port().is_none()
    }

    /// Whether credentials may be sent there.
    fn is_api(&self, url: &Url) -> bool {
        let is_api = !self.is_emulated() && url.host_str() == Some(API);
        self.is_host_of_media(url) && (is_api || url.origin() == self.config.base_url.origin())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::carrier::CarrierConfig;
    use crate::domain::{Clock, Entropy};

    fn carrier(base_url: &str) -> Carrier {
        let config = CarrierConfig {
            base_url: base_url.parse().unwrap(),
            account_sid: "AC0123456789abcdef0123456789abcdef".to_owned(),
            auth_token: "secret".into(),
            timeout: Duration::from_secs(1),
        };
        Carrier::new(config, Clock::system(), Entropy::system()).unwrap()
    }

    /// Whether a file may be fetched from there, and whether credentials are sent.
    fn allowed(base_url: &str, url: &str) -> (bool, bool) {
        let (carrier, url) = (carrier(base_url), url.parse().unwrap());
        (carrier.is_host_of_media(&url), carrier.is_api(&url))
    }

    #[test]
    fn files_are_fetched_from_hosts_of_the_carrier_and_credentials_go_to_its_api() {
        for (url, expected) in [
            ("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1", (true, true)),
            ("https://mms.twiliocdn.com/AC1/x?Signature=y", (true, false)),
            ("https://media.twiliocdn.com/AC1/x", (true, false)),
            ("http://api.twilio.com/x", (false, false)),
            ("https://api.twilio.com:8443/x", (false, false)),
            ("https://api.twilio.com@evil.example/x", (false, false)),
            ("https://user:password@api.twilio.com/x", (false, false)),
            ("https://api.twilio.com.evil.example/x", (false, false)),
            ("https://eviltwiliocdn.com/x", (false, false)),
            ("https://demo.twilio.com/x", (false, false)),
            ("https://127.0.0.1/x", (false, false)),
            ("https://[::1]/x", (false, false)),
            ("https://169.254.169.254/latest/meta-data", (false, false)),
            ("https://localhost/x", (false, false)),
            ("file:///etc/passwd", (false, false)),
        ] {
            assert_eq!(allowed("https://api.twilio.com", url), expected, "{url}");
        }
        let region = "https://api.dublin.ie1.twilio.com";
        assert_eq!(allowed(region, "https://api.dublin.ie1.twilio.com/x"), (true, true));
        assert_eq!(allowed(region, "https://api.twilio.com/x"), (true, true));
        // An emulated carrier is on one host, and its API on one port.
        for (url, expected) in [
            ("http://127.0.0.1:8002/x", (true, true)),
            ("http://127.0.0.1:8003/x", (true, false)),
            ("https://127.0.0.1:8002/x", (false, false)),
            ("http://127.0.0.2:8002/x", (false, false)),
            ("http://localhost:8002/x", (false, false)),
            ("https://api.twilio.com/x", (false, false)),
        ] {
            assert_eq!(allowed("http://127.0.0.1:8002", url), expected, "{url}");
        }
    }
}
