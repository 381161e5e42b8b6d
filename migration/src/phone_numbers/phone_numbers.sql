ALTER TABLE phone_numbers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON phone_numbers TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON phone_numbers TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- A tenant may ask for a release and say what is done with calls; numbers come and go by operations only.
GRANT SELECT ON phone_numbers TO switchboard_tenant;
GRANT UPDATE (status, routing_rules, routing_version) ON phone_numbers TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON phone_numbers TO switchboard_system;

CREATE TRIGGER mark BEFORE INSERT OR UPDATE ON phone_numbers FOR EACH ROW EXECUTE FUNCTION mark_change();

-- Told to every server that listens, as a changed operation is: servers cache the numbers that take calls.
CREATE FUNCTION tell_of_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('switchboard_changes', concat_ws(' ', CASE NEW.status WHEN 'released' THEN 'released' ELSE 'number' END,
        NEW.tenant_id, NEW.id, current_setting('application_name')));
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER UPDATE OF status, routing_version ON phone_numbers FOR EACH ROW EXECUTE FUNCTION tell_of_number();
