//! Languages that an agent can speak, with the default greeting and fallback message of each.
//!
//! They are the languages of the voice provider's multilingual telephone models, by the provider's codes; only Filipino has another code
//! there, which the client translates. The carrier's module has a voice for each.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// A language an agent can speak: `en`, `de`, `pt-br` …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(&'static Entry);

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    code: &'static str,
    name: &'static str,
    /// `{}` stands for the agent's name.
    greeting: &'static str,
    sorry: &'static str,
}

impl Language {
    /// The voice provider's code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code
    }

    /// The English name, for prompts and display.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The default greeting of an agent with this name, so that a caller never hears silence.
    #[must_use]
    pub fn greeting(self, name: &str) -> String {
        // Not `format!`, whose text would have to be a literal.
        self.0.greeting.replace("{}", name)
    }

    /// The fallback message: spoken when nobody can take the call.
    #[must_use]
    pub fn sorry(self) -> &'static str {
        self.0.sorry
    }

    /// All languages, sorted by code after English.
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(Self)
    }
}

impl Default for Language {
    fn default() -> Self {
        Self(&ENTRIES[0])
    }
}

impl FromStr for Language {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::all().find(|language| language.code() == text).ok_or_else(|| {
            let codes: Vec<_> = Self::all().map(Self::code).collect();
            Invalid::new(format!("the language must be one of: {}", codes.join(", ")))
        })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

const ENGLISH: Entry = Entry {
    code: "en",
    name: "English",
    greeting: "Hello, this is {}. How can I help you?",
    sorry: "We are sorry, nobody can take your call right now. Please try again later.",
};

static ENTRIES: [Entry; 33] = [
    ENGLISH,
    Entry {
        code: "ar",
        name: "Arabic",
        greeting: "مرحبًا، معكم {}. كيف يمكنني مساعدتكم؟",
        sorry: "نعتذر، لا يمكن الرد على مكالمتكم الآن. يرجى المحاولة لاحقًا.",
    },
    Entry {
        code: "bg",
        name: "Bulgarian",
        greeting: "Здравейте, тук е {}. С какво мога да Ви помогна?",
        sorry: "Съжаляваме, в момента не можем да приемем обаждането Ви. Моля, опитайте по-късно.",
    },
    Entry {
        code: "cs",
        name: "Czech",
        greeting: "Dobrý den, tady {}. Jak vám mohu pomoci?",
        sorry: "Omlouváme se, váš hovor teď nemůžeme přijmout. Zavolejte prosím později.",
    },
    Entry {
        code: "da",
        name: "Danish",
        greeting: "Goddag, du taler med {}. Hvordan kan jeg hjælpe?",
        sorry: "Vi beklager, men vi kan ikke tage dit opkald lige nu. Prøv venligst igen senere.",
    },
    Entry {
        code: "de",
        name: "German",
        greeting: "Guten Tag, hier ist {}. Wie kann ich Ihnen helfen?",
        sorry: "Es tut uns leid, Ihr Anruf kann gerade nicht entgegengenommen werden. Bitte versuchen Sie es später noch einmal.",
    },
    Entry {
        code: "el",
        name: "Greek",
        greeting: "Γεια σας, εδώ {}. Πώς μπορώ να σας βοηθήσω;",
        sorry: "Λυπούμαστε, δεν μπορούμε να απαντήσουμε στην κλήση σας αυτή τη στιγμή. Παρακαλούμε δοκιμάστε αργότερα.",
    },
    Entry {
        code: "es",
        name: "Spanish",
        greeting: "Hola, le atiende {}. ¿En qué puedo ayudarle?",
        sorry: "Lo sentimos, en este momento no podemos atender su llamada. Por favor, inténtelo más tarde.",
    },
    Entry {
        code: "fi",
        name: "Finnish",
        greeting: "Hei, täällä {}. Kuinka voin auttaa?",
        sorry: "Valitettavasti emme voi nyt vastata puheluusi. Yritä myöhemmin uudelleen.",
    },
    Entry {
        code: "fil",
        name: "Filipino",
        greeting: "Kumusta, ito ang {}. Paano ako makakatulong?",
        sorry: "Paumanhin, hindi namin masagot ang inyong tawag ngayon. Pakisubukang muli mamaya.",
    },
    Entry {
        code: "fr",
        name: "French",
        greeting: "Bonjour, ici {}. Comment puis-je vous aider ?",
        sorry: "Nous sommes désolés, personne ne peut répondre à votre appel pour le moment. Veuillez réessayer plus tard.",
    },
    Entry {
        code: "hi",
        name: "Hindi",
        greeting: "नमस्ते, यह {} है। मैं आपकी क्या मदद कर सकता हूँ?",
        sorry: "क्षमा करें, अभी आपकी कॉल नहीं ली जा सकती। कृपया थोड़ी देर बाद फिर प्रयास करें।",
    },
    Entry {
        code: "hr",
        name: "Croatian",
        greeting: "Dobar dan, ovdje {}. Kako vam mogu pomoći?",
        sorry: "Žao nam je, trenutačno ne možemo primiti vaš poziv. Molimo pokušajte kasnije.",
    },
    Entry {
        code: "hu",
        name: "Hungarian",
        greeting: "Jó napot kívánok, itt {}. Miben segíthetek?",
        sorry: "Sajnáljuk, jelenleg nem tudjuk fogadni a hívását. Kérjük, próbálja később.",
    },
    Entry {
        code: "id",
        name: "Indonesian",
        greeting: "Halo, ini {}. Ada yang bisa saya bantu?",
        sorry: "Maaf, panggilan Anda belum dapat kami terima saat ini. Silakan coba lagi nanti.",
    },
    Entry {
        code: "it",
        name: "Italian",
        greeting: "Buongiorno, qui {}. Come posso aiutarla?",
        sorry: "Siamo spiacenti, al momento non possiamo rispondere alla sua chiamata. La preghiamo di riprovare più tardi.",
    },
    Entry {
        code: "ja",
        name: "Japanese",
        greeting: "お電話ありがとうございます。{}です。ご用件をお伺いします。",
        sorry: "申し訳ございません。ただいま電話に出ることができません。しばらくしてからおかけ直しください。",
    },
    Entry {
        code: "ko",
        name: "Korean",
        greeting: "안녕하세요, {}입니다. 무엇을 도와드릴까요?",
        sorry: "죄송합니다. 지금은 전화를 받을 수 없습니다. 나중에 다시 걸어 주세요.",
    },
    Entry {
        code: "ms",
        name: "Malay",
        greeting: "Helo, ini {}. Apa yang boleh saya bantu?",
        sorry: "Maaf, panggilan anda tidak dapat dijawab sekarang. Sila cuba lagi kemudian.",
    },
    Entry {
        code: "nl",
        name: "Dutch",
        greeting: "Goedendag, u spreekt met {}. Waarmee kan ik u helpen?",
        sorry: "Het spijt ons, we kunnen uw oproep nu niet aannemen. Probeer het later nog eens.",
    },
    Entry {
        code: "no",
        name: "Norwegian",
        greeting: "Hei, dette er {}. Hva kan jeg hjelpe deg med?",
        sorry: "Vi beklager, men vi kan ikke ta imot anropet ditt akkurat nå. Prøv igjen senere.",
    },
    Entry {
        code: "pl",
        name: "Polish",
        greeting: "Dzień dobry, tu {}. W czym mogę pomóc?",
        sorry: "Przepraszamy, nie możemy teraz odebrać połączenia. Prosimy spróbować później.",
    },
    Entry {
        code: "pt",
        name: "Portuguese",
        greeting: "Olá, fala de {}. Em que posso ajudar?",
        sorry: "Lamentamos, mas de momento não podemos atender a sua chamada. Por favor, tente mais tarde.",
    },
    Entry {
        code: "pt-br",
        name: "Brazilian Portuguese",
        greeting: "Olá, aqui é {}. Como posso ajudar?",
        sorry: "Desculpe, não podemos atender sua ligação agora. Por favor, tente novamente mais tarde.",
    },
    Entry {
        code: "ro",
        name: "Romanian",
        greeting: "Bună ziua, aici {}. Cu ce vă pot ajuta?",
        sorry: "Ne pare rău, nu putem răspunde acum la apelul dumneavoastră. Vă rugăm să încercați mai târziu.",
    },
    Entry {
        code: "ru",
        name: "Russian",
        greeting: "Здравствуйте, это {}. Чем я могу помочь?",
        sorry: "К сожалению, сейчас мы не можем ответить на ваш звонок. Пожалуйста, перезвоните позже.",
    },
    Entry {
        code: "sk",
        name: "Slovak",
        greeting: "Dobrý deň, tu {}. Ako vám môžem pomôcť?",
        sorry: "Ospravedlňujeme sa, váš hovor teraz nemôžeme prijať. Skúste to prosím neskôr.",
    },
    Entry {
        code: "sv",
        name: "Swedish",
        greeting: "Hej, det här är {}. Hur kan jag hjälpa dig?",
        sorry: "Vi beklagar, men vi kan inte ta emot ditt samtal just nu. Försök gärna igen senare.",
    },
    Entry {
        code: "ta",
        name: "Tamil",
        greeting: "வணக்கம், இது {}. நான் உங்களுக்கு எப்படி உதவலாம்?",
        sorry: "மன்னிக்கவும், தற்போது உங்கள் அழைப்பை ஏற்க முடியவில்லை. பிறகு மீண்டும் முயற்சிக்கவும்.",
    },
    Entry {
        code: "tr",
        name: "Turkish",
        greeting: "Merhaba, burası {}. Size nasıl yardımcı olabilirim?",
        sorry: "Üzgünüz, şu anda çağrınızı yanıtlayamıyoruz. Lütfen daha sonra tekrar deneyin.",
    },
    Entry {
        code: "uk",
        name: "Ukrainian",
        greeting: "Добрий день, це {}. Чим можу допомогти?",
        sorry: "На жаль, зараз ми не можемо прийняти ваш дзвінок. Будь ласка, зателефонуйте пізніше.",
    },
    Entry {
        code: "vi",
        name: "Vietnamese",
        greeting: "Xin chào, đây là {}. Tôi có thể giúp gì cho quý vị?",
        sorry: "Xin lỗi, hiện chúng tôi chưa thể nhận cuộc gọi của quý vị. Vui lòng gọi lại sau.",
    },
    Entry {
        code: "zh",
        name: "Chinese",
        greeting: "您好，这里是{}。请问有什么可以帮您？",
        sorry: "很抱歉，现在无法接听您的来电，请稍后再拨。",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_greets_with_the_name_and_reads_back() {
        for language in Language::all() {
            assert!(language.greeting("Acme").contains("Acme"), "{language}");
            assert_eq!(language.code().parse(), Ok(language));
            assert!(!language.sorry().is_empty());
        }
    }

    #[test]
    fn an_unknown_language_is_rejected_with_the_accepted_ones() {
        assert!("tlh".parse::<Language>().unwrap_err().0.contains("en, ar"));
    }
}
