//! JSON of owned numbers and calls, with every member of Twilio's API description. Absent values are null.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{
        prices,
        state::{Call, Number},
        stock::{self, formatted},
    },
    API_VERSION, date, settings,
};

/// Returns a number as an `IncomingPhoneNumber` resource.
pub(crate) fn number(account: &str, number: &Number) -> Value {
    let (voice, sms, mms, fax) = stock::capabilities(&number.country, number.kind);
    let mut resource = json!({
        "sid": number.sid,
        "account_sid": account,
        "phone_number": number.phone_number,
        "capabilities": {"voice": voice, "sms": sms, "mms": mms, "fax": fax},
        "address_requirements": stock::find(&number.phone_number).map_or("none", super::available::address_requirement),
        "emergency_address_status": "unregistered",
        "beta": false,
        "origin": "twilio",
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
pub(crate) fn call(account: &str, call: &Call) -> Value {
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
