//! Routing rules of the practice's number, and its plan.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Practice;

const SET: &str = "mutation($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) {
    phoneNumber { routingVersion routingRules { name condition { days from to timeZone dates callers }
        action { kind forwardTo ringSeconds message } } }
    userErrors { code field message } } }";
const PLAN: &str = "mutation($input: SetTenantPlanInput!) { setTenantPlan(input: $input) {
    viewer { userId plan { name } limits { concurrentCalls phoneNumbers } activeCalls usage { calls } }
    userErrors { code field message } } }";

impl Practice {
    /// Sets the number's rules, and gives the mutation's payload.
    pub(crate) async fn set(&self, rules: Value, expected: Option<i32>) -> Value {
        let input = json!({"phoneNumberId": self.made["phoneNumber"]["id"], "rules": rules, "expectedVersion": expected});
        self.ask(SET, json!({ "input": input })).await
    }

    /// Sets one rule for every call.
    pub(crate) async fn always(&self, action: Value) {
        let set = self.set(json!([{"name": "Always", "condition": {}, "action": action}]), None).await;
        assert_eq!(set["userErrors"], json!([]), "{set}");
    }

    /// Sets a tenant's plan as an operator, and gives the mutation's payload.
    pub(crate) async fn plan(&self, user: Uuid, name: &str, calls: i32, numbers: i32) -> Value {
        let input = json!({"userId": user, "name": name, "concurrentCalls": calls, "phoneNumbers": numbers});
        let answer = self.app.graphql(&self.app.operator_token(), PLAN, json!({ "input": input })).await;
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["setTenantPlan"].clone()
    }
}
