//! The mutation `requestPort`: ports a kept number from its carrier.

use async_graphql::{Context, ID, InputObject, Object};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tracing::warn;

use super::document::PortDocumentInput;
use super::kept_now;
use crate::domain::{CountryCode, IdempotencyKey, Invalid};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Checked, KeptNumber, Operation, UserError};
use crate::graphql::mutations::input::Faults;
use crate::graphql::mutations::outcome::{Accepted, Outcome, Stop, now_or, ran_or};
use crate::provisioning::kinds::{PortData, WantedPort};

/// Longest text of a field, in characters.
const MAX_CHARS: usize = 200;
/// Days from the request to the earliest port date (Twilio, port-in requests).
const EARLIEST: TimeDelta = TimeDelta::days(7);

/// Input of `requestPort`: the customer's data as the losing carrier has them. It compares every field.
#[derive(InputObject)]
pub(crate) struct RequestPortInput {
    /// Id of the kept number.
    kept_number_id: ID,
    /// The customer's name at the losing carrier, as on the bill.
    customer_name: String,
    /// The customer's account number at the losing carrier. Required for mobile numbers.
    account_number: Option<String>,
    /// PIN of the number at the losing carrier. Required for mobile numbers.
    pin: Option<String>,
    /// Name of the person who is authorized to sign for the customer.
    representative: String,
    /// Where the letter of authorization is sent to be signed.
    representative_email: String,
    /// Street and number of the customer's address at the losing carrier.
    street: String,
    /// City.
    city: String,
    /// State: two letters.
    region: String,
    /// ZIP code: five digits, or nine with a hyphen.
    postal_code: String,
    /// Country. Only numbers of the United States can be ported.
    #[graphql(default_with = "Checked(Ok(CountryCode::US))")]
    country: Checked<CountryCode>,
    /// A bill of the losing carrier, at most 30 days old. It is deleted here when the carrier has it.
    bill: PortDocumentInput,
    /// The wished date, such as `2026-12-31`: at least 7 days ahead. The losing carrier decides.
    target_date: Option<String>,
    /// Whether this address is registered for emergency calls from the number once it has arrived. The carrier charges a monthly fee.
    /// An address that the carrier refuses stops neither the port nor the calls: `detail` of the kept number then says why.
    #[graphql(default = false)]
    register_emergency_address: bool,
    /// Idempotency key: any string that is unique to this request, such as a UUID. A repeated request with the
    /// same key returns the same operation.
    idempotency_key: Option<String>,
}

/// Checks a text that must not be empty.
fn text(what: &str, text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    let count = text.chars().count();
    if count == 0 || count > MAX_CHARS || text.chars().any(char::is_control) {
        return Err(Invalid(format!("{what} must have 1 to {MAX_CHARS} characters; got {count}")));
    }
    Ok(text.to_owned())
}

fn email(address: &str) -> Result<String, Invalid> {
    let address = text("the e-mail address", address)?;
    let is_address = address
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'));
    if is_address && !address.contains(char::is_whitespace) {
        Ok(address)
    } else {
        Err(Invalid("this is not an e-mail address".to_owned()))
    }
}

fn state(region: &str) -> Result<String, Invalid> {
    let region = region.trim().to_ascii_uppercase();
    if region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Ok(region)
    } else {
        Err(Invalid("a state has two letters, such as NY".to_owned()))
    }
}

fn zip(code: &str) -> Result<String, Invalid> {
    let code = code.trim();
    let parts: Vec<&str> = code.split('-').collect();
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        [five] if digits(five, 5) => Ok(code.to_owned()),
        [five, four] if digits(five, 5) && digits(four, 4) => Ok(code.to_owned()),
        _ => Err(Invalid("a ZIP code has five digits, or nine with a hyphen, such as 10001".to_owned())),
    }
}

fn date(wish: &str, now: DateTime<Utc>) -> Result<String, Invalid> {
    let day: NaiveDate =
        wish.trim().parse().map_err(|_| Invalid("a date is written like 2026-12-31".to_owned()))?;
    let earliest = (now + EARLIEST).date_naive();
    if day < earliest {
        return Err(Invalid(format!("the date must be at least 7 days ahead: {earliest} or later")));
    }
    Ok(day.to_string())
}

impl RequestPortInput {
    fn check(self, now: DateTime<Utc>) -> Result<(WantedPort, Option<IdempotencyKey>), Stop> {
        let mut faults = Faults::default();
        let kept = faults.take("keptNumberId", self.kept_number_id.parse());
        let customer_name = faults.take("customerName", text("the customer's name", &self.customer_name));
        let mut optional = |field: &str, what: &str, value: Option<String>| {
            value.and_then(|value| faults.take(field, text(what, &value)))
        };
        let account_number = optional("accountNumber", "the account number", self.account_number);
        let pin = optional("pin", "the PIN", self.pin);
        let representative =
            faults.take("representative", text("the representative's name", &self.representative));
        let representative_email = faults.take("representativeEmail", email(&self.representative_email));
        let street = faults.take("street", text("the street", &self.street));
        let city = faults.take("city", text("the city", &self.city));
        let region = faults.take("region", state(&self.region));
        let postal_code = faults.take("postalCode", zip(&self.postal_code));
        if faults.take("country", self.country.0).is_some_and(|country| country != CountryCode::US) {
            faults.note(
                "country",
                "only numbers of the United States can be ported: keep forwarding the calls",
            );
        }
        let bill = faults.take("bill", self.bill.read());
        let target_date = self.target_date.and_then(|wish| faults.take("targetDate", date(&wish, now)));
        let key = faults.optional("idempotencyKey", self.idempotency_key);
        let wanted = (|| {
            let data = PortData {
                customer_name: customer_name?,
                account_number,
                pin,
                representative: representative?,
                representative_email: representative_email?,
                street: street?,
                city: city?,
                region: region?,
                postal_code: postal_code?,
                target_date,
                registers_emergency_address: self.register_emergency_address,
            };
            Some((WantedPort { kept: kept?, data, bill: bill? }, key))
        })();
        faults.unless_any(wanted)
    }
}

/// Payload of `requestPort`: what was accepted, or why nothing was.
pub(crate) struct RequestPortPayload(Outcome<Accepted<KeptNumber>>);

/// Result of `requestPort`.
#[Object]
impl RequestPortPayload {
    /// The kept number in its new state.
    async fn kept_number(&self) -> Option<&KeptNumber> {
        self.0.subject()
    }

    /// The operation that ports the number. It runs for weeks, until the number has arrived: follow it with `operationUpdated`.
    async fn operation(&self) -> Option<&Operation> {
        self.0.operation()
    }

    /// Errors that the client can correct. If `operation` is `null`, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.errors()
    }
}

/// Holds the root field `requestPort`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct RequestPort;

#[Object]
impl RequestPort {
    /// Ports a kept number from its carrier. The authorized representative gets a letter of authorization by e-mail. The number goes
    /// on working at its carrier until the port date, and must not be canceled there before. Only local and mobile numbers of the
    /// United States. The body of this request may have up to 16 MB if it contains the query text: the hash of a persisted query is not
    /// enough.
    #[graphql(complexity = "child_complexity + 50")]
    async fn request_port(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The kept number, and what its carrier knows.")] input: RequestPortInput,
    ) -> Option<Result<RequestPortPayload, ApiError>> {
        let request = async || request(ctx.session()?, input).await;
        Some(Outcome::of(request().await).map(RequestPortPayload))
    }
}

async fn request(session: &Session, input: RequestPortInput) -> Result<Accepted<KeptNumber>, Stop> {
    session.owner()?;
    let provisioning = session.provisioning();
    let (wanted, key) = input.check(provisioning.ambient().0.now())?;
    session.count_operation()?;
    let store = session.writer().await?;
    let (operation, kept) = provisioning.request_port(&store, wanted, key).await?;
    // Committed before the carrier hears of it.
    store.commit().await?;
    // An earlier request for the number ends at once, and frees what it prepared.
    if let Err(failure) = provisioning.hurry_port(&kept).await {
        warn!(
            error = &failure as &dyn std::error::Error,
            "an earlier port was not hurried: it ends within a minute"
        );
    }
    let ran = provisioning.run_until_event(operation.id, session.waits_until()).await;
    let operation = ran_or(ran, operation.id, operation);
    let subject = now_or(kept_now(session, kept.id).await, Some(KeptNumber(kept)));
    Ok(Accepted { subject, operation: Operation(operation) })
}
