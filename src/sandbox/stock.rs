//! Numbers for sale: a finite stock, the same at every start. All are fictional, from ranges that numbering authorities
//! reserve for drama (555-01xx, Ofcom's 7946 0xxx and so on), so that none of them reaches a real person.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Twilio's type of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Local,
    TollFree,
    Mobile,
}

impl Kind {
    /// Parses the type in a search path: `Local`, `TollFree`, `Mobile`.
    pub(crate) fn from_path(name: &str) -> Option<Self> {
        match name {
            "Local" => Some(Self::Local),
            "TollFree" => Some(Self::TollFree),
            "Mobile" => Some(Self::Mobile),
            _ => None,
        }
    }

    /// Returns the type as written in a search path.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::TollFree => "TollFree",
            Self::Mobile => "Mobile",
        }
    }

    /// Returns the type as written in the members `type` and `subresource_uris`.
    pub(crate) fn member(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::TollFree => "toll_free",
            Self::Mobile => "mobile",
        }
    }
}

/// Regulatory requirement for buying a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement {
    Nothing,
    /// An address in any country: `AddressSid`.
    AnyAddress,
    /// A local address and a regulatory bundle: `BundleSid`.
    Bundle,
}

/// A number in stock.
pub(crate) struct Item {
    pub(crate) phone_number: String,
    pub(crate) kind: Kind,
    pub(crate) country: &'static str,
    pub(crate) locality: Option<&'static str>,
    pub(crate) region: Option<&'static str>,
    pub(crate) postal_code: Option<&'static str>,
    pub(crate) requirement: Requirement,
}

impl Item {
    /// Returns the three digits after +1. `None` for numbers outside North America.
    pub(crate) fn area_code(&self) -> Option<&str> {
        self.phone_number.strip_prefix("+1").and_then(|rest| rest.get(..3))
    }

    /// Returns whether the number supports voice, SMS, MMS and fax.
    pub(crate) fn capabilities(&self) -> (bool, bool, bool, bool) {
        capabilities(self.country, self.kind)
    }
}

/// Returns whether a country's numbers of this type support voice, SMS, MMS and fax.
pub(crate) fn capabilities(country: &str, kind: Kind) -> (bool, bool, bool, bool) {
    let american = matches!(country, "US" | "CA");
    // Outside of North America, local numbers take calls only and pictures are sent as links.
    (true, american || kind == Kind::Mobile, american, false)
}

/// Countries: code, name, types for sale.
pub(crate) const COUNTRIES: &[(&str, &str, &[Kind])] = &[
    ("US", "United States", &[Kind::Local, Kind::TollFree]),
    ("CA", "Canada", &[Kind::Local, Kind::TollFree]),
    ("GB", "United Kingdom", &[Kind::Local, Kind::TollFree, Kind::Mobile]),
    ("DE", "Germany", &[Kind::Local, Kind::Mobile]),
    ("FR", "France", &[Kind::Local, Kind::Mobile]),
    ("AU", "Australia", &[Kind::Local, Kind::TollFree, Kind::Mobile]),
];

/// Local numbers of the United States: area code, town, state, postal code, count. 907 is nearly sold
/// out; 909 has none.
const AMERICAN: &[(&str, &str, &str, &str, u32)] = &[
    ("212", "New York", "NY", "10001", 20),
    ("646", "New York", "NY", "10016", 100),
    ("718", "Brooklyn", "NY", "11201", 20),
    ("917", "New York", "NY", "10011", 20),
    ("415", "San Francisco", "CA", "94103", 20),
    ("310", "Beverly Hills", "CA", "90210", 20),
    ("408", "San Jose", "CA", "95112", 20),
    ("619", "San Diego", "CA", "92101", 20),
    ("305", "Miami", "FL", "33130", 20),
    ("407", "Orlando", "FL", "32801", 20),
    ("312", "Chicago", "IL", "60601", 20),
    ("617", "Boston", "MA", "02108", 20),
    ("202", "Washington", "DC", "20001", 20),
    ("206", "Seattle", "WA", "98101", 20),
    ("404", "Atlanta", "GA", "30303", 20),
    ("512", "Austin", "TX", "78701", 20),
    ("214", "Dallas", "TX", "75201", 20),
    ("713", "Houston", "TX", "77002", 20),
    ("303", "Denver", "CO", "80202", 20),
    ("602", "Phoenix", "AZ", "85003", 20),
    ("702", "Las Vegas", "NV", "89101", 20),
    ("503", "Portland", "OR", "97204", 20),
    ("215", "Philadelphia", "PA", "19102", 20),
    ("216", "Cleveland", "OH", "44113", 20),
    ("313", "Detroit", "MI", "48226", 20),
    ("907", "Anchorage", "AK", "99501", 2),
];

/// Local numbers of Canada, with the columns of [`AMERICAN`].
const CANADIAN: &[(&str, &str, &str, &str, u32)] = &[
    ("416", "Toronto", "ON", "M5H 2N2", 20),
    ("514", "Montreal", "QC", "H2Y 1C6", 20),
    ("604", "Vancouver", "BC", "V6B 1A1", 20),
    ("403", "Calgary", "AB", "T2P 1J9", 20),
];

/// A range of numbers: country, type, leading digits, count of digits that follow, first value, count,
/// town and region, requirement.
type Range =
    (&'static str, Kind, &'static str, usize, u32, u32, Option<(&'static str, &'static str)>, Requirement);

const ELSEWHERE: &[Range] = &[
    ("US", Kind::TollFree, "+1800555", 4, 100, 20, None, Requirement::Nothing),
    ("US", Kind::TollFree, "+1888555", 4, 100, 20, None, Requirement::Nothing),
    ("US", Kind::TollFree, "+1833555", 4, 100, 20, None, Requirement::Nothing),
    ("CA", Kind::TollFree, "+1866555", 4, 100, 20, None, Requirement::Nothing),
    ("GB", Kind::Local, "+442079460", 3, 100, 20, Some(("London", "England")), Requirement::Nothing),
    ("GB", Kind::Local, "+441614960", 3, 100, 20, Some(("Manchester", "England")), Requirement::Nothing),
    ("GB", Kind::TollFree, "+448081570", 3, 100, 10, None, Requirement::Nothing),
    ("GB", Kind::Mobile, "+447700900", 3, 100, 20, None, Requirement::Nothing),
    ("DE", Kind::Local, "+493023125", 3, 100, 20, Some(("Berlin", "Berlin")), Requirement::Bundle),
    ("DE", Kind::Mobile, "+4917139200", 2, 10, 10, None, Requirement::Bundle),
    ("FR", Kind::Local, "+33199001", 3, 100, 20, Some(("Paris", "Île-de-France")), Requirement::Bundle),
    ("FR", Kind::Mobile, "+336399801", 2, 10, 10, None, Requirement::Bundle),
    (
        "AU",
        Kind::Local,
        "+612555001",
        2,
        10,
        20,
        Some(("Sydney", "New South Wales")),
        Requirement::AnyAddress,
    ),
    ("AU", Kind::TollFree, "+61180016040", 1, 1, 5, None, Requirement::AnyAddress),
    ("AU", Kind::Mobile, "+6149157015", 1, 1, 5, None, Requirement::AnyAddress),
];

static STOCK: LazyLock<Vec<Item>> = LazyLock::new(|| {
    let american = AMERICAN.iter().map(|row| ("US", row)).chain(CANADIAN.iter().map(|row| ("CA", row)));
    let local = american.flat_map(|(country, (area, town, state, postal_code, count))| {
        (0..*count).map(move |index| Item {
            // 555-0100 to 555-0199 are reserved for fiction in every area code.
            phone_number: format!("+1{area}555{:04}", 100 + index),
            kind: Kind::Local,
            country,
            locality: Some(town),
            region: Some(state),
            postal_code: Some(postal_code),
            requirement: Requirement::Nothing,
        })
    });
    let elsewhere =
        ELSEWHERE.iter().flat_map(|(country, kind, prefix, digits, first, count, place, requirement)| {
            (*first..first + count).map(move |index| Item {
                phone_number: format!("{prefix}{index:0digits$}"),
                kind: *kind,
                country,
                locality: place.map(|(town, _)| town),
                region: place.map(|(_, region)| region),
                postal_code: None,
                requirement: *requirement,
            })
        });
    local.chain(elsewhere).collect()
});

/// Returns the whole stock in the order of search results. Numbers that the account owns are sold.
pub(crate) fn all() -> &'static [Item] {
    &STOCK
}

/// Returns the number with this E.164 form, whether or not it is sold.
pub(crate) fn find(phone_number: &str) -> Option<&'static Item> {
    all().iter().find(|item| item.phone_number == phone_number)
}

/// Returns whether a text has the form of an E.164 number: `+` and 8 to 15 digits.
pub(crate) fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// Formats a number as Twilio's `friendly_name` does: `(212) 555-0100` for North America, E.164 for the rest.
pub(crate) fn formatted(phone_number: &str) -> String {
    let national = phone_number.strip_prefix("+1").filter(|rest| rest.len() == 10);
    let parts = national.and_then(|rest| Some((rest.get(..3)?, rest.get(3..6)?, rest.get(6..)?)));
    match parts {
        Some((area, exchange, line)) => format!("({area}) {exchange}-{line}"),
        None => phone_number.to_owned(),
    }
}
