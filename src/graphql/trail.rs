//! Writes every access of an operator into the trail of the tenant acted for. It is done once a request, after the
//! document was found valid and before anything of it runs, whatever the transport: there is no way to a row around it,
//! and what cannot be written down is not shown.

use super::context::Session;
use super::errors::ApiError;
use super::limits::Run;

/// Characters of an operation's name that the trail keeps.
const MAX_NAME: usize = 100;

/// Writes the access down, if it is an operator's.
///
/// # Errors
/// The store's: then nothing of the request may run.
pub(super) async fn write_down(session: &Session, run: &Run) -> Result<(), ApiError> {
    session.audit_access(|| action(run)).await
}

/// `query Calls`; without the name where the operation has none.
fn action(run: &Run) -> String {
    let kind = run.kind().map_or_else(|| "unknown".to_owned(), |kind| kind.to_string());
    match run.name() {
        Some(name) => format!("{kind} {}", name.chars().take(MAX_NAME).collect::<String>()),
        None => kind,
    }
}
