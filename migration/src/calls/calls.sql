ALTER TABLE calls ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON calls TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON calls TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- Calls are written as the carrier tells of them.
GRANT SELECT ON calls TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON calls TO switchboard_system;

-- Which of these calls, in their order, get one of their tenants' free call slots; calls on record already want none.
-- Locks the tenants, in one order everywhere, until the transaction ends, and only then looks: a volatile function's
-- statements each see what is there when they begin, so that transactions one after the other count each other's calls.
-- Whoever holds a tenant's row for longer holds up that tenant's calls alone: the batch fails, and is written call by call.
CREATE FUNCTION calls_with_slot(of_tenants uuid[], sids text[]) RETURNS SETOF text
    LANGUAGE plpgsql VOLATILE ROWS 32
    SET plan_cache_mode = force_generic_plan SET lock_timeout = '1s' AS $$
BEGIN
    -- LIMIT keeps the planner at one index look-up a row, here and below, however many rows it expects.
    PERFORM FROM (SELECT DISTINCT unnest(of_tenants) AS id ORDER BY 1) AS wanted
    CROSS JOIN LATERAL (SELECT FROM tenants WHERE tenants.id = wanted.id LIMIT 1 FOR NO KEY UPDATE) AS locked;
    RETURN QUERY
        SELECT wanting.sid
        FROM (
            SELECT told.tenant, told.sid, row_number() OVER (PARTITION BY told.tenant ORDER BY told.nth) AS turn
            FROM unnest(of_tenants, sids) WITH ORDINALITY AS told (tenant, sid, nth)
            WHERE (SELECT true FROM calls WHERE calls.sid = told.sid LIMIT 1) IS NULL
        ) AS wanting
        JOIN (
            SELECT wanted.id, (SELECT concurrent_calls FROM tenants WHERE tenants.id = wanted.id LIMIT 1) - (
                SELECT count(*) FROM calls
                WHERE calls.tenant_id = wanted.id AND admitted AND status IN ('ringing', 'in_progress')
            ) AS free
            FROM (SELECT DISTINCT unnest(of_tenants) AS id) AS wanted
        ) AS plan ON plan.id = wanting.tenant
        WHERE wanting.turn <= plan.free;
END
$$;
REVOKE ALL ON FUNCTION calls_with_slot(uuid[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION calls_with_slot(uuid[], text[]) TO switchboard_system;

-- Records what a batch of calls was answered with: one object of the array each, no call twice. An answer given before the
-- one on record changes nothing but a conversation that is missing. One statement, without a
-- join: its plan is made once, perhaps while the table is empty, and a join's would then read the whole table later. The
-- settings leave one index look-up a call, in the order of their "sid", which is the order in which everybody locks calls.
CREATE FUNCTION record_answers(told json) RETURNS TABLE (id uuid, tenant_id uuid, agent_id uuid, sid text)
    LANGUAGE plpgsql VOLATILE ROWS 32
    SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    answers jsonb;
    sids text[];
BEGIN
    SELECT jsonb_object_agg(answer ->> 'sid', answer), array_agg(answer ->> 'sid') INTO answers, sids
        FROM json_array_elements(told) AS answer;
    RETURN QUERY
        UPDATE calls SET
            outcome = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN calls.outcome ELSE answers -> calls.sid ->> 'outcome' END,
            decision = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN calls.decision ELSE answers -> calls.sid -> 'decision' END,
            answer = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN calls.answer ELSE answers -> calls.sid -> 'answer' END,
            answer_stage = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN calls.answer_stage ELSE answers -> calls.sid ->> 'stage' END,
            answered_at = greatest(calls.answered_at, (answers -> calls.sid ->> 'answered_at')::timestamptz),
            admitted = calls.admitted AND (answers -> calls.sid ->> 'keeps_slot')::boolean,
            answering_by = NULL,
            answering_until = NULL,
            conversation_id = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN coalesce(calls.conversation_id, answers -> calls.sid ->> 'conversation_id')
                ELSE coalesce(answers -> calls.sid ->> 'conversation_id', calls.conversation_id) END,
            conversation_due_at = CASE
                WHEN answers -> calls.sid ->> 'conversation_id' IS NULL THEN calls.conversation_due_at
                WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                    AND calls.conversation_id IS NOT NULL THEN calls.conversation_due_at
                ELSE (answers -> calls.sid ->> 'at')::timestamptz END,
            sequence = calls.sequence + 1,
            updated_at = (answers -> calls.sid ->> 'at')::timestamptz
        WHERE calls.sid = ANY (sids)
        RETURNING calls.id, calls.tenant_id, calls.agent_id, calls.sid;
END
$$;
REVOKE ALL ON FUNCTION record_answers(json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_answers(json) TO switchboard_system;

-- Records how a batch of calls goes or went: one object of the array each, no call twice. The caller has locked them.
-- One statement, so that the triggers add the batch to the totals at once and lock those in order; without a join, as above.
CREATE FUNCTION record_reports(told json) RETURNS void LANGUAGE plpgsql VOLATILE
    SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    reports jsonb;
    ids uuid[];
BEGIN
    SELECT jsonb_object_agg((report ->> 'id')::uuid, report), array_agg((report ->> 'id')::uuid) INTO reports, ids
        FROM json_array_elements(told) AS report;
    UPDATE calls SET
        status = reports -> calls.id::text ->> 'status',
        ended_at = (reports -> calls.id::text ->> 'ended_at')::timestamptz,
        duration_seconds = (reports -> calls.id::text ->> 'duration_seconds')::int,
        sequence = calls.sequence + 1,
        updated_at = (reports -> calls.id::text ->> 'at')::timestamptz
    WHERE calls.id = ANY (ids);
END
$$;
REVOKE ALL ON FUNCTION record_reports(json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_reports(json) TO switchboard_system;
