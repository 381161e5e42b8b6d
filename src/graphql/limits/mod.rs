//! The guard: rejects documents that are expensive to examine, before the library examines them.
//!
//! The library visits a fragment again at every spread, in each of its rules, before it compares anything with its limits, and
//! does not yield meanwhile. Therefore the guard comes first: it scans the bytes ([`scan`]), parses, and measures every
//! fragment once ([`measure`]). Then one schema validates the request by all of the library's rules and computes its complexity,
//! and another one executes it. The resolvers check page sizes. The library's own limits are a second line of defence that no
//! request reaches: its errors carry no code.

mod measure;
mod scan;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation};
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{
    ObjectType, Response, Schema, SchemaBuilder, ServerError, ServerResult, SubscriptionType, ValidationMode,
    ValidationResult,
};
use serde_json::Map;

use super::errors::ApiError;

/// Estimated memory of one parsed token.
const BYTES_A_TOKEN: usize = 384;

/// Limits of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of a document.
    pub(super) bytes: usize,
    /// Tokens of a document: names, numbers, strings and punctuation, without comments.
    pub(super) tokens: usize,
    /// Nesting of brackets of any kind.
    pub(super) brackets: usize,
    /// Operations in a document.
    pub(super) operations: usize,
    /// Fragments in a document.
    pub(super) fragments: usize,
    /// Variables declared by all operations of a document; also variables passed with it.
    pub(super) variables: usize,
    /// Fields of all operations; a fragment counts at every spread.
    pub(super) fields: usize,
    /// Nesting of fields. The introspection query of GraphiQL and code generators needs 15.
    pub(super) depth: usize,
    /// Aliases of all operations; a fragment's count at every spread.
    pub(super) aliases: usize,
    /// Directives on one field, fragment, operation or variable.
    pub(super) directives_in_one_place: usize,
    /// Directives of all operations; a fragment's count at every spread.
    pub(super) directives: usize,
    /// Nesting of introspection lists: each level multiplies the response by a type's size.
    pub(super) introspection_lists: usize,
    /// Sum of all fields' costs; a list costs its page size times its child.
    pub(super) complexity: usize,
    /// Nesting of fields and fragments.
    pub(super) nesting: usize,
}

/// The limits of every request, whoever sends it.
pub(super) const LIMITS: Limits = Limits {
    bytes: 20_000,
    tokens: 2_000,
    brackets: 40,
    operations: 10,
    fragments: 50,
    variables: 100,
    fields: 400,
    depth: 15,
    aliases: 30,
    directives_in_one_place: 5,
    directives: 50,
    // As in graphql-js.
    introspection_lists: 3,
    complexity: 5_000,
    // As deep as the library would allow.
    nesting: 32,
};

/// Adds the introspection setting and the library's own limits, but for complexity.
fn limited<Q, M, S>(builder: SchemaBuilder<Q, M, S>, introspection: bool) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    // Suggestions in errors would disclose the schema piece by piece.
    let builder = if introspection { builder } else { builder.disable_introspection().disable_suggestions() };
    builder.limit_depth(LIMITS.depth).limit_recursive_depth(LIMITS.nesting)
}

/// The schema that validates requests by the library's rules and limits and executes nothing.
pub(super) fn validating<Q, M, S>(builder: SchemaBuilder<Q, M, S>, introspection: bool) -> Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    limited(builder, introspection)
        .limit_aliases(LIMITS.aliases)
        .limit_directives(LIMITS.directives_in_one_place)
        .validation_mode(ValidationMode::Strict)
        .extension(ValidationRecorder)
        .finish()
}

/// The schema that executes requests validated by [`validating`]. It has no extensions, which would run for
/// every field, and does not validate again.
pub(super) fn executing<Q, M, S>(builder: SchemaBuilder<Q, M, S>, introspection: bool) -> Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    limited(builder, introspection)
        .limit_complexity(LIMITS.complexity)
        .validation_mode(ValidationMode::Fast)
        .finish()
}

/// What the guard and the library learn about a request; shared with its sender.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Whether the transport takes one response, so that subscriptions are impossible.
    one_answer: bool,
    /// Whether mutations are forbidden.
    reads_only: bool,
    valid: AtomicBool,
    began: AtomicBool,
    complexity: AtomicUsize,
    kind: OnceLock<OperationType>,
    name: OnceLock<String>,
}

impl Run {
    /// For a transport that takes one response.
    pub(super) fn with_one_answer() -> Self {
        Self { one_answer: true, ..Self::default() }
    }

    /// The same, without mutations.
    pub(super) fn reading_only() -> Self {
        Self { reads_only: true, ..Self::with_one_answer() }
    }

    /// Whether execution started, after parsing, validation and limits.
    pub(super) fn began(&self) -> bool {
        self.began.load(Ordering::Relaxed)
    }

    /// Records that execution starts.
    pub(super) fn begin(&self) {
        self.began.store(true, Ordering::Relaxed);
    }

    /// Whether the library found the request valid.
    pub(super) fn is_valid(&self) -> bool {
        self.valid.load(Ordering::Relaxed)
    }

    /// Records that the request is valid, and its complexity.
    pub(super) fn passed(&self, complexity: usize) {
        self.complexity.store(complexity, Ordering::Relaxed);
        self.valid.store(true, Ordering::Relaxed);
    }

    /// Complexity of the operation; 0 before validation.
    pub(super) fn complexity(&self) -> usize {
        self.complexity.load(Ordering::Relaxed)
    }

    /// Type of the operation, once the document is parsed.
    pub(super) fn kind(&self) -> Option<OperationType> {
        self.kind.get().copied()
    }

    /// Name of the operation, if it has one.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.get().map(String::as_str)
    }
}

/// Stops a request before execution, records the result of validation and limits its complexity.
struct ValidationRecorder;

impl ExtensionFactory for ValidationRecorder {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for ValidationRecorder {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        if let Some(run) = ctx.data_opt::<Arc<Run>>() {
            run.complexity.store(result.complexity, Ordering::Relaxed);
        }
        if result.complexity > LIMITS.complexity {
            return Err(vec![too_complex(result.complexity).into()]);
        }
        Ok(result)
    }

    async fn execute(&self, ctx: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        if let Some(run) = ctx.data_opt::<Arc<Run>>() {
            run.valid.store(true, Ordering::Relaxed);
        }
        Response::default()
    }
}

/// A parsed document that passed the guard.
pub(super) struct Document {
    id: u64,
    text: Arc<str>,
    parsed: ExecutableDocument,
    bytes: usize,
}

impl Document {
    /// Scans, parses and measures a document.
    ///
    /// # Errors
    /// The document is too large or has a syntax error.
    #[cfg(test)]
    pub(super) fn read(text: &str, introspection: bool) -> ServerResult<Self> {
        Self::read_for(text, introspection, None, &Run::default())
    }

    /// Scans, parses and measures a document, and records in the run which of its operations is requested as
    /// soon as that is known.
    ///
    /// # Errors
    /// The document is too large or has a syntax error.
    pub(super) fn read_for(
        text: &str,
        introspection: bool,
        wanted: Option<&str>,
        run: &Run,
    ) -> ServerResult<Self> {
        // Relaxed below: the ids must differ, and need no order.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let tokens = scan::scan(text, &LIMITS)?;
        let parsed = parse_query(text).map_err(|error| {
            let mut error = ServerError::from(error);
            // As the source, so that the error keeps its position in the document and still gets its code.
            error.source = Some(Arc::new(ApiError::ParseFailed(error.message.clone())));
            error
        })?;
        note(&parsed, wanted, run);
        counts(&parsed)?;
        measure::measure(&parsed, &LIMITS, introspection)?;
        let bytes = text.len() + tokens.saturating_mul(BYTES_A_TOKEN);
        Ok(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), text: text.into(), parsed, bytes })
    }

    /// Unique id of this parse, also among documents with the same text.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The text of the document.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The document in the library's form.
    pub(super) fn parsed(&self) -> ExecutableDocument {
        self.parsed.clone()
    }

    /// Upper bound of its memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Checks one request for this document: its variables, and whether its transport allows the operation.
    /// `introspection_only` lets only introspection pass.
    ///
    /// # Errors
    /// The request must not be executed.
    pub(super) fn check(
        &self,
        wanted: Option<&str>,
        variables: &Map<String, serde_json::Value>,
        run: &Run,
        introspection_only: bool,
    ) -> Result<(), ApiError> {
        // A cached document was read for another request, so this run does not know its operation yet.
        note(&self.parsed, wanted, run);
        within("variables", variables.len(), LIMITS.variables)?;
        let Some((_, operation)) = chosen(&self.parsed, wanted) else { return Ok(()) };
        if run.reads_only && operation.ty != OperationType::Query {
            return Err(ApiError::ReadsOnly);
        }
        if run.one_answer && operation.ty == OperationType::Subscription {
            let message = "subscriptions require a WebSocket: connect to /graphql/ws";
            return Err(ApiError::ValidationFailed(message.to_owned()));
        }
        required_variables(operation, variables)?;
        if introspection_only && !measure::is_introspection(&self.parsed, operation) {
            return Err(ApiError::unauthenticated());
        }
        Ok(())
    }
}

/// Records type and name of the operation.
fn note(document: &ExecutableDocument, wanted: Option<&str>, run: &Run) {
    if let Some((name, operation)) = chosen(document, wanted) {
        // Already set if the document was parsed for this very request.
        let _ = run.kind.set(operation.ty);
        name.and_then(|name| run.name.set(name.to_owned()).ok());
    }
}

/// The operation to execute; `None` if the library will report an error.
fn chosen<'d>(
    document: &'d ExecutableDocument,
    wanted: Option<&str>,
) -> Option<(Option<&'d str>, &'d OperationDefinition)> {
    let mut operations =
        document.operations.iter().map(|(name, operation)| (name.map(AsRef::as_ref), &operation.node));
    match (&document.operations, wanted) {
        (DocumentOperations::Multiple(_), Some(wanted)) => operations.find(|(name, _)| *name == Some(wanted)),
        (DocumentOperations::Multiple(all), None) if all.len() > 1 => None,
        _ => operations.next(),
    }
}

fn counts(document: &ExecutableDocument) -> Result<(), ApiError> {
    let declared = document.operations.iter().map(|(_, operation)| operation.node.variable_definitions.len());
    within("operations", document.operations.iter().len(), LIMITS.operations)?;
    within("fragments", document.fragments.len(), LIMITS.fragments)?;
    within("variables", declared.sum(), LIMITS.variables)
}

/// Checks required variables. For custom scalars the library checks them only during execution, which is too
/// late for a request error.
fn required_variables(
    operation: &OperationDefinition,
    variables: &Map<String, serde_json::Value>,
) -> Result<(), ApiError> {
    for definition in operation.variable_definitions.iter().map(|definition| &definition.node) {
        let (name, kind) = (&definition.name.node, &definition.var_type.node);
        let given = variables.get(name.as_str());
        let missing = given.is_none() && definition.default_value.is_none();
        let null = given.is_some_and(serde_json::Value::is_null);
        if !kind.nullable && (missing || null) {
            return Err(ApiError::ValidationFailed(format!(
                "the variable ${name} of type {kind} is required"
            )));
        }
    }
    Ok(())
}

fn too_complex(complexity: usize) -> ApiError {
    ApiError::QueryTooComplex(format!(
        "the request has complexity {complexity}: {} is allowed; ask for fewer fields or smaller pages",
        LIMITS.complexity
    ))
}

/// Rejects a count above its limit, with a message that names the limit.
fn within(what: &str, count: usize, limit: usize) -> Result<(), ApiError> {
    if count > limit {
        return Err(ApiError::QueryTooComplex(format!(
            "too many {what}: {limit} are allowed in one request"
        )));
    }
    Ok(())
}
