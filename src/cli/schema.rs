//! `switchboard schema`: prints the schema, as `schema.graphql` holds it.

use super::failure::Failure;
use super::print;
use crate::graphql;

pub(super) fn run() -> Result<(), Failure> {
    print::line(graphql::sdl().trim_end())
}
