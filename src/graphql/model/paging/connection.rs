//! Connections: the only way to page through a list.

use std::borrow::Cow;
use std::future::Future;

use async_graphql::connection::PageInfo;
use async_graphql::{Context, Object, OutputType, ServerResult, TypeName};

use super::cursor::{CursorScope, List};
use crate::graphql::errors::ApiError;
use crate::store::{Cursor, Page, PageOf, PageRequest};

/// Maximum page size; a larger request is rejected, not cut.
const MAX_PAGE: i32 = 100;

/// Page size without `first` and `last`.
const DEFAULT_PAGE: u16 = 20;

/// A type that can be listed.
pub(crate) trait Listed: OutputType + Sized + 'static {
    /// Filter of the list.
    type Filter: std::fmt::Debug + Send + Sync;

    /// Identifies the list in its cursors.
    const LIST: List;
    /// Name of the connection in the schema.
    const CONNECTION: &'static str;
    /// Name of the edge in the schema.
    const EDGE: &'static str;

    /// Reads a page of the visible rows. A list beneath the agents of a page is read for all of them at once.
    fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> impl Future<Output = Result<PageOf<Self>, ApiError>> + Send;

    /// Counts the visible rows, also for all agents of a page at once.
    fn count(ctx: &Context<'_>, filter: &Self::Filter) -> impl Future<Output = Result<i64, ApiError>> + Send;
}

/// Paging arguments of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageArgs {
    /// Page size from the start, or after `after`.
    pub(crate) first: Option<i32>,
    /// Only items after this cursor.
    pub(crate) after: Option<String>,
    /// Page size from the end, or before `before`.
    pub(crate) last: Option<i32>,
    /// Only items before this cursor.
    pub(crate) before: Option<String>,
}

impl PageArgs {
    fn check(&self, scope: CursorScope) -> Result<PageRequest, ApiError> {
        let page = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_input(
                    "first and last exclude each other: pass first to page forwards, or last to page backwards",
                ));
            }
            (Some(first), None) => Page::First(size("first", first)?),
            (None, Some(last)) => Page::Last(size("last", last)?),
            (None, None) => Page::First(DEFAULT_PAGE),
        };
        let read = |argument: &str, cursor: &Option<String>| match cursor {
            None => Ok(None),
            Some(cursor) => scope
                .decode(cursor)
                .map(Some)
                .map_err(|why| ApiError::bad_input(format!("{argument}: {why}"))),
        };
        Ok(PageRequest { page, after: read("after", &self.after)?, before: read("before", &self.before)? })
    }
}

fn size(argument: &str, asked: i32) -> Result<u16, ApiError> {
    match u16::try_from(asked) {
        Ok(size @ 1..=100) => Ok(size),
        _ => Err(ApiError::bad_input(format!(
            "{argument}: a page has 1 to {MAX_PAGE} items; got {asked}. For more, continue with after or before"
        ))),
    }
}

/// Complexity of a list: its page size times the cost of an item. `ask` reads an argument of the field. The
/// library would read the arguments itself, but fails if one is a variable that the client omits (8.0.0-rc.5).
/// Therefore the lists read them here, through the names that its macro generates.
pub(crate) fn cost(ask: impl Fn(&'static str) -> ServerResult<Option<i32>>, child: usize) -> usize {
    let asked = ["first", "last", "limit"].into_iter().find_map(|size| ask(size).ok().flatten());
    // Clamped, since an invalid size is rejected only when the page is read.
    let items = asked.unwrap_or(i32::from(DEFAULT_PAGE)).clamp(1, MAX_PAGE);
    usize::try_from(items).unwrap_or_default().saturating_mul(child.max(1)).saturating_add(1)
}

/// A page of a list.
pub(crate) struct Connection<T: Listed> {
    edges: Vec<Edge<T>>,
    has_next: bool,
    has_previous: bool,
    filter: T::Filter,
}

impl<T: Listed> Connection<T> {
    /// Reads the requested page.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for invalid arguments; errors of the read.
    pub(crate) async fn read(
        ctx: &Context<'_>,
        args: &PageArgs,
        filter: T::Filter,
    ) -> Result<Self, ApiError> {
        let scope = CursorScope::new(T::LIST, &filter);
        // Boxed: a type's field futures are all as large as the largest one, and are moved for each field.
        let page = Box::pin(T::page(ctx, &filter, args.check(scope)?)).await?;
        let edges = page.items.into_iter().map(|(at, node)| Edge { scope, at, node });
        Ok(Self { edges: edges.collect(), has_next: page.has_next, has_previous: page.has_previous, filter })
    }
}

impl<T: Listed> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        T::CONNECTION.into()
    }
}

/// A page of a list, newest first.
#[Object(name_type)]
impl<T: Listed> Connection<T> {
    /// Items of the page with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// Items of the page without cursors.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Cursors of the page's ends, and whether more pages follow.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.edges.first().map(|edge| edge.scope.encode(edge.at)),
            end_cursor: self.edges.last().map(|edge| edge.scope.encode(edge.at)),
        }
    }

    /// Number of items that match the filter, over all pages. It costs a count: select it only if you need it.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let count = Box::pin(T::count(ctx, &self.filter)).await?;
        // GraphQL's `Int` has 32 bits.
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// An item with its cursor.
pub(crate) struct Edge<T: Listed> {
    scope: CursorScope,
    at: Cursor,
    node: T,
}

impl<T: Listed> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        T::EDGE.into()
    }
}

/// An item with its cursor.
#[Object(name_type)]
impl<T: Listed> Edge<T> {
    /// Position in the list, for `after` or `before`. Opaque, and valid only for this list with the same
    /// filter.
    async fn cursor(&self) -> String {
        self.scope.encode(self.at)
    }

    /// The item.
    async fn node(&self) -> &T {
        &self.node
    }
}

/// Wraps the rows of a page.
pub(crate) fn wrap<R, T>(page: PageOf<R>, wrapper: impl Fn(R) -> T) -> PageOf<T> {
    let items = page.items.into_iter().map(|(at, row)| (at, wrapper(row))).collect();
    PageOf { items, has_next: page.has_next, has_previous: page.has_previous }
}

/// The empty page of a caller that may see nothing.
pub(crate) fn nothing<T>() -> PageOf<T> {
    PageOf { items: Vec::new(), has_next: false, has_previous: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: Option<i32>, last: Option<i32>) -> Result<Page, String> {
        let args = PageArgs { first, last, ..PageArgs::default() };
        args.check(CursorScope::new(List::Agents, &())).map(|asked| asked.page).map_err(|why| why.to_string())
    }

    #[test]
    fn a_page_has_1_to_100_items_from_one_end() {
        assert_eq!(check(None, None), Ok(Page::First(20)));
        assert_eq!(check(Some(100), None), Ok(Page::First(100)));
        assert_eq!(check(None, Some(1)), Ok(Page::Last(1)));
        for bad in [0, -1, 101, i32::MAX, i32::MIN] {
            assert!(check(Some(bad), None).unwrap_err().contains("1 to 100"), "{bad}");
            assert!(check(None, Some(bad)).unwrap_err().starts_with("last"), "{bad}");
        }
        assert!(check(Some(1), Some(1)).unwrap_err().contains("exclude"));
    }

    #[test]
    fn a_page_of_pages_costs_their_product() {
        let page =
            |size: &'static str, items: i32| move |asked: &'static str| Ok((asked == size).then_some(items));
        assert_eq!(cost(page("first", 50), cost(page("last", 50), 3)), 50 * 151 + 1);
        assert_eq!(cost(page("limit", i32::MIN), usize::MAX), usize::MAX);
        let left_out = |_| Err(async_graphql::ServerError::new("Variable first is not defined.", None));
        assert_eq!(cost(left_out, 0), 21);
    }
}
