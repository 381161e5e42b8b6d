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
CREATE FUNCTION calls_with_slot(of_tenants uuid[], sids text[]) RETURNS SETOF text LANGUAGE plpgsql VOLATILE ROWS 32 AS $$
BEGIN
    PERFORM FROM tenants WHERE id = ANY (of_tenants) ORDER BY id FOR NO KEY UPDATE;
    RETURN QUERY
        SELECT wanting.sid
        FROM (
            SELECT told.tenant, told.sid, row_number() OVER (PARTITION BY told.tenant ORDER BY told.nth) AS turn
            FROM unnest(of_tenants, sids) WITH ORDINALITY AS told (tenant, sid, nth)
            WHERE NOT EXISTS (SELECT FROM calls WHERE calls.sid = told.sid)
        ) AS wanting
        JOIN (
            SELECT tenants.id, tenants.concurrent_calls - (
                SELECT count(*) FROM calls
                WHERE calls.tenant_id = tenants.id AND admitted AND status IN ('ringing', 'in_progress')
            ) AS free
            FROM tenants WHERE tenants.id = ANY (of_tenants)
        ) AS plan ON plan.id = wanting.tenant
        WHERE wanting.turn <= plan.free;
END
$$;
REVOKE ALL ON FUNCTION calls_with_slot(uuid[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION calls_with_slot(uuid[], text[]) TO switchboard_system;
