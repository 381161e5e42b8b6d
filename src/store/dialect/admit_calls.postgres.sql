-- Admits a batch of calls: one row of $1 each, in the order in which they came in. A call is written if its number and
-- agent are still those that decided it and its id is new; only rows written are returned. A call to a number of a call group
-- names the member that takes it, or candidates, if members have limits of their own: the first that has room takes it.
WITH requested AS MATERIALIZED (
    SELECT input.nth, input.id, input.sid, input.number_id, input.caller, input.attestation, input.called,
        input.needs_slot, input.candidates, input.decision, input.at, number.tenant_id, number.agent_id
    FROM json_to_recordset($1::json) AS input (
        nth int, id uuid, sid text, number_id uuid, number_changed bigint, member_id uuid, agent_changed bigint,
        caller text, attestation text, called text, needs_slot boolean, candidates json, decision jsonb, at timestamptz
    )
    -- LIMIT keeps the planner at one index look-up a call, however many rows it expects.
    CROSS JOIN LATERAL (
        SELECT phone_numbers.tenant_id, agents.id AS agent_id
        FROM phone_numbers JOIN agents ON agents.id = coalesce(input.member_id, phone_numbers.agent_id)
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
), members AS MATERIALIZED (
    SELECT taken.sid, taken.agent_id
    FROM (
        SELECT json_agg(json_build_object('sid', sid, 'tenant_id', tenant_id, 'candidates', candidates) ORDER BY nth)
            AS calls
        FROM requested WHERE candidates IS NOT NULL AND sid IN (SELECT slots.sid FROM slots)
    ) AS capped
    CROSS JOIN LATERAL members_with_room(capped.calls) AS taken (sid, agent_id)
    WHERE capped.calls IS NOT NULL
)
INSERT INTO calls (
    id, tenant_id, agent_id, phone_number_id, sid, direction, caller, caller_attestation, called, status, outcome,
    admitted, decision, sequence, started_at, updated_at
)
SELECT id, tenant_id, coalesce((SELECT members.agent_id FROM members WHERE members.sid = requested.sid), agent_id),
    number_id, sid, 'inbound', caller, attestation, called, 'ringing', 'unavailable',
    needs_slot AND CASE WHEN candidates IS NULL THEN sid IN (SELECT slots.sid FROM slots)
        ELSE sid IN (SELECT members.sid FROM members) END,
    decision, 0, at, at
FROM requested
ORDER BY nth
ON CONFLICT (sid) DO NOTHING
RETURNING sid, admitted, agent_id
