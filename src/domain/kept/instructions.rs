//! How calls are forwarded to a target: codes that are dialled on the phone of the number. They are the carriers' and vary.

use crate::domain::{CountryCode, E164, NumberType};

/// Returns how to forward the calls of a number to a target, in plain words.
#[must_use]
pub fn forwarding_instructions(number: &E164, target: &E164) -> String {
    let mut ways = Vec::new();
    let line = number.line();
    let national = target.as_str().strip_prefix("+1");
    let is_north_american = number.as_str().starts_with("+1");
    if line == Some(NumberType::TollFree) {
        return format!(
            "{number} is toll-free and has no phone to dial codes on: ask its provider to point it to {target}."
        );
    }
    if let Some(digits) = national.filter(|_| is_north_american) {
        ways.push(format!(
            "Landline and most internet lines: *72 then {digits} forwards all calls, *73 ends it. Only calls that nobody answers: \
             *92 then {digits}, ended by *93. Only while the line is busy: *90 then {digits}, ended by *91."
        ));
        ways.push(format!(
            "Verizon mobile: *72 then {digits} forwards all calls, *71 then {digits} those that nobody answers or that meet a busy \
             line; *73 ends both."
        ));
        ways.push(mobile("AT&T, T-Mobile and other mobile networks", target));
    } else {
        if line != Some(NumberType::Mobile) {
            let dialed = target.as_str().replacen('+', "00", 1);
            ways.push(format!(
                "Landline: *21*{dialed}# forwards all calls, #21# ends it. Only calls that nobody answers: *61*{dialed}#, ended by \
                 #61#. Only while the line is busy: *67*{dialed}#, ended by #67#."
            ));
        }
        if line != Some(NumberType::Local) {
            ways.push(mobile("Mobile networks", target));
        }
    }
    ways.push(
        "If no code works, as on prepaid lines and office systems, use the provider's app or ask the provider for no-answer \
         forwarding."
            .to_owned(),
    );
    if number.country() != target.country() || number.country().is_none() {
        let country = target.country().as_ref().map_or("another country", CountryCode::as_str).to_owned();
        ways.push(format!(
            "The target is a number of {country}: the carrier charges forwarded calls as calls abroad."
        ));
    }
    format!("On the phone of {number}, dial one of these. {}", ways.join(" "))
}

fn mobile(networks: &str, target: &E164) -> String {
    format!(
        "{networks}: **21*{target}# forwards all calls, ##21# ends it. Only calls that nobody answers, meet a busy line or an \
         unreachable phone: **004*{target}#, ended by ##004#."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_fit_country_and_kind() {
        let of = |number: &str, target: &str| {
            forwarding_instructions(&number.parse().unwrap(), &target.parse().unwrap())
        };
        let american = of("+12125550142", "+13105550177");
        for code in ["*72 then 3105550177", "*71 then 3105550177", "**21*+13105550177#", "##004#"] {
            assert!(american.contains(code), "{code}: {american}");
        }
        let german = of("+493012345678", "+493012345699");
        assert!(german.contains("*21*00493012345699#") && !german.contains("**21*"), "{german}");
        let mobile = of("+4915112345678", "+493012345699");
        assert!(mobile.contains("**21*+493012345699#") && !mobile.contains("Landline"), "{mobile}");
        assert!(of("+18005550142", "+13105550177").contains("ask its provider"));
        assert!(of("+493012345678", "+13105550177").contains("a number of US"));
    }
}
