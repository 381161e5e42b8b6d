//! What a request to the carrier is about, in one word of a closed set: for metrics and traces, which hold no ids or numbers.

use reqwest::{Method, Request};

/// Names a request by its method and path.
pub(super) fn of(request: &Request) -> &'static str {
    let path: Vec<&str> = request.url().path().trim_matches('/').split('/').collect();
    let method = request.method();
    match path.as_slice() {
        ["2010-04-01", "Accounts", _, rest @ ..] => match rest {
            ["AvailablePhoneNumbers", ..] => "search_numbers",
            ["IncomingPhoneNumbers.json"] if method == Method::POST => "buy_number",
            ["IncomingPhoneNumbers.json"] => "list_numbers",
            ["IncomingPhoneNumbers", _] if method == Method::POST => "update_number",
            ["IncomingPhoneNumbers", _] if method == Method::DELETE => "release_number",
            ["IncomingPhoneNumbers", _] => "fetch_number",
            ["Calls", _] => "fetch_call",
            _ => "other",
        },
        [.., "Countries", _] => "fetch_prices",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_a_name_without_ids() {
        let account = "https://api.twilio.com/2010-04-01/Accounts/AC1";
        let named = |method: Method, url: &str| of(&Request::new(method, url.parse().unwrap()));
        let at = |method, path: &str| named(method, &format!("{account}/{path}.json"));
        assert_eq!(at(Method::GET, "AvailablePhoneNumbers/US/Local"), "search_numbers");
        assert_eq!(at(Method::POST, "IncomingPhoneNumbers"), "buy_number");
        assert_eq!(at(Method::GET, "IncomingPhoneNumbers"), "list_numbers");
        assert_eq!(at(Method::GET, "IncomingPhoneNumbers/PN1"), "fetch_number");
        assert_eq!(at(Method::POST, "IncomingPhoneNumbers/PN1"), "update_number");
        assert_eq!(at(Method::DELETE, "IncomingPhoneNumbers/PN1"), "release_number");
        assert_eq!(at(Method::GET, "Calls/CA1"), "fetch_call");
        let prices = "https://pricing.twilio.com/v1/PhoneNumbers/Countries/US";
        assert_eq!(named(Method::GET, prices), "fetch_prices");
        assert_eq!(named(Method::GET, "https://api.twilio.com/else"), "other");
    }
}
