-- Records a batch of calls that were answered without the database: one row of ?1 each. Calls on record already stay as they
-- are; only rows written are returned.
INSERT INTO calls (
    id, tenant_id, agent_id, phone_number_id, sid, direction, caller, caller_attestation, called, status, outcome,
    admitted, decision, sequence, started_at, updated_at
)
SELECT unhex(value ->> 'id'), unhex(value ->> 'tenant_id'), unhex(value ->> 'agent_id'), unhex(value ->> 'number_id'),
    value ->> 'sid', 'inbound', value ->> 'caller', value ->> 'attestation', value ->> 'called', 'ringing', 'unavailable',
    value ->> 'admitted', value -> 'decision', 0, value ->> 'started_at', value ->> 'at'
FROM json_each(?1)
-- So that ON CONFLICT is not read as part of a join.
WHERE true
ON CONFLICT (sid) DO NOTHING
RETURNING sid
