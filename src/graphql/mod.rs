//! The public API: schema, resolvers, and the one handle ([`Api`]) by which the server runs requests.

mod api;
mod context;
mod errors;
mod schema;

pub use api::{Api, Executed, GraphqlRequest};
pub use context::{Caller, Services};
pub use errors::ApiError;
pub use schema::sdl;
