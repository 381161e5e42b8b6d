//! The schema, put together from its parts. It needs no services, so that it can be printed anywhere.

use async_graphql::{SDLExportOptions, Schema, SchemaBuilder};

use super::model::Node;
use super::mutations::Mutation;
use super::query::Query;
use super::subscription::Subscription;

/// The schema's type.
pub(super) type ApiSchema = Schema<Query, Mutation, Subscription>;

/// The schema, to which limits and extensions may be added.
pub(super) fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription).register_output_type::<Node>()
}

/// The schema as text: `schema.graphql` is this.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .use_space_ident();
    let schema: ApiSchema = builder().finish();
    format!("{}\n", schema.sdl_with_options(options).trim_end())
}
