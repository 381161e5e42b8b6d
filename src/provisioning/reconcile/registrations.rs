//! What the tenants' numbers may send, read from the carrier's lists and stored by number.
//!
//! One server checks all numbers every hour. The check is repeated within a minute when a number was never asked about, when a message
//! failed because its number is not registered, or when one was refused for that reason: then the registration may be new. What could
//! not be read stays as it was told last. Reconciliation checks as well: a Messaging Service can send a number's texts elsewhere,
//! whatever the number's own settings say.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Provisioning;
use crate::carrier::{CarrierError, MessagingService};
use crate::domain::{
    Heartbeat, MessagingRegistration, NumberId, PhoneNumber, RequiredRegistration, Review, TenantId, Webhook,
};
use crate::store::{CheckWhen, RegistrationCheck, StoreError};

/// How often a server looks whether a check is due.
const POLL_INTERVAL: Duration = Duration::from_secs(15);
/// How often all numbers are checked.
const EVERY: TimeDelta = TimeDelta::hours(1);
/// Shortest time between two checks, whatever happens.
const PAUSE: TimeDelta = TimeDelta::minutes(1);

/// How often a check that takes long is renewed: three times within [`PAUSE`].
const RENEWED_EVERY: Duration = Duration::from_secs(20);

/// Why a check ended early.
#[derive(Debug, thiserror::Error)]
pub(in crate::provisioning) enum Unchecked {
    #[error("the carrier did not list all registrations")]
    Carrier(#[from] CarrierError),
    #[error("the database request failed")]
    Store(#[from] StoreError),
}

impl Provisioning {
    /// Checks what numbers may send, whenever that is due, until cancelled.
    pub async fn watch_registrations(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        loop {
            let wanted = async {
                tokio::select! {
                    () = tokio::time::sleep(POLL_INTERVAL) => CheckWhen::Due,
                    () = self.0.registrations_wanted.notified() => CheckWhen::Now,
                }
            };
            let Some(when) = stop.run_until_cancelled(wanted).await else { return };
            heartbeat.beat();
            let check = Box::pin(self.check_registrations(when, PAUSE));
            match stop.run_until_cancelled(check).await {
                Some(Err(failure)) => {
                    warn!(error = &failure as &dyn std::error::Error, "registrations of numbers not read");
                }
                Some(Ok(())) => {}
                None => return,
            }
        }
    }

    /// Has this server check soon: a registration may be new.
    pub(in crate::provisioning) fn want_registrations(&self) {
        self.0.registrations_wanted.notify_one();
    }

    /// Reads the registrations and stores them by number, unless another check began within `pause`.
    ///
    /// # Errors
    /// [`Unchecked`]: what could be read is stored.
    pub(in crate::provisioning) async fn check_registrations(
        &self,
        when: CheckWhen,
        pause: TimeDelta,
    ) -> Result<(), Unchecked> {
        let store = &self.0.store;
        let Some(check) = store.begin_registration_check(when, pause).await? else { return Ok(()) };
        tokio::select! {
            read = Box::pin(self.read_registrations()) => read?,
            // Another server reads them, perhaps later ones.
            lost = self.hold_check(check) => return Err(lost.into()),
        }
        Ok(store.end_registration_check(check, EVERY).await?)
    }

    /// Renews a check for as long as it is polled. Returns once another server has begun one.
    async fn hold_check(&self, mut check: RegistrationCheck) -> StoreError {
        loop {
            tokio::time::sleep(RENEWED_EVERY).await;
            match self.0.store.renew_registration_check(check).await {
                Ok(renewed) => check = renewed,
                Err(StoreError::LeaseLost) => return StoreError::LeaseLost,
                Err(error) => warn!(%error, "check of registrations not renewed"),
            }
        }
    }

    /// Reads the registrations of all numbers and stores them.
    async fn read_registrations(&self) -> Result<(), Unchecked> {
        let (mut all, unreadable) = self.0.store.numbers_at_carrier().await?;
        self.0.store.note_unreadable_numbers(&unreadable).await?;
        all.sort_by_key(|number| number.accounts.owner);
        let mut failure = None;
        for numbers in all.chunk_by(|one, next| one.accounts.owner == next.accounts.owner) {
            // An account that does not tell does not keep the others from being asked.
            match Box::pin(self.check_registrations_of(numbers)).await {
                Err(Unchecked::Carrier(error)) => failure = Some(error),
                done => done?,
            }
        }
        failure.map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Reads and stores the registrations of numbers of one account.
    async fn check_registrations_of(&self, numbers: &[PhoneNumber]) -> Result<(), Unchecked> {
        let store = &self.0.store;
        let account = numbers.first().and_then(|number| number.accounts.owner);
        let carrier = match self.0.accounts.carrier(account).await {
            Ok(carrier) => carrier,
            Err(failure) => {
                store.note_unknown_registrations(numbers).await?;
                return Err(failure.into());
            }
        };
        let ours: HashSet<&str> = numbers.iter().filter_map(|number| number.sid.as_deref()).collect();
        // A server without numbers asks nothing.
        let services = if ours.is_empty() { Ok(Vec::new()) } else { carrier.messaging_services(&ours).await };
        let has_toll_free = numbers.iter().any(|number| needs(number) == RequiredRegistration::Verification);
        let toll_free = if has_toll_free { carrier.toll_free_reviews().await } else { Ok(HashMap::new()) };
        let known = Known {
            services: services.as_deref().ok(),
            toll_free: toll_free.as_ref().ok(),
            inbound_url: Webhook::IncomingMessage.url(&self.0.config.webhook_base_url).into(),
        };
        let told = known.registrations(numbers);
        store.write_registrations(&told).await?;
        store.note_unknown_registrations(numbers).await?;
        services?;
        toll_free?;
        Ok(())
    }
}

fn needs(number: &PhoneNumber) -> RequiredRegistration {
    RequiredRegistration::of(number.country, number.kind)
}

/// What the carrier told; `None` for a list that could not be read.
struct Known<'a> {
    services: Option<&'a [MessagingService]>,
    toll_free: Option<&'a HashMap<String, Review>>,
    /// Where this server expects incoming texts.
    inbound_url: String,
}

impl Known<'_> {
    /// What is certain about these numbers.
    fn registrations(&self, numbers: &[PhoneNumber]) -> Vec<(NumberId, TenantId, MessagingRegistration)> {
        let services = self.services.unwrap_or_default();
        let service_of: HashMap<&str, &MessagingService> = services
            .iter()
            .flat_map(|service| service.numbers.iter().map(move |sid| (sid.as_str(), service)))
            .collect();
        let mut told = Vec::new();
        for number in numbers {
            let Some(sid) = number.sid.as_deref() else { continue };
            let service = service_of.get(sid).copied();
            // Without the services nothing is known about where texts go, so that an earlier answer stays.
            if self.services.is_none() {
                continue;
            }
            let review = match needs(number) {
                RequiredRegistration::Nothing => None,
                RequiredRegistration::Campaign => service.and_then(|service| service.campaign.as_ref()),
                RequiredRegistration::Verification => match self.toll_free {
                    Some(reviews) => reviews.get(sid),
                    None => continue,
                },
            };
            let (status, reason) = needs(number).status(number.capabilities, review);
            let misdirected =
                service.filter(|_| number.capabilities.sms).and_then(|service| self.misdirection(service));
            told.push((number.id, number.tenant_id, MessagingRegistration { status, reason, misdirected }));
        }
        told
    }

    /// Why texts to the numbers of a service do not reach this server.
    fn misdirection(&self, service: &MessagingService) -> Option<String> {
        if service.sends_texts_to(&self.inbound_url) {
            return None;
        }
        let instead = match &service.inbound_url {
            Some(_) => "sends texts to another address",
            None => "drops texts without a record",
        };
        let sid = &service.sid;
        Some(format!(
            "its Messaging Service {sid} ignores the number's SmsUrl and {instead}: set UseInboundWebhookOnNumber=true on \
             the service at the carrier"
        ))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use rust_decimal::Decimal;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        AgentId, Capabilities, CountryCode, MessagingStatus, NumberOrigin, NumberStatus, NumberType,
        OperationId, Provider,
    };

    fn number(n: u128, kind: NumberType) -> PhoneNumber {
        let at: DateTime<Utc> = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        PhoneNumber {
            id: NumberId(Uuid::from_u128(n)),
            tenant_id: TenantId(Uuid::from_u128(1)),
            agent_id: AgentId(Uuid::from_u128(1)),
            operation_id: OperationId(Uuid::from_u128(n)),
            number: "+12125550142".parse().unwrap(),
            friendly_name: String::new(),
            sid: Some(format!("PN{n}")),
            provider: Provider::Twilio,
            kind,
            status: NumberStatus::Active,
            capabilities: Capabilities { voice: true, sms: true, mms: true },
            country: CountryCode::US,
            locality: None,
            region: None,
            monthly_cost: Decimal::ONE,
            routing_version: 0,
            created_at: at,
            provisioned_at: Some(at),
            released_at: None,
            label: None,
            pooled_at: None,
            call_group_id: None,
            marked_by: None,
            primary_since: None,
            origin: NumberOrigin::Purchased,
            accounts: crate::domain::NumberAccounts::default(),
        }
    }

    fn service(
        sid: &str,
        number: &str,
        campaign: Option<Review>,
        inbound_url: Option<&str>,
    ) -> MessagingService {
        MessagingService {
            sid: sid.to_owned(),
            uses_numbers_url: false,
            inbound_url: inbound_url.map(str::to_owned),
            numbers: vec![number.to_owned()],
            campaign,
        }
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        use MessagingStatus::{Pending, Ready, Unregistered};
        let here = "https://calls.example.com/in";
        let services = [
            service("MG1", "PN1", Some(Review::Approved), Some(here)),
            service("MG2", "PN2", None, Some("https://elsewhere.example.com")),
            service("MG3", "PN4", Some(Review::Pending), None),
        ];
        let numbers = [
            number(1, NumberType::Local),
            number(2, NumberType::Local),
            number(3, NumberType::TollFree),
            number(4, NumberType::Local),
            number(5, NumberType::Local),
        ];
        let reviews = HashMap::from([("PN3".to_owned(), Review::Approved)]);
        let known = |services, toll_free| {
            let known = Known { services, toll_free, inbound_url: here.to_owned() };
            let told = known.registrations(&numbers).into_iter();
            told.map(|(id, _, told)| (id.0.as_u128(), told.status, told.misdirected)).collect::<Vec<_>>()
        };
        let all = known(Some(&services), Some(&reviews));
        let statuses: Vec<_> = all.iter().map(|(id, status, _)| (*id, *status)).collect();
        assert_eq!(statuses, [(1, Ready), (2, Unregistered), (3, Ready), (4, Pending), (5, Unregistered)]);
        let misdirected: Vec<_> = all.iter().map(|(_, _, why)| why.as_deref()).collect();
        assert!(
            misdirected[1].unwrap().contains("MG2 ignores the number's SmsUrl and sends texts to another")
        );
        assert!(misdirected[3].unwrap().contains("drops texts"));
        assert_eq!([misdirected[0], misdirected[2], misdirected[4]], [None; 3]);

        let without_verifications = known(Some(&services), None);
        assert_eq!(without_verifications.iter().map(|told| told.0).collect::<Vec<_>>(), [1, 2, 4, 5]);
        assert_eq!(known(None, Some(&reviews)), []);
    }
}
