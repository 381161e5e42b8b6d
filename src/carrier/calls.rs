//! Calls at the carrier: the safety net for status callbacks that never came.

use super::client::checked;
use super::{Carrier, CarrierCall, CarrierError, Rejection, wire};

impl Carrier {
    /// A call, if the carrier knows it.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn call(&self, sid: &str) -> Result<Option<CarrierCall>, CarrierError> {
        match self.get::<wire::Call>(self.url(&["Calls", checked(sid)?])).await {
            Ok(call) => Ok(Some(call.read())),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
