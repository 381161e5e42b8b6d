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
