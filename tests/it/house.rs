//! The house keeps its shape: which module may use which, and how a file is written. The tables are the ones of the
//! design; a module that is in neither does not belong. A table allows only what is used, so that a new use is decided on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may use of ours. A row with a path is about that one file.
const MAY_USE: &str = "
    domain          |
    config          | domain
    telemetry       | domain
    provider        | domain
    store           | domain
    carrier         | domain provider
    voice           | domain provider
    accounts        | domain store carrier
    auth            | domain store
    provisioning    | accounts domain store provider carrier voice
    calls           | accounts domain store carrier voice
    messages        | accounts domain store carrier provisioning voice
    routing         | domain store voice calls
    graphql         | domain auth store provisioning routing
    webhooks        | accounts domain carrier voice routing calls messages
    server          | domain auth graphql messages store telemetry
    sandbox         |
    app             | accounts auth calls carrier config domain graphql messages provider provisioning routing server store telemetry voice webhooks
    cli             | config app sandbox domain telemetry
    cli/import/map.rs       | provisioning
    cli/import/mod.rs       | provisioning
    cli/import/report.rs    | provisioning
    cli/migrate.rs  | store
    cli/provision/mod.rs    | provisioning
    cli/provision/report.rs | provisioning
    cli/reconcile.rs        | provisioning
    cli/repoint.rs          | provisioning
    cli/schema.rs   | graphql
    cli/token.rs    | auth
    main            | cli
    lib             |
";

/// Crates, and paths of `std`, that only these modules may name.
const ALONE_MAY_USE: &str = "
    sea_orm                      | store
    sqlx                         | store
    sqlx_core                    | store
    sea_query_sqlx               | store
    switchboard_migration        | store
    reqwest                      | provider sandbox auth cli telemetry
    jsonwebtoken                 | auth
    async_graphql                | graphql
    axum                         | app server webhooks sandbox
    clap                         | cli
    flate2                       | server
    jiff                         | domain
    object_store                 | messages
    phonenumber                  | domain
    indicatif                    | cli
    std::env                     | config
    tokio_tungstenite            | provider
    metrics_exporter_prometheus  | telemetry
    tracing_subscriber           | telemetry config
";

/// What must not be written, outside of tests. Clippy bans most of it too; it does not see into macros.
const NEVER: [&str; 8] =
    [".unwrap(", "todo!(", "unimplemented!(", "dbg!(", "#[allow(", "#![allow(", "TODO", "FIXME"];

const MOST_LINES_A_FILE: usize = 500;
const MOST_LINES_A_FUNCTION: usize = 80;
/// Beside its `mod.rs`.
const MOST_FILES_A_FOLDER: usize = 12;

#[test]
fn the_arrows_run_one_way() {
    let (may_use, alone_may_use) = (table(MAY_USE), table(ALONE_MAY_USE));
    let mut faults = Vec::new();
    let sources = sources("src");
    for source in &sources {
        faults.extend(arrows(source, &may_use, &alone_may_use));
    }
    faults.extend(unused(&sources, &may_use, &alone_may_use));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_file_is_one_a_reader_can_take_in() {
    let mut faults = Vec::new();
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for source in sources("src") {
        faults.extend(manners(&source));
        let path = Path::new(&source.path);
        if let Some(folder) = path.parent().filter(|_| !path.ends_with("mod.rs")) {
            *folders.entry(folder.to_owned()).or_default() += 1;
        }
    }
    for (folder, files) in folders {
        if files > MOST_FILES_A_FOLDER && folder != Path::new("") {
            faults.push(format!("src/{}: {files} files", folder.display()));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn no_test_imports_another() {
    let faults: Vec<_> = sources("tests/it").iter().flat_map(imports_of_tests).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));

    let found =
        |path: &str, text: &str| imports_of_tests(&Source { path: path.into(), text: text.into() }).len();
    assert_eq!(found("call.rs", "use crate::support::App;"), 0);
    assert_eq!(found("call.rs", "use crate::webhook::sid;"), 1);
    assert_eq!(found("call.rs", "use crate::{support::App, webhook::sid};"), 1);
    assert_eq!(found("call.rs", "fn f() { crate::webhook::sid() }"), 1);
    assert_eq!(found("store/pages.rs", "use super::totals::f;"), 1);
    assert_eq!(found("support/sql.rs", "use super::App;"), 0);
    assert_eq!(found("support/sql.rs", "use crate::webhook::sid;"), 1);
}

#[test]
fn a_wrong_arrow_and_bad_manners_are_found() {
    let (may_use, alone_may_use) = (table(MAY_USE), table(ALONE_MAY_USE));
    let wrong = |path: &str, text: &str| {
        arrows(&Source { path: path.into(), text: text.into() }, &may_use, &alone_may_use)
    };
    assert_eq!(wrong("sandbox/mod.rs", "use crate::domain::E164;").len(), 1);
    assert_eq!(
        wrong("domain/call.rs", "use crate::{\n    domain::E164,\n    store::{Page, Cursor},\n};").len(),
        1
    );
    assert_eq!(wrong("carrier/mod.rs", "use super::voice::Voice;").len(), 1);
    assert_eq!(wrong("carrier/wire.rs", "use super::super::voice::Voice;").len(), 1);
    assert_eq!(wrong("graphql/model/agent.rs", "let row = sea_orm::Value::from(1);").len(), 1);
    assert_eq!(wrong("main.rs", "use switchboard::store::Database;").len(), 1);
    assert_eq!(wrong("unheard/of.rs", "").len(), 1);
    assert!(
        wrong("carrier/wire.rs", "use super::Carrier; // crate::voice\nuse crate::domain::E164;").is_empty()
    );

    let sources =
        [("auth/mod.rs", "use crate::domain::E164;"), ("graphql/schema.rs", "use async_graphql::Schema;")];
    let sources = sources.map(|(path, text)| Source { path: path.into(), text: text.into() });
    let unused = |may_use, alone_may_use| unused(&sources, &table(may_use), &table(alone_may_use));
    assert!(unused("auth | domain\ngraphql |", "async_graphql | graphql").is_empty());
    assert_eq!(unused("auth | domain store", "").len(), 1);
    assert_eq!(unused("auth/mod.rs | domain\ngraphql/schema.rs | domain", "").len(), 1);
    assert_eq!(unused("", "async_graphql | graphql server").len(), 1);

    let bad = |text: &str| manners(&Source { path: "carrier/mod.rs".into(), text: text.into() }).len();
    assert_eq!(bad("//! What it is for.\nfn f() {}\n"), 0);
    assert_eq!(bad("fn f() {}\n"), 1);
    assert_eq!(bad("//! What it is for.\nfn f() { g().unwrap() }\n"), 1);
    assert_eq!(bad("//! x\n#[cfg(test)]\nmod tests {\n    fn f() { g().unwrap() }\n}\n"), 0);
    assert_eq!(bad(&format!("//! x\nfn f() {{\n{}}}\n", "    g();\n".repeat(MOST_LINES_A_FUNCTION))), 1);
}

/// A file, and its path from the folder that it was looked for in.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The modules the file lies in, outermost first: `auth/mod.rs` is `auth`, `auth/mint.rs` is `auth` and `mint`.
    fn modules(&self) -> Vec<&str> {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').collect()
    }

    /// The code without its tests and comments.
    fn code(&self) -> String {
        let code = self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = code.lines().map(|line| match line.find("//") {
            Some(0) => "",
            Some(at) if line[..at].ends_with(char::is_whitespace) => &line[..at],
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The Rust files of a folder of the repository.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let (mut folders, mut sources) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn table(rows: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let rows = rows.lines().filter_map(|row| row.split_once('|'));
    rows.map(|(name, may)| (name.trim(), may.split_whitespace().collect())).collect()
}

type Table<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// What a file uses and may not.
fn arrows(source: &Source, may_use: &Table<'_>, alone_may_use: &Table<'_>) -> Vec<String> {
    let modules = source.modules();
    let module = modules[0];
    let Some(allowed) = may_use.get(module) else {
        return vec![format!("src/{}: the module {module} is not in the table", source.path)];
    };
    let of_this_file = may_use.get(source.path.as_str());
    let code = source.code();
    let mut faults = Vec::new();
    for used in used_by(source) {
        let known = may_use.contains_key(used.as_str());
        let may =
            allowed.contains(used.as_str()) || of_this_file.is_some_and(|more| more.contains(used.as_str()));
        if known && used != module && !may {
            faults.push(format!("src/{}: {module} may not use {used}", source.path));
        }
    }
    for (name, owners) in alone_may_use {
        if names(&code, name) && !owners.contains(module) {
            faults.push(format!("src/{}: {module} may not use {name}", source.path));
        }
    }
    faults
}

/// What the tables allow and no file uses.
fn unused(sources: &[Source], may_use: &Table<'_>, alone_may_use: &Table<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for (row, allowed) in may_use {
        let files = sources.iter().filter(|source| source.path == *row || source.modules()[0] == *row);
        let used: BTreeSet<_> = files.flat_map(used_by).collect();
        let unused = allowed.iter().filter(|module| !used.contains(**module));
        faults.extend(unused.map(|module| format!("{row} may use {module}, but does not")));
    }
    for (name, owners) in alone_may_use {
        let unused = owners.iter().filter(|owner| {
            !sources.iter().any(|source| source.modules()[0] == **owner && names(&source.code(), name))
        });
        faults.extend(unused.map(|owner| format!("{owner} may use {name}, but does not")));
    }
    faults
}

/// What a file of `tests/it/` imports that is not in `support/`, where everything lies that two tests use.
fn imports_of_tests(source: &Source) -> Vec<String> {
    // Its own tests spell wrong imports out.
    if source.path == "house.rs" {
        return Vec::new();
    }
    let code = source.code();
    let imports = used_modules(&code, source.modules().len());
    let mut faults: Vec<_> = imports.into_iter().filter(|module| module != "support").collect();
    if !source.path.starts_with("support/") && code.contains("super::") {
        faults.push("super".to_owned());
    }
    faults.iter().map(|module| format!("tests/it/{}: uses {module}", source.path)).collect()
}

/// The modules that a file of `src` uses. The program's own file names the library as other crates do.
fn used_by(source: &Source) -> BTreeSet<String> {
    used_modules(&source.code().replace("switchboard::", "crate::"), source.modules().len())
}

/// The modules named after `crate::`, or after as many `super::` as lead to the crate's root.
fn used_modules(code: &str, depth: usize) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let root = "super::".repeat(depth);
    for path in ["crate::", root.as_str()] {
        for (at, _) in code.match_indices(path) {
            let before = code[..at].chars().next_back();
            let is_path_start = before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'));
            if is_path_start {
                used.extend(first_segments(&code[at + path.len()..]));
            }
        }
    }
    used
}

/// `store::Page` gives `store`; `{domain::E164, store::{Page, Cursor}}` gives both.
fn first_segments(path: &str) -> Vec<String> {
    let ident = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![ident(path)] };
    let (mut depth, mut segments, mut start) = (0_u32, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                segments.push(ident(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    segments
}

/// Whether the code names a crate, or a path of `std`.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let begins = before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let ends = after.starts_with("::") || after.starts_with(';') || after.starts_with(" as ");
        begins && ends
    })
}

/// How a file is not to be written.
fn manners(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("src/{}: {what}", source.path));
    if !source.text.starts_with("//! ") {
        fault("does not open with what it is for (`//!`)".into());
    }
    let lines = source.text.lines().count();
    if lines > MOST_LINES_A_FILE {
        fault(format!("{lines} lines"));
    }
    let code = source.code();
    for never in NEVER.into_iter().filter(|never| code.contains(never)) {
        fault(format!("`{never}`"));
    }
    let lines: Vec<_> = code.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<_> = line.split_whitespace().take_while(|word| !word.contains('(')).collect();
        let is_function = words.contains(&"fn") || line.trim_start().starts_with("fn ");
        let end = format!("{}}}", &line[..indent]);
        let length = lines[at..].iter().position(|line| *line == end);
        if let Some(length) = length.filter(|length| is_function && *length >= MOST_LINES_A_FUNCTION) {
            fault(format!("line {}: a function of {} lines", at + 1, length + 1));
        }
    }
    faults
}
