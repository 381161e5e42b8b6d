//! Tokens against the authenticator: signed here by hand, keys published by a server of the test's own.

mod keys;

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use switchboard::auth::{AuthConfig, AuthError, Authenticator, Credentials, Principal, mint};
use switchboard::domain::{AgentToken, Clock, Entropy, TenantId};
use uuid::Uuid;

use crate::support::auth::{
    EXPIRED, INVALID, KeyServer, MISSING, NOW, SECRET, TENANT, World, claims, config, ec_jwk, es256,
    hmac_with, hs256, rs256, rsa, rsa_jwk, rsa_with, signed, with,
};

#[tokio::test]
async fn a_token_cannot_choose_how_it_is_verified() {
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
async fn a_token_is_valid_from_nbf_to_exp() {
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
async fn minted_tokens_are_accepted() {
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
async fn an_unusable_token_configuration_is_rejected() {
    let world = World::start(config()).await;
    for wrong in [
        AuthConfig { hs256_secret: None, ..config() },
        AuthConfig { hs256_secret: Some("short".into()), ..config() },
        AuthConfig { tenant_claim: "sub".to_owned(), ..config() },
    ] {
        assert!(Authenticator::new(wrong, world.database.system(), Clock::system()).is_err());
    }
}
