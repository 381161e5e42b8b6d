//! Numbers that were in an account before, what stands in the way of their release, and verified caller IDs.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::carrier::{Login, Receiver, call, subaccount};
use crate::support::sandbox::{World, text};

async fn place(world: &World, order: Value) -> Vec<Value> {
    let (status, placed) = world.lever(Method::POST, "numbers", order).await;
    assert_eq!(status, 201, "{placed}");
    placed["numbers"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_estate_of_a_thousand_numbers_is_placed_at_once_and_listed_by_origin() {
    let world = World::start().await;
    let main = Login::main(&world);
    let estate: Vec<Value> = (0..1000)
        .map(|index| {
            let origin = if index % 100 == 0 { "hosted" } else { "twilio" };
            json!({"phone_number": format!("+1213555{index:04}"), "voice_url": "https://pbx.example.com/in",
                   "friendly_name": format!("desk {}", index % 10), "origin": origin})
        })
        .collect();
    let before = Instant::now();
    assert_eq!(place(&world, json!(estate)).await.len(), 1000);
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    let mut seen = std::collections::BTreeSet::new();
    let mut next = Some("IncomingPhoneNumbers.json?PageSize=300".to_owned());
    while let Some(path) = next {
        let (status, page) = main.get(&world, &path).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(
            page["incoming_phone_numbers"].as_array().unwrap().iter().map(|n| text(n, "phone_number")),
        );
        next = page["next_page_uri"].as_str().map(str::to_owned);
    }
    assert_eq!(seen.len(), 1000);
    for (filter, count) in [
        ("Origin=hosted", 10),
        ("Origin=twilio", 990),
        ("FriendlyName=desk%203", 100),
        ("PhoneNumber=%2B12135550042", 1),
        ("PhoneNumber=2135559&Origin=hosted", 0),
        ("Beta=true", 0),
    ] {
        let (_, page) = main.get(&world, &format!("IncomingPhoneNumbers.json?PageSize=1000&{filter}")).await;
        assert_eq!(page["incoming_phone_numbers"].as_array().unwrap().len(), count, "{filter}");
    }
}

#[tokio::test]
async fn a_placed_number_has_the_settings_of_its_former_life_and_can_change_behind_ones_back() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let sub = subaccount(&world, "Practice").await;
    let trunk = format!("TK{}", "1".repeat(32));
    let order = json!([
        {"phone_number": "+12125550199", "trunk_sid": trunk, "account_sid": sub["sid"]},
        {"phone_number": "+12125550100", "voice_url": receiver.url("/old"), "voice_method": "GET"},
    ]);
    let placed = place(&world, order).await;
    assert_eq!((&placed[0]["trunk_sid"], &placed[0]["account_sid"]), (&json!(trunk), &sub["sid"]));
    assert_eq!((&placed[1]["voice_method"], &placed[1]["origin"]), (&json!("GET"), &json!("twilio")));
    assert!(
        !world.for_sale("US/Local.json?AreaCode=212").await.contains(&"+12125550100".to_owned()),
        "not for sale"
    );
    assert_eq!(call(&world, "+12125550199").await["status"], "failed", "its trunk takes the call");
    assert_eq!(call(&world, "+12125550100").await["status"], "completed");
    assert_eq!(receiver.one().path, "/old");

    let path = format!("numbers/{}", text(&placed[1], "sid"));
    let (status, changed) =
        world.lever(Method::POST, &path, json!({"voice_url": receiver.url("/new")})).await;
    assert_eq!((status.as_u16(), text(&changed, "voice_url")), (200, receiver.url("/new")));
    assert_eq!(world.lever(Method::DELETE, &path, Value::Null).await.0, 204);
    let one = format!("IncomingPhoneNumbers/{}.json", text(&placed[1], "sid"));
    assert_eq!(Login::main(&world).get(&world, &one).await.0, 404, "it left for another carrier");

    for wrong in [
        json!({"phone_number": "2125550100"}),
        json!({"phone_number": "+12125550199"}),
        json!({"phone_number": "+12125550150", "voice_urll": "https://example.com"}),
        json!({"phone_number": "+12125550150", "voice_url": "ftp://example.com"}),
        json!({"phone_number": "+12125550150", "account_sid": "AC1"}),
        json!([{"phone_number": "+12125550150"}, {"phone_number": "+12125550150"}]),
    ] {
        assert_eq!(world.lever(Method::POST, "numbers", wrong.clone()).await.0, 400, "{wrong}");
    }
    assert_eq!(world.state().await["numbers"].as_array().unwrap().len(), 1, "all or none");
}

#[tokio::test]
async fn a_running_port_out_or_hosting_order_blocks_release_and_move() {
    let world = World::start().await;
    let (main, sub) = (Login::main(&world), subaccount(&world, "Practice").await);
    for (obstacle, status, code) in [("port_out", 409, 20009), ("hosting_order", 400, 22121)] {
        let order = json!({"phone_number": "+12125550150", "obstacle": obstacle, "origin": "hosted"});
        let number = place(&world, order).await[0].clone();
        let path = format!("IncomingPhoneNumbers/{}.json", text(&number, "sid"));
        let moved = main.post(&world, &path, &[("AccountSid", &text(&sub, "sid"))]).await;
        let released = main.send(&world, Method::DELETE, &path, &[]).await;
        for (got, refusal) in [moved, released] {
            assert_eq!((got, refusal["code"].as_u64()), (status, Some(code)), "{obstacle}");
        }
        assert_eq!(main.get(&world, &path).await.1["phone_number"], "+12125550150");
        let lever = format!("numbers/{}", text(&number, "sid"));
        assert_eq!(world.lever(Method::POST, &lever, json!({"obstacle": null})).await.0, 200);
        assert_eq!(main.send(&world, Method::DELETE, &path, &[]).await.0, 204);
    }
}

#[tokio::test]
async fn a_caller_id_is_verified_by_its_digits() {
    let world = World::start().await;
    let (receiver, main) = (Receiver::start().await, Login::main(&world));
    let (practice, callback) = ("+12125550177", receiver.url("/caller-id"));
    let ask =
        [("PhoneNumber", practice), ("FriendlyName", "front desk"), ("StatusCallback", callback.as_str())];
    let (status, asked) = main.post(&world, "OutgoingCallerIds.json", &ask).await;
    assert_eq!((status, text(&asked, "validation_code").len()), (200, 6), "{asked}");
    let wrong = if asked["validation_code"] == "000000" { "000001" } else { "000000" };
    let typed = |digits: Value| {
        world.lever(Method::POST, "caller-ids", json!({"phone_number": practice, "digits": digits}))
    };
    assert_eq!(typed(json!(wrong)).await.1["verified"], false);
    let hook = receiver.one();
    assert!(hook.is_signed_with(&main.password));
    assert_eq!(
        (hook.field("VerificationStatus"), hook.field("OutgoingCallerIdSid")),
        ("failed".into(), String::new())
    );
    assert_eq!(hook.field("CallSid"), text(&asked, "call_sid"));
    assert_eq!(typed(asked["validation_code"].clone()).await.0, 404, "the call is over");
    assert_eq!(main.get(&world, "OutgoingCallerIds.json").await.1["outgoing_caller_ids"], json!([]));

    main.post(&world, "OutgoingCallerIds.json", &ask).await;
    assert_eq!(typed(Value::Null).await.1["verified"], false, "nobody answers");
    receiver.take();
    let (_, asked) = main.post(&world, "OutgoingCallerIds.json", &ask).await;
    assert_eq!(typed(asked["validation_code"].clone()).await.1["verified"], true);
    let hook = receiver.one();
    assert_eq!((hook.field("VerificationStatus"), hook.field("To")), ("success".into(), practice.to_owned()));
    let sid = hook.field("OutgoingCallerIdSid");
    let (_, list) = main.get(&world, "OutgoingCallerIds.json?PhoneNumber=%2B12125550177").await;
    assert_eq!(
        (&list["outgoing_caller_ids"][0]["sid"], &list["outgoing_caller_ids"][0]["friendly_name"]),
        (&json!(sid), &json!("front desk"))
    );

    let other = Login::of(&subaccount(&world, "Practice").await);
    let own = main.buy(&world, &[("AreaCode", "212")]).await;
    let own = text(&own, "phone_number");
    for (login, number, code) in [
        (&main, practice, 21450),
        (&other, practice, 21453),
        (&main, own.as_str(), 21449),
        (&main, "12125550177", 21401),
    ] {
        let (status, refused) =
            login.post(&world, "OutgoingCallerIds.json", &[("PhoneNumber", number)]).await;
        assert_eq!((status, refused["code"].as_u64()), (400, Some(code)), "{number}");
    }
    let path = format!("OutgoingCallerIds/{sid}.json");
    assert_eq!(other.get(&world, &path).await.0, 404);
    assert_eq!(main.post(&world, &path, &[("FriendlyName", "desk")]).await.1["friendly_name"], "desk");
    assert_eq!(main.send(&world, Method::DELETE, &path, &[]).await.0, 204);
    assert_eq!(main.get(&world, &path).await.0, 404);
}
