//! Tokens against the authenticator: signed here by hand, keys published by a server of the test's own.

mod keys;

use std::sync::atomic::{AtomicI64, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use switchboard::auth::{AuthConfig, AuthError, Authenticator, Credentials, Principal, mint};
use switchboard::domain::{AgentToken, Clock, Entropy, TenantId};
use switchboard::store::{Database, DatabaseConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

const SECRET: &str = "a development secret of forty characters";
const NOW: i64 = 1_800_000_000;
const TENANT: Uuid = Uuid::from_u128(0x1111_2222_3333_4444_5555_6666_7777_8888);

const INVALID: AuthError = AuthError::Unauthenticated("the token is not valid");
const EXPIRED: AuthError = AuthError::Unauthenticated("the token has expired");
const MISSING: AuthError = AuthError::Unauthenticated("no token was presented");

/// An authenticator over a database of its own, with a clock moved by hand.
struct World {
    authenticator: Authenticator,
    config: AuthConfig,
    seconds: Arc<AtomicI64>,
    database: Database,
    _folder: TempDir,
}

fn config() -> AuthConfig {
    AuthConfig {
        hs256_secret: Some(SECRET.into()),
        jwks_url: None,
        issuer: None,
        audience: None,
        tenant_claim: "/sub".to_owned(),
        allow_anonymous: false,
    }
}

impl World {
    async fn start(config: AuthConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicI64::new(NOW));
        let told = seconds.clone();
        let clock = Clock::from_fn(move || DateTime::from_timestamp(told.load(Ordering::SeqCst), 0).unwrap());
        let settings = DatabaseConfig {
            url: format!("sqlite://{}", folder.path().join("auth.db").display()).into(),
            listen_url: None,
            max_connections: 4,
            acquire_timeout: Duration::from_secs(3),
        };
        let database = Database::connect(&settings, clock.clone()).await.unwrap();
        database.migrate().await.unwrap();
        let authenticator = Authenticator::new(config.clone(), database.system(), clock).unwrap();
        Self { authenticator, config, seconds, database, _folder: folder }
    }

    fn wait(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn bearer(&self, token: &str) -> Result<Principal, AuthError> {
        self.present(Credentials { bearer: Some(token.into()), ..Credentials::default() }).await
    }

    async fn present(&self, credentials: Credentials) -> Result<Principal, AuthError> {
        self.authenticator.authenticate(&credentials).await.map(|proven| proven.principal)
    }
}

fn signed(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(message.as_bytes())))
}

fn hmac_with(key: &[u8], algorithm: hmac::Algorithm) -> impl FnOnce(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, key);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

fn hs256(claims: &Value) -> String {
    signed(&json!({"alg": "HS256", "typ": "JWT"}), claims, hmac_with(SECRET.as_bytes(), hmac::HMAC_SHA256))
}

fn claims() -> Value {
    json!({"sub": TENANT, "exp": NOW + 600})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).unwrap()
}

fn rs256(key: &RsaKeyPair, kid: &str, claims: &Value) -> String {
    signed(&json!({"alg": "RS256", "kid": kid}), claims, rsa_with(key))
}

fn rsa_with(key: &RsaKeyPair) -> impl FnOnce(&[u8]) -> Vec<u8> {
    |message| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

fn es256(key: &EcdsaKeyPair, kid: &str, claims: &Value) -> String {
    signed(&json!({"alg": "ES256", "kid": kid}), claims, |message| {
        key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    })
}

fn rsa_jwk(key: &RsaKeyPair, kid: &str) -> Value {
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
    let (n, e) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
    json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e})
}

fn ec_jwk(key: &EcdsaKeyPair, kid: &str) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    json!({"kty": "EC", "kid": kid, "crv": "P-256", "x": x, "y": y})
}

/// A server that publishes what the test puts there, and counts.
#[derive(Clone)]
struct KeyServer {
    url: url::Url,
    body: Arc<Mutex<String>>,
    status: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap()).parse().unwrap();
        let server =
            Self { url, body: Arc::default(), status: Arc::new(AtomicU16::new(200)), asked: Arc::default() };
        server.publish(&keys);
        let router = axum::Router::new().route("/keys", get(published)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    fn publish(&self, keys: &[Value]) {
        *self.body.lock().unwrap() = json!({ "keys": keys }).to_string();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn published(State(server): State<KeyServer>) -> (StatusCode, String) {
    server.asked.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let status = StatusCode::from_u16(server.status.load(Ordering::SeqCst)).unwrap();
    (status, server.body.lock().unwrap().clone())
}

#[tokio::test]
async fn a_token_cannot_choose_how_it_is_checked() {
    let (published_rsa, foreign_rsa) = (rsa(), rsa());
    let published_ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let oct = json!({"kty": "oct", "kid": "oct", "k": URL_SAFE_NO_PAD.encode("published secret")});
    let encryption = rsa_jwk(&foreign_rsa, "encryption").as_object().cloned().map(|mut key| {
        key.insert("use".to_owned(), json!("enc"));
        Value::Object(key)
    });
    let server = KeyServer::start(vec![
        json!({"kty": "who knows"}),
        rsa_jwk(&published_rsa, "rsa"),
        ec_jwk(&published_ec, "ec"),
        oct,
        encryption.unwrap(),
    ])
    .await;
    let world = World::start(AuthConfig { jwks_url: Some(server.url.clone()), ..config() }).await;
    let tenant = Ok(Principal::Tenant(TenantId(TENANT)));
    assert_eq!(world.bearer(&hs256(&claims())).await, tenant);
    assert_eq!(world.bearer(&rs256(&published_rsa, "rsa", &claims())).await, tenant);
    assert_eq!(world.bearer(&es256(&published_ec, "ec", &claims())).await, tenant);

    let public: PublicKeyX509Der<'_> = published_rsa.public_key().as_der().unwrap();
    let der = public.as_ref().to_vec();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(&der)
    );
    let modulus = RsaPublicKeyComponents::<Vec<u8>>::from(published_rsa.public_key()).n;
    let mut refused = vec![
        (
            "another secret",
            signed(&json!({"alg": "HS256"}), &claims(), hmac_with(&[7; 40], hmac::HMAC_SHA256)),
        ),
        (
            "HS512",
            signed(&json!({"alg": "HS512"}), &claims(), hmac_with(SECRET.as_bytes(), hmac::HMAC_SHA512)),
        ),
        ("unpublished key", rs256(&foreign_rsa, "rsa", &claims())),
        ("key for encryption", rs256(&foreign_rsa, "encryption", &claims())),
        ("RS256 with an EC key's id", rs256(&published_rsa, "ec", &claims())),
        ("ES256 with an RSA key's id", es256(&published_ec, "rsa", &claims())),
        (
            "its own key inside",
            signed(
                &json!({"alg": "RS256", "kid": "rsa", "jwk": rsa_jwk(&foreign_rsa, "rsa"), "jku": server.url.as_str()}),
                &claims(),
                rsa_with(&foreign_rsa),
            ),
        ),
        (
            "an extension it calls critical",
            signed(
                &json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
                &claims(),
                hmac_with(SECRET.as_bytes(), hmac::HMAC_SHA256),
            ),
        ),
        ("too long", hs256(&with("padding", json!("x".repeat(8192))))),
        ("a key id too long", rs256(&published_rsa, &"k".repeat(257), &claims())),
        ("empty", String::new()),
        ("not a token", "a.b.c".to_owned()),
        ("an agent's token", AgentToken::generate(&Entropy::system()).expose().to_owned()),
    ];
    for none in ["none", "None", "NONE", "nOnE"] {
        refused.push(("no algorithm", signed(&json!({"alg": none}), &claims(), |_| Vec::new())));
        let stripped = hs256(&claims());
        let stripped = stripped.rsplit_once('.').unwrap().0.to_owned();
        refused.push(("no signature", format!("{stripped}.")));
        refused.push(("no third part", stripped));
    }
    for (name, key) in
        [("DER", der), ("PEM", pem.into_bytes()), ("modulus", modulus), ("oct", b"published secret".to_vec())]
    {
        for kid in ["rsa", "oct"] {
            let header = json!({"alg": "HS256", "kid": kid});
            refused.push((name, signed(&header, &claims(), hmac_with(&key, hmac::HMAC_SHA256))));
        }
    }
    for (name, token) in refused {
        assert_eq!(world.bearer(&token).await, Err(INVALID), "{name}: {token}");
    }
}

#[tokio::test]
async fn a_token_holds_from_its_beginning_to_its_end() {
    let world = World::start(config()).await;
    let times = [
        (json!({"exp": NOW + 1}), Ok(())),
        (json!({"exp": NOW as f64 + 1.5}), Ok(())),
        (json!({"exp": NOW - 29}), Ok(())),
        (json!({"exp": NOW - 30}), Err(EXPIRED)),
        (json!({"exp": 0}), Err(EXPIRED)),
        (json!({"exp": null}), Err(INVALID)),
        (json!({"exp": (NOW + 600).to_string()}), Err(INVALID)),
        (json!({"exp": -1}), Err(INVALID)),
        (json!({"exp": 1e300}), Err(INVALID)),
        (json!({"exp": u64::MAX}), Err(INVALID)),
        (json!({"nbf": NOW}), Ok(())),
        (json!({"nbf": NOW + 30}), Ok(())),
        (json!({"nbf": NOW + 31}), Err(INVALID)),
        (json!({"nbf": "soon"}), Err(INVALID)),
        (json!({"exp": NOW - 31, "nbf": NOW + 31}), Err(EXPIRED)),
    ];
    for (changes, expected) in times {
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        assert_eq!(world.bearer(&hs256(&claims)).await.map(|_| ()), expected, "{changes}");
    }
    assert_eq!(world.bearer(&hs256(&json!({"sub": TENANT}))).await, Err(INVALID));

    let credentials = Credentials { bearer: Some(hs256(&claims()).into()), ..Credentials::default() };
    let proven = world.authenticator.authenticate(&credentials).await.unwrap();
    assert_eq!(proven.expires_at.map(|at| at.timestamp()), Some(NOW + 600));
    world.wait(630);
    assert_eq!(world.present(credentials).await, Err(EXPIRED));
}

#[tokio::test]
async fn issuer_and_audience_are_checked_when_configured() {
    let strict = AuthConfig {
        issuer: Some("https://id.example".into()),
        audience: Some("switchboard".into()),
        ..config()
    };
    let world = World::start(strict).await;
    let cases = [
        (json!("https://id.example"), json!("switchboard"), Ok(())),
        (json!("https://id.example"), json!(["else", "switchboard"]), Ok(())),
        (json!("https://id.example/"), json!("switchboard"), Err(INVALID)),
        (json!(["https://id.example"]), json!("switchboard"), Err(INVALID)),
        (json!(null), json!("switchboard"), Err(INVALID)),
        (json!("https://id.example"), json!("Switchboard"), Err(INVALID)),
        (json!("https://id.example"), json!([]), Err(INVALID)),
        (json!("https://id.example"), json!(null), Err(INVALID)),
    ];
    for (issuer, audience, expected) in cases {
        let mut claims = with("iss", issuer);
        claims["aud"] = audience;
        assert_eq!(world.bearer(&hs256(&claims)).await.map(|_| ()), expected, "{claims}");
    }
    let lax = World::start(config()).await;
    assert!(lax.bearer(&hs256(&with("aud", json!("anything")))).await.is_ok());
}

#[tokio::test]
async fn who_a_token_speaks_for() {
    let practice = AuthConfig { tenant_claim: "/app_metadata/practice".to_owned(), ..config() };
    let world = World::start(practice).await;
    let person = Uuid::from_u128(7);
    let token = |practice: Value| {
        hs256(
            &json!({"sub": person, "exp": NOW + 60, "role": "authenticated", "app_metadata": {"practice": practice}}),
        )
    };
    assert_eq!(world.bearer(&token(json!(TENANT))).await, Ok(Principal::Tenant(TenantId(TENANT))));
    for nobody in
        [json!(null), json!("acme"), json!(Uuid::nil()), json!(7), json!([TENANT]), json!(TENANT.simple())]
    {
        assert_eq!(world.bearer(&token(nobody.clone())).await, Err(INVALID), "{nobody}");
    }
    assert_eq!(world.bearer(&hs256(&claims())).await, Err(INVALID), "no such claim");

    let other = Uuid::from_u128(9);
    let as_tenant = |token: String, tenant: &str| Credentials {
        bearer: Some(token.into()),
        tenant: Some(tenant.to_owned()),
        ..Credentials::default()
    };
    let ignored = world.present(as_tenant(token(json!(TENANT)), &other.to_string())).await;
    assert_eq!(ignored, Ok(Principal::Tenant(TenantId(TENANT))));

    for role in ["service_role", "operator"] {
        let operator = |subject: Value| hs256(&json!({"sub": subject, "exp": NOW + 60, "role": role}));
        let alone = Principal::Operator { subject: person, acting_for: None };
        assert_eq!(world.bearer(&operator(json!(person))).await, Ok(alone));
        let acting = Principal::Operator { subject: person, acting_for: Some(TenantId(other)) };
        let credentials = as_tenant(operator(json!(person)), &other.to_string());
        assert_eq!(world.present(credentials).await, Ok(acting));
        let nobody = Principal::Operator { subject: Uuid::nil(), acting_for: None };
        assert_eq!(world.bearer(&operator(json!(null))).await, Ok(nobody));
        assert_eq!(world.bearer(&operator(json!("root"))).await, Err(INVALID));
        let wrong = world.present(as_tenant(operator(json!(person)), "acme")).await;
        assert!(matches!(wrong, Err(AuthError::Unauthenticated(reason)) if reason.contains("X-Tenant-Id")));
    }
    for role in [json!("Operator"), json!(["operator"]), json!("anon")] {
        let token = hs256(&json!({"sub": person, "exp": NOW + 60, "role": role}));
        assert_eq!(world.bearer(&token).await, Err(INVALID), "{role}");
    }

    assert_eq!(world.present(Credentials::default()).await, Err(MISSING));
    for unknown in ["vami_agent_", "hello", AgentToken::generate(&Entropy::system()).expose()] {
        let credentials = Credentials { agent_token: Some(unknown.into()), ..Credentials::default() };
        assert_eq!(world.present(credentials).await, Err(INVALID), "{unknown}");
    }
    let plain = World::start(config()).await;
    for nobody in [json!(null), json!(""), json!("acme"), json!(Uuid::nil()), json!(7), json!({"id": TENANT})]
    {
        assert_eq!(plain.bearer(&hs256(&with("sub", nobody.clone()))).await, Err(INVALID), "{nobody}");
    }
    assert_eq!(plain.bearer(&hs256(&json!({"exp": NOW + 600}))).await, Err(INVALID), "no subject");
    // Somebody who has not signed up, unless that is wanted.
    let lenient = World::start(AuthConfig { allow_anonymous: true, ..config() }).await;
    for (claim, is_let_in) in
        [(json!(false), true), (json!(true), false), (json!("true"), false), (json!(1), false)]
    {
        let token = hs256(&with("is_anonymous", claim.clone()));
        let answer = plain.bearer(&token).await;
        assert_eq!(answer.is_ok(), is_let_in, "{claim}: {answer:?}");
        assert!(is_let_in || answer.unwrap_err().to_string().contains("sign up"), "{claim}");
        assert!(lenient.bearer(&token).await.is_ok(), "{claim}");
    }
    // Written down at first sight: a tenant's door has a tenant behind it.
    assert_eq!(
        world.database.read_as(TenantId(TENANT)).await.unwrap().tenant().await.unwrap().id,
        TenantId(TENANT)
    );
}

#[tokio::test]
async fn what_is_minted_is_accepted() {
    let strict = AuthConfig {
        issuer: Some("https://id.example".into()),
        audience: Some("switchboard".into()),
        tenant_claim: "/app_metadata/practice~1id".to_owned(),
        ..config()
    };
    let world = World::start(strict).await;
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    let token = |operator| mint(&world.config, TENANT, operator, Duration::from_secs(60), now).unwrap();
    assert_eq!(world.bearer(token(false).expose_secret()).await, Ok(Principal::Tenant(TenantId(TENANT))));
    let operator = Principal::Operator { subject: TENANT, acting_for: None };
    assert_eq!(world.bearer(token(true).expose_secret()).await, Ok(operator));
    world.wait(90);
    assert_eq!(world.bearer(token(false).expose_secret()).await, Err(EXPIRED));
    assert!(
        mint(&AuthConfig { hs256_secret: None, ..config() }, TENANT, false, Duration::from_secs(60), now)
            .is_err()
    );
}

#[tokio::test]
async fn a_configuration_that_could_check_nothing_is_refused() {
    let world = World::start(config()).await;
    for wrong in [
        AuthConfig { hs256_secret: None, ..config() },
        AuthConfig { hs256_secret: Some("short".into()), ..config() },
        AuthConfig { tenant_claim: "sub".to_owned(), ..config() },
    ] {
        assert!(Authenticator::new(wrong, world.database.system(), Clock::system()).is_err());
    }
}
