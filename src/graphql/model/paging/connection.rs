//! Connections: the one way lists are paged.

use std::borrow::Cow;
use std::future::Future;

use async_graphql::connection::PageInfo;
use async_graphql::{Context, Object, OutputType, ServerResult, TypeName};

use super::cursor::{List, Place};
use crate::graphql::errors::ApiError;
use crate::store::{Cursor, Page, PageOf, PageRequest};

/// The most items one page may have.
const MAX_PAGE: i32 = 100;

/// The items of a page for which nobody said how many.
const DEFAULT_PAGE: u16 = 20;

/// What can be listed.
pub(crate) trait Listed: OutputType + Sized + 'static {
    /// What narrows the list.
    type Filter: std::fmt::Debug + Send + Sync;

    /// Which list it is.
    const LIST: List;
    /// The connection's name in the schema.
    const CONNECTION: &'static str;
    /// The edge's name in the schema.
    const EDGE: &'static str;

    /// Reads a page of what the caller may see. A list that stands beneath every agent of a page is read for all of
    /// them at once.
    fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> impl Future<Output = Result<PageOf<Self>, ApiError>> + Send;

    /// Counts what the caller may see; for all agents of a page at once, as well.
    fn count(ctx: &Context<'_>, filter: &Self::Filter) -> impl Future<Output = Result<i64, ApiError>> + Send;
}

/// A list's own arguments, as the client gave them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageArgs {
    /// How many from the beginning, or after `after`.
    pub(crate) first: Option<i32>,
    /// Only what comes after this cursor.
    pub(crate) after: Option<String>,
    /// How many from the end, or before `before`.
    pub(crate) last: Option<i32>,
    /// Only what comes before this cursor.
    pub(crate) before: Option<String>,
}

impl PageArgs {
    fn check(&self, place: Place) -> Result<PageRequest, ApiError> {
        let page = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_input(
                    "first and last exclude each other: pass first to page forwards, last to page backwards",
                ));
            }
            (Some(first), None) => Page::First(size("first", first)?),
            (None, Some(last)) => Page::Last(size("last", last)?),
            (None, None) => Page::First(DEFAULT_PAGE),
        };
        let read = |argument: &str, cursor: &Option<String>| match cursor {
            None => Ok(None),
            Some(cursor) => place
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
            "{argument} is a page's size, 1 to {MAX_PAGE}: {asked} is not; for more, page on with after or before"
        ))),
    }
}

/// What a list costs: its items, as many times as may come. `ask` reads an argument of the field.
///
/// The library would read the arguments for us, but fails when one is a variable the client left out (8.0.0-rc.5):
/// hence the lists ask for them here, in the names its macro gives to what it reads them from.
pub(crate) fn cost(ask: impl Fn(&'static str) -> ServerResult<Option<i32>>, child: usize) -> usize {
    let asked = ["first", "last", "limit"].into_iter().find_map(|size| ask(size).ok().flatten());
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
    /// Reads the page a client asks for.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for arguments that make no page; what reading it may fail with.
    pub(crate) async fn read(
        ctx: &Context<'_>,
        args: &PageArgs,
        filter: T::Filter,
    ) -> Result<Self, ApiError> {
        let place = Place::new(T::LIST, &filter);
        // On the heap: a field's future is as large as that of the largest field of its type, and is moved for each one.
        let page = Box::pin(T::page(ctx, &filter, args.check(place)?)).await?;
        let edges = page.items.into_iter().map(|(at, node)| Edge { place, at, node });
        Ok(Self { edges: edges.collect(), has_next: page.has_next, has_previous: page.has_previous, filter })
    }
}

impl<T: Listed> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        T::CONNECTION.into()
    }
}

/// One page of a list, newest first, and where it stands in the list.
#[Object(name_type)]
impl<T: Listed> Connection<T> {
    /// The page's items, each with its cursor.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// The page's items, for those who need no cursors.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Whether there is more on either side of this page, and the cursors to go on with.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.edges.first().map(|edge| edge.place.encode(edge.at)),
            end_cursor: self.edges.last().map(|edge| edge.place.encode(edge.at)),
        }
    }

    /// How many items the whole list has under this filter. Costs a count, so ask only when you show it.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        let count = Box::pin(T::count(ctx, &self.filter)).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// An item of a page and its cursor.
pub(crate) struct Edge<T: Listed> {
    place: Place,
    at: Cursor,
    node: T,
}

impl<T: Listed> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        T::EDGE.into()
    }
}

/// An item of a page and its cursor.
#[Object(name_type)]
impl<T: Listed> Edge<T> {
    /// The item's place in the list: pass it as `after` or `before`. Opaque; good for this list only.
    async fn cursor(&self) -> String {
        self.place.encode(self.at)
    }

    /// The item.
    async fn node(&self) -> &T {
        &self.node
    }
}

/// Wraps a page's rows.
pub(crate) fn wrap<R, T>(page: PageOf<R>, wrapper: impl Fn(R) -> T) -> PageOf<T> {
    let items = page.items.into_iter().map(|(at, row)| (at, wrapper(row))).collect();
    PageOf { items, has_next: page.has_next, has_previous: page.has_previous }
}

/// The page of a list in which the caller may see nothing.
pub(crate) fn nothing<T>() -> PageOf<T> {
    PageOf { items: Vec::new(), has_next: false, has_previous: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: Option<i32>, last: Option<i32>) -> Result<Page, String> {
        let args = PageArgs { first, last, ..PageArgs::default() };
        args.check(Place::new(List::Agents, &())).map(|asked| asked.page).map_err(|why| why.to_string())
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
