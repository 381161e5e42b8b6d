//! Switchboard: phone numbers of its own for every tenant of a voice-agent platform.
//!
//! Arrows run one way:
//! `server -> graphql / webhooks -> provisioning / routing -> calls -> accounts -> store / carrier / voice -> provider -> domain`.
//! [`app`] is the composition root, [`cli`] the command line; [`sandbox`] emulates both providers and
//! shares nothing with the rest, so that it and the clients check each other.

pub mod accounts;
pub mod app;
pub mod auth;
pub mod calls;
pub mod carrier;
pub mod cli;
pub mod config;
pub mod domain;
pub mod graphql;
pub mod messages;
pub mod provider;
pub mod provisioning;
pub mod routing;
pub mod sandbox;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod voice;
pub mod webhooks;
