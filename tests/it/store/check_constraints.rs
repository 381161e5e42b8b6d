//! Check constraints accept exactly the words that the domain knows. The database would reject any other word on writing, or the
//! server on reading.

use std::collections::BTreeMap;

use switchboard::domain::{
    AgentMessaging, AgentStatus, AnswerStage, AutomaticAnswer, CallDirection, CallGroupStrategy, CallOutcome,
    CallStatus, CarrierAccountKind, CarrierAccountStatus, ConversationNews, KeptNumberState, MediaState,
    MessageDirection, MessageStatus, MessagingConsent, MessagingStatus, NumberOrigin, NumberStatus,
    NumberType, OperationKind, OperationState, Provider, Step, ThreadHandling,
};

use crate::support::catalogue;
use crate::support::database::TestDatabase;

macro_rules! words {
    ($type:ty) => {
        <$type>::ALL.iter().map(|word| word.as_str().to_owned()).collect()
    };
}

#[tokio::test]
async fn check_constraints_accept_exactly_the_words_of_the_domain() {
    let domain: [(&str, Vec<String>); 26] = [
        ("agents.messaging", words!(AgentMessaging)),
        ("agents.status", words!(AgentStatus)),
        ("call_groups.strategy", words!(CallGroupStrategy)),
        ("calls.answer_stage", words!(AnswerStage)),
        ("calls.direction", words!(CallDirection)),
        ("calls.outcome", words!(CallOutcome)),
        ("calls.status", words!(CallStatus)),
        ("carrier_accounts.kind", words!(CarrierAccountKind)),
        ("carrier_accounts.status", words!(CarrierAccountStatus)),
        ("kept_numbers.state", words!(KeptNumberState)),
        ("message_media.state", words!(MediaState)),
        ("message_threads.handling", words!(ThreadHandling)),
        ("messages.automatic_answer", words!(AutomaticAnswer)),
        ("messages.awaits_answer", words!(AutomaticAnswer)),
        ("messages.direction", words!(MessageDirection)),
        ("messages.status", words!(MessageStatus)),
        ("messaging_registrations.status", words!(MessagingStatus)),
        ("messaging_consents.consent", words!(MessagingConsent)),
        ("operations.kind", words!(OperationKind)),
        ("operations.state", words!(OperationState)),
        ("operations.step", words!(Step)),
        ("phone_numbers.kind", words!(NumberType)),
        ("phone_numbers.origin", words!(NumberOrigin)),
        ("phone_numbers.provider", words!(Provider)),
        ("phone_numbers.status", words!(NumberStatus)),
        ("voice_events.kind", words!(ConversationNews)),
    ];
    let domain: BTreeMap<_, _> = domain
        .into_iter()
        .map(|(column, mut words)| {
            words.sort();
            (column.to_owned(), words)
        })
        .collect();
    assert_eq!(catalogue::words(&TestDatabase::create().await).await, domain);
}
