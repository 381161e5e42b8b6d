//! Twilio's side: a number's life, refusals, lists, searches.

use reqwest::Method;
use serde_json::Value;

use crate::support::sandbox::{World, answer, text};

#[tokio::test]
async fn a_number_is_found_bought_changed_and_released() {
    let world = World::start().await;
    let found = world.for_sale("US/Local.json?AreaCode=212&VoiceEnabled=true&PageSize=3").await;
    assert_eq!(found.len(), 3);
    let wanted = found[0].as_str();
    let url = "http://127.0.0.1:9/incoming?a=b&c=d#rc=2";
    let number = world.buy(&[("PhoneNumber", wanted), ("VoiceUrl", url), ("FriendlyName", "agent 7")]).await;
    assert_eq!(number["phone_number"], wanted);
    assert_eq!(number["voice_url"], url);
    assert_eq!(number["capabilities"]["sms"], true);
    assert!(text(&number, "date_created").ends_with("+0000"));
    assert!(!world.for_sale("US/Local.json?AreaCode=212").await.contains(&wanted.to_owned()));

    let path = format!("IncomingPhoneNumbers/{}.json", text(&number, "sid"));
    let change = [("FriendlyName", "renamed"), ("StatusCallback", "https://example.com/s"), ("VoiceUrl", "")];
    let (status, changed) = world.form(&path, &change).await;
    assert_eq!((status.as_u16(), &changed["friendly_name"]), (200, &Value::from("renamed")));
    let (_, changed) = world.form(&path, &[("VoiceMethod", "GET")]).await;
    assert_eq!(changed["voice_url"], "", "an empty value clears");
    assert_eq!(changed["status_callback"], "https://example.com/s", "an absent one stays");
    let (_, listed) = world.read(&format!("IncomingPhoneNumbers.json?PhoneNumber=%2B{}", &wanted[1..])).await;
    assert_eq!(listed["incoming_phone_numbers"], Value::Array(vec![changed.clone()]));
    assert_eq!(world.read(&path).await.1, changed);

    let again = world.buy(&[("PhoneNumber", wanted), ("FriendlyName", "another's")]).await;
    assert_eq!(again["sid"], number["sid"], "a number of one's own is bought by updating it");
    assert_eq!(world.state().await["counters"]["purchases"], 1);

    assert_eq!(world.release(&number).await, 204);
    assert_eq!(world.release(&number).await, 404);
    assert_eq!(world.read(&path).await.1["code"], 20404);
    assert!(world.for_sale("US/Local.json?AreaCode=212").await.contains(&wanted.to_owned()));
    let bill = &world.state().await["bill"];
    assert_eq!(bill["total"], "1.15", "the month is not given back: {bill}");
}

#[tokio::test]
async fn errors_have_twilios_codes_and_buy_nothing() {
    let world = World::start().await;
    let long = "x".repeat(65);
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let cases: &[(&str, Fields<'_>, u64)] = &[
        ("IncomingPhoneNumbers.json", &[("AreaCode", "533")], 21452),
        ("IncomingPhoneNumbers.json", &[("AreaCode", "12")], 21451),
        ("IncomingPhoneNumbers.json", &[("PhoneNumber", "+15005550000")], 21422),
        ("IncomingPhoneNumbers.json", &[("PhoneNumber", "+15005550001")], 21421),
        ("IncomingPhoneNumbers.json", &[("PhoneNumber", "+12125559999")], 21422),
        ("IncomingPhoneNumbers.json", &[("PhoneNumber", " 12125550100")], 21421),
        ("IncomingPhoneNumbers.json", &[("PhoneNumber", "+493023125100")], 21649),
        ("IncomingPhoneNumbers.json", &[("PhoneNumber", "+61255500110")], 21631),
        ("IncomingPhoneNumbers.json", &[], 20001),
        ("IncomingPhoneNumbers/Local.json", &[("AreaCode", "212")], 21457),
        ("IncomingPhoneNumbers/TollFree.json", &[("PhoneNumber", "+12125550100")], 21458),
        ("IncomingPhoneNumbers.json", &[("AreaCode", "212"), ("VoiceUrl", "ftp://example.com")], 21402),
        ("IncomingPhoneNumbers.json", &[("AreaCode", "212"), ("VoiceUrl", "https://my_host.example")], 21402),
        ("IncomingPhoneNumbers.json", &[("AreaCode", "212"), ("VoiceMethod", "PUT")], 21403),
        ("IncomingPhoneNumbers.json", &[("AreaCode", "212"), ("FriendlyName", &long)], 20001),
    ];
    for (path, fields, code) in cases {
        let (status, refusal) = world.form(path, fields).await;
        assert_eq!((status.as_u16(), refusal["code"].as_u64()), (400, Some(*code)), "{fields:?}: {refusal}");
        assert_eq!(refusal["status"], 400);
        assert!(text(&refusal, "more_info").ends_with(&code.to_string()));
    }
    let state = world.state().await;
    assert_eq!(state["numbers"], Value::Array(vec![]));
    assert_eq!(state["counters"]["purchases_refused"], cases.len());

    let first = world.buy(&[("AreaCode", "907")]).await;
    world.buy(&[("AreaCode", "907")]).await;
    let (_, refusal) = world.form("IncomingPhoneNumbers.json", &[("AreaCode", "907")]).await;
    assert_eq!(refusal["code"], 21452, "two are all there are");
    assert!(world.for_sale("US/Local.json?AreaCode=907").await.is_empty());
    world.release(&first).await;
    assert_eq!(world.for_sale("US/Local.json?AreaCode=907").await.len(), 1);
}

#[tokio::test]
async fn credentials_are_required_and_other_accounts_are_not_found() {
    let world = World::start().await;
    let base = world.sandbox.base_url();
    let own = format!("{base}/2010-04-01/Accounts/{}/Calls.json", world.credentials.account_sid);
    let stranger = world.http.get(&own).basic_auth(&world.credentials.account_sid, Some("wrong"));
    let (status, refusal) = answer(stranger.send().await.unwrap()).await;
    assert_eq!((status.as_u16(), refusal["code"].as_u64()), (401, Some(20003)));
    let elsewhere = format!("/2010-04-01/Accounts/AC{}/Calls.json", "0".repeat(32));
    let (status, refusal) = world.read(&elsewhere).await;
    assert_eq!((status.as_u16(), refusal["code"].as_u64()), (404, Some(20404)));
    for path in
        ["Calls", "Nothing.json", "IncomingPhoneNumbers/PN1.json", "AvailablePhoneNumbers/US/Mobile.json"]
    {
        assert_eq!(world.read(path).await.1["code"], 20404, "{path}");
    }
    let answered = world.twilio(Method::GET, "IncomingPhoneNumbers.json").send().await.unwrap();
    assert!(answered.headers()["twilio-request-id"].to_str().unwrap().starts_with("RQ"));
    let (status, account) =
        world.read(&format!("/2010-04-01/Accounts/{}.json", world.credentials.account_sid)).await;
    assert_eq!((status.as_u16(), &account["status"]), (200, &Value::from("active")));
}

#[tokio::test]
async fn paging_is_complete_while_numbers_are_added_and_removed() {
    let world = World::start().await;
    let mut owned = Vec::new();
    for _ in 0..7 {
        owned.push(world.buy(&[("AreaCode", "646")]).await);
    }
    let mut seen = Vec::new();
    let mut next = format!(
        "/2010-04-01/Accounts/{}/IncomingPhoneNumbers.json?PageSize=3&PhoneNumber=%2B1646",
        world.credentials.account_sid
    );
    loop {
        let (status, page) = world.read(&next).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["incoming_phone_numbers"].as_array().unwrap().iter().map(|n| text(n, "sid")));
        if seen.len() == 3 {
            // The last one shown goes and a new one comes: neither may make the walk skip or repeat.
            world.release(&owned[4]).await;
            world.buy(&[("AreaCode", "646")]).await;
        }
        match page["next_page_uri"].as_str() {
            Some(uri) => next = uri.to_owned(),
            None => break,
        }
    }
    let newest_first: Vec<String> = owned.iter().rev().map(|number| text(number, "sid")).collect();
    assert_eq!(seen, newest_first);
    let (status, refusal) = world.read("IncomingPhoneNumbers.json?Page=1&PageToken=nonsense").await;
    assert_eq!((status.as_u16(), refusal["code"].as_u64()), (400, Some(21481)));
}

#[tokio::test]
async fn searches_filter_and_prices_are_decimal_text() {
    let world = World::start().await;
    assert_eq!(world.for_sale("US/TollFree.json?AreaCode=888&PageSize=1000").await.len(), 20);
    assert!(world.for_sale("US/Local.json?AreaCode=533").await.is_empty());
    assert_eq!(world.for_sale("GB/Mobile.json?SmsEnabled=true").await.len(), 20);
    assert!(world.for_sale("US/Local.json?InRegion=AK&Contains=907*******").await.len() == 2);
    assert_eq!(world.for_sale("US/Local.json?Contains=KKK0119%24&InRegion=WA").await, ["+12065550119"]);
    assert_eq!(world.for_sale("US/Local.json?Contains=%2B1206&PageSize=1").await, ["+12065550100"]);
    for pattern in ["1", "2*2", "**", "12345678901234567"] {
        let (status, _) =
            world.read(&format!("AvailablePhoneNumbers/US/Local.json?Contains={pattern}")).await;
        assert_eq!(status, 400, "{pattern}");
    }
    let (_, result) = world.read("AvailablePhoneNumbers/US/Local.json?PageSize=1").await;
    assert_eq!(result["available_phone_numbers"][0]["capabilities"]["SMS"], true);
    assert!(result.get("next_page_uri").is_none());
    let (_, country) = world.read("AvailablePhoneNumbers/US.json").await;
    assert!(country["subresource_uris"].get("mobile").is_none());
    let (_, numbers) = world.read("/v1/PhoneNumbers/Countries/US").await;
    assert_eq!(numbers["phone_number_prices"][1]["number_type"], "toll free");
    assert_eq!(numbers["phone_number_prices"][0]["current_price"], "1.15");
    let (_, voice) = world.read("/v2/Voice/Countries/US").await;
    assert_eq!(voice["inbound_call_prices"][0]["current_price"], "0.0085");
}
