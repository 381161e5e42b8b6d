//! Emergency addresses: their slow registration and removal, and what they block.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::carrier::{Login, advance, subaccount};
use crate::support::sandbox::{World, text};

const ADDRESS: [(&str, &str); 7] = [
    ("CustomerName", "Dr. Oak"),
    ("Street", "12 Main Street"),
    ("City", "New York"),
    ("Region", "NY"),
    ("PostalCode", "10001"),
    ("IsoCountry", "US"),
    ("EmergencyEnabled", "true"),
];

async fn address(login: &Login, world: &World, changes: &[(&str, &str)]) -> (u16, Value) {
    let kept = ADDRESS.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let fields: Vec<(&str, &str)> = kept.chain(changes).copied().collect();
    login.post(world, "Addresses.json", &fields).await
}

/// A number with its path, for changes of its emergency address.
struct Held<'a> {
    world: &'a World,
    login: Login,
    path: String,
}

impl<'a> Held<'a> {
    async fn buy(world: &'a World, area: &str) -> Self {
        let login = Login::main(world);
        let number = login.buy(world, &[("AreaCode", area)]).await;
        Self { world, login, path: format!("IncomingPhoneNumbers/{}.json", text(&number, "sid")) }
    }

    async fn set(&self, address: &str) -> (u16, Value) {
        self.login.post(self.world, &self.path, &[("EmergencyAddressSid", address)]).await
    }

    async fn status(&self) -> String {
        text(&self.login.get(self.world, &self.path).await.1, "emergency_address_status")
    }

    async fn release(&self) -> (u16, Value) {
        self.login.send(self.world, Method::DELETE, &self.path, &[]).await
    }
}

fn code(answer: &(u16, Value)) -> u64 {
    answer.1["code"].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn a_registered_number_is_released_only_after_its_address_was_removed() {
    let world = World::start().await;
    world.lever(Method::POST, "emergency", json!({"pending_seconds": 600})).await;
    let held = Held::buy(&world, "212").await;
    let (status, first) = address(&held.login, &world, &[]).await;
    assert_eq!((status, &first["validated"]), (201, &json!(true)), "{first}");
    let (first, second) = (text(&first, "sid"), text(&address(&held.login, &world, &[]).await.1, "sid"));

    let (status, set) = held.set(&first).await;
    assert_eq!((status, &set["emergency_address_status"]), (200, &json!("pending-registration")), "{set}");
    assert_eq!((code(&held.set(&second).await), code(&held.set("").await)), (22222, 22222), "it is pending");
    advance(&world, 599).await;
    assert_eq!(held.status().await, "pending-registration");
    advance(&world, 2).await;
    let (_, number) = held.login.get(&world, &held.path).await;
    assert_eq!(number["emergency_address_status"], "registered");
    assert_eq!(
        (&number["emergency_status"], &number["emergency_address_sid"]),
        (&json!("Active"), &json!(first))
    );

    assert_eq!(code(&held.set(&second).await), 22222, "there is no swap");
    assert_eq!(
        held.set(&first).await.1["emergency_address_status"],
        "registered",
        "the same again is nothing"
    );
    let ignored = held.login.post(&world, &held.path, &[("EmergencyStatus", "Inactive")]).await;
    assert_eq!(ignored.1["emergency_status"], "Active", "ignored since 2021");
    assert_eq!((held.release().await.0, code(&held.release().await)), (400, 21634));
    let target = subaccount(&world, "Practice").await;
    let moved = held.login.post(&world, &held.path, &[("AccountSid", &text(&target, "sid"))]).await;
    assert_eq!(code(&moved), 21634);
    let used = format!("Addresses/{first}/DependentPhoneNumbers.json");
    let (_, used) = held.login.get(&world, &used).await;
    assert_eq!(used["dependent_phone_numbers"].as_array().unwrap().len(), 1);
    let path = format!("Addresses/{first}.json");
    assert_eq!(held.login.send(&world, Method::DELETE, &path, &[]).await.0, 409);

    let (_, cleared) = held.set("").await;
    assert_eq!(
        (&cleared["emergency_address_status"], &cleared["emergency_address_sid"]),
        (&json!("pending-unregistration"), &Value::Null)
    );
    assert_eq!(code(&held.release().await), 21634, "not before it is gone");
    advance(&world, 600).await;
    assert_eq!(held.status().await, "unregistered");
    assert_eq!(held.login.send(&world, Method::DELETE, &path, &[]).await.0, 204);
    assert_eq!(held.release().await.0, 204);
}

#[tokio::test]
async fn registrations_and_removals_fail_on_demand_and_can_be_repeated() {
    let world = World::start().await;
    let held = Held::buy(&world, "415").await;
    let sid = text(&address(&held.login, &world, &[]).await.1, "sid");
    let lever = |order: Value| world.lever(Method::POST, "emergency", order);
    lever(json!({"pending_seconds": 0, "registrations_fail": true})).await;
    assert_eq!(held.set(&sid).await.1["emergency_address_status"], "pending-registration");
    assert_eq!(held.status().await, "registration-failure");
    assert_eq!(code(&held.release().await), 21634);
    lever(json!({"pending_seconds": 0, "unregistrations_fail": true})).await;
    held.set(&sid).await;
    assert_eq!(held.status().await, "registered");
    held.set("").await;
    assert_eq!(held.status().await, "unregistration-failure");
    assert_eq!(code(&held.release().await), 21634);
    lever(json!({"pending_seconds": 0})).await;
    held.set("").await;
    assert_eq!(held.status().await, "unregistered");
    assert_eq!(held.release().await.0, 204);
}

#[tokio::test]
async fn an_address_must_be_of_the_account_and_fit_for_emergencies() {
    let world = World::start().await;
    let main = Login::main(&world);
    let refused = |changes: &'static [(&'static str, &'static str)]| {
        let (world, main) = (&world, main.clone());
        async move { code(&address(&main, world, changes).await) }
    };
    assert_eq!(refused(&[("IsoCountry", "DE")]).await, 18013);
    assert_eq!(refused(&[("Street", "Nowhere")]).await, 18015);
    assert_eq!(refused(&[("City", "")]).await, 20001);
    assert_eq!(refused(&[("FriendlyName", "the practice of Dr. Oak and Dr. Elm, third floor")]).await, 20001);
    let plain = text(&address(&main, &world, &[("EmergencyEnabled", "false")]).await.1, "sid");
    let british = text(&address(&main, &world, &[("IsoCountry", "GB")]).await.1, "sid");
    let sub = Login::of(&subaccount(&world, "Practice").await);
    let foreign = text(&address(&sub, &world, &[]).await.1, "sid");
    let held = Held::buy(&world, "212").await;
    for (sid, expected) in
        [(plain.as_str(), 18015), (british.as_str(), 18013), (foreign.as_str(), 18014), ("AD1", 18014)]
    {
        assert_eq!(code(&held.set(sid).await), expected, "{sid}");
    }
    let german = json!({"phone_number": "+493023125100"});
    let (_, placed) = world.lever(Method::POST, "numbers", german).await;
    let path = format!("IncomingPhoneNumbers/{}.json", text(&placed["numbers"][0], "sid"));
    let set = main.post(&world, &path, &[("EmergencyAddressSid", &plain)]).await;
    assert_eq!(code(&set), 22402);

    let (_, list) = main.get(&world, "Addresses.json?EmergencyEnabled=true").await;
    assert_eq!(list["addresses"].as_array().unwrap().len(), 1);
    assert_eq!(list["addresses"][0]["sid"], british);
    let path = format!("Addresses/{plain}.json");
    let (_, changed) =
        main.post(&world, &path, &[("EmergencyEnabled", "true"), ("Street", "1 Elm Road")]).await;
    assert_eq!((&changed["emergency_enabled"], &changed["street"]), (&json!(true), &json!("1 Elm Road")));
    assert_eq!(sub.get(&world, &path).await.0, 404);
    // A number can come to the account with a registered address.
    let order = json!({"phone_number": "+12125550150", "emergency_address_sid": plain});
    let (_, placed) = world.lever(Method::POST, "numbers", order).await;
    assert_eq!(placed["numbers"][0]["emergency_address_status"], "registered");
}
