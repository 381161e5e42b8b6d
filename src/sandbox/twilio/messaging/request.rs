//! Validation of a request to send a message. Every refusal has Twilio's code.

use chrono::{DateTime, TimeDelta, Utc};

use crate::sandbox::{
    state::{
        ProviderState,
        messaging::{Message, Service},
    },
    stock,
    texts::{MAX_BODY, MAX_MEDIA, delivery::Outbound, opt_out, smart_encoded},
    twilio::{
        Fields, TwilioError,
        settings::{is_sid, is_web_address},
    },
};

/// Senders and recipients of Twilio's test credentials, with the codes of their refusals.
const MAGIC_FROM: &[(&str, u32)] =
    &[("+15005550001", 21212), ("+15005550007", 21606), ("+15005550008", 21611)];
const MAGIC_TO: &[(&str, u32)] = &[
    ("+15005550001", 21211),
    ("+15005550002", 21612),
    ("+15005550003", 21408),
    ("+15005550004", 21610),
    ("+15005550009", 21614),
];
/// A sender of Twilio's test credentials that is always valid.
const MAGIC_GOOD: &str = "+15005550006";

/// Earliest and latest time of a scheduled message, from now.
const SCHEDULE: (TimeDelta, TimeDelta) = (TimeDelta::minutes(15), TimeDelta::days(35));

fn refuse<T>(code: u32, message: impl Into<String>) -> Result<T, TwilioError> {
    Err(TwilioError::bad_request(code, message))
}

/// Reads a request.
///
/// # Errors
/// 400 for the first reason why Twilio refuses the message.
pub(super) fn read(state: &ProviderState, account: &str, fields: &Fields) -> Result<Outbound, TwilioError> {
    let to = recipient(state, fields)?;
    let service = service(state, account, fields)?;
    let from = sender(state, account, fields, service)?;
    let media_urls: Vec<String> = fields.all("MediaUrl").map(str::to_owned).collect();
    check_media(state, &media_urls, from.as_deref())?;
    let body = body(fields, service, !media_urls.is_empty())?;
    let validity_seconds = validity(fields)?;
    let send_at = send_at(state, fields, service)?;
    let status_callback = status_callback(state, account, fields, service)?;
    // With a service the message is accepted, and fails when it is to be sent.
    if let Some(from) = from.as_deref().filter(|_| service.is_none())
        && opt_out::is_blocked(state, &to, from)
    {
        return refuse(21610, "Attempt to send to unsubscribed recipient");
    }
    check_queue(state, from.as_deref())?;
    Ok(Outbound {
        account: account.to_owned(),
        direction: "outbound-api",
        from,
        to,
        body,
        media_urls,
        service_sid: service.map(|service| service.sid.clone()),
        status_callback,
        send_at,
        validity_seconds,
    })
}

/// Refuses a message whose sender has too many queued.
fn check_queue(state: &ProviderState, from: Option<&str>) -> Result<(), TwilioError> {
    let (Some(most), Some(from)) = (state.messaging.settings.most_queued, from) else { return Ok(()) };
    let is_queued = |message: &&Message| message.status == "queued" && message.from.as_deref() == Some(from);
    if state.messaging.messages.iter().filter(is_queued).count() < most {
        return Ok(());
    }
    refuse(21611, format!("The 'From' number {from} has exceeded the maximum number of queued messages"))
}

fn recipient(state: &ProviderState, fields: &Fields) -> Result<String, TwilioError> {
    let Some(to) = fields.filled("To") else { return refuse(21604, "A 'To' phone number is required.") };
    if let Some((_, code)) = MAGIC_TO.iter().find(|(number, _)| *number == to) {
        return refuse(*code, format!("The 'To' number {to} cannot receive this message"));
    }
    if !is_number(to) {
        return refuse(21211, format!("Invalid 'To' Phone Number: {to}"));
    }
    let settings = &state.messaging.settings;
    if let Some(countries) = &settings.countries
        && !country(to).is_some_and(|country| countries.iter().any(|allowed| allowed == country))
    {
        return refuse(
            21408,
            format!(
                "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}"
            ),
        );
    }
    if settings.landlines.iter().any(|landline| landline == to) {
        return refuse(21635, format!("'To' number cannot be a landline: {to}"));
    }
    if stock::find(to).is_some_and(|item| !item.capabilities().1) {
        return refuse(21614, format!("'To' number is not a valid mobile number: {to}"));
    }
    Ok(to.to_owned())
}

fn service<'a>(
    state: &'a ProviderState,
    account: &str,
    fields: &Fields,
) -> Result<Option<&'a Service>, TwilioError> {
    let Some(sid) = fields.filled("MessagingServiceSid") else { return Ok(None) };
    if !is_sid(sid, "MG") {
        return refuse(21705, format!("The Messaging Service Sid is invalid: {sid}"));
    }
    let mut services = state.messaging.services.iter();
    let service = services.find(|service| service.sid == sid && service.account == account);
    let Some(service) = service else {
        return refuse(21701, format!("The Messaging Service does not exist: {sid}"));
    };
    let is_owned = |number_sid: &str| state.number_by_sid(account, number_sid).is_some();
    if !service.pool.iter().any(|member| is_owned(&member.number_sid)) {
        return refuse(21704, "The Messaging Service contains no phone numbers");
    }
    Ok(Some(service))
}

fn sender(
    state: &ProviderState,
    account: &str,
    fields: &Fields,
    service: Option<&Service>,
) -> Result<Option<String>, TwilioError> {
    let Some(from) = fields.filled("From") else {
        return match service {
            Some(_) => Ok(None),
            None => refuse(21603, "A 'From' phone number is required."),
        };
    };
    if let Some((_, code)) = MAGIC_FROM.iter().find(|(number, _)| *number == from) {
        return refuse(*code, format!("The 'From' number {from} cannot send this message"));
    }
    if !is_number(from) {
        return refuse(21212, format!("Invalid 'From' Phone Number: {from}"));
    }
    if from == MAGIC_GOOD && state.number(from).is_none() {
        return Ok(Some(from.to_owned()));
    }
    let Some(number) = state.own_number(account, from) else {
        return refuse(21660, format!("Mismatch between the 'From' number {from} and the account"));
    };
    let in_pool =
        service.is_none_or(|service| service.pool.iter().any(|member| member.number_sid == number.sid));
    if !stock::capabilities(&number.country, number.kind).1 || !in_pool {
        return refuse(
            21606,
            format!("The 'From' phone number {from} is not a valid, SMS-capable inbound phone number"),
        );
    }
    Ok(Some(from.to_owned()))
}

fn check_media(state: &ProviderState, urls: &[String], from: Option<&str>) -> Result<(), TwilioError> {
    if urls.len() > MAX_MEDIA {
        return refuse(21623, format!("Number of media files exceeds allowed limit: {}", urls.len()));
    }
    if let Some(url) = urls.iter().find(|url| !is_web_address(url)) {
        return refuse(21620, format!("Invalid media URL(s): {url}"));
    }
    let number = from.and_then(|from| state.number(from)).filter(|_| !urls.is_empty());
    if number.is_some_and(|number| !stock::capabilities(&number.country, number.kind).2) {
        return refuse(21621, "The 'From' number has not been enabled for MMS");
    }
    Ok(())
}

fn body(fields: &Fields, service: Option<&Service>, has_media: bool) -> Result<String, TwilioError> {
    let body = fields.get("Body").unwrap_or_default();
    if body.is_empty() && !has_media {
        return refuse(21619, "A text message body or media urls must be specified.");
    }
    if body.chars().count() > MAX_BODY {
        return refuse(21617, "The concatenated message body exceeds the 1600 character limit");
    }
    let by_service = service.is_some_and(|service| service.flag("smart_encoding"));
    let is_smart = fields.flag("SmartEncoded")?.unwrap_or(by_service);
    Ok(if is_smart { smart_encoded(body) } else { body.to_owned() })
}

fn validity(fields: &Fields) -> Result<Option<u32>, TwilioError> {
    match fields.filled("ValidityPeriod").map(str::parse::<u32>) {
        None => Ok(None),
        Some(Ok(seconds @ 1..=36000)) => Ok(Some(seconds)),
        Some(_) => refuse(21624, "The validity period must be from 1 to 36000 seconds"),
    }
}

fn send_at(
    state: &ProviderState,
    fields: &Fields,
    service: Option<&Service>,
) -> Result<Option<DateTime<Utc>>, TwilioError> {
    match fields.filled("ScheduleType") {
        None => return Ok(None),
        Some("fixed") => {}
        Some(other) => return refuse(20001, format!("ScheduleType is not valid: {other}")),
    }
    if service.is_none() {
        return refuse(35118, "MessagingServiceSid is required to schedule a message");
    }
    let Some(text) = fields.filled("SendAt") else {
        return refuse(35111, "SendAt is required to schedule a message");
    };
    let Ok(moment) = DateTime::parse_from_rfc3339(text) else {
        return refuse(35112, format!("SendAt is not an ISO 8601 time: {text}"));
    };
    let ahead = moment.to_utc() - state.now();
    if ahead < SCHEDULE.0 || ahead > SCHEDULE.1 {
        return refuse(35114, "SendAt must be from 15 minutes to 35 days ahead");
    }
    Ok(Some(moment.to_utc()))
}

/// Returns the URL of the request, else of its application, else of the service. A number's status callback is for calls.
fn status_callback(
    state: &ProviderState,
    account: &str,
    fields: &Fields,
    service: Option<&Service>,
) -> Result<Option<String>, TwilioError> {
    if let Some(url) = fields.filled("StatusCallback") {
        if !is_web_address(url) {
            return refuse(21609, format!("Invalid 'StatusCallback' URL: {url}"));
        }
        return Ok(Some(url.to_owned()));
    }
    let mut applications = state.messaging.applications.iter().filter(|known| known.account == account);
    let application = fields.filled("ApplicationSid");
    let application = application.and_then(|sid| applications.find(|known| known.sid == sid));
    let by_application = application.map(|application| application.setting("message_status_callback"));
    let by_service = service.map(|service| service.text("status_callback"));
    let urls = [by_application, by_service].into_iter().flatten();
    Ok(urls.filter(|url| !url.is_empty()).map(str::to_owned).next())
}

/// Returns whether the text is a number in E.164 form.
fn is_number(text: &str) -> bool {
    // A number of North America has ten digits, and its area code starts with 2 to 9.
    let is_american = |rest: &str| rest.len() == 10 && !rest.starts_with(['0', '1']);
    stock::is_e164(text) && !text.starts_with("+0") && text.strip_prefix("+1").is_none_or(is_american)
}

/// Returns the country of a number, of those that the sandbox knows.
fn country(number: &str) -> Option<&'static str> {
    const PREFIXES: &[(&str, &str)] = &[
        ("+1416", "CA"),
        ("+1514", "CA"),
        ("+1604", "CA"),
        ("+1403", "CA"),
        ("+1", "US"),
        ("+44", "GB"),
        ("+49", "DE"),
        ("+33", "FR"),
        ("+61", "AU"),
    ];
    let by_prefix = PREFIXES.iter().find(|(prefix, _)| number.starts_with(prefix)).map(|(_, code)| *code);
    stock::find(number).map(|item| item.country).or(by_prefix)
}
