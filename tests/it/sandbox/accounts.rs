//! Accounts: subaccounts and what is theirs, their tokens and keys, and moves of numbers between them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::carrier::{Login, Receiver, advance, call, subaccount};
use crate::support::sandbox::{World, text};

fn sids(list: &Value, key: &str) -> Vec<String> {
    list[key].as_array().unwrap().iter().map(|record| text(record, "sid")).collect()
}

fn refusal(answer: &(u16, Value)) -> (u16, u64) {
    (answer.0, answer.1["code"].as_u64().unwrap_or_default())
}

#[tokio::test]
async fn what_belongs_to_a_subaccount_is_seen_there_only() {
    let world = World::start().await;
    let main = Login::main(&world);
    let account = subaccount(&world, "Practice Dr. Oak").await;
    let other = subaccount(&world, "Practice Dr. Elm").await;
    assert_eq!((&account["status"], &account["type"]), (&json!("active"), &json!("Full")));
    assert_eq!(account["owner_account_sid"], world.credentials.account_sid);
    let (_, all) = main.get(&world, "/2010-04-01/Accounts.json?PageSize=2").await;
    assert_eq!(sids(&all, "accounts"), [text(&other, "sid"), text(&account, "sid")]);
    let (_, rest) = main.get(&world, &text(&all, "next_page_uri")).await;
    assert_eq!(sids(&rest, "accounts"), std::slice::from_ref(&world.credentials.account_sid));
    let path = "/2010-04-01/Accounts.json?FriendlyName=Practice%20Dr.%20Oak&Status=active";
    assert_eq!(main.get(&world, path).await.1["accounts"], json!([account]));

    let sub = Login::of(&account);
    let number = sub.buy(&world, &[("AreaCode", "212"), ("FriendlyName", "front desk")]).await;
    let (sid, phone) = (text(&number, "sid"), text(&number, "phone_number"));
    assert_eq!(number["account_sid"], account["sid"]);
    assert!(text(&number, "uri").contains(&text(&account, "sid")));
    let theirs = format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers", sub.user);
    assert_eq!(main.get(&world, &format!("{theirs}/{sid}.json")).await.1, number, "a parent reads it");
    assert_eq!(
        sids(&main.get(&world, &format!("{theirs}.json")).await.1, "incoming_phone_numbers"),
        std::slice::from_ref(&sid)
    );
    for login in [&main, &Login::of(&other)] {
        let (_, list) = login.get(&world, "IncomingPhoneNumbers.json").await;
        assert_eq!(list["incoming_phone_numbers"], json!([]));
        let one = login.get(&world, &format!("IncomingPhoneNumbers/{sid}.json")).await;
        assert_eq!(refusal(&one), (404, 20404));
        let bought = login.post(&world, "IncomingPhoneNumbers.json", &[("PhoneNumber", &phone)]).await;
        assert_eq!(refusal(&bought), (400, 21422), "another account has it");
        let sent = [("From", phone.as_str()), ("To", "+13125550142"), ("Body", "Hi")];
        assert_eq!(refusal(&login.post(&world, "Messages.json", &sent).await), (400, 21660));
    }
    let foreign = Login::of(&other).get(&world, &format!("{theirs}.json")).await;
    assert_eq!(refusal(&foreign), (404, 20404));

    // Other hosts know an account by its credentials alone.
    let created = sub.post(&world, "/v1/Services", &[("FriendlyName", "texts")]).await;
    assert_eq!((created.0, &created.1["account_sid"]), (201, &account["sid"]));
    let service = format!("/v1/Services/{}", text(&created.1, "sid"));
    assert_eq!(main.get(&world, "/v1/Services").await.1["services"], json!([]));
    assert_eq!(refusal(&main.get(&world, &service).await), (404, 20404));
    let added = sub.post(&world, &format!("{service}/PhoneNumbers"), &[("PhoneNumberSid", &sid)]).await;
    assert_eq!(added.0, 201);

    let report = call(&world, &phone).await;
    assert_eq!(report["account_sid"], account["sid"]);
    assert_eq!(sids(&sub.get(&world, "Calls.json").await.1, "calls"), [text(&report, "call_sid")]);
    assert_eq!(main.get(&world, "Calls.json").await.1["calls"], json!([]));
    let (_, sent) =
        sub.post(&world, "Messages.json", &[("From", &phone), ("To", "+13125550142"), ("Body", "Hi")]).await;
    assert_eq!(sent["account_sid"], account["sid"]);
    assert_eq!(main.get(&world, "Messages.json").await.1["messages"], json!([]));
    assert_eq!(sids(&sub.get(&world, "Messages.json").await.1, "messages"), [text(&sent, "sid")]);

    let bills = &world.state().await["bills"];
    assert_eq!(bills[&main.user]["total"], "0");
    assert_eq!(bills[&sub.user]["numbers"][0]["amount"], "1.15");
    let (_, balance) = main.get(&world, "Balance.json").await;
    let balance: f64 = text(&balance, "balance").parse().unwrap();
    assert!(balance < 9999.0, "the parent pays for its subaccounts: {balance}");
    assert_eq!(refusal(&sub.get(&world, "Balance.json").await), (404, 20404));
}

#[tokio::test]
async fn webhooks_are_signed_with_the_primary_token_of_the_account_that_owns_the_number() {
    let world = World::start().await;
    let (receiver, main) = (Receiver::start().await, Login::main(&world));
    let account = subaccount(&world, "Practice").await;
    let sub = Login::of(&account);
    let (voice, sms) = (receiver.url("/voice"), receiver.url("/sms"));
    let number = sub.buy(&world, &[("AreaCode", "415"), ("VoiceUrl", &voice), ("SmsUrl", &sms)]).await;
    let phone = text(&number, "phone_number");

    call(&world, &phone).await;
    let hook = receiver.one();
    assert_eq!(hook.field("AccountSid"), sub.user);
    assert!(hook.is_signed_with(&sub.password) && !hook.is_signed_with(&main.password));
    world.lever(Method::POST, "texts", json!({"to": phone, "body": "Hi", "media": ["png"]})).await;
    let hook = receiver.one();
    assert!(hook.is_signed_with(&sub.password));
    assert_eq!(hook.field("AccountSid"), sub.user);
    assert!(hook.field("MediaUrl0").contains(&sub.user));
    let file = world.http.get(hook.field("MediaUrl0")).send().await.unwrap();
    assert_eq!(file.status(), 200);

    // Both tokens are valid until the promotion; only the primary one signs.
    let (status, secondary) = sub.post(&world, "/v1/AuthTokens/Secondary", &[]).await;
    let second = Login { password: text(&secondary, "secondary_auth_token"), ..sub.clone() };
    assert_eq!((status, &secondary["account_sid"]), (201, &account["sid"]));
    assert_eq!(refusal(&sub.post(&world, "/v1/AuthTokens/Secondary", &[]).await), (400, 20001));
    for login in [&sub, &second] {
        assert_eq!(login.get(&world, "Calls.json").await.0, 200);
    }
    call(&world, &phone).await;
    assert!(receiver.one().is_signed_with(&sub.password));
    let (status, promoted) = second.post(&world, "/v1/AuthTokens/Promote", &[]).await;
    assert_eq!((status, text(&promoted, "auth_token")), (200, second.password.clone()));
    assert_eq!(refusal(&sub.get(&world, "Calls.json").await), (401, 20003));
    call(&world, &phone).await;
    assert!(receiver.one().is_signed_with(&second.password));
    assert_eq!(second.post(&world, "/v1/AuthTokens/Secondary", &[]).await.0, 201);
    let path = "/v1/AuthTokens/Secondary";
    assert_eq!(second.send(&world, Method::DELETE, path, &[]).await.0, 204);
    assert_eq!(second.send(&world, Method::DELETE, path, &[]).await.0, 409);
    assert_eq!(refusal(&second.post(&world, "/v1/AuthTokens/Promote", &[]).await), (400, 20001));

    // Rotated in the carrier's console, without a word to anybody.
    let (status, _) = world
        .lever(Method::POST, &format!("accounts/{}", sub.user), json!({"auth_token": "f".repeat(32)}))
        .await;
    assert_eq!(status, 200);
    assert_eq!(refusal(&second.get(&world, "Calls.json").await), (401, 20003));
    call(&world, &phone).await;
    assert!(receiver.one().is_signed_with(&"f".repeat(32)));
}

#[tokio::test]
async fn an_account_that_is_not_active_refuses_and_a_closed_one_loses_its_numbers() {
    let world = World::start().await;
    let (receiver, main) = (Receiver::start().await, Login::main(&world));
    let account = subaccount(&world, "Practice").await;
    let sub = Login::of(&account);
    let itself = format!("/2010-04-01/Accounts/{}.json", sub.user);
    let voice = receiver.url("/voice");
    let number = sub.buy(&world, &[("AreaCode", "907"), ("VoiceUrl", &voice)]).await;
    let phone = text(&number, "phone_number");

    let own = sub.post(&world, &itself, &[("Status", "suspended")]).await;
    assert_eq!(refusal(&own), (400, 21479));
    assert_eq!(main.post(&world, &itself, &[("Status", "suspended")]).await.1["status"], "suspended");
    assert_eq!(refusal(&sub.get(&world, "Calls.json").await), (403, 20005));
    let numbers = format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers.json", sub.user);
    assert_eq!(main.get(&world, &numbers).await.0, 200, "the parent still reads");
    assert_eq!(refusal(&main.post(&world, &numbers, &[("AreaCode", "212")]).await), (403, 20005));
    assert_eq!(call(&world, &phone).await["status"], "failed");
    let (status, _) = world.lever(Method::POST, "texts", json!({"to": phone, "body": "Hi"})).await;
    assert_eq!((status.as_u16(), receiver.count()), (400, 0), "nobody hears of it");
    assert_eq!(main.post(&world, &itself, &[("Status", "active")]).await.1["status"], "active");
    assert_eq!(call(&world, &phone).await["status"], "completed");

    let lever = format!("accounts/{}", sub.user);
    world.lever(Method::POST, &lever, json!({"status": "suspended"})).await;
    assert_eq!(refusal(&main.post(&world, &itself, &[("Status", "active")]).await), (400, 21478));
    world.lever(Method::POST, &lever, json!({"status": "active"})).await;
    world.lever(Method::POST, &format!("accounts/{}", main.user), json!({"status": "suspended"})).await;
    assert_eq!(
        refusal(&sub.get(&world, "Calls.json").await),
        (403, 20005),
        "with the parent, all are suspended"
    );
    world.lever(Method::POST, &format!("accounts/{}", main.user), json!({"status": "active"})).await;

    assert_eq!(world.for_sale("US/Local.json?AreaCode=907").await.len(), 1);
    assert_eq!(main.post(&world, &itself, &[("Status", "closed")]).await.1["status"], "closed");
    assert_eq!(refusal(&main.post(&world, &itself, &[("Status", "active")]).await), (400, 21476));
    assert_eq!(world.for_sale("US/Local.json?AreaCode=907").await.len(), 2, "its number is lost");
    let (_, closed) = main.get(&world, "/2010-04-01/Accounts.json?Status=closed").await;
    assert_eq!(sids(&closed, "accounts"), std::slice::from_ref(&sub.user));
    let invalid = main.post(&world, &itself, &[("Status", "gone")]).await;
    assert_eq!(refusal(&invalid), (400, 20001));
}

#[tokio::test]
async fn api_keys_reach_their_own_account_and_manage_none() {
    let world = World::start().await;
    let main = Login::main(&world);
    let account = subaccount(&world, "Practice").await;
    let sub = Login::of(&account);
    let (status, made) = sub.post(&world, "Keys.json", &[("FriendlyName", "server")]).await;
    assert_eq!((status, &made["friendly_name"]), (201, &json!("server")));
    let key = Login { user: text(&made, "sid"), password: text(&made, "secret") };
    let below = format!("/2010-04-01/Accounts/{}", sub.user);
    assert_eq!(key.get(&world, &format!("{below}/Calls.json")).await.0, 200);
    assert_eq!(key.get(&world, "/v1/Services").await.0, 200);
    for path in
        ["/2010-04-01/Accounts.json".to_owned(), format!("{below}.json"), format!("{below}/Keys.json")]
    {
        assert_eq!(refusal(&key.get(&world, &path).await), (401, 20003), "{path}");
    }
    assert_eq!(refusal(&key.post(&world, "/v1/AuthTokens/Secondary", &[]).await), (401, 20003));
    let (_, shown) = sub.get(&world, &format!("Keys/{}.json", key.user)).await;
    assert!(shown.get("secret").is_none(), "a secret is shown once: {shown}");
    assert_eq!(sids(&sub.get(&world, "Keys.json").await.1, "keys"), std::slice::from_ref(&key.user));

    // The way to credentials of a subaccount for the other hosts.
    let fields = [("AccountSid", sub.user.as_str()), ("FriendlyName", "by the parent")];
    let (status, made) = main.post(&world, "/v1/Keys", &fields).await;
    assert_eq!((status, &made["policy"]), (201, &Value::Null));
    let second = Login { user: text(&made, "sid"), password: text(&made, "secret") };
    let (_, services) = second.post(&world, "/v1/Services", &[("FriendlyName", "texts")]).await;
    assert_eq!(services["account_sid"], account["sid"]);
    let (_, listed) = main.get(&world, &format!("/v1/Keys?AccountSid={}", sub.user)).await;
    assert_eq!(sids(&listed, "keys"), [second.user.clone(), key.user.clone()]);
    let path = format!("Keys/{}.json", key.user);
    assert_eq!(sub.send(&world, Method::DELETE, &path, &[]).await.0, 204);
    assert_eq!(refusal(&key.get(&world, &format!("{below}/Calls.json")).await), (401, 20003));

    // A key of the parent does not reach subaccounts, unlike its token.
    let (_, made) = main.post(&world, "Keys.json", &[]).await;
    let parents = Login { user: text(&made, "sid"), password: text(&made, "secret") };
    assert_eq!(refusal(&parents.get(&world, &format!("{below}/Calls.json")).await), (404, 20404));
}

#[tokio::test]
async fn an_account_is_opened_with_a_sid_that_nobody_has() {
    let world = World::start().await;
    let sid = format!("AC{}", "1".repeat(32));
    let open = async |sid: &str| world.lever(Method::POST, "accounts", json!({ "sid": sid })).await;
    let (status, opened) = open(&sid).await;
    assert_eq!(status, 201, "{opened}");
    assert_eq!((&opened["sid"], &opened["owner_account_sid"]), (&json!(sid), &json!(sid)));
    let (short, other) = (format!("AC{}", "1".repeat(31)), format!("AD{}", "1".repeat(32)));
    for wrong in [sid.as_str(), &world.credentials.account_sid, &short, &other, &format!("{short}g"), ""] {
        let (status, refused) = open(wrong).await;
        assert_eq!(status, 400, "{wrong}: {refused}");
    }
    assert_eq!(world.state().await["accounts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn subaccounts_are_limited_and_have_none_of_their_own() {
    let world = World::start().await;
    let main = Login::main(&world);
    let accounts = "/2010-04-01/Accounts.json";
    let sub = Login::of(&subaccount(&world, "first").await);
    assert_eq!(refusal(&sub.post(&world, accounts, &[]).await), (400, 21101));
    let (_, trial) = world.lever(Method::POST, "accounts", json!({"trial": true})).await;
    assert_eq!(trial["type"], "Trial");
    let stranger = Login::of(&trial);
    assert_eq!(stranger.post(&world, accounts, &[]).await.0, 201);
    assert_eq!(refusal(&stranger.post(&world, accounts, &[]).await), (400, 21480));
    let foreign = format!("/2010-04-01/Accounts/{}/Calls.json", sub.user);
    assert_eq!(refusal(&stranger.get(&world, &foreign).await), (404, 20404), "not of this parent");
    for count in 2..=1000 {
        let (status, made) = main.post(&world, accounts, &[("FriendlyName", "one of many")]).await;
        assert_eq!(status, 201, "{count}: {made}");
    }
    assert_eq!(refusal(&main.post(&world, accounts, &[]).await), (400, 21480));
    let closed = format!("/2010-04-01/Accounts/{}.json", sub.user);
    main.post(&world, &closed, &[("Status", "closed")]).await;
    assert_eq!(main.post(&world, accounts, &[]).await.0, 201, "a closed one makes room");
}

#[tokio::test]
async fn a_number_moves_between_accounts_of_one_parent_with_its_sid_and_urls() {
    let world = World::start().await;
    let (receiver, main) = (Receiver::start().await, Login::main(&world));
    let account = subaccount(&world, "Practice").await;
    let sub = Login::of(&account);
    let (_, stranger) = world.lever(Method::POST, "accounts", json!({})).await;
    let (voice, sms) = (receiver.url("/voice"), receiver.url("/sms"));
    let application = format!("AP{}", "1".repeat(32));
    let settings = [("VoiceUrl", voice.as_str()), ("SmsUrl", sms.as_str()), ("FriendlyName", "front desk")];
    let number = main
        .buy(
            &world,
            &[&[("AreaCode", "646"), ("SmsApplicationSid", application.as_str())], &settings[..]].concat(),
        )
        .await;
    let (sid, phone) = (text(&number, "sid"), text(&number, "phone_number"));
    let (_, service) = main.post(&world, "/v1/Services", &[("FriendlyName", "texts")]).await;
    let pool = format!("/v1/Services/{}/PhoneNumbers", text(&service, "sid"));
    assert_eq!(main.post(&world, &pool, &[("PhoneNumberSid", &sid)]).await.0, 201);

    let path = format!("IncomingPhoneNumbers/{sid}.json");
    let nobody = format!("AC{}", "0".repeat(32));
    let closed = subaccount(&world, "closed").await;
    let itself = format!("/2010-04-01/Accounts/{}.json", text(&closed, "sid"));
    main.post(&world, &itself, &[("Status", "closed")]).await;
    for (target, code) in [
        ("AC1".to_owned(), 21470),
        (nobody, 21471),
        (text(&closed, "sid"), 21472),
        (text(&stranger, "sid"), 21473),
    ] {
        let fields = [("AccountSid", target.as_str()), ("FriendlyName", "moved")];
        let moved = main.post(&world, &path, &fields).await;
        assert_eq!(refusal(&moved), (400, code), "{target}");
    }
    assert_eq!(main.get(&world, &path).await.1["friendly_name"], "front desk", "a refusal changes nothing");

    let (status, moved) = main.post(&world, &path, &[("AccountSid", &sub.user)]).await;
    assert_eq!((status, &moved["account_sid"]), (200, &account["sid"]), "{moved}");
    for name in ["sid", "phone_number", "voice_url", "sms_url", "friendly_name"] {
        assert_eq!(moved[name], number[name], "{name}");
    }
    assert_eq!(moved["sms_application_sid"], Value::Null, "an application belongs to its account");
    assert_eq!(main.get(&world, &pool).await.1["phone_numbers"], json!([]));
    assert_eq!(refusal(&main.get(&world, &path).await), (404, 20404));
    assert_eq!(sub.get(&world, &path).await.1, moved);
    call(&world, &phone).await;
    let hook = receiver.one();
    assert_eq!(hook.field("AccountSid"), sub.user);
    assert!(hook.is_signed_with(&sub.password));
    assert_eq!(world.state().await["bills"][&sub.user]["numbers"][0]["number_sid"], sid);

    // Only the parent moves it back, with the path of the account that has it.
    let back = [("AccountSid", main.user.as_str())];
    assert_eq!(refusal(&sub.post(&world, &path, &back).await), (400, 21474));
    let theirs = format!("/2010-04-01/Accounts/{}/{path}", sub.user);
    assert_eq!(main.post(&world, &theirs, &back).await.1["account_sid"], main.user);
    assert_eq!(world.state().await["counters"]["moves"], 2);

    // Where the country asks for papers, the target needs its own.
    let bundle = format!("BU{}", "1".repeat(32));
    let german = main.buy(&world, &[("PhoneNumber", "+493023125100"), ("BundleSid", &bundle)]).await;
    let path = format!("IncomingPhoneNumbers/{}.json", text(&german, "sid"));
    let target = ("AccountSid", sub.user.as_str());
    assert_eq!(refusal(&main.post(&world, &path, &[target]).await), (400, 21649));
    assert_eq!(main.post(&world, &path, &[target, ("BundleSid", &bundle)]).await.0, 200);
}

/// A time in a file.
const THEN: &str = "2026-01-01T00:00:00Z";

/// A file with these members.
fn saved(members: &Value) -> String {
    let counters = json!({"purchases": 1, "repurchases": 0, "purchases_refused": 0, "releases": 0,
                          "agents_created": 0, "agents_refused": 0, "agents_deleted": 0, "calls_placed": 0,
                          "calls_registered": 0});
    let mut file = json!({"version": 1, "last_serial": 1, "numbers": [], "charges": [], "calls": [], "agents": [],
                          "conversations": [], "counters": counters});
    file.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    file.to_string()
}

#[tokio::test]
async fn another_main_account_takes_over_every_record_of_the_former() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.json");
    let former = format!("AC{}", "1".repeat(32));
    let caller_id = json!({"serial": 1, "sid": format!("PN{}", "1".repeat(32)), "account": former,
                           "phone_number": "+13105550142", "friendly_name": "office", "created": THEN, "updated": THEN});
    let validation = json!({"sid": "CA1", "account": former, "phone_number": "+13105550143", "friendly_name": "",
                            "code": "123456", "status_callback": "", "status_callback_method": "POST"});
    let address = json!({"serial": 1, "sid": "AD1", "account": former, "settings": {}, "created": THEN, "updated": THEN});
    let port = json!({"serial": 1, "sid": "KW1", "account": former, "requester": former, "status": "completed",
                      "due": null, "numbers": [], "order": {}, "ticket": 1, "cancellation_reason": null, "word": null,
                      "created": THEN, "updated": THEN});
    let document = json!({"sid": "RD1", "account": former, "document_type": "utility_bill", "friendly_name": "",
                          "mime_type": "application/pdf", "bytes": 1, "created": THEN});
    let webhook =
        json!({"account": former, "port_in_url": null, "port_out_url": null, "events": [], "created": THEN});
    let signing = json!({"serial": 1, "account": former, "body": {}});
    let records = json!({
        "main_account": former, "emergency": {"addresses": [address]},
        "caller_ids": {"verified": [caller_id], "calls": [validation]},
        "porting": {"requests": [port], "documents": [document], "webhooks": [webhook], "signing": [signing]},
    });
    std::fs::write(&file, saved(&records)).unwrap();
    let world = World::start_with(Some(file.clone())).await;
    let main = Login::main(&world);
    let (_, list) = main.get(&world, "OutgoingCallerIds.json").await;
    assert_eq!(list["outgoing_caller_ids"][0]["account_sid"], main.user, "{list}");
    // A change saves the file.
    advance(&world, 1).await;
    let left = std::fs::read_to_string(&file).unwrap();
    assert!(!left.contains(&former), "{left}");
    world.sandbox.stop().await;
}

#[tokio::test]
async fn files_of_one_account_load_and_tokens_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.json");
    let number = json!({"serial": 1, "sid": format!("PN{}", "1".repeat(32)), "phone_number": "+12125550100",
                        "kind": "local", "country": "US", "settings": {"friendly_name": "of old"},
                        "created": THEN, "updated": THEN});
    std::fs::write(&file, saved(&json!({"numbers": [number]}))).unwrap();
    let world = World::start_with(Some(file.clone())).await;
    let main = Login::main(&world);
    let (_, list) = main.get(&world, "IncomingPhoneNumbers.json").await;
    assert_eq!(list["incoming_phone_numbers"][0]["friendly_name"], "of old");
    assert_eq!(list["incoming_phone_numbers"][0]["account_sid"], main.user);
    let sub = Login::of(&subaccount(&world, "Practice").await);
    let (_, secondary) = main.post(&world, "/v1/AuthTokens/Secondary", &[]).await;
    let second = Login { password: text(&secondary, "secondary_auth_token"), ..main.clone() };
    assert_eq!(second.post(&world, "/v1/AuthTokens/Promote", &[]).await.0, 200);
    world.sandbox.stop().await;

    let world = World::start_with(Some(file)).await;
    assert_eq!(second.get(&world, "IncomingPhoneNumbers.json").await.0, 200, "promoted");
    assert_eq!(refusal(&main.get(&world, "IncomingPhoneNumbers.json").await), (401, 20003));
    assert_eq!(sub.get(&world, "IncomingPhoneNumbers.json").await.0, 200);
}
