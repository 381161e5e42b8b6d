//! `phoneNumber`, `phoneNumbers` and `availablePhoneNumbers`.

use async_graphql::{Context, ID, Object};

use crate::domain::{AreaCode, CountryCode, E164, NumberType};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{
    AvailablePhoneNumber, Connection, Defaulted, PageArgs, PhoneNumber, PhoneNumberFilter, PhoneNumberType,
    cost, read_id,
};
use crate::provisioning::NumberSearch;

/// Queries about numbers.
#[derive(Debug, Default)]
pub(super) struct NumberQuery;

#[Object]
impl NumberQuery {
    /// A number by its id or by its E.164 form: the one that the tenant holds, otherwise the one it held last.
    /// `null` if there is none.
    #[graphql(complexity = "child_complexity + 1")]
    async fn phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Id of the number. Pass this or `number`, not both.")] id: Option<ID>,
        #[graphql(desc = "The number. Pass this or `id`, not both.")] number: Option<E164>,
    ) -> Option<Result<PhoneNumber, ApiError>> {
        match (id, number) {
            (Some(id), None) => match read_id("id", &id) {
                Ok(id) => PhoneNumber::load(ctx, id).await,
                Err(malformed) => Some(Err(malformed)),
            },
            (None, Some(number)) => by_number(ctx, &number).await.transpose(),
            _ => Some(Err(ApiError::bad_input("pass exactly one of id and number"))),
        }
    }

    /// The tenant's numbers, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn phone_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filter. Default: all numbers except released ones.")] filter: Option<
            PhoneNumberFilter,
        >,
    ) -> Result<Connection<PhoneNumber>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }

    /// Numbers for sale at the carrier. A search costs and reserves nothing. A kind that the country does not
    /// have returns an empty list.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn available_phone_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Country of the numbers.", default_with = "Defaulted(Some(CountryCode::US))")]
        country: Defaulted<CountryCode>,
        #[graphql(
            desc = "Area code: three digits, only for the United States and Canada. For toll-free numbers, a prefix such as 888."
        )]
        area_code: Option<String>,
        #[graphql(
            desc = "A pattern that the number contains: 2 to 16 digits, or letters as on a keypad; `*` matches one character."
        )]
        contains: Option<String>,
        #[graphql(
            desc = "Kind of number.",
            name = "type",
            default_with = "Defaulted(Some(PhoneNumberType::Local))"
        )]
        kind: Defaulted<PhoneNumberType>,
        #[graphql(desc = "Maximum number of results: 1 to 30.", default_with = "Defaulted(Some(10))")] limit: Defaulted<
            i32,
        >,
    ) -> Result<Vec<AvailablePhoneNumber>, ApiError> {
        let session = ctx.session()?;
        session.owner()?;
        let country = country.0.unwrap_or(CountryCode::US);
        let limit = limit.0.unwrap_or(10);
        let kind = kind.0.unwrap_or(PhoneNumberType::Local).into();
        let search = NumberSearch {
            country,
            kind,
            area_code: area_code.map(|code| read_area_code(country, kind, &code)).transpose()?,
            contains: contains.map(read_pattern).transpose()?,
            limit: match u16::try_from(limit) {
                Ok(limit @ 1..=30) => limit,
                _ => return Err(ApiError::bad_input(format!("limit: 1 to {MAX_ON_SALE}, not {limit}"))),
            },
        };
        on_sale(session, &search).await
    }
}

/// Maximum numbers of one search.
const MAX_ON_SALE: i32 = 30;

async fn by_number(ctx: &Context<'_>, number: &E164) -> Result<Option<PhoneNumber>, ApiError> {
    let session = ctx.session()?;
    let scope = session.scope()?;
    let found = session.reader().await?.number_by_e164(number).await?;
    // Filtered here, since an agent's token reads through the same connection as its tenant.
    Ok(found.filter(|number| scope.admits(number.assigned_to())).map(PhoneNumber::from))
}

fn read_area_code(country: CountryCode, kind: NumberType, code: &str) -> Result<AreaCode, ApiError> {
    if !country.has_area_codes() {
        return Err(ApiError::bad_input(format!(
            "areaCode: numbers in {country} are not searched by area code: leave it out, or use contains"
        )));
    }
    country.area_code(kind, code).map_err(|why| ApiError::bad_input(format!("areaCode: {why}")))
}

fn read_pattern(pattern: String) -> Result<String, ApiError> {
    let ordinary = pattern.bytes().filter(u8::is_ascii_alphanumeric).count();
    let allowed = pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*%+$".contains(&byte));
    // The carrier's limits, checked here because its error names none of them.
    if allowed && ordinary >= 2 && pattern.len() <= 16 {
        Ok(pattern)
    } else {
        Err(ApiError::bad_input(
            "contains: 2 to 16 characters, at least two of them digits or letters, like 555 or 212555****",
        ))
    }
}

async fn on_sale(session: &Session, search: &NumberSearch) -> Result<Vec<AvailablePhoneNumber>, ApiError> {
    let tenant = session.owner()?;
    // No transaction stays open while the carrier answers, which may take seconds.
    let _released = session.release().await;
    let numbers = session.provisioning().numbers_on_sale(search, tenant).await?;
    Ok(numbers.into_iter().map(Into::into).collect())
}
