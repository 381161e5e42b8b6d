//! What a port is requested with, in the database until the carrier has it: encrypted if the server has `ENCRYPTION_KEY`.

use std::time::Duration;

use serde_json::Value;
use tracing::error;

use super::super::{present, write_data};
use super::port::PortData;
use crate::accounts::{PortPart, Unreadable};
use crate::domain::{KeptNumber, KeptNumberId, Operation, Refusal, RefusalCode};
use crate::provisioning::Provisioning;
use crate::provisioning::outcome::{Outcome, Pause, Progress};
use crate::store::{Bill, StoreError};

/// Pause of a request that cannot be decrypted.
const ANOTHER_LOOK: Duration = Duration::from_secs(30);
/// How an encrypted bill begins. No PDF, JPEG or PNG begins so.
const SEALED: &[u8] = b"1.";

/// The data and the bill as they are stored.
pub(super) fn sealed(
    driver: &Provisioning,
    id: KeptNumberId,
    data: &PortData,
    bill: Bill,
) -> Result<(Value, Bill), StoreError> {
    let seal = |part, plain: &[u8]| {
        let why = "this server could not encrypt the request: try again";
        let unsealed = |Unreadable| Refusal::new(RefusalCode::CarrierUnavailable, why);
        driver.accounts().seal_port(id, part, plain).map_err(unsealed)
    };
    let order = write_data(data);
    let order = match seal(PortPart::Order, order.to_string().as_bytes())? {
        Some(sealed) => Value::String(sealed),
        None => order,
    };
    let Bill { content_type, content } = bill;
    let content = match seal(PortPart::Bill, &content)? {
        Some(sealed) => sealed.into_bytes(),
        None => content,
    };
    Ok((order, Bill { content_type, content }))
}

/// The data as it was requested.
pub(super) async fn order_of(
    driver: &Provisioning,
    kept: &KeptNumber,
) -> Result<Result<PortData, Unreadable>, StoreError> {
    let corrupt = || StoreError::Corrupt { table: "kept_numbers", column: "port_order" };
    let order = match driver.0.store.port_order(kept.id).await?.ok_or_else(corrupt)? {
        Value::String(sealed) => match driver.accounts().open_port(kept.id, PortPart::Order, &sealed) {
            Ok(order) => serde_json::from_slice(&order),
            Err(unreadable) => return Ok(Err(unreadable)),
        },
        plain => serde_json::from_value(plain),
    };
    order.map(Ok).map_err(|_| corrupt())
}

/// The bill as it was requested.
pub(super) async fn bill_of(
    driver: &Provisioning,
    kept: &KeptNumber,
) -> Result<Result<Bill, Unreadable>, StoreError> {
    let stored = present(driver.0.store.bill(kept.id).await?, "kept_numbers")?;
    if !stored.content.starts_with(SEALED) {
        return Ok(Ok(stored));
    }
    let sealed = std::str::from_utf8(&stored.content).map_err(|_| Unreadable);
    let content = sealed.and_then(|sealed| driver.accounts().open_port(kept.id, PortPart::Bill, sealed));
    Ok(content.map(|content| Bill { content_type: stored.content_type, content }))
}

/// The outcome while this server cannot decrypt the request. Another server may have the key.
pub(super) fn unreadable(operation: &Operation, progress: Progress) -> Outcome {
    error!(operation = %operation.id, "the request for a port cannot be decrypted: check ENCRYPTION_KEY and ENCRYPTION_KEY_PREVIOUS");
    let why = "this server cannot decrypt the request: its operator must set the ENCRYPTION_KEY with which it was stored";
    let because = Refusal::new(RefusalCode::CarrierUnavailable, why);
    Outcome::WaitUntil(Pause { because, progress, wait: ANOTHER_LOOK, outcome_unknown: false })
}
