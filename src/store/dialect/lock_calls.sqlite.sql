-- The calls with the ids in ?1; the transaction has the write lock already.
SELECT id, tenant_id, agent_id, phone_number_id, sid, direction, caller, caller_attestation, called, status, outcome, admitted,
    decision, conversation_id, conversation_due_at, answer, answer_stage, answered_at, answering_by, answering_until, duration_seconds, conversation_seconds, sequence,
    started_at, ended_at, updated_at
FROM calls WHERE sid IN (SELECT value FROM json_each(?1))
