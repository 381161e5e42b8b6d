//! `switchboard token`: prints a token signed with `JWT_SECRET`, or with the secret of this folder's `dev`.

use std::time::Duration;

use secrecy::ExposeSecret;
use uuid::Uuid;

use super::failure::Failure;
use super::{folder, print};
use crate::config::{Environment, Jwt};
use crate::domain::Clock;
use crate::{app, auth};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the tenant
    #[arg(long, value_name = "UUID")]
    user: Uuid,
    /// Make it an operator's token, valid for any tenant
    #[arg(long)]
    operator: bool,
    /// Time until it expires
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    ttl: Duration,
}

pub(super) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let given = environment.get("JWT_SECRET").or(environment.get("JWT_JWKS_URL"));
    // A secret of the environment wins: it belongs to the server that the token is for.
    let remembered = if given.is_some() { None } else { folder::read()? };
    let jwt = Jwt::from_vars(|name| match &remembered {
        Some(remembered) if name == "JWT_SECRET" => Some(remembered.jwt_secret.clone()),
        Some(_) => None,
        None => environment.get(name),
    })?;
    print::line(make(&jwt, args.user, args.operator, args.ttl)?)
}

/// Makes a token that a server with this configuration accepts.
pub(super) fn make(jwt: &Jwt, user: Uuid, operator: bool, ttl: Duration) -> Result<String, Failure> {
    let token = auth::mint(&app::auth_config(jwt), user, operator, ttl, Clock::system().now());
    token.map(|token| token.expose_secret().to_owned()).map_err(|error| Failure::from_error(&error))
}
