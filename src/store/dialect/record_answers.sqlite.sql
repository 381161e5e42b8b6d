-- Records what a batch of calls was answered with: one row of ?1 each, no call twice. An answer given before the one on record
-- changes nothing but a conversation that is missing.
UPDATE calls SET
    outcome = CASE WHEN calls.answered_at > input.answered_at THEN calls.outcome ELSE input.outcome END,
    decision = CASE WHEN calls.answered_at > input.answered_at THEN calls.decision ELSE input.decision END,
    answer = CASE WHEN calls.answered_at > input.answered_at THEN calls.answer ELSE input.answer END,
    answer_stage = CASE WHEN calls.answered_at > input.answered_at THEN calls.answer_stage ELSE input.stage END,
    answered_at = CASE WHEN calls.answered_at > input.answered_at THEN calls.answered_at ELSE input.answered_at END,
    admitted = calls.admitted AND input.keeps_slot, answering_by = NULL, answering_until = NULL,
    conversation_id = CASE WHEN calls.answered_at > input.answered_at
        THEN COALESCE(calls.conversation_id, input.conversation_id)
        ELSE COALESCE(input.conversation_id, calls.conversation_id) END,
    conversation_due_at = CASE
        WHEN input.conversation_id IS NULL THEN calls.conversation_due_at
        WHEN calls.answered_at > input.answered_at AND calls.conversation_id IS NOT NULL THEN calls.conversation_due_at
        ELSE input.at END,
    sequence = calls.sequence + 1, updated_at = input.at
FROM (
    SELECT
        value ->> 'sid' AS sid, value ->> 'outcome' AS outcome, value -> 'decision' AS decision,
        value -> 'answer' AS answer, value ->> 'stage' AS stage, value ->> 'conversation_id' AS conversation_id,
        value ->> 'answered_at' AS answered_at, value ->> 'keeps_slot' AS keeps_slot, value ->> 'at' AS at
    FROM json_each(?1)
) AS input
WHERE calls.sid = input.sid
RETURNING calls.id, calls.tenant_id, calls.agent_id, calls.sid
