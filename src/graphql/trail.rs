//! Records every access of an operator in the audit trail of the tenant. It happens once a request, after the document
//! was validated and before anything is executed, on every transport. If it cannot be recorded, nothing is executed.

use super::context::Session;
use super::errors::ApiError;
use super::limits::Run;

/// Maximum characters of an operation's name in the trail: clients choose it, and entries are kept forever.
const MAX_NAME: usize = 100;

/// Records the access if the caller is an operator.
///
/// # Errors
/// The store's. The request must then not be executed.
pub(super) async fn write_down(session: &Session, run: &Run) -> Result<(), ApiError> {
    // As a closure: the name is built for operators only.
    session.audit_access(|| action(run)).await
}

/// Type and name of the operation, such as `query Calls`.
fn action(run: &Run) -> String {
    let kind = run.kind().map_or_else(|| "unknown".to_owned(), |kind| kind.to_string());
    match run.name() {
        Some(name) => format!("{kind} {}", name.chars().take(MAX_NAME).collect::<String>()),
        None => kind,
    }
}
