//! The numbers for sale: finite, the same at every start, and fictional. They come from the ranges that the numbering
//! authorities keep for drama (555-01xx, Ofcom's 7946 0xxx and so on), so none of them can ring anybody.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The type of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Local,
    TollFree,
    Mobile,
}

impl Kind {
    /// As in a search path: `Local`, `TollFree`, `Mobile`.
    pub(crate) fn from_path(name: &str) -> Option<Self> {
        match name {
            "Local" => Some(Self::Local),
            "TollFree" => Some(Self::TollFree),
            "Mobile" => Some(Self::Mobile),
            _ => None,
        }
    }

    /// As in a search path.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::TollFree => "TollFree",
            Self::Mobile => "Mobile",
        }
    }

    /// As in the `type` and `subresource_uris` members.
    pub(crate) fn member(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::TollFree => "toll_free",
            Self::Mobile => "mobile",
        }
    }
}

/// What a country asks for before it sells a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Free,
    /// An address anywhere: `AddressSid`.
    AnyAddress,
    /// An address in the place and a regulatory bundle: `BundleSid`.
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
    pub(crate) rule: Rule,
}

impl Item {
    /// The three digits after +1, for North American numbers.
    pub(crate) fn area_code(&self) -> Option<&str> {
        self.phone_number.strip_prefix("+1").and_then(|rest| rest.get(..3))
    }

    /// (voice, SMS, MMS, fax)
    pub(crate) fn capabilities(&self) -> (bool, bool, bool, bool) {
        capabilities(self.country, self.kind)
    }
}

/// (voice, SMS, MMS, fax) of a country's numbers.
pub(crate) fn capabilities(country: &str, kind: Kind) -> (bool, bool, bool, bool) {
    let american = matches!(country, "US" | "CA");
    (true, american || kind == Kind::Mobile, american, false)
}

/// Countries with the types each sells.
pub(crate) const COUNTRIES: &[(&str, &str, &[Kind])] = &[
    ("US", "United States", &[Kind::Local, Kind::TollFree]),
    ("CA", "Canada", &[Kind::Local, Kind::TollFree]),
    ("GB", "United Kingdom", &[Kind::Local, Kind::TollFree, Kind::Mobile]),
    ("DE", "Germany", &[Kind::Local, Kind::Mobile]),
    ("FR", "France", &[Kind::Local, Kind::Mobile]),
    ("AU", "Australia", &[Kind::Local, Kind::TollFree, Kind::Mobile]),
];

/// North American local stock: area code, town, state, postal code, how many. 907 is nearly sold out; 909 has none.
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

const CANADIAN: &[(&str, &str, &str, &str, u32)] = &[
    ("416", "Toronto", "ON", "M5H 2N2", 20),
    ("514", "Montreal", "QC", "H2Y 1C6", 20),
    ("604", "Vancouver", "BC", "V6B 1A1", 20),
    ("403", "Calgary", "AB", "T2P 1J9", 20),
];

/// Elsewhere: country, type, the fixed leading digits, how many digits follow, the first of them, how many, town, rule.
type Range = (&'static str, Kind, &'static str, usize, u32, u32, Option<(&'static str, &'static str)>, Rule);

const ELSEWHERE: &[Range] = &[
    ("US", Kind::TollFree, "+1800555", 4, 100, 20, None, Rule::Free),
    ("US", Kind::TollFree, "+1888555", 4, 100, 20, None, Rule::Free),
    ("US", Kind::TollFree, "+1833555", 4, 100, 20, None, Rule::Free),
    ("CA", Kind::TollFree, "+1866555", 4, 100, 20, None, Rule::Free),
    ("GB", Kind::Local, "+442079460", 3, 100, 20, Some(("London", "England")), Rule::Free),
    ("GB", Kind::Local, "+441614960", 3, 100, 20, Some(("Manchester", "England")), Rule::Free),
    ("GB", Kind::TollFree, "+448081570", 3, 100, 10, None, Rule::Free),
    ("GB", Kind::Mobile, "+447700900", 3, 100, 20, None, Rule::Free),
    ("DE", Kind::Local, "+493023125", 3, 100, 20, Some(("Berlin", "Berlin")), Rule::Bundle),
    ("DE", Kind::Mobile, "+4917139200", 2, 10, 10, None, Rule::Bundle),
    ("FR", Kind::Local, "+33199001", 3, 100, 20, Some(("Paris", "Île-de-France")), Rule::Bundle),
    ("FR", Kind::Mobile, "+336399801", 2, 10, 10, None, Rule::Bundle),
    ("AU", Kind::Local, "+612555001", 2, 10, 20, Some(("Sydney", "New South Wales")), Rule::AnyAddress),
    ("AU", Kind::TollFree, "+61180016040", 1, 1, 5, None, Rule::AnyAddress),
    ("AU", Kind::Mobile, "+6149157015", 1, 1, 5, None, Rule::AnyAddress),
];

static STOCK: LazyLock<Vec<Item>> = LazyLock::new(|| {
    let american = AMERICAN.iter().map(|row| ("US", row)).chain(CANADIAN.iter().map(|row| ("CA", row)));
    let local = american.flat_map(|(country, (area, town, state, postal_code, count))| {
        (0..*count).map(move |index| Item {
            phone_number: format!("+1{area}555{:04}", 100 + index),
            kind: Kind::Local,
            country,
            locality: Some(town),
            region: Some(state),
            postal_code: Some(postal_code),
            rule: Rule::Free,
        })
    });
    let elsewhere =
        ELSEWHERE.iter().flat_map(|(country, kind, prefix, digits, first, count, place, rule)| {
            (*first..first + count).map(move |index| Item {
                phone_number: format!("{prefix}{index:0digits$}"),
                kind: *kind,
                country,
                locality: place.map(|(town, _)| town),
                region: place.map(|(_, region)| region),
                postal_code: None,
                rule: *rule,
            })
        });
    local.chain(elsewhere).collect()
});

/// Everything that was ever for sale, in the order a search shows it. Sold is what the account owns.
pub(crate) fn all() -> &'static [Item] {
    &STOCK
}

/// The item with this E.164 form.
pub(crate) fn find(phone_number: &str) -> Option<&'static Item> {
    all().iter().find(|item| item.phone_number == phone_number)
}

/// As Twilio writes a number for people: `(212) 555-0100` for North America, E.164 for the rest.
pub(crate) fn formatted(phone_number: &str) -> String {
    let national = phone_number.strip_prefix("+1").filter(|rest| rest.len() == 10);
    let parts = national.and_then(|rest| Some((rest.get(..3)?, rest.get(3..6)?, rest.get(6..)?)));
    match parts {
        Some((area, exchange, line)) => format!("({area}) {exchange}-{line}"),
        None => phone_number.to_owned(),
    }
}
