//! The operator's stock: buys numbers ahead, one at a time, by ordinary operations of the tenant that stands for the stock.
//!
//! Each area code of the configuration is kept at the level wished for. An operation that wants a local number of such an area code,
//! or of the country, takes it from there ([`crate::provisioning::kinds`]). Numbers above the wish, and of area codes without one, stay in stock
//! until they are taken.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::{AgentId, AreaCode, E164, Heartbeat, NumberType, OperationState, StockWishes, TenantId};
use crate::provisioning::Provisioning;
use crate::provisioning::kinds::{WantedNumber, area_code_of};
use crate::store::StoreError;

/// Pause between two looks at the stock.
const EVERY: Duration = Duration::from_secs(2);
/// How long a purchase is waited for. One that takes longer goes on in the background.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time after which a failed purchase is tried again.
const RETRY: TimeDelta = TimeDelta::minutes(5);

impl Provisioning {
    /// Keeps the stock filled until cancelled.
    pub async fn keep_stock(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        while stop.run_until_cancelled(sleep(EVERY)).await.is_some() {
            // One purchase after the other, without a pause while the stock is low.
            loop {
                heartbeat.beat();
                match stop.run_until_cancelled(Box::pin(self.refill())).await {
                    None => return,
                    Some(Ok(true)) => {}
                    Some(Ok(false)) => break,
                    Some(Err(failure)) => {
                        warn!(
                            error = &failure as &dyn std::error::Error,
                            "stock of numbers could not be read or filled"
                        );
                        break;
                    }
                }
            }
        }
    }

    /// Buys one number if one is missing. Returns whether it did, so that another one may be missing.
    async fn refill(&self) -> Result<bool, StoreError> {
        let store = &self.0.store;
        let quarantined_since = self.purchase_rules(TenantId::STOCK).quarantined_since;
        let levels = store.stock_levels(self.0.clock.now() - RETRY, quarantined_since).await?;
        for (code, wanted) in self.0.config.stock.iter() {
            let free = levels.free.get(code).copied().unwrap_or_default();
            metrics::gauge!("switchboard_stock_numbers", "area_code" => code.to_string()).set(free);
            metrics::gauge!("switchboard_stock_wanted", "area_code" => code.to_string()).set(wanted);
        }
        // Another server is buying, or this one before its restart.
        if !levels.under_way.is_empty() {
            return Ok(false);
        }
        let failed: HashSet<AreaCode> = levels.failed.iter().filter_map(area_code_of).collect();
        let missing = self.0.config.stock.iter().find(|(code, wanted)| {
            levels.free.get(code).copied().unwrap_or_default() < *wanted && !failed.contains(code)
        });
        let Some((code, _)) = missing else { return Ok(false) };
        self.buy_ahead(code).await
    }

    /// Whether fewer numbers of this one's area code are in stock than wished for, those in quarantine among them.
    pub(in crate::provisioning) async fn wants_in_stock(&self, number: &E164) -> Result<bool, StoreError> {
        let Some(code) = number.area_code().filter(|_| !self.0.accounts.has_subaccounts()) else {
            return Ok(false);
        };
        let Some((code, wanted)) = self.0.config.stock.iter().find(|(wish, _)| wish.as_str() == code) else {
            return Ok(false);
        };
        Ok(self.0.store.count_in_stock(code).await? < u64::from(wanted))
    }

    async fn buy_ahead(&self, code: &AreaCode) -> Result<bool, StoreError> {
        let wanted = WantedNumber {
            country: StockWishes::country(code),
            area_code: Some(code.clone()),
            kind: NumberType::Local,
            number: None,
            any_in_country: false,
            label: None,
        };
        self.0.store.ensure_stock().await?;
        let door = self.0.store.write_as(TenantId::STOCK, "stock".to_owned()).await?;
        // Locks the agent: of two servers at the same time the second sees the first one's purchase.
        if door.agent(AgentId::STOCK).await?.is_none()
            || !door.unfinished_operations(AgentId::STOCK).await?.is_empty()
        {
            return Ok(false);
        }
        let operation = self.purchase_for_stock(&door, wanted).await?;
        door.commit().await?;
        let ended = self.see_through(operation.id, PATIENCE).await?;
        match (&ended.state, &ended.error) {
            (OperationState::Succeeded, _) => info!(area_code = %code, "number bought for the stock"),
            (_, Some(why)) => warn!(area_code = %code, why = why.message, "no number bought for the stock"),
            (_, None) => {}
        }
        Ok(ended.state.is_final())
    }
}
