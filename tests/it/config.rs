//! The environment: what is accepted, and what is said of the rest.

use std::collections::HashMap;

use secrecy::ExposeSecret;
use switchboard::config::{Config, Jwt, Mistake};

const SECRET: &str = "a-secret-of-at-least-thirty-two-bytes";

fn complete() -> HashMap<&'static str, &'static str> {
    HashMap::from([
        ("DATABASE_URL", "postgres://switchboard:hunter2hunter2@localhost/switchboard"),
        ("WEBHOOK_BASE_URL", "https://calls.example.com"),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
        ("TWILIO_AUTH_TOKEN", "twilio-auth-token-0123456789"),
        ("ELEVENLABS_API_KEY", "elevenlabs-api-key-0123456789"),
        ("JWT_SECRET", SECRET),
    ])
}

fn read(vars: &HashMap<&'static str, &'static str>) -> Result<Config, Vec<Mistake>> {
    Config::from_vars(|name| vars.get(name).map(ToString::to_string))
}

fn with(name: &'static str, value: &'static str) -> Result<Config, Vec<Mistake>> {
    let mut vars = complete();
    vars.insert(name, value);
    read(&vars)
}

#[test]
fn nothing_configured_names_everything_that_is_needed() {
    let mistakes = read(&HashMap::new()).unwrap_err();
    let mut named: Vec<_> = mistakes.iter().map(|mistake| mistake.variable).collect();
    named.sort_unstable();
    let mut needed: Vec<_> = complete().into_keys().collect();
    needed.sort_unstable();
    assert_eq!(named, needed);
    for mistake in mistakes {
        let text = mistake.to_string();
        assert!(text.contains(mistake.variable) && text.contains(mistake.example), "{text}");
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    assert_eq!(with("TWILIO_AUTH_TOKEN", "  ").unwrap_err()[0].variable, "TWILIO_AUTH_TOKEN");
    assert!(with("TWILIO_AUTH_TOKEN_PREVIOUS", "").unwrap().twilio.auth_token_previous.is_none());
}

#[test]
fn what_is_needed_is_enough_and_the_rest_has_defaults() {
    let config = read(&complete()).unwrap();
    assert_eq!(config.bind_address.to_string(), "127.0.0.1:8000");
    assert_eq!(config.twilio.base_url.as_str(), "https://api.twilio.com/");
    assert_eq!(config.elevenlabs.base_url.as_str(), "https://api.elevenlabs.io/");
    assert_eq!(config.operation_wait.as_secs(), 10);
    assert_eq!(config.answer_deadline.as_secs(), 5);
    let hourly = config.hourly;
    assert_eq!((hourly.purchases, hourly.tenant_purchases, hourly.tenant_agents), (100, 25, 100));
    assert_eq!(config.reconcile_every.as_secs(), 3600);
    assert_eq!((config.twilio.number_price, config.twilio.minute_price), (None, None));
    assert_eq!((config.records.retention_days, config.records.transcripts), (0, false));
    let countries = |config: Config| config.dialing.countries.map(|countries| countries.to_string());
    assert_eq!((config.dialing.premium, countries(config.clone())), (false, Some("CA,US".to_owned())));
    assert_eq!(countries(with("DIAL_COUNTRIES", "GB, US").unwrap()), Some("GB,US".to_owned()));
    assert_eq!(countries(with("DIAL_COUNTRIES", "*").unwrap()), None);
    assert_eq!(config.state_dir, std::path::Path::new(".switchboard"));
    assert_eq!(config.jwt.tenant_claim, "/sub");
    assert_eq!(config.log.filter, "info");
    let rate = config.rate;
    assert_eq!((rate.per_minute, rate.anonymous_per_minute, rate.trusted_proxies), (600, 60, 0));
    assert!(config.introspection && config.graphiql && !config.log.json && config.warnings.is_empty());
}

#[test]
fn each_variable_refuses_what_would_fail_later() {
    let refused = [
        ("BIND_ADDRESS", vec!["8000", "localhost:8000", "127.0.0.1"]),
        ("TWILIO_NUMBER_PRICE", vec!["-1", "1,15", "$1.15", "1e400"]),
        ("TWILIO_MINUTE_PRICE", vec!["-0.01", "cheap"]),
        ("DATABASE_URL", vec!["mysql://localhost/x", "switchboard.db"]),
        (
            "WEBHOOK_BASE_URL",
            vec![
                "calls.example.com",
                "http://calls.example.com",
                "https://localhost",
                "https://calls",
                "https://calls.local",
                "https://127.0.0.1",
                "https://10.1.2.3",
                "https://192.168.1.4:8443",
                "https://100.64.0.1",
                "https://[::1]",
                "https://[fd00::1]",
                "https://my_calls.example.com",
                "https://calls.example.com?a=b",
                "https://calls.example.com#a",
                "https://calls.example.com/switchboard",
                "https://user:pass@calls.example.com",
            ],
        ),
        (
            "TWILIO_ACCOUNT_SID",
            vec!["AC123", "SK0123456789abcdef0123456789abcdef", "ACg123456789abcdef0123456789abcdef"],
        ),
        ("TWILIO_AUTH_TOKEN", vec!["short", "two words are not one token"]),
        ("TWILIO_API_BASE_URL", vec!["http://api.example.com", "api.example.com", "ftp://127.0.0.1"]),
        ("ELEVENLABS_API_BASE_URL", vec!["http://10.0.0.1"]),
        ("JWT_SECRET", vec!["thirty-one bytes are not enough", "0123456789012345678901234567890"]),
        ("JWT_JWKS_URL", vec!["http://auth.example.com/jwks.json"]),
        (
            "JWT_TENANT_CLAIM",
            vec![
                "tenant",
                "/",
                "/user_metadata/tenant",
                "/a/unsafe_metadata",
                "/raw_user_meta_data/id",
                "/https:~1~1x.example~1user_metadata/tenant",
                "/https:~1~1x.example~1unsafeMetadata",
                "/~0user_metadata~01",
                "/User_Metadata/tenant",
            ],
        ),
        ("ALLOW_ANONYMOUS_TENANTS", vec!["yes", "on"]),
        ("WEBHOOK_BASE_URL_PREVIOUS", vec!["https://localhost", "https://calls.example.org/old"]),
        ("ELEVENLABS_WEBHOOK_SECRET_PREVIOUS", vec!["webhook-secret-0123456789"]),
        ("OPERATION_WAIT", vec!["ten seconds", "10", "5m"]),
        ("ANSWER_DEADLINE", vec!["0s", "15s"]),
        ("DIAL_COUNTRIES", vec!["us", "US,UK", "US;CA", ",", "*,US"]),
        ("PURCHASES_PER_HOUR", vec!["-1", "many"]),
        ("TENANT_PURCHASES_PER_HOUR", vec!["-1", "many"]),
        ("TENANT_AGENTS_PER_HOUR", vec!["-1", "many"]),
        ("RECONCILE_EVERY", vec!["hourly", "60d"]),
        ("DATABASE_MAX_CONNECTIONS", vec!["0", "1000000"]),
        ("VOICE_FALLBACK_URL", vec!["http://backup.example.com", "https://localhost/busy.xml"]),
        ("GRAPHIQL", vec!["true"]),
        ("GRAPHIQL_ASSETS", vec!["/no/such/folder"]),
        ("RATE_LIMIT_PER_MINUTE", vec!["-1", "many", "99999999999"]),
        ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", vec!["1.5"]),
        ("MAX_CONNECTIONS", vec!["0", "many"]),
        ("MAX_CONNECTIONS_PER_ADDRESS", vec!["-1", "many"]),
        ("IDLE_TIMEOUT", vec!["75", "0s", "2h"]),
        ("TRUST_FORWARDED_FOR", vec!["yes", "-1", "10.0.0.1"]),
        ("INTROSPECTION", vec!["true"]),
        ("ALLOWED_ORIGINS", vec!["*", "dashboard.example.com", "https://dashboard.example.com/app"]),
        ("LOG_FORMAT", vec!["xml"]),
        ("RUST_LOG", vec!["switchboard=loud"]),
    ];
    for (name, values) in refused {
        for value in values {
            let mistakes = with(name, value).expect_err(&format!("{name}={value}"));
            let named: Vec<_> = mistakes.iter().map(|mistake| mistake.variable).collect();
            assert_eq!(named, [name], "{name}={value}");
        }
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let mut vars = complete();
    vars.extend([("OPERATION_WAIT", "soon"), ("GRAPHIQL", "maybe"), ("TWILIO_ACCOUNT_SID", "AC1")]);
    vars.remove("ELEVENLABS_API_KEY");
    assert_eq!(read(&vars).unwrap_err().len(), 4);
}

#[test]
fn what_people_write_is_understood() {
    let config = with("ALLOWED_ORIGINS", "https://a.example.com, http://localhost:3000/").unwrap();
    assert_eq!(config.allowed_origins, ["https://a.example.com", "http://localhost:3000"]);
    assert_eq!(with("OPERATION_WAIT", "1500ms").unwrap().operation_wait.as_millis(), 1500);
    assert_eq!(
        with("TWILIO_API_BASE_URL", "http://127.0.0.1:8001").unwrap().twilio.base_url.port(),
        Some(8001)
    );
    assert!(!with("GRAPHIQL", "off").unwrap().graphiql);
    let busy = "https://backup.example.com/busy.xml?practice=a&b#rc=2";
    assert_eq!(with("VOICE_FALLBACK_URL", busy).unwrap().voice_fallback_url.unwrap().as_str(), busy);
    let keys = "https://login.example.com/keys?p=policy";
    assert_eq!(with("JWT_JWKS_URL", keys).unwrap().jwt.jwks_url.unwrap().as_str(), keys);
    assert!(with("ALLOW_ANONYMOUS_TENANTS", "true").unwrap().jwt.allow_anonymous);
    assert_eq!(
        with("JWT_TENANT_CLAIM", "/app_metadata/tenant").unwrap().jwt.tenant_claim,
        "/app_metadata/tenant"
    );
    assert!(with("LOG_FORMAT", "json").unwrap().log.json);
}

#[test]
fn a_value_in_quotes_is_named_as_a_mistake_whatever_it_is() {
    let all = [
        "DATABASE_URL",
        "WEBHOOK_BASE_URL",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_AUTH_TOKEN_PREVIOUS",
        "ELEVENLABS_API_KEY",
        "ELEVENLABS_WEBHOOK_SECRET",
        "JWT_SECRET",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "STATE_DIR",
        "VOICE_FALLBACK_URL",
        "PURCHASES_PER_HOUR",
        "RUST_LOG",
    ];
    for name in all {
        for quoted in ["\"0123456789abcdef0123456789abcdef\"", "'0123456789abcdef0123456789abcdef'"] {
            let mistakes = with(name, quoted).expect_err(name);
            assert_eq!(mistakes.len(), 1, "{name}");
            assert_eq!(mistakes[0].variable, name);
            assert!(mistakes[0].problem.contains("quotes"), "{}", mistakes[0]);
        }
    }
    // Taken as written: no quote, dollar sign or backslash inside means anything.
    let odd = "it's-$HOME-\"x\"-\\n-0123456789abcdef";
    assert_eq!(with("TWILIO_AUTH_TOKEN", odd).unwrap().twilio.auth_token.expose_secret(), odd);
}

#[test]
fn a_weaker_choice_is_accepted_with_a_word() {
    assert!(with("DATABASE_URL", "sqlite://x.db").unwrap().warnings[0].contains("SQLite"));
    assert_eq!(with("RECONCILE_EVERY", "0s").unwrap().reconcile_every.as_secs(), 0);
}

#[test]
fn no_secret_is_printed() {
    let mut vars = complete();
    vars.extend([
        ("TWILIO_AUTH_TOKEN_PREVIOUS", "twilio-previous-0123456789"),
        ("ELEVENLABS_WEBHOOK_SECRET", "webhook-secret-0123456789"),
    ]);
    let printed = format!("{:?}", read(&vars).unwrap());
    for secret in ["hunter2", "auth-token", "previous-0", "api-key", "webhook-secret", SECRET] {
        assert!(!printed.contains(secret), "{secret}");
    }
    // The value that is wrong may be a secret that was put into the wrong place.
    for name in vars.clone().into_keys() {
        let mut wrong = vars.clone();
        wrong.insert(name, "hunter2 hunter2");
        for mistake in read(&wrong).unwrap_err() {
            assert!(!format!("{mistake} {mistake:?}").contains("hunter2"), "{name}");
        }
    }
}

#[test]
fn one_way_to_check_tokens_is_enough() {
    let keys = "https://auth.example.com/jwks.json";
    let jwt = Jwt::from_vars(|name| (name == "JWT_JWKS_URL").then(|| keys.to_owned())).unwrap();
    assert!(jwt.secret.is_none() && jwt.jwks_url.is_some());
    assert_eq!(Jwt::from_vars(|_| None).unwrap_err()[0].variable, "JWT_SECRET");
}

#[test]
fn the_database_may_have_several_hosts_and_an_address_for_listening() {
    let several = "postgres://u:hunter2@h1:5432,h2/db?target_session_attrs=read-write";
    assert!(with("DATABASE_URL", several).unwrap().database_listen_url.is_none());
    let direct = with("DATABASE_LISTEN_URL", "postgres://u:hunter2@h1/db").unwrap();
    assert!(direct.database_listen_url.is_some());
    for (name, value, problem) in [
        ("DATABASE_URL", "postgres://u:hunter2@h1:x/db", "host 1 has a port"),
        ("DATABASE_URL", "postgres://u:hunter2/x@h1/db", "has an @ or a /"),
        ("DATABASE_LISTEN_URL", "sqlite://file.db", "does not begin with postgres://"),
    ] {
        let mistakes = with(name, value).unwrap_err();
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].variable == name && mistakes[0].problem.contains(problem), "{mistakes:?}");
        assert!(!format!("{mistakes:?}").contains("hunter2"), "{mistakes:?}");
    }
}
