//! A tenant, usually with an agent and a number, on a server of its own.

mod calls;
mod operations;
pub(crate) mod ports;
mod routing;

use serde_json::{Value, json};
use uuid::Uuid;

use super::App;
use super::api::create;

pub(crate) use calls::SIMULATE;
pub(crate) use operations::{CLEARED, DEADLINE, DELETE, HELD, NUMBERS, RELEASE};

/// The tenant of the practice.
pub(crate) const TENANT: Uuid = Uuid::from_u128(1);
const UPDATE: &str =
    "mutation($input: UpdateAgentInput!) { updateAgent(input: $input) { userErrors { message } } }";

/// A practice, and the server it is on.
pub(crate) struct Practice {
    pub(crate) app: App,
    pub(crate) token: String,
    /// What `createAgent` returned, `agent` and `phoneNumber` among it; `null` for a practice without an agent.
    pub(crate) made: Value,
    /// The number in E.164; empty for a practice without an agent.
    pub(crate) number: String,
}

impl Practice {
    /// Opens a practice with an agent and a number; the input is added to a usual one.
    pub(crate) async fn open(input: Value) -> Self {
        Self::open_with(&[], input).await
    }

    /// The same, on a server with these variables of the environment.
    pub(crate) async fn open_with(variables: &[(&'static str, &str)], input: Value) -> Self {
        let app = App::start_with(variables).await;
        let token = app.token(TENANT);
        let mut wanted = json!({"name": "Dr. Smith's Office Assistant", "areaCode": "212"});
        wanted.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let made = create(&app, &token, wanted).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        let number = made["phoneNumber"]["number"].as_str().unwrap().to_owned();
        Self { app, token, made, number }
    }

    /// Opens a practice without an agent, on a server that gives a provider one second for an answer and leaves every operation
    /// to its worker.
    pub(crate) async fn in_background() -> Self {
        let app = App::start_with(&[("OPERATION_WAIT", "0s"), ("PROVIDER_TIMEOUT", "1s")]).await;
        let token = app.token(TENANT);
        Self { app, token, made: Value::Null, number: String::new() }
    }

    /// Sends a query or a mutation of one field, and gives the field's value.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let answer = self.app.graphql(&self.token, query, variables).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].as_object().unwrap().values().next().unwrap().clone()
    }

    /// Changes the agent.
    pub(crate) async fn update(&self, change: Value) {
        let mut input = json!({"id": self.made["agent"]["id"]});
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let updated = self.ask(UPDATE, json!({ "input": input })).await;
        assert_eq!(updated["userErrors"], json!([]), "{updated}");
    }
}
