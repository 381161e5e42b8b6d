//! The public API: schema, resolvers, and the one handle ([`Api`]) by which the server runs requests.
//!
//! `model/` holds a file a type, thin over the domain's own; `query/` and `mutations/` hold the roots' fields,
//! a file a noun or a mutation; `context` opens the door that is the caller's, and nothing else here names a
//! door. To add a mutation: a file in `mutations/` with its input, its payload and its steps, and one line in
//! the root there.

mod api;
mod context;
mod documents;
mod errors;
mod limits;
mod loaders;
mod model;
mod mutations;
mod persisted;
mod query;
mod rounds;
mod schema;
mod scope;
mod subscription;
mod trail;

pub use api::{Api, Executed, GraphqlRequest, Summary};
pub use context::{Caller, Services, Turn, Turns};
pub use errors::ApiError;
pub use model::{List, Place};
pub use schema::sdl;
