-- Admits a batch of calls: one row of ?1 each, in the order in which they came in. A call is written if its number and
-- agent are still those that decided it and its id is new; only rows written are returned. The statement holds the write
-- lock from its beginning, so that what it counts cannot change. A call to a number of a call group names the member that
-- takes it, or candidates, if members have limits of their own: the first that has room takes it. A tenant has at most one
-- call with candidates in a batch, because the statement does not count its own calls.
WITH requested AS (
    SELECT
        value ->> 'nth' AS nth, unhex(value ->> 'id') AS id, value ->> 'sid' AS sid,
        unhex(value ->> 'number_id') AS number_id, value ->> 'number_changed' AS number_changed,
        unhex(value ->> 'member_id') AS member_id, value ->> 'agent_changed' AS agent_changed,
        value ->> 'caller' AS caller, value ->> 'attestation' AS attestation, value ->> 'called' AS called,
        value ->> 'needs_slot' AS needs_slot, value ->> 'candidates' AS candidates, value -> 'decision' AS decision,
        value ->> 'at' AS at
    FROM json_each(?1)
), matching AS (
    SELECT requested.*, phone_numbers.tenant_id, agents.id AS agent_id,
        row_number() OVER (PARTITION BY phone_numbers.tenant_id, requested.needs_slot ORDER BY requested.nth) AS turn
    FROM requested
    JOIN phone_numbers ON phone_numbers.id = requested.number_id AND phone_numbers.changed = requested.number_changed
    JOIN agents ON agents.id = coalesce(requested.member_id, phone_numbers.agent_id)
        AND agents.changed = requested.agent_changed
    WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.sid = requested.sid)
), placed AS (
    SELECT matching.*,
        needs_slot AND turn <= (SELECT concurrent_calls FROM tenants WHERE tenants.id = matching.tenant_id) - (
            SELECT count(*) FROM calls
            WHERE calls.tenant_id = matching.tenant_id AND calls.admitted AND calls.status IN ('ringing', 'in_progress')
        ) AS has_slot,
        CASE WHEN candidates IS NULL THEN agent_id ELSE (
            SELECT agents.id
            FROM json_each(matching.candidates) AS candidate
            JOIN agents ON agents.id = unhex(candidate.value ->> 'agent_id')
                AND agents.changed = candidate.value ->> 'changed'
            WHERE candidate.value ->> 'max_calls' IS NULL OR candidate.value ->> 'max_calls' > (
                SELECT count(*) FROM calls
                WHERE calls.tenant_id = matching.tenant_id AND calls.agent_id = agents.id AND calls.admitted
                    AND calls.status IN ('ringing', 'in_progress')
            )
            ORDER BY candidate.key LIMIT 1
        ) END AS member
    FROM matching
)
INSERT INTO calls (
    id, tenant_id, agent_id, phone_number_id, sid, direction, caller, caller_attestation, called, status, outcome,
    admitted, decision, sequence, started_at, updated_at
)
SELECT id, tenant_id, CASE WHEN has_slot THEN coalesce(member, agent_id) ELSE agent_id END, number_id, sid, 'inbound',
    caller, attestation, called, 'ringing', 'unavailable', has_slot AND member IS NOT NULL, decision, 0, at, at
FROM placed
WHERE true
ORDER BY nth
ON CONFLICT (sid) DO NOTHING
RETURNING sid, admitted, agent_id
