//! `switchboard config`: prints the configuration in force and every mistake in it.

use super::core::Source;
use super::failure::Failure;
use super::print;
use crate::config::{self, Environment, Setting};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the README's tables of variables instead
    #[arg(long, conflicts_with = "env_example")]
    markdown: bool,
    /// Print `.env.example` instead
    #[arg(long)]
    env_example: bool,
}

pub(super) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    if args.markdown {
        return print::line(config::markdown().trim_end());
    }
    if args.env_example {
        return print::line(config::env_example().trim_end());
    }
    let source = Source::choose(environment)?;
    let settings = config::settings(source.profile(), |name| source.find(name, environment));
    let whose = match source {
        Source::Serve => "Configuration of `switchboard serve`:",
        Source::Dev(_) => {
            "Configuration of this folder's `switchboard dev`, since DATABASE_URL is not set (`serve` does not read it):"
        }
    };
    // Printed before the configuration is built: the list shows which values its mistakes are about.
    print::line(format_args!("{whose}\n{}", as_text(&settings)))?;
    let config = source.config(environment)?;
    for warning in config.warnings.iter().chain(&environment.misspelt()) {
        print::notice(&format!("warning: {warning}"));
    }
    Ok(())
}

fn as_text(settings: &[Setting]) -> String {
    let width = |text: fn(&Setting) -> &str| {
        settings.iter().map(|setting| text(setting).chars().count()).max().unwrap_or_default()
    };
    // Capped, so that one long URL does not push the origins of all values out of sight.
    let (names, values) = (width(|setting| setting.variable.name), width(|setting| &setting.shown).min(60));
    let mut lines = Vec::new();
    let mut section = None;
    for Setting { variable, shown, origin } in settings {
        let origin = origin.map_or("missing".to_owned(), |origin| origin.to_string());
        if section.replace(variable.section) != Some(variable.section) {
            lines.push(format!("\n{}", variable.section));
        }
        lines.push(format!("  {:<names$}  {shown:<values$}  {origin}", variable.name));
    }
    lines.join("\n")
}
