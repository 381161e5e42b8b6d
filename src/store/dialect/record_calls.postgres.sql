-- Records a batch of calls that were answered without the database: one row of $1 each. Calls on record already stay as they
-- are; only rows written are returned.
INSERT INTO calls (
    id, tenant_id, agent_id, phone_number_id, sid, direction, caller, caller_attestation, called, status, outcome,
    admitted, decision, sequence, started_at, updated_at
)
SELECT id, tenant_id, agent_id, number_id, sid, 'inbound', caller, attestation, called, 'ringing', 'unavailable',
    admitted, decision, 0, started_at, at
FROM json_to_recordset($1::json) AS input (
    id uuid, tenant_id uuid, agent_id uuid, number_id uuid, sid text, caller text, attestation text, called text,
    admitted boolean, decision jsonb, started_at timestamptz, at timestamptz
)
-- The order in which everybody locks calls.
ORDER BY sid
ON CONFLICT (sid) DO NOTHING
RETURNING sid
