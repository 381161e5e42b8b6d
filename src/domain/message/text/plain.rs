//! Markdown to plain text: a telephone shows its marks as they are.

/// The longest text or address of a link, in characters. A bracket without its end is not searched for further.
const LONGEST_LINK: usize = 2048;

/// Returns an answer without Markdown: headings, emphasis, quotes, rules and code fences lose their marks, a link becomes
/// `text (address)`, and list items begin with `- ` or keep their number. Code keeps what is in it. Marks that are no Markdown stay:
/// `2 * 3`, `a_b`.
#[must_use]
pub fn plain_text(answer: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut fence = None;
    for line in answer.lines() {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => lines.push(line.trim_end().to_owned()),
            (None, None) => lines.extend(block(line)),
        }
        // Of several empty lines, one stays.
        if lines.len() >= 2 && lines[lines.len() - 2..].iter().all(String::is_empty) {
            lines.pop();
        }
    }
    lines.join("\n").trim().to_owned()
}

/// A line without the marks at its beginning; `None` if it is nothing but a mark.
fn block(line: &str) -> Option<String> {
    let indent = &line[..line.len() - line.trim_start().len()];
    let mut rest = line.trim();
    while let Some(quoted) = rest.strip_prefix('>') {
        rest = quoted.trim_start();
    }
    if is_rule(rest) {
        return None;
    }
    let text = rest.trim_start_matches('#');
    // A hash that is not followed by a space is a hashtag.
    if (1..=6).contains(&(rest.len() - text.len())) && (text.is_empty() || text.starts_with(' ')) {
        return Some(inline(text.trim().trim_end_matches('#').trim_end()));
    }
    for bullet in ["- ", "* ", "+ ", "• "] {
        if let Some(item) = rest.strip_prefix(bullet) {
            return Some(format!("{indent}- {}", inline(item.trim_start())));
        }
    }
    let cells = rest.strip_prefix('|').and_then(|row| row.strip_suffix('|'));
    Some(cells.map_or_else(|| inline(rest), |cells| inline(cells.trim())))
}

/// Whether a line is a rule (`---`, `* * *`) or divides the head of a table (`|---|:-:|`).
fn is_rule(line: &str) -> bool {
    let marks: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let is_of = |allowed: &[char]| marks.chars().all(|c| allowed.contains(&c));
    marks.len() >= 3 && (is_of(&['-']) || is_of(&['*']) || is_of(&['_']) || is_of(&['=']))
        || marks.contains("--") && marks.contains('|') && is_of(&['-', '|', ':'])
}

/// A character, and whether it stays whatever it is.
type Kept = (char, bool);

/// A line without the marks within it.
fn inline(line: &str) -> String {
    let characters: Vec<char> = line.chars().collect();
    let mut kept: Vec<Kept> = Vec::with_capacity(characters.len());
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        at += match c {
            '\\' if characters.get(at + 1).is_some_and(char::is_ascii_punctuation) => {
                kept.push((characters[at + 1], true));
                2
            }
            '`' => code(&characters, at, &mut kept),
            '!' if characters.get(at + 1) == Some(&'[') => match link(&characters, at + 1, &mut kept) {
                Some(length) => length + 1,
                None => keep(c, &mut kept),
            },
            '[' => link(&characters, at, &mut kept).unwrap_or_else(|| keep(c, &mut kept)),
            '<' => automatic_link(&characters, at, &mut kept).unwrap_or_else(|| keep(c, &mut kept)),
            'h' if begins_address(&characters[at..]) => {
                let rest = &characters[at..];
                let length = rest.iter().position(|c| c.is_whitespace() || *c == '*').unwrap_or(rest.len());
                kept.extend(rest[..length].iter().map(|c| (*c, true)));
                length
            }
            c => keep(c, &mut kept),
        };
    }
    without_emphasis(&kept)
}

fn keep(c: char, kept: &mut Vec<Kept>) -> usize {
    kept.push((c, false));
    1
}

fn begins_address(rest: &[char]) -> bool {
    ["https://", "http://"]
        .into_iter()
        .any(|scheme| rest.iter().copied().take(scheme.len()).eq(scheme.chars()))
}

/// The position of a character, not far behind another.
fn find(characters: &[char], from: usize, wanted: char) -> Option<usize> {
    characters.iter().skip(from).take(LONGEST_LINK).position(|c| *c == wanted).map(|offset| from + offset)
}

/// Keeps what is in a span of code. Returns the length of what was read.
fn code(characters: &[char], at: usize, kept: &mut Vec<Kept>) -> usize {
    let ticks = characters[at..].iter().take_while(|c| **c == '`').count();
    let begin = at + ticks;
    // One tick or two; a longer run within a line is rare, and loses its ticks alone.
    let end = find(characters, begin, '`').filter(|_| ticks <= 2);
    let Some(end) = end else { return ticks };
    kept.extend(characters[begin..end].iter().map(|c| (*c, true)));
    end + characters[end..].iter().take_while(|c| **c == '`').count().min(ticks) - at
}

/// Keeps `[text](address "title")` as `text (address)`. Returns the length of what was read.
fn link(characters: &[char], at: usize, kept: &mut Vec<Kept>) -> Option<usize> {
    let text_end = find(characters, at, ']')?;
    if characters.get(text_end + 1) != Some(&'(') {
        return None;
    }
    // An address may have pairs of brackets in it.
    let mut open = 0_usize;
    let end = characters.iter().enumerate().skip(text_end + 1).take(LONGEST_LINK).find_map(|(at, c)| {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        (open == 0).then_some(at)
    })?;
    let text = &characters[at + 1..text_end];
    let target: String = characters[text_end + 2..end].iter().collect();
    let address = target.split_whitespace().next().unwrap_or_default();
    let address = address.trim_start_matches('<').trim_end_matches('>');
    let address = address.strip_prefix("mailto:").or_else(|| address.strip_prefix("tel:")).unwrap_or(address);
    let is_shown = text.iter().collect::<String>().trim() == address;
    if !is_shown {
        kept.extend(text.iter().map(|c| (*c, false)));
    }
    if !address.is_empty() {
        let shown = if is_shown || text.is_empty() { address.to_owned() } else { format!(" ({address})") };
        kept.extend(shown.chars().map(|c| (c, true)));
    }
    Some(end + 1 - at)
}

/// Keeps `<https://…>` and `<name@host>` without the brackets. Returns the length of what was read.
fn automatic_link(characters: &[char], at: usize, kept: &mut Vec<Kept>) -> Option<usize> {
    let end = find(characters, at, '>')?;
    let address = &characters[at + 1..end];
    let is_address = (begins_address(address) || address.contains(&'@'))
        && !address.iter().any(|c| c.is_whitespace() || *c == '<');
    is_address.then(|| {
        kept.extend(address.iter().map(|c| (*c, true)));
        end + 1 - at
    })
}

/// The longest run of marks that is emphasis: `***both***`.
const LONGEST_RUN: usize = 3;

/// Drops runs of `*`, `_` and `~` that come in pairs around a text.
fn without_emphasis(kept: &[Kept]) -> String {
    let mut is_dropped = vec![false; kept.len()];
    // The last run that may open, by mark and length: so each run is looked at once, however many there are.
    let mut open = [[None; LONGEST_RUN]; 3];
    let mut at = 0;
    while let Some(&(c, is_text)) = kept.get(at) {
        let mark = ['*', '_', '~'].into_iter().position(|mark| mark == c && !is_text);
        let Some(mark) = mark else {
            at += 1;
            continue;
        };
        let length = kept[at..].iter().take_while(|other| **other == (c, false)).count();
        let before = at.checked_sub(1).and_then(|before| kept.get(before)).map(|(c, _)| *c);
        let behind = kept.get(at + length).map(|(c, _)| *c);
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_space = |c: Option<char>| c.is_none_or(char::is_whitespace);
        // `a_b` and `snake_case` are words. A single tilde is no mark.
        let is_mark = length <= LONGEST_RUN && (c != '~' || length == 2);
        let opens = is_mark && !is_space(behind) && (c != '_' || !is_word(before));
        let closes = is_mark && !is_space(before) && (c != '_' || !is_word(behind));
        if is_mark {
            let slot: &mut Option<usize> = &mut open[mark][length - 1];
            match slot.take().filter(|_| closes) {
                Some(begin) => {
                    is_dropped[begin..begin + length].fill(true);
                    is_dropped[at..at + length].fill(true);
                }
                None => *slot = opens.then_some(at),
            }
        }
        at += length;
    }
    kept.iter().zip(is_dropped).filter(|(_, is_dropped)| !is_dropped).map(|((c, _), _)| *c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_loses_its_marks_and_nothing_else() {
        for (answer, text) in [
            ("# Hours\n\nWe are **open** until *five*.", "Hours\n\nWe are open until five."),
            ("***Both*** and __strong__ and _soft_ and ~~old~~", "Both and strong and soft and old"),
            ("* one\n+ two\n- three\n  * four\n1. five", "- one\n- two\n- three\n  - four\n1. five"),
            ("See [our page](https://a.example/x_y_z) today", "See our page (https://a.example/x_y_z) today"),
            ("[https://a.example](https://a.example)", "https://a.example"),
            ("**[Book](https://a.example/w_(x) \"Title\")**", "Book (https://a.example/w_(x))"),
            ("[Call us](tel:+12125550142) or <a@b.example>", "Call us (+12125550142) or a@b.example"),
            ("![a map](https://a.example/m.png)", "a map (https://a.example/m.png)"),
            (
                "<https://a.example/_b_>, https://a.example/*c_d_",
                "https://a.example/_b_, https://a.example/*c_d_",
            ),
            ("```json\n{\"a\": \"*b*\"}\n```\nDone", "{\"a\": \"*b*\"}\nDone"),
            ("Press `*1*` and ``#``", "Press *1* and #"),
            ("> quoted\n> > twice\n\n---\n\nend", "quoted\ntwice\n\nend"),
            ("| Day | Time |\n|---|:-:|\n| Mon | 9 |", "Day | Time\nMon | 9"),
            (
                "2 * 3 * 4, a_b_c, 5 < 6, #tag, [x], (y), ~10, 3*",
                "2 * 3 * 4, a_b_c, 5 < 6, #tag, [x], (y), ~10, 3*",
            ),
            (r"\*not\* 1\. a\_b", "*not* 1. a_b"),
            ("a\r\n\r\n\r\n\r\nb ", "a\n\nb"),
            ("**unfinished and [half](", "**unfinished and [half]("),
            ("**太字**です。👩‍👩‍👧", "太字です。👩‍👩‍👧"),
            ("", ""),
        ] {
            assert_eq!(plain_text(answer), text, "{answer}");
        }
    }

    #[test]
    fn a_strange_answer_is_read_quickly() {
        for piece in ["*", "[", "`", "<", "_a", "**a ", "[a](", "\\", "> "] {
            assert!(plain_text(&piece.repeat(20_000)).len() <= 20_000 * piece.len());
        }
    }
}
