-- Records what a batch of calls was answered with: one row of ?1 each, no call twice.
UPDATE calls SET
    outcome = told.outcome, decision = told.decision, answer_twiml = told.twiml,
    conversation_id = COALESCE(told.conversation_id, calls.conversation_id),
    conversation_due_at = CASE WHEN told.conversation_id IS NULL THEN calls.conversation_due_at ELSE told.at END,
    sequence = calls.sequence + 1, updated_at = told.at
FROM (
    SELECT
        value ->> 'sid' AS sid, value ->> 'outcome' AS outcome, value -> 'decision' AS decision,
        value ->> 'twiml' AS twiml, value ->> 'conversation_id' AS conversation_id, value ->> 'at' AS at
    FROM json_each(?1)
) AS told
WHERE calls.sid = told.sid
RETURNING calls.id, calls.tenant_id, calls.agent_id, calls.sid
