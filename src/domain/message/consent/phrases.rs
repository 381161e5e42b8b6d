//! The phrases that ask for no more texts, by language.
//!
//! Each names texts or messages, or the list they are sent to. "Stop", "leave me alone" or "I withdraw my consent" can be about an
//! appointment, a medication or a treatment, so they are left to a reader.

use super::requests::{Phrases, Unspaced};

const fn row(
    language: &'static str,
    requests: &'static [&'static str],
    unless_after: &'static [&'static str],
    unless_before: &'static [&'static str],
) -> Phrases {
    Phrases { language, requests, unless_after, unless_before }
}

const ENGLISH_LIMITS: &[&str] = &[
    "at",
    "before",
    "after",
    "until",
    "till",
    "while",
    "during",
    "about",
    "when",
    "if",
    "so",
    "as",
    "in",
    "on",
    "for",
    "from",
    "with",
    "to",
    "by",
    "past",
    "between",
    "unless",
    "except",
    "late",
    "early",
    "too",
    "since",
    "regarding",
    "back",
    "yet",
    "of",
    "the",
    "my",
    "a",
    "any",
    "that",
    "this",
    "what",
    "where",
    "results",
    "pictures",
    "photos",
    "details",
    "outside",
    "and",
];

#[rustfmt::skip]
pub(super) const PHRASES: &[Phrases] = &[
    row("en", &[
        "stop|quit|cease texting|messaging|contacting|spamming me|us",
        "stop|quit|cease texting|messaging|contacting me|us on|at this number|phone",
        "stop|quit|cease texting|messaging this number|phone",
        "stop|quit|cease sending [me|us] [all|any|these|those|your|more|so] [more|many] [automated|spam|text] messages|texts|sms|msgs",
        "stop|quit|cease sending [all|any|these|those|your] [text] messages|texts|sms|msgs to me|us",
        "stop|quit|cease sending [all|any|these|those|your] [text] messages|texts|sms|msgs to this|my number|phone",
        "stop [all|these|those|your] [automated] [text] messages|texts|msgs", "stop [all] the [automated] texts",
    ], &[
        "not|dont|never|didnt|doesnt|shouldnt [ever]", "not|dont|didnt|never want|ask|asked|told|tell you|u|them to",
        "did|does|when|until|if|before|unless [will|did] you|they|u|it [guys|all|ever|just|suddenly]", "why [did] [you]", "you|they|u",
    ], ENGLISH_LIMITS),
    row("en", &[
        "do not|never text|message|sms|contact me|us", "dont text|message|sms|contact me|us",
        "do not|never text|message|sms|contact me|us any more|longer", "dont text|message|sms|contact me|us any more|longer",
        "do not|never text|message|contact this number|phone", "dont text|message|contact this number|phone",
        "do not|never send me|us [any|these|those|your|more|anymore] [more] [text] messages|texts|sms",
        "dont send me|us [any|these|those|your|more|anymore] [more] [text] messages|texts|sms",
    ], &["you|they|u|if|why|when", "they|you usually|normally|really"], ENGLISH_LIMITS),
    row("en", &[
        "no more texts|messages|sms|msgs", "no more text messages",
        "remove|take|delete|drop me|us from|off [of] your [text|texting|sms|message|messaging|contact|contacts|mailing|distribution] list|lists",
        "remove|take|delete|drop me|us from|off [of] the|this text|texting|sms|message|messaging|mailing|distribution list|lists",
        "remove|delete my [phone] number from|off [of] your|the|this [text|texting|sms|messaging|contact|mailing] list|lists",
        "unsubscribe|unenroll me|us", "opt me|us out", "opt me|us out of [these|your|the|all] [text] messages|texts|sms",
        "want|wish|like to opt out of [these|your|the|all] [text] messages|texts|sms",
        "want|wish|like to unsubscribe", "do not want [to] [get|receive] [any|these|those|your|more] [more] [text] messages|texts|sms",
        "dont want [to] [get|receive] [any|these|those|your|more] [more] [text] messages|texts|sms",
        "dont want [any|these|those|your|more] [more] [text] messages|texts|sms from you|your",
    ], &[
        "get|got|getting|have|had|receive|received|are|were|see|saw|there|is|be", "not|dont|never|didnt|why|if",
        "they|if [you|i]", "did you",
    ], ENGLISH_LIMITS),
    row("ar", &[
        "توقف|توقفوا|توقفي عن مراسلتي", "توقف|توقفوا|توقفي عن إرسال [هذه] الرسائل|رسائل [لي|إلي|النصية]",
        "لا ترسل|ترسلوا|ترسلي [لي|إلي] [أي|المزيد] [من] رسائل|الرسائل|رسالة", "لا تراسلني|تراسلوني",
        "لا أريد [استلام|تلقي|أن] [أي|المزيد] [من] رسائل|الرسائل|رسائلكم", "ألغ|ألغوا|إلغاء اشتراكي",
    ], &["لا|لم|لماذا|متى|إذا"], &["في", "قبل", "بعد", "عن", "حتى", "عندما", "أثناء", "من", "إلى", "إلا"]),
    row("bg", &[
        "спрете|спри да ми пишете|пишеш", "спрете|спри да ми изпращате|пращате|изпращаш|пращаш [тези] съобщения|смс|sms|есемеси",
        "не ми пишете|пиши повече", "не ми изпращайте|пращайте|изпращай|пращай [повече|тези] съобщения|смс|sms|есемеси",
        "не искам [да] [получавам] [повече] съобщения|смс|sms|есемеси", "премахнете|махнете|изтрийте ме от списъка",
    ], &["не|защо|ако|кога"], &["за", "преди", "след", "през", "докато", "когато", "в", "на", "от", "с"]),
    row("cs", &[
        "přestaňte|přestaň mi psát", "přestaňte|přestaň [mi] posílat [mi] [tyto|další] zprávy|sms|esemesky|smsky",
        "už mi nepište|nepiš", "nepište|nepiš mi už|víc|více",
        "neposílejte|neposílej mi [už|prosím] [žádné|další|tyto] [další] zprávy|sms|esemesky|smsky",
        "nechci [už] [dostávat] [žádné|další|vaše] [další] zprávy|sms|esemesky", "odhlaste|odhlas mě z odběru|sms|zpráv",
    ], &["proč|když|pokud|jestli"], &["v", "ve", "před", "po", "o", "na", "dokud", "než", "když", "z", "ze", "od", "s"]),
    row("da", &[
        "stop|lad [være] med at smse|sms [e] [til] mig", "stop|lad [være] med at skrive|sms til mig",
        "stop [med] at sende [mig] [flere|disse] beskeder|smser|sms", "send [mig] ikke [mig] flere beskeder|smser|sms",
        "skriv|sms ikke til mig mere|igen|længere", "ikke flere beskeder|smser|sms [til] [mig]",
        "jeg vil|ønsker ikke [at] [have|modtage|få] [flere] beskeder|smser|sms", "fjern|slet mig fra jeres|din|deres liste",
    ], &["ikke|hvorfor|hvis|hvornår", "fik|får|har"], &[
        "om", "før", "efter", "når", "på", "i", "kl", "indtil", "mens", "fra", "til", "end",
    ]),
    row("de", &[
        "hören|hoeren|hör|hoer|hört [Sie] [bitte] [endlich] auf mir|uns [weiter] zu schreiben|simsen|texten",
        "hören|hoeren|hör|hoer|hört [Sie] [bitte] [endlich] auf mir|uns [weitere|diese|ständig] sms|nachrichten|textnachrichten zu schreiben|schicken|senden",
        "schreiben|schreibt|schreib [Sie] mir|uns [bitte] nicht mehr|wieder",
        "schreiben|schicken|senden|schreibt|schickt|sendet|schreib|schick [Sie] mir|uns [bitte] keine [weiteren|solchen] sms|nachrichten|textnachrichten|kurznachrichten [mehr]",
        "will|möchte|moechte|wünsche keine [weiteren|solchen] sms|nachrichten|textnachrichten [mehr] [erhalten|bekommen|haben]",
        "keine weiteren sms|nachrichten|textnachrichten", "keine sms|nachrichten|textnachrichten mehr [bitte]",
        "nehmen|streichen|löschen|entfernen|nehmt|streicht|löscht|nimm|streich|lösch [Sie] mich [bitte] von|aus Ihrer|eurer|deiner|Ihrem|eurem liste|verteiler",
    ], &["warum|wieso|wann|falls|wenn", "habe|hab|haben|gibt|sind|kamen|bekomme|erhalte|seit [ich]"], &[
        "nach", "vor", "am", "um", "im", "in", "wenn", "während", "über", "zu", "wegen", "bis", "so", "auf", "an", "von", "vom",
        "nachts", "abends", "da", "gesehen", "erhalten", "bekommen", "außer", "sondern",
    ]),
    row("el", &[
        "σταματήστε|σταμάτα να μου γράφετε|γράφεις", "σταματήστε|σταμάτα να μου στέλνετε|στέλνεις [άλλα|τα|αυτά] μηνύματα|sms|μήνυμα",
        "μη|μην μου στέλνετε|στέλνεις|στείλετε|στείλεις [άλλα|πια|ξανά] μηνύματα|sms|μήνυμα", "μη|μην μου ξαναστείλετε|ξαναστείλεις|ξαναγράψετε",
        "δεν θέλω [να] [λαμβάνω|παίρνω] [άλλα|πια] μηνύματα|sms", "διαγράψτε|αφαιρέστε με από τη|την λίστα σας",
    ], &["γιατί|αν|όταν|μη|μην"], &["πριν", "μετά", "όταν", "για", "από", "στη", "στην", "στο", "στον", "το", "τη", "τα", "κατά", "σε"]),
    row("es", &[
        "deje|deja|dejen|dejad|pare|para|paren|parad de escribirme|textearme|mensajearme|contactarme",
        "deje|deja|dejen|dejad|pare|para|paren|parad de enviarme|mandarme|enviar|mandar [más|estos|esos|los|tantos] mensajes|textos|sms|mensajitos [de] [texto]",
        "no me envíe|envíes|envíen|mande|mandes|manden [más] mensajes|textos|sms|mensajitos [de] [texto] [más|nunca]",
        "no me escriba|escribas|escriban|contacte|contactes|contacten más|nunca",
        "no quiero|deseo [recibir] [más|sus|tus|estos] mensajes|textos|sms [de] [texto]", "no más mensajes|textos|sms [de] [texto]",
        "quíteme|quítame|quítenme|bórreme|bórrame|bórrenme|elimíneme|elimíname|elimínenme|sáqueme|sácame|sáquenme de su|tu|esta lista",
        "darme|deme|dame|denme de baja de [estos|los|sus|tus|la] mensajes|sms|lista",
    ], &["no|nunca|si|cuando|porque", "por qué"], &[
        "de", "del", "por", "antes", "después", "tan", "en", "durante", "a", "hasta", "cuando", "sobre", "si", "los", "las", "con",
        "el", "la", "al", "salvo", "excepto",
    ]),
    row("fi", &[
        "lopeta|lopettakaa tekstaaminen|viestittely", "lopeta|lopettakaa [näiden] viestien|tekstiviestien lähettäminen [minulle]",
        "älä|älkää lähetä|lähettäkö [minulle] [enää|enempää] [enempää] viestejä|tekstiviestejä", "älä|älkää tekstaa|tekstatko [minulle] enää",
        "en halua [saada] [enää|enempää] [enempää] viestejä|tekstiviestejä|viestejänne", "ei enää viestejä|tekstiviestejä",
        "poista|poistakaa minut listalta|listaltanne|listaltasi",
    ], &["älä|älkää|miksi|jos"], &["ennen", "kun", "aikana", "öisin", "yöllä", "illalla", "iltaisin", "jälkeen", "paitsi", "asti", "ole"]),
    row("fil", &[
        "huwag|wag [na] [nyo|niyo|ninyo|mo] [na] akong|ako|kaming [nang|ng] [i] text|itext|padalhan|tetext",
        "itigil|tigilan|ihinto [na] [nyo|niyo|ninyo|mo] [na] [ang] pagtext|pagtetext [sa] [akin]",
        "itigil|tigilan|ihinto [na] [nyo|niyo|ninyo|mo] [na] ang pagpapadala ng [mga] text|mensahe [sa] [akin]",
        "ayoko|ayaw [ko] [na|nang] [ng] makatanggap ng [mga] text|mensahe",
    ], &["bakit|kung|kapag"], &["kapag", "pag", "tuwing", "bago", "hanggang", "sa", "kung", "habang", "mula", "nang", "ng"]),
    row("fr", &[
        "arrêtez|arrête|arrêter|cessez|cesse de m'écrire", "arrêtez|arrête|arrêter|cessez|cesse de me texter|contacter|spammer",
        "arrêtez|arrête|arrêter|cessez|cesse de m'envoyer|envoyer [des|ces|vos|les|tous] [ces] messages|sms|textos",
        "ne m'envoyez|m'envoie|m'envoies|m'envoyer plus [de|ces|vos|aucun] messages|message|sms|textos|texto",
        "ne m'écrivez|m'écris|m'écrire plus", "ne me contactez|contacte|contacter|textez|texte plus",
        "ne veux|souhaite|désire plus [recevoir] [de|vos|ces|aucun] messages|message|sms|textos",
        "retirez|enlevez|supprimez|retire|enlève|supprime moi de votre|vos|ta liste|listes", "désabonnez|désinscrivez|désabonne|désinscris moi",
    ], &["ne|pourquoi|si|quand|pas"], &[
        "avant", "après", "le", "la", "les", "pendant", "quand", "si", "au", "à", "en", "sur", "jusqu'à", "lorsque", "tard", "tôt",
        "pour", "dans", "de", "des", "d'attente", "concernant", "sauf", "que",
    ]),
    row("hi", &[
        "मैसेज|मेसेज|संदेश|एसएमएस|sms भेजना|करना बंद करें|करो|कीजिए|कर", "मुझे [और|अब] मैसेज|मेसेज|संदेश|एसएमएस|sms मत|न|ना भेजें|भेजो|भेजिए|करें|करो|कीजिए",
        "मुझे [और|अब] मैसेज|मेसेज|संदेश|एसएमएस|sms नहीं चाहिए", "message|msg|sms bhejna|karna band karo|kare|karen|kijiye|kar",
        "mujhe [aur|ab] message|msg|sms mat bhejo|bhejiye|bheje|karo|kare|kijiye",
    ], &[
        "रात|सुबह|शाम|दोपहर|बाद|पहले|बजे|जब|क्यों [को|में|के|से] [मुझे]", "raat|subah|shaam|baad|pehle|baje|jab|kyon [ko|me|mein] [mujhe]",
    ], &[]),
    row("hr", &[
        "prestanite|prestani mi pisati|pisat", "prestanite|prestani [mi] slati|slat [mi] [te|ove|više] poruke|sms|smsove",
        "nemojte|nemoj mi više pisati|pisat", "nemojte|nemoj mi [više] slati|slat [više|te|ove] poruke|sms|smsove",
        "ne šaljite|šalji mi [više|te|ove] poruke|sms|smsove", "ne pišite|piši mi više",
        "ne želim [više] [primati|dobivati] [više|vaše] poruke|sms|smsove", "maknite|uklonite|izbrišite|obrišite me s|sa|iz vaše|svoje|vašeg|svojeg liste|popisa",
    ], &["zašto|ako|kad|kada|ne"], &["prije", "poslije", "nakon", "kad", "kada", "u", "na", "o", "dok", "do", "noću", "navečer", "od", "s", "čekanja"]),
    row("hu", &[
        "ne küldjenek|küldjön|küldj|küldjetek [nekem] [több|többet] [több] üzenetet|üzeneteket|smst|sms [t] [többet|többé]",
        "ne írjanak|írjon|írj [nekem] többet|többé", "hagyják|hagyja|hagyd abba a|az üzenetküldést|üzengetést|smsezést",
        "hagyják|hagyja|hagyd abba a|az üzenetek|smsek küldését", "nem kérek|akarok [több|többet] [több] üzenetet|smst|sms [t]",
        "töröljenek|töröljön|vegyenek|vegyen [le|ki] a listájukról|listájáról",
    ], &["ne|miért|ha"], &["este", "éjjel", "éjszaka", "után", "előtt", "amikor", "amíg", "ha", "reggel", "a", "az", "míg"]),
    row("id", &[
        "berhenti|stop [untuk] mengirimi|kirimi|sms|menghubungi|hubungi saya|aku|kami [pesan|sms]",
        "berhenti|stop [untuk] mengirim|kirim [saya] pesan|sms", "jangan kirim|kirimi|mengirim|sms|hubungi [saya|aku|kami] [pesan|sms] lagi",
        "tidak|ga|gak|nggak mau|ingin [lagi] menerima|terima [lagi] pesan|sms", "hapus|keluarkan saya dari daftar anda|kalian",
    ], &["jangan|kenapa|mengapa|kalau|jika"], &[
        "sebelum", "setelah", "sesudah", "saat", "ketika", "di", "kalau", "jika", "malam", "pada", "sampai", "tentang", "dari", "tunggu",
    ]),
    row("it", &[
        "smettete|smettetela|smetta|smettila|smetti|smetterla di scrivermi|messaggiarmi|contattarmi",
        "smettete|smettetela|smetta|smettila|smetti|smetterla di mandarmi|inviarmi [questi|altri|i|dei|tutti] [questi] messaggi|sms|messaggini",
        "basta con [i|questi] messaggi|sms", "non scrivetemi|scrivermi|contattatemi|contattarmi più", "non mi scrivete|scriva|scrivi|contatti|contattate più",
        "non mandatemi|inviatemi|mandarmi|inviarmi [più|altri] messaggi|sms", "non mi mandi|mandate|invii|inviate [più|altri] messaggi|sms",
        "non voglio|desidero [più] [ricevere] [più|altri|vostri|i] [vostri] messaggi|sms",
        "toglietemi|cancellatemi|rimuovetemi|eliminatemi|toglimi|cancellami|rimuovimi dalla vostra|tua|sua lista",
    ], &["non|perché|se|quando"], &[
        "prima", "dopo", "durante", "quando", "di", "la", "il", "a", "al", "in", "per", "se", "su", "sul", "d'attesa", "fino", "così",
        "alle", "dalle", "dal", "da", "tranne", "i", "le",
    ]),
    row("ms", &[
        "berhenti|stop hantar|menghantar [saya|kami] [sebarang] mesej|sms", "berhenti|stop mesej|sms|hubungi|menghubungi saya|kami",
        "jangan hantar|mesej|sms|hubungi [saya|kami] [mesej|sms] lagi", "tidak|tak mahu|nak [lagi] terima|menerima [lagi] mesej|sms",
        "keluarkan|padam saya daripada senarai anda",
    ], &["jangan|kenapa|mengapa|jika|kalau"], &[
        "sebelum", "selepas", "semasa", "ketika", "bila", "di", "jika", "kalau", "malam", "pada", "sampai", "tentang", "dari", "daripada",
    ]),
    row("nl", &[
        "stop|hou|houd [op] met [mij|me|het] [te] sms'en", "stop|hou|houd [op] met [mij|me] [deze|die] berichten|sms'jes|sms [te] sturen",
        "stop|hou|houd [op] met het sturen van [deze|die|uw] berichten|sms'jes|sms'en",
        "stuur|stuurt [u] [mij|me] [alstublieft|alsjeblieft|aub] geen berichten|berichtjes|sms'jes|sms'en|sms [meer]",
        "geen berichten|berichtjes|sms'jes|sms'en meer", "wil geen berichten|berichtjes|sms'jes|sms'en [meer] [ontvangen|krijgen]",
        "haal|verwijder|schrap mij|me van|uit jullie|uw|je lijst",
    ], &["waarom|wanneer|als", "heb|krijg|kreeg|zijn|ontvang|heeft|waren [ik|er]", "niet"], &[
        "na", "voor", "om", "als", "tijdens", "over", "in", "op", "tot", "naar", "gekregen", "ontvangen", "s", "van", "aan", "wanneer",
    ]),
    row("no", &[
        "slutt|stopp [med] å tekste|melde|smse|kontakte meg", "slutt|stopp [med] å sende [meg] [flere|disse] meldinger|tekstmeldinger|sms|smser",
        "ikke send [meg] [flere] meldinger|tekstmeldinger|sms|smser", "ikke skriv|kontakt|tekst [til] meg mer|igjen|lenger",
        "send [meg] ikke flere meldinger|tekstmeldinger|sms|smser", "ingen flere meldinger|tekstmeldinger|sms [takk]",
        "vil|ønsker ikke [å] [ha|motta|få] [flere] meldinger|tekstmeldinger|sms", "fjern|slett meg fra listen deres|din",
    ], &["ikke|hvorfor|hvis|når", "har|fikk|får"], &["før", "etter", "når", "om", "på", "i", "kl", "til", "mens", "hvis", "fra", "enn"]),
    row("pl", &[
        "przestańcie|przestań|przestać do mnie pisać|smsować", "przestańcie|przestań|przestać pisać|smsować do mnie",
        "przestańcie|przestań|przestać [mi] wysyłać|przysyłać [mi] [te|kolejne] wiadomości|sms|smsy|esemesy",
        "nie pisz|piszcie do mnie [więcej|już]", "nie wysyłaj|wysyłajcie|przysyłaj|przysyłajcie [mi] [już|więcej] [więcej] wiadomości|sms|smsów|esemesów",
        "nie chcę [już|więcej] [otrzymywać|dostawać] [już|więcej|waszych] wiadomości|sms|smsów|esemesów",
        "usuń|usuńcie|wypisz|wypiszcie mnie z waszej|twojej|tej listy",
    ], &["nie|dlaczego|czemu|jeśli|gdy"], &[
        "w", "we", "po", "przed", "kiedy", "gdy", "do", "o", "na", "oczekujących", "przez", "od", "wieczorem", "jeśli", "z", "nocą",
    ]),
    row("pt", &[
        "pare|parem|para|deixe|deixem|deixa de me escrever|contactar|contatar", "pare|parem|para|deixe|deixem|deixa de escrever me",
        "pare|parem|para|deixe|deixem|deixa de [me] enviar|mandar [me] [mais|essas|estas|as] mensagens|sms|torpedos",
        "não me envie|envies|enviem|mande|mandes|mandem [mais] mensagens|mensagem|sms [mais]", "não me escreva|escrevas|escrevam|contacte|contate mais",
        "não quero|desejo [mais] [receber] [mais|suas|as|essas|estas] mensagens|sms", "não quero [mais] receber [mais] mensagens|sms",
        "me tire|tira|tirem|retire|retirem|remova|removam da|de sua|tua|vossa lista", "tire|retire|remova|removam|retirem me da|de sua|tua|vossa lista",
    ], &["não|nunca|porque|se|quando", "por que|quê"], &[
        "antes", "depois", "a", "à", "às", "ao", "de", "do", "da", "no", "na", "em", "quando", "sobre", "até", "durante", "se", "tão",
        "por", "para", "exceto", "com",
    ]),
    row("pt-br", &["me descadastre|descadastra|descadastrem", "pare|parem|para de me mandar|enviar msg|msgs|mensagem", "chega de mensagens|sms|msgs"], &[
        "não|nunca|porque|se|quando",
    ], &["antes", "depois", "à", "a", "de", "do", "da", "no", "na", "em", "quando", "sobre", "até", "se", "com"]),
    row("ro", &[
        "nu mi mai scrie|scrieți", "nu mi mai trimite|trimiteți [niciun|alte] mesaje|mesaj|sms|smsuri",
        "încetați|încetează|terminați să [îmi|mi] [mai] scrieți|scrii", "încetați|încetează|terminați să [îmi|mi] [mai] trimiteți|trimiți mesaje|sms|smsuri",
        "nu mai vreau|doresc [să] [primesc] [alte|alt] mesaje|sms|smsuri", "scoateți|ștergeți|eliminați mă din|de [pe] lista dumneavoastră|voastră|dvs",
    ], &["de|când|dacă ce", "dacă|când"], &["înainte", "după", "când", "la", "în", "despre", "noaptea", "seara", "dacă", "pe", "de", "cu", "până"]),
    row("ru", &[
        "прекратите|прекрати|перестаньте|перестань|хватит мне писать", "прекратите|прекрати|перестаньте|перестань|хватит писать мне",
        "прекратите|прекрати|перестаньте|перестань|хватит [мне] слать|присылать|отправлять|посылать [мне] [эти] смс|сообщения|sms|смски|эсэмэски",
        "не пишите|пиши [мне] больше", "больше [мне] не пишите|пиши [мне]",
        "не присылайте|присылай|отправляйте|отправляй|шлите|шли [мне] [больше] [мне] смс|сообщения|сообщений|sms|смски",
        "больше не присылайте|отправляйте|шлите [мне] смс|сообщения|сообщений|sms", "не хочу [больше] получать [больше|ваши|эти] смс|сообщения|сообщений|sms|смски",
        "удалите|уберите|исключите меня из вашего|вашей списка|рассылки", "отпишите|отписать меня [от] [вашей|рассылки]",
    ], &["не|почему|зачем|если|когда"], &[
        "до", "после", "когда", "во", "в", "на", "по", "о", "об", "про", "ночью", "вечером", "если", "пока", "с", "ожидания", "от", "кроме",
    ]),
    row("sk", &[
        "prestaňte|prestaň mi písať", "prestaňte|prestaň [mi] posielať [mi] [tieto|ďalšie] správy|sms|esemesky|smsky",
        "už mi nepíšte|nepíš", "nepíšte|nepíš mi už|viac", "neposielajte|neposielaj mi [už|prosím] [žiadne|ďalšie|tieto] [ďalšie] správy|sms|esemesky",
        "nechcem [už] [dostávať] [žiadne|ďalšie|vaše] [ďalšie] správy|sms|esemesky", "odhláste|odhlás ma z odberu|sms|správ",
    ], &["prečo|keď|ak"], &["v", "vo", "pred", "po", "o", "na", "kým", "keď", "z", "zo", "od", "s", "do"]),
    row("sv", &[
        "sluta [att] smsa|sms|messa|kontakta|texta [a] mig", "sluta [att] skriva till mig",
        "sluta [att] skicka [mig] [fler|dessa|de|era] meddelanden|sms|textmeddelanden", "sluta [att] skicka meddelanden|sms till mig",
        "skicka inte|ej [mig] [fler|några] [fler] meddelanden|sms", "skicka [mig] inga [fler] meddelanden|sms",
        "smsa|messa|kontakta [mig] inte|ej [mig] mer|igen|längre", "inga fler meddelanden|sms",
        "vill inte|ej [längre] [ha|få] [några|fler|era] [fler] meddelanden|sms", "ta bort mig från er|din lista",
    ], &["inte|varför|om|när", "har|fick|får"], &["före", "innan", "efter", "när", "på", "om", "i", "under", "till", "kl", "medan", "från", "än"]),
    row("ta", &[
        "செய்தி|செய்திகள்|செய்திகளை|குறுஞ்செய்தி|குறுஞ்செய்திகள்|மெசேஜ்|sms அனுப்ப வேண்டாம்",
        "செய்தி|செய்திகள்|செய்திகளை|குறுஞ்செய்தி|குறுஞ்செய்திகள்|மெசேஜ்|sms அனுப்பாதீர்கள்|அனுப்பாதே|அனுப்பாதீங்க",
        "செய்தி|செய்திகள்|செய்திகளை|குறுஞ்செய்தி|குறுஞ்செய்திகள்|மெசேஜ்|sms அனுப்புவதை நிறுத்துங்கள்|நிறுத்தவும்|நிறுத்து",
    ], &["இரவில்|இரவு|காலையில்|மாலையில் [எனக்கு]"], &[]),
    row("tr", &[
        "bana [artık] [bir] [daha] mesaj|sms atmayın|atma|göndermeyin|gönderme|yollamayın|yollama",
        "mesaj|sms atmayı|göndermeyi|yollamayı [artık] bırakın|bırak|kesin|kes|durdurun", "artık mesaj|sms [almak] istemiyorum",
        "mesaj|mesajlarınızı|sms almak istemiyorum", "beni listenizden|listenden çıkarın|çıkar|silin|sil",
    ], &["gece|geceleri|akşam|akşamları|sabah|sabahları|sonra|önce|neden|niye|eğer [bana]", "saatlerinde [bana]"], &[]),
    row("uk", &[
        "припиніть|припини|перестаньте|перестань|досить мені писати", "припиніть|припини|перестаньте|перестань|досить писати мені",
        "припиніть|припини|перестаньте|перестань|досить [мені] надсилати|присилати|слати|відправляти [мені] [ці] повідомлення|смс|sms",
        "не пишіть|пиши [мені] більше", "більше [мені] не пишіть|пиши [мені]",
        "не надсилайте|надсилай|присилайте|присилай|шліть|відправляйте [мені] [більше] [мені] повідомлень|повідомлення|смс|sms",
        "більше не надсилайте|присилайте|шліть [мені] повідомлень|повідомлення|смс|sms", "не хочу [більше] отримувати [більше|ваші|ці] повідомлення|повідомлень|смс|sms",
        "видаліть|приберіть|виключіть мене з|зі вашого|вашої списку|розсилки", "відпишіть мене [від] [вашої|розсилки]",
    ], &["не|чому|навіщо|якщо|коли"], &[
        "до", "після", "коли", "в", "у", "на", "про", "вночі", "ввечері", "якщо", "поки", "з", "очікування", "від", "крім",
    ]),
    row("vi", &[
        "đừng|dung|dừng|ngừng [có|việc] nhắn tin [cho] [tôi|mình|em] [nữa]", "đừng|dung|dừng|ngừng [có|việc] gửi [tôi] tin [nhắn] [cho] [tôi|mình|em] [nữa]",
        "không|khong muốn nhận [thêm] tin [nhắn] [nữa]", "xóa|bỏ tôi khỏi danh sách",
    ], &["đừng|sao|nếu|dung"], &["sau", "trước", "lúc", "vào", "khi", "ban", "buổi", "trong", "từ", "chờ", "về", "nếu"]),
];

const fn unspaced(
    language: &'static str,
    requests: &'static [&'static str],
    unless_after: &'static [&'static str],
    unless_before: &'static [&'static str],
) -> Unspaced {
    Unspaced { language, requests, unless_after, unless_before }
}

#[rustfmt::skip]
pub(super) const UNSPACED: &[Unspaced] = &[
    unspaced("ja", &[
        "メッセージを送らないで", "ショートメールを送らないで", "SMSを送らないで", "メッセージをもう送らないで", "SMSをもう送らないで",
        "メッセージを送るのをやめて", "SMSを送るのをやめて", "メッセージの送信をやめて", "SMSの送信をやめて", "メッセージの送信を停止して",
        "SMSの送信を停止して", "メッセージの配信を停止して", "もうメッセージはいりません", "メッセージは不要です", "SMSは不要です",
        "配信リストから外して", "配信リストから削除して",
    ], &["夜に", "夜は", "夜間は", "仕事中は", "仕事中に", "時は", "ときは", "時に", "ときに", "まで"], &["ほしくない", "欲しくない", "ほしいとは"]),
    unspaced("ko", &[
        "문자보내지마", "문자보내지말아", "문자를보내지마", "문자를보내지말아", "문자그만보내", "문자좀그만보내", "문자하지마", "문자하지말아",
        "문자받고싶지않", "문자를받고싶지않", "메시지보내지마", "메시지보내지말아", "메시지를보내지마", "메시지를보내지말아", "메시지그만보내",
        "메시지를그만보내", "메시지받고싶지않", "메시지를받고싶지않", "수신거부합니다", "수신거부해주세요", "수신거부할게요",
    ], &["밤에", "밤에는", "새벽에", "아침에", "저녁에", "근무중에", "때는", "때"], &["말라고"]),
    unspaced("zh", &[
        "不要再给我发短信", "不要再给我发信息", "不要再给我发消息", "别再给我发短信", "别再给我发信息", "别再给我发消息", "不要给我发短信",
        "不要给我发信息", "别给我发短信", "别给我发信息", "不要再发短信", "别再发短信", "不要再发信息", "别再发信息", "停止给我发短信", "停止给我发信息",
        "停止发送短信", "停止发短信", "不想再收到短信", "不想再收到你们的短信", "不想收到你们的短信", "取消我的订阅", "把我从名单中删除",
        "不要再傳簡訊", "別再傳簡訊", "不要再發簡訊", "別再發簡訊", "停止傳簡訊給我", "停止傳送簡訊", "停止發送簡訊", "不想再收到簡訊", "取消我的訂閱",
        "不要再給我發短信", "別再給我發短信", "停止給我發短信", "不要再傳訊息給我", "別再傳訊息給我",
    ], &["不要", "别", "別", "没有", "沒有", "晚上", "早上", "夜里", "時候", "时候", "时", "時", "前", "后", "後", "为什么", "為什麼", "如果"], &[]),
];
