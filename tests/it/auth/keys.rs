//! Published keys: rotated, taken back, and not to be driven by strangers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use switchboard::auth::{AuthConfig, AuthError};

use super::{INVALID, KeyServer, NOW, World, config, hs256, rs256, rsa, rsa_jwk, rsa_with, signed, with};
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
    for _ in 0..5 {
        assert_eq!(world.bearer(&new).await, Err(INVALID));
    }
    assert_eq!(server.asked(), 1, "an unknown key was asked for again within a minute");

    server.publish(&[rsa_jwk(&second, "2")]);
    world.wait(60);
    assert!(world.bearer(&new).await.is_ok());
    assert_eq!(world.bearer(&old).await, Err(INVALID), "a key that was taken back still serves");
    assert_eq!(server.asked(), 2);

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
async fn strangers_key_ids_neither_drive_fetches_nor_hold_a_rotation_up() {
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
    assert!(world.bearer(&old).await.is_ok());
    assert!(world.bearer(&unnamed).await.is_err(), "the only key is another");
    assert_eq!(server.asked(), 1);

    // Published before it is used, as issuers do: known by then, whoever asks in between.
    server.publish(&[rsa_jwk(&first, "1"), rsa_jwk(&second, "2")]);
    flood().await;
    assert_eq!(server.asked(), 1);
    world.wait(60);
    flood().await;
    assert!(world.bearer(&old).await.is_ok() && world.bearer(&new).await.is_ok());
    assert!(world.bearer(&unnamed).await.is_err(), "of two keys none is meant beyond doubt");
    assert_eq!(server.asked(), 2);

    // Taken back: known soon even when no token asks for a key we do not have.
    server.publish(&[rsa_jwk(&second, "2")]);
    world.wait(15 * 60);
    wait_until("the old key serves no more", Duration::from_secs(10), async || {
        (world.bearer(&old).await == Err(INVALID)).then_some(())
    })
    .await;
    assert!(world.bearer(&new).await.is_ok() && world.bearer(&unnamed).await.is_ok());
    assert_eq!(server.asked(), 3);
}
