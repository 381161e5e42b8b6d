//! The lists that the console repeats are those of the domain: the API has no query for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use switchboard::domain::{CountryCode, Language, OperationKind, Step};

/// A module of the console.
fn module(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/console").join(path)).unwrap()
}

/// The value of a constant, up to `end` at the latest.
fn constant<'a>(source: &'a str, name: &str, end: &str) -> &'a str {
    let (_, rest) = source.split_once(&format!("const {name} =")).unwrap_or_else(|| panic!("no {name}"));
    rest.split_once(end).unwrap_or_else(|| panic!("{name} has no end")).0
}

/// The words of a constant that is one text, between quotes or backticks.
fn words<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
    let text = constant(source, name, ";").split(['\'', '`']).nth(1).unwrap();
    let words: Vec<_> = text.split_whitespace().collect();
    assert!(words.len() > 30, "{name} was not read: {words:?}");
    words
}

/// The texts of a constant that is an array.
fn texts<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
    constant(source, name, ";").split('\'').skip(1).step_by(2).collect()
}

/// The entries of a constant that is an object: each key, and the texts of its value in order.
fn entries<'a>(source: &'a str, name: &str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
    for (at, piece) in constant(source, name, "\n};").split('\'').enumerate() {
        if at % 2 == 1 {
            entries.last_mut().unwrap().1.push(piece);
        } else if let Some((before, _)) = piece.rsplit_once(':') {
            entries.push((
                before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap(),
                Vec::new(),
            ));
        }
    }
    entries.into_iter().collect()
}

#[test]
fn languages_and_countries_are_the_domains() {
    let names = module("ui/names.js");
    let languages: Vec<_> = Language::all().map(Language::code).collect();
    assert_eq!(words(&names, "LANGUAGES"), languages);

    let letters = 'A'..='Z';
    let codes =
        letters.clone().flat_map(|first| letters.clone().map(move |second| format!("{first}{second}")));
    let countries: Vec<CountryCode> = codes.filter_map(|code| code.parse().ok()).collect();
    assert_eq!(words(&names, "COUNTRIES"), countries.iter().map(CountryCode::as_str).collect::<Vec<_>>());

    let with_area_codes =
        countries.iter().filter(|country| country.has_area_codes()).map(CountryCode::as_str);
    let listed: BTreeSet<_> = texts(&names, "WITH_AREA_CODES").into_iter().collect();
    assert_eq!(listed, with_area_codes.collect());
}

#[test]
fn operations_and_their_steps_are_the_domains() {
    let progress = module("ui/progress.js");
    let words_of = |steps: &[Step]| steps.iter().map(|step| step.as_str()).collect::<Vec<_>>();
    let kinds = entries(&progress, "KINDS");
    let listed: BTreeMap<_, _> =
        kinds.iter().map(|(kind, texts)| (kind.to_lowercase(), texts[1..].to_vec())).collect();
    let known = OperationKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), words_of(kind.steps())));
    assert_eq!(listed, known.collect());

    let steps: BTreeSet<_> = entries(&progress, "STEPS").into_keys().collect();
    let known = Step::ALL.iter().filter(|step| **step != Step::Done).map(|step| step.as_str());
    assert_eq!(steps, known.collect());
    assert_eq!(texts(&progress, "PURCHASE"), words_of(OperationKind::ProvisionNumber.steps()));
}
