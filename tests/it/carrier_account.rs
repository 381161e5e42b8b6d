//! Accounts at the carrier: a tenant's own, subaccounts, their tokens and signatures, and moves between them.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchboard::domain::Webhook;
use switchboard::sandbox::Credentials;
use uuid::Uuid;

use crate::support::api::{IMPORT, create, provision};
use crate::support::practice::{Practice, RELEASE};
use crate::support::program::{PUBLIC_URL, err, finish, out};
use crate::support::webhooks::{FORM, INCOMING, encoded, post, ringing, sid, signature, twiml};
use crate::support::{App, wait_until};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
const OWN_TOKEN: &str = "11111111111111111111111111111111";
const NEW_TOKEN: &str = "22222222222222222222222222222222";
const MINUTE: Duration = Duration::from_secs(60);

const CONNECT: &str = "mutation($input: ConnectCarrierAccountInput!) { connectCarrierAccount(input: $input) {
    carrierAccount { id provider accountSid kind status apiKeySid detail } userErrors { code message field } } }";
const DISCONNECT: &str = "mutation($id: ID!) { disconnectCarrierAccount(input: {id: $id}) {
    carrierAccount { id } userErrors { message field } } }";
const ACCOUNTS: &str = "{ carrierAccounts { id accountSid kind status apiKeySid detail createdAt } }";
const MOVE: &str = "mutation($input: MovePhoneNumberInput!) { movePhoneNumber(input: $input) {
    phoneNumber { sid status carrierAccount { kind } } operation { kind state } userErrors { message field } } }";
const HOLDERS: &str = "{ phoneNumbers { nodes { number carrierAccount { kind accountSid } } } }";

/// An account of the tenant's own at the carrier; gives its SID.
async fn own_account(app: &App) -> String {
    let opened = app.open_account(json!({"friendly_name": "A practice", "auth_token": OWN_TOKEN})).await;
    opened["sid"].as_str().unwrap().to_owned()
}

async fn connect(app: &App, token: &str, account: &str, auth_token: &str) -> Value {
    connect_by(app, token, json!({"accountSid": account, "authToken": auth_token})).await
}

async fn connect_by(app: &App, token: &str, input: Value) -> Value {
    let answer = app.graphql(token, CONNECT, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["connectCarrierAccount"].clone()
}

/// An API key: its SID and its secret.
struct Key(String, String);

impl Key {
    /// A new key with which the account is connected.
    async fn connected(practice: &Practice, account: &str) -> Self {
        let key = Self::create(&practice.app, account, OWN_TOKEN).await;
        key.connect(practice, account, OWN_TOKEN).await;
        key
    }

    async fn create(app: &App, account: &str, auth_token: &str) -> Self {
        let url = format!("{}/2010-04-01/Accounts/{account}/Keys.json", app.sandbox_url());
        let request =
            app.http().post(url).basic_auth(account, Some(auth_token)).form(&[("FriendlyName", "x")]);
        let key: Value = request.send().await.unwrap().json().await.unwrap();
        Self(key["sid"].as_str().unwrap().to_owned(), key["secret"].as_str().unwrap().to_owned())
    }

    async fn delete(&self, app: &App, account: &str, auth_token: &str) {
        let url = format!("{}/2010-04-01/Accounts/{account}/Keys/{}.json", app.sandbox_url(), self.0);
        let deleted = app.http().delete(url).basic_auth(account, Some(auth_token)).send().await.unwrap();
        assert!(deleted.status().is_success(), "{deleted:?}");
    }

    /// Connects the account with the key.
    async fn connect(&self, practice: &Practice, account: &str, auth_token: &str) {
        let input = json!({"accountSid": account, "authToken": auth_token, "apiKeySid": self.0, "apiKeySecret": self.1});
        let connected = connect_by(&practice.app, &practice.token, input).await;
        assert_eq!(connected["userErrors"], json!([]), "{connected}");
        assert_eq!(connected["carrierAccount"]["apiKeySid"], json!(self.0), "{connected}");
        assert!(!connected.to_string().contains(&self.1), "{connected}");
    }
}

/// A call announced in the name of an account, signed with a token.
async fn announced(app: &App, number: &str, call: &str, account: &str, token: &str) -> reqwest::Response {
    let mut form = ringing(number, call);
    for (name, value) in &mut form {
        if name == "AccountSid" {
            account.clone_into(value);
        }
    }
    let url = format!("{}{INCOMING}", app.base_url());
    post(&url, FORM, Some(&signature(token, &url, &form)), encoded(&form)).await
}

impl Practice {
    /// A practice whose own account holds its number.
    async fn with_own_account(variables: &[(&'static str, &str)]) -> (Self, String) {
        let mut all = vec![("ENCRYPTION_KEY", KEY)];
        all.extend_from_slice(variables);
        let mut practice = Self::open_with(&all, json!({"provisionPhone": true})).await;
        let account = own_account(&practice.app).await;
        let connected = connect(&practice.app, &practice.token, &account, OWN_TOKEN).await;
        assert_eq!(connected["userErrors"], json!([]), "{connected}");
        let bought = practice.buys().await;
        assert_eq!(bought["userErrors"], json!([]), "{bought}");
        practice.made["phoneNumber"] = bought["phoneNumber"].clone();
        practice.number = bought["phoneNumber"]["number"].as_str().unwrap().to_owned();
        (practice, account)
    }

    /// Buys another number; gives the mutation's payload.
    async fn buys(&self) -> Value {
        let input = json!({"agentId": self.made["agent"]["id"], "areaCode": "646", "additional": true});
        provision(&self.app, &self.token, input).await
    }

    async fn account(&self, kind: &str) -> Value {
        let accounts = self.ask(ACCOUNTS, json!({})).await;
        let accounts = accounts.as_array().unwrap();
        accounts.iter().find(|account| account["kind"] == kind).cloned().unwrap_or_default()
    }

    async fn moves(&self, to: &Value) -> Value {
        let input = json!({"id": self.made["phoneNumber"]["id"], "carrierAccountId": to});
        self.ask(MOVE, json!({ "input": input })).await
    }

    /// Receives a text with a file that is not taken, and so stays at the carrier. Gives the text's id there.
    async fn receives_file(&self) -> String {
        let media = json!([{"content_type": "text/html", "base64": "PHA+"}]);
        let text = json!({"to": self.number, "from": "+13125550177", "body": "See this.", "media": media});
        let sid = self.app.place_text(text).await["message_sid"].as_str().unwrap().to_owned();
        wait_until("the file is refused", MINUTE, async || {
            let refused = "SELECT count(*) FROM message_media WHERE state = 'refused'";
            (self.app.count(refused).await == 1).then_some(())
        })
        .await;
        sid
    }

    async fn has_no_files(&self) {
        wait_until("the file's row is gone", MINUTE, async || {
            (self.app.count("SELECT count(*) FROM message_media").await == 0).then_some(())
        })
        .await;
    }

    /// Lets so much time pass, starts the server again, and waits until nothing is left to be deleted at the carrier.
    async fn redacts_after(&mut self, time: Duration) {
        self.app.advance(time);
        self.app.advance_providers(time).await;
        self.app.restart().await;
        wait_until("no redaction is left", MINUTE, async || {
            let left = "SELECT count(*) FROM messages WHERE redaction_due_at IS NOT NULL";
            (self.app.count(left).await == 0).then_some(())
        })
        .await;
    }

    /// The agent that the caller of a call spoke with.
    async fn is_answered(&self) -> Value {
        let call = self.call(json!({})).await;
        assert_eq!(call["status"], "completed", "{call}");
        call
    }
}

/// What a subaccount has at the carrier.
async fn in_subaccount(app: &App, account: &str, path: &str) -> Value {
    let Credentials { account_sid, auth_token, .. } = Credentials::development();
    let url = format!("{}/2010-04-01/Accounts/{account}/{path}.json", app.sandbox_url());
    let answer = app.http().get(url).basic_auth(account_sid, Some(auth_token)).send().await.unwrap();
    answer.json().await.unwrap()
}

/// The account that holds a number at the carrier.
async fn holder(app: &App, number: &str) -> String {
    let state = app.sandbox_state().await;
    let mut numbers = state["numbers"].as_array().unwrap().iter();
    let held = numbers.find(|held| held["phone_number"] == number).unwrap_or_else(|| panic!("{state}"));
    held["account"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_tenant_connects_its_own_account_and_its_numbers_live_there() {
    let (practice, account) = Practice::with_own_account(&[]).await;
    let app = &practice.app;
    assert_eq!(holder(app, &practice.number).await, account);
    let holders = practice.ask(HOLDERS, json!({})).await;
    let kinds: Vec<&Value> =
        holders["nodes"].as_array().unwrap().iter().map(|number| &number["carrierAccount"]["kind"]).collect();
    assert_eq!(kinds, ["OWN", "SHARED"], "{holders}");

    // Its webhooks are signed with its own token.
    let call = practice.is_answered().await;
    assert_eq!(call["agent"]["name"], "Dr. Smith's Office Assistant", "{call}");
    let platform = Credentials::development();
    for (number, name, token, why) in [
        (
            &practice.number,
            &platform.account_sid,
            platform.auth_token.as_str(),
            "the operator's account and token",
        ),
        (&practice.number, &account, platform.auth_token.as_str(), "the operator's token"),
        (&practice.number, &platform.account_sid, OWN_TOKEN, "the operator's account"),
        (&practice.number, &"AC0000000000000000000000000000dead".to_owned(), OWN_TOKEN, "an unknown account"),
        (
            &practice.made["agent"]["phoneNumber"]["number"].as_str().unwrap().to_owned(),
            &account,
            OWN_TOKEN,
            "a number of the platform's account",
        ),
    ] {
        assert_eq!(announced(app, number, &sid(9), name, token).await.status(), 403, "{why}");
    }
    assert_eq!(announced(app, &practice.number, &sid(9), &account, OWN_TOKEN).await.status(), 200);
    // Nor does its signature reach another number's call, by its id.
    let of_platform = practice.made["agent"]["phoneNumber"]["number"].as_str().unwrap().to_owned();
    let stranger = announced(app, &of_platform, &sid(8), &platform.account_sid, &platform.auth_token).await;
    assert_eq!(stranger.status(), 200);

    let account_id = practice.account("OWN").await["id"].clone();
    let refused = practice.ask(DISCONNECT, json!({ "id": account_id })).await;
    assert!(
        refused["userErrors"][0]["message"].as_str().unwrap().starts_with("1 of your numbers"),
        "{refused}"
    );
    practice.ask(RELEASE, json!({"id": practice.made["phoneNumber"]["id"]})).await;
    let gone = practice.ask(DISCONNECT, json!({ "id": account_id })).await;
    assert_eq!(gone["userErrors"], json!([]), "{gone}");
    assert_eq!(practice.account("OWN").await, Value::Null);
    assert_eq!(announced(app, &practice.number, &sid(7), &account, OWN_TOKEN).await.status(), 403);
    assert_eq!(app.count("SELECT count(*) FROM carrier_accounts WHERE token IS NOT NULL").await, 0);
    let trail = "{ auditEvents { nodes { action subject } } }";
    let trail = practice.ask(trail, json!({})).await["nodes"].to_string();
    assert!(trail.contains("connectCarrierAccount") && trail.contains("disconnectCarrierAccount"), "{trail}");
    // Again, under another id.
    let again = connect(app, &practice.token, &account, OWN_TOKEN).await;
    assert_ne!(again["carrierAccount"]["id"], account_id, "{again}");
}

#[tokio::test]
async fn credentials_that_do_not_hold_are_refused_and_nothing_is_told_of_others() {
    let (practice, account) = Practice::with_own_account(&[]).await;
    let app = &practice.app;
    let stranger = app.token(Uuid::from_u128(2));
    create(app, &stranger, json!({"name": "Elsewhere", "provisionPhone": false})).await;
    let refused = async |token: &str, account: &str, auth_token: &str| {
        let payload = connect(app, token, account, auth_token).await;
        assert_eq!(payload["carrierAccount"], Value::Null, "{payload}");
        let error = &payload["userErrors"][0];
        (error["field"][1].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
    };
    let closed = app.open_account(json!({"auth_token": NEW_TOKEN})).await["sid"].as_str().unwrap().to_owned();
    app.change_account(&closed, json!({"status": "closed"})).await;
    let (field, _) = refused(&stranger, &closed, NEW_TOKEN).await;
    assert_eq!(field, "accountSid");
    for (account, auth_token, at) in [
        (account.as_str(), "33333333333333333333333333333333", "authToken"),
        ("AC0000000000000000000000000000dead", OWN_TOKEN, "authToken"),
        ("AC1", OWN_TOKEN, "accountSid"),
        (account.as_str(), "", "authToken"),
        (account.as_str(), "with space", "authToken"),
    ] {
        let (field, why) = refused(&stranger, account, auth_token).await;
        assert_eq!(field, at, "{why}");
    }
    // With the right token, too, and in the same words as for the platform's account.
    let platform = Credentials::development();
    let (field, theirs) = refused(&stranger, &account, OWN_TOKEN).await;
    let (_, ours) = refused(&stranger, &platform.account_sid, &platform.auth_token).await;
    assert_eq!((field.as_str(), &theirs), ("accountSid", &ours));
    let trial = app.open_account(json!({"auth_token": NEW_TOKEN, "trial": true})).await;
    let trial = connect(app, &stranger, trial["sid"].as_str().unwrap(), NEW_TOKEN).await;
    assert!(trial["carrierAccount"]["detail"].as_str().unwrap().contains("trial"), "{trial}");

    // Another tenant sees none of it.
    let shown = app.graphql(&stranger, ACCOUNTS, json!({})).await;
    assert!(!shown.to_string().contains(&account), "{shown}");
    assert!(!shown.to_string().contains(&platform.account_sid), "{shown}");
    let mine = practice.account("OWN").await["id"].clone();
    let node = "query($id: ID!) { node(id: $id) { id ... on CarrierAccount { accountSid kind } } }";
    let theirs = app.graphql(&stranger, node, json!({ "id": mine })).await;
    assert_eq!(theirs["data"]["node"], Value::Null, "{theirs}");
    let own = practice.ask(node, json!({ "id": mine })).await;
    assert_eq!((&own["accountSid"], &own["kind"]), (&json!(account), &json!("OWN")), "{own}");
    let answer = app.graphql(&stranger, DISCONNECT, json!({ "id": mine })).await;
    assert_eq!(answer["data"]["disconnectCarrierAccount"]["userErrors"][0]["field"][1], "id", "{answer}");
    // The token is nowhere in the database as it is.
    let stored =
        "SELECT count(*) FROM carrier_accounts WHERE token LIKE '%11111111%' OR detail LIKE '%11111111%'";
    assert_eq!(app.count(stored).await, 0);
}

#[tokio::test]
async fn a_rotated_token_is_accepted_beside_the_one_before() {
    let (practice, account) = Practice::with_own_account(&[]).await;
    let app = &practice.app;
    app.change_account(&account, json!({"auth_token": NEW_TOKEN})).await;
    let rotated = connect(app, &practice.token, &account, NEW_TOKEN).await;
    assert_eq!(rotated["carrierAccount"]["status"], "ACTIVE", "{rotated}");
    assert_eq!(practice.is_answered().await["agent"]["name"], "Dr. Smith's Office Assistant");
    // The carrier signs with the former one for a while.
    assert_eq!(announced(app, &practice.number, &sid(1), &account, OWN_TOKEN).await.status(), 200);
    app.advance(Duration::from_secs(25 * 3600));
    assert_eq!(announced(app, &practice.number, &sid(2), &account, OWN_TOKEN).await.status(), 403);
}

#[tokio::test]
async fn revoked_credentials_leave_no_caller_without_an_answer() {
    let (mut practice, account) = Practice::with_own_account(&[]).await;
    let before = practice.calls().await.len();
    practice.app.change_account(&account, json!({"auth_token": NEW_TOKEN})).await;
    let call = practice.call(json!({})).await;
    assert_eq!((call["status"].as_str(), &call["agent"]), (Some("completed"), &Value::Null), "{call}");
    assert!(!call["heard"].as_array().unwrap().is_empty(), "{call}");
    let rejected = wait_until("the account is rejected", MINUTE, async || {
        let account = practice.account("OWN").await;
        (account["status"] == "REJECTED").then_some(account)
    })
    .await;
    assert!(rejected["detail"].as_str().unwrap().contains("connect the account again"), "{rejected}");
    assert_eq!(practice.calls().await.len(), before, "nothing that cannot be verified is stored");
    // Anybody could send it: the answer tells nothing of the tenant.
    let (verbs, text) =
        twiml(announced(&practice.app, &practice.number, &sid(3), &account, "forged").await).await;
    assert_eq!(verbs, ["Say"], "{text}");
    for path in [Webhook::CallStatus.path(), Webhook::IncomingMessage.path()] {
        let form = ringing(&practice.number, &sid(3));
        let form: Vec<_> = form.into_iter().filter(|(name, _)| name != "AccountSid").collect();
        let form = [form, vec![("AccountSid".to_owned(), account.clone())]].concat();
        let url = format!("{}{path}", practice.app.base_url());
        let refused = post(&url, FORM, Some("forged"), encoded(&form)).await;
        assert_eq!(refused.status(), 403, "{path}");
    }
    // A server that starts meanwhile starts, and knows it.
    practice.app.restart().await;
    assert_eq!(practice.account("OWN").await["status"], "REJECTED");

    connect(&practice.app, &practice.token, &account, NEW_TOKEN).await;
    assert_eq!(practice.is_answered().await["agent"]["name"], "Dr. Smith's Office Assistant");
    assert_eq!(practice.account("OWN").await["status"], "ACTIVE");
    assert_eq!(announced(&practice.app, &practice.number, &sid(4), &account, "forged").await.status(), 403);
}

#[tokio::test]
async fn requests_are_made_with_the_api_key_and_webhooks_verified_with_the_token() {
    let (practice, account) = Practice::with_own_account(&[]).await;
    let app = &practice.app;
    app.set_phone_numbers(Uuid::from_u128(1), 10).await;
    let key = Key::connected(&practice, &account).await;
    // Rotated at the carrier and not told here: a request with the token would be refused.
    app.change_account(&account, json!({"auth_token": NEW_TOKEN})).await;
    let bought = practice.buys().await;
    assert_eq!(bought["userErrors"], json!([]), "{bought}");
    assert_eq!(holder(app, bought["phoneNumber"]["number"].as_str().unwrap()).await, account);
    assert_eq!(announced(app, &practice.number, &sid(1), &account, OWN_TOKEN).await.status(), 200);
    app.change_account(&account, json!({"auth_token": OWN_TOKEN})).await;
    assert_eq!(announced(app, &practice.number, &sid(2), &account, &key.1).await.status(), 403);
    assert_eq!(practice.is_answered().await["agent"]["name"], "Dr. Smith's Office Assistant");

    // The secret is encrypted, and neither shown nor logged.
    let shown = practice.ask(ACCOUNTS, json!({})).await.to_string();
    assert!(shown.contains(&key.0) && !shown.contains(&key.1), "{shown}");
    let sealed =
        "SELECT count(*) FROM carrier_accounts WHERE api_key_secret LIKE '1.%.%' AND api_key_sid LIKE 'SK%'";
    assert_eq!(app.count(sealed).await, 1);
    let mut command = app.program(&["import", "--from", "twilio", "--account", &account]);
    command.env("ENCRYPTION_KEY", KEY).env("RUST_LOG", "trace");
    let listed = finish(command).await;
    let said = format!("{}{}", out(&listed), err(&listed));
    assert!(listed.status.success() && said.contains(&practice.number), "{said}");
    assert!(said.contains("TRACE"), "nothing is traced: {said}");
    // As they are, and as a request's header has them.
    let [of_key, of_token] = [(&key.0, key.1.as_str()), (&account, OWN_TOKEN)]
        .map(|(user, password)| STANDARD.encode(format!("{user}:{password}")));
    for secret in [key.1.as_str(), OWN_TOKEN, &of_key, &of_token] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }

    // Connected without a key, requests are made with the token.
    let without = connect(app, &practice.token, &account, OWN_TOKEN).await;
    assert_eq!(without["carrierAccount"]["apiKeySid"], Value::Null, "{without}");
    assert_eq!(app.count("SELECT count(*) FROM carrier_accounts WHERE api_key_secret IS NOT NULL").await, 0);
    key.delete(app, &account, OWN_TOKEN).await;
    let bought = practice.buys().await;
    assert_eq!(bought["userErrors"], json!([]), "{bought}");
    assert_eq!(holder(app, bought["phoneNumber"]["number"].as_str().unwrap()).await, account);
}

#[tokio::test]
async fn a_key_that_is_deleted_rejects_the_account_and_calls_are_still_answered() {
    let (practice, account) = Practice::with_own_account(&[]).await;
    let app = &practice.app;
    let key = Key::connected(&practice, &account).await;
    key.delete(app, &account, OWN_TOKEN).await;
    let interval = Duration::from_secs(11 * 60);
    app.advance(interval);
    app.advance_providers(interval).await;
    let rejected = wait_until("the account is rejected", MINUTE, async || {
        let account = practice.account("OWN").await;
        (account["status"] == "REJECTED").then_some(account)
    })
    .await;
    assert!(rejected["detail"].as_str().unwrap().contains("rejects the API key"), "{rejected}");
    assert_eq!(practice.is_answered().await["agent"]["name"], "Dr. Smith's Office Assistant");
    assert_eq!(announced(app, &practice.number, &sid(1), &account, "forged").await.status(), 403);

    Key::connected(&practice, &account).await;
    let connected = practice.account("OWN").await;
    assert_eq!((&connected["status"], &connected["detail"]), (&json!("ACTIVE"), &Value::Null), "{connected}");
}

#[tokio::test]
async fn a_gateways_rejection_says_nothing_about_a_key() {
    let (practice, account) = Practice::with_own_account(&[]).await;
    let app = &practice.app;
    let key = Key::connected(&practice, &account).await;
    let path = format!("Accounts/{account}/IncomingPhoneNumbers");
    let by_key = json!({"provider": "twilio", "method": "GET", "path_contains": path});
    app.faults(json!({"match": by_key, "action": {"status": 403, "code": 403}})).await;
    let input =
        json!({"accountSid": account, "authToken": OWN_TOKEN, "apiKeySid": key.0, "apiKeySecret": key.1});
    let untold = connect_by(app, &practice.token, input).await;
    assert_eq!(untold["userErrors"][0]["code"], "CARRIER_UNAVAILABLE", "{untold}");
    let connected = practice.account("OWN").await;
    assert_eq!((&connected["status"], &connected["detail"]), (&json!("ACTIVE"), &Value::Null), "{connected}");
    // Nor does it keep a forgery from being recognized: the token was checked.
    assert_eq!(announced(app, &practice.number, &sid(1), &account, "forged").await.status(), 403);
}

#[tokio::test]
async fn half_a_key_and_the_key_of_another_account_are_refused() {
    let (practice, account) = Practice::with_own_account(&[]).await;
    let app = &practice.app;
    let Key(sid, secret) = Key::create(app, &account, OWN_TOKEN).await;
    let other = own_account(app).await;
    let foreign = Key::create(app, &other, OWN_TOKEN).await;
    let wrong = json!("33333333333333333333333333333333");
    for (api_key_sid, api_key_secret, at, why) in [
        (json!(sid), Value::Null, "apiKeySecret", "give both, or neither"),
        (Value::Null, json!(secret), "apiKeySid", "give both, or neither"),
        (json!("SK1"), json!(secret), "apiKeySid", "SK and 32 hexadecimal digits"),
        (json!(account), json!(secret), "apiKeySid", "SK and 32 hexadecimal digits"),
        (json!(sid), json!(""), "apiKeySecret", "visible ASCII characters"),
        (json!(sid), wrong, "apiKeySecret", "rejects this API key"),
        (json!(foreign.0), json!(foreign.1), "apiKeySid", "belongs to another account"),
    ] {
        let input = json!({
            "accountSid": account, "authToken": OWN_TOKEN, "apiKeySid": api_key_sid, "apiKeySecret": api_key_secret,
        });
        let refused = connect_by(app, &practice.token, input).await;
        let error = &refused["userErrors"][0];
        assert_eq!(error["field"][1], at, "{refused}");
        assert!(error["message"].as_str().unwrap().contains(why), "{refused}");
        assert!(!refused.to_string().contains(&secret), "{refused}");
    }
    // A right key does not make up for a wrong token.
    let input =
        json!({"accountSid": account, "authToken": NEW_TOKEN, "apiKeySid": sid, "apiKeySecret": secret});
    let refused = connect_by(app, &practice.token, input).await;
    assert_eq!(refused["userErrors"][0]["field"][1], "authToken", "{refused}");
    let unchanged = practice.account("OWN").await;
    assert_eq!((&unchanged["status"], &unchanged["apiKeySid"]), (&json!("ACTIVE"), &Value::Null));
}

#[tokio::test]
async fn every_server_learns_of_an_account_at_once() {
    let (mut practice, account) = Practice::with_own_account(&[]).await;
    let other = practice.app.add_server().await;
    practice.app.change_account(&account, json!({"auth_token": NEW_TOKEN})).await;
    let input = json!({"accountSid": account, "authToken": NEW_TOKEN});
    practice.app.ask(&other, &practice.token, CONNECT, json!({ "input": input })).await;
    wait_until("the first server knows the new token", Duration::from_secs(3), async || {
        let answer = announced(&practice.app, &practice.number, &sid(1), &account, NEW_TOKEN).await;
        (answer.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_starts_without_the_database_answers_calls_to_numbers_in_own_accounts() {
    let variables = [("ENCRYPTION_KEY", KEY), ("ANSWER_DEADLINE", "2s")];
    let (mut app, mut database) = App::start_severable(&variables).await;
    let (practice, neighbor) = (app.token(Uuid::from_u128(1)), app.token(Uuid::from_u128(2)));
    let [account, left] = [own_account(&app).await, own_account(&app).await];
    connect(&app, &practice, &account, OWN_TOKEN).await;
    let connected = connect(&app, &neighbor, &left, OWN_TOKEN).await;
    let made = create(&app, &practice, json!({"name": "Practice", "areaCode": "212"})).await;
    let number = made["phoneNumber"]["number"].as_str().unwrap();
    let [numbers, accounts] = ["numbers.cache", "accounts.cache"].map(|name| app.state_dir().join(name));
    let saved =
        |path: &Path, text: &str| std::fs::read_to_string(path).ok().filter(|saved| saved.contains(text));
    let on_disk = wait_until("both are on disk", Duration::from_secs(20), async || {
        saved(&numbers, number).and(saved(&accounts, &account)).filter(|text| text.contains(&left))
    })
    .await;
    assert!(!on_disk.contains(OWN_TOKEN), "{on_disk}");

    // What is on disk may be older than the database.
    let id = &connected["carrierAccount"]["id"];
    let answer = app.graphql(&neighbor, DISCONNECT, json!({ "id": id })).await;
    assert_eq!(answer["data"]["disconnectCarrierAccount"]["userErrors"], json!([]), "{answer}");
    wait_until("it is gone from the disk too", Duration::from_secs(20), async || {
        saved(&accounts, &account).filter(|text| !text.contains(&left))
    })
    .await;
    // Longer ago than a look for changes reaches back.
    app.advance(MINUTE);
    database.sever().await;
    app.kill().await;
    std::fs::write(&accounts, &on_disk).unwrap();
    app.restart().await;
    let answer = announced(&app, number, &sid(1), &account, OWN_TOKEN).await;
    assert_eq!(twiml(answer).await.0, ["Connect"]);
    let stranger = format!("AC{}", "0".repeat(32));
    let nobodys = "+13125550100";
    if database.is_whole() {
        for account in [&stranger, &left] {
            let answer = announced(&app, nobodys, &sid(2), account, OWN_TOKEN).await;
            assert_eq!(answer.status(), 200, "it may be one of ours");
        }
    } else {
        println!("left out on SQLite: a file that is taken away can still be read");
    }

    database.restore().await;
    for (call, account) in [(3, &left), (4, &stranger)] {
        wait_until("accounts that are not connected are rejected", Duration::from_secs(20), async || {
            let answer = announced(&app, nobodys, &sid(call), account, OWN_TOKEN).await;
            (answer.status() == 403).then_some(())
        })
        .await;
    }
    let answer = announced(&app, number, &sid(5), &account, OWN_TOKEN).await;
    assert_eq!(twiml(answer).await.0, ["Connect"]);

    if database.is_whole() {
        // Another database may give the account to another tenant.
        let other = on_disk.replacen("\"database\":\"", "\"database\":\"other", 1);
        database.sever().await;
        app.kill().await;
        std::fs::write(&accounts, other).unwrap();
        app.restart().await;
        let answer = announced(&app, number, &sid(6), &account, OWN_TOKEN).await;
        assert_ne!(twiml(answer).await.0, ["Connect"]);
    }
}

#[tokio::test]
async fn a_new_encryption_key_takes_over_from_the_one_before() {
    let (mut practice, account) = Practice::with_own_account(&[]).await;
    // Every command below fails if either the token or the secret of the key cannot be decrypted.
    Key::connected(&practice, &account).await;
    let serve = async |app: &App, key: Option<&str>| {
        let mut command = app.program(&["reconcile"]);
        if let Some(key) = key {
            command.env("ENCRYPTION_KEY", key);
        }
        let output = finish(command).await;
        (output.status.code(), format!("{}{}", out(&output), err(&output)))
    };
    // Without the key, and with another one, nothing starts, and the message says why.
    for key in [None, Some(OTHER_KEY)] {
        let (code, said) = serve(&practice.app, key).await;
        assert!(code != Some(0) && said.contains("ENCRYPTION_KEY"), "{key:?}: {said}");
    }
    practice.app.stop().await;
    let now = practice.app.clock().now();
    let database = practice.app.into_database();
    let keys = [("ENCRYPTION_KEY", OTHER_KEY), ("ENCRYPTION_KEY_PREVIOUS", KEY)];
    let mut app = App::start_at(database, now, &keys).await;
    wait_until("the token is encrypted with the new key", MINUTE, async || {
        let (_, said) = serve(&app, Some(OTHER_KEY)).await;
        (!said.contains("ENCRYPTION_KEY")).then_some(())
    })
    .await;
    let (_, said) = serve(&app, Some(KEY)).await;
    assert!(said.contains("ENCRYPTION_KEY"), "{said}");
    // Verified with the token that was encrypted again. This carrier is another one, which does not know the account.
    let number = &practice.number;
    let answered = announced(&app, number, &sid(1), &account, OWN_TOKEN).await;
    assert_eq!(answered.status(), 200);
    app.stop().await;
}

#[tokio::test]
async fn each_tenant_has_a_subaccount_of_its_own() {
    let variables = [("CARRIER_ACCOUNTS", "subaccount"), ("ENCRYPTION_KEY", KEY)];
    let practice = Practice::open_with(&variables, json!({"provisionPhone": true})).await;
    let app = &practice.app;
    let other = app.token(Uuid::from_u128(2));
    // Two first purchases of one tenant at the same time.
    let input = |name: &str| json!({"name": name, "areaCode": "646"});
    let (one, two) = tokio::join!(create(app, &other, input("One")), create(app, &other, input("Two")));
    for made in [&one, &two] {
        assert_eq!(made["userErrors"], json!([]), "{made}");
    }
    let state = app.sandbox_state().await;
    assert_eq!(state["accounts"].as_array().unwrap().len(), 3, "{}", state["accounts"]);
    let first = holder(app, &practice.number).await;
    let theirs = holder(app, one["phoneNumber"]["number"].as_str().unwrap()).await;
    assert_eq!(theirs, holder(app, two["phoneNumber"]["number"].as_str().unwrap()).await);
    let main = Credentials::development().account_sid;
    assert!(first != theirs && first != main && theirs != main);
    let mine = practice.account("SUBACCOUNT").await;
    assert_eq!((&mine["accountSid"], &mine["status"]), (&json!(first), &json!("ACTIVE")), "{mine}");
    // Each has a bill of its own.
    let bills = &state["bills"];
    assert!(bills.to_string().contains(&first) && bills.to_string().contains(&theirs), "{state}");

    assert_eq!(practice.is_answered().await["agent"]["name"], "Dr. Smith's Office Assistant");
    let text = json!({"to": practice.number, "from": "+13125550177", "body": "Hello?"});
    let text = app.place_text(text).await;
    assert_eq!(text["answered_with"][0]["status"], 200, "{text}");
    // The other tenant's account does not sign for this tenant's number.
    let state = app.sandbox_state().await;
    let mut accounts = state["accounts"].as_array().unwrap().iter();
    let token = accounts.find(|account| account["sid"] == theirs.as_str()).unwrap()["auth_token"].clone();
    let forged = announced(app, &practice.number, &sid(1), &theirs, token.as_str().unwrap()).await;
    assert_eq!(forged.status(), 403);

    // Repaired and released where it is.
    let sid = practice.made["phoneNumber"]["sid"].as_str().unwrap();
    let repair = "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) { operation { state } userErrors { message } } }";
    let id = practice.made["phoneNumber"]["id"].clone();
    let repaired = practice.ask(repair, json!({ "id": id })).await;
    assert_eq!(repaired["operation"]["state"], "SUCCEEDED", "{repaired}");
    practice.ask(RELEASE, json!({ "id": id })).await;
    let state = app.sandbox_state().await;
    assert!(!state["numbers"].as_array().unwrap().iter().any(|number| number["sid"] == sid), "{state}");
}

#[tokio::test]
async fn a_number_moves_between_accounts_during_a_call_and_back() {
    let variables = [("CARRIER_ACCOUNTS", "subaccount"), ("ENCRYPTION_KEY", KEY)];
    let practice = Practice::open_with(&variables, json!({"provisionPhone": true})).await;
    let app = &practice.app;
    let (shared, own) =
        (practice.account("SHARED").await["id"].clone(), practice.account("SUBACCOUNT").await);
    let same = practice.moves(&own["id"]).await;
    assert_eq!(same["userErrors"][0]["field"][1], "carrierAccountId", "{same}");

    let held = practice.call(json!({"hold": true})).await;
    assert_eq!(held["status"], "in-progress", "{held}");
    // The answer to the move is lost.
    let one = json!({"provider": "twilio", "method": "POST", "path_contains": "IncomingPhoneNumbers/PN"});
    app.faults(json!({"match": one, "action": {"lose": "after"}, "times": 1})).await;
    let repair = "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) { operation { id } userErrors { message } } }";
    let repairing = async {
        app.all_faults_have_struck().await;
        practice.ask(repair, json!({"id": practice.made["phoneNumber"]["id"]})).await
    };
    let (moved, repaired) = tokio::join!(practice.moves(&shared), repairing);
    assert_eq!(moved["userErrors"], json!([]), "{moved}");
    wait_until("the number is moved", MINUTE, async || {
        let holders = practice.ask(HOLDERS, json!({})).await;
        (holders["nodes"][0]["carrierAccount"]["kind"] == "SHARED").then_some(())
    })
    .await;
    let main = Credentials::development().account_sid;
    assert_eq!(holder(app, &practice.number).await, main);
    // The repair did not look for the number in the account that it had left.
    let state = wait_until("the repair has ended", MINUTE, async || {
        let read = "query($id: ID!) { operation(id: $id) { state } }";
        let ended = practice.ask(read, json!({"id": repaired["operation"]["id"]})).await;
        ["SUCCEEDED", "FAILED"].contains(&ended["state"].as_str().unwrap()).then_some(ended)
    })
    .await;
    assert_eq!(state["state"], "SUCCEEDED", "{state}");
    // The call from before the move ends, with the status of the account that it came from.
    let call = held["call_sid"].as_str().unwrap();
    let hung_up = app.http().post(format!("{}/sandbox/calls/{call}/hangup", app.sandbox_url())).send().await;
    assert!(hung_up.unwrap().status().is_success());
    wait_until("the end of the call is on record", MINUTE, async || {
        (practice.calls().await[0]["status"] == "COMPLETED").then_some(())
    })
    .await;
    assert_eq!(practice.is_answered().await["agent"]["name"], "Dr. Smith's Office Assistant");
    // The former account signs no more.
    let state = app.sandbox_state().await;
    let mut accounts = state["accounts"].as_array().unwrap().iter();
    let former = accounts.find(|account| account["sid"] == own["accountSid"]).unwrap();
    let token = former["auth_token"].as_str().unwrap();
    let stale = announced(app, &practice.number, &sid(1), own["accountSid"].as_str().unwrap(), token).await;
    assert_eq!(stale.status(), 403);

    let back = practice.moves(&own["id"]).await;
    assert_eq!(back["operation"]["state"], "SUCCEEDED", "{back}");
    assert_eq!(back["phoneNumber"]["carrierAccount"]["kind"], "SUBACCOUNT", "{back}");
    assert_eq!(practice.is_answered().await["agent"]["name"], "Dr. Smith's Office Assistant");
    assert_eq!(app.sandbox_state().await["counters"]["moves"], 2);

    // What cannot be moved is refused in words, and stays.
    let unrelated = own_account(app).await;
    let unrelated = connect(app, &practice.token, &unrelated, OWN_TOKEN).await;
    let refused = practice.moves(&unrelated["carrierAccount"]["id"]).await;
    assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains("unrelated"), "{refused}");
    let stranger = practice.moves(&json!("carrieraccount_00000000000000000000000000000001")).await;
    assert_eq!(stranger["userErrors"][0]["field"][1], "carrierAccountId", "{stranger}");
}

#[tokio::test]
async fn texts_and_files_are_deleted_in_the_account_that_has_them() {
    let variables = [
        ("CARRIER_ACCOUNTS", "subaccount"),
        ("ENCRYPTION_KEY", KEY),
        ("DELETE_MEDIA_AT_CARRIER", "true"),
        ("REDACT_AT_CARRIER", "true"),
    ];
    let mut practice = Practice::open_with(&variables, json!({"provisionPhone": true})).await;
    let account = holder(&practice.app, &practice.number).await;
    let shared = practice.account("SHARED").await["id"].clone();
    let mut texts = Vec::new();
    for moves in [false, true] {
        let text = practice.receives_file().await;
        let files = format!("Messages/{text}/Media");
        let before = in_subaccount(&practice.app, &account, &files).await;
        assert_eq!(before["media_list"].as_array().unwrap().len(), 1, "{before}");
        if moves {
            let moved = practice.moves(&shared).await;
            assert_eq!(moved["userErrors"], json!([]), "{moved}");
            wait_until("the number is moved", MINUTE, async || {
                let holders = practice.ask(HOLDERS, json!({})).await;
                (holders["nodes"][0]["carrierAccount"]["kind"] == "SHARED").then_some(())
            })
            .await;
        }
        // As after retention: no message has this id.
        practice.app.execute("UPDATE message_media SET purge_at = created_at, message_id = id").await;
        practice.has_no_files().await;
        let after = in_subaccount(&practice.app, &account, &files).await;
        assert_eq!(after["media_list"], json!([]), "{after}");
        texts.push(text);
    }
    practice.redacts_after(Duration::from_secs(4 * 24 * 3600)).await;
    for text in texts {
        let text = in_subaccount(&practice.app, &account, &format!("Messages/{text}")).await;
        assert_eq!(text["body"], "", "{text}");
    }
}

#[tokio::test]
async fn deletion_in_a_disconnected_account_is_given_up() {
    let variables = [("DELETE_MEDIA_AT_CARRIER", "true"), ("REDACT_AT_CARRIER", "true")];
    let (mut practice, _) = Practice::with_own_account(&variables).await;
    practice.receives_file().await;
    let account = practice.account("OWN").await["id"].clone();
    practice.ask(RELEASE, json!({"id": practice.made["phoneNumber"]["id"]})).await;
    let gone = practice.ask(DISCONNECT, json!({ "id": account })).await;
    assert_eq!(gone["userErrors"], json!([]), "{gone}");
    // The next attempt is the last one.
    let purge = "UPDATE message_media SET purge_at = created_at, due_at = created_at, attempts = 19";
    practice.app.execute(purge).await;
    practice.has_no_files().await;
    practice.redacts_after(Duration::from_secs(8 * 24 * 3600)).await;
}

#[tokio::test]
async fn reconciliation_goes_past_an_account_that_is_not_listed() {
    let public = [("WEBHOOK_BASE_URL", PUBLIC_URL), ("RECONCILE_EVERY", "0s")];
    let (practice, account) = Practice::with_own_account(&public).await;
    let app = &practice.app;
    let second = app.open_account(json!({"auth_token": NEW_TOKEN})).await["sid"].as_str().unwrap().to_owned();
    let other = app.token(Uuid::from_u128(2));
    connect(app, &other, &second, NEW_TOKEN).await;
    let theirs = create(app, &other, json!({"name": "Elsewhere", "areaCode": "415"})).await;
    assert_eq!(holder(app, theirs["phoneNumber"]["number"].as_str().unwrap()).await, second);
    // Gone at the carrier: one of the platform's, and one of the second account; the first account cannot be listed.
    let of_platform = practice.made["agent"]["phoneNumber"]["number"].clone();
    let state = app.sandbox_state().await;
    for number in state["numbers"].as_array().unwrap() {
        if number["phone_number"] == of_platform || number["account"] == second.as_str() {
            let sid = number["sid"].as_str().unwrap();
            let gone = app.http().delete(format!("{}/sandbox/numbers/{sid}", app.sandbox_url())).send().await;
            assert!(gone.unwrap().status().is_success());
        }
    }
    app.change_account(&account, json!({"auth_token": "44444444444444444444444444444444"})).await;
    let report = wait_until("the purchases have settled", MINUTE, async || {
        let mut command = app.program(&["reconcile", "--json"]);
        command.env("ENCRYPTION_KEY", KEY);
        let output = finish(command).await;
        let report: Value =
            serde_json::from_str(&out(&output)).unwrap_or_else(|_| panic!("{}", err(&output)));
        (report["differences"].as_array().unwrap().len() >= 3).then_some(report)
    })
    .await;
    assert_eq!(report["incomplete"], Value::Null, "{report}");
    let about = |kind: &str| {
        let differences = report["differences"].as_array().unwrap().iter();
        differences.filter(|found| found["kind"] == kind).collect::<Vec<_>>()
    };
    assert_eq!(about("MISSING_NUMBER").len(), 2, "{report}");
    let unchecked = about("UNCHECKED_ACCOUNT");
    assert!(unchecked.len() == 1 && unchecked[0]["detail"].as_str().unwrap().contains(&account), "{report}");
}

#[tokio::test]
async fn a_number_is_imported_from_the_tenants_own_account() {
    let (practice, account) = Practice::with_own_account(&[]).await;
    let app = &practice.app;
    let number = "+12015550177";
    app.place_numbers(json!([{"phone_number": number, "account_sid": account}])).await;
    let import = async |token: &str, account: &Value| {
        let input = json!({"number": number, "carrierAccountId": account, "replaceSettings": true});
        app.graphql(token, IMPORT, json!({ "input": input })).await["data"]["importPhoneNumber"].clone()
    };
    let own = practice.account("OWN").await["id"].clone();
    let stranger = app.token(Uuid::from_u128(2));
    create(app, &stranger, json!({"name": "Elsewhere", "provisionPhone": false})).await;
    let refused = import(&stranger, &own).await;
    assert_eq!(refused["userErrors"][0]["field"][1], "carrierAccountId", "{refused}");
    let imported = import(&practice.token, &own).await;
    assert_eq!(imported["userErrors"], json!([]), "{imported}");
    let kind = "query($number: E164!) { phoneNumber(number: $number) { carrierAccount { kind } } }";
    let found = practice.ask(kind, json!({ "number": number })).await;
    assert_eq!(found["carrierAccount"]["kind"], "OWN", "{found}");
    let call = practice.call(json!({"to": number})).await;
    assert_eq!(call["status"], "completed", "{call}");
    assert_eq!(holder(app, number).await, account);
}

#[tokio::test]
async fn without_a_key_no_account_is_connected() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let account = own_account(&app).await;
    let refused = connect(&app, &token, &account, OWN_TOKEN).await;
    assert!(refused["userErrors"][0]["message"].as_str().unwrap().contains("ENCRYPTION_KEY"), "{refused}");
}
