//! Documents that cost more than they are worth: refused at once, whatever they would have cost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::App;

/// What real tools send to learn the schema: nine levels of wrapped types.
fn introspection() -> String {
    let of_type = (0..9).fold("kind name".to_owned(), |inner, _| format!("kind name ofType {{ {inner} }}"));
    format!(
        "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }}
         subscriptionType {{ name kind }} types {{ ...FullType }}
         directives {{ name description isRepeatable locations args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description specifiedByURL isOneOf
         fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }}
         type {{ ...TypeRef }} isDeprecated deprecationReason }}
         inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
         enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
         possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated
         deprecationReason }}
         fragment TypeRef on __Type {{ {of_type} }}"
    )
}

/// Fragments that each spread the next twice: 2^levels fields.
fn doubling(levels: usize, last: &str) -> String {
    let fragments = (0..levels).map(|at| format!("fragment F{at} on Query {{ ...F{0} ...F{0} }}", at + 1));
    let all: String = fragments.collect();
    format!("{{ ...F0 }} {all} fragment F{levels} on Query {{ {last} }}")
}

/// Fragments that each spread the next.
fn chain(length: usize) -> String {
    let fragments = (0..length).map(|at| format!("fragment F{at} on Query {{ ...F{} }}", at + 1));
    let all: String = fragments.collect();
    format!("{{ ...F0 }} {all} fragment F{length} on Query {{ __typename }}")
}

#[tokio::test]
async fn hostile_documents_are_rejected_at_once() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let nested = |open: &str, inner: &str, levels: usize| {
        format!("{}{inner}{}", open.repeat(levels), " }".repeat(levels))
    };
    let fields: String = (0..401).map(|_| "__typename ").collect();
    let aliases: String = (0..31).map(|at| format!("a{at}: __typename ")).collect();
    let operations: String = (0..11).map(|at| format!("query Q{at} {{ __typename }} ")).collect();
    let fragments: String = (0..51).map(|at| format!("fragment F{at} on Query {{ __typename }} ")).collect();
    let variables: Vec<String> = (0..101).map(|at| format!("$v{at}: Int")).collect();
    let directives = "@include(if: true) ".repeat(6);
    let hostile = [
        (doubling(24, "__typename"), "QUERY_TOO_COMPLEX"),
        (doubling(40, "__typename"), "QUERY_TOO_COMPLEX"),
        // Unused ones cost the rules as much.
        (
            format!("{{ __typename }} {}", doubling(24, "__typename").split_once('}').unwrap().1),
            "QUERY_TOO_COMPLEX",
        ),
        (
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ __typename } fragment A on Query { ...A }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        (format!("{{ {fields} }}"), "QUERY_TOO_COMPLEX"),
        (format!("{{ {aliases} }}"), "QUERY_TOO_COMPLEX"),
        (operations, "QUERY_TOO_COMPLEX"),
        (format!("{{ __typename }} {fragments}"), "QUERY_TOO_COMPLEX"),
        (format!("query ({}) {{ __typename }}", variables.join(" ")), "QUERY_TOO_COMPLEX"),
        (format!("{{ __typename {directives} }}"), "QUERY_TOO_COMPLEX"),
        (
            format!(
                "{{ __schema {{ types {}{{ name }}{} }} }}",
                "{ fields { type ".repeat(4),
                " } }".repeat(4)
            ),
            "QUERY_TOO_COMPLEX",
        ),
        (nested("{ a ", "{ b }", 5_000), "QUERY_TOO_COMPLEX"),
        (nested("{ agents ", "{ totalCount }", 16), "QUERY_TOO_COMPLEX"),
        (nested("{ ... ", "{ __typename }", 35), "QUERY_TOO_COMPLEX"),
        (chain(40), "QUERY_TOO_COMPLEX"),
        (format!("{{ a(b: {} }}", "[".repeat(9_000)), "QUERY_TOO_COMPLEX"),
        ("{".repeat(20_000), "QUERY_TOO_COMPLEX"),
        (format!("{{ __typename }}{}", " ".repeat(20_000)), "QUERY_TOO_COMPLEX"),
        (
            "subscription { a: callUpdated { id } b: callUpdated { id } }".to_owned(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ];
    for (document, code) in hostile {
        let began = Instant::now();
        let answer = app.graphql(&token, &document, json!({})).await;
        let shown: String = document.chars().take(80).collect();
        assert!(began.elapsed() < Duration::from_secs(1), "{shown} took {:?}", began.elapsed());
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{shown}: {answer}");
        // Ours, not the library's: its limits name neither a code nor what to do.
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(code != "QUERY_TOO_COMPLEX" || message.contains("allowed"), "{shown}: {answer}");
        assert!(answer.get("data").is_none(), "{shown}");
    }
    let long_name = format!("{{ {} }}", "x".repeat(10_000));
    let answer = app.graphql(&token, &long_name, json!({})).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().chars().count() <= 500);
    let many: Vec<String> = (0..390).map(|at| format!("x{at}")).collect();
    let answer = app.graphql(&token, &format!("{{ {} }}", many.join(" ")), json!({})).await;
    assert!(answer["errors"].as_array().unwrap().len() <= 50);
}

#[tokio::test]
async fn requests_of_real_tools_are_accepted() {
    let app = App::start().await;
    let token = app.token(Uuid::from_u128(1));
    let answer = app.graphql(&token, &introspection(), json!({})).await;
    assert!(answer.get("errors").is_none(), "{}", answer["errors"]);
    assert!(answer["data"]["__schema"]["types"].as_array().is_some_and(|types| types.len() > 20));

    let page = "query ($first: Int) { agents(first: $first) { totalCount pageInfo { hasNextPage } nodes { id name
        phoneNumbers(first: 20) { nodes { id number agent { id } } } calls(first: 20) { nodes { id status } } } } }";
    let answer = app.graphql(&token, page, json!({"first": 20})).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    let greedy =
        "{ agents(first: 100) { nodes { phoneNumbers(first: 100) { nodes { calls: agent { calls(first: 100)
        { nodes { id } } } } } } } }";
    let answer: Value = app.graphql(&token, greedy, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX", "{answer}");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("5000 is allowed"), "{answer}");
}
