//! Names of the carrier's endpoints in metrics and traces: a closed set, without ids and phone numbers.

use crate::provider::Method;

/// Names the endpoint of a request by its method and path segments.
pub(super) fn of(method: &Method, path: &[&str]) -> &'static str {
    match path {
        ["2010-04-01", "Accounts.json"] if *method == Method::POST => "create_account",
        ["2010-04-01", "Accounts.json"] => "list_accounts",
        ["2010-04-01", "Accounts", _] => "fetch_account",
        ["2010-04-01", "Accounts", _, rest @ ..] => match rest {
            ["AvailablePhoneNumbers", ..] => "search_numbers",
            ["IncomingPhoneNumbers.json"] if *method == Method::POST => "buy_number",
            ["IncomingPhoneNumbers.json"] => "list_numbers",
            ["IncomingPhoneNumbers", _] if *method == Method::POST => "update_number",
            ["IncomingPhoneNumbers", _] if *method == Method::DELETE => "release_number",
            ["IncomingPhoneNumbers", _] => "fetch_number",
            ["Addresses.json"] if *method == Method::GET => "list_addresses",
            ["Addresses.json"] => "create_address",
            ["Addresses", _] => "update_address",
            ["Calls", _] => "fetch_call",
            ["Messages.json"] if *method == Method::POST => "send_message",
            ["Messages.json"] => "list_messages",
            ["Messages", _] if *method == Method::POST => "redact_message",
            ["Messages", _] => "fetch_message",
            ["Messages", _, "Media.json"] => "list_media",
            ["Messages", _, "Media", _] if *method == Method::DELETE => "delete_media",
            _ => "other",
        },
        ["v1", "Porting", "Portability", ..] => "check_portability",
        ["v1", "Documents"] => "upload_document",
        ["v1", "Porting", "PortIn"] => "request_port",
        ["v1", "Porting", "PortIn", "PortInRequests"] => "list_ports",
        ["v1", "Porting", "PortIn", ..] if *method == Method::DELETE => "cancel_port",
        ["v1", "Porting", "PortIn", ..] => "fetch_port",
        ["v1", "Porting", ..] => "configure_ports",
        [.., "Countries", _] => "fetch_prices",
        ["v1", "Services" | "Tollfree", ..] => "list_registrations",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_a_name_without_ids() {
        let named = |method: Method, path: &str| of(&method, &path.split('/').collect::<Vec<_>>());
        let at = |method, path: &str| named(method, &format!("2010-04-01/Accounts/AC1/{path}.json"));
        assert_eq!(at(Method::GET, "AvailablePhoneNumbers/US/Local"), "search_numbers");
        assert_eq!(at(Method::POST, "IncomingPhoneNumbers"), "buy_number");
        assert_eq!(at(Method::GET, "IncomingPhoneNumbers"), "list_numbers");
        assert_eq!(at(Method::GET, "IncomingPhoneNumbers/PN1"), "fetch_number");
        assert_eq!(at(Method::POST, "IncomingPhoneNumbers/PN1"), "update_number");
        assert_eq!(at(Method::DELETE, "IncomingPhoneNumbers/PN1"), "release_number");
        assert_eq!(at(Method::GET, "Addresses"), "list_addresses");
        assert_eq!(at(Method::POST, "Addresses"), "create_address");
        assert_eq!(at(Method::POST, "Addresses/AD1"), "update_address");
        assert_eq!(at(Method::GET, "Calls/CA1"), "fetch_call");
        assert_eq!(at(Method::POST, "Messages"), "send_message");
        assert_eq!(at(Method::GET, "Messages"), "list_messages");
        assert_eq!(at(Method::GET, "Messages/SM1"), "fetch_message");
        assert_eq!(at(Method::POST, "Messages/SM1"), "redact_message");
        assert_eq!(at(Method::GET, "Messages/MM1/Media"), "list_media");
        assert_eq!(named(Method::GET, "v1/Services/MG1/Compliance/Usa2p"), "list_registrations");
        assert_eq!(at(Method::DELETE, "Messages/MM1/Media/ME1"), "delete_media");
        assert_eq!(named(Method::GET, "v1/PhoneNumbers/Countries/US"), "fetch_prices");
        assert_eq!(named(Method::POST, "2010-04-01/Accounts.json"), "create_account");
        assert_eq!(named(Method::GET, "2010-04-01/Accounts.json"), "list_accounts");
        assert_eq!(named(Method::GET, "2010-04-01/Accounts/AC1.json"), "fetch_account");
        assert_eq!(named(Method::GET, "v1/Porting/Portability/PhoneNumber/1"), "check_portability");
        assert_eq!(named(Method::POST, "v1/Documents"), "upload_document");
        assert_eq!(named(Method::POST, "v1/Porting/PortIn"), "request_port");
        assert_eq!(named(Method::GET, "v1/Porting/PortIn/PortInRequests"), "list_ports");
        assert_eq!(named(Method::GET, "v1/Porting/PortIn/KW1"), "fetch_port");
        assert_eq!(named(Method::DELETE, "v1/Porting/PortIn/KW1"), "cancel_port");
        assert_eq!(named(Method::GET, "v1/Porting/Configuration/Webhook"), "configure_ports");
        assert_eq!(named(Method::GET, "else"), "other");
    }
}
