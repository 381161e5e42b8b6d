//! Twilio's text to speech: the voice and language tag of each [`Language`].

use crate::domain::Language;

/// The voice and language tag of `<Say>`. Twilio rejects a voice that it does not list for the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Speech {
    /// A voice that Twilio lists for the tag. Twilio's default voice speaks only a few languages.
    pub(super) voice: &'static str,
    /// The BCP 47 tag, such as `en-US`.
    pub(super) tag: &'static str,
}

/// Twilio's tag and voice by the language's code. The first one is the default language.
const VOICES: [(&str, &str, &str); 33] = [
    ("en", "en-US", "Polly.Joanna"),
    ("ar", "ar-AE", "Polly.Hala-Neural"),
    ("bg", "bg-BG", "Google.bg-BG-Standard-A"),
    ("cs", "cs-CZ", "Google.cs-CZ-Standard-A"),
    ("da", "da-DK", "Polly.Naja"),
    ("de", "de-DE", "Polly.Vicki"),
    ("el", "el-GR", "Google.el-GR-Standard-A"),
    ("es", "es-ES", "Polly.Lucia"),
    ("fi", "fi-FI", "Polly.Suvi-Neural"),
    ("fil", "fil-PH", "Google.fil-PH-Standard-A"),
    ("fr", "fr-FR", "Polly.Lea"),
    ("hi", "hi-IN", "Polly.Aditi"),
    ("hr", "hr-HR", "Google.hr-HR-Chirp3-HD-Aoede"),
    ("hu", "hu-HU", "Google.hu-HU-Standard-A"),
    ("id", "id-ID", "Google.id-ID-Standard-A"),
    ("it", "it-IT", "Polly.Bianca"),
    ("ja", "ja-JP", "Polly.Takumi"),
    ("ko", "ko-KR", "Polly.Seoyeon"),
    ("ms", "ms-MY", "Google.ms-MY-Standard-A"),
    ("nl", "nl-NL", "Polly.Lotte"),
    ("no", "nb-NO", "Polly.Liv"),
    ("pl", "pl-PL", "Polly.Ewa"),
    ("pt", "pt-PT", "Polly.Ines"),
    ("pt-br", "pt-BR", "Polly.Camila"),
    ("ro", "ro-RO", "Polly.Carmen"),
    ("ru", "ru-RU", "Polly.Tatyana"),
    ("sk", "sk-SK", "Google.sk-SK-Standard-A"),
    ("sv", "sv-SE", "Polly.Astrid"),
    ("ta", "ta-IN", "Google.ta-IN-Standard-C"),
    ("tr", "tr-TR", "Polly.Filiz"),
    ("uk", "uk-UA", "Google.uk-UA-Standard-A"),
    ("vi", "vi-VN", "Google.vi-VN-Standard-A"),
    ("zh", "cmn-CN", "Polly.Zhiyu"),
];

impl Speech {
    /// Returns the speech of a language. Every language has one: a test compares the two lists.
    pub(super) fn of(language: Language) -> Self {
        let code = language.code();
        let (_, tag, voice) = VOICES.into_iter().find(|(of, ..)| *of == code).unwrap_or(VOICES[0]);
        Self { voice, tag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_voice_that_speaks_it() {
        for language in Language::all() {
            assert!(VOICES.iter().any(|(of, ..)| *of == language.code()), "{language}");
            let Speech { voice, tag } = Speech::of(language);
            // Google's voices are named after their tag; Amazon's have a person's name and one language each.
            let fits = match voice.strip_prefix("Google.") {
                Some(named) => named.strip_prefix(tag).is_some_and(|rest| rest.starts_with('-')),
                None => voice.strip_prefix("Polly.").is_some_and(|person| !person.is_empty()),
            };
            assert!(fits, "{language}: {voice} for {tag}");
            let same = Language::all().filter(|other| Speech::of(*other).voice == voice);
            assert_eq!(same.count(), 1, "{language}: {voice}");
        }
        assert_eq!(Language::default().code(), VOICES[0].0);
    }
}
