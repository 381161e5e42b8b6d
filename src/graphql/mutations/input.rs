//! Reading a mutation's input: every fault is named at once, with its field and the remedy.

use std::str::FromStr;

use async_graphql::{Enum, ID};

use super::outcome::Stop;
use crate::domain::{Agent, AgentStatus, AreaCode, CountryCode, Invalid, NumberType, Refusal};
use crate::graphql::model::Checked;

/// What to do when no number is to be had where it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum IfUnavailable {
    /// Buy none; the answer names area codes that have numbers.
    Fail,
    /// Any other number of the country will do.
    AnyInCountry,
}

/// What is wrong with an input, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Refusal>);

impl Faults {
    /// Notes what is wrong with a field.
    pub(super) fn note(&mut self, field: &str, why: impl Into<String>) {
        self.0.push(Refusal::invalid(field, &Invalid(why.into())));
    }

    /// A field's value, or a note of what is wrong with it.
    pub(super) fn take<T>(&mut self, field: &str, read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|why| self.0.push(Refusal::invalid(field, &why))).ok()
    }

    /// An optional field's value, if it has one and it is right.
    pub(super) fn optional<T: FromStr<Err = Invalid>>(
        &mut self,
        field: &str,
        text: Option<String>,
    ) -> Option<T> {
        text.and_then(|text| self.take(field, text.parse()))
    }

    /// An optional scalar's value, if it has one and it is right.
    pub(super) fn scalar<T>(&mut self, field: &str, value: Option<Checked<T>>) -> Option<T> {
        value.and_then(|value| self.take(field, value.0))
    }

    /// An area code, where the country has them.
    pub(super) fn area_code(
        &mut self,
        country: Option<CountryCode>,
        kind: NumberType,
        code: Option<String>,
    ) -> Option<AreaCode> {
        let code = code?;
        if let Some(country) = country.filter(|country| !country.has_area_codes()) {
            self.note("areaCode", format!("numbers in {country} are not bought by area code: leave it out"));
            return None;
        }
        let Some(country) = country else { return self.take("areaCode", code.parse()) };
        self.take("areaCode", country.area_code(kind, &code))
    }

    /// What was read, unless something is wrong. `read` is `None` only when something is.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(super) fn unless_any<T>(self, read: Option<T>) -> Result<T, Stop> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(Stop::Refused(self.0)),
        }
    }
}

/// The id in `input.<field>`.
///
/// # Errors
/// A refusal at that field.
pub(super) fn id<T: FromStr<Err = Invalid>>(field: &str, id: &ID) -> Result<T, Refusal> {
    id.parse().map_err(|why| Refusal::invalid(field, &why))
}

/// Refuses an agent that is not there yet, or no more.
///
/// # Errors
/// A refusal at `input.id`.
pub(super) fn alive(agent: &Agent) -> Result<(), Refusal> {
    let why = match agent.status {
        AgentStatus::Active | AgentStatus::Inactive => return Ok(()),
        AgentStatus::Pending => "this agent is still being created: wait for its operation, then try again",
        AgentStatus::Deleted => "this agent is deleted: create another",
    };
    Err(Refusal::invalid("id", &Invalid(why.to_owned())))
}
