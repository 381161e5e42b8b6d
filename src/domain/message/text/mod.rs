//! The text of an answer, made fit for a telephone.

mod plain;
mod split;

pub use plain::plain_text;
pub use split::split;
