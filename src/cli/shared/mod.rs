//! What subcommands share: failures, printing, signals, configuration, and the folder of `dev`.

pub(super) mod control;
pub(super) mod core;
pub(super) mod failure;
pub(super) mod folder;
pub(super) mod logging;
pub(super) mod print;
pub(super) mod signals;
