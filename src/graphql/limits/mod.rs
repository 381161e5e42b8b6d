//! The guard: refuses documents that cost more to look at than they are worth, before the library looks at them.
//!
//! The library walks a fragment again at every spread, in each of its rules, before it compares anything with its
//! limits, and does not yield while it does. So the guard comes first: it scans the bytes ([`scan`]), parses, measures
//! every fragment once ([`measure`]) and leaves the parsed document in the request. The library's own limits stay on
//! as a second line. Page sizes are the resolvers' to check.

mod measure;
mod scan;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest, NextValidation,
};
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{
    IntrospectionMode, ObjectType, Request, Response, SchemaBuilder, ServerError, ServerResult,
    SubscriptionType, ValidationResult, Variables,
};

use super::errors::ApiError;

/// What one request may ask for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of a document.
    pub(super) bytes: usize,
    /// Tokens of a document: names, numbers, strings and punctuation; comments are free.
    pub(super) tokens: usize,
    /// Brackets open at the same time, of any kind.
    pub(super) brackets: usize,
    /// Operations in a document.
    pub(super) operations: usize,
    /// Fragments in a document.
    pub(super) fragments: usize,
    /// Variables, declared by a document's operations together, and passed with it.
    pub(super) variables: usize,
    /// Fields of all operations together, each fragment counted at every place it is spread.
    pub(super) fields: usize,
    /// Fields inside each other; the introspection that GraphiQL and code generators send needs 15.
    pub(super) depth: usize,
    /// Aliases, after expansion.
    pub(super) aliases: usize,
    /// Directives on one field, fragment, operation or variable.
    pub(super) directives_in_one_place: usize,
    /// Directives, after expansion.
    pub(super) directives: usize,
    /// Introspection's lists of types' parts inside each other: each multiplies the answer by a type's size.
    pub(super) introspection_lists: usize,
    /// The sum of all fields' costs; a list costs its page size times its child.
    pub(super) complexity: usize,
    /// How deep the library follows fragments and fields.
    pub(super) recursion: usize,
}

/// The limits in force.
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
    introspection_lists: 3,
    complexity: 5_000,
    recursion: 32,
};

/// Puts the guard and the library's own limits around a schema, which is told to clients or not.
pub(super) fn guarded<Q, M, S>(builder: SchemaBuilder<Q, M, S>, introspection: bool) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    // Suggestions in errors would tell the schema piece by piece.
    let builder = if introspection { builder } else { builder.disable_introspection().disable_suggestions() };
    builder
        .extension(Guard { introspection })
        .limit_complexity(LIMITS.complexity)
        .limit_depth(LIMITS.depth)
        .limit_aliases(LIMITS.aliases)
        .limit_directives(LIMITS.directives_in_one_place)
        .limit_recursive_depth(LIMITS.recursion)
}

/// What the guard and the library find out about a request on its way; shared with the one who sent it.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Whether only one answer can be sent, so that nothing can be watched.
    one_answer: bool,
    /// Whether nothing may be written.
    reads_only: bool,
    began: AtomicBool,
    complexity: AtomicUsize,
    kind: OnceLock<OperationType>,
    name: OnceLock<String>,
}

impl Run {
    /// A request whose transport takes one answer.
    pub(super) fn with_one_answer() -> Self {
        Self { one_answer: true, ..Self::default() }
    }

    /// The same, where nothing may be written either.
    pub(super) fn reading_only() -> Self {
        Self { reads_only: true, ..Self::with_one_answer() }
    }

    /// Whether execution began: parsing, validation and limits had nothing to say against it.
    pub(super) fn began(&self) -> bool {
        self.began.load(Ordering::Relaxed)
    }

    /// The operation's cost; 0 before validation.
    pub(super) fn complexity(&self) -> usize {
        self.complexity.load(Ordering::Relaxed)
    }

    /// What the chosen operation is, once it is parsed.
    pub(super) fn kind(&self) -> Option<OperationType> {
        self.kind.get().copied()
    }

    /// The chosen operation's name, if it has one.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.get().map(String::as_str)
    }
}

#[derive(Clone, Copy)]
struct Guard {
    /// Whether the schema is told.
    introspection: bool,
}

impl ExtensionFactory for Guard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

#[async_trait]
impl Extension for Guard {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        check(&mut request, self.introspection)?;
        next.run(ctx, request).await
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        if let Some(run) = ctx.data_opt::<Arc<Run>>() {
            run.complexity.store(result.complexity, Ordering::Relaxed);
        }
        Ok(result)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if let Some(run) = ctx.data_opt::<Arc<Run>>() {
            run.began.store(true, Ordering::Relaxed);
        }
        next.run(ctx, operation_name).await
    }
}

fn check(request: &mut Request, introspection: bool) -> ServerResult<()> {
    scan::scan(&request.query, &LIMITS)?;
    let introspection_only = request.introspection_mode == IntrospectionMode::IntrospectionOnly;
    let run = request.data.get(&std::any::TypeId::of::<Arc<Run>>());
    let run = run.and_then(|run| run.downcast_ref::<Arc<Run>>()).cloned().unwrap_or_default();
    let (wanted, variables) = (request.operation_name.clone(), std::mem::take(&mut request.variables));
    let document = request.parsed_query().map_err(|mut error| {
        error.source = Some(Arc::new(ApiError::ParseFailed(error.message.clone())));
        error
    })?;
    let chosen = chosen(document, wanted.as_deref());
    if let Some((name, operation)) = chosen {
        let _ = run.kind.set(operation.ty);
        name.and_then(|name| run.name.set(name.to_owned()).ok());
    }
    counts(document, &variables)?;
    measure::measure(document, &LIMITS, introspection)?;
    if let Some((_, operation)) = chosen {
        if run.reads_only && operation.ty != OperationType::Query {
            return Err(ApiError::ReadsOnly.into());
        }
        if run.one_answer && operation.ty == OperationType::Subscription {
            let message = "subscriptions are for a WebSocket: connect to /graphql/ws";
            return Err(ApiError::ValidationFailed(message.to_owned()).into());
        }
        required_variables(operation, &variables)?;
        if introspection_only && !measure::is_introspection(document, operation) {
            return Err(ApiError::unauthenticated().into());
        }
    }
    request.variables = variables;
    Ok(())
}

/// The operation that will run; `None` where the library will say what is wrong.
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

fn counts(document: &ExecutableDocument, variables: &Variables) -> Result<(), ApiError> {
    let declared = document.operations.iter().map(|(_, operation)| operation.node.variable_definitions.len());
    within("operations", document.operations.iter().len(), LIMITS.operations)?;
    within("fragments", document.fragments.len(), LIMITS.fragments)?;
    within("variables", declared.sum(), LIMITS.variables)?;
    within("variables", variables.len(), LIMITS.variables)
}

/// Variables without which the operation cannot run. The library leaves those of custom scalars to execution, where
/// a missing one would be told too late.
fn required_variables(operation: &OperationDefinition, variables: &Variables) -> Result<(), ApiError> {
    for definition in operation.variable_definitions.iter().map(|definition| &definition.node) {
        let (name, kind) = (&definition.name.node, &definition.var_type.node);
        let given = variables.get(name);
        let missing = given.is_none() && definition.default_value.is_none();
        let null = given.is_some_and(|value| *value == async_graphql::Value::Null);
        if !kind.nullable && (missing || null) {
            return Err(ApiError::ValidationFailed(format!(
                "the variable ${name} of type {kind} is required"
            )));
        }
    }
    Ok(())
}

/// Refuses what is more than may be, in words that name the limit.
fn within(what: &str, count: usize, limit: usize) -> Result<(), ApiError> {
    if count > limit {
        return Err(ApiError::QueryTooComplex(format!(
            "too many {what}: {limit} are allowed in one request"
        )));
    }
    Ok(())
}
