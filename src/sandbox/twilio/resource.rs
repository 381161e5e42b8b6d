//! JSON of owned numbers, calls and messages, with every member of Twilio's API description. Absent values are null.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{
        prices,
        state::{Call, Number, Origin, emergency::RegistrationStatus, messaging::Message},
        stock::{self, formatted},
    },
    API_VERSION, date, settings,
};

/// Returns a number as an `IncomingPhoneNumber` resource.
pub(crate) fn number(number: &Number) -> Value {
    let account = &number.account;
    let (voice, sms, mms, fax) = stock::capabilities(&number.country, number.kind);
    // The calls of a hosted number stay with another carrier.
    let voice = voice && number.origin != Origin::Hosted;
    let mut resource = json!({
        "sid": number.sid,
        "account_sid": account,
        "phone_number": number.phone_number,
        "capabilities": {"voice": voice, "sms": sms, "mms": mms, "fax": fax},
        "address_requirements": stock::find(&number.phone_number).map_or("none", super::available::address_requirement),
        "emergency_status": if number.emergency.status == RegistrationStatus::Registered { "Active" } else { "Inactive" },
        "emergency_address_sid": number.emergency.shown_address(),
        "emergency_address_status": number.emergency.status,
        "beta": false,
        "origin": number.origin,
        "type": number.kind.member().replace('_', "-"),
        "status": "in-use",
        "api_version": API_VERSION,
        "uri": format!("/{API_VERSION}/Accounts/{account}/IncomingPhoneNumbers/{}.json", number.sid),
        "date_created": date(number.created),
        "date_updated": date(number.updated),
    });
    if let Some(members) = resource.as_object_mut() {
        for (name, value) in settings::to_json(number) {
            members.insert(name.to_owned(), value);
        }
    }
    resource
}

/// Returns a call as a `Call` resource.
pub(crate) fn call(call: &Call) -> Value {
    let account = &call.account;
    let uri = format!("/{API_VERSION}/Accounts/{account}/Calls/{}", call.sid);
    json!({
        "sid": call.sid,
        "account_sid": account,
        "parent_call_sid": null,
        "phone_number_sid": call.number_sid,
        "from": call.from, "from_formatted": formatted(&call.from),
        "to": call.to, "to_formatted": formatted(&call.to),
        "status": call.status,
        "direction": "inbound",
        "date_created": date(call.started),
        "date_updated": date(call.ended.unwrap_or(call.started)),
        "start_time": date(call.started),
        "end_time": call.ended.map(date),
        // Twilio sends both as text, and a price as a negative amount.
        "duration": call.is_over().then(|| call.duration_seconds.to_string()),
        "price": call.is_over().then(|| call_price(call)),
        "price_unit": "USD",
        "answered_by": null, "forwarded_from": null, "caller_name": null, "group_sid": null,
        "queue_time": "0", "trunk_sid": "", "api_version": API_VERSION,
        "uri": format!("{uri}.json"),
        "subresource_uris": {
            "recordings": format!("{uri}/Recordings.json"),
            "notifications": format!("{uri}/Notifications.json"),
        },
    })
}

/// Returns a call's price as Twilio writes it: a negative decimal, or `0`.
fn call_price(call: &Call) -> String {
    let price = prices::of_call(call);
    if price.is_zero() { "0".to_owned() } else { (Decimal::ZERO - price).to_string() }
}

/// Returns a message as a `Message` resource.
pub(crate) fn message(message: &Message) -> Value {
    let account = &message.account;
    let uri = format!("/{API_VERSION}/Accounts/{account}/Messages/{}", message.sid);
    let price = (Decimal::ZERO - prices::of_message(message.segments)).to_string();
    json!({
        "sid": message.sid,
        "account_sid": account,
        "messaging_service_sid": message.service_sid,
        "from": message.from,
        "to": message.to,
        "body": message.body,
        "status": message.status,
        "direction": message.direction,
        "num_segments": message.segments.to_string(),
        "num_media": message.media_count.to_string(),
        "price": message.is_priced.then_some(price),
        "price_unit": "USD",
        "error_code": message.error_code,
        "error_message": message.error_code.map(error_message),
        "date_created": date(message.created),
        "date_sent": message.sent.map(date),
        "date_updated": date(message.updated),
        "api_version": API_VERSION,
        "uri": format!("{uri}.json"),
        "subresource_uris": {
            "media": format!("{uri}/Media.json"),
            "feedback": format!("{uri}/Feedback.json"),
        },
    })
}

fn error_message(code: u32) -> &'static str {
    match code {
        21610 => "Attempt to send to unsubscribed recipient",
        30001 => "Queue overflow",
        30002 => "Account suspended",
        30003 => "Unreachable destination handset",
        30004 => "Message blocked",
        30005 => "Unknown destination handset",
        30006 => "Landline or unreachable carrier",
        30007 => "Message filtered",
        30032 => "Toll-Free Number Has Not Been Verified",
        30034 => "US A2P 10DLC - Message from an Unregistered Number",
        30036 => "Validity Period Expired",
        _ => "Unknown error",
    }
}
