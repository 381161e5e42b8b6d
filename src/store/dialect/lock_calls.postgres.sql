-- The calls with the ids in $1, locked until the transaction ends. Every batch locks in the same order, the index's, so that
-- no two wait for each other. The columns are named: a prepared statement that reads `*` fails once a column is added.
SELECT found.id, found.tenant_id, found.agent_id, found.phone_number_id, found.sid, found.direction, found.caller,
    found.caller_attestation, found.called, found.status, found.outcome, found.admitted, found.decision,
    found.conversation_id, found.conversation_due_at, found.answer, found.answer_stage, found.answered_at, found.answering_by,
    found.answering_until, found.duration_seconds, found.conversation_seconds, found.sequence, found.started_at,
    found.ended_at, found.updated_at
FROM (SELECT sid FROM json_array_elements_text($1::json) AS input (sid) ORDER BY sid) AS input
-- LIMIT keeps the planner at one index look-up a call, however many rows it expects.
CROSS JOIN LATERAL (SELECT * FROM calls WHERE calls.sid = input.sid LIMIT 1 FOR NO KEY UPDATE) AS found
