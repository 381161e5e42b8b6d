//! The header `Retry-After` of RFC 9110: a number of seconds, or a date.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Nobody waits longer, whatever a provider asks.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How long a provider asks to be left alone, an hour at most; a date that is past asks for no wait. `None` when
/// the text is neither form.
#[must_use]
pub fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number too large to be held fails here.
        text.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        // The date's one form still in use is a form of RFC 2822's.
        let at = DateTime::parse_from_rfc2822(text).ok()?;
        at.signed_duration_since(now).to_std().unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        let now = DateTime::parse_from_rfc3339("1994-11-06T08:49:30Z").expect("a time").to_utc();
        let read = |text: &str| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("99999999999999999999999"), Some(3600));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:29 GMT"), Some(0));
        assert_eq!(read("Mon, 07 Nov 1994 08:49:37 GMT"), Some(3600));
        for neither in ["", "-1", "+1", "1.5", "soon", "1994-11-06T08:49:37Z"] {
            assert_eq!(read(neither), None, "{neither}");
        }
    }
}
