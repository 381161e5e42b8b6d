//! Mutations about numbers of other carriers.

mod announce_test_call;
mod cancel_port;
mod document;
mod keep_phone_number;
mod request_port;

pub(super) use announce_test_call::AnnounceTestCall;
pub(super) use cancel_port::CancelPort;
pub(super) use keep_phone_number::KeepPhoneNumber;
pub(super) use request_port::RequestPort;

use crate::domain::KeptNumberId;
use crate::graphql::context::Session;
use crate::graphql::errors::ApiError;
use crate::graphql::model::KeptNumber;

/// A kept number as it is now.
///
/// # Errors
/// What reading may fail with.
async fn kept_now(session: &Session, id: KeptNumberId) -> Result<Option<KeptNumber>, ApiError> {
    Ok(session.reader().await?.kept_by_id(&[id]).await?.pop().map(KeptNumber))
}
