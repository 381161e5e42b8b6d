-- Admits a batch of calls: one row of ?1 each, in the order in which they came in. A call is written if its number and
-- agent are still those that decided it and its id is new; only rows written are returned. The statement holds the write
-- lock from its beginning, so that what it counts cannot change.
WITH requested AS (
    SELECT
        value ->> 'nth' AS nth, unhex(value ->> 'id') AS id, value ->> 'sid' AS sid,
        unhex(value ->> 'number_id') AS number_id, value ->> 'number_changed' AS number_changed,
        value ->> 'agent_changed' AS agent_changed, value ->> 'caller' AS caller,
        value ->> 'attestation' AS attestation, value ->> 'called' AS called, value ->> 'needs_slot' AS needs_slot,
        value -> 'decision' AS decision, value ->> 'at' AS at
    FROM json_each(?1)
), matching AS (
    SELECT requested.*, phone_numbers.tenant_id, phone_numbers.agent_id,
        row_number() OVER (PARTITION BY phone_numbers.tenant_id, requested.needs_slot ORDER BY requested.nth) AS turn
    FROM requested
    JOIN phone_numbers ON phone_numbers.id = requested.number_id AND phone_numbers.changed = requested.number_changed
    JOIN agents ON agents.id = phone_numbers.agent_id AND agents.changed = requested.agent_changed
    WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.sid = requested.sid)
)
INSERT INTO calls (
    id, tenant_id, agent_id, phone_number_id, sid, direction, caller, caller_attestation, called, status, outcome,
    admitted, decision, sequence, started_at, updated_at
)
SELECT id, tenant_id, agent_id, number_id, sid, 'inbound', caller, attestation, called, 'ringing', 'unavailable',
    needs_slot AND turn <= (SELECT concurrent_calls FROM tenants WHERE tenants.id = matching.tenant_id) - (
        SELECT count(*) FROM calls
        WHERE calls.tenant_id = matching.tenant_id AND calls.admitted AND calls.status IN ('ringing', 'in_progress')
    ),
    decision, 0, at, at
FROM matching
WHERE true
ORDER BY nth
ON CONFLICT (sid) DO NOTHING
RETURNING sid, admitted
