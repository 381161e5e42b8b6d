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
use super::persisted::Persisted;
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
    /// The document; empty where its hash stands for it.
    pub query: String,
    /// The SHA-256 of the document, in hexadecimal digits, by which it is to be kept and found.
    pub persisted: Option<String>,
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

/// The API. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: ApiSchema,
    services: Services,
    persisted: Persisted,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    /// The API over these services; `introspection` says whether it tells its schema.
    #[must_use]
    pub fn new(services: Services, introspection: bool) -> Self {
        let persisted = Persisted::default();
        let schema = limits::guarded(schema::builder(), introspection);
        let schema = schema.extension(Trail).extension(persisted.clone()).finish();
        Self { schema, services, persisted }
    }

    /// Runs a query or mutation. Takes no longer than 10 seconds for a query, 30 for a mutation.
    pub async fn execute(&self, caller: Caller, request: GraphqlRequest) -> Executed {
        self.answer(caller, request, Run::with_one_answer()).await
    }

    /// Runs a query and refuses a mutation, whether its document or a hash of it was sent.
    pub async fn read(&self, caller: Caller, request: GraphqlRequest) -> Executed {
        self.answer(caller, request, Run::reading_only()).await
    }

    async fn answer(&self, caller: Caller, request: GraphqlRequest, run: Run) -> Executed {
        let (run, span) = (Arc::new(run), span());
        let ending = Ending::new(&caller, &run);
        let request = self.prepare(request, caller, &run);
        async {
            let response = match request {
                Ok(request) => tokio::select! {
                    response = self.schema.execute(request) => response,
                    () = overdue(&run) => failed(ApiError::Timeout),
                },
                Err(error) => failed(error),
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
        let responses = match self.prepare(request, caller, &run) {
            Ok(request) => self.schema.execute_stream(request).boxed(),
            Err(error) => stream::once(std::future::ready(failed(error))).boxed(),
        };
        stream::unfold((Some(responses), ending, run), move |(responses, ending, run)| {
            let span = span.clone();
            async move {
                let mut responses = responses?;
                tokio::select! {
                    response = responses.next() => {
                        let executed = ending.finish(response?);
                        Some((executed, (Some(responses), ending, run)))
                    }
                    () = overdue(&run) => {
                        Some((ending.finish(failed(ApiError::Timeout)), (None, ending, run)))
                    }
                }
            }
            .instrument(span)
        })
    }

    /// The library's request, with everything in it that resolvers ask their context for.
    fn prepare(&self, request: GraphqlRequest, caller: Caller, run: &Arc<Run>) -> Result<Request, ApiError> {
        let GraphqlRequest { query, persisted, operation_name, variables } = request;
        let (query, offer) = match persisted {
            Some(hash) => self.persisted.resolve(query, &hash)?,
            None => (query, None),
        };
        let mut prepared = Request::new(query).variables(Variables::from_json(Value::Object(variables)));
        prepared.operation_name = operation_name;
        if caller.principal.is_none() {
            prepared = prepared.only_introspection();
        } else if let Some(offer) = offer {
            prepared = prepared.data(offer);
        }
        Ok(Session::enter(&self.services, caller, prepared.data(Arc::clone(run))))
    }
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

fn failed(error: ApiError) -> Response {
    Response::from_errors(vec![error.into()])
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
