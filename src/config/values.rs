//! Reading variables by their declarations.
//!
//! All values are checked before any is read, so that every mistake is reported at once.

use super::media_store::MediaStore;
use super::variable::{Section, Typed, Variable, WhenUnset};
use super::{Mistake, Profile, parse, table};

/// Finds the text of a variable by its name.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The values of the variables, as text.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    lookup: Lookup<'a>,
    profile: Profile,
}

impl<'a> Values<'a> {
    /// Checks these variables, before any of them is read.
    ///
    /// # Errors
    /// Every mistake in them.
    pub(super) fn checked(
        lookup: Lookup<'a>,
        profile: Profile,
        variables: impl IntoIterator<Item = &'static Variable>,
    ) -> Result<Self, Vec<Mistake>> {
        let values = Self { lookup, profile };
        let mistakes: Vec<_> =
            variables.into_iter().filter_map(|variable| values.mistake(variable)).collect();
        if mistakes.is_empty() { Ok(values) } else { Err(mistakes) }
    }

    pub(super) fn unchecked(lookup: Lookup<'a>, profile: Profile) -> Self {
        Self { lookup, profile }
    }

    /// What is wrong with a variable.
    pub(super) fn mistake(&self, variable: &'static Variable) -> Option<Mistake> {
        // Platforms set them for all their programs.
        let is_unused = match variable.section {
            Section::Traces => !self.has_collector(),
            Section::MediaStore => !self.has_bucket(),
            _ => false,
        };
        if is_unused {
            return None;
        }
        if let Some(text) = self.text(variable.name) {
            let problem = self.check(variable, &text).err();
            return problem.map(|problem| Mistake::wrong(variable, problem));
        }
        match variable.when_unset {
            WhenUnset::Missing => Some(Mistake::missing(variable, "is required and not set")),
            WhenUnset::MissingUnless(other) if self.text(other).is_none() => Some(Mistake::missing(
                variable,
                format!("is not set, and neither is {other}: set one of them"),
            )),
            WhenUnset::MissingUnless(_) | WhenUnset::Default(_) | WhenUnset::Nothing(_) => None,
        }
    }

    /// Text of a variable; `None` if it is unset or blank, as in a `.env` file copied from the example.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        // A value from a file or a secret store often ends in a line break.
        (self.lookup)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Value of a variable, or its default.
    ///
    /// # Errors
    /// If it is required and not set, or wrong.
    pub(super) fn get<T>(&self, typed: &'static Typed<T>) -> Result<T, Mistake> {
        let missing = || Mistake::missing(&typed.variable, "is required and not set");
        self.optional(typed)?.ok_or_else(missing)
    }

    /// As [`Self::get`]; `None` if it is not set and has no default.
    ///
    /// # Errors
    /// If it is wrong.
    pub(super) fn optional<T>(&self, typed: &'static Typed<T>) -> Result<Option<T>, Mistake> {
        let variable = &typed.variable;
        let text = self.text(variable.name).or_else(|| default(variable, self.profile).map(str::to_owned));
        let parsed = text.map(|text| (typed.parse)(&text)).transpose();
        parsed.map_err(|problem| Mistake::wrong(variable, problem))
    }

    fn check(&self, variable: &Variable, text: &str) -> Result<(), String> {
        // First, since the message of a value's own parser would not mention the quotes.
        if is_quoted(text) {
            return Err("must not be in quotes, which would be part of the value: remove them".to_owned());
        }
        if let Some(needed) = variable.needs.filter(|needed| self.text(needed).is_none()) {
            return Err(format!("has no meaning without {needed}: set that one too, or remove this one"));
        }
        // Before the general check, whose message is less strict.
        if let Some(check) = variable.check_in_serve.filter(|_| self.profile == Profile::Serve) {
            check(text)?;
        }
        (variable.check)(text)
    }

    /// Whether traces are exported. Otherwise the variables of OpenTelemetry have no effect here, and one that is wrong must not keep
    /// the server from starting.
    fn has_collector(&self) -> bool {
        let endpoints = [&table::OTEL_EXPORTER_OTLP_ENDPOINT, &table::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT];
        endpoints.iter().any(|endpoint| self.text(endpoint.variable.name).is_some())
    }

    /// Whether files are kept in a bucket. Otherwise the same holds for the variables of AWS.
    fn has_bucket(&self) -> bool {
        let place = self.text(table::MEDIA_STORE.variable.name);
        place.is_some_and(|place| matches!(parse::media_store(&place), Ok(MediaStore::Bucket { .. })))
    }
}

/// The default value of a variable.
pub(super) fn default(variable: &Variable, profile: Profile) -> Option<&'static str> {
    match (variable.dev_default, variable.when_unset) {
        (Some(default), _) if profile == Profile::Dev => Some(default),
        (_, WhenUnset::Default(default)) => Some(default),
        (_, WhenUnset::Missing | WhenUnset::MissingUnless(_) | WhenUnset::Nothing(_)) => None,
    }
}

/// Whether a value is in quotes that neither a shell nor the file's format has removed.
fn is_quoted(text: &str) -> bool {
    let is_between = |quote: char| text.strip_prefix(quote).is_some_and(|rest| rest.ends_with(quote));
    is_between('"') || is_between('\'')
}
