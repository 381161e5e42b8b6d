//! Makes a provider's failure safe to show and to log.

/// The longest message of a provider that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Stands for the message of a rejection that has none.
pub const NO_REASON: &str = "no reason given";

/// A provider's message as it may be shown to a tenant: cut short and without control characters, which would forge log lines.
#[must_use]
pub fn shown(message: &str) -> String {
    let message: String = message.chars().filter(|c| !c.is_control()).take(LONGEST_MESSAGE).collect();
    if message.is_empty() { NO_REASON.to_owned() } else { message }
}

/// What went wrong, down to its cause. Built from the causes and not from the error itself, whose text ends with the URL:
/// that contains phone numbers.
pub(super) fn reason(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "timed out".to_owned()
    } else if error.is_connect() {
        "could not connect".to_owned()
    } else {
        "the exchange was interrupted".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_and_cannot_forge_a_log_line() {
        assert_eq!(shown("no\n2026-01-01 INFO all is well\u{7}"), "no2026-01-01 INFO all is well");
        assert_eq!(shown(&"\u{e9}".repeat(400)).chars().count(), LONGEST_MESSAGE);
        assert_eq!(shown("\r\n"), NO_REASON);
    }
}
