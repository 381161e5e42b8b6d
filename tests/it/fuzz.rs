//! Parsers of what comes from outside never panic, and what one accepts is read back as it is written. Every fuzz target of `fuzz/` runs
//! on its corpus, on mutations of it and on texts made up anew at every run. An input that fails is shrunk and kept beside this file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use roxmltree::Document;
use switchboard::carrier::{Twiml, Verb};
use switchboard::domain::{Language, mask};

use targets::TARGETS;

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a library of its own in fuzz/")]
mod targets;

const CORPUS: &str = include_str!("../corpus/texts.txt");

/// The corpus, pieces of it put together, and anything at all.
fn texts() -> impl Strategy<Value = String> {
    let known = || prop::sample::select(CORPUS.lines().collect::<Vec<_>>());
    prop_oneof![
        2 => known().prop_map(str::to_owned),
        3 => prop::collection::vec(prop_oneof![known().prop_map(str::to_owned), any::<String>()], 1..5)
            .prop_map(|parts| parts.concat()),
        3 => any::<String>(),
        2 => "[+]?[0-9 ()./-]{0,24}",
        2 => "[a-z]{0,10}_?[0-9a-fA-F]{0,40}",
    ]
}

/// A change to the bytes of an entry of the corpus.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Truncate(prop::sample::Index),
    /// Goes on as another entry does.
    Splice(prop::sample::Index, Vec<u8>),
}

impl Mutation {
    fn apply(&self, data: &mut Vec<u8>) {
        let at = |index: &prop::sample::Index| index.index(data.len() + 1);
        match self {
            Self::Flip(index, mask) => {
                let at = at(index);
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= mask;
                }
            }
            Self::Insert(index, bytes) => drop(data.splice(at(index)..at(index), bytes.iter().copied())),
            Self::Remove(index, length) => drop(data.drain(at(index)..(at(index) + length).min(data.len()))),
            Self::Repeat(index, length) => {
                let part = data[at(index)..(at(index) + length).min(data.len())].to_vec();
                data.splice(at(index)..at(index), part);
            }
            Self::Truncate(index) => data.truncate(at(index)),
            Self::Splice(index, other) => {
                let from = at(index);
                data.truncate(from);
                data.extend(other.iter().skip(from));
            }
        }
    }
}

fn mutation(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    let piece = prop_oneof![
        texts().prop_map(String::into_bytes),
        prop::sample::select(b"\0\n\"'%&=+,;:/@#?[]{}<>|\\-_~*.09aZ\xff".to_vec())
            .prop_map(|byte| vec![byte]),
    ];
    prop_oneof![
        3 => (index(), 1..=u8::MAX).prop_map(|(at, mask)| Mutation::Flip(at, mask)),
        3 => (index(), piece).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        2 => (index(), 1_usize..40).prop_map(|(at, length)| Mutation::Remove(at, length)),
        1 => (index(), 1_usize..40).prop_map(|(at, length)| Mutation::Repeat(at, length)),
        1 => index().prop_map(Mutation::Truncate),
        1 => (index(), prop::sample::select(corpus)).prop_map(|(at, other)| Mutation::Splice(at, other)),
    ]
}

fn inputs(corpus: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> {
    let mutations = prop::collection::vec(mutation(corpus.to_vec()), 1..6);
    let mutated = (prop::sample::select(corpus.to_vec()), mutations).prop_map(|(mut data, mutations)| {
        mutations.iter().for_each(|mutation| mutation.apply(&mut data));
        data
    });
    prop_oneof![
        6 => mutated,
        3 => texts().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

fn fuzz_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

/// The entries of a target's corpus.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(fuzz_folder().join("corpus").join(target));
    let mut files: Vec<_> = files.unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn every_target_stands_mutations_of_its_corpus() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 3, "{name}: too small a corpus");
        let config = ProptestConfig {
            cases: 2000,
            source_file: Some(file!()),
            test_name: Some(name),
            ..ProptestConfig::default()
        };
        let mut runner = TestRunner::new(config);
        for entry in &corpus {
            target(entry);
        }
        let ran = runner.run(&inputs(&corpus), |data| {
            target(&data);
            Ok(())
        });
        if let Err(failure) = ran {
            panic!("{name}: {failure}");
        }
    }
}

#[test]
fn each_target_is_a_program_of_the_fuzz_workspace() {
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
    let programs = manifest.matches("[[bin]]").count();
    assert_eq!(programs, TARGETS.len());
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name} is not in Cargo.toml"
        );
        let program = fs::read_to_string(fuzz_folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("switchboard_fuzz::{name}(data)")), "{name}: {program}");
    }
    let folders = fs::read_dir(fuzz_folder().join("corpus")).unwrap();
    let folders: BTreeSet<_> = folders.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_masked_number_shows_at_most_its_ends(text in "[+][1-9][0-9]{6,14}") {
        let masked = mask(&text);
        prop_assert!(!masked.contains(&text), "{}", masked);
        let shown = masked.chars().filter(char::is_ascii_digit).count();
        prop_assert!(shown + 3 < text.len(), "{} of {} digits are shown", shown, text.len() - 1);
    }

    #[test]
    fn what_twiml_says_stays_text(text in texts()) {
        let twiml = Twiml(vec![Verb::Say { text, language: Language::default() }]).to_string();
        let document = Document::parse(&twiml);
        prop_assert!(document.is_ok(), "{}", twiml);
        let document = document.expect("it was just seen to be");
        let say = document.root_element().first_element_child().expect("it says something");
        prop_assert!(say.tag_name().name() == "Say" && say.next_sibling_element().is_none(), "{}", twiml);
        prop_assert!(say.first_element_child().is_none(), "{}", twiml);
    }
}
