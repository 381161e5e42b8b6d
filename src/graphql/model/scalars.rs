//! Scalars: strict on input, canonical on output.

use std::borrow::Cow;
use std::str::FromStr;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike, SecondsFormat, Utc};

use crate::domain::{CountryCode, E164, Invalid};

/// Parses a scalar from a string.
fn read<T: ScalarType + InputType, U>(
    value: Value,
    parse: impl FnOnce(&str) -> Result<U, Invalid>,
) -> Result<U, InputValueError<T>> {
    // No number is taken for a string: a float would lose the digits of a decimal or of a phone number.
    let Value::String(text) = &value else {
        return Err(InputValueError::expected_type(value));
    };
    parse(text).map_err(|why| InputValueError::custom(why).with_extension("code", "BAD_USER_INPUT"))
}

/// A phone number in E.164 format: `+`, country calling code and number, 7 to 15 digits. Spaces, dashes, dots
/// and brackets are accepted on input; output is always like `+12125550123`.
#[Scalar(name = "E164", specified_by_url = "https://www.itu.int/rec/T-REC-E.164")]
impl ScalarType for E164 {
    fn parse(value: Value) -> InputValueResult<Self> {
        read(value, str::parse)
    }

    fn to_value(&self) -> Value {
        Value::String(self.as_str().to_owned())
    }
}

/// An ISO 3166-1 alpha-2 country code in capital letters: `US`, `GB`.
#[Scalar(name = "CountryCode", specified_by_url = "https://www.iso.org/iso-3166-country-codes.html")]
impl ScalarType for CountryCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        read(value, str::parse)
    }

    fn to_value(&self) -> Value {
        Value::String(self.as_str().to_owned())
    }
}

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) chrono::DateTime<Utc>);

/// A point in time in RFC 3339 format: `2026-03-01T09:30:00.000Z`. Any offset is accepted on input; output is
/// in UTC with milliseconds.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        read(value, |text| {
            let instant = chrono::DateTime::parse_from_rfc3339(text)
                .map_err(|_| Invalid::new("the format is RFC 3339, such as 2026-03-01T09:30:00Z"))?;
            let instant = instant.with_timezone(&Utc);
            // Databases and clients write other years in different ways.
            if !(1..=9999).contains(&instant.year()) {
                return Err(Invalid::new("the year must be 1 to 9999 in UTC"));
            }
            Ok(Self(instant))
        })
    }

    fn to_value(&self) -> Value {
        // Milliseconds, since dates of JavaScript hold no more.
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// An exact decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal(pub(crate) rust_decimal::Decimal);

/// A decimal number as a string, so that it stays exact: `"1.15"`.
#[Scalar(name = "Decimal", specified_by_url = "https://www.w3.org/TR/xmlschema-2/#decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        read(value, |text| {
            let number =
                text.parse().map_err(|_| Invalid::new("a decimal must be a string such as \"1.15\""))?;
            Ok(Self(number))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A UUID, written with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uuid(pub(crate) uuid::Uuid);

/// A UUID of 36 characters: `8c5b7a52-7d8e-4f0a-9d0e-2f3c1b6a5e47`.
#[Scalar(name = "UUID", specified_by_url = "https://www.rfc-editor.org/rfc/rfc9562")]
impl ScalarType for Uuid {
    fn parse(value: Value) -> InputValueResult<Self> {
        read(value, |text| match uuid::Uuid::try_parse(text) {
            // The parser also accepts braces, URNs and bare digits.
            Ok(uuid) if text.len() == 36 => Ok(Self(uuid)),
            _ => Err(Invalid::new("a UUID has 32 hexadecimal digits in five groups joined by dashes")),
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.hyphenated().to_string())
    }
}

/// A scalar in a mutation's input that is parsed without failing: an invalid value becomes one of the payload's
/// `userErrors`, together with all others.
#[derive(Debug, Clone)]
pub(crate) struct Checked<T>(pub(crate) Result<T, Invalid>);

impl<T: InputType + FromStr<Err = Invalid>> InputType for Checked<T> {
    type RawValueType = T::RawValueType;

    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        Ok(Self(match value {
            Some(Value::String(text)) => text.parse(),
            _ => Err(Invalid::new(format!("a value of type {} must be a string", T::type_name()))),
        }))
    }

    fn to_value(&self) -> Value {
        self.0.as_ref().map_or(Value::Null, InputType::to_value)
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_ref().ok().and_then(InputType::as_raw_value)
    }
}

/// An argument with a default in the schema. If the client passes a variable that it omits, the library passes no value, which
/// also means the default (8.0.0-rc.5 rejects it otherwise).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaulted<T>(pub(crate) Option<T>);

impl<T: InputType> InputType for Defaulted<T> {
    type RawValueType = T::RawValueType;

    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let Some(value) = value else { return Ok(Self(None)) };
        T::parse(Some(value)).map(|value| Self(Some(value))).map_err(InputValueError::propagate)
    }

    fn to_value(&self) -> Value {
        self.0.as_ref().map_or(Value::Null, InputType::to_value)
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_ref().and_then(InputType::as_raw_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads<T: ScalarType>(text: &str) -> Option<Value> {
        <T as ScalarType>::parse(Value::String(text.to_owned()))
            .ok()
            .map(|value| ScalarType::to_value(&value))
    }

    #[test]
    fn human_input_is_printed_in_canonical_form() {
        let canonical = |text: &str| Some(Value::String(text.to_owned()));
        assert_eq!(reads::<E164>("+1 (212) 555-0123"), canonical("+12125550123"));
        assert_eq!(reads::<DateTime>("2026-03-01T10:30:00+01:00"), canonical("2026-03-01T09:30:00.000Z"));
        assert_eq!(
            reads::<Uuid>("8C5B7A52-7D8E-4F0A-9D0E-2F3C1B6A5E47"),
            canonical("8c5b7a52-7d8e-4f0a-9d0e-2f3c1b6a5e47")
        );
        assert_eq!(reads::<Decimal>("1.150"), canonical("1.150"));
    }

    #[test]
    fn nearly_valid_input_is_rejected() {
        assert_eq!(reads::<E164>("2125550123"), None);
        assert_eq!(reads::<CountryCode>("us"), None);
        for bad in
            ["2026-03-01", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"]
        {
            assert_eq!(reads::<DateTime>(bad), None, "{bad}");
        }
        assert_eq!(reads::<Decimal>("1,15"), None);
        assert_eq!(reads::<Uuid>("8c5b7a527d8e4f0a9d0e2f3c1b6a5e47"), None);
        assert!(<Decimal as ScalarType>::parse(Value::from(1.15)).is_err(), "a float is no decimal");
    }
}
