//! SEND_MESSAGE: hands a text message to the carrier, which knows no idempotency keys. The message is stored first, with the
//! wish of the recipient checked; it is checked again before the request, because STOP may have come meanwhile.
//!
//! While the outcome of a request is unknown, the carrier's list of messages is searched for it: the same parties and text, not
//! older than our message, and not yet known as another message of ours. The carrier also reports the message to an address
//! with our id in it, which may tell us its own id first. Nothing is undone: what was sent stays sent.

use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use url::Url;

use super::{Idempotency, Steps, idempotency, insert, present, repeated};
use crate::carrier::{CarrierError, CarrierMessage, Rejection, TextToSend};
use crate::domain::{
    AutomaticAnswer, DeliveryProblemKind, E164, IdempotencyKey, Invalid, MediaReference, Message,
    MessageBody, MessageId, MessageThread, MessagingConsent, NumberId, NumberStatus, Operation,
    OperationKind, Participant, PhoneNumber, Refusal, RefusalCode, Step, UsedUp, Webhook, delivery_problem,
};
use crate::provisioning::Provisioning;
use crate::provisioning::kinds::repair_number::NoData;
use crate::provisioning::outcome::{Outcome, Patience, Pause, Progress, Retry, StepError, unsettled_for};
use crate::store::{Effect, NewMessage, NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps =
    &[(Step::SendMessage, |driver, operation, _| Box::pin(send_message(driver, operation)))];

/// Files of one message, at most (Twilio, "Message resource", `MediaUrl`).
const MOST_MEDIA: usize = 10;
/// Longest address of a file, in characters.
const LONGEST_URL: usize = 2048;
/// Messages to one recipient within 24 hours: more is an error of a program, and looks like one to the recipient.
const MOST_TO_ONE: i64 = 100;
/// Pause while a message is being sent that this one follows.
const AFTER_ANOTHER: Duration = Duration::from_secs(1);
/// Pause after a rejection that may not last, such as that of a sender with too many messages waiting.
const LATER: Duration = Duration::from_secs(60);
/// How much older than our message the carrier's may be, because clocks differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(2);

/// A message that a tenant wants to send.
#[derive(Debug, Clone)]
pub struct WantedMessage {
    /// The tenant's number that sends it.
    pub number: NumberId,
    /// The recipient.
    pub to: E164,
    /// The text; `None` for files alone.
    pub body: Option<MessageBody>,
    /// Addresses of files, which the carrier fetches.
    pub media_urls: Vec<String>,
}

/// The request as its idempotency key covers it.
#[derive(Serialize)]
struct Input<'a> {
    number: String,
    to: &'a E164,
    body: Option<&'a str>,
    media_urls: &'a [String],
}

impl WantedMessage {
    /// Checks addresses of files: at most ten, `https`, with a host.
    ///
    /// # Errors
    /// [`Invalid`] names the address's position.
    pub fn check_media(urls: &[String]) -> Result<(), Invalid> {
        if urls.len() > MOST_MEDIA {
            return Err(Invalid(format!("a message has at most {MOST_MEDIA} files; got {}", urls.len())));
        }
        for (index, url) in urls.iter().enumerate() {
            let is_usable = url.chars().count() <= LONGEST_URL
                && Url::from_str(url).is_ok_and(|url| url.scheme() == "https" && url.has_host());
            if !is_usable {
                let nth = index + 1;
                return Err(Invalid(format!(
                    "address {nth} cannot be fetched by the carrier: pass an https address of at most {LONGEST_URL} characters"
                )));
            }
        }
        Ok(())
    }

    fn idempotency(&self, key: Option<IdempotencyKey>) -> Idempotency {
        idempotency(
            key,
            &Input {
                number: self.number.to_string(),
                to: &self.to,
                body: self.body.as_ref().map(MessageBody::as_str),
                media_urls: &self.media_urls,
            },
        )
    }
}

impl Provisioning {
    /// Where the carrier reports what becomes of a message. The id in it leads to the message before we know the carrier's.
    fn message_callback(&self, id: MessageId) -> Url {
        let mut url = Webhook::MessageStatus.url(&self.0.config.webhook_base_url);
        url.query_pairs_mut().append_pair("message", &id.to_string());
        url
    }

    /// Stores a message and the operation that sends it, or returns those of an earlier request with the same key. `None`: retention
    /// has deleted the earlier message.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn send_message(
        &self,
        store: &TenantStore,
        wanted: WantedMessage,
        key: Option<IdempotencyKey>,
    ) -> Result<(Operation, Option<Message>), StoreError> {
        let idempotency = wanted.idempotency(key);
        if let Some(earlier) = repeated(store, OperationKind::SendMessage, &idempotency).await? {
            let message = store.messages_by_operation(&[earlier.id]).await?.pop();
            return Ok((earlier, message));
        }
        let (number, thread) = self.permitted(store, &wanted).await?;
        // The agent's answer to what came in before would be late.
        store.drop_answers(thread.id).await?;
        let (operation, message) =
            self.insert_message(store, (&number, &thread), wanted, idempotency, None).await?;
        Ok((operation, Some(message)))
    }

    /// Checks whether an automatic answer may be sent, and stores nothing.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn check_answer(&self, store: &TenantStore, wanted: &WantedMessage) -> Result<(), StoreError> {
        self.permitted(store, wanted).await.map(drop)
    }

    /// Stores an automatic answer, as [`Self::send_message`] does for users.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn send_answer(
        &self,
        store: &TenantStore,
        wanted: WantedMessage,
        by: AutomaticAnswer,
    ) -> Result<Operation, StoreError> {
        let (number, thread) = self.permitted(store, &wanted).await?;
        let sent = self.insert_message(store, (&number, &thread), wanted, None, Some(by)).await?;
        Ok(sent.0)
    }

    /// The number and the thread of a message that may be sent. The thread is locked.
    async fn permitted(
        &self,
        store: &TenantStore,
        wanted: &WantedMessage,
    ) -> Result<(PhoneNumber, MessageThread), StoreError> {
        let number = sending_number(store, wanted).await?;
        // As for calls: a text abroad or to a premium number can cost much.
        let tenant = store.tenant().await?;
        let dialing = self.dialing().for_tenant(&tenant.dialing);
        dialing.check(&wanted.to).map_err(|why| Refusal::invalid("to", &why))?;
        let participant = Participant::from(wanted.to.clone());
        let thread = store.thread_with(&number, &participant).await?;
        if store.consent_of(&participant).await? == MessagingConsent::OptedOut {
            return Err(opted_out().at("to").into());
        }
        self.check_registration(store, &number, &wanted.to).await?;
        let limit = tenant.limits.messages_per_day;
        let since = self.0.clock.now() - TimeDelta::days(1);
        let (is_used_up, to_recipient) = store.messages_sent_since(since, limit, &participant).await?;
        if is_used_up {
            let why = format!("the plan allows {limit} text messages within 24 hours: send it later");
            return Err(Refusal::limit_reached(UsedUp::Plan, why).into());
        }
        if to_recipient >= MOST_TO_ONE {
            let why = format!("one recipient gets at most {MOST_TO_ONE} text messages within 24 hours");
            return Err(Refusal::limit_reached(UsedUp::Request, why).at("to").into());
        }
        Ok((number, thread))
    }

    async fn insert_message(
        &self,
        store: &TenantStore,
        (number, thread): (&PhoneNumber, &MessageThread),
        wanted: WantedMessage,
        idempotency: Idempotency,
        automatic: Option<AutomaticAnswer>,
    ) -> Result<(Operation, Message), StoreError> {
        let operation = NewOperation {
            agent_id: Some(number.agent_id),
            number_id: Some(number.id),
            idempotency,
            ..self.new_operation(OperationKind::SendMessage, &NoData {})
        };
        let operation = insert(store, operation).await?;
        let media =
            wanted.media_urls.into_iter().map(|url| MediaReference { url, content_type: None }).collect();
        let body = wanted.body.as_ref().map_or("", MessageBody::as_str);
        let message = NewMessage { operation: operation.id, number, thread, body, media, automatic };
        let message = store.insert_message(message).await?;
        Ok((operation, message))
    }
}

impl Provisioning {
    /// Refuses a message that the networks would certainly not deliver, because its number is not registered for texts.
    async fn check_registration(
        &self,
        store: &TenantStore,
        number: &PhoneNumber,
        to: &E164,
    ) -> Result<(), StoreError> {
        let known = store.registrations(&[number.id]).await?.remove(&number.id);
        let Some(why) = known.as_ref().and_then(|known| known.forbids(number, to)) else { return Ok(()) };
        // The registration may be new: the next attempt finds it.
        self.want_registrations();
        Err(Refusal::new(RefusalCode::NotRegistered, why.to_owned()).at("phoneNumberId").into())
    }
}

fn opted_out() -> Refusal {
    let why = "the recipient asked for no more text messages: only their own START, or a consent recorded with \
               setMessagingConsent, permits them again";
    Refusal::new(RefusalCode::OptedOut, why)
}

/// The tenant's number, if it can send this message.
async fn sending_number(store: &TenantStore, wanted: &WantedMessage) -> Result<PhoneNumber, StoreError> {
    let refused =
        |field: &str, why: &str| StoreError::from(Refusal::new(RefusalCode::InvalidInput, why).at(field));
    let number = store.numbers_by_id(&[wanted.number]).await?.pop();
    let number = number.ok_or_else(|| Refusal::not_found("phone number", "phoneNumberId"))?;
    if number.status != NumberStatus::Active {
        return Err(refused("phoneNumberId", "this number is not ACTIVE: choose another one"));
    }
    if !number.capabilities.sms {
        return Err(refused("phoneNumberId", "this number cannot send text messages: choose another one"));
    }
    if !wanted.media_urls.is_empty() && !number.capabilities.mms {
        return Err(refused("mediaUrls", "this number can send text only: leave the files out"));
    }
    // A number of the tenant's would answer it, and so on for ever.
    let own = store.number_by_e164(&wanted.to).await?;
    if wanted.to == number.number || own.is_some_and(|own| own.status != NumberStatus::Released) {
        return Err(refused("to", "the recipient is one of your own numbers"));
    }
    Ok(number)
}

/// Step: hand the message to the carrier.
async fn send_message(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let message = present(driver.0.store.message_of_operation(operation.id).await?, "messages")?;
    // A report has told its id before the answer did.
    if message.sid.is_some() {
        return Ok(Outcome::Done(Progress::of(operation)));
    }
    if operation.outcome_unknown_at.is_some() {
        match sent_before(driver, &message).await? {
            Ok(Some(found)) => return Ok(done(operation, &message, &found)),
            Ok(None) => {
                if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
                    let why: StepError<CarrierError> = StepError::Unsettled(wait);
                    return Ok(Outcome::of_error(operation, why, Vec::new(), Patience::UntilSettled));
                }
            }
            Err(failure) => {
                return Ok(Outcome::failed(operation, &failure, Vec::new(), Patience::UntilSettled));
            }
        }
    }
    // The outcome of an equal message that was asked for before must be known first, else one could be taken for the other. Parts
    // of an answer keep their order.
    if driver.0.store.must_follow_another(&message).await? {
        return Ok(Outcome::WaitUntil(Pause {
            because: Refusal::new(
                RefusalCode::CarrierUnavailable,
                "an earlier message is being sent: this one follows",
            ),
            progress: Progress::of(operation),
            wait: AFTER_ANOTHER,
            outcome_unknown: false,
        }));
    }
    // The number may be another tenant's by now.
    let number = present(driver.0.store.number(message.number_id).await?, "phone_numbers")?;
    if number.status == NumberStatus::Released {
        let why = "the number was released before the message was sent: send it from another one";
        return Ok(Outcome::Failed(Refusal::new(RefusalCode::InvalidInput, why), Progress::of(operation)));
    }
    if driver.0.store.has_opted_out(message.tenant_id, &message.participant).await? {
        return Ok(Outcome::Failed(opted_out(), Progress::of(operation)));
    }
    let text = TextToSend {
        from: &message.number,
        to: message.participant.as_str(),
        body: message.body.as_deref().unwrap_or_default(),
        media_urls: message.media.iter().map(|file| file.url.as_str()).collect(),
        status_callback: driver.message_callback(message.id),
    };
    Ok(match send(driver, &number, &text).await {
        Ok(sent) => done(operation, &message, &sent),
        // While an earlier request may have sent it, a rejection of this one settles nothing.
        Err(CarrierError::Rejected(Rejection::Other { code, .. }))
            if unsettled_for(operation, driver.0.clock.now()).is_none() =>
        {
            rejected(operation, code)
        }
        Err(failure) => Outcome::failed(operation, &failure, Vec::new(), Patience::UntilSettled),
    })
}

/// Sends through the account that holds the number.
async fn send(
    driver: &Provisioning,
    number: &PhoneNumber,
    text: &TextToSend<'_>,
) -> Result<CarrierMessage, CarrierError> {
    driver.carrier_of(number).await?.send_message(text).await
}

/// The carrier rejected the message, for good or for now.
fn rejected(operation: &Operation, code: u32) -> Outcome {
    let problem = delivery_problem(i32::try_from(code).unwrap_or_default());
    let (kind, because, progress) = (problem.kind, problem.into(), Progress::of(operation));
    if kind != DeliveryProblemKind::Retry {
        return Outcome::Failed(because, progress);
    }
    Outcome::Retry(Retry {
        because,
        progress,
        undo: Vec::new(),
        retry_after: Some(LATER),
        breaker_open: false,
        outcome_unknown: false,
        patience: Patience::Bounded,
    })
}

fn done(operation: &Operation, message: &Message, sent: &CarrierMessage) -> Outcome {
    let report = sent.report();
    Outcome::Done(Progress::of(operation).with([Effect::MessageSent { message: message.id, report }]))
}

/// The message as the carrier has it from an earlier request, if it has. Equal texts may be meant: one that the store knows as
/// another message is not this one.
async fn sent_before(
    driver: &Provisioning,
    message: &Message,
) -> Result<Result<Option<CarrierMessage>, CarrierError>, StoreError> {
    let since = message.created_at - CLOCKS_DIFFER;
    let (from, to) = (message.number.as_str(), message.participant.as_str());
    let accounts = driver.0.store.accounts_of_number(message.number_id).await?;
    let mut listed = Vec::new();
    // Both accounts of a number that was moved: an earlier request may have gone to the other.
    for account in accounts.all() {
        let found = match driver.0.accounts.carrier(account).await {
            Ok(carrier) => carrier.messages_between(from, to, since).await,
            Err(failure) => Err(failure),
        };
        match found {
            Ok(found) => listed.extend(found),
            Err(failure) => return Ok(Err(failure)),
        }
    }
    let text = message.body.as_deref().unwrap_or_default();
    let alike: Vec<_> = listed
        .into_iter()
        .filter(|sent| !sent.is_inbound && sent.body.trim_end() == text.trim_end())
        .collect();
    let sids: Vec<&str> = alike.iter().map(|sent| sent.sid.as_str()).collect();
    let known = driver.0.store.messages_on_record(&sids).await?;
    // The oldest: it is the one of the earliest request.
    Ok(Ok(alike.into_iter().rev().find(|sent| !known.contains(&sent.sid))))
}
