ALTER TABLE message_threads ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE messaging_consents ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON message_threads TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));
CREATE POLICY tenant_isolation ON messages TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));
CREATE POLICY tenant_isolation ON messaging_consents TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON message_threads TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');
CREATE POLICY system_all ON messages TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');
CREATE POLICY system_all ON messaging_consents TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- A tenant asks for a message to be sent, says who answers a thread, and what a participant has agreed to. What becomes of a
-- message only the carrier's words decide.
GRANT SELECT, INSERT ON message_threads, messages TO switchboard_tenant;
GRANT UPDATE (handling, updated_at) ON message_threads TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON messaging_consents TO switchboard_tenant;
GRANT UPDATE (messaging, help_text) ON agents TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON message_threads, messages TO switchboard_system;
GRANT SELECT, INSERT, UPDATE ON messaging_consents TO switchboard_system;

-- Told to every server that listens, as a changed operation is: ids only. What else happens to messages the servers announce
-- themselves, outside of transactions.
CREATE FUNCTION tell_of_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('switchboard_changes',
        concat_ws(' ', 'message', NEW.tenant_id, NEW.id, NEW.thread_id, NEW.agent_id, current_setting('application_name')));
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER INSERT ON messages FOR EACH ROW WHEN (NEW.operation_id IS NOT NULL)
    EXECUTE FUNCTION tell_of_message();
