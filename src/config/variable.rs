//! How a variable is declared: [`Variable`] is what is known of it, [`Typed`] adds the type of its value.

use std::fmt;

/// Says what is wrong with a value.
pub(super) type Check = fn(&str) -> Result<(), String>;

/// A variable of the environment.
#[derive(Debug)]
pub struct Variable {
    /// Name, as in the environment.
    pub name: &'static str,
    /// The part of the configuration it belongs to.
    pub section: Section,
    /// What it sets, in Markdown.
    pub description: &'static str,
    /// What applies while it is not set.
    pub when_unset: WhenUnset,
    /// Default of `dev`, where it differs from that of `serve`.
    pub dev_default: Option<&'static str>,
    /// A valid value. It is printed with every mistake.
    pub example: &'static str,
    /// How much of its value may be printed.
    pub secrecy: Secrecy,
    /// Whether `dev` reads it. `dev` reads no address or credential of a provider, so that it cannot reach a real account.
    pub is_read_by_dev: bool,
    /// The variable without which this one has no meaning.
    pub(super) needs: Option<&'static str>,
    /// Says what is wrong with a value.
    pub(super) check: Check,
    /// A stricter check for servers that providers call over the internet.
    pub(super) check_in_serve: Option<Check>,
}

/// A part of the configuration. The README has one table for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Where the database is, and how many connections it gets.
    Database,
    /// Addresses and connections of this server.
    Server,
    /// Credentials and address of Twilio, and prices while its list cannot be read.
    Twilio,
    /// Credentials and address of ElevenLabs, and the secret of its webhooks.
    ElevenLabs,
    /// Verification of access tokens.
    Tokens,
    /// Durable operations and their limits.
    Operations,
    /// Answering calls and keeping their records.
    Calls,
    /// What is done with text messages and their files.
    Messages,
    /// Credentials of a bucket for files of messages, by AWS' own variables.
    MediaStore,
    /// Use of the GraphQL API: origins, rate limits, introspection, GraphiQL.
    Api,
    /// Format and filter of log lines.
    Logs,
    /// Export of traces, by OpenTelemetry's own variables.
    Traces,
}

/// What applies while a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenUnset {
    /// Nothing: the server does not start.
    Missing,
    /// Nothing, unless this other variable is set.
    MissingUnless(&'static str),
    /// This value, written as in the environment.
    Default(&'static str),
    /// No value. Says in Markdown what happens instead.
    Nothing(&'static str),
}

/// How much of a value may be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// All of it may be printed.
    Public,
    /// An address: its host and path, but no user, password or query.
    Address,
    /// Nothing of it may be printed.
    Secret,
}

/// A variable, and the parser that turns its text into a value.
pub(super) struct Typed<T> {
    pub(super) variable: Variable,
    /// Says what is wrong without repeating the text, which may be a secret that was put into the wrong variable.
    pub(super) parse: fn(&str) -> Result<T, String>,
}

impl<T> Typed<T> {
    /// A variable that must be set.
    pub(super) const fn required(example: &'static str, parse: fn(&str) -> Result<T, String>) -> Self {
        Self::new(WhenUnset::Missing, example, parse)
    }

    /// A variable with a default value.
    pub(super) const fn with_default(default: &'static str, parse: fn(&str) -> Result<T, String>) -> Self {
        Self::new(WhenUnset::Default(default), default, parse)
    }

    /// A variable without a value unless it is set; `otherwise` says what happens then.
    pub(super) const fn optional(
        otherwise: &'static str,
        example: &'static str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Self {
        Self::new(WhenUnset::Nothing(otherwise), example, parse)
    }

    const fn new(when_unset: WhenUnset, example: &'static str, parse: fn(&str) -> Result<T, String>) -> Self {
        let variable = Variable {
            // Placeholders: only the macro of the table knows the name, the section and the static itself.
            name: "",
            section: Section::Server,
            description: "",
            when_unset,
            dev_default: None,
            example,
            secrecy: Secrecy::Public,
            is_read_by_dev: false,
            needs: None,
            check: |_| Ok(()),
            check_in_serve: None,
        };
        Self { variable, parse }
    }

    /// Required, unless another variable is set.
    pub(super) const fn unless(mut self, other: &'static str) -> Self {
        self.variable.when_unset = WhenUnset::MissingUnless(other);
        self
    }

    /// An example that says more than the default does.
    pub(super) const fn example(mut self, example: &'static str) -> Self {
        self.variable.example = example;
        self
    }

    /// Marks a variable that `dev` reads too.
    pub(super) const fn dev(mut self) -> Self {
        self.variable.is_read_by_dev = true;
        self
    }

    /// Sets the default of `dev`, where it differs from that of `serve`.
    pub(super) const fn dev_default(mut self, default: &'static str) -> Self {
        self.variable.dev_default = Some(default);
        self
    }

    /// A value that is never printed.
    pub(super) const fn secret(mut self) -> Self {
        self.variable.secrecy = Secrecy::Secret;
        self
    }

    /// A value that is printed without user, password and query.
    pub(super) const fn address(mut self) -> Self {
        self.variable.secrecy = Secrecy::Address;
        self
    }

    /// Wrong without this other variable.
    pub(super) const fn needs(mut self, other: &'static str) -> Self {
        self.variable.needs = Some(other);
        self
    }

    /// A stricter check for `serve`.
    pub(super) const fn in_serve(mut self, check: Check) -> Self {
        self.variable.check_in_serve = Some(check);
        self
    }

    /// Names it: the last step of a declaration, taken by [`variables`](super::table).
    pub(super) const fn declared(
        mut self,
        name: &'static str,
        section: Section,
        description: &'static str,
        check: Check,
    ) -> Self {
        self.variable.name = name;
        self.variable.section = section;
        self.variable.description = description;
        self.variable.check = check;
        self
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "Database",
            Self::Server => "Server",
            Self::Twilio => "Twilio",
            Self::ElevenLabs => "ElevenLabs",
            Self::Tokens => "Access tokens",
            Self::Operations => "Operations",
            Self::Calls => "Calls",
            Self::Messages => "Text messages",
            Self::MediaStore => "S3-compatible media store",
            Self::Api => "API",
            Self::Logs => "Logs",
            Self::Traces => "Traces",
        })
    }
}
