//! The one handle by which the server runs requests: the schema with its guard, deadlines, what the log says of each
//! operation, and errors made fit to be sent. HTTP and the socket both come through here. By the time an answer is handed
//! out, the request's transaction is over: how long it takes to send is nobody's concern but the client's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, ServerError, ServerResult, Variables};
use futures_util::future::ready;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value};
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
    /// The answer as JSON, no longer than an answer may be.
    pub body: String,
    /// Its errors; each has a code and the request's id.
    pub errors: Vec<ServerError>,
    /// Whether execution began: parsing, validation and limits had nothing to say against it.
    pub began: bool,
    /// What the log says of it.
    pub summary: Summary,
    /// Held until the answer is sent, where requests take turns.
    pub turn: Option<Turn>,
}

/// What the log says of a request. Never variables, never tokens.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The tenant that asks, itself or by an agent's token; `None` for operators, and for who proved nothing.
    pub tenant: Option<TenantId>,
    /// The operation's type; `unknown` where the document did not say.
    pub kind: &'static str,
    /// The operation's name; empty where it has none.
    pub name: String,
    /// The operation's complexity; 0 where it was not validated.
    pub complexity: usize,
    /// How many errors the answer has.
    pub errors: usize,
    /// The code of the first error; empty where there is none.
    pub code: String,
}

impl Executed {
    /// The code of the answer's first error; `None` when there is none.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        errors::first_code(&self.errors)
    }
}

/// The API. Cheap to clone.
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

/// A request whose document is parsed and may be validated.
struct Prepared {
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Map<String, Value>,
    session: Arc<Session>,
    /// To be kept under its hash once it is valid.
    offer: Option<Offer>,
}

impl Api {
    /// The API over these services; `introspection` says whether it tells its schema.
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

    /// Runs a query or mutation. Takes no longer than 10 seconds for a query, 30 for a mutation.
    pub async fn execute(&self, caller: Caller, request: GraphqlRequest) -> Executed {
        self.answer(caller, request, Run::with_one_answer()).await
    }

    /// Runs a query and refuses a mutation, whether its document or a hash of it was sent.
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
            () = overdue(&run) => Ok(failed(ApiError::Timeout)),
        };
        ending.finish(response.unwrap_or_else(refused))
    }

    /// Runs anything; a query or mutation answers once, a subscription until it ends. Each answer is made in a task of its
    /// own, so that it goes on while the socket sends another, and the next one is begun when this one is taken. Only as many
    /// answers as there are `turns` are being made or held.
    pub fn stream(
        &self,
        caller: Caller,
        request: GraphqlRequest,
        turns: Turns,
    ) -> impl Stream<Item = Executed> + Send + use<> {
        let (run, span) = (Arc::new(Run::default()), span());
        let ending = Ending::new(&caller, &run);
        let session = Arc::new(Session::new(self.services.clone(), caller, Some(turns)));
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
            let making = answers
                .map(|answers| AbortOnDropHandle::new(tokio::spawn(answers.next().instrument(span.clone()))));
            async move { making?.await.ok()? }
        })
    }

    /// Finds or reads the document, and checks the request for it as far as our own rules go.
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

    /// Validates a request, unless it is known to be valid, and writes an operator's access down: what this lets pass
    /// is executed.
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
            request = request.only_introspection();
        }
        match validated.as_ref().and_then(|validated| self.documents.complexity(validated)) {
            Some(complexity) => run.passed(complexity),
            None => {
                let mut trial = Request::new(String::new()).variables(request.variables.clone());
                trial.operation_name.clone_from(&request.operation_name);
                trial.introspection_mode = request.introspection_mode;
                trial.set_parsed_query(document.parsed());
                let verdict = self.validating.execute(trial.data(Arc::clone(run))).await;
                if !run.is_valid() {
                    return Err(verdict);
                }
                if session.is_authenticated() {
                    self.documents.keep(&document, validated, run.complexity());
                }
            }
        }
        if let Some(offer) = offer.filter(|_| session.is_authenticated()) {
            self.persisted.keep(offer);
        }
        trail::write_down(&session, run).await.map_err(failed)?;
        run.begin();
        Ok(session.enter(request, rounds.clone()))
    }
}

/// The answers of a socket's operation that are still to be made.
struct Answers {
    responses: BoxStream<'static, Response>,
    ending: Ending,
    run: Arc<Run>,
    session: Arc<Session>,
}

impl Answers {
    /// Makes the next answer, if there is one, and ends the transaction that it was read in.
    async fn next(mut self) -> Option<(Executed, Option<Self>)> {
        let (response, is_last) = tokio::select! {
            response = self.responses.next() => {
                (response?, self.run.kind() != Some(OperationType::Subscription))
            }
            () = overdue(&self.run) => (failed(ApiError::Timeout), true),
        };
        let mut executed = self.ending.trace(response);
        if is_last {
            // Whatever stands still in there goes, its hold on the transaction included.
            self.responses = stream::empty().boxed();
        }
        executed.turn = self.session.rest().await;
        Some((executed, (!is_last).then_some(self)))
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
    refused(error.into())
}

fn refused(error: ServerError) -> Response {
    Response::from_errors(vec![error])
}

/// An answer as JSON; `None` when it is larger than one may be. What was never begun has no `data`.
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

/// Takes as many bytes as an answer may have.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
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

/// What is done with every answer: errors are finished, it is written as JSON, and it is summed up for the log.
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

    /// The same, and one line is traced: a socket's requests have no other.
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
