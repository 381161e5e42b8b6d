//! The configuration: which values are accepted, how mistakes are reported, and what the reference says of each variable.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use secrecy::ExposeSecret;
use switchboard::config::{self, Config, Jwt, MediaStore, Mistake, Secrecy, VARIABLES, WhenUnset};

use crate::support::program::{err, out, run};

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
fn an_empty_configuration_reports_every_required_variable() {
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
fn subaccounts_need_a_key_for_their_tokens() {
    let mistakes = with("CARRIER_ACCOUNTS", "subaccount").unwrap_err();
    assert_eq!(mistakes.iter().map(|mistake| mistake.variable).collect::<Vec<_>>(), ["ENCRYPTION_KEY"]);
    assert!(mistakes[0].is_missing);
}

#[test]
fn required_variables_suffice_and_the_rest_have_defaults() {
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
    assert!(
        config.introspection
            && config.graphiql
            && config.console
            && !config.log.json
            && config.warnings.is_empty()
    );
}

#[test]
fn each_variable_rejects_what_would_fail_later() {
    let refused = [
        ("BIND_ADDRESS", vec!["8000", "localhost:8000", "127.0.0.1"]),
        ("TWILIO_NUMBER_PRICE", vec!["-1", "1,15", "$1.15", "1e400"]),
        ("TWILIO_MINUTE_PRICE", vec!["-0.01", "cheap"]),
        ("TWILIO_MESSAGE_PRICE", vec!["-0.01", "cheap"]),
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
        ("DATABASE_LISTEN_URL", vec!["sqlite://file.db", "localhost"]),
        ("TWILIO_AUTH_TOKEN_PREVIOUS", vec!["short", "two words are not one token"]),
        ("CARRIER_ACCOUNTS", vec!["own", "subaccounts", "true"]),
        ("ENCRYPTION_KEY", vec!["short", "MDEyMzQ1Njc4OWFiY2RlZg==", "0123456789abcdef0123456789abcdef!"]),
        // Without the current one.
        ("ENCRYPTION_KEY_PREVIOUS", vec!["short", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="]),
        ("ELEVENLABS_API_KEY", vec!["short"]),
        ("ELEVENLABS_WEBHOOK_SECRET", vec!["short"]),
        ("OPERATION_LEASE", vec!["0s", "11m"]),
        ("PROVIDER_TIMEOUT", vec!["0s", "2m"]),
        ("RELEASE_GRACE", vec!["31days", "-1h"]),
        ("QUARANTINE_DAYS", vec!["-1", "65536", "90d"]),
        ("CALL_RETENTION_DAYS", vec!["-1", "65536"]),
        ("MESSAGE_RETENTION_DAYS", vec!["-1", "65536"]),
        ("REDACT_AT_CARRIER", vec!["on", "1"]),
        ("STORE_TRANSCRIPTS", vec!["on", "1"]),
        ("DRAIN_DELAY", vec!["61s", "5"]),
        ("WEBHOOK_BASE_URL_PREVIOUS", vec!["https://localhost", "https://calls.example.org/old"]),
        ("ELEVENLABS_WEBHOOK_SECRET_PREVIOUS", vec!["webhook-secret-0123456789"]),
        ("OPERATION_WAIT", vec!["ten seconds", "10", "5m"]),
        ("ANSWER_DEADLINE", vec!["0s", "15s"]),
        ("DIAL_COUNTRIES", vec!["us", "US,UK", "US;CA", ",", "*,US"]),
        ("PURCHASES_PER_HOUR", vec!["-1", "many"]),
        ("TENANT_PURCHASES_PER_HOUR", vec!["-1", "many"]),
        ("STOCK", vec!["212", "212:many", "212:101", "212:1,212:2", "21:5", "876:1"]),
        ("TENANT_AGENTS_PER_HOUR", vec!["-1", "many"]),
        ("RECONCILE_EVERY", vec!["hourly", "60d"]),
        ("DATABASE_MAX_CONNECTIONS", vec!["0", "1000000"]),
        ("VOICE_FALLBACK_URL", vec!["http://backup.example.com", "https://localhost/busy.xml"]),
        ("GRAPHIQL", vec!["true"]),
        ("GRAPHIQL_ASSETS", vec!["/no/such/folder"]),
        ("WEB_ASSETS", vec!["/no/such/folder"]),
        ("CONSOLE", vec!["true"]),
        (
            "CONSOLE_LOGIN_URL",
            vec![
                "app.example.com/login",
                "javascript:alert(1)",
                "https://user:pass@app.example.com/login",
                "https://{return_url}/login",
                "https://app.example.com{return_url}",
                "https://app.example.com:{return_url}/",
                "{return_url}",
                "https://app.example.com/login?next={returnUrl}",
                "https://app.example.com/login?next={return_url",
            ],
        ),
        ("RATE_LIMIT_PER_MINUTE", vec!["-1", "many", "99999999999"]),
        ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", vec!["1.5"]),
        ("MAX_CONNECTIONS", vec!["0", "many"]),
        ("MAX_CONNECTIONS_PER_ADDRESS", vec!["-1", "many"]),
        ("IDLE_TIMEOUT", vec!["75", "0s", "2h"]),
        ("TRUST_FORWARDED_FOR", vec!["yes", "-1", "10.0.0.1"]),
        ("INTROSPECTION", vec!["true"]),
        ("ALLOWED_ORIGINS", vec!["*", "dashboard.example.com", "https://dashboard.example.com/app"]),
        (
            "MEDIA_STORE",
            vec![
                "/var/lib/media",
                "file:media",
                "file:///",
                "file://host/media",
                "s3://",
                "s3:bucket",
                "s3://user:pass@bucket",
                "s3://bucket?region=x",
                "https://bucket.s3.example.com",
            ],
        ),
        ("DELETE_MEDIA_AT_CARRIER", vec!["yes"]),
        ("LOG_FORMAT", vec!["xml"]),
        ("RUST_LOG", vec!["switchboard=loud"]),
    ];
    let named: BTreeSet<_> = refused.iter().map(|(name, _)| *name).collect();
    // Any text is an issuer, an audience or a path; those of traces and of a bucket have tests of their own.
    let any_text = ["JWT_ISSUER", "JWT_AUDIENCE", "STATE_DIR"];
    for variable in VARIABLES.iter() {
        if ["OTEL_", "AWS_"].iter().any(|others| variable.name.starts_with(others)) {
            continue;
        }
        let name = variable.name;
        assert!(named.contains(name) || any_text.contains(&name), "no wrong value of {name} is tested");
    }
    for (name, values) in refused {
        for value in values {
            let mistakes = with(name, value).expect_err(&format!("{name}={value}"));
            let named: Vec<_> = mistakes.iter().map(|mistake| mistake.variable).collect();
            assert_eq!(named, [name], "{name}={value}");
        }
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let mut vars = complete();
    vars.extend([("OPERATION_WAIT", "soon"), ("GRAPHIQL", "maybe"), ("TWILIO_ACCOUNT_SID", "AC1")]);
    vars.remove("ELEVENLABS_API_KEY");
    assert_eq!(read(&vars).unwrap_err().len(), 4);
}

#[test]
fn usual_notations_are_accepted() {
    let config = with("ALLOWED_ORIGINS", "https://a.example.com, http://localhost:3000/").unwrap();
    assert_eq!(config.allowed_origins, ["https://a.example.com", "http://localhost:3000"]);
    assert_eq!(with("OPERATION_WAIT", "1500ms").unwrap().operation_wait.as_millis(), 1500);
    assert_eq!(with("OPERATION_WAIT", "25s").unwrap().operation_wait.as_secs(), 25);
    // A mutation ends after 30 s, and what it answers may be shown only once.
    assert!(with("OPERATION_WAIT", "26s").is_err());
    assert_eq!(
        with("TWILIO_API_BASE_URL", "http://127.0.0.1:8001").unwrap().twilio.base_url.port(),
        Some(8001)
    );
    assert!(!with("GRAPHIQL", "off").unwrap().graphiql);
    let login = "http://localhost:3000/#/login?next={return_url}&again={return_url}";
    assert_eq!(with("CONSOLE_LOGIN_URL", login).unwrap().console_login_url.unwrap(), login);
    let deprecated = with("GRAPHIQL_ASSETS", env!("CARGO_MANIFEST_DIR")).unwrap().warnings;
    assert!(deprecated.len() == 1 && deprecated[0].contains("WEB_ASSETS"), "{deprecated:?}");
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
fn a_value_in_quotes_is_a_mistake_in_any_variable() {
    let is_always_read = |name: &&str| !name.starts_with("OTEL_") && !name.starts_with("AWS_");
    for name in VARIABLES.iter().map(|variable| variable.name).filter(is_always_read) {
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
fn sqlite_is_accepted_with_a_warning() {
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
    // A wrong value may be a secret that was put into the wrong variable.
    vars.insert("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
    for variable in VARIABLES {
        for value in ["hunter2 hunter2", "hunter2", "hunter2=hunter2,[hunter2", "https://hunter2@h/?hunter2"]
        {
            let mut wrong = vars.clone();
            wrong.insert(variable.name, value);
            for mistake in read(&wrong).err().unwrap_or_default() {
                let text = format!("{mistake} {mistake:?}");
                assert!(!text.contains("hunter2"), "{}={value}: {text}", variable.name);
            }
        }
    }
}

#[test]
fn variables_of_aws_count_for_a_bucket_alone() {
    let mut vars = complete();
    vars.extend([("AWS_ENDPOINT_URL", "http://s3.example.com"), ("AWS_SECRET_ACCESS_KEY", "hunter2")]);
    assert!(read(&vars).unwrap().media.aws.is_empty());
    vars.insert("MEDIA_STORE", "file:///var/lib/media");
    assert_eq!(read(&vars).unwrap().media.store, Some(MediaStore::Folder("/var/lib/media".into())));
    vars.insert("MEDIA_STORE", "s3://bucket/a/b/");
    let mistakes = read(&vars).unwrap_err();
    let named: Vec<_> = mistakes.iter().map(|mistake| mistake.variable).collect();
    assert_eq!(named, ["AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"], "{mistakes:?}");
    vars.extend([("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"), ("AWS_ACCESS_KEY_ID", "AKIA")]);
    let config = read(&vars).unwrap();
    let bucket = MediaStore::Bucket { name: "bucket".to_owned(), prefix: "a/b".to_owned() };
    assert_eq!(config.media.store, Some(bucket));
    assert_eq!(config.media.aws.len(), 3);
    assert!(!format!("{config:?}").contains("hunter2"));
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

#[test]
fn every_default_and_every_example_is_valid() {
    for variable in VARIABLES {
        let examples = (!["JWT_SECRET", "WEB_ASSETS", "GRAPHIQL_ASSETS"].contains(&variable.name))
            .then_some(variable.example);
        let default = match variable.when_unset {
            WhenUnset::Default(default) => Some(default),
            WhenUnset::Missing | WhenUnset::MissingUnless(_) | WhenUnset::Nothing(_) => None,
        };
        for value in examples.into_iter().chain(default).chain(variable.dev_default) {
            let mut vars = complete();
            vars.extend([
                ("ELEVENLABS_WEBHOOK_SECRET", "webhook-secret-0123456789"),
                ("ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ]);
            vars.insert(variable.name, value);
            assert!(read(&vars).is_ok(), "{}={value}: {:?}", variable.name, read(&vars).err());
        }
    }
}

#[test]
fn a_name_that_sounds_like_a_secret_is_one() {
    for variable in VARIABLES {
        let sounds = ["_TOKEN", "_KEY", "SECRET", "PASSWORD", "HEADERS"]
            .iter()
            .any(|part| variable.name.contains(part));
        assert_eq!(sounds, variable.secrecy == Secrecy::Secret, "{}", variable.name);
        let is_url = variable.name.contains("_URL") && !variable.name.contains("BASE_URL");
        assert!(!is_url || variable.secrecy == Secrecy::Address, "{}", variable.name);
    }
}

#[test]
fn the_reference_in_the_repository_is_the_one_that_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = std::fs::read_to_string(root.join(".env.example")).unwrap();
    assert_eq!(kept, config::env_example(), "run `cargo run -- config --env-example > .env.example`");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, rest) = readme.split_once("<!-- switchboard config --markdown -->\n").unwrap();
    let (kept, _) = rest.split_once("<!-- end -->").unwrap();
    let printed = config::markdown();
    assert_eq!(
        kept.trim(),
        printed.trim(),
        "put what `cargo run -- config --markdown` prints between the two comments in README.md"
    );
    for link in printed.split("](#").skip(1) {
        let (anchor, _) = link.split_once(')').unwrap();
        let is_heading = |line: &&str| {
            line.starts_with('#')
                && line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-") == anchor
        };
        assert!(readme.lines().any(|line| is_heading(&line)), "the README has no heading #{anchor}");
    }
    // What the program prints is what the functions return.
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(out(&run(folder.path(), &["config", "--markdown"], &[])).trim(), printed.trim());
    assert_eq!(out(&run(folder.path(), &["config", "--env-example"], &[])), config::env_example());
}

#[test]
fn config_prints_what_is_in_force_and_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = "ELEVENLABS_API_KEY=elevenlabs-api-key-0123456789\nOPERATION_WAIT=20s\nPURCHASES_PER_HOUR=7\n";
    std::fs::write(folder.join(".env"), file).unwrap();
    let mut vars = complete();
    vars.remove("ELEVENLABS_API_KEY");
    vars.extend([
        ("OPERATION_WAIT", "5s"),
        ("VOICE_FALLBACK_URL", "https://backup.example.com/busy?key=hunter2"),
    ]);
    let vars: Vec<_> = vars.into_iter().collect();
    let output = run(folder, &["config"], &vars);
    let printed = out(&output);
    assert!(output.status.success(), "{printed}{}", err(&output));
    let line = |name: &str| -> Vec<String> {
        let line = printed.lines().find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {printed}"));
        line.split_whitespace().map(str::to_owned).collect()
    };
    for (name, value, origin) in [
        ("DATABASE_URL", "postgres://localhost/switchboard", "environment"),
        ("TWILIO_AUTH_TOKEN", "••••••••", "environment"),
        ("ELEVENLABS_API_KEY", "••••••••", ".env"),
        ("OPERATION_WAIT", "5s", "environment"),
        ("PURCHASES_PER_HOUR", "7", ".env"),
        ("PROVIDER_TIMEOUT", "15s", "default"),
        ("VOICE_FALLBACK_URL", "https://backup.example.com/busy?••••••••", "environment"),
        ("RUST_LOG", "info", "default"),
    ] {
        assert_eq!(line(name), [name, value, origin], "{printed}");
    }
    assert_eq!(line("JWT_ISSUER"), ["JWT_ISSUER", "(not", "checked)", "default"]);
    for variable in VARIABLES {
        line(variable.name);
    }
    for secret in ["hunter2", "auth-token", "api-key", SECRET] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn config_serve_and_migrate_report_every_mistake_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut vars = complete();
    vars.remove("ELEVENLABS_API_KEY");
    vars.extend([
        ("ELEVENLABS_APIKEY", "elevenlabs-api-key-0123456789"),
        ("DATABASE_URL", "hunter2"),
        ("OPERATION_WAIT", "hunter2"),
        ("DATABASE_MAX_CONNECTIONS", "501"),
        ("JWT_SECRET", "hunter2"),
        ("WEBHOOK_BASE_URL", "https://localhost"),
    ]);
    let vars: Vec<_> = vars.into_iter().collect();
    for command in [&["config"][..], &["serve"], &["migrate"], &["migrate", "status"], &["reconcile"]] {
        let output = run(folder, command, &vars);
        let told = err(&output);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {told}");
        for (name, problem) in [
            ("DATABASE_URL", "must begin with postgres:// or sqlite:"),
            ("OPERATION_WAIT", "must be a duration with its unit from 0s to 25s"),
            ("DATABASE_MAX_CONNECTIONS", "must be a whole number from 1 to 500"),
            ("JWT_SECRET", "must have at least 32 bytes; it has 7"),
            ("WEBHOOK_BASE_URL", "must have a host that Twilio can reach from the internet"),
        ] {
            let report = format!("  {name}\n      {problem}\n      for example: ");
            assert!(told.contains(&report), "{command:?}: {told}");
        }
        // A migration needs the database alone.
        let is_missing = told.contains("  ELEVENLABS_API_KEY\n      is required and not set");
        assert_eq!(is_missing, command[0] != "migrate", "{command:?}: {told}");
        assert!(
            told.contains("ELEVENLABS_APIKEY is set and has no effect: did you mean ELEVENLABS_API_KEY?"),
            "{told}"
        );
        assert!(!(told + &out(&output)).contains("hunter2"), "{command:?}");
    }
}
