//! Size of a parsed document with all fragments expanded; each fragment is visited once.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};

use super::{Limits, within};
use crate::graphql::errors::ApiError;

/// Introspection fields that list the parts of a type.
const LISTS: [&str; 4] = ["fields", "interfaces", "inputFields", "possibleTypes"];

/// Size of a selection with fragments expanded. All sums saturate.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    fields: usize,
    depth: usize,
    /// Nesting of fields and fragments.
    nesting: usize,
    aliases: usize,
    directives: usize,
    /// Nesting of introspection lists.
    lists: usize,
    /// Fields at the top level of the selection.
    roots: usize,
    /// Introspection fields at the top level.
    introspection_roots: usize,
}

impl Size {
    /// Adds a sibling selection.
    fn and(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            depth: self.depth.max(other.depth),
            nesting: self.nesting.max(other.nesting),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            lists: self.lists.max(other.lists),
            roots: self.roots.saturating_add(other.roots),
            introspection_roots: self.introspection_roots.saturating_add(other.introspection_roots),
        }
    }

    fn within(self, limits: &Limits) -> Result<(), ApiError> {
        within("fields, with fragments expanded", self.fields, limits.fields)?;
        within("fields inside each other", self.depth, limits.depth)?;
        within("fields and fragments inside each other", self.nesting, limits.nesting)?;
        within("aliases", self.aliases, limits.aliases)?;
        within("directives", self.directives, limits.directives)
    }
}

/// Rejects a document that is too large after expansion, has recursive fragments or several subscription
/// fields, or asks for the schema while introspection is off.
pub(super) fn measure(
    document: &ExecutableDocument,
    limits: &Limits,
    introspection: bool,
) -> Result<(), ApiError> {
    let mut visit = Visit { document, limits, introspection, fragments: HashMap::new() };
    let mut all = Size::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let size = visit.operation(operation)?;
        if operation.ty == OperationType::Subscription && size.roots != 1 {
            return Err(ApiError::ValidationFailed(
                "a subscription has exactly one field at its root".to_owned(),
            ));
        }
        // Operations that are not requested cost the library's rules as well.
        all = all.and(size);
    }
    all.within(limits)?;
    // Unused fragments cost the library's rules as much as used ones.
    document.fragments.keys().try_for_each(|name| visit.fragment(name)?.within(limits))
}

/// Whether an operation contains only introspection. Only for documents that passed [`measure`].
pub(super) fn is_introspection(document: &ExecutableDocument, operation: &OperationDefinition) -> bool {
    let mut visit =
        Visit { document, limits: &super::LIMITS, introspection: true, fragments: HashMap::new() };
    let size = visit.operation(operation);
    operation.ty == OperationType::Query && size.is_ok_and(|size| size.roots == size.introspection_roots)
}

struct Visit<'d> {
    document: &'d ExecutableDocument,
    limits: &'d Limits,
    /// Whether introspection is allowed.
    introspection: bool,
    /// `None` while a fragment is being visited: meeting it again then is a cycle.
    fragments: HashMap<&'d str, Option<Size>>,
}

impl<'d> Visit<'d> {
    fn operation(&mut self, operation: &'d OperationDefinition) -> Result<Size, ApiError> {
        let mut size = self.selection_set(&operation.selection_set)?;
        let on_variables = operation.variable_definitions.iter().map(|variable| &variable.node.directives);
        for directives in on_variables.chain([&operation.directives]) {
            size.directives = size.directives.saturating_add(self.directives(directives)?);
        }
        Ok(size)
    }

    fn selection_set(&mut self, set: &'d Positioned<SelectionSet>) -> Result<Size, ApiError> {
        set.node.items.iter().try_fold(Size::default(), |sum, item| Ok(sum.and(self.selection(&item.node)?)))
    }

    fn selection(&mut self, selection: &'d Selection) -> Result<Size, ApiError> {
        let directives = self.directives(selection.directives())?;
        let mut size = match selection {
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            Selection::InlineFragment(inline) => self.selection_set(&inline.node.selection_set)?,
            Selection::Field(field) => {
                let inside = self.selection_set(&field.node.selection_set)?;
                let name = field.node.name.node.as_str();
                if matches!(name, "__schema" | "__type") {
                    if !self.introspection {
                        let message =
                            "introspection is off on this server: ask its operator for the schema file";
                        return Err(ApiError::ValidationFailed(message.to_owned()));
                    }
                    within(
                        "lists inside each other in introspection",
                        inside.lists,
                        self.limits.introspection_lists,
                    )?;
                }
                Size {
                    fields: inside.fields.saturating_add(1),
                    depth: inside.depth.saturating_add(1),
                    nesting: inside.nesting,
                    aliases: inside.aliases.saturating_add(usize::from(field.node.alias.is_some())),
                    lists: inside.lists.saturating_add(usize::from(LISTS.contains(&name))),
                    directives: inside.directives,
                    roots: 1,
                    introspection_roots: usize::from(name.starts_with("__")),
                }
            }
        };
        size.directives = size.directives.saturating_add(directives);
        size.nesting = size.nesting.saturating_add(1);
        Ok(size)
    }

    fn fragment(&mut self, name: &'d str) -> Result<Size, ApiError> {
        match self.fragments.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                return Err(ApiError::ValidationFailed(format!("the fragment {name} contains itself")));
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Size::default()); // the library reports the missing fragment
        };
        // Entered before the visit, so that a fragment that spreads itself meets its own mark.
        self.fragments.insert(name, None);
        let mut size = self.selection_set(&fragment.node.selection_set)?;
        size.directives = size.directives.saturating_add(self.directives(&fragment.node.directives)?);
        self.fragments.insert(name, Some(size));
        Ok(size)
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<usize, ApiError> {
        within("directives in one place", directives.len(), self.limits.directives_in_one_place)?;
        Ok(directives.len())
    }
}
