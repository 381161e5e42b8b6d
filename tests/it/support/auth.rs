//! An authenticator over a database of its own, tokens signed by hand, and a server that publishes keys.

use std::sync::atomic::{AtomicI64, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use serde_json::{Value, json};
use switchboard::auth::{AuthConfig, AuthError, Authenticator, Credentials, Principal};
use switchboard::domain::Clock;
use switchboard::store::{Database, DatabaseConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

pub(crate) const SECRET: &str = "a development secret of forty characters";
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const TENANT: Uuid = Uuid::from_u128(0x1111_2222_3333_4444_5555_6666_7777_8888);

pub(crate) const INVALID: AuthError = AuthError::Unauthenticated("the token is not valid");
pub(crate) const EXPIRED: AuthError = AuthError::Unauthenticated("the token has expired");
pub(crate) const MISSING: AuthError = AuthError::Unauthenticated("no token was presented");

/// An authenticator over a database of its own, with a clock moved by hand.
pub(crate) struct World {
    pub(crate) authenticator: Authenticator,
    pub(crate) config: AuthConfig,
    pub(crate) seconds: Arc<AtomicI64>,
    pub(crate) database: Database,
    pub(crate) _folder: TempDir,
}

pub(crate) fn config() -> AuthConfig {
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
    pub(crate) async fn start(config: AuthConfig) -> Self {
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

    pub(crate) fn wait(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) async fn bearer(&self, token: &str) -> Result<Principal, AuthError> {
        self.present(Credentials { bearer: Some(token.into()), ..Credentials::default() }).await
    }

    pub(crate) async fn present(&self, credentials: Credentials) -> Result<Principal, AuthError> {
        self.authenticator.authenticate(&credentials).await.map(|proven| proven.principal)
    }
}

pub(crate) fn signed(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(message.as_bytes())))
}

pub(crate) fn hmac_with(key: &[u8], algorithm: hmac::Algorithm) -> impl FnOnce(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, key);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

pub(crate) fn hs256(claims: &Value) -> String {
    signed(&json!({"alg": "HS256", "typ": "JWT"}), claims, hmac_with(SECRET.as_bytes(), hmac::HMAC_SHA256))
}

pub(crate) fn claims() -> Value {
    json!({"sub": TENANT, "exp": NOW + 600})
}

pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

pub(crate) fn rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).unwrap()
}

pub(crate) fn rs256(key: &RsaKeyPair, kid: &str, claims: &Value) -> String {
    signed(&json!({"alg": "RS256", "kid": kid}), claims, rsa_with(key))
}

pub(crate) fn rsa_with(key: &RsaKeyPair) -> impl FnOnce(&[u8]) -> Vec<u8> {
    |message| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

pub(crate) fn es256(key: &EcdsaKeyPair, kid: &str, claims: &Value) -> String {
    signed(&json!({"alg": "ES256", "kid": kid}), claims, |message| {
        key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    })
}

pub(crate) fn rsa_jwk(key: &RsaKeyPair, kid: &str) -> Value {
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
    let (n, e) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
    json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e})
}

pub(crate) fn ec_jwk(key: &EcdsaKeyPair, kid: &str) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    json!({"kty": "EC", "kid": kid, "crv": "P-256", "x": x, "y": y})
}

/// A server that publishes what the test puts there, and counts.
#[derive(Clone)]
pub(crate) struct KeyServer {
    pub(crate) url: url::Url,
    pub(crate) body: Arc<Mutex<String>>,
    pub(crate) status: Arc<AtomicU16>,
    pub(crate) asked: Arc<AtomicUsize>,
}

impl KeyServer {
    pub(crate) async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap()).parse().unwrap();
        let server =
            Self { url, body: Arc::default(), status: Arc::new(AtomicU16::new(200)), asked: Arc::default() };
        server.publish(&keys);
        let router = axum::Router::new().route("/keys", get(published)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn publish(&self, keys: &[Value]) {
        *self.body.lock().unwrap() = json!({ "keys": keys }).to_string();
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

pub(crate) async fn published(State(server): State<KeyServer>) -> (StatusCode, String) {
    server.asked.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let status = StatusCode::from_u16(server.status.load(Ordering::SeqCst)).unwrap();
    (status, server.body.lock().unwrap().clone())
}
