//! Paging of Twilio's lists: `PageSize`, `PageToken`, and the URLs of the next and the first page.
//!
//! A token contains the last record of a page, so that no record is skipped or repeated when others
//! are added or removed.

use serde_json::{Value, json};

use super::{Fields, TwilioError};

/// At Twilio the messaging API has a host of its own; here it is on the same port.
pub(crate) const MESSAGING_HOST: &str = "https://messaging.twilio.com";

/// Returns one page of records, which are given newest first with their serial numbers.
pub(crate) fn page(
    key: &str,
    path: &str,
    fields: &Fields,
    records: impl Iterator<Item = (u64, Value)>,
) -> Result<Value, TwilioError> {
    let size = match fields.filled("PageSize").map(str::parse::<usize>) {
        None => 50,
        // Twilio's pages have at most 1000 records, whatever size is requested.
        Some(Ok(size)) if size > 0 => size.min(1000),
        Some(_) => return Err(TwilioError::bad_request(20001, "PageSize is not a number from 1 to 1000")),
    };
    // A page is found by its token alone: a number without one would need a position that shifts.
    let page = fields.filled("Page").map_or(Ok(0), str::parse::<usize>).map_err(|_| bad_token())?;
    // A token names the last record shown, so that records added meanwhile shift no page.
    let before = match fields.filled("PageToken") {
        Some(token) => parse(token).ok_or_else(bad_token)?,
        None if page > 0 => return Err(bad_token()),
        None => u64::MAX,
    };
    let mut rest = records.filter(|(serial, _)| *serial < before);
    let shown: Vec<(u64, Value)> = rest.by_ref().take(size).collect();
    let last = shown.last().map(|(serial, _)| *serial).filter(|_| rest.next().is_some());
    let address = |page: usize, token: Option<u64>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields.filters());
        query.append_pair("PageSize", &size.to_string()).append_pair("Page", &page.to_string());
        if let Some(serial) = token {
            query.append_pair("PageToken", &format!("PA{serial:032x}"));
        }
        format!("{path}?{}", query.finish())
    };
    let start = page * size;
    Ok(json!({
        key: shown.iter().map(|(_, record)| record).collect::<Vec<_>>(),
        "page": page, "page_size": size, "start": start, "end": (start + shown.len()).saturating_sub(1).max(start),
        "uri": address(page, Some(before).filter(|before| *before < u64::MAX)),
        "first_page_uri": address(0, None),
        "next_page_uri": last.map(|serial| address(page + 1, Some(serial))),
        "previous_page_uri": Value::Null,
    }))
}

/// Returns one page in the form of the messaging API.
pub(crate) fn messaging_page(
    key: &str,
    path: &str,
    fields: &Fields,
    records: impl Iterator<Item = (u64, Value)>,
) -> Result<Value, TwilioError> {
    meta_page(MESSAGING_HOST, key, path, fields, records)
}

/// Returns one page in the form of the `v1` APIs: absolute URLs on this host, in the member `meta`.
pub(crate) fn meta_page(
    host: &str,
    key: &str,
    path: &str,
    fields: &Fields,
    records: impl Iterator<Item = (u64, Value)>,
) -> Result<Value, TwilioError> {
    let page = page(key, path, fields, records)?;
    let url = |name: &str| page[name].as_str().map(|uri| format!("{host}{uri}"));
    Ok(json!({
        key: page[key],
        "meta": {"key": key, "page": page["page"], "page_size": page["page_size"], "url": url("uri"),
                 "first_page_url": url("first_page_uri"), "next_page_url": url("next_page_uri"),
                 "previous_page_url": url("previous_page_uri")},
    }))
}

fn parse(token: &str) -> Option<u64> {
    u64::from_str_radix(token.strip_prefix("PA").filter(|digits| digits.len() == 32)?, 16).ok()
}

fn bad_token() -> TwilioError {
    TwilioError::bad_request(21481, "Invalid Page or PageToken")
}
