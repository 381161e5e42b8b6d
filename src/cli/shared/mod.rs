//! What subcommands share: how they fail, print and stop, and what they work with.

pub(super) mod core;
pub(super) mod failure;
pub(super) mod folder;
pub(super) mod logging;
pub(super) mod print;
pub(super) mod signals;
