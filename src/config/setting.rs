//! The configuration in force, for `switchboard config`.

use super::values::{Values, default};
use super::{Origin, Profile, Secrecy, VARIABLES, Variable, WhenUnset};
use crate::domain::DatabaseUrl;

/// Stands for what is not shown.
// Of fixed length, so that it tells nothing about the secret.
const MASK: &str = "••••••••";

/// A variable, its value in force, and where that comes from.
#[derive(Debug)]
pub struct Setting {
    /// The declaration of the variable.
    pub variable: &'static Variable,
    /// The value as it may be shown: secrets are masked. In parentheses, what applies instead of a value.
    pub shown: String,
    /// Where the value comes from; `None` if it is required and missing.
    pub origin: Option<Origin>,
}

/// All settings, in the order of [`VARIABLES`]. A wrong value is not shown: it may be a secret that was put into the wrong variable.
#[must_use]
pub fn settings(profile: Profile, find: impl Fn(&str) -> Option<(String, Origin)>) -> Vec<Setting> {
    let lookup = |name: &str| find(name).map(|(text, _)| text);
    let values = Values::unchecked(&lookup, profile);
    VARIABLES
        .iter()
        .map(|variable| {
            let origin = find(variable.name).map(|(_, origin)| origin);
            let (shown, origin) = match (values.text(variable.name), values.mistake(variable)) {
                (Some(_), Some(_)) => ("(invalid)".to_owned(), origin),
                (Some(text), None) => (shown(variable, &text), origin),
                (None, Some(_)) => ("(not set)".to_owned(), None),
                (None, None) => (unset(variable, profile), Some(Origin::Default)),
            };
            Setting { variable, shown, origin }
        })
        .collect()
}

fn unset(variable: &Variable, profile: Profile) -> String {
    match (default(variable, profile), variable.when_unset) {
        (Some(default), _) => default.to_owned(),
        (None, WhenUnset::Nothing(otherwise)) => format!("({})", otherwise.replace('`', "")),
        (None, _) => "(none)".to_owned(),
    }
}

fn shown(variable: &Variable, text: &str) -> String {
    match variable.secrecy {
        Secrecy::Public => text.to_owned(),
        Secrecy::Secret => MASK.to_owned(),
        Secrecy::Address => address(text),
    }
}

/// An address without what may be secret: who logs in, and the query.
fn address(text: &str) -> String {
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    if text.starts_with("postgres") {
        let shown = DatabaseUrl::parse(text).map(|url| format!("postgres://{}", url.address()));
        return shown.unwrap_or_else(|_| MASK.to_owned());
    }
    let Ok(mut url) = url::Url::parse(text) else { return MASK.to_owned() };
    let has_query = url.query().is_some();
    // Keys of a service are often part of the query.
    url.set_query(None);
    url.set_fragment(None);
    // Fails for addresses that cannot have a login.
    if url.set_username("").is_err() || url.set_password(None).is_err() {
        return MASK.to_owned();
    }
    if has_query { format!("{url}?{MASK}") } else { url.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_login_and_query() {
        for (text, expected) in [
            (
                "postgres://u:hunter2@h1:5432,h2/db?target_session_attrs=read-write",
                "postgres://h1:5432,h2/db",
            ),
            ("postgres://h/db?user=u&password=hunter2", "postgres://h/db"),
            ("postgres://u:hunter2", MASK),
            ("sqlite://a/b.db", "sqlite://a/b.db"),
            ("https://u:hunter2@example.com/a?key=hunter2#hunter2", "https://example.com/a?••••••••"),
            ("http://localhost:4318", "http://localhost:4318/"),
            ("hunter2", MASK),
        ] {
            assert_eq!(address(text), expected);
        }
    }
}
