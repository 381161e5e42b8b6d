//! Mutations that many tests begin with, as a client of the API sends them.

use serde_json::{Value, json};

use super::App;

pub(crate) const CREATE: &str = "mutation($input: CreateAgentInput!) { createAgent(input: $input) {
    agent { id name language firstMessage fallbackNumber status tokenPreview elevenlabsAgentId phoneNumber { number } }
    phoneNumber { id number status sid monthlyCost agent { name } }
    apiToken
    operation { id kind state step error { code } phoneNumber { number } agent { id } }
    userErrors { code message field suggestedAreaCodes }
} }";

pub(crate) const PROVISION: &str =
    "mutation($input: ProvisionPhoneNumberInput!) { provisionPhoneNumber(input: $input) {
    phoneNumber { id number status type countryCode capabilities { voice } agent { id } }
    operation { id kind state } userErrors { code message field suggestedAreaCodes } } }";

/// Creates an agent and gives the mutation's payload.
pub(crate) async fn create(app: &App, token: &str, input: Value) -> Value {
    let answer = app.graphql(token, CREATE, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["createAgent"].clone()
}

/// The second part of the path of each user error, in order.
pub(crate) fn faults(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors.iter().map(|error| error["field"][1].as_str().unwrap()).collect()
}

/// Buys a number and gives the mutation's payload.
pub(crate) async fn provision(app: &App, token: &str, input: Value) -> Value {
    let answer = app.graphql(token, PROVISION, json!({ "input": input })).await;
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"]["provisionPhoneNumber"].clone()
}

pub(crate) const IMPORT: &str =
    "mutation($input: ImportPhoneNumberInput!) { importPhoneNumber(input: $input) {
    phoneNumber { id number status origin label friendlyName countryCode monthlyCost sid }
    operation { id kind state } userErrors { code message field } } }";

impl App {
    /// Places a number in the carrier account that nobody uses, imports it as an operator, and gives the mutation's payload.
    pub(crate) async fn import(&self, input: Value) -> Value {
        self.place_numbers(json!({ "phone_number": input["number"] })).await;
        let imported = self.import_placed(input).await;
        assert_eq!(imported["userErrors"], json!([]), "{imported}");
        imported
    }

    /// Imports a number as an operator, and gives the mutation's payload.
    pub(crate) async fn import_placed(&self, input: Value) -> Value {
        let answer = self.graphql(&self.operator_token(), IMPORT, json!({ "input": input })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["importPhoneNumber"].clone()
    }
}
