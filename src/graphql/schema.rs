//! The schema, put together from its parts.

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};

/// The root of queries.
#[derive(Debug, Default)]
pub struct Query;

#[Object]
impl Query {
    /// Whether the API answers.
    async fn alive(&self) -> bool {
        true
    }
}

/// The schema's type.
pub(super) type ApiSchema = Schema<Query, EmptyMutation, EmptySubscription>;

/// The schema as text.
#[must_use]
pub fn sdl() -> String {
    Schema::build(Query, EmptyMutation, EmptySubscription).finish().sdl()
}
