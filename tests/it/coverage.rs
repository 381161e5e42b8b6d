//! Who gets what, for every field there is: a field of the schema without a row here fails, so that none is added
//! without saying who may ask for it. What is somebody else's is answered exactly as what does not exist.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;

const SCHEMA: &str = include_str!("../../schema.graphql");

const TENANT: Uuid = Uuid::from_u128(1);
const NAME: &str = "Coverage Dental";
/// Who sends texts to the practice.
const PATIENT: &str = "+13125550177";

/// Nobody, an expired token and an operator who has not said for whom are turned away from all of it. Another tenant
/// sees nothing of it. The tenant itself sees and may do all of it. So the rows say what an agent's token gets. What is
/// for operators alone they get without saying for whom, and everybody else is refused, or sees nothing of it.
const ROWS: &[Row] = &[
    row("Query.agent", "query($id: ID!) { agent(id: $id) { id name } }", On::Agent, Gets::It),
    row("Query.agents", "{ agents { nodes { id name } totalCount } }", On::Nothing, Gets::It),
    row("Query.auditEvents", "{ auditEvents { nodes { id } totalCount } }", On::Nothing, Gets::Refused),
    row("Query.availablePhoneNumbers", "{ availablePhoneNumbers { number } }", On::Nothing, Gets::Refused),
    row(
        "Query.callStatistics",
        "query($id: ID) { callStatistics(from: \"2026-01-01T00:00:00Z\", to: \"2026-01-02T00:00:00Z\", agentId: $id) { calls } }",
        On::Agent,
        Gets::It,
    ),
    row("Query.calls", "{ calls { nodes { id from } totalCount } }", On::Nothing, Gets::It),
    row(
        "Query.calls",
        "query($id: ID) { calls(filter: {agentId: $id}) { nodes { id } totalCount } }",
        On::Agent,
        Gets::It,
    ),
    row(
        "Query.calls",
        "query($id: ID) { calls(filter: {phoneNumberId: $id}) { totalCount } }",
        On::Number,
        Gets::It,
    ),
    row("Query.callGroups", "{ callGroups { nodes { id name members { agent { id } } } totalCount } }", On::Nothing, Gets::Nothing),
    row("Query.keptNumbers", "{ keptNumbers { nodes { id number } totalCount } }", On::Nothing, Gets::It),
    row(
        "Query.portability",
        "{ portability(number: \"+17185557777\") { portable } }",
        On::Nothing,
        Gets::Refused,
    ),
    row("Query.messages", "{ messages { nodes { id body } totalCount } }", On::Nothing, Gets::It),
    row(
        "Query.messages",
        "query($id: ID) { messages(filter: {threadId: $id}) { nodes { id } totalCount } }",
        On::Thread,
        Gets::It,
    ),
    row(
        "Query.messageThreads",
        "query($id: ID) { messageThreads(filter: {agentId: $id}) { nodes { id lastMessage { id } } totalCount } }",
        On::Agent,
        Gets::It,
    ),
    row("Query.estimateMessage", "{ estimateMessage(body: \"Hello\") { segments } }", On::Nothing, Gets::It),
    row("Query.carrierAccounts", "{ carrierAccounts { id kind status } }", On::Nothing, Gets::Refused),
    for_operators("Query.health", "{ health { status components { name status detail since } } }"),
    row("Query.node", NODE, On::Number, Gets::It),
    row("Query.nodes", "query($id: ID!) { nodes(ids: [$id]) { id } }", On::Agent, Gets::It),
    row("Query.operation", "query($id: ID!) { operation(id: $id) { id state } }", On::Operation, Gets::It),
    row_for_all(
        "Query.operations",
        "{ operations { nodes { id state } totalCount } }",
        On::Nothing,
        Gets::It,
    ),
    row_for_all(
        "Query.operations",
        "query($id: ID) { operations(filter: {agentId: $id}) { nodes { id } totalCount } }",
        On::Agent,
        Gets::It,
    ),
    row_for_all(
        "Query.operations",
        "query($id: ID) { operations(filter: {phoneNumberId: $id}) { nodes { id } totalCount } }",
        On::Number,
        Gets::It,
    ),
    row("Query.phoneNumber", "query($id: ID!) { phoneNumber(id: $id) { id number } }", On::Number, Gets::It),
    row(
        "Query.phoneNumber",
        "query($id: E164!) { phoneNumber(number: $id) { id } }",
        On::NumberItself,
        Gets::It,
    ),
    row("Query.phoneNumbers", "{ phoneNumbers { nodes { id number } totalCount } }", On::Nothing, Gets::It),
    row(
        "Query.phoneNumbers",
        "query($id: ID) { phoneNumbers(filter: {agentId: $id}) { totalCount } }",
        On::Agent,
        Gets::It,
    ),
    for_operators("Query.reconciliation", "{ reconciliation { complete differences { kind } } }"),
    for_operators("Query.unreadableRows", "{ unreadableRows { table rowId column } }"),
    row_for_all("Query.session", "{ session { role tenantId sandbox } }", On::Nothing, Gets::It),
    for_operators("Query.tenants", "{ tenants { nodes { userId agentCount } totalCount } }"),
    row(
        "Query.simulateCall",
        "query($id: E164!) { simulateCall(number: $id) { outcome reason } }",
        On::NumberItself,
        Gets::Refused,
    ),
    row("Query.viewer", "{ viewer { id userId activeCalls usage { calls } } }", On::Nothing, Gets::Refused),
    row("Agent implements Node", NODE, On::Agent, Gets::It),
    row("AuditEvent implements Node", NODE, On::AuditEvent, Gets::Nothing),
    row("CallGroup implements Node", NODE, On::CallGroup, Gets::Nothing),
    row("Call implements Node", NODE, On::Call, Gets::It),
    row("CarrierAccount implements Node", NODE, On::CarrierAccount, Gets::Nothing),
    row("KeptNumber implements Node", NODE, On::KeptNumber, Gets::It),
    row("Message implements Node", NODE, On::Message, Gets::It),
    row("MessageThread implements Node", NODE, On::Thread, Gets::It),
    row("Operation implements Node", NODE, On::Operation, Gets::It),
    row("PhoneNumber implements Node", NODE, On::Number, Gets::It),
    row("Viewer implements Node", NODE, On::Tenant, Gets::Nothing),
    Row {
        field: "Tenant implements Node",
        document: NODE,
        on: On::TenantRecord,
        whose: Whose::OperatorsNodes,
    },
    row(
        "Subscription.operationUpdated",
        "subscription($id: ID!) { operationUpdated(id: $id) { id } }",
        On::Operation,
        Gets::It,
    ),
    row(
        "Subscription.callUpdated",
        "subscription($id: ID) { callUpdated(agentId: $id) { id } }",
        On::Agent,
        Gets::It,
    ),
    row(
        "Subscription.messageUpdated",
        "subscription($id: ID) { messageUpdated(threadId: $id) { id } }",
        On::Thread,
        Gets::It,
    ),
    // Before anything is bought in it.
    row(
        "Mutation.disconnectCarrierAccount",
        "mutation($id: ID!) { disconnectCarrierAccount(input: {id: $id}) { carrierAccount { id } userErrors { code message } } }",
        On::CarrierAccount,
        Gets::Refused,
    ),
    row(
        "Mutation.keepPhoneNumber",
        "mutation($id: ID!) { keepPhoneNumber(input: {agentId: $id, number: \"+17185557778\"}) {
            keptNumber { id } userErrors { code message } } }",
        On::Agent,
        Gets::Refused,
    ),
    row(
        "Mutation.announceTestCall",
        "mutation($id: ID!) { announceTestCall(input: {keptNumberId: $id, from: \"+13125550177\"}) {
            keptNumber { id } userErrors { code message } } }",
        On::KeptNumber,
        Gets::Refused,
    ),
    row(
        "Mutation.requestPort",
        "mutation($id: ID!) { requestPort(input: {keptNumberId: $id, customerName: \"Practice\",
            representative: \"R. R.\", representativeEmail: \"office@practice.example\", street: \"1 Main Street\",
            city: \"New York\", region: \"NY\", postalCode: \"10001\",
            bill: {contentType: \"application/pdf\", base64: \"JVBERi0xLjc=\"}}) {
            keptNumber { id } userErrors { code message } } }",
        On::KeptNumber,
        Gets::Refused,
    ),
    row(
        "Mutation.cancelPort",
        "mutation($id: ID!) { cancelPort(input: {keptNumberId: $id}) { keptNumber { id } userErrors { code message } } }",
        On::KeptNumber,
        Gets::Refused,
    ),
    row(
        "Mutation.sendMessage",
        "mutation($id: ID!) { sendMessage(input: {phoneNumberId: $id, to: \"+13125550177\", body: \"Hello\"}) {
            message { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    row(
        "Mutation.setThreadHandling",
        "mutation($id: ID!) { setThreadHandling(input: {threadId: $id, handling: PERSON}) {
            thread { id } userErrors { code message } } }",
        On::Thread,
        Gets::Refused,
    ),
    row(
        "Mutation.setMessagingConsent",
        "mutation($id: ID!) { setMessagingConsent(input: {phoneNumberId: $id, participant: \"+13125550177\", consent: OPTED_IN}) {
            thread { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    row(
        "Mutation.createAgent",
        "mutation { createAgent(input: {name: \"New\", provisionPhone: false}) { userErrors { code } } }",
        On::Nothing,
        Gets::Refused,
    ),
    row(
        "Mutation.updateAgent",
        "mutation($id: ID!) { updateAgent(input: {id: $id, prompt: \"Be brief.\"}) { userErrors { code message } } }",
        On::Agent,
        Gets::Refused,
    ),
    row(
        "Mutation.rotateAgentToken",
        "mutation($id: ID!) { rotateAgentToken(input: {id: $id}) { agent { id } userErrors { code message } } }",
        On::Agent,
        Gets::Refused,
    ),
    row(
        "Mutation.connectCarrierAccount",
        "mutation { connectCarrierAccount(input: {accountSid: \"AC00000000000000000000000000000001\",
            authToken: \"11111111111111111111111111111111\"}) { carrierAccount { id } userErrors { code message } } }",
        On::Nothing,
        Gets::Refused,
    ),
    row(
        "Mutation.movePhoneNumber",
        "mutation($id: ID!) { movePhoneNumber(input: {id: $id,
            carrierAccountId: \"carrieraccount_00000000000000000000000000000000\"}) { operation { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    row(
        "Mutation.provisionPhoneNumber",
        "mutation($id: ID!) { provisionPhoneNumber(input: {agentId: $id, additional: true}) {
            userErrors { code message } } }",
        On::Agent,
        Gets::Refused,
    ),
    row(
        "Mutation.repairPhoneNumber",
        "mutation($id: ID!) { repairPhoneNumber(input: {id: $id}) { operation { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    Row {
        field: "Mutation.importPhoneNumber",
        document: "mutation($id: ID) { importPhoneNumber(input: {number: \"+12015550142\", agentId: $id}) {
            operation { id } userErrors { code message } } }",
        on: On::Agent,
        // A tenant imports from a carrier account of its own, which is named.
        whose: Whose::Operators,
    },
    row(
        "Mutation.restorePhoneNumber",
        "mutation($id: ID!) { restorePhoneNumber(input: {id: $id}) { operation { id } userErrors { code message } } }",
        On::ImportedNumber,
        Gets::Refused,
    ),
    row(
        "Mutation.setPrimaryPhoneNumber",
        "mutation($id: ID!) { setPrimaryPhoneNumber(input: {id: $id}) { phoneNumber { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    row(
        "Mutation.setRoutingRules",
        "mutation($id: ID!) { setRoutingRules(input: {phoneNumberId: $id, rules: []}) {
            phoneNumber { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    for_operators(
        "Mutation.setTenantPlan",
        "mutation { setTenantPlan(input: {userId: \"00000000-0000-0000-0000-000000000009\", name: \"Solo\",
            concurrentCalls: 1, phoneNumbers: 1}) { viewer { userId } userErrors { code message } } }",
    ),
    row(
        "Mutation.assignPhoneNumber",
        "mutation($id: ID!) { assignPhoneNumber(input: {id: $id, label: \"Front desk\"}) {
            phoneNumber { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    row(
        "Mutation.createCallGroup",
        "mutation($id: ID!) { createCallGroup(input: {name: \"Nights\", strategy: OVERFLOW, members: [{agentId: $id}]}) {
            callGroup { id } userErrors { code message } } }",
        On::Agent,
        Gets::Refused,
    ),
    row(
        "Mutation.updateCallGroup",
        "mutation($id: ID!) { updateCallGroup(input: {id: $id, name: \"Days\"}) {
            callGroup { id } userErrors { code message } } }",
        On::CallGroup,
        Gets::Refused,
    ),
    row(
        "Mutation.deleteCallGroup",
        "mutation($id: ID!) { deleteCallGroup(input: {id: $id}) { callGroup { id } userErrors { code message } } }",
        On::CallGroup,
        Gets::Refused,
    ),
    row(
        "Mutation.releasePhoneNumber",
        "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { operation { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    row(
        "Mutation.cancelRelease",
        "mutation($id: ID!) { cancelRelease(input: {id: $id}) { phoneNumber { id } userErrors { code message } } }",
        On::Number,
        Gets::Refused,
    ),
    row(
        "Mutation.deleteAgent",
        "mutation($id: ID!) { deleteAgent(input: {id: $id}) { agent { id } userErrors { code message } } }",
        On::Agent,
        Gets::Refused,
    ),
];

const NODE: &str = "query($id: ID!) { node(id: $id) { __typename id } }";

/// A field, and one way to ask for it. The tenant runs the rows in their order, so what destroys stands last.
struct Row {
    field: &'static str,
    document: &'static str,
    on: On,
    whose: Whose,
}

/// Whom a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The tenant; and this is what an agent's token gets.
    Tenants(Gets),
    /// The same, and an operator who has not said for whom gets it of all tenants.
    Everybodys(Gets),
    /// Operators.
    Operators,
    /// Operators, by an id that names nothing to everybody else.
    OperatorsNodes,
}

const fn row(field: &'static str, document: &'static str, on: On, agent: Gets) -> Row {
    Row { field, document, on, whose: Whose::Tenants(agent) }
}

const fn row_for_all(field: &'static str, document: &'static str, on: On, agent: Gets) -> Row {
    Row { field, document, on, whose: Whose::Everybodys(agent) }
}

const fn for_operators(field: &'static str, document: &'static str) -> Row {
    Row { field, document, on: On::Nothing, whose: Whose::Operators }
}

impl Row {
    /// What somebody gets to whom a tenant's own fields give this.
    fn gives(&self, of_tenants: Gets) -> Gets {
        match self.whose {
            Whose::Operators => Gets::Refused,
            Whose::OperatorsNodes => Gets::Nothing,
            Whose::Tenants(_) | Whose::Everybodys(_) => of_tenants,
        }
    }
}

/// What `$id` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Nothing,
    Agent,
    Number,
    NumberItself,
    ImportedNumber,
    Operation,
    Call,
    KeptNumber,
    Message,
    Thread,
    CallGroup,
    AuditEvent,
    CarrierAccount,
    Tenant,
    TenantRecord,
}

/// What an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gets {
    /// What was asked for.
    It,
    /// What is answered where there is nothing.
    Nothing,
    /// `FORBIDDEN`, and no data.
    Refused,
}

/// A tenant with one of everything, and the ids of each.
struct Subject {
    app: App,
    expired: String,
    agent_token: String,
    ids: Vec<(On, String)>,
}

impl Subject {
    async fn open() -> Self {
        let app = App::start_with(&[
            ("RELEASE_GRACE", "20m"),
            ("RATE_LIMIT_PER_MINUTE", "0"),
            ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "0"),
            ("CARRIER_ACCOUNTS", "subaccount"),
            ("ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ])
        .await;
        let expired = app.token(TENANT);
        app.advance(std::time::Duration::from_secs(2 * 3600));
        let token = app.token(TENANT);
        let create = "mutation($name: String!) { createAgent(input: {name: $name, areaCode: \"212\"}) {
            agent { id } phoneNumber { id number } operation { id } apiToken } }";
        let made = app.graphql(&token, create, json!({"name": NAME})).await["data"]["createAgent"].clone();
        app.place_call(json!({"to": made["phoneNumber"]["number"]})).await;
        let text = json!({"to": made["phoneNumber"]["number"], "from": PATIENT, "body": "Hello?"});
        app.place_text(text).await;
        let group = "mutation($id: ID!) { createCallGroup(input: {name: \"Front desk\", strategy: WEIGHTED,
            members: [{agentId: $id}]}) { callGroup { id } } }";
        let group =
            app.graphql(&token, group, json!({"id": made["agent"]["id"]})).await["data"]["createCallGroup"]
                .clone();
        let keep = "mutation($id: ID!) { keepPhoneNumber(input: {agentId: $id, number: \"+17185557777\"}) {
            keptNumber { id } userErrors { message } } }";
        let kept =
            app.graphql(&token, keep, json!({"id": made["agent"]["id"]})).await["data"]["keepPhoneNumber"]
                .clone();
        let imported = app.import(json!({"number": "+12015550143", "agentId": made["agent"]["id"]})).await;
        let own = json!({"sid": "AC00000000000000000000000000000001", "auth_token": "1".repeat(32)});
        app.open_account(own).await;
        let connect =
            "mutation { connectCarrierAccount(input: {accountSid: \"AC00000000000000000000000000000001\",
            authToken: \"11111111111111111111111111111111\"}) { carrierAccount { id } } }";
        let connected = app.graphql(&token, connect, json!({})).await["data"].clone();
        let rest = "{ viewer { id } calls { nodes { id } } auditEvents { nodes { id } }
            messages { nodes { id thread { id } } } }";
        let rest = app.graphql(&token, rest, json!({})).await["data"].clone();
        let tenants = "{ tenants { nodes { id } } }";
        let tenants = app.graphql(&app.operator_token(), tenants, json!({})).await["data"].clone();
        let ids = [
            (On::Agent, &made["agent"]["id"]),
            (On::Number, &made["phoneNumber"]["id"]),
            (On::NumberItself, &made["phoneNumber"]["number"]),
            (On::ImportedNumber, &imported["phoneNumber"]["id"]),
            (On::Operation, &made["operation"]["id"]),
            (On::Call, &rest["calls"]["nodes"][0]["id"]),
            (On::KeptNumber, &kept["keptNumber"]["id"]),
            (On::Message, &rest["messages"]["nodes"][0]["id"]),
            (On::Thread, &rest["messages"]["nodes"][0]["thread"]["id"]),
            (On::CallGroup, &group["callGroup"]["id"]),
            (On::AuditEvent, &rest["auditEvents"]["nodes"][0]["id"]),
            (On::CarrierAccount, &connected["connectCarrierAccount"]["carrierAccount"]["id"]),
            (On::Tenant, &rest["viewer"]["id"]),
            (On::TenantRecord, &tenants["tenants"]["nodes"][0]["id"]),
        ];
        let ids = ids.map(|(on, id)| (on, id.as_str().unwrap().to_owned())).into();
        let agent_token = made["apiToken"].as_str().unwrap().to_owned();
        Self { app, expired, agent_token, ids }
    }

    fn id(&self, on: On) -> Option<&str> {
        self.ids.iter().find(|(of, _)| *of == on).map(|(_, id)| id.as_str())
    }

    /// What names nothing, in the same form.
    fn absent(&self, on: On) -> Option<String> {
        let id = self.id(on)?;
        Some(match id.split_once('_') {
            // Not all zeros, which is the platform's own account.
            Some((kind, _)) => format!("{kind}_{}", "0123".repeat(8)),
            None => "+12125559999".to_owned(),
        })
    }

    /// The answer as it came, but for the request's id; null for who is not let in at all.
    async fn ask(&self, presented: &Value, row: &Row, id: Option<&str>) -> Value {
        let variables = id.map_or_else(|| json!({}), |id| json!({ "id": id }));
        let mut answer = if row.document.starts_with("subscription") {
            self.watch(presented, row, variables).await
        } else {
            let mut request = self.app.http().post(format!("{}/graphql", self.app.base_url()));
            for (name, value) in presented.as_object().unwrap() {
                request = request.header(name, value.as_str().unwrap());
            }
            let body = json!({"query": row.document, "variables": variables});
            request.json(&body).send().await.unwrap().json().await.unwrap()
        };
        for error in answer["errors"].as_array_mut().into_iter().flatten() {
            let extensions = error["extensions"].as_object_mut().unwrap();
            assert!(extensions.remove("requestId").is_some(), "{}: {error}", row.field);
        }
        answer
    }

    /// The first event, of those that calls and texts to the practice's number make, or the error in its place.
    async fn watch(&self, presented: &Value, row: &Row, variables: Value) -> Value {
        if self.app.connect(presented.clone()).await.is_none() {
            return json!({"errors": [{"extensions": {"code": "UNAUTHENTICATED", "requestId": ""}}]});
        }
        let mut watched = self.app.watch_as(presented.clone(), row.document, variables).await;
        let calls = async {
            loop {
                let number = self.id(On::NumberItself);
                self.app.place_call(json!({"to": number})).await;
                self.app.place_text(json!({"to": number, "from": PATIENT, "body": "Hello again"})).await;
            }
        };
        tokio::select! {
            first = watched.next() => first.unwrap(),
            () = calls => unreachable!(),
        }
    }

    async fn assert_gets(&self, gets: Gets, who: &str, presented: &Value, row: &Row) {
        let id = self.id(row.on);
        let answer = self.ask(presented, row, id).await;
        let context = format!("{who} asks for {} by {}: {answer}", row.field, row.document);
        match gets {
            Gets::It => {
                assert!(answer["errors"].is_null(), "{context}");
                let payload = answer["data"].as_object().unwrap().values().next().unwrap();
                // No report was written yet: nobody but operators is told even that.
                if row.whose == Whose::Operators {
                    return;
                }
                assert!(!payload.is_null() && *payload != json!([null]), "{context}");
                let wrong = payload.get("userErrors").unwrap_or(&Value::Null);
                assert!(wrong.is_null() || *wrong == json!([]), "{context}");
                assert_ne!(payload["totalCount"], 0, "{context}");
            }
            Gets::Nothing => {
                let absent = self.absent(row.on);
                assert_eq!(answer, self.ask(presented, row, absent.as_deref()).await, "{context}");
                let text = answer.to_string();
                let told =
                    self.ids.iter().map(|(_, id)| id.as_str()).chain([NAME]).find(|it| text.contains(it));
                assert_eq!(told, None, "{context}");
            }
            Gets::Refused => refused("FORBIDDEN", &answer, &context),
        }
    }
}

fn refused(code: &str, answer: &Value, context: &str) {
    assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{context}");
    let data = answer.get("data").and_then(Value::as_object).into_iter().flatten();
    let shown: Vec<_> = data.filter(|(_, value)| !value.is_null() && **value != json!([null])).collect();
    assert!(shown.is_empty(), "{context}");
}

/// The fields of the three roots, and the types that have a global id.
fn fields() -> BTreeSet<String> {
    let (mut fields, mut root, mut described) = (BTreeSet::new(), None, false);
    for line in SCHEMA.lines() {
        if line.trim() == "\"\"\"" {
            described = !described;
        }
        if described {
            continue;
        }
        if let Some((name, _)) =
            line.strip_prefix("type ").and_then(|rest| rest.split_once(" implements Node"))
        {
            fields.insert(format!("{name} implements Node"));
        }
        if let Some(name) = line.strip_prefix("type ") {
            let name = name.trim_end_matches(" {");
            root = ["Query", "Mutation", "Subscription"].into_iter().find(|root| *root == name);
        }
        let field = line.strip_prefix("  ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        if let (Some(root), Some(field)) = (root, field) {
            fields.insert(format!("{root}.{}", field.split(['(', ':']).next().unwrap()));
        }
        if line == "}" {
            root = None;
        }
    }
    fields
}

#[tokio::test]
async fn every_field_is_given_only_to_those_who_may_read_it() {
    let listed: BTreeSet<String> = ROWS.iter().map(|row| row.field.to_owned()).collect();
    let fields = fields();
    let (unlisted, gone) = (fields.difference(&listed), listed.difference(&fields));
    assert_eq!(unlisted.collect::<Vec<_>>(), Vec::<&String>::new(), "say in ROWS who may ask for these");
    assert_eq!(gone.collect::<Vec<_>>(), Vec::<&String>::new(), "the schema does not have these");

    let practice = Subject::open().await;
    let bearer = |token: &str| json!({ "Authorization": format!("Bearer {token}") });
    let operator = bearer(&practice.app.operator_token());
    for row in ROWS {
        for (who, code, presented) in [
            ("nobody", "UNAUTHENTICATED", json!({})),
            ("an expired token", "UNAUTHENTICATED", bearer(&practice.expired)),
            ("an operator for nobody", "FORBIDDEN", operator.clone()),
        ] {
            if !matches!(row.whose, Whose::Tenants(_)) && code == "FORBIDDEN" {
                practice.assert_gets(Gets::It, who, &presented, row).await;
                continue;
            }
            let answer = practice.ask(&presented, row, practice.id(row.on)).await;
            refused(code, &answer, &format!("{who} asks for {}: {answer}", row.field));
        }
    }
    let stranger = bearer(&practice.app.token(Uuid::from_u128(2)));
    for row in ROWS {
        // Whom it asks of nothing in particular, it asks for its own.
        practice.assert_gets(row.gives(Gets::Nothing), "a stranger", &stranger, row).await;
    }
    let agent = json!({ "X-Agent-Token": practice.agent_token });
    for row in ROWS {
        let gets = match row.whose {
            Whose::Tenants(gets) | Whose::Everybodys(gets) => gets,
            Whose::Operators | Whose::OperatorsNodes => row.gives(Gets::Nothing),
        };
        practice.assert_gets(gets, "an agent", &agent, row).await;
    }
    let owner = bearer(&practice.app.token(TENANT));
    for row in ROWS {
        practice.assert_gets(row.gives(Gets::It), "the tenant", &owner, row).await;
    }
}
