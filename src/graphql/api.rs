//! The one handle by which the server runs requests: the schema with its guard, deadlines, one trace line for each
//! operation, and errors made fit to be sent. HTTP and the socket both come through here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, Variables};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value};
use tracing::Instrument;

use super::context::{Caller, Services, Session};
use super::errors::{self, ApiError};
use super::limits::{self, Run};
use super::schema::{self, ApiSchema};
use super::trail::Trail;

/// How long a query may take.
const QUERY_TIME: Duration = Duration::from_secs(10);

/// How long a mutation may take: longer than it waits for its operation, so that an answer that tells what was
/// bought is not thrown away.
const MUTATION_TIME: Duration = Duration::from_secs(30);

/// A request as it came over HTTP or a socket, decoded but not parsed.
#[derive(Debug, Clone, Default)]
pub struct GraphqlRequest {
    /// The document.
    pub query: String,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// The variables.
    pub variables: Map<String, Value>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Executed {
    /// The answer; each of its errors has a code and the request's id.
    pub response: Response,
    /// Whether execution began: parsing, validation and limits had nothing to say against it.
    pub began: bool,
}

impl Executed {
    /// The code of the answer's first error; `None` when there is none.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        errors::first_code(&self.response.errors)
    }
}

/// What an operation does, as far as a transport cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Reads.
    Query,
    /// Writes.
    Mutation,
    /// Answers many times.
    Subscription,
}

/// The API. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: ApiSchema,
    services: Services,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    /// The API over these services.
    #[must_use]
    pub fn new(services: Services) -> Self {
        let schema = limits::guarded(schema::builder()).extension(Trail).finish();
        Self { schema, services }
    }

    /// Runs a query or mutation. Takes no longer than 10 seconds for a query, 30 for a mutation.
    pub async fn execute(&self, caller: Caller, request: GraphqlRequest) -> Executed {
        let (run, span) = (Arc::new(Run::with_one_answer()), span());
        let ending = Ending::new(&caller, &run);
        let request = prepare(request, &self.services, caller, &run);
        async {
            let response = tokio::select! {
                response = self.schema.execute(request) => response,
                () = overdue(&run) => late(),
            };
            ending.finish(response)
        }
        .instrument(span)
        .await
    }

    /// Runs anything; a query or mutation answers once, a subscription until it ends.
    pub fn stream(
        &self,
        caller: Caller,
        request: GraphqlRequest,
    ) -> impl Stream<Item = Executed> + Send + use<> {
        let (run, span) = (Arc::new(Run::default()), span());
        let ending = Ending::new(&caller, &run);
        let request = prepare(request, &self.services, caller, &run);
        let responses = self.schema.execute_stream(request);
        stream::unfold((Some(responses), ending, run), move |(responses, ending, run)| {
            let span = span.clone();
            async move {
                let mut responses = responses?;
                tokio::select! {
                    response = responses.next() => {
                        let executed = ending.finish(response?);
                        Some((executed, (Some(responses), ending, run)))
                    }
                    () = overdue(&run) => Some((ending.finish(late()), (None, ending, run))),
                }
            }
            .instrument(span)
        })
    }

    /// What the request's chosen operation does; `None` when the document is refused before that can be told.
    /// Costs no more than the guard allows; the document is not validated.
    #[must_use]
    pub fn kind_of(&self, request: &GraphqlRequest) -> Option<OperationKind> {
        Some(match limits::kind_of(&request.query, request.operation_name.as_deref())? {
            OperationType::Query => OperationKind::Query,
            OperationType::Mutation => OperationKind::Mutation,
            OperationType::Subscription => OperationKind::Subscription,
        })
    }
}

/// The library's request, with everything in it that resolvers ask their context for.
fn prepare(request: GraphqlRequest, services: &Services, caller: Caller, run: &Arc<Run>) -> Request {
    let GraphqlRequest { query, operation_name, variables } = request;
    let mut prepared = Request::new(query).variables(Variables::from_json(Value::Object(variables)));
    prepared.operation_name = operation_name;
    if caller.principal.is_none() {
        prepared = prepared.only_introspection();
    }
    Session::enter(services, caller, prepared.data(Arc::clone(run)))
}

fn span() -> tracing::Span {
    tracing::info_span!("graphql")
}

/// Ends when the request has had its time; never for a subscription.
async fn overdue(run: &Run) {
    tokio::time::sleep(QUERY_TIME).await;
    match run.kind() {
        Some(OperationType::Subscription) => std::future::pending().await,
        Some(OperationType::Mutation) => tokio::time::sleep(MUTATION_TIME - QUERY_TIME).await,
        Some(OperationType::Query) | None => {}
    }
}

fn late() -> Response {
    Response::from_errors(vec![ApiError::Timeout.into()])
}

/// What is done with every answer: errors are finished, and one line is traced. Never variables, never tokens.
struct Ending {
    request_id: String,
    run: Arc<Run>,
    started: Instant,
}

impl Ending {
    fn new(caller: &Caller, run: &Arc<Run>) -> Self {
        Self { request_id: caller.request_id.clone(), run: Arc::clone(run), started: Instant::now() }
    }

    fn finish(&self, mut response: Response) -> Executed {
        let began = self.run.began();
        errors::finish(&mut response.errors, began, &self.request_id);
        let kind = self.run.kind().map_or_else(|| "unknown".to_owned(), |kind| kind.to_string());
        tracing::info!(
            operation.kind = kind,
            operation.name = self.run.name().unwrap_or_default(),
            operation.complexity = self.run.complexity(),
            duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            request_id = self.request_id,
            errors = response.errors.len(),
            code = errors::first_code(&response.errors).unwrap_or_default(),
            "operation answered"
        );
        Executed { response, began }
    }
}
