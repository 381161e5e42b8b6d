//! The one handle by which the server runs requests.

use async_graphql::Response;
use futures_util::Stream;
use serde_json::{Map, Value};

use super::context::{Caller, Services};

/// A request as it came over HTTP or a socket, decoded but not parsed.
#[derive(Debug, Clone, Default)]
pub struct GraphqlRequest {
    /// The document.
    pub query: String,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// The variables.
    pub variables: Map<String, Value>,
    /// Extensions, such as a persisted query's hash.
    pub extensions: Map<String, Value>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Executed {
    /// The answer.
    pub response: Response,
    /// Whether execution began: parsing, validation and limits had nothing to say against it.
    pub began: bool,
}

/// The API. Cheap to clone.
#[derive(Clone)]
pub struct Api {}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    /// The API over these services.
    #[must_use]
    pub fn new(_services: Services) -> Self {
        todo!()
    }

    /// Runs a query or mutation.
    pub async fn execute(&self, _caller: Caller, _request: GraphqlRequest) -> Executed {
        todo!()
    }

    /// Runs anything; a query or mutation answers once, a subscription until it ends.
    pub fn stream(
        &self,
        _caller: Caller,
        _request: GraphqlRequest,
    ) -> impl Stream<Item = Executed> + Send + use<> {
        futures_util::stream::empty()
    }
}
