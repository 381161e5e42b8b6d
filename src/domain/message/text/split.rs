//! Divides a long text into several messages.

use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Divides a text into parts of at most `most` characters (Unicode scalar values, as [`super::super::MessageBody`] counts): after a
/// sentence or a line, else between words, else within a word, but not within a character as people see it (letter and accent,
/// emoji of several parts, flag). White space at the ends of parts is dropped. An empty text has no parts.
///
/// A sentence that ends in the first quarter does not end a part: "Dr." would be one.
#[must_use]
pub fn split(text: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let mut parts = Vec::new();
    let mut rest: Vec<char> = text.trim().chars().collect();
    while rest.len() > most {
        let end = cut(&rest, most);
        let part: String = rest[..end].iter().collect();
        parts.push(part.trim_end().to_owned());
        let next = rest[end..].iter().take_while(|c| c.is_whitespace()).count();
        rest.drain(..end + next);
    }
    if !rest.is_empty() {
        parts.push(rest.into_iter().collect());
    }
    parts
}

/// The length of the next part. The text is longer than `most`.
fn cut(text: &[char], most: usize) -> usize {
    let ends = || (1..=most).rev();
    let is_good = |end: usize| end > most / 4;
    ends()
        .find(|end| is_good(*end) && ends_sentence(text, *end))
        .or_else(|| ends().find(|end| text[*end].is_whitespace()))
        .or_else(|| ends().find(|end| !divides(text, *end)))
        // One character of more parts than fit.
        .unwrap_or(most)
}

fn ends_sentence(text: &[char], end: usize) -> bool {
    let (before, behind) = (text[end - 1], text[end]);
    match before {
        // Written without a space behind it. A bracket or quotation mark may follow.
        '。' | '！' | '？' | '।' => !matches!(behind, '」' | '』' | '）' | '”'),
        '.' | '!' | '?' | '…' | '؟' => behind.is_whitespace(),
        _ => behind == '\n',
    }
}

/// Whether a cut here divides a character as people see it. Simple rules: accents and other marks, joined emoji, skin colours, flags.
fn divides(text: &[char], end: usize) -> bool {
    let (before, behind) = (text[end - 1], text[end]);
    let is_flag = |c: &char| matches!(c, '\u{1f1e6}'..='\u{1f1ff}');
    let flags_before = text[..end].iter().rev().take_while(|c| is_flag(c)).count();
    is_combining_mark(behind)
        || matches!(behind, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
        || before == '\u{200d}'
        // A virama joins the next letter.
        || canonical_combining_class(before) == 9
        || is_flag(&behind) && flags_before % 2 == 1
        || (before, behind) == ('\r', '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_divided_where_people_would() {
        for (text, most, parts) in [
            ("Short.", 10, &["Short."][..]),
            ("One two. Three four. Five", 15, &["One two.", "Three four.", "Five"]),
            ("One two three four five", 10, &["One two", "three four", "five"]),
            ("Dr. Longstocking-Meier is in", 20, &["Dr.", "Longstocking-Meier", "is in"]),
            ("a. bcde fghi jklm nopq", 16, &["a. bcde fghi", "jklm nopq"]),
            ("Line one\nline two", 12, &["Line one", "line two"]),
            ("Costs 3.50 each", 9, &["Costs", "3.50 each"]),
            ("是的。请明天来。谢谢", 8, &["是的。请明天来。", "谢谢"]),
            ("abcdefgh", 3, &["abc", "def", "gh"]),
            ("ae\u{301}e\u{301}", 2, &["a", "e\u{301}", "e\u{301}"]),
            ("👩\u{200d}👧👩\u{200d}👧", 4, &["👩\u{200d}👧", "👩\u{200d}👧"]),
            ("🇩🇪🇫🇷", 3, &["🇩🇪", "🇫🇷"]),
            ("👍🏽👍🏽", 3, &["👍🏽", "👍🏽"]),
            ("e\u{301}\u{302}\u{303}", 2, &["e\u{301}", "\u{302}\u{303}"]),
            ("  ", 5, &[]),
            ("ab", 0, &["a", "b"]),
        ] {
            assert_eq!(split(text, most), parts, "{text}");
        }
    }

    #[test]
    fn no_part_is_too_long_and_nothing_but_space_is_lost() {
        let text = "Wir haben heute bis 17:00 geöffnet! 🦷 Bitte bringen Sie Ihre Karte mit.\n\nhttps://a.example/weit/weg/und/lang ".repeat(40);
        for most in [1, 2, 7, 30, 160, 1600] {
            let parts = split(&text, most);
            assert!(parts.iter().all(|part| (1..=most).contains(&part.chars().count())), "{most}");
            let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(visible(&parts.concat()), visible(&text), "{most}");
        }
    }
}
