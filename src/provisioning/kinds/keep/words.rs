//! Codes of the porting API in plain words, with what can be done (Twilio, error dictionary).

use crate::carrier::{CarrierError, Rejection};
use crate::domain::{CountryCode, E164, NumberType, Refusal};

/// What else is possible for a number that cannot be ported.
const INSTEAD: &str = "keep forwarding its calls";

/// Why a number can never be ported through the carrier's API; `None` if it may be possible.
pub(super) fn never_portable(number: &E164) -> Option<String> {
    if number.line() == Some(NumberType::TollFree) {
        return Some(format!(
            "toll-free numbers are ported by hand only: ask the operator of this server to order the port at the carrier, or {INSTEAD}"
        ));
    }
    let country = number.country();
    (country != Some(CountryCode::US)).then(|| {
        format!(
            "only numbers of the United States can be ported here: ask the operator of this server to order the port at the \
             carrier, or {INSTEAD}"
        )
    })
}

/// Why a number cannot be ported.
pub(super) fn not_portable(code: Option<u32>, reason: Option<&str>) -> String {
    match code {
        Some(22102) => "this is not a valid number: check it".to_owned(),
        Some(22130) => format!("the carrier does not serve the place of this number: {INSTEAD}"),
        Some(22131 | 22136) => {
            "the number is at this carrier already, in an account of the operator: ask the operator to import it".to_owned()
        }
        Some(22132) => {
            "the number is at this carrier already, in somebody else's account: have it released or transferred there first"
                .to_owned()
        }
        Some(22133) => format!("the number is ported by hand only: ask the operator of this server, or {INSTEAD}"),
        Some(22135) => "the carrier could not check the number: try again later".to_owned(),
        Some(22137) => "a port of this number is under way already: wait for its end, or cancel it".to_owned(),
        code => rejected(code, reason),
    }
}

/// Why the losing carrier rejected a port, and what to correct.
pub(super) fn rejected(code: Option<u32>, reason: Option<&str>) -> String {
    let known = match code {
        Some(22151) => "the losing carrier has locked the number: have the lock removed there",
        Some(22152) => {
            "the line is not active: it must stay active at the losing carrier until the port is done"
        }
        Some(22153) => "the authorized representative is not the one that the losing carrier knows",
        Some(22154) => "the address is not the one that the losing carrier knows",
        Some(22155) => "the PIN is wrong",
        Some(22156) => "the account number is not the one of the losing carrier",
        Some(22158) => "the losing carrier refused the date: choose a later one",
        Some(22159) => "the losing carrier says that the number cannot be ported: ask it why",
        Some(22171) => "the carrier says that data is missing",
        Some(22172) => "the carrier accepts numbers of one country only",
        Some(22173) => "the carrier does not accept the address",
        _ => "the port was rejected",
    };
    let detail = match (reason, code) {
        (Some(reason), Some(code)) => format!(" ({reason}, code {code})"),
        (Some(reason), None) => format!(" ({reason})"),
        (None, Some(code)) => format!(" (code {code})"),
        (None, None) => String::new(),
    };
    format!("{known}{detail}: correct the data and repeat requestPort")
}

/// Why the carrier did not take an emergency address; `otherwise` if it has no code of addresses.
pub(super) fn address_refused(failure: &CarrierError, otherwise: Refusal) -> String {
    let CarrierError::Rejected(Rejection::Other { code, words }) = failure else { return otherwise.message };
    let known = match code {
        21628 | 18014 | 18015 => "the carrier cannot find the address",
        21629 => "the carrier knows the address only in another form",
        18013 => "the carrier requires an address in the country of the number",
        22402 | 22403 => "the carrier offers no emergency calling for this number",
        _ => "the carrier refused the address",
    };
    format!("{known} ({words}, code {code})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RefusalCode;

    #[test]
    fn codes_are_told_in_words() {
        let never = |number: &str| never_portable(&number.parse().unwrap());
        assert!(never("+18885550123").unwrap().contains("toll-free"));
        assert!(never("+14165550123").unwrap().contains("United States"));
        assert!(never("+493012345678").is_some() && never("+12125550123").is_none());
        assert!(rejected(Some(22156), Some("Account number does not match")).contains("repeat requestPort"));
        assert!(rejected(None, None).starts_with("the port was rejected:"));
        assert!(not_portable(Some(22132), None).contains("somebody else's account"));
        let refused = |rejection| {
            let otherwise = Refusal::new(RefusalCode::CarrierRejected, "otherwise");
            address_refused(&CarrierError::Rejected(rejection), otherwise)
        };
        let invalid = Rejection::Other { code: 21628, words: "Address Validation Error".to_owned() };
        assert_eq!(
            refused(invalid),
            "the carrier cannot find the address (Address Validation Error, code 21628)"
        );
        assert_eq!(refused(Rejection::Regulation), "otherwise");
    }
}
