-- Admits a batch of calls: one row of $1 each, in the order in which they came in. A call is written if its number and
-- agent are still those that decided it and its id is new; only rows written are returned.
WITH requested AS MATERIALIZED (
    SELECT input.*, number.tenant_id, number.agent_id
    FROM json_to_recordset($1::json) AS input (
        nth int, id uuid, sid text, number_id uuid, number_changed bigint, agent_changed bigint, caller text,
        attestation text, called text, needs_slot boolean, decision jsonb, at timestamptz
    )
    -- LIMIT keeps the planner at one index look-up a call, however many rows it expects.
    CROSS JOIN LATERAL (
        SELECT phone_numbers.tenant_id, phone_numbers.agent_id
        FROM phone_numbers JOIN agents ON agents.id = phone_numbers.agent_id
        WHERE phone_numbers.id = input.number_id AND phone_numbers.changed = input.number_changed
            AND agents.changed = input.agent_changed
        LIMIT 1
    ) AS number
), slots AS MATERIALIZED (
    SELECT admitted.sid
    FROM (
        SELECT array_agg(tenant_id ORDER BY nth) AS tenants, array_agg(sid ORDER BY nth) AS sids
        FROM requested WHERE needs_slot
    ) AS wanting
    CROSS JOIN LATERAL calls_with_slot(wanting.tenants, wanting.sids) AS admitted (sid)
    WHERE wanting.sids IS NOT NULL
)
INSERT INTO calls (
    id, tenant_id, agent_id, phone_number_id, sid, direction, caller, caller_attestation, called, status, outcome,
    admitted, decision, sequence, started_at, updated_at
)
SELECT id, tenant_id, agent_id, number_id, sid, 'inbound', caller, attestation, called, 'ringing', 'unavailable',
    needs_slot AND sid IN (SELECT slots.sid FROM slots), decision, 0, at, at
FROM requested
ORDER BY nth
ON CONFLICT (sid) DO NOTHING
RETURNING sid, admitted
