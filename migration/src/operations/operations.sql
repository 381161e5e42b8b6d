ALTER TABLE operations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON operations TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON operations TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- A tenant asks, and may take back a release that nobody has begun; only its driver moves an operation on.
GRANT SELECT, INSERT ON operations TO switchboard_tenant;
GRANT UPDATE (state, error, updated_at, finished_at) ON operations TO switchboard_tenant;
CREATE POLICY take_back ON operations AS RESTRICTIVE FOR UPDATE TO switchboard_tenant
    USING (kind = 'release_number' AND state = 'pending') WITH CHECK (state = 'failed');
GRANT SELECT, INSERT, UPDATE ON operations TO switchboard_system;

-- What changed is told, when it is kept, to every server that listens: ids only, and whose connection it was, so that a
-- server can pass over what it did itself. Whoever hears of a row reads it through a door of his own.
CREATE FUNCTION tell_of_operation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('switchboard_changes',
        concat_ws(' ', 'operation', NEW.tenant_id, NEW.id, current_setting('application_name')));
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE OF state, step, attempts, phone_number_id, data, error ON operations
    FOR EACH ROW EXECUTE FUNCTION tell_of_operation();
