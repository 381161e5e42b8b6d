//! Each word in each form, and sentences of every language.

use unicode_normalization::UnicodeNormalization;

use super::ConsentWord::{Help, Start, Stop};
use super::phrases::{PHRASES, UNSPACED};
use super::words::TABLE;
use super::*;
use crate::domain::Language;
use crate::domain::MessagingConsent::{Implied, OptedIn, OptedOut};
use crate::domain::NumberType::{Local, Mobile, TollFree};

fn word(body: &str) -> Option<ConsentWord> {
    consent_word(body, Local, Implied)
}

/// How people type one word, or a few.
fn forms(word: &str) -> Vec<String> {
    let full_width = |c: char| match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
        ' ' => '\u{3000}',
        c => c,
    };
    let upper = word.to_uppercase();
    vec![
        word.to_owned(),
        format!("  {upper}\n"),
        format!("{upper}."),
        format!("{word}!!"),
        format!("\"{word}\""),
        format!("{upper} 🙏"),
        format!("\u{200f}{word}\u{200e}"),
        word.chars().flat_map(|c| [c, '\u{200b}']).collect(),
        word.nfd().collect(),
        upper.nfc().map(full_width).collect(),
    ]
}

#[test]
fn every_language_has_words_and_phrases() {
    for language in Language::all() {
        assert!(TABLE.iter().any(|row| row.language == language.code()), "{language}");
        let mut with_phrases =
            PHRASES.iter().map(|row| row.language).chain(UNSPACED.iter().map(|row| row.language));
        assert!(with_phrases.any(|code| code == language.code()), "{language}");
    }
}

#[test]
fn every_word_is_understood_in_every_form() {
    for row in TABLE {
        for (words, meaning) in [(row.stop, Stop), (row.start, Start), (row.help, Help)] {
            for form in words.iter().flat_map(|word| forms(word)) {
                // A word that two languages share with different meanings would fail here.
                assert_eq!(word(&form), Some(meaning), "{}: {form:?}", row.language);
            }
        }
    }
    // The carrier's own words. It acts on them whatever we do.
    for text in ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL", "opt-out"] {
        assert_eq!(word(text), Some(Stop), "{text}");
    }
    for (text, meaning) in [("START", Start), ("UNSTOP", Start), ("HELP", Help), ("Info", Help)] {
        assert_eq!(word(text), Some(meaning), "{text}");
    }
    for text in ["ARRÊT", "arret", "Arre\u{302}t", "DỪNG", "dừng.", "ｓｔｏｐ", "İTİGİL"] {
        assert_eq!(word(text), Some(Stop), "{text}");
    }
}

#[test]
fn an_ordinary_text_is_no_instruction() {
    for text in [
        "",
        " ",
        "🛑",
        ".",
        "STOP please",
        "please stop",
        "Stop?",
        "stop by at 5",
        "don't stop",
        "stopp it now",
        "ending",
        "helpful",
        "Help me find the entrance",
        "No",
        "OK",
        "Cancelar",
        "Annuler",
        "dung",
        "đúng",
        "dur",
        "seis",
        "TD",
        "yes",
        "Sí",
        "ja",
    ] {
        assert_eq!(word(text), None, "{text}");
    }
}

#[test]
fn yes_restores_only_what_was_stopped_and_not_on_a_toll_free_number() {
    for number in [Local, Mobile] {
        for text in forms("yes") {
            assert_eq!(consent_word(&text, number, OptedOut), Some(Start), "{text}");
            assert_eq!(consent_word(&text, number, Implied), None, "{text}");
            assert_eq!(consent_word(&text, number, OptedIn), None, "{text}");
        }
    }
    assert_eq!(consent_word("YES", TollFree, OptedOut), None);
    assert_eq!(consent_word("UNSTOP", TollFree, OptedOut), Some(Start));
    assert_eq!(consent_word("stop", TollFree, Implied), Some(Stop));
}

#[test]
fn an_unmistakable_request_counts_in_every_language() {
    let missed: Vec<_> = REQUESTS.iter().filter(|text| !revokes_consent(text)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

const REQUESTS: &[&str] = &[
    "please stop texting me",
    "STOP TEXTING ME!!!",
    "Hi. Can you please stop texting me? Thanks",
    "quit messaging us",
    "wrong number, stop texting me i am not john",
    "I am not John stop texting me",
    "I asked you to stop texting me",
    "Please stop sending me messages",
    "stop sending these text messages",
    "stop sending messages to this number",
    "do not text me again",
    "Don’t text me anymore",
    "dont message me",
    "Do not contact us any more",
    "don't text me, call me",
    "no more texts please",
    "No more text messages",
    "remove me from your list",
    "Take me off of your texting list",
    "take my number off the list? no: remove my number from your list",
    "please unsubscribe me",
    "opt me out",
    "I would like to opt out of these texts",
    "I don't want any more texts",
    "I do not want to receive messages",
    "stop\u{200b} texting m\u{200b}e",
    "ＳＴＯＰ ＴＥＸＴＩＮＧ ＭＥ",
    "stop the texts!",
    "توقفوا عن إرسال الرسائل",
    "لا ترسلوا لي رسائل",
    "Моля, спрете да ми пишете",
    "не искам повече съобщения",
    "Přestaňte mi prosím... přestaňte mi posílat zprávy",
    "Už mi nepište",
    "Stop med at sende mig beskeder",
    "Send mig ikke flere sms'er",
    "Bitte hören Sie auf, mir zu schreiben",
    "Schicken Sie mir keine Nachrichten mehr",
    "Ich möchte keine weiteren SMS",
    "Σταματήστε να μου στέλνετε μηνύματα",
    "Δεν θέλω άλλα μηνύματα",
    "Por favor, deje de enviarme mensajes",
    "No, dejen de mandarme mensajes de texto",
    "no me envíen más mensajes",
    "NO QUIERO MAS MENSAJES",
    "quíteme de su lista",
    "Lopettakaa viestien lähettäminen",
    "Älkää lähettäkö enää viestejä",
    "huwag nyo na akong i-text",
    "Itigil nyo na ang pagpapadala ng mensahe",
    "Arrêtez de m'envoyer des messages",
    "arretez de m’ecrire svp",
    "Ne m’envoyez plus de SMS",
    "Je ne veux plus recevoir vos messages",
    "मुझे मैसेज मत भेजो",
    "कृपया मैसेज भेजना बंद करें",
    "mujhe message mat bhejo",
    "Prestanite mi slati poruke",
    "Ne želim više poruke",
    "Ne küldjenek több üzenetet",
    "Nem kérek több SMS-t",
    "Berhenti mengirim saya pesan",
    "Jangan sms saya lagi",
    "Smettetela di scrivermi",
    "Non mandatemi più messaggi",
    "Basta con questi messaggi",
    "もうメッセージを送らないでください",
    "SMSの送信をやめてください",
    "문자 그만 보내세요",
    "문자를 보내지 마세요",
    "Jangan hantar mesej lagi",
    "Saya tidak mahu terima mesej",
    "Stop met mij berichten te sturen",
    "Stuur mij alstublieft geen sms’jes meer",
    "Slutt å sende meg meldinger",
    "ikke send meg flere meldinger",
    "Przestańcie do mnie pisać",
    "Nie wysyłajcie mi więcej wiadomości",
    "nie chce wiecej smsow",
    "Pare de me enviar mensagens",
    "Não quero mais receber mensagens",
    "Me tire da sua lista",
    "me descadastre",
    "Nu-mi mai trimiteți mesaje",
    "nu mai vreau mesaje",
    "Прекратите присылать мне сообщения",
    "Не пишите мне больше",
    "Больше не присылайте СМС",
    "Prestaňte mi písať",
    "Neposielajte mi správy",
    "Sluta skicka meddelanden till mig",
    "Skicka inga fler sms",
    "எனக்கு செய்தி அனுப்ப வேண்டாம்",
    "செய்திகளை அனுப்புவதை நிறுத்துங்கள்",
    "Bana mesaj atmayın",
    "artık mesaj istemiyorum",
    "Припиніть надсилати мені повідомлення",
    "Не пишіть мені більше",
    "Đừng nhắn tin cho tôi nữa",
    "tôi không muốn nhận tin nhắn",
    "请不要再给我发短信",
    "別再傳簡訊給我",
];

#[test]
fn what_is_open_to_doubt_is_left_to_a_reader() {
    let misread: Vec<_> = DOUBTFUL.iter().filter(|text| revokes_consent(text)).collect();
    assert!(misread.is_empty(), "{misread:#?}");
}

const DOUBTFUL: &[&str] = &[
    "",
    "stop",
    "STOP",
    "please stop by at 5",
    "don't stop",
    "can you stop the medication",
    "Should I stop taking it?",
    "please don't stop texting me",
    "never stop texting me",
    "Why did you stop texting me?",
    "did you stop texting me",
    "I don't want you to stop texting me",
    "please stop texting me at work",
    "do not text me before 9",
    "don't text me the results, call me",
    "No need, don't text me back",
    "stop sending me the wrong pills",
    "You don't text me anymore",
    "take me off the waiting list",
    "remove me from your waiting list",
    "I get no more texts",
    "I have no more messages on my phone",
    "I want to opt out of the flu shot",
    "I withdraw my consent",
    "leave me alone",
    "stop the messages on my machine about the bill? no, all is well",
    "the bus will not stop. texting me is fine",
    "I want more texts",
    "If you stop texting me I'll miss it",
    "I do not want to miss your messages",
    "the pain won't stop",
    "no dejes de enviarme mensajes",
    "¿Por qué no me envían mensajes?",
    "no me envíe mensajes por la noche",
    "N'arrêtez pas de m'envoyer des messages",
    "ne m'envoyez plus de messages le soir",
    "je veux plus de messages",
    "retirez-moi de votre liste d'attente",
    "Hören Sie nicht auf, mir zu schreiben",
    "Schreiben Sie mir nicht mehr nach 20 Uhr",
    "Ich habe keine Nachrichten mehr erhalten",
    "non smettete di scrivermi",
    "Smettete di scrivermi la sera",
    "Не прекращайте писать мне",
    "Почему больше не пишите",
    "Не пишите мне больше ночью",
    "रात को मुझे मैसेज मत भेजें",
    "gece bana mesaj atmayın",
    "夜はメッセージを送らないでください",
    "晚上不要给我发短信",
    "밤에 문자 보내지 마세요",
    "Đừng nhắn tin cho tôi vào ban đêm",
    "Não pare de me enviar mensagens",
    "nie pisz do mnie wieczorem",
    "Sluta inte skicka meddelanden till mig",
    "sluta smsa mig på natten",
    "Stop niet met mij berichten te sturen",
    "Ik heb geen berichten meer",
];

#[test]
fn a_long_text_is_read_quickly() {
    let long = "please do not stop texting me, stop sending all these ".repeat(1200);
    let began = std::time::Instant::now();
    assert!(!revokes_consent(&long));
    // Generous for a build without optimization: about a text of 64 KB, the longest that is read.
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}
