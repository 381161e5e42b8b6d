//! The public API: schema, resolvers, and [`Api`], through which the server executes requests.
//!
//! `model/` has one file for each type, a thin layer over the domain's. `query/` and `mutations/` contain the root fields, one
//! file for each noun or mutation. Only `context` opens access to the database.
//!
//! To add a mutation, add a file in `mutations/` with its input, its payload and its steps, and one line
//! in the root there.

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
pub use model::{CursorScope, List};
pub use schema::sdl;
