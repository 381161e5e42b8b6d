ALTER TABLE calls ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON calls TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON calls TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- Calls are written as the carrier tells of them.
GRANT SELECT ON calls TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON calls TO switchboard_system;

-- Whether a tenant's plan has room for one more call. Locks the tenant until the transaction ends and then looks anew: a
-- volatile function's statements each see what is there when they begin, so that those who count one after the other
-- count each other's calls.
CREATE FUNCTION has_room(of_tenant uuid) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM tenants WHERE id = of_tenant FOR NO KEY UPDATE;
    RETURN (
        SELECT count(*) FROM calls
        WHERE tenant_id = of_tenant AND admitted AND status IN ('ringing', 'in_progress')
    ) < (SELECT concurrent_calls FROM tenants WHERE id = of_tenant);
END
$$;
REVOKE ALL ON FUNCTION has_room(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION has_room(uuid) TO switchboard_system;

-- Told to every server that listens, as a changed operation is.
CREATE FUNCTION tell_of_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Announced again, a call is written once more as it is.
    IF TG_OP = 'INSERT' OR NEW.sequence > OLD.sequence THEN
        PERFORM pg_notify('switchboard_changes',
            concat_ws(' ', 'call', NEW.tenant_id, NEW.id, NEW.agent_id, current_setting('application_name')));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE ON calls FOR EACH ROW EXECUTE FUNCTION tell_of_call();
