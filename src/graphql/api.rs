//! Executes GraphQL requests: the schema with its guard, time limits, the log's summary of each operation, and
//! errors fit for clients. HTTP and sockets both come through here.
//!
//! When a response is handed over, the request's transaction has ended: how long it takes to send
//! concerns only the client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, ServerError, ServerResult, Variables};
use futures_util::future::ready;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::context::{Caller, MAX_ANSWER, Services, Session, Turn, Turns};
use super::documents::{Documents, Validated};
use super::errors::{self, ApiError};
use super::limits::{self, Document, Run};
use super::persisted::{Offer, Persisted};
use super::rounds::Rounds;
use super::schema::{self, ApiSchema};
use super::trail;
use crate::auth::Principal;
use crate::domain::TenantId;

/// Time limit of a query.
const QUERY_TIME: Duration = Duration::from_secs(10);

/// Time limit of a mutation. Longer than the longest `OPERATION_WAIT` (25 s), so that an answer about a
/// purchase, which may hold a token that is shown once, is not discarded.
const MUTATION_TIME: Duration = Duration::from_secs(30);

/// A request from HTTP or a socket, decoded but not parsed.
#[derive(Debug, Clone, Default)]
pub struct GraphqlRequest {
    /// The document; empty if only its hash was sent.
    pub query: String,
    /// SHA-256 of the document in hexadecimal, of an automatic persisted query.
    pub persisted: Option<String>,
    /// Name of the operation to execute.
    pub operation_name: Option<String>,
    /// Values of the variables that the document declares.
    pub variables: Map<String, Value>,
}

/// Result of a request.
#[derive(Debug)]
pub struct Executed {
    /// The response as JSON, at most 10 MB long.
    pub body: String,
    /// Errors of the response; each has a code and the request's id.
    pub errors: Vec<ServerError>,
    /// Whether execution started, after parsing, validation and limits.
    pub began: bool,
    /// Summary for the log.
    pub summary: Summary,
    /// Turn of a socket's request, held until the response is sent.
    pub turn: Option<Turn>,
}

/// Summary of a request for the log. Contains no variables and no tokens.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The caller's tenant, also for an agent's token; `None` for operators and unauthenticated callers.
    pub tenant: Option<TenantId>,
    /// Type of the operation; `unknown` if the document was not parsed.
    pub kind: &'static str,
    /// Name of the operation; empty if it has none.
    pub name: String,
    /// Complexity of the operation; 0 before validation.
    pub complexity: usize,
    /// Number of errors in the response.
    pub errors: usize,
    /// Code of the first error; empty if there is none.
    pub code: String,
}

impl Executed {
    /// Code of the first error, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        errors::first_code(&self.errors)
    }
}

/// Executes GraphQL requests. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    validating: ApiSchema,
    executing: ApiSchema,
    introspection: bool,
    services: Services,
    persisted: Persisted,
    documents: Documents,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

/// A request with a parsed document that passed the guard.
struct Prepared {
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Map<String, Value>,
    session: Arc<Session>,
    /// Document to store under its hash once it is valid.
    offer: Option<Offer>,
}

impl Api {
    /// Creates the API over these services, with or without introspection.
    #[must_use]
    pub fn new(services: Services, introspection: bool) -> Self {
        Self {
            validating: limits::validating(schema::builder(), introspection),
            executing: limits::executing(schema::builder(), introspection),
            introspection,
            services,
            persisted: Persisted::default(),
            documents: Documents::default(),
        }
    }

    /// Executes a query or mutation, within 10 seconds for a query, 30 for a mutation.
    pub async fn execute(&self, caller: Caller, request: GraphqlRequest) -> Executed {
        self.answer(caller, request, Run::with_one_answer()).await
    }

    /// Executes a query; rejects mutations, also those sent by hash.
    pub async fn read(&self, caller: Caller, request: GraphqlRequest) -> Executed {
        self.answer(caller, request, Run::reading_only()).await
    }

    async fn answer(&self, caller: Caller, request: GraphqlRequest, run: Run) -> Executed {
        let run = Arc::new(run);
        let ending = Ending::new(&caller, &run);
        let session = Arc::new(Session::new(self.services.clone(), caller, None));
        let prepared = self.prepare(request, session, &run);
        let rounds = Rounds::default();
        // On the heap, since it is large and is moved from one layer of the server to the next.
        let work = Box::pin(async {
            match self.admit(prepared?, &run, &rounds).await {
                Ok(request) => Ok(self.executing.execute(request).await),
                Err(refused) => Ok(refused),
            }
        });
        let response = tokio::select! {
            response = rounds.run(work) => response,
            // Dropping the request rolls back its transaction. A committed operation continues in the
            // background.
            () = overdue(&run) => Ok(failed(ApiError::Timeout)),
        };
        ending.finish(response.unwrap_or_else(refused))
    }

    /// Executes any operation. A query or mutation yields one response, a subscription one for each event until
    /// it ends. Each response is made in its own task, so that it proceeds while the socket sends the previous
    /// one. At most as many responses as there are `turns` are in progress or waiting to be sent. `started` is
    /// sent when a subscription misses no change any more; it is dropped if that never happens.
    pub fn stream(
        &self,
        caller: Caller,
        request: GraphqlRequest,
        turns: Turns,
        started: oneshot::Sender<()>,
    ) -> impl Stream<Item = Executed> + Send + use<> {
        let (run, span) = (Arc::new(Run::default()), span());
        let ending = Ending::new(&caller, &run);
        let session = Session::new(self.services.clone(), caller, Some(turns)).with_start_signal(started);
        let session = Arc::new(session);
        let prepared = self.prepare(request, Arc::clone(&session), &run);
        let rounds = Rounds::default();
        let admitted = {
            let (api, run, rounds, session) =
                (self.clone(), Arc::clone(&run), rounds.clone(), Arc::clone(&session));
            async move {
                session.take_turn().await;
                let admitted = match prepared {
                    Ok(prepared) => api.admit(prepared, &run, &rounds).await,
                    Err(error) => Err(refused(error)),
                };
                match admitted {
                    Ok(request) => api.executing.execute_stream(request),
                    Err(refused) => stream::once(ready(refused)).boxed(),
                }
            }
        };
        let responses = rounds.stream(stream::once(admitted).flatten().boxed()).boxed();
        let answers = Answers { responses, ending, run, session };
        stream::unfold(Some(answers), move |answers| {
            // Aborted with the stream, so that an operation that the client ends leaves no task behind.
            let making = answers
                .map(|answers| AbortOnDropHandle::new(tokio::spawn(answers.next().instrument(span.clone()))));
            // A panic ends this operation, not the socket.
            async move { making?.await.ok()? }
        })
    }

    /// Finds or parses the document and applies the guard's checks to the request.
    fn prepare(&self, request: GraphqlRequest, session: Arc<Session>, run: &Run) -> ServerResult<Prepared> {
        let GraphqlRequest { query, persisted, operation_name, variables } = request;
        let (query, offer) = match persisted {
            Some(hash) => self.persisted.resolve(query, &hash)?,
            None => (query, None),
        };
        let wanted = operation_name.as_deref();
        let document = match self.documents.find(&query) {
            Some(document) => document,
            None => Arc::new(Document::read_for(&query, self.introspection, wanted, run)?),
        };
        document.check(wanted, &variables, run, !session.is_authenticated())?;
        Ok(Prepared { document, operation_name, variables, session, offer })
    }

    /// Validates a request, unless it is known to be valid, and records an operator's access in the audit
    /// trail. Only then is it executed.
    async fn admit(&self, prepared: Prepared, run: &Arc<Run>, rounds: &Rounds) -> Result<Request, Response> {
        let Prepared { document, operation_name, variables, session, offer } = prepared;
        // The map is ordered, so that the same variables are the same text.
        let canonical = serde_json::to_string(&variables).ok();
        let validated =
            canonical.and_then(|variables| Validated::new(&document, operation_name.as_deref(), variables));
        let mut request =
            Request::new(String::new()).variables(Variables::from_json(Value::Object(variables)));
        request.operation_name = operation_name;
        request.set_parsed_query(document.parsed());
        if !session.is_authenticated() {
            // A second line of defence: `Document::check` has rejected everything else.
            request = request.only_introspection();
        }
        match validated.as_ref().and_then(|validated| self.documents.complexity(validated)) {
            Some(complexity) => run.passed(complexity),
            None => {
                // A request of its own, without session and loaders: validation must not reach a row.
                let mut trial = Request::new(String::new()).variables(request.variables.clone());
                trial.operation_name.clone_from(&request.operation_name);
                trial.introspection_mode = request.introspection_mode;
                trial.set_parsed_query(document.parsed());
                let response = self.validating.execute(trial.data(Arc::clone(run))).await;
                if !run.is_valid() {
                    return Err(response);
                }
                // Requests without a token must not evict the documents of others.
                if session.is_authenticated() {
                    self.documents.keep(&document, validated, run.complexity());
                }
            }
        }
        if let Some(offer) = offer.filter(|_| session.is_authenticated()) {
            self.persisted.keep(offer);
        }
        // Before execution: an access that cannot be recorded does not happen.
        trail::write_down(&session, run).await.map_err(failed)?;
        run.begin();
        Ok(session.enter(request, rounds.clone()))
    }
}

/// Remaining responses of a socket's operation.
struct Answers {
    responses: BoxStream<'static, Response>,
    ending: Ending,
    run: Arc<Run>,
    session: Arc<Session>,
}

impl Answers {
    /// Makes the next response, if there is one, and ends its transaction.
    async fn next(mut self) -> Option<(Executed, Option<Self>)> {
        let (response, is_last) = tokio::select! {
            response = self.responses.next() => {
                (response?, self.run.kind() != Some(OperationType::Subscription))
            }
            () = overdue(&self.run) => (failed(ApiError::Timeout), true),
        };
        let mut executed = self.ending.trace(response);
        if is_last {
            // Drops resolvers that still wait: each may hold the transaction, which `rest` closes.
            self.responses = stream::empty().boxed();
        }
        executed.turn = self.session.rest().await;
        Some((executed, (!is_last).then_some(self)))
    }
}

fn span() -> tracing::Span {
    tracing::info_span!("graphql")
}

/// Completes at the request's time limit; never for a subscription.
async fn overdue(run: &Run) {
    // The kind is known only once the document is parsed, so every request begins with the shorter limit.
    tokio::time::sleep(QUERY_TIME).await;
    match run.kind() {
        Some(OperationType::Subscription) => std::future::pending().await,
        Some(OperationType::Mutation) => tokio::time::sleep(MUTATION_TIME - QUERY_TIME).await,
        Some(OperationType::Query) | None => {}
    }
}

fn failed(error: ApiError) -> Response {
    refused(error.into())
}

fn refused(error: ServerError) -> Response {
    Response::from_errors(vec![error])
}

/// The response as JSON; `None` if it exceeds 10 MB. A request that was not executed has no `data`.
fn written(response: &Response, began: bool) -> Option<String> {
    let mut text = Bounded(Vec::new());
    let written = if began {
        serde_json::to_writer(&mut text, response)
    } else {
        serde_json::to_writer(&mut text, &serde_json::json!({ "errors": response.errors }))
    };
    written.ok()?;
    String::from_utf8(text.0).ok()
}

/// A writer that fails beyond 10 MB.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Fails while it is written, so that a response of any size never exists as a whole.
        if self.0.len() + bytes.len() > MAX_ANSWER {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Completes every response: finishes its errors, serializes it and summarizes it for the log.
struct Ending {
    request_id: String,
    tenant: Option<TenantId>,
    run: Arc<Run>,
    started: Instant,
}

impl Ending {
    fn new(caller: &Caller, run: &Arc<Run>) -> Self {
        let tenant = match caller.principal {
            Some(Principal::Tenant(tenant) | Principal::Agent { tenant, .. }) => Some(tenant),
            Some(Principal::Operator { .. }) | None => None,
        };
        Self { request_id: caller.request_id.clone(), tenant, run: Arc::clone(run), started: Instant::now() }
    }

    fn finish(&self, mut response: Response) -> Executed {
        let began = self.run.began();
        errors::finish(&mut response.errors, began, &self.request_id);
        let body = match written(&response, began) {
            Some(body) => body,
            None => {
                response = failed(ApiError::answer_too_large());
                errors::finish(&mut response.errors, began, &self.request_id);
                // This error alone is far below the limit, so the second attempt does not fail.
                written(&response, began).unwrap_or_default()
            }
        };
        let summary = Summary {
            tenant: self.tenant,
            kind: match self.run.kind() {
                Some(OperationType::Query) => "query",
                Some(OperationType::Mutation) => "mutation",
                Some(OperationType::Subscription) => "subscription",
                None => "unknown",
            },
            name: self.run.name().unwrap_or_default().to_owned(),
            complexity: self.run.complexity(),
            errors: response.errors.len(),
            code: errors::first_code(&response.errors).unwrap_or_default().to_owned(),
        };
        Executed { body, errors: response.errors, began, summary, turn: None }
    }

    /// The same, with a log line: requests on a socket have no HTTP log line.
    fn trace(&self, response: Response) -> Executed {
        let executed = self.finish(response);
        let summary = &executed.summary;
        tracing::info!(
            tenant = summary.tenant.map(tracing::field::display),
            operation.kind = summary.kind,
            operation.name = summary.name,
            operation.complexity = summary.complexity,
            duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            request_id = self.request_id,
            errors = summary.errors,
            code = summary.code,
            "operation answered"
        );
        executed
    }
}
