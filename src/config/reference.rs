//! The reference of all variables: the README's tables and `.env.example`.

use std::fmt::{self, Write};

use super::{Section, VARIABLES, Variable, WhenUnset};

const WIDTH: usize = 110;

const ENV_HEAD: &str = "\
# Printed by `switchboard config --env-example`. Copy it to .env and fill it in.
#
# Variables of the environment take precedence over this file. A blank value counts as not set. A value is taken as written: no
# quotes around it, no comment behind it. `switchboard dev` needs none of this. `switchboard config` prints what is in force and
# lists every mistake.
";

const ENV_TAIL: &str = "
# --- compose.yaml -------------------------------------------------------------------------------------
# It sets DATABASE_URL itself, with the second password. Letters and digits only.
#POSTGRES_PASSWORD=
#SWITCHBOARD_PASSWORD=
";

/// The tables of the README, one for each section.
#[must_use]
pub fn markdown() -> String {
    written(|out| {
        let mut section = None;
        for variable in VARIABLES {
            if section.replace(variable.section) != Some(variable.section) {
                write!(
                    out,
                    "\n**{}**\n\n| variable | default | meaning |\n| --- | --- | --- |\n",
                    variable.section
                )?;
            }
            let mark = if variable.is_read_by_dev { " ◦" } else { "" };
            let (name, default) = (variable.name, default(variable));
            writeln!(out, "| `{name}`{mark} | {default} | {} |", description(variable))?;
        }
        Ok(())
    })
}

/// The text of `.env.example`.
#[must_use]
pub fn env_example() -> String {
    written(|out| {
        out.write_str(ENV_HEAD)?;
        let mut section = None;
        for variable in VARIABLES {
            if section.replace(variable.section) != Some(variable.section) {
                writeln!(out, "\n{}", heading(variable.section))?;
            }
            for line in wrapped(&without_links(&description(variable))) {
                writeln!(out, "# {line}")?;
            }
            match variable.when_unset {
                WhenUnset::Missing | WhenUnset::MissingUnless(_) => writeln!(out, "{}=", variable.name)?,
                WhenUnset::Default(default) => writeln!(out, "#{}={default}", variable.name)?,
                WhenUnset::Nothing(_) => writeln!(out, "#{}=", variable.name)?,
            }
        }
        out.write_str(ENV_TAIL)
    })
}

/// Writing to a string does not fail.
fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    // An empty text fails the tests that compare the README and `.env.example` with it.
    if write(&mut text).is_err() {
        text.clear();
    }
    text.trim_start().to_owned()
}

fn default(variable: &Variable) -> String {
    let default = match variable.when_unset {
        WhenUnset::Missing => "required".to_owned(),
        WhenUnset::MissingUnless(other) => format!("required without `{other}`"),
        WhenUnset::Default(default) => format!("`{default}`"),
        WhenUnset::Nothing(otherwise) => otherwise.to_owned(),
    };
    variable.dev_default.map_or(default.clone(), |dev| format!("{default} (`dev`: `{dev}`)"))
}

/// A doc comment's lines, as one.
fn description(variable: &Variable) -> String {
    variable.description.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn heading(section: Section) -> String {
    let heading = format!("# --- {section} ");
    format!("{heading}{}", "-".repeat(WIDTH.saturating_sub(heading.len())))
}

/// Replaces each Markdown link by its text: `[text](target)` becomes `text`.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, label, after)) = next_link(rest) {
        plain.push_str(before);
        plain.push_str(label);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    let (before, link) = text.split_once('[')?;
    let (label, target) = link.split_once("](")?;
    let (_, after) = target.split_once(')')?;
    Some((before, label, after))
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH - 2 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
