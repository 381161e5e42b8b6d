//! The webhooks of this server and their paths.

use url::Url;

/// A webhook of this server. The carrier calls all but [`Self::VoiceEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Webhook {
    /// A call comes in.
    IncomingCall,
    /// The carrier could not fetch or carry out the answer to a call.
    CallFallback,
    /// The status of a call changed.
    CallStatus,
    /// The dial of the last number has ended.
    DialEnded,
    /// The dial of a number that rings before the agent has ended.
    ForwardEnded,
    /// A text comes in.
    IncomingMessage,
    /// The carrier could not fetch or carry out the answer to a text.
    MessageFallback,
    /// The status of a text that was sent changed.
    MessageStatus,
    /// The status of a port changed.
    Porting,
    /// The voice provider reports on a conversation.
    VoiceEvent,
}

impl Webhook {
    /// All webhooks in order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::IncomingCall,
        Self::CallFallback,
        Self::CallStatus,
        Self::DialEnded,
        Self::ForwardEnded,
        Self::IncomingMessage,
        Self::MessageFallback,
        Self::MessageStatus,
        Self::Porting,
        Self::VoiceEvent,
    ];

    /// The path under the server's public address.
    #[must_use]
    pub const fn path(self) -> &'static str {
        // Stored at the carrier with every number: a changed path would lose the calls and texts of all numbers bought before.
        match self {
            Self::IncomingCall => "/api/webhooks/call/incoming",
            Self::CallFallback => "/api/webhooks/call/fallback",
            Self::CallStatus => "/api/webhooks/call/status",
            Self::DialEnded => "/api/webhooks/call/dial",
            Self::ForwardEnded => "/api/webhooks/call/forwarded",
            Self::IncomingMessage => "/api/webhooks/message/incoming",
            Self::MessageFallback => "/api/webhooks/message/fallback",
            Self::MessageStatus => "/api/webhooks/message/status",
            Self::Porting => "/api/webhooks/porting",
            Self::VoiceEvent => "/api/webhooks/elevenlabs",
        }
    }

    /// The URL under a server's public address, which may include a path.
    #[must_use]
    pub fn url(self, base: &Url) -> Url {
        let mut url = base.clone();
        // `Url::join` would replace the path of the base instead of extending it.
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), self.path()));
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They are stored at the carrier for every number, and in the voice provider's workspace.
    #[test]
    fn the_paths_never_change() {
        let paths: Vec<_> = Webhook::ALL.iter().map(|webhook| webhook.path()).collect();
        let calls = ["incoming", "fallback", "status", "dial", "forwarded"];
        let messages = ["incoming", "fallback", "status"];
        let mut expected: Vec<_> = calls.map(|name| format!("/api/webhooks/call/{name}")).to_vec();
        expected.extend(messages.map(|name| format!("/api/webhooks/message/{name}")));
        expected.push("/api/webhooks/porting".to_owned());
        expected.push("/api/webhooks/elevenlabs".to_owned());
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_url_keeps_the_path_of_the_public_address() {
        for (base, url) in [
            ("https://calls.example.com", "https://calls.example.com/api/webhooks/call/incoming"),
            ("https://calls.example.com/", "https://calls.example.com/api/webhooks/call/incoming"),
            ("https://example.com/calls/", "https://example.com/calls/api/webhooks/call/incoming"),
        ] {
            assert_eq!(Webhook::IncomingCall.url(&base.parse().unwrap()).as_str(), url);
        }
    }
}
