//! Asks the carrier for what its webhooks did not tell: messages that came in while no server could be reached, statuses, and
//! prices, of which no webhook tells.
//!
//! If configured, it also has the carrier delete the texts of messages that are some days old.
//!
//! Every server writes the same, so all may sweep at the same time. A message that the carrier does not report on is postponed,
//! and the sweep continues with the next.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::Inbox;
use super::gaps::{Gaps, Span};
use crate::accounts::Accounts;
use crate::carrier::{Carrier, CarrierError, CarrierMessage};
use crate::domain::{
    CarrierAccountId, CarrierAccountStatus, Clock, E164, Heartbeat, IncomingMessage, Message, caught,
};
use crate::store::{Received, StoreError, SystemStore};

/// How often the carrier is asked for missed messages, and messages are looked for whose status or price is missing.
const POLL_INTERVAL: Duration = Duration::from_secs(60);
/// How far back missed messages are looked for in each round at least.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(15);
/// How far back they are looked for after a start, and as long as one of them cannot be stored.
const FIRST_LOOK_BACK: TimeDelta = TimeDelta::days(2);
/// Span of one request for missed messages.
const WINDOW: TimeDelta = TimeDelta::hours(1);
/// A span that is halved if it has too many messages to list.
const SHORTEST_SPAN: TimeDelta = TimeDelta::minutes(2);
/// Messages this much younger than retention allows are certainly not deleted yet.
const SURELY_KEPT: TimeDelta = TimeDelta::hours(1);
/// A message this young is left to its webhook.
const IN_TIME: TimeDelta = TimeDelta::seconds(60);
/// Messages in one round whose status or price is asked for.
const AT_ONCE: u64 = 200;
/// Pause before the carrier is asked again about a message on which it did not report.
const PUT_OFF: TimeDelta = TimeDelta::minutes(5);
/// Age from which a message that the carrier refuses to tell of, or whose text it refuses to delete, is not asked about again.
const GIVEN_UP: TimeDelta = TimeDelta::days(7);
/// Texts that one round deletes at the carrier.
const REDACTED_AT_ONCE: u64 = 100;
/// Pause before the carrier is asked again to delete a text that it refused to delete.
const REDACTION_PUT_OFF: TimeDelta = TimeDelta::days(1);

/// Asks the carrier about messages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MessageSweep {
    store: SystemStore,
    accounts: Accounts,
    inbox: Inbox,
    clock: Clock,
    redacts: bool,
    longest_look_back: TimeDelta,
}

/// What a sweep does beside.
#[derive(Debug, Clone, Copy)]
pub struct SweepSettings {
    /// Old texts are deleted at the carrier.
    pub redacts: bool,
    /// How long messages are kept; `None`: for ever. What is older is not stored again.
    pub kept: Option<TimeDelta>,
}

/// How far an account is searched.
#[derive(Debug)]
struct Progress {
    /// No message before then is missing, gaps aside.
    complete_to: DateTime<Utc>,
    gaps: Gaps,
}

/// Why a round ended early. The next one continues.
#[derive(Debug, thiserror::Error)]
enum Unswept {
    #[error("the carrier is unavailable")]
    Carrier(#[from] CarrierError),
    #[error("the database request failed")]
    Store(#[from] StoreError),
    #[error("the carrier has too many messages to list, even of the shortest span that is searched")]
    TooMany,
}

impl MessageSweep {
    /// Sweeps through the system's store, the carrier, and this inbox for what it finds.
    #[must_use]
    pub fn new(
        store: SystemStore,
        accounts: Accounts,
        inbox: Inbox,
        clock: Clock,
        settings: SweepSettings,
    ) -> Self {
        let kept = settings.kept.map_or(FIRST_LOOK_BACK, |kept| kept - SURELY_KEPT);
        Self {
            store,
            accounts,
            inbox,
            clock,
            redacts: settings.redacts,
            longest_look_back: kept.clamp(LOOK_BACK, FIRST_LOOK_BACK),
        }
    }

    /// Sweeps every minute until `stop` is cancelled.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        let mut progress = HashMap::new();
        loop {
            heartbeat.beat();
            let round = Box::pin(async {
                self.find_missed_in_all(&mut progress, &heartbeat).await;
                if let Err(failure) = self.complete(&heartbeat).await {
                    warn_of(&failure);
                }
                if self.redacts
                    && let Err(failure) = self.redact(&heartbeat).await
                {
                    warn_of(&failure);
                }
            });
            if stop.run_until_cancelled(round).await.is_none() {
                return;
            }
            if stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    /// Looks in each account for messages that no webhook announced.
    async fn find_missed_in_all(
        &self,
        progress: &mut HashMap<Option<CarrierAccountId>, Progress>,
        heartbeat: &Heartbeat,
    ) {
        let accounts = self.accounts.all();
        let known: HashSet<Option<CarrierAccountId>> =
            accounts.iter().map(|account| account.as_ref().map(|account| account.id)).collect();
        progress.retain(|account, _| known.contains(account));
        for account in accounts {
            // One that the carrier has rejected is looked at once it is active again.
            let is_active =
                account.as_ref().is_none_or(|account| account.status == CarrierAccountStatus::Active);
            let id = account.map(|account| account.id);
            let earliest = self.clock.now() - self.longest_look_back;
            let searched =
                progress.entry(id).or_insert(Progress { complete_to: earliest, gaps: Gaps::default() });
            // What is older is given up.
            searched.complete_to = searched.complete_to.max(earliest);
            if is_active && let Ok(carrier) = self.accounts.carrier(id).await {
                self.find_missed(&carrier, searched, heartbeat).await;
            }
        }
        let left: usize = progress.values().map(|searched| searched.gaps.len()).sum();
        metrics::gauge!("switchboard_message_sweep_gaps").set(u32::try_from(left).unwrap_or(u32::MAX));
    }

    /// Stores messages that came in and are not on record. A span that cannot be searched, or a message that cannot be stored, does
    /// not keep later ones from being found: an hour with one is a gap, which is searched again less and less often.
    async fn find_missed(&self, carrier: &Carrier, progress: &mut Progress, heartbeat: &Heartbeat) {
        let now = self.clock.now();
        let Progress { complete_to, gaps } = progress;
        for span in gaps.give_up_before(now - self.longest_look_back) {
            let account = carrier.account_sid();
            tracing::error!(account, from = %span.from, until = %span.until, "messages of this time were not looked for");
        }
        let mut is_hopeless = false;
        for span in gaps.due(now) {
            match self.searched(carrier, span, heartbeat).await {
                Some(true) => gaps.close(span),
                Some(false) => {
                    gaps.keep(span, now);
                }
                None => {
                    is_hopeless = true;
                    break;
                }
            }
        }
        // An hour at a time, so that a busy account's list does not become too long.
        let mut from = *complete_to;
        while from < now && !is_hopeless {
            let span = Span { from, until: (from + WINDOW).min(now) };
            match self.searched(carrier, span, heartbeat).await {
                // It begins there again, and is a gap once it is an hour.
                Some(false) if span.until == now => break,
                Some(false) => {
                    gaps.keep(span, now);
                }
                Some(true) => {}
                None => break,
            }
            from = span.until;
        }
        // The carrier lists a message a little after its webhook, and one that is young is left to it.
        *complete_to = from.min(now - LOOK_BACK);
    }

    /// Whether every message of a span is on record now, or is left to its webhook. `None`: nothing can be searched at the moment.
    async fn searched(&self, carrier: &Carrier, span: Span, heartbeat: &Heartbeat) -> Option<bool> {
        heartbeat.beat();
        match Box::pin(self.search(carrier, span, heartbeat)).await {
            Ok(is_complete) => Some(is_complete),
            Err(failure) => {
                let error = &failure as &dyn std::error::Error;
                tracing::warn!(account = carrier.account_sid(), error, "messages not swept");
                let fails_for_all = match &failure {
                    Unswept::Carrier(CarrierError::Unavailable { breaker_open, .. }) => *breaker_open,
                    Unswept::Store(failure) => !failure.is_permanent(),
                    Unswept::Carrier(_) | Unswept::TooMany => false,
                };
                (!fails_for_all).then_some(false)
            }
        }
    }

    /// Returns whether every message of this span is on record now, or is left to its webhook.
    async fn search(&self, carrier: &Carrier, span: Span, heartbeat: &Heartbeat) -> Result<bool, Unswept> {
        let (mut spans, mut is_complete) = (vec![span], true);
        while let Some(span) = spans.pop() {
            heartbeat.beat();
            match carrier.messages_received(span.from, span.until).await? {
                Some(listed) => is_complete &= self.store_all_missed(carrier, &listed, heartbeat).await?,
                None => match span.halves(SHORTEST_SPAN) {
                    Some([first, second]) => spans.extend([second, first]),
                    None => return Err(Unswept::TooMany),
                },
            }
        }
        Ok(is_complete)
    }

    /// Returns whether each of these messages is on record now, or is left to its webhook.
    async fn store_all_missed(
        &self,
        carrier: &Carrier,
        listed: &[CarrierMessage],
        heartbeat: &Heartbeat,
    ) -> Result<bool, Unswept> {
        let late = self.clock.now() - IN_TIME;
        let is_late = |message: &&CarrierMessage| message.created_at.is_none_or(|created| created < late);
        let late: Vec<&CarrierMessage> = listed.iter().filter(is_late).collect();
        let sids: Vec<&str> = late.iter().map(|message| message.sid.as_str()).collect();
        let known: HashSet<String> = self.store.messages_on_record(&sids).await?.into_iter().collect();
        // The account may have numbers that are not ours.
        let called: Vec<&str> = late.iter().map(|message| message.to.as_str()).collect();
        let ours: HashSet<String> = self.store.known_numbers(&called).await?.into_iter().collect();
        let mut is_complete = true;
        // Oldest first, as they would have come.
        for missed in late
            .into_iter()
            .rev()
            .filter(|message| !known.contains(&message.sid) && ours.contains(&message.to))
        {
            heartbeat.beat();
            // One that cannot be stored must not hold up the others: it is found again in the next round.
            match caught("missed message", self.store_missed(carrier, missed)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::warn!(sid = missed.sid, %error, "missed message not stored");
                    is_complete = false;
                }
                None => is_complete = false,
            }
        }
        Ok(is_complete)
    }

    async fn store_missed(&self, carrier: &Carrier, missed: &CarrierMessage) -> Result<(), Unswept> {
        let (Ok(from), Some(to)) = (missed.from.parse(), E164::shown(&missed.to)) else { return Ok(()) };
        let media =
            if missed.media_count > 0 { carrier.media_of_message(&missed.sid).await? } else { Vec::new() };
        let message = IncomingMessage {
            sid: missed.sid.clone(),
            from,
            to,
            body: missed.body.chars().filter(|c| *c != '\0').collect(),
            media,
            segments: missed.segments,
            opt_out_type: None,
            received_at: missed.sent_at.or(missed.created_at).unwrap_or_else(|| self.clock.now()),
            sent_at: missed.sent_at,
        };
        match self.inbox.store(&message).await? {
            Received::New => {
                tracing::info!(sid = missed.sid, "message stored that no webhook had announced");
            }
            Received::Known | Received::Unclaimed => {}
        }
        Ok(())
    }

    /// Asks about messages whose status, segments or price is missing.
    async fn complete(&self, heartbeat: &Heartbeat) -> Result<(), Unswept> {
        for message in self.store.messages_due(AT_ONCE).await? {
            heartbeat.beat();
            match caught("message", self.ask(&message)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::warn!(sid = message.sid, %error, "message postponed");
                    let now = self.clock.now();
                    let is_refused = matches!(error, Unswept::Carrier(CarrierError::Rejected(_)));
                    let is_hopeless = is_refused && now - message.created_at > GIVEN_UP;
                    let next = (!is_hopeless).then_some(now + PUT_OFF);
                    self.store.check_message(message.id, next).await?;
                }
                None => self.store.check_message(message.id, Some(self.clock.now() + PUT_OFF)).await?,
            }
        }
        Ok(())
    }

    /// Deletes the texts of old messages at the carrier. The row says that it is still to be done until it is, whatever crashes.
    async fn redact(&self, heartbeat: &Heartbeat) -> Result<(), Unswept> {
        for message in self.store.messages_to_redact(REDACTED_AT_ONCE).await? {
            heartbeat.beat();
            let next = match caught("redaction", self.redact_one(&message)).await {
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    let now = self.clock.now();
                    let is_refused = matches!(error, CarrierError::Rejected(_));
                    if is_refused && now - message.created_at > GIVEN_UP {
                        // Otherwise retention would keep the row for as long as an account is disconnected.
                        tracing::warn!(sid = message.sid, %error, "text left at the carrier: it refuses to delete it");
                        None
                    } else {
                        tracing::warn!(sid = message.sid, %error, "text not deleted at the carrier: tried again later");
                        Some(now + if is_refused { REDACTION_PUT_OFF } else { PUT_OFF })
                    }
                }
                None => Some(self.clock.now() + REDACTION_PUT_OFF),
            };
            self.store.redact_message_at(message.id, next).await?;
        }
        Ok(())
    }

    /// Returns when this message is tried again; `None`: nothing is left to do.
    async fn redact_one(&self, message: &Message) -> Result<Option<DateTime<Utc>>, CarrierError> {
        match &message.sid {
            Some(sid) => self.redact_in_account(message, sid).await.map(|()| None),
            // The carrier may still get it.
            None if !message.status.is_final() => Ok(Some(self.clock.now() + REDACTION_PUT_OFF)),
            None => Ok(None),
        }
    }

    /// Deletes the text in that of the number's accounts that has the message. A text that none has is deleted.
    async fn redact_in_account(&self, message: &Message, sid: &str) -> Result<(), CarrierError> {
        for account in self.accounts.of_number(message.number_id).await?.all() {
            if self.accounts.carrier(account).await?.redact_message(sid).await? {
                break;
            }
        }
        Ok(())
    }

    /// Asks the account of the message's number; if the number was moved, also the other one, since the message may be older.
    async fn find(&self, message: &Message, sid: &str) -> Result<Option<CarrierMessage>, Unswept> {
        for account in self.store.accounts_of_number(message.number_id).await?.all() {
            if let Some(found) = self.accounts.carrier(account).await?.message(sid).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn ask(&self, message: &Message) -> Result<(), Unswept> {
        let Some(sid) = &message.sid else { return Ok(self.store.check_message(message.id, None).await?) };
        match self.find(message, sid).await? {
            Some(found) => {
                self.store.report_message(Some(message.id), &found.report()).await?;
            }
            // It was deleted there.
            None => self.store.check_message(message.id, None).await?,
        }
        Ok(())
    }
}

fn warn_of(failure: &Unswept) {
    tracing::warn!(error = failure as &dyn std::error::Error, "messages not swept");
}
