//! Assembles the schema. It needs no services, so it can be printed anywhere.

use async_graphql::{SDLExportOptions, Schema, SchemaBuilder};

use super::model::Node;
use super::mutations::Mutation;
use super::query::Query;
use super::subscription::Subscription;

/// Type of the schema.
pub(super) type ApiSchema = Schema<Query, Mutation, Subscription>;

/// Builder of the schema, without limits and extensions.
pub(super) fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription).register_output_type::<Node>()
}

/// The schema as text, as in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    // Sorted, so that `schema.graphql` changes only where the API does.
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .use_space_ident();
    let schema: ApiSchema = builder().finish();
    format!("{}\n", schema.sdl_with_options(options).trim_end())
}
