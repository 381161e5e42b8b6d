//! The form in which texts are compared: how people type on telephones must not decide whether a request counts.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use crate::domain::is_invisible;

/// Returns a text in lower case and compatibility form (`ＳＴＯＰ` is `stop`), without accents (`ARRÊT` is `arret`), apostrophes
/// (`don’t` is `dont`) and invisible characters such as zero-width spaces and direction marks.
pub(super) fn fold(text: &str) -> String {
    folded(text, is_accent)
}

/// Like [`fold`], but with accents.
pub(super) fn fold_with_accents(text: &str) -> String {
    folded(text, |_| false)
}

fn folded(text: &str, is_dropped: fn(char) -> bool) -> String {
    text.chars()
        .filter(|c| !is_invisible(*c) && !is_apostrophe(*c))
        .nfkd()
        .flat_map(char::to_lowercase)
        .filter(|c| !is_dropped(*c))
        // Letters that people replace by a plain one, and that have no decomposition.
        .map(|c| match c {
            'ı' => 'i',
            'ł' => 'l',
            'ς' => 'σ',
            c => c,
        })
        .nfc()
        .collect()
}

/// The words of a folded text. Anything but letters, digits and the marks that belong to them divides words.
pub(super) fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty())
}

fn is_of_word(c: char) -> bool {
    // The viramas of Indian scripts are not alphabetic, and yet inside of words.
    c.is_alphanumeric() || canonical_combining_class(c) != 0
}

/// Whether a decomposed character is an accent, vowel point or hamza. The marks of Indian and Japanese letters (classes 7 to 9) make
/// other letters, not accents.
fn is_accent(c: char) -> bool {
    canonical_combining_class(c) > 9
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{2bc}' | '`' | '\u{b4}' | '\u{2032}' | '\u{ff07}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_has_one_form_however_it_is_typed() {
        for (typed, form) in [
            ("ＳＴＯＰ", "stop"),
            ("ARRÊT", "arret"),
            ("arre\u{302}t", "arret"),
            ("S\u{200b}T\u{200d}O\u{feff}P\u{200f}", "stop"),
            ("don’t", "dont"),
            ("ΔΙΑΚΟΠΉ", "διακοπη"),
            ("YARDIM yardım İptal", "yardim yardim iptal"),
            ("إيقاف", "ايقاف"),
            ("ｽﾄｯﾌﾟ", "ストップ"),
            ("𝗦𝗧𝗢𝗣", "stop"),
        ] {
            assert_eq!(fold(typed), form);
        }
        assert_eq!(fold_with_accents("DƯ\u{300}NG"), "dừng");
        assert_eq!(words("opt-out,  रोकें! क्या").collect::<Vec<_>>(), ["opt", "out", "रोकें", "क्या"]);
    }
}
