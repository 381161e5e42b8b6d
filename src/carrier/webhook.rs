//! Reads Twilio's webhooks into types. Read only requests with a valid signature.
//!
//! Unknown parameters are ignored: Twilio adds new ones without notice.

use chrono::{DateTime, Utc};

use super::calls::call_status;
use super::messages::message_status;
use super::wire::instant;
use crate::domain::{CallStatus, E164, IncomingMessage, Invalid, MediaReference, MessageId, MessageStatus};

/// The longest accepted value in bytes, except for ids. SIP addresses are the longest.
const LONGEST: usize = 256;

/// The decoded parameters of a request.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads parameters from a form or a query.
    #[must_use]
    pub fn from_form(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Reads parameters from the members of a JSON object. Members that are neither text, number nor boolean are left out.
    ///
    /// # Errors
    /// The body is not a JSON object.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(body).map_err(|_| Invalid::new("the body is not a JSON object"))?;
        let text = |value| match value {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            serde_json::Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        };
        Ok(Self(object.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()))
    }

    /// Returns a parameter's value; `None` if it is missing or empty.
    ///
    /// # Errors
    /// The parameter occurs twice with different values.
    pub fn optional(&self, name: &str) -> Result<Option<&str>, Invalid> {
        let mut values = self.0.iter().filter(|(of, _)| of == name).map(|(_, value)| value.as_str());
        let Some(first) = values.next() else { return Ok(None) };
        // The signature covers the distinct values in sorted order, so it does not prove which of them came first.
        if values.any(|other| other != first) {
            return Err(Invalid::new(format!("{name} is given twice with different values")));
        }
        Ok(Some(first).filter(|value| !value.is_empty()))
    }

    fn required(&self, name: &str) -> Result<&str, Invalid> {
        let value = self.optional(name)?.ok_or_else(|| Invalid::new(format!("{name} is missing")))?;
        if value.len() > LONGEST {
            return Err(Invalid::new(format!("{name} is longer than {LONGEST} bytes")));
        }
        Ok(value)
    }

    /// Returns an id: `CA` or `AC` and 32 hexadecimal digits. Other ids of 2 to 64 word characters are accepted with a warning,
    /// because a changed format must not fail calls.
    fn sid(&self, name: &str, prefix: &str) -> Result<String, Invalid> {
        let sid = self.required(name)?;
        let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !(2..=64).contains(&sid.len()) || !word(sid) {
            return Err(Invalid::new(format!("{name} is not a valid id")));
        }
        let usual = sid
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
        if !usual {
            tracing::warn!(name, sid, "Twilio id has an undocumented format");
        }
        Ok(sid.to_owned())
    }

    /// Returns a message's id: `SM…`, with files `MM…`.
    fn message_sid(&self) -> Result<String, Invalid> {
        let has_files = self.optional("MessageSid")?.is_some_and(|sid| sid.starts_with("MM"));
        self.sid("MessageSid", if has_files { "MM" } else { "SM" })
    }
}

/// Files of one message, at most.
const MOST_MEDIA: usize = 10;

/// The longest stored caller, in characters.
const MAX_FROM_CHARS: usize = 255;

/// Twilio's request for TwiML: a call came in, or the previous answer failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceRequest {
    /// Twilio's id of the call, `CA…`.
    pub call_sid: String,
    /// The account that owns the number, `AC…`.
    pub account_sid: String,
    /// The caller as sent: E.164, or `anonymous`, `sip:…`, `client:…` …, without control characters and cut at 255 characters.
    /// Never logged in full.
    pub from: String,
    /// Twilio's attestation of the caller's number (`StirVerstat`), such as `TN-Validation-Passed-A`. Sent with some calls in
    /// the United States and Canada.
    pub attestation: Option<String>,
    /// The number that forwarded the call to ours; `None` if Twilio does not name it.
    pub forwarded_from: Option<E164>,
    /// The number called, in E.164.
    pub to: E164,
}

impl VoiceRequest {
    /// Reads the parameters of the voice webhook.
    ///
    /// # Errors
    /// `CallSid`, `AccountSid` or `To` is missing, or a parameter is malformed. The error names it.
    pub fn read(parameters: &Parameters) -> Result<Self, Invalid> {
        let from = caller(parameters)?;
        let to = parameters.required("To")?;
        let call_sid = parameters.sid("CallSid", "CA")?;
        let account_sid = parameters.sid("AccountSid", "AC")?;
        // `To` is checked last: a request without a valid id is not about a call at all.
        let to = E164::shown(to).ok_or_else(|| Invalid::new("To is not a phone number"))?;
        Ok(Self {
            call_sid,
            account_sid,
            from,
            // Any other value is left out: it is stored and shown, but decides nothing.
            attestation: parameters
                .optional("StirVerstat")?
                .filter(|word| is_attestation(word))
                .map(str::to_owned),
            forwarded_from: forwarded_from(parameters),
            to,
        })
    }
}

/// Twilio's report of a call's status. Callbacks may come late, twice, out of order or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCallback {
    /// Twilio's id of the call, `CA…`.
    pub call_sid: String,
    /// The account that owns the number, `AC…`.
    pub account_sid: String,
    /// Twilio's own value: `completed`, `no-answer` …
    pub word: String,
    /// The status; `None` for a value that Twilio does not document.
    pub status: Option<CallStatus>,
    /// Duration in seconds; `None` before the call has ended.
    pub duration_seconds: Option<i32>,
    /// When the status changed; `None` if Twilio's timestamp is missing or unreadable.
    pub at: Option<DateTime<Utc>>,
}

impl StatusCallback {
    /// Reads the parameters of a status callback.
    ///
    /// # Errors
    /// `CallSid`, `AccountSid` or `CallStatus` is missing, or a parameter is malformed. The error names it.
    pub fn read(parameters: &Parameters) -> Result<Self, Invalid> {
        let word = parameters.required("CallStatus")?;
        Ok(Self {
            call_sid: parameters.sid("CallSid", "CA")?,
            account_sid: parameters.sid("AccountSid", "AC")?,
            status: call_status(word),
            word: word.to_owned(),
            duration_seconds: seconds(parameters, "CallDuration")?,
            at: parameters.optional("Timestamp")?.and_then(instant),
        })
    }
}

/// Twilio's announcement of a text message to one of the account's numbers. It may come twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRequest {
    /// The account that owns the number, `AC…`.
    pub account_sid: String,
    /// The message.
    pub message: IncomingMessage,
}

impl MessageRequest {
    /// Reads the parameters of the message webhook.
    ///
    /// # Errors
    /// `MessageSid`, `AccountSid`, `From` or `To` is missing, or a parameter is malformed. The error names it.
    pub fn read(parameters: &Parameters, received_at: DateTime<Utc>) -> Result<Self, Invalid> {
        let sid = parameters.message_sid()?;
        let account_sid = parameters.sid("AccountSid", "AC")?;
        let from = parameters.required("From")?;
        let to = parameters.required("To")?;
        let body = parameters.optional("Body")?.unwrap_or_default();
        let files = parameters.optional("NumMedia")?.and_then(|count| count.parse().ok()).unwrap_or(0);
        let media = (0..MOST_MEDIA.min(files)).filter_map(|nth| {
            let url = parameters.optional(&format!("MediaUrl{nth}")).ok()??;
            let content_type = parameters.optional(&format!("MediaContentType{nth}")).ok()?;
            Some(MediaReference { url: url.to_owned(), content_type: content_type.map(str::to_owned) })
        });
        let segments = parameters.optional("NumSegments")?.and_then(|count| count.parse().ok());
        let message = IncomingMessage {
            sid,
            from: from.chars().filter(|c| !c.is_control()).collect::<String>().parse()?,
            to: E164::shown(to).ok_or_else(|| Invalid::new("To is not a phone number"))?,
            // Postgres stores no NUL.
            body: body.chars().filter(|c| *c != '\0').collect(),
            media: media.collect(),
            segments: segments.filter(|segments| *segments > 0),
            opt_out_type: parameters.optional("OptOutType")?.map(str::to_owned),
            received_at,
            sent_at: None,
        };
        Ok(Self { account_sid, message })
    }
}

/// Twilio's report of what became of a text message. Callbacks may come late, twice, out of order or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatusCallback {
    /// Twilio's id of the message, `SM…` or `MM…`.
    pub sid: String,
    /// The account that owns the number, `AC…`.
    pub account_sid: String,
    /// Twilio's own value: `delivered`, `undelivered` …
    pub word: String,
    /// The status; `None` for a value that Twilio does not document.
    pub status: Option<MessageStatus>,
    /// Twilio's code of what went wrong.
    pub error_code: Option<i32>,
    /// Our id of the message, which we put into the URL.
    pub id: Option<MessageId>,
}

impl MessageStatusCallback {
    /// Reads the parameters of a status callback.
    ///
    /// # Errors
    /// `MessageSid`, `AccountSid` or `MessageStatus` is missing, or a parameter is malformed. The error names it.
    pub fn read(parameters: &Parameters, id: Option<&str>) -> Result<Self, Invalid> {
        let word = parameters.required("MessageStatus")?;
        Ok(Self {
            sid: parameters.message_sid()?,
            account_sid: parameters.sid("AccountSid", "AC")?,
            status: message_status(word),
            word: word.to_owned(),
            error_code: parameters
                .optional("ErrorCode")?
                .and_then(|code| code.parse().ok())
                .filter(|code| *code != 0),
            id: id.and_then(|id| id.parse().ok()),
        })
    }
}

/// Twilio's report of how a `<Dial>` ended, and its request for further TwiML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialCallback {
    /// Twilio's id of the caller's call, `CA…`.
    pub call_sid: String,
    /// The account that owns the number, `AC…`.
    pub account_sid: String,
    /// `completed`, `answered`, `busy`, `no-answer`, `failed` or `canceled`.
    pub dial_call_status: String,
    /// Whether the caller has hung up, so that nobody hears an answer.
    pub caller_is_gone: bool,
    /// The caller, as in [`VoiceRequest::from`].
    pub from: String,
    /// The number that forwarded the call, as in [`VoiceRequest::forwarded_from`].
    pub forwarded_from: Option<E164>,
    /// The number called; `None` if Twilio does not send it.
    pub to_number: Option<E164>,
}

impl DialCallback {
    /// Reads the parameters of a `<Dial action>`.
    ///
    /// # Errors
    /// `CallSid`, `AccountSid` or `DialCallStatus` is missing, or a parameter is malformed. The error names it.
    pub fn read(parameters: &Parameters) -> Result<Self, Invalid> {
        let from = caller(parameters)?;
        Ok(Self {
            call_sid: parameters.sid("CallSid", "CA")?,
            account_sid: parameters.sid("AccountSid", "AC")?,
            from,
            forwarded_from: forwarded_from(parameters),
            to_number: parameters.optional("To")?.and_then(E164::shown),
            dial_call_status: parameters.required("DialCallStatus")?.to_owned(),
            // `CallStatus` is the caller's own call, `DialCallStatus` the dialled one.
            caller_is_gone: parameters
                .optional("CallStatus")?
                .and_then(call_status)
                .is_some_and(CallStatus::is_final),
        })
    }

    /// Whether somebody answered the dialled number.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        matches!(self.dial_call_status.as_str(), "completed" | "answered")
    }
}

/// Whether a value is one word of letters, digits and hyphens.
fn is_attestation(word: &str) -> bool {
    word.len() <= 64 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Reads `ForwardedFrom`. An unreadable value counts as missing, because the call must still be answered.
fn forwarded_from(parameters: &Parameters) -> Option<E164> {
    parameters.optional("ForwardedFrom").ok().flatten().and_then(E164::shown)
}

fn caller(parameters: &Parameters) -> Result<String, Invalid> {
    // Twilio itself uses this word for a caller that hides the number.
    let from = parameters.optional("From")?.unwrap_or("anonymous");
    Ok(from.chars().filter(|c| !c.is_control()).take(MAX_FROM_CHARS).collect())
}

fn seconds(parameters: &Parameters, name: &str) -> Result<Option<i32>, Invalid> {
    // An unreadable duration counts as missing: the report of the call's end matters more.
    Ok(parameters.optional(name)?.and_then(|text| text.parse().ok()).filter(|seconds| *seconds >= 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CallerId;

    const CALL: &str =
        "CallSid=CA0123456789abcdef0123456789abcdef&AccountSid=AC0123456789abcdef0123456789abcdef";

    fn incoming(rest: &str) -> Result<VoiceRequest, Invalid> {
        VoiceRequest::read(&Parameters::from_form(format!("{CALL}&{rest}").as_bytes()))
    }

    #[test]
    fn form_and_json_say_the_same() {
        let form = incoming("From=%2B12125550101&To=%2B12125550123&CallStatus=ringing&New=thing").unwrap();
        let json = br#"{"CallSid":"CA0123456789abcdef0123456789abcdef","AccountSid":"AC0123456789abcdef0123456789abcdef",
            "From":"+12125550101","To":"+12125550123","CallStatus":"ringing","ForwardedFrom":null,"New":{"a":1}}"#;
        assert_eq!(VoiceRequest::read(&Parameters::from_json(json).unwrap()), Ok(form.clone()));
        assert_eq!(Ok(form.to), "+12125550123".parse());
        assert!(Parameters::from_json(b"[1]").is_err());
    }

    #[test]
    fn a_withheld_number_is_no_number() {
        for from in ["%2B266696687", "anonymous", "", "sip:a@b.example"] {
            let call = incoming(&format!("From={from}&To=%2B12125550123")).unwrap();
            assert_eq!(CallerId::read(&call.from).shown().is_some(), from.starts_with("sip"), "{from}");
        }
        let odd = incoming(&format!("From=a%00b{}&To=%2B12125550123", "c".repeat(1000))).unwrap();
        assert_eq!((odd.from.len(), odd.from.starts_with("abc")), (255, true));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("From=x", "To"),
            ("To=", "To"),
            ("To=%2B12125550123&To=%2B12125550124", "To"),
            ("To=%2B12125550123&CallSid=CA1", "CallSid"),
        ];
        for (rest, name) in cases {
            assert!(incoming(rest).unwrap_err().0.starts_with(name), "{rest}");
        }
        assert!(incoming(&format!("To={}", "1".repeat(300))).is_err());
        assert!(incoming("To=%2B12125550123&To=%2B12125550123").is_ok());
        let vouched =
            |word: &str| incoming(&format!("To=%2B12125550123&StirVerstat={word}")).unwrap().attestation;
        assert_eq!(vouched("TN-Validation-Passed-B").as_deref(), Some("TN-Validation-Passed-B"));
        assert_eq!((vouched(""), vouched("a%00b"), vouched(&"x".repeat(65))), (None, None, None));
        let strange = Parameters::from_form(b"CallSid=CA%2F..&AccountSid=AC1&To=x");
        assert!(VoiceRequest::read(&strange).unwrap_err().0.starts_with("CallSid"));
    }

    #[test]
    fn reports_read_leniently() {
        let form = format!(
            "{CALL}&CallStatus=completed&CallDuration=61&SequenceNumber=2&Timestamp=Thu%2C+30+Jul+2026+23%3A19%3A04+%2B0000"
        );
        let report = StatusCallback::read(&Parameters::from_form(form.as_bytes())).unwrap();
        assert_eq!((report.status, report.duration_seconds), (Some(CallStatus::Completed), Some(61)));
        assert_eq!(report.at.map(|at| at.timestamp()), Some(1_785_453_544));
        let odd = format!("{CALL}&CallStatus=parked&CallDuration=long");
        let report = StatusCallback::read(&Parameters::from_form(odd.as_bytes())).unwrap();
        assert_eq!((report.word.as_str(), report.status, report.duration_seconds), ("parked", None, None));
        let dial = format!("{CALL}&DialCallStatus=no-answer&DialCallDuration=0");
        let read = |form: &str| DialCallback::read(&Parameters::from_form(form.as_bytes())).unwrap();
        assert!(!read(&dial).was_answered() && !read(&dial).caller_is_gone);
        assert!(read(&format!("{dial}&CallStatus=completed")).caller_is_gone);
        assert!(!read(&format!("{dial}&CallStatus=in-progress")).caller_is_gone);
    }
}
