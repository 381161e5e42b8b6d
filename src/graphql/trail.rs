//! Writes every access of an operator into the trail of the tenant acted for. It is done once a request, after the
//! document was found valid and before anything of it runs, whatever the transport: there is no way to a row around it,
//! and what cannot be written down is not shown.

use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{ServerError, ValidationResult};

use super::context::Session;
use super::limits::Run;

/// Characters of an operation's name that the trail keeps.
const MAX_NAME: usize = 100;

/// Stands between a request's validation and its execution.
pub(super) struct Trail;

impl ExtensionFactory for Trail {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Trail {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        if let Some(session) = ctx.data_opt::<Arc<Session>>() {
            let action = ctx.data_opt::<Arc<Run>>().map_or_else(String::new, |run| action(run));
            session.audit_access(&action).await.map_err(|error| vec![error.into()])?;
        }
        Ok(result)
    }
}

/// `query Calls`; without the name where the operation has none.
fn action(run: &Run) -> String {
    let kind = run.kind().map_or_else(|| "unknown".to_owned(), |kind| kind.to_string());
    match run.name() {
        Some(name) => format!("{kind} {}", name.chars().take(MAX_NAME).collect::<String>()),
        None => kind,
    }
}
