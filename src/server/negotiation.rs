//! Content negotiation: selects the media type of a response from the `Accept` header.

use axum::http::{HeaderMap, HeaderValue, header};

/// A media type of `/graphql` responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: request errors have a 4xx or 5xx status.
    Graphql,
    /// `application/json`, the legacy type: every readable request gets status 200.
    Json,
    /// `text/html`: the GraphiQL page, for browsers.
    Html,
}

impl Media {
    fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Graphql => ("application", "graphql-response+json"),
            Self::Json => ("application", "json"),
            Self::Html => ("text", "html"),
        }
    }

    /// Returns the `Content-Type` header, with the charset.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Graphql => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        })
    }
}

/// Returns the media type of `offered` with the highest quality. Ties go to the more specific range, then to
/// the earlier offer. A wildcard never selects [`Media::Html`]. Returns `None` if nothing is acceptable.
pub(super) fn best(headers: &HeaderMap, offered: &[Media]) -> Option<Media> {
    let accept = accept(headers);
    let ranges: Vec<Range<'_>> = accept.split(',').filter_map(Range::parse).collect();
    let mut best: Option<(u16, u8, Media)> = None;
    for media in offered {
        let most_exact =
            ranges.iter().filter_map(|range| range.matches(*media)).max_by_key(|(exact, _)| *exact);
        let Some((exact, quality)) = most_exact else { continue };
        // Programs send wildcards. Only browsers name HTML, so the page never reaches a program.
        let usable = quality > 0 && (*media != Media::Html || exact == 2);
        if usable && best.is_none_or(|(q, e, _)| (quality, exact) > (q, e)) {
            best = Some((quality, exact, *media));
        }
    }
    best.map(|(_, _, media)| media)
}

/// Returns whether the `Accept` header names this media type, other than by a wildcard.
pub(super) fn names_explicitly(headers: &HeaderMap, media: Media) -> bool {
    let accept = accept(headers);
    let mut ranges = accept.split(',').filter_map(Range::parse);
    ranges.any(|range| range.matches(media).is_some_and(|(exact, _)| exact == 2))
}

/// Returns whether the client accepts a response in gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = |part: &str| {
            part.split_once('=').is_some_and(|(name, quality)| {
                name.trim().eq_ignore_ascii_case("q") && quality.trim().parse() == Ok(0.0_f32)
            })
        };
        is_gzip && !parts.any(is_refused)
    })
}

fn accept(headers: &HeaderMap) -> String {
    let accept: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    // Without the header, every type is acceptable (RFC 9110).
    if accept.is_empty() { "*/*".to_owned() } else { accept.join(",") }
}

/// One media range of an `Accept` header.
struct Range<'h> {
    kind: &'h str,
    subtype: &'h str,
    /// Quality in thousandths, from 0 to 1000.
    quality: u16,
}

impl<'h> Range<'h> {
    fn parse(text: &'h str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality =
            quality.map_or(Some(1.0), |q| q.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        Some(Self { kind: kind.trim(), subtype: subtype.trim(), quality: (quality * 1000.0).round() as u16 })
    }

    fn matches(&self, media: Media) -> Option<(u8, u16)> {
        let (kind, subtype) = media.name();
        let exact = match (self.kind, self.subtype) {
            ("*", "*") => 0,
            (k, "*") if k.eq_ignore_ascii_case(kind) => 1,
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => 2,
            _ => return None,
        };
        Some((exact, self.quality))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_decides_before_specificity() {
        let all = [Media::Json, Media::Graphql, Media::Html];
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, expected) in [
            ("*/*", Some(Media::Json)),
            ("application/*", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::Graphql)),
            (
                "application/graphql-response+json; charset=utf-8, application/json;q=0.9",
                Some(Media::Graphql),
            ),
            ("application/graphql-response+json;q=0.5, application/json", Some(Media::Json)),
            ("application/json;q=0, */*", Some(Media::Graphql)),
            ("application/json, */*;q=0.1", Some(Media::Json)),
            (browser, Some(Media::Html)),
            ("text/html;q=0, */*;q=0.1", Some(Media::Json)),
            ("image/png", None),
            ("application/json;q=2", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(best(&headers, &all), expected, "{accept}");
        }
        assert_eq!(best(&HeaderMap::new(), &all), Some(Media::Json));
        let both = "application/json, application/graphql-response+json";
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(both))]);
        assert_eq!(best(&headers, &[Media::Json, Media::Graphql]), Some(Media::Json));
    }
}
