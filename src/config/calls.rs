//! What is kept of calls, and where they may be passed on to.

use super::Records;
use super::read::{self, Reader};
use crate::domain::{Countries, CountryCode, Dialing};

/// Where most numbers are bought, and where calls from them cost the least.
const DIAL_COUNTRIES: [CountryCode; 2] = [CountryCode::CANADA, CountryCode::US];

pub(super) fn read_records(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Records {
    Records {
        retention_days: vars.or("CALL_RETENTION_DAYS", 0, "365", read::days),
        transcripts: vars.or("STORE_TRANSCRIPTS", false, "true", read::true_false),
    }
}

pub(super) fn read_dialing(vars: &mut Reader<impl Fn(&str) -> Option<String>>) -> Dialing {
    let usual = Some(Countries(DIAL_COUNTRIES.into()));
    Dialing { countries: vars.or("DIAL_COUNTRIES", usual, "US,CA,GB", countries), premium: false }
}

/// Countries' codes, separated by commas; `None` for an asterisk.
fn countries(value: &str) -> Result<Option<Countries>, String> {
    if value == "*" {
        return Ok(None);
    }
    let read = value
        .parse::<Countries>()
        .map_err(|why| format!("is not a list of countries: {why}; * allows all"))?;
    if read.0.is_empty() { Err("names no country".into()) } else { Ok(Some(read)) }
}
