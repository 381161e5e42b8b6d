//! What a number may send in the United States: read from the carrier, shown, and enforced before the carrier is asked. A Messaging
//! Service that takes a number's texts elsewhere is reported.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::sandbox::Credentials;

use crate::support::api::provision;
use crate::support::practice::{Practice, TENANT};
use crate::support::program::{PUBLIC_URL, err, finish, out};
use crate::support::{App, wait_until};

const SOON: Duration = Duration::from_secs(90);
const AMERICAN: &str = "+13125550177";
const CANADIAN: &str = "+14165550177";
const STATUS: &str =
    "query($id: ID!) { node(id: $id) { ... on PhoneNumber { messagingStatus messagingStatusReason } } }";
const SEND: &str = "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
    message { id status error { code message } } userErrors { code message field } } }";
const REPAIR: &str = "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) {
    operation { state error { message } } phoneNumber { status } userErrors { message } } }";
const WORDS: &str = "Reminders of appointments that patients have made.";
const SAMPLE: &str = "Your appointment is tomorrow at 5.";

/// The carrier's messaging API, as somebody with its console uses it.
async fn messaging(app: &App, path: &str, form: &[(&str, &str)]) -> Value {
    let Credentials { account_sid, auth_token, .. } = Credentials::development();
    let request = app.http().post(format!("{}/v1/{path}", app.sandbox_url()));
    let answer = request.basic_auth(account_sid, Some(auth_token)).form(form).send().await.unwrap();
    answer.error_for_status().unwrap().json().await.unwrap()
}

/// A lever of the emulated carrier.
async fn lever(app: &App, lever: &str, order: Value) {
    let url = format!("{}/sandbox/{lever}", app.sandbox_url());
    app.http().post(url).json(&order).send().await.unwrap().error_for_status().unwrap();
}

async fn review(app: &App, registration: &Value, status: &str, members: Value) {
    lever(app, "registrations", json!({ "sid": registration["sid"], "status": status, "members": members }))
        .await;
}

/// Reconciles, which reads the registrations. Returns the differences.
async fn reconcile(app: &App) -> Vec<Value> {
    let output = finish(app.program(&["reconcile", "--json"])).await;
    let report: Value = serde_json::from_str(&out(&output)).unwrap_or_else(|_| panic!("{}", err(&output)));
    assert_eq!(report["incomplete"], Value::Null, "{report}");
    report["differences"].as_array().unwrap().clone()
}

impl Practice {
    async fn may_send(&self, number: &Value) -> (String, String) {
        let shown = self.ask(STATUS, json!({ "id": number["id"] })).await;
        let text = |field: &str| shown[field].as_str().unwrap_or_default().to_owned();
        (text("messagingStatus"), text("messagingStatusReason"))
    }

    async fn until_may_send(&self, number: &Value, status: &str, says: &str) {
        wait_until(&format!("the number is {status}"), SOON, async || {
            let (shown, reason) = self.may_send(number).await;
            (shown == status && reason.contains(says)).then_some(())
        })
        .await;
    }

    async fn sends_to(&self, number: &Value, to: &str) -> Value {
        let input = json!({ "phoneNumberId": number["id"], "to": to, "body": "Hello" });
        self.ask(SEND, json!({ "input": input })).await
    }

    async fn messages_at_carrier(&self) -> usize {
        self.app.sandbox_state().await["messages"].as_array().unwrap().len()
    }
}

/// A brand that is approved.
async fn brand(app: &App) -> Value {
    let bundle = format!("BU{}", "0".repeat(32));
    let form = [("CustomerProfileBundleSid", &*bundle), ("A2PProfileBundleSid", &*bundle)];
    let brand = messaging(app, "a2p/BrandRegistrations", &form).await;
    review(app, &brand, "APPROVED", json!({})).await;
    brand
}

#[tokio::test]
async fn what_a_number_may_send_is_shown_and_enforced() {
    let mut practice = Practice::open(json!({})).await;
    let app = &practice.app;
    let local = practice.made["phoneNumber"].clone();
    let further = json!({ "agentId": practice.made["agent"]["id"], "type": "TOLL_FREE", "additional": true });
    let toll_free = provision(app, &practice.token, further).await["phoneNumber"].clone();
    // The sandbox needs no registrations. A worker finds that out without being asked, a minute after its last check at most.
    practice.app.advance(Duration::from_secs(61));
    for number in [&local, &toll_free] {
        practice.until_may_send(number, "READY", "").await;
        assert_eq!(practice.may_send(number).await.1, "");
    }

    lever(app, "messaging", json!({ "registration": "enforced" })).await;
    let sent = practice.sends_to(&local, AMERICAN).await;
    assert_eq!(sent["userErrors"], json!([]), "{sent}");
    let message = sent["message"]["id"].clone();
    let query = "query($id: ID!) { node(id: $id) { ... on Message { status error { code message } } } }";
    let failed = wait_until("the carrier fails the message", SOON, async || {
        let shown = practice.ask(query, json!({ "id": message })).await;
        (shown["status"] == "FAILED").then_some(shown)
    })
    .await;
    assert_eq!(failed["error"]["code"], "NOT_REGISTERED", "{failed}");
    // That says that something has changed, so the carrier is asked before the hour is over.
    practice.app.advance(Duration::from_secs(61));
    practice.until_may_send(&local, "UNREGISTERED", "approved campaign").await;
    practice.until_may_send(&toll_free, "UNREGISTERED", "not verified").await;

    let before = practice.messages_at_carrier().await;
    for (number, to) in [(&local, AMERICAN), (&toll_free, AMERICAN), (&toll_free, CANADIAN)] {
        let refused = practice.sends_to(number, to).await;
        let error = &refused["userErrors"][0];
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!("NOT_REGISTERED"), &json!(["input", "phoneNumberId"])),
            "{refused}"
        );
    }
    assert_eq!(practice.messages_at_carrier().await, before, "the carrier was not asked");
    let abroad = practice.sends_to(&local, CANADIAN).await;
    assert_eq!(abroad["userErrors"], json!([]), "no registration is needed for Canada: {abroad}");

    let app = &practice.app;
    let brand = brand(app).await;
    let service =
        messaging(app, "Services", &[("FriendlyName", "Practice"), ("UseInboundWebhookOnNumber", "true")])
            .await;
    let service = service["sid"].as_str().unwrap();
    let sid = local_sid(&practice).await;
    messaging(app, &format!("Services/{service}/PhoneNumbers"), &[("PhoneNumberSid", &sid)]).await;
    let campaign = [
        ("BrandRegistrationSid", brand["sid"].as_str().unwrap()),
        ("Description", WORDS),
        ("MessageFlow", WORDS),
        ("MessageSamples", SAMPLE),
        ("MessageSamples", "Your appointment was moved to Friday."),
        ("UsAppToPersonUsecase", "CUSTOMER_CARE"),
        ("HasEmbeddedLinks", "false"),
        ("HasEmbeddedPhone", "false"),
    ];
    let campaign = messaging(app, &format!("Services/{service}/Compliance/Usa2p"), &campaign).await;
    reconcile(app).await;
    assert_eq!(practice.may_send(&local).await.0, "PENDING");
    let tried = practice.sends_to(&local, AMERICAN).await;
    assert_eq!(tried["userErrors"], json!([]), "it may work already: {tried}");

    let errors = json!({ "errors": [{ "error_code": 30896, "description": "The opt-in is not public." }] });
    review(app, &campaign, "FAILED", errors).await;
    reconcile(app).await;
    let (status, reason) = practice.may_send(&local).await;
    assert_eq!(status, "REJECTED");
    assert!(reason.contains("(The opt-in is not public)"), "{reason}");
    let refused = practice.sends_to(&local, AMERICAN).await;
    assert!(
        refused["userErrors"][0]["message"].as_str().unwrap().contains("opt-in is not public"),
        "{refused}"
    );

    // After the approval, the first refusal has the registration read again, if the failure of the last message has not.
    review(app, &campaign, "VERIFIED", json!({})).await;
    practice.app.advance(Duration::from_secs(61));
    practice.token = practice.app.token(TENANT);
    practice.sends_to(&local, AMERICAN).await;
    practice.until_may_send(&local, "READY", "").await;
    assert_eq!(practice.sends_to(&local, AMERICAN).await["userErrors"], json!([]));

    // While the lists cannot be read, what was told last counts.
    let broken = json!({ "match": { "provider": "twilio", "path_contains": "/v1/" }, "action": { "status": 503 }, "times": 1 });
    practice.app.faults(broken).await;
    reconcile(&practice.app).await;
    practice.app.clear_faults().await;
    assert_eq!(practice.may_send(&local).await.0, "READY");

    let sid = number_sid(&practice, &toll_free).await;
    let verification = [
        ("BusinessName", "Practice"),
        ("BusinessWebsite", "https://example.com"),
        ("NotificationEmail", "desk@example.com"),
        ("UseCaseCategories", "CUSTOMER_CARE"),
        ("UseCaseSummary", WORDS),
        ("ProductionMessageSample", SAMPLE),
        ("OptInImageUrls", "https://example.com/form.png"),
        ("OptInType", "WEB_FORM"),
        ("MessageVolume", "1,000"),
        ("TollfreePhoneNumberSid", &*sid),
    ];
    let verification = messaging(&practice.app, "Tollfree/Verifications", &verification).await;
    for (reviewed, status, says) in [
        ("IN_REVIEW", "PENDING", "3 to 5 business days"),
        ("TWILIO_REJECTED", "REJECTED", "(no proof of opt-in)"),
        ("TWILIO_APPROVED", "READY", ""),
    ] {
        review(&practice.app, &verification, reviewed, json!({ "rejection_reason": "no proof of opt-in" }))
            .await;
        reconcile(&practice.app).await;
        let (shown, reason) = practice.may_send(&toll_free).await;
        assert!(shown == status && reason.contains(says), "{reviewed}: {shown} {reason}");
    }
}

async fn local_sid(practice: &Practice) -> String {
    number_sid(practice, &practice.made["phoneNumber"]).await
}

async fn number_sid(practice: &Practice, number: &Value) -> String {
    let query = "query($id: ID!) { node(id: $id) { ... on PhoneNumber { sid } } }";
    practice.ask(query, json!({ "id": number["id"] })).await["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_service_that_takes_a_numbers_texts_elsewhere_is_reported_until_it_is_mended() {
    let variables = [("WEBHOOK_BASE_URL", PUBLIC_URL), ("RECONCILE_EVERY", "0s")];
    let practice = Practice::open_with(&variables, json!({})).await;
    let app = &practice.app;
    let id = json!({ "id": practice.made["phoneNumber"]["id"] });
    assert_eq!(reconcile(app).await, Vec::<Value>::new());
    let service = messaging(app, "Services", &[("FriendlyName", "Practice")]).await;
    let service = service["sid"].as_str().unwrap();
    let sid = local_sid(&practice).await;
    messaging(app, &format!("Services/{service}/PhoneNumbers"), &[("PhoneNumberSid", &sid)]).await;

    // A number that an operation has just changed is not compared.
    let reported = async |says: &'static str| {
        wait_until("the number is reported", SOON, async || {
            let found = reconcile(app).await;
            let detail = found.first()?["detail"].as_str()?.to_owned();
            assert_eq!((found.len(), &found[0]["kind"]), (1, &json!("MISDIRECTED_NUMBER")), "{found:?}");
            detail.contains(says).then_some(detail)
        })
        .await
    };
    for (url, says) in
        [("", "drops texts without a record"), ("https://elsewhere.example.com", "another address")]
    {
        messaging(app, &format!("Services/{service}"), &[("InboundRequestUrl", url)]).await;
        let detail = reported(says).await;
        assert!(detail.contains(service) && detail.contains("UseInboundWebhookOnNumber=true"), "{detail}");
    }
    // A repair says what to do, and leaves the service alone.
    let repaired = practice.ask(REPAIR, id.clone()).await;
    assert_eq!(repaired["operation"]["state"], "FAILED", "{repaired}");
    let why = repaired["operation"]["error"]["message"].as_str().unwrap();
    assert!(why.contains("UseInboundWebhookOnNumber=true") && why.contains("calls reach the agent"), "{why}");
    assert_eq!(repaired["phoneNumber"]["status"], "ACTIVE", "{repaired}");
    reported("another address").await;

    // A service that sends texts here, by its own address or by the number's, is as good.
    let here = format!("{PUBLIC_URL}/api/webhooks/message/incoming");
    let mended = [("InboundRequestUrl", &*here), ("UseInboundWebhookOnNumber", "true")];
    for setting in mended {
        messaging(app, &format!("Services/{service}"), &[setting]).await;
        assert_eq!(reconcile(app).await, Vec::<Value>::new(), "{setting:?}");
        messaging(app, &format!("Services/{service}"), &[("InboundRequestUrl", "")]).await;
    }
    let repaired = practice.ask(REPAIR, id).await;
    assert_eq!(repaired["operation"]["state"], "SUCCEEDED", "{repaired}");
}

#[tokio::test]
async fn a_number_without_text_messages_is_unsupported() {
    let practice = Practice::open(json!({})).await;
    let lacking = "UPDATE phone_numbers SET sms = false";
    practice.app.execute(lacking).await;
    let shown = practice.may_send(&practice.made["phoneNumber"]).await;
    assert_eq!(shown, ("UNSUPPORTED".to_owned(), "the number cannot send text messages".to_owned()));
}
