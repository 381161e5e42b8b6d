//! Whether a number can be ported. Of the fictional numbers, those with area code 917 are mobile numbers, and 907 is not served; the
//! control API can name others that cannot be ported.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
};
use serde_json::{Value, json};

use super::HOST;
use crate::sandbox::{
    Shared, ports,
    state::ProviderState,
    stock::{self, Kind},
    twilio::{Account, Fields, TwilioError},
};

/// What is known about porting a number.
pub(super) struct Portability {
    pub(super) kind: Kind,
    country: &'static str,
    /// Twilio's code if the number cannot be ported.
    pub(super) code: Option<u32>,
    /// The account that owns the number already, if the caller may know it.
    owner: Option<String>,
}

impl Portability {
    /// Returns whether the losing carrier requires a PIN and an account number.
    pub(super) fn needs_pin(&self) -> bool {
        self.kind == Kind::Mobile
    }
}

/// Returns whether the text is a number in E.164 form.
pub(super) fn is_number(text: &str) -> bool {
    // A number of North America has ten digits, and its area code starts with 2 to 9.
    let is_american = |rest: &str| rest.len() == 10 && !rest.starts_with(['0', '1']);
    stock::is_e164(text) && text.strip_prefix("+1").is_none_or(is_american)
}

/// Returns whether a number can be ported to an account, at the request of another one.
pub(super) fn of(state: &ProviderState, caller: &str, target: &str, number: &str) -> Portability {
    let national = number.strip_prefix("+1").unwrap_or_default();
    let area = national.get(..3).unwrap_or_default();
    let kind = match area {
        "800" | "833" | "844" | "855" | "866" | "877" | "888" => Kind::TollFree,
        "917" => Kind::Mobile,
        _ => Kind::Local,
    };
    let root = state.account(caller).map_or(caller, |account| account.owner_sid.as_str());
    let holder = state.number(number).map(|number| number.account.as_str());
    let is_running = state.porting.requests.iter().any(|request| {
        !request.status.is_final()
            && request.numbers.iter().any(|known| {
                known.phone_number == number && known.status.is_open() && known.not_portable.is_none()
            })
    });
    let code = match holder {
        Some(holder) if holder == target => Some(22131),
        Some(holder) if state.is_within(holder, root) => Some(22136),
        Some(_) => Some(22132),
        None if is_running => Some(22137),
        None if !number.starts_with("+1") || matches!(area, "907" | "416" | "514" | "604" | "403") => {
            Some(22130)
        }
        None if kind == Kind::TollFree => Some(22133),
        None => state.porting.settings.not_portable.get(number).copied(),
    };
    let owner = holder.filter(|_| matches!(code, Some(22131 | 22136))).map(str::to_owned);
    Portability { kind, country: if number.starts_with("+1") { "US" } else { "" }, code, owner }
}

/// Returns a type as this API writes it.
pub(super) fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Local => "LOCAL",
        Kind::TollFree => "TOLL-FREE",
        Kind::Mobile => "MOBILE",
    }
}

/// `GET /v1/Porting/Portability/PhoneNumber/{E164}`: whether a number can be ported.
pub(super) async fn fetch(
    State(sandbox): State<Shared>,
    Account(account): Account,
    Path(number): Path<String>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    if !is_number(&number) {
        return Err(TwilioError::bad_request(22102, format!("{number} is not a valid number")));
    }
    let state = sandbox.store.read();
    let target = fields.filled("TargetAccountSid").unwrap_or(&account);
    if !state.is_within(target, &account) {
        return Err(TwilioError::not_found(uri.path()));
    }
    let found = of(&state, &account, target, &number);
    Ok(Json(json!({
        "phone_number": number, "account_sid": found.owner, "portable": found.code.is_none(),
        "pin_and_account_number_required": found.code.is_none() && found.needs_pin(),
        "not_portable_reason": found.code.map(ports::rejection_reason), "not_portable_reason_code": found.code,
        "number_type": if number.starts_with("+1") { type_name(found.kind) } else { "UNKNOWN" },
        "country": found.country,
        "url": format!("{HOST}/v1/Porting/Portability/PhoneNumber/{number}"),
    })))
}
