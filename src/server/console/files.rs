//! The console's own files, compiled into the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::server::assets::Content;

/// Bytes of the hash in the files' address.
const HASH_BYTES: usize = 8;

macro_rules! embed {
    ($($path:literal),+ $(,)?) => { [$(($path, include_bytes!($path).as_slice())),+] };
}

/// Every script, style sheet and image in this folder and below it, by its path. A test compares the list with the folder.
#[rustfmt::skip]
const EMBEDDED: &[(&str, &[u8])] = &embed![
    "app.js",
    "generated/first.js",
    "generated/operations.js",
    "lib/api.js",
    "lib/csv.js",
    "lib/environment.js",
    "lib/format.js",
    "lib/hooks.js",
    "lib/html.js",
    "lib/key.js",
    "lib/page.js",
    "lib/router.js",
    "lib/session.js",
    "main.js",
    "start.js",
    "style.css",
    "ui/basic.js",
    "ui/dialog.js",
    "ui/filters.js",
    "ui/form.js",
    "ui/names.js",
    "ui/party.js",
    "ui/plot.js",
    "ui/progress.js",
    "ui/refused.js",
    "ui/sign_in.js",
    "ui/table.js",
    "ui/token.js",
    "ui/waiting.js",
    "ui/words.js",
    "views/accounts.js",
    "views/accounts/connect.js",
    "views/accounts/disconnect.js",
    "views/accounts/words.js",
    "views/agent.js",
    "views/agent/calls.js",
    "views/agent/delete.js",
    "views/agent/edit.js",
    "views/agent/messaging.js",
    "views/agent/numbers.js",
    "views/agent/pause.js",
    "views/agent/situation.js",
    "views/agent/take.js",
    "views/agent/token.js",
    "views/agents.js",
    "views/call.js",
    "views/call/timeline.js",
    "views/call/transcript.js",
    "views/calls.js",
    "views/calls/export.js",
    "views/calls/filters.js",
    "views/groups.js",
    "views/groups/draft.js",
    "views/groups/form.js",
    "views/groups/group.js",
    "views/groups/member.js",
    "views/groups/words.js",
    "views/import.js",
    "views/import/imported.js",
    "views/import/in_use.js",
    "views/kept.js",
    "views/kept/bill.js",
    "views/kept/cancel.js",
    "views/kept/forwarding.js",
    "views/kept/keep.js",
    "views/kept/line.js",
    "views/kept/number.js",
    "views/kept/port.js",
    "views/kept/port_section.js",
    "views/kept/portability.js",
    "views/kept/words.js",
    "views/messages.js",
    "views/messages/compose.js",
    "views/messages/consent.js",
    "views/messages/conversation.js",
    "views/messages/filters.js",
    "views/messages/handling.js",
    "views/messages/media.js",
    "views/messages/new.js",
    "views/messages/thread.js",
    "views/messages/use_messages.js",
    "views/messages/words.js",
    "views/new_agent.js",
    "views/new_agent/buy.js",
    "views/new_agent/number_choice.js",
    "views/new_agent/result.js",
    "views/now.js",
    "views/now/attention.js",
    "views/now/findings.js",
    "views/now/hang_up.js",
    "views/now/live.js",
    "views/now/origins.js",
    "views/now/repair.js",
    "views/now/sandbox.js",
    "views/now/test_call.js",
    "views/now/today.js",
    "views/number.js",
    "views/number/calls.js",
    "views/number/comparison.js",
    "views/number/conflicts.js",
    "views/number/editor.js",
    "views/number/fields.js",
    "views/number/rule.js",
    "views/number/rules.js",
    "views/number/sentence.js",
    "views/number/texts.js",
    "views/number/try.js",
    "views/number/use_rules.js",
    "views/numbers.js",
    "views/numbers/actions.js",
    "views/numbers/assign.js",
    "views/numbers/buy.js",
    "views/numbers/label.js",
    "views/numbers/move.js",
    "views/numbers/on_sale.js",
    "views/numbers/release.js",
    "views/numbers/restore.js",
    "views/numbers/tabs.js",
    "views/numbers/use_agents.js",
    "views/numbers/use_assignment.js",
    "views/numbers/words.js",
    "views/operator.js",
    "views/operator/health.js",
    "views/operator/operations.js",
    "views/operator/plan.js",
    "views/operator/reconciliation.js",
    "views/operator/tenant.js",
    "views/operator/tenants.js",
    "views/trail.js",
    "views/usage.js",
];

/// The files, under a hash of all of them.
#[derive(Debug)]
pub(super) struct Files {
    hash: String,
    by_path: BTreeMap<&'static str, Arc<Content>>,
}

impl Files {
    pub(super) fn new() -> Self {
        let mut context = Context::new(&SHA256);
        for (path, bytes) in EMBEDDED {
            for part in [path.as_bytes(), bytes] {
                context.update(&part.len().to_be_bytes());
                context.update(part);
            }
        }
        let hash = context.finish().as_ref().iter().take(HASH_BYTES).fold(String::new(), |mut hash, byte| {
            let _ = write!(hash, "{byte:02x}");
            hash
        });
        let by_path = EMBEDDED.iter().map(|(path, bytes)| (*path, Content::new(path, *bytes)));
        Self { hash, by_path: by_path.collect() }
    }

    /// Returns the path at this server below which the files are, with a slash at the end.
    pub(super) fn base(&self) -> String {
        format!("/console/files/{}/", self.hash)
    }

    /// Returns the path of a script and of everything that it imports, directly or not, other than by `import()`.
    pub(super) fn imported_by(&self, script: &str) -> BTreeSet<String> {
        let (mut found, mut waiting) = (BTreeSet::new(), vec![script.to_owned()]);
        while let Some(path) = waiting.pop() {
            let Some((_, bytes)) = EMBEDDED.iter().find(|(embedded, _)| *embedded == path) else { continue };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let text = String::from_utf8_lossy(bytes);
            // Of the house's own style, which the format check holds: `… from './api.js';`, `import './environment.js';`.
            let imports =
                text.lines().filter_map(|line| line.split_once("from '.").or(line.split_once("import '.")));
            waiting.extend(
                imports.filter_map(|(_, rest)| resolved(folder, &format!(".{}", rest.split_once('\'')?.0))),
            );
            found.insert(path);
            waiting.retain(|path| !found.contains(path));
        }
        found
    }

    /// Returns a file by its path in this folder.
    pub(super) fn named(&self, path: &str) -> Option<&Arc<Content>> {
        self.by_path.get(path)
    }

    /// Returns a file by its path at this server below `/console/files/`. `None` if the hash is another version's.
    pub(super) fn at(&self, path: &str) -> Option<&Arc<Content>> {
        let (hash, path) = path.split_once('/')?;
        if hash == self.hash { self.named(path) } else { None }
    }
}

/// Resolves a relative path in a folder. `None` if it leaves the console's folder.
fn resolved(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_frame_is_what_main_js_imports_and_no_view() {
        let frame = Files::new().imported_by("main.js");
        for path in
            ["main.js", "app.js", "lib/environment.js", "lib/api.js", "generated/first.js", "ui/basic.js"]
        {
            assert!(frame.contains(path), "{path}: {frame:?}");
        }
        assert!(!frame.iter().any(|path| path.starts_with("views/") || path == "start.js"), "{frame:?}");
        for (folder, relative, path) in [
            ("", "./app.js", Some("app.js")),
            ("ui", "../lib/api.js", Some("lib/api.js")),
            ("ui", "../../mod.rs", None),
        ] {
            assert_eq!(resolved(folder, relative).as_deref(), path);
        }
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/console");
        let (mut folders, mut found) = (vec![root.clone()], BTreeSet::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|it| ["js", "css", "svg"].iter().any(|end| it == *end))
                {
                    found.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        let embedded: BTreeSet<_> = EMBEDDED.iter().map(|(path, _)| (*path).to_owned()).collect();
        let list: String = found.iter().map(|path| format!("    \"{path}\",\n")).collect();
        assert_eq!(embedded, found, "the list in files.rs should be:\n{list}");
    }
}
