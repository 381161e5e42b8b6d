//! The runbook is true to the program: each log line that it quotes is in the source, each alert, panel and metric that it names
//! exists, and its table of metrics repeats the catalogue.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use switchboard::telemetry::catalogue::{self, Kind, METRICS};

/// Texts in quotes that are neither log lines nor panels, with the file that contains them.
const ELSEWHERE: [(&str, &str); 2] =
    [("not allowed", "src/domain/tenant/dialing.rs"), ("Traces", "README.md")];

fn file(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).unwrap();
            let program = text.split("#[cfg(test)]\nmod tests").next().unwrap().replace("\\\"", "'");
            // A literal may continue on the next line, without its indentation.
            let lines: Vec<&str> = program.split("\\\n").collect();
            found.push(lines.iter().map(|line| line.trim_start_matches(' ')).collect());
        }
    }
}

/// The string literals in a macro call, from its opening bracket on.
fn literals(call: &str) -> Vec<String> {
    let (mut found, mut depth, mut is_inside) = (Vec::new(), 1, false);
    for sign in call.chars() {
        match (is_inside, sign) {
            (_, '"') => {
                is_inside = !is_inside;
                if is_inside {
                    found.push(String::new());
                }
            }
            (true, sign) => found.last_mut().unwrap().push(sign),
            (false, '(') => depth += 1,
            (false, ')') => depth -= 1,
            (false, _) => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// The messages of all log lines of the program.
fn messages() -> Vec<String> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let levels = ["error!(", "warn!(", "info!(", "debug!(", "event!("];
    let mut found = Vec::new();
    for text in files {
        for level in levels {
            text.match_indices(level).for_each(|(at, _)| found.extend(literals(&text[at + level.len()..])));
        }
    }
    assert!(found.len() > 100, "the log lines were not found");
    found
}

/// The paragraphs, table rows and items of a document, each as one line.
fn paragraphs(document: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for line in document.lines() {
        if line.trim().is_empty() || line.starts_with(['|', '-', '#']) {
            found.push(String::new());
        }
        if let Some(paragraph) = found.last_mut() {
            paragraph.push_str(line.trim());
            paragraph.push(' ');
        }
    }
    found
}

/// The parts of a text between two of these signs.
fn between(text: &str, sign: char) -> impl Iterator<Item = &str> {
    text.split(sign).skip(1).step_by(2)
}

#[test]
fn every_quoted_log_line_is_logged() {
    let (messages, dashboard) = (messages(), file("deploy/grafana/dashboard.json"));
    let is_logged = |text: &str| messages.iter().any(|message| message.contains(text));
    let is_panel = |text: &str| dashboard.contains(&format!("\"title\": \"{text}"));
    let mut quoted = 0;
    let mut unknown = Vec::new();
    for paragraph in paragraphs(&file("docs/operating.md")) {
        let words: String = paragraph.split('`').step_by(2).collect();
        for text in between(&words, '"') {
            let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == text);
            let is_there = match elsewhere {
                Some((text, path)) => file(path).contains(text),
                None => is_logged(text) || (!words.contains("log line \"") && is_panel(text)),
            };
            quoted += 1;
            unknown.extend((!is_there).then(|| text.to_owned()));
        }
        // The section on log lines names two of them as code.
        if paragraph.contains("is one line") {
            unknown.extend(
                between(&paragraph, '`')
                    .filter(|text| text.contains(' ') && !is_logged(text))
                    .map(str::to_owned),
            );
        }
    }
    assert!(quoted > 20, "the quotations were not found");
    assert_eq!(
        unknown,
        Vec::<String>::new(),
        "docs/operating.md quotes log lines or panels that do not exist"
    );
    assert!(!is_logged("a line that nobody logs") && !is_panel("A panel that nobody drew"));
}

#[test]
fn every_metric_and_alert_in_the_documentation_exists() {
    let alerts = file("deploy/prometheus/alerts.yml");
    let alerts: BTreeSet<&str> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut pages: Vec<_> = fs::read_dir(folder).unwrap().map(|page| page.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.push("README.md".into());
    for page in pages {
        let text = file(&page);
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for word in text.split(|c: char| !is_part(c)) {
            if let Some(rest) = word.strip_prefix("Switchboard")
                && !rest.is_empty()
            {
                assert!(alerts.contains(word), "{}: there is no alert {word}", page.display());
            }
        }
        for code in between(&text, '`').filter(|code| code.starts_with("switchboard_")) {
            let name = code.split(|c: char| !is_part(c)).next().unwrap_or_default();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
            let is_metric =
                [Some(name), base].into_iter().flatten().any(|name| catalogue::find(name).is_some());
            let is_role = ["switchboard_tenant", "switchboard_system", "switchboard_changes"].contains(&name);
            assert!(is_metric || is_role, "{}: there is no metric {name}", page.display());
        }
    }
}

#[test]
fn the_table_of_metrics_repeats_the_catalogue() {
    let manual = file("docs/operating.md");
    // The page marks code, which `HELP` texts do not.
    let rows: Vec<String> = manual
        .lines()
        .filter(|line| line.starts_with("| `switchboard_") || line.starts_with("| `http_"))
        .map(|line| line.replace('`', ""))
        .collect();
    let expected: Vec<String> = METRICS
        .iter()
        .map(|metric| {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels: Vec<_> = metric.labels.iter().map(|label| label.name).collect();
            format!("| {} | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help)
        })
        .collect();
    let missing: Vec<&String> = expected.iter().filter(|row| !rows.contains(row)).collect();
    assert!(missing.is_empty(), "docs/operating.md lacks these rows: {missing:#?}");
    assert_eq!(rows.len(), expected.len());
}
