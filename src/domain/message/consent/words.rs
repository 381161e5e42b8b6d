//! The words that stop and restore texts or ask for help, by language.
//!
//! English has the carrier's own words (Twilio, "Twilio support for opt-out keywords"), which it acts on whatever we do. Other
//! languages have the words for "stop", "unsubscribe", "start" and "help" that senders use there. Since a person may write in any
//! language, a word is left out if it is an ordinary answer to a question:
//! - translations of CANCEL, END, QUIT and YES: "move or cancel your appointment?" is asked every day;
//! - words that mean something else in another language or to a patient: Turkish `dur` and `red`, Finnish `seis` (Spanish for six),
//!   Chinese `TD` (a vaccine), Russian `справка` (a certificate).

/// The words of a language. They are compared without accents.
pub(super) struct Words {
    /// The code of [`crate::domain::Language`].
    #[cfg_attr(not(test), expect(dead_code, reason = "a test finds a language without a row by it"))]
    pub(super) language: &'static str,
    pub(super) stop: &'static [&'static str],
    pub(super) start: &'static [&'static str],
    pub(super) help: &'static [&'static str],
}

/// Stop words that are compared with their accents: without, they are ordinary answers. `dung` is also `đúng`, "correct".
pub(super) const STOP_WITH_ACCENTS: [&str; 1] = ["dừng"];

/// The carrier's word that restores texts from a long code and answers most other questions.
pub(super) const YES: &str = "yes";

const fn words(
    language: &'static str,
    stop: &'static [&'static str],
    start: &'static [&'static str],
    help: &'static [&'static str],
) -> Words {
    Words { language, stop, start, help }
}

pub(super) const TABLE: &[Words] = &[
    words(
        "en",
        &[
            "stop",
            "stopall",
            "stop all",
            "unsubscribe",
            "end",
            "quit",
            "cancel",
            "revoke",
            "optout",
            "opt out",
        ],
        &["start", "unstop"],
        &["help", "info"],
    ),
    words(
        "ar",
        &["توقف", "إيقاف", "أوقف", "قف", "إلغاء الاشتراك"],
        &["ابدأ", "بدء", "اشتراك"],
        &["مساعدة", "معلومات"],
    ),
    words(
        "bg",
        &["стоп", "спри", "спрете", "отписване", "отпиши ме"],
        &["старт", "започни"],
        &["помощ", "инфо"],
    ),
    words("cs", &["zastavit", "přestaňte", "odhlásit"], &["začít", "spustit"], &["pomoc", "nápověda"]),
    words("da", &["stop", "afmeld", "frameld"], &["start", "tilmeld"], &["hjælp", "hjaelp"]),
    words("de", &["stopp", "abmelden", "abbestellen", "austragen"], &["starten"], &["hilfe"]),
    words(
        "el",
        &["στοπ", "διακοπή", "σταμάτα", "σταματήστε", "διαγραφή"],
        &["έναρξη", "ξεκίνα"],
        &["βοήθεια"],
    ),
    words(
        "es",
        &["alto", "baja", "parar", "pare", "detener", "dar de baja", "darme de baja"],
        &["iniciar", "comenzar", "empezar"],
        &["ayuda"],
    ),
    words("fi", &["lopeta", "lopettakaa", "peruuta tilaus"], &["aloita"], &["apua", "ohje"]),
    words("fil", &["itigil", "ihinto", "tigil", "tumigil"], &["simulan", "magsimula"], &["tulong"]),
    words(
        "fr",
        &["arrêt", "arrêter", "arrêtez", "désabonner", "désabonnement", "désinscrire", "désinscription"],
        &["démarrer", "commencer", "reprendre"],
        &["aide"],
    ),
    words("hi", &["रोकें", "रोको", "रोक दें", "बंद करें", "बंद करो"], &["शुरू", "शुरू करें", "आरंभ"], &["मदद", "सहायता"]),
    words(
        "hr",
        &["zaustavi", "prestani", "prekini", "odjava", "odjavi"],
        &["pokreni", "započni"],
        &["pomoć"],
    ),
    words(
        "hu",
        &["állj", "leállítás", "leiratkozás", "leiratkozom"],
        &["indítás", "kezdés"],
        &["segítség", "súgó"],
    ),
    words("id", &["berhenti", "hentikan", "berhenti berlangganan"], &["mulai"], &["bantuan"]),
    words(
        "it",
        &["ferma", "fermare", "arresta", "disiscrivi", "disiscrivimi", "annulla iscrizione"],
        &["inizia", "avvia"],
        &["aiuto"],
    ),
    words("ja", &["停止", "ストップ", "配信停止", "登録解除"], &["開始", "再開", "スタート"], &["ヘルプ"]),
    words(
        "ko",
        &["중지", "그만", "정지", "스톱", "수신거부", "수신 거부"],
        &["시작", "수신동의", "수신 동의"],
        &["도움말", "도움"],
    ),
    words("ms", &["berhenti", "henti", "hentikan"], &["mula"], &["bantuan"]),
    words("nl", &["stop", "stoppen", "afmelden", "uitschrijven"], &["starten"], &["hulp"]),
    words("no", &["stopp", "stans", "avmeld", "meld av"], &["start"], &["hjelp"]),
    words("pl", &["zatrzymaj", "wypisz", "wypisz mnie"], &["rozpocznij", "wznów"], &["pomoc"]),
    words("pt", &["parar", "pare", "sair", "anular subscrição"], &["iniciar", "começar"], &["ajuda"]),
    words("pt-br", &["parar", "pare", "sair", "descadastrar"], &["iniciar", "começar"], &["ajuda"]),
    words("ro", &["oprește", "opriți", "dezabonare", "dezabonează"], &["începe", "pornește"], &["ajutor"]),
    words(
        "ru",
        &["стоп", "остановить", "остановите", "прекратить", "отписаться", "отпишите меня"],
        &["старт", "начать", "возобновить"],
        &["помощь", "инфо"],
    ),
    words("sk", &["zastaviť", "prestaňte", "odhlásiť"], &["začať", "spustiť"], &["pomoc"]),
    words("sv", &["stopp", "sluta", "avregistrera"], &["starta"], &["hjälp"]),
    words("ta", &["நிறுத்து", "நிறுத்தவும்", "நிறுத்துங்கள்"], &["தொடங்கு", "தொடங்கவும்"], &["உதவி"]),
    words(
        "tr",
        &["durdur", "durdurun", "abonelikten çık", "üyelikten çık"],
        &["başlat", "başla"],
        &["yardım"],
    ),
    words(
        "uk",
        &["стоп", "зупинити", "зупиніть", "відписатися", "відпишіть мене"],
        &["старт", "почати", "відновити"],
        &["допомога", "інфо"],
    ),
    words("vi", &["dừng lại", "ngừng", "ngừng lại", "hủy đăng ký"], &["bắt đầu"], &["trợ giúp", "giúp đỡ"]),
    words("zh", &["停止", "退订", "退訂", "取消订阅", "取消訂閱"], &["开始", "開始"], &["帮助", "幫助"]),
];
