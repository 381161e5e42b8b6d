ALTER TABLE call_groups ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE call_group_members ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON call_groups TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));
CREATE POLICY tenant_isolation ON call_group_members TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON call_groups TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');
CREATE POLICY system_all ON call_group_members TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- The system removes a deleted agent from its groups, and reads the rest.
GRANT SELECT, INSERT, UPDATE, DELETE ON call_groups, call_group_members TO switchboard_tenant;
GRANT SELECT, DELETE ON call_groups, call_group_members TO switchboard_system;
GRANT UPDATE (version, updated_at) ON call_groups TO switchboard_system;
GRANT UPDATE (call_group_id) ON phone_numbers TO switchboard_tenant;

-- A changed group touches this column of its numbers, so that their change marks and these notifications tell of it.
CREATE TRIGGER tell_of_call_group AFTER UPDATE OF call_group_id ON phone_numbers
    FOR EACH ROW EXECUTE FUNCTION tell_of_number();

-- Which member takes each of these calls: the first of its candidates that has fewer open calls than it may have. A call that
-- no candidate can take is missing. One object of the array each, in the order in which the calls came in. The caller has
-- locked the tenants (see "calls_with_slot"), and only then this volatile function looks. A candidate whose row has changed
-- since the choice of candidates is passed over.
CREATE FUNCTION members_with_room(wanting json) RETURNS TABLE (sid text, agent_id uuid)
    LANGUAGE plpgsql VOLATILE ROWS 8
    SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    told json;
    candidate json;
    member uuid;
    given uuid[] := '{}';
    has_room boolean;
BEGIN
    FOR told IN SELECT value FROM json_array_elements(wanting) LOOP
        FOR candidate IN SELECT value FROM json_array_elements(told -> 'candidates') LOOP
            member := (candidate ->> 'agent_id')::uuid;
            SELECT candidate ->> 'max_calls' IS NULL OR (candidate ->> 'max_calls')::int > (
                SELECT count(*) FROM calls
                WHERE calls.tenant_id = (told ->> 'tenant_id')::uuid AND calls.agent_id = member
                    AND admitted AND status IN ('ringing', 'in_progress')
            ) + cardinality(array_positions(given, member))
            INTO has_room
            FROM agents WHERE agents.id = member AND agents.changed = (candidate ->> 'changed')::bigint;
            IF has_room THEN
                given := given || member;
                sid := told ->> 'sid';
                agent_id := member;
                RETURN NEXT;
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION members_with_room(json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION members_with_room(json) TO switchboard_system;
