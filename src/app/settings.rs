//! The settings of each part, as the configuration gives them.

use std::time::Duration;

use chrono::TimeDelta;
use url::Url;

use super::AppError;
use crate::accounts::AccountsConfig;
use crate::auth::{AuthConfig, MediaLinks};
use crate::carrier::CarrierConfig;
use crate::config::{Config, Jwt, MediaStore};
use crate::domain::{Clock, Entropy};
use crate::messages::MediaPlace;
use crate::provisioning::ProvisioningConfig;
use crate::routing::RoutingConfig;
use crate::server::{Assets, ConnectionLimits, ConsoleConfig, MediaAccess, RateLimits, ServerConfig};
use crate::store::DatabaseConfig;
use crate::voice::VoiceConfig;
use crate::webhooks::WebhookConfig;

/// Time a request waits for a pooled database connection. Below the 5 s that a call's answer may take.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn database_config(config: &Config) -> DatabaseConfig {
    DatabaseConfig {
        url: config.database_url.clone(),
        listen_url: config.database_listen_url.clone(),
        max_connections: config.database_max_connections,
        acquire_timeout: ACQUIRE_TIMEOUT,
    }
}

pub(super) fn carrier_config(config: &Config) -> CarrierConfig {
    CarrierConfig {
        base_url: config.twilio.base_url.clone(),
        account_sid: config.twilio.account_sid.clone(),
        auth_token: config.twilio.auth_token.clone(),
        timeout: config.provider_timeout,
    }
}

pub(super) fn accounts_config(config: &Config) -> AccountsConfig {
    AccountsConfig {
        platform_token: config.twilio.auth_token.clone(),
        platform_token_previous: config.twilio.auth_token_previous.clone(),
        subaccounts: config.twilio.subaccounts,
        encryption_key: config.twilio.encryption_key.clone(),
        encryption_key_previous: config.twilio.encryption_key_previous.clone(),
        state_dir: config.state_dir.clone(),
    }
}

pub(super) fn voice_config(config: &Config) -> VoiceConfig {
    VoiceConfig {
        base_url: config.elevenlabs.base_url.clone(),
        api_key: config.elevenlabs.api_key.clone(),
        timeout: config.provider_timeout,
    }
}

/// Returns the token configuration, shared by the authenticator and the command that mints tokens.
#[must_use]
pub fn auth_config(jwt: &Jwt) -> AuthConfig {
    AuthConfig {
        hs256_secret: jwt.secret.clone(),
        jwks_url: jwt.jwks_url.clone(),
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        tenant_claim: jwt.tenant_claim.clone(),
        allow_anonymous: jwt.allow_anonymous,
    }
}

pub(super) fn provisioning_config(config: &Config) -> ProvisioningConfig {
    ProvisioningConfig {
        webhook_base_url: config.webhook_base_url.clone(),
        webhook_base_url_previous: config.webhook_base_url_previous.clone(),
        voice_fallback_url: config.voice_fallback_url.clone(),
        operation_wait: config.operation_wait,
        lease: config.operation_lease,
        purchases_per_hour: config.hourly.purchases,
        tenant_purchases_per_hour: config.hourly.tenant_purchases,
        tenant_agents_per_hour: config.hourly.tenant_agents,
        release_grace: config.release_grace,
        quarantine: TimeDelta::days(config.quarantine_days.into()),
        month_price: config.twilio.number_price,
        minute_price: config.twilio.minute_price,
        message_price: config.twilio.message_price,
        dialing: config.dialing.clone(),
        stock: config.stock.clone().unwrap_or_default(),
    }
}

pub(super) fn routing_config(config: &Config) -> RoutingConfig {
    RoutingConfig {
        answer_deadline: config.answer_deadline,
        state_dir: config.state_dir.clone(),
        dialing: config.dialing.clone(),
    }
}

pub(super) fn webhook_config(config: &Config) -> WebhookConfig {
    WebhookConfig {
        base_url: config.webhook_base_url.clone(),
        previous_base_url: config.webhook_base_url_previous.clone(),
        elevenlabs_secrets: [&config.elevenlabs.webhook_secret, &config.elevenlabs.webhook_secret_previous]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
    }
}

/// Where files of messages are kept.
pub(super) fn media_place(config: &Config) -> MediaPlace {
    match config.media.store.clone() {
        None => MediaPlace::Folder(config.state_dir.join("media")),
        Some(MediaStore::Folder(folder)) => MediaPlace::Folder(folder),
        Some(MediaStore::Bucket { name, prefix }) => {
            MediaPlace::Bucket { name, prefix, settings: config.media.aws.clone() }
        }
    }
}

/// Links are signed with a key from Twilio's auth token, which all servers have.
pub(super) fn media_links(config: &Config) -> MediaLinks {
    let tokens = [Some(&config.twilio.auth_token), config.twilio.auth_token_previous.as_ref()];
    let tokens: Vec<_> = tokens.into_iter().flatten().cloned().collect();
    MediaLinks::new(config.webhook_base_url.clone(), &tokens)
}

pub(super) fn connection_limits(config: &Config) -> ConnectionLimits {
    ConnectionLimits {
        max: config.connections.most,
        max_per_address: config.connections.most_of_address,
        idle: config.connections.idle,
    }
}

/// Returns the public base URLs: the current one and, while it is still accepted, the previous one.
fn base_urls(config: &Config) -> Vec<Url> {
    let previous = config.webhook_base_url_previous.iter();
    std::iter::once(&config.webhook_base_url).chain(previous).cloned().collect()
}

pub(super) fn server_config(
    config: &Config,
    media: MediaAccess,
    clock: Clock,
    entropy: Entropy,
) -> Result<ServerConfig, AppError> {
    Ok(ServerConfig {
        graphiql: config.graphiql,
        console: config.console.then(|| ConsoleConfig { login_url: config.console_login_url.clone() }),
        assets: web_assets(config)?,
        media,
        test_calls: None,
        own_origins: base_urls(config).iter().map(|url| url.origin().ascii_serialization()).collect(),
        allowed_origins: config.allowed_origins.clone(),
        rate_limits: RateLimits {
            per_minute: config.rate.per_minute,
            anonymous_per_minute: config.rate.anonymous_per_minute,
        },
        trusted_proxies: config.rate.trusted_proxies,
        clock,
        entropy,
    })
}

/// Reads the libraries from the configured folder. Without one, browsers load them from the CDN.
fn web_assets(config: &Config) -> Result<Assets, AppError> {
    let named = |variable| move |error| AppError::Assets { variable, error };
    match (&config.web_assets, &config.graphiql_assets) {
        (Some(folder), _) => Assets::from_folder(folder).map_err(named("WEB_ASSETS")),
        (None, Some(folder)) => Assets::from_graphiql_folder(folder).map_err(named("GRAPHIQL_ASSETS")),
        (None, None) => Ok(Assets::default()),
    }
}
