//! The public API: schema, resolvers, and the one handle ([`Api`]) by which the server runs requests.

mod api;
mod context;
mod errors;
mod limits;
mod schema;

pub use api::{Api, Executed, GraphqlRequest, OperationKind};
pub use context::{Caller, Services};
pub use errors::ApiError;
pub use schema::sdl;
