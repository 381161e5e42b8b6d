//! Search for numbers for sale. A search reserves nothing, and a search without results returns an empty
//! list, not an error.

use axum::{
    Json,
    extract::{OriginalUri, Path, State},
};
use serde_json::{Value, json};

use super::{
    super::{
        Shared,
        stock::{self, COUNTRIES, Item, Kind, Requirement},
    },
    Account, Fields, TwilioError,
};

/// `GET /AvailablePhoneNumbers.json`: countries with the types for sale.
pub(crate) async fn countries(Account(account): Account, OriginalUri(uri): OriginalUri) -> Json<Value> {
    let all: Vec<Value> = COUNTRIES.iter().map(|row| described(&account, row)).collect();
    Json(json!({"countries": all, "uri": uri.path()}))
}

/// `GET /AvailablePhoneNumbers/{CC}.json`: the types for sale in a country.
pub(crate) async fn country(
    Path((account, code)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, TwilioError> {
    let row = COUNTRIES.iter().find(|(known, ..)| *known == code.trim_end_matches(".json"));
    row.map(|row| Json(described(&account, row))).ok_or_else(|| TwilioError::not_found(uri.path()))
}

fn described(account: &str, (code, name, kinds): &(&str, &str, &[Kind])) -> Value {
    let base = format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{code}");
    let types: serde_json::Map<String, Value> = kinds
        .iter()
        .map(|kind| (kind.member().to_owned(), json!(format!("{base}/{}.json", kind.path()))))
        .collect();
    json!({"country": name, "country_code": code, "beta": false, "uri": format!("{base}.json"),
           "subresource_uris": types})
}

/// `GET /AvailablePhoneNumbers/{CC}/{Type}.json`. Of Twilio's geographic filters, region, locality and postal
/// code are supported; all others are ignored.
pub(crate) async fn search(
    State(sandbox): State<Shared>,
    Path((_, country, kind)): Path<(String, String, String)>,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Json<Value>, TwilioError> {
    let sold_there =
        |kind: &Kind| COUNTRIES.iter().any(|(code, _, kinds)| *code == country && kinds.contains(kind));
    let kind = Kind::from_path(kind.trim_end_matches(".json")).filter(sold_there);
    // A type that a country does not have is a 404 at Twilio, not an empty list: US mobile numbers, for example.
    let kind = kind.ok_or_else(|| TwilioError::not_found(uri.path()))?;
    let wanted = Search::from(&fields)?;
    // A search has no further pages: the size caps the result.
    let size = match fields.filled("PageSize").map(str::parse::<usize>) {
        None => 50,
        Some(Ok(size)) if size > 0 => size.min(1000),
        Some(_) => return Err(TwilioError::bad_request(20001, "PageSize is not a number from 1 to 1000")),
    };
    let found: Vec<Value> = {
        let state = sandbox.store.read();
        let unsold = stock::all().iter().filter(|item| state.number(&item.phone_number).is_none());
        let fitting =
            unsold.filter(|item| item.country == country && item.kind == kind && wanted.matches(item));
        fitting.take(size).map(rendered).collect()
    };
    Ok(Json(json!({"available_phone_numbers": found, "uri": uri.to_string()})))
}

/// Returns the value of `address_requirements`: `none`, `any` or `local`.
pub(crate) fn address_requirement(item: &Item) -> &'static str {
    match item.requirement {
        Requirement::Nothing => "none",
        Requirement::AnyAddress => "any",
        Requirement::Bundle => "local",
    }
}

fn rendered(item: &Item) -> Value {
    let (voice, sms, mms, fax) = item.capabilities();
    json!({
        "phone_number": item.phone_number, "friendly_name": stock::formatted(&item.phone_number),
        "locality": item.locality, "region": item.region, "postal_code": item.postal_code,
        "rate_center": item.locality.map(str::to_uppercase), "lata": null, "latitude": null, "longitude": null,
        "iso_country": item.country, "address_requirements": address_requirement(item), "beta": false,
        // Upper case in searches only: an owned number has `sms` and `mms`.
        "capabilities": {"voice": voice, "SMS": sms, "MMS": mms, "fax": fax},
    })
}

/// Filters of a search.
struct Search {
    area_code: Option<String>,
    pattern: Option<Pattern>,
    region: Option<String>,
    locality: Option<String>,
    postal_code: Option<String>,
    /// Required values of voice, SMS, MMS and fax. `None` matches both.
    capabilities: [Option<bool>; 4],
    no_address: bool,
    no_local_address: bool,
}

impl Search {
    fn from(fields: &Fields) -> Result<Self, TwilioError> {
        let area_code = fields.filled("AreaCode").map(str::to_owned);
        if area_code.as_ref().is_some_and(|code| code.len() != 3 || code.parse::<u32>().is_err()) {
            return Err(TwilioError::bad_request(20001, "AreaCode is not three digits"));
        }
        let text = |name: &str| fields.filled(name).map(str::to_lowercase);
        Ok(Self {
            area_code,
            pattern: fields.filled("Contains").map(Pattern::parse).transpose()?,
            region: text("InRegion"),
            locality: text("InLocality"),
            postal_code: text("InPostalCode"),
            capabilities: [
                fields.flag("VoiceEnabled")?,
                fields.flag("SmsEnabled")?,
                fields.flag("MmsEnabled")?,
                fields.flag("FaxEnabled")?,
            ],
            no_address: fields.flag("ExcludeAllAddressRequired")?.unwrap_or(false),
            no_local_address: fields.flag("ExcludeLocalAddressRequired")?.unwrap_or(false),
        })
    }

    fn matches(&self, item: &Item) -> bool {
        let same = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| is.is_some_and(|is| is.to_lowercase() == *wanted))
        };
        let (voice, sms, mms, fax) = item.capabilities();
        let able = self.capabilities.iter().zip([voice, sms, mms, fax]);
        self.area_code.as_deref().is_none_or(|code| item.area_code() == Some(code))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(&item.phone_number))
            && same(&self.region, item.region)
            && same(&self.locality, item.locality)
            && same(&self.postal_code, item.postal_code)
            && able.into_iter().all(|(wanted, is)| wanted.is_none_or(|wanted| wanted == is))
            && !(self.no_address && item.requirement != Requirement::Nothing)
            && !(self.no_local_address && item.requirement == Requirement::Bundle)
    }
}

/// Pattern of `Contains`: digits and keypad letters, `+` for the start, `$` for the end, `*` for one and
/// `%` for several digits.
struct Pattern {
    at_start: bool,
    at_end: bool,
    /// Number of digits before the core: exact with `at_start`, else a minimum.
    before: usize,
    /// Number of digits after the core: exact with `at_end`, else a minimum.
    after: usize,
    core: String,
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, TwilioError> {
        let invalid = || TwilioError::bad_request(20001, "Invalid Pattern Provided");
        if !(2..=16).contains(&text.len()) {
            return Err(invalid());
        }
        let (at_start, rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
        let (at_end, rest) = rest.strip_suffix('$').map_or((false, rest), |rest| (true, rest));
        let is_wildcard = |letter: char| matches!(letter, '*' | '%');
        let tail = rest.trim_start_matches(is_wildcard);
        let core = tail.trim_end_matches(is_wildcard);
        let stars = |part: Option<&str>| part.unwrap_or_default().matches('*').count();
        let digits: Option<String> = core.chars().map(keypad).collect();
        // Wildcards alone are rejected by Twilio: two ordinary characters at least.
        let digits = digits.filter(|digits| digits.len() >= 2).ok_or_else(invalid)?;
        Ok(Self {
            at_start,
            at_end,
            before: stars(rest.get(..rest.len() - tail.len())),
            after: stars(tail.get(core.len()..)),
            core: digits,
        })
    }

    fn matches(&self, phone_number: &str) -> bool {
        let digits = phone_number.trim_start_matches('+');
        digits.match_indices(&self.core).any(|(start, _)| {
            let after = digits.len() - start - self.core.len();
            let start_fits = if self.at_start { start == self.before } else { start >= self.before };
            let end_fits = if self.at_end { after == self.after } else { after >= self.after };
            start_fits && end_fits
        })
    }
}

/// Returns the digit of a letter on a telephone keypad.
fn keypad(letter: char) -> Option<char> {
    match letter.to_ascii_lowercase() {
        digit @ '0'..='9' => Some(digit),
        'a'..='c' => Some('2'),
        'd'..='f' => Some('3'),
        'g'..='i' => Some('4'),
        'j'..='l' => Some('5'),
        'm'..='o' => Some('6'),
        'p'..='s' => Some('7'),
        't'..='v' => Some('8'),
        'w'..='z' => Some('9'),
        _ => None,
    }
}
