//! Parses a mutation's input and collects all its errors, each with its field and what is allowed.

use std::str::FromStr;

use async_graphql::{Enum, ID};

use super::outcome::Stop;
use crate::domain::{Agent, AgentStatus, AreaCode, CountryCode, Invalid, NumberType, Refusal};
use crate::graphql::model::Checked;

/// What to do if no number matches the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum IfUnavailable {
    /// Buy none. The error suggests area codes that have numbers.
    Fail,
    /// Buy any other number in the country.
    AnyInCountry,
}

/// Errors found in an input.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Refusal>);

impl Faults {
    /// Adds an error at a field.
    pub(super) fn note(&mut self, field: &str, why: impl Into<String>) {
        self.0.push(Refusal::invalid(field, &Invalid(why.into())));
    }

    /// The field's value; adds an error if it is invalid.
    pub(super) fn take<T>(&mut self, field: &str, read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|why| self.0.push(Refusal::invalid(field, &why))).ok()
    }

    /// The optional field's value; adds an error if it is invalid.
    pub(super) fn optional<T: FromStr<Err = Invalid>>(
        &mut self,
        field: &str,
        text: Option<String>,
    ) -> Option<T> {
        text.and_then(|text| self.take(field, text.parse()))
    }

    /// The optional scalar's value; adds an error if it is invalid.
    pub(super) fn scalar<T>(&mut self, field: &str, value: Option<Checked<T>>) -> Option<T> {
        value.and_then(|value| self.take(field, value.0))
    }

    /// An area code, in countries that have them.
    pub(super) fn area_code(
        &mut self,
        country: Option<CountryCode>,
        kind: NumberType,
        code: Option<String>,
    ) -> Option<AreaCode> {
        let code = code?;
        if let Some(country) = country.filter(|country| !country.has_area_codes()) {
            self.note(
                "areaCode",
                format!("numbers in {country} cannot be chosen by area code: leave it out"),
            );
            return None;
        }
        // Without a valid country only the form of the code can be checked.
        let Some(country) = country else { return self.take("areaCode", code.parse()) };
        self.take("areaCode", country.area_code(kind, &code))
    }

    /// Returns what was read, or all errors. `read` is `None` only if there are errors.
    ///
    /// # Errors
    /// All errors that were found.
    pub(super) fn unless_any<T>(self, read: Option<T>) -> Result<T, Stop> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(Stop::Refused(self.0)),
        }
    }
}

/// Parses the id in `input.<field>`.
///
/// # Errors
/// A refusal at that field.
pub(super) fn id<T: FromStr<Err = Invalid>>(field: &str, id: &ID) -> Result<T, Refusal> {
    id.parse().map_err(|why| Refusal::invalid(field, &why))
}

/// A refusal with `INVALID_INPUT` at `input.<field>`.
pub(super) fn refused(field: &str, why: &str) -> Refusal {
    Refusal::invalid(field, &Invalid(why.to_owned()))
}

/// Rejects an agent that is still being created, or is deleted.
///
/// # Errors
/// A refusal at `input.id`.
pub(super) fn alive(agent: &Agent) -> Result<(), Refusal> {
    let why = match agent.status {
        AgentStatus::Active | AgentStatus::Inactive => return Ok(()),
        AgentStatus::Pending => "this agent is still being created: wait for its operation, then try again",
        AgentStatus::Deleted => "this agent is deleted: create another",
    };
    Err(refused("id", why))
}
