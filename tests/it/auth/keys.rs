//! Published keys: of every kind, rotated, taken back, and not to be driven by strangers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use switchboard::auth::{AuthConfig, AuthError};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::auth::{
    INVALID, KeyServer, NOW, World, claims, config, hs256, rs256, rsa, rsa_jwk, rsa_with, signed, with,
};
use crate::support::wait_until;

#[tokio::test]
async fn keys_are_rotated_and_outlive_their_server() {
    let (first, second) = (rsa(), rsa());
    let server = KeyServer::start(vec![rsa_jwk(&first, "1")]).await;
    let keys_only = AuthConfig { hs256_secret: None, jwks_url: Some(server.url.clone()), ..config() };
    let world = World::start(keys_only).await;
    let long = with("exp", json!(NOW + 86_400));
    let (old, new) = (rs256(&first, "1", &long), rs256(&second, "2", &long));
    assert_eq!(world.bearer(&hs256(&long)).await, Err(INVALID), "no secret is configured");
    assert_eq!(server.asked(), 0, "nothing is fetched before a token asks for a key");

    // Many at once make one request.
    let many = (0..20).map(|_| world.bearer(&old));
    assert!(futures_util::future::join_all(many).await.iter().all(Result::is_ok));
    assert_eq!(server.asked(), 1);
    for _ in 0..20 {
        assert_eq!(world.bearer(&new).await, Err(INVALID));
    }
    assert_eq!(server.asked(), 5, "an unknown key is asked for a few times at once and no more");

    server.publish(&[rsa_jwk(&second, "2")]);
    assert_eq!(world.bearer(&new).await, Err(INVALID));
    world.wait(12);
    assert!(world.bearer(&new).await.is_ok());
    assert_eq!(world.bearer(&old).await, Err(INVALID), "a key that was taken back still serves");
    assert_eq!(server.asked(), 6);

    // The server fails in every way it can: known keys serve on, unknown ones cannot be judged.
    let ways =
        [(500, String::new()), (200, "<html>".to_owned()), (302, String::new()), (200, "x".repeat(300_000))];
    for (status, body) in ways {
        server.status.store(status, Ordering::SeqCst);
        *server.body.lock().unwrap() = body;
        world.wait(3600);
        let asked = server.asked();
        assert_eq!(world.bearer(&old).await, Err(AuthError::Unavailable), "{status}");
        assert_eq!(world.bearer(&old).await, Err(AuthError::Unavailable), "{status}");
        assert!(world.bearer(&new).await.is_ok(), "{status}");
        assert_eq!(server.asked(), asked + 1, "a server that fails is not hammered");
    }
    server.status.store(200, Ordering::SeqCst);
    server.publish(&[rsa_jwk(&first, "1"), rsa_jwk(&second, "2")]);
    world.wait(5);
    assert!(world.bearer(&old).await.is_ok(), "a server that is back is asked soon");
}

#[tokio::test]
async fn invented_key_ids_neither_cause_fetches_nor_delay_a_rotation() {
    let (first, second) = (rsa(), rsa());
    let server = KeyServer::start(vec![rsa_jwk(&first, "1")]).await;
    let world = World::start(AuthConfig { jwks_url: Some(server.url.clone()), ..config() }).await;
    let long = with("exp", json!(NOW + 86_400));
    let (old, new) = (rs256(&first, "1", &long), rs256(&second, "2", &long));
    let unnamed = signed(&json!({"alg": "RS256"}), &long, rsa_with(&second));
    let made_up: Vec<_> = (0..100).map(|at| rs256(&second, &format!("made up {at}"), &long)).collect();
    let flood = async || {
        let answers = futures_util::future::join_all(made_up.iter().map(|token| world.bearer(token))).await;
        assert!(answers.iter().all(|answer| *answer == Err(INVALID)), "{answers:?}");
    };
    flood().await;
    assert_eq!(server.asked(), 1, "many at once make one request");
    for _ in 0..10 {
        flood().await;
    }
    assert!(world.bearer(&old).await.is_ok());
    assert!(world.bearer(&unnamed).await.is_err(), "the only key is another");
    assert_eq!(server.asked(), 5);

    // Used as soon as it is published, in the middle of a flood: it serves within seconds.
    server.publish(&[rsa_jwk(&first, "1"), rsa_jwk(&second, "2")]);
    flood().await;
    assert_eq!(server.asked(), 5);
    world.wait(12);
    flood().await;
    assert!(world.bearer(&old).await.is_ok() && world.bearer(&new).await.is_ok());
    assert!(world.bearer(&unnamed).await.is_err(), "of two keys none is meant beyond doubt");
    assert_eq!(server.asked(), 6);

    // Taken back: known soon even when no token asks for a key we do not have.
    server.publish(&[rsa_jwk(&second, "2")]);
    world.wait(15 * 60);
    wait_until("the old key serves no more", Duration::from_secs(10), async || {
        (world.bearer(&old).await == Err(INVALID)).then_some(())
    })
    .await;
    assert!(world.bearer(&new).await.is_ok() && world.bearer(&unnamed).await.is_ok());
    let asked = server.asked();
    // A clock that is set back an hour does not stop the fetching.
    world.wait(-3600);
    server.publish(&[rsa_jwk(&first, "1")]);
    assert!(world.bearer(&rs256(&first, "1", &long)).await.is_ok());
    assert_eq!(server.asked(), asked + 1);
}

#[tokio::test]
async fn a_new_key_is_usable_although_an_unknown_one_was_requested() {
    let (first, second) = (rsa(), rsa());
    let server = KeyServer::start(vec![rsa_jwk(&first, "1")]).await;
    let world = World::start(AuthConfig { jwks_url: Some(server.url.clone()), ..config() }).await;
    assert_eq!(world.bearer(&rs256(&second, "made up", &claims())).await, Err(INVALID));
    server.publish(&[rsa_jwk(&first, "1"), rsa_jwk(&second, "2")]);
    assert!(world.bearer(&rs256(&second, "2", &claims())).await.is_ok());
}

#[tokio::test]
async fn every_type_of_published_key_verifies_its_own_algorithm_only() {
    let random = SystemRandom::new();
    let rsa = rsa();
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let (x, y) = p384.public_key().as_ref()[1..].split_at(48);
    let coded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let of = |alg: &str, kid: &str| {
        let mut key = rsa_jwk(&rsa, kid);
        key["alg"] = json!(alg);
        key
    };
    let usable = vec![
        json!({"kty": "EC", "crv": "P-384", "kid": "p384", "x": coded(x), "y": coded(y), "use": "sig"}),
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": coded(ed25519.public_key().as_ref()), "alg": "EdDSA"}),
        of("RS512", "rs512"),
        of("PS256", "ps256"),
    ];
    let unusable = [
        json!({"kty": "EC", "crv": "P-521", "kid": "p521", "x": "AA", "y": "AA", "alg": "ES512"}),
        json!({"kty": "oct", "kid": "secret", "k": "AA", "alg": "HS256"}),
        of("RSA-OAEP", "encrypts"),
        of("ES256", "confused"),
        json!({"kty": "RSA", "kid": "half", "n": "AA"}),
        json!({"kid": "typeless"}),
        json!("no object"),
    ];
    let server = KeyServer::start([usable, unusable.to_vec()].concat()).await;
    let world = World::start(AuthConfig { jwks_url: Some(server.url.clone()), ..config() }).await;
    let rsa_by = |how: &'static dyn RsaEncoding| {
        let rsa = &rsa;
        move |message: &[u8]| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(how, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        }
    };
    let header = |alg: &str, kid: &str| json!({"alg": alg, "kid": kid});
    let sign_p384 = |message: &[u8]| p384.sign(&random, message).unwrap().as_ref().to_vec();
    let sign_ed = |message: &[u8]| ed25519.sign(message).as_ref().to_vec();
    for token in [
        signed(&header("ES384", "p384"), &claims(), sign_p384),
        signed(&header("EdDSA", "ed"), &claims(), sign_ed),
        signed(&header("RS512", "rs512"), &claims(), rsa_by(&RSA_PKCS1_SHA512)),
        signed(&header("PS256", "ps256"), &claims(), rsa_by(&RSA_PSS_SHA256)),
    ] {
        assert!(world.bearer(&token).await.is_ok(), "{token}");
    }
    for token in [
        signed(&header("ES256", "p384"), &claims(), sign_p384),
        signed(&header("ES384", "ed"), &claims(), sign_ed),
        signed(&header("RS256", "rs512"), &claims(), rsa_by(&RSA_PKCS1_SHA256)),
        signed(&header("RS256", "encrypts"), &claims(), rsa_by(&RSA_PKCS1_SHA256)),
        signed(&header("RS512", "ps256"), &claims(), rsa_by(&RSA_PKCS1_SHA512)),
        signed(&header("HS384", "secret"), &claims(), |_| vec![0; 48]),
    ] {
        assert_eq!(world.bearer(&token).await, Err(INVALID), "{token}");
    }
}
