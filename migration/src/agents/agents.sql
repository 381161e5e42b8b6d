ALTER TABLE agents ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON agents TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON agents TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- What only the voice provider's answers decide (voice_agent_id, synced_revision and what else is about deliveries) is not a
-- tenant's to write.
GRANT SELECT, INSERT ON agents TO switchboard_tenant;
GRANT UPDATE (name, language, first_message, prompt, voice_id, fallback_number, status, token_hash, token_preview,
    revision, updated_at) ON agents TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON agents TO switchboard_system;

-- The mark is the id of the transaction that wrote the row last: compared with a snapshot it tells whether a reader has
-- seen the row as it is, in whatever order transactions commit.
CREATE FUNCTION mark_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$$;
CREATE TRIGGER mark BEFORE INSERT OR UPDATE ON agents FOR EACH ROW EXECUTE FUNCTION mark_change();

-- Told to every server that listens: servers cache what calls to the agent's numbers need, and hold sockets that were opened
-- with its token.
CREATE FUNCTION tell_of_agent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('switchboard_changes',
        concat_ws(' ', 'agent', NEW.tenant_id, NEW.id, current_setting('application_name')));
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER UPDATE OF voice_agent_id, language, fallback_number, status, token_hash ON agents FOR EACH ROW
    WHEN ((OLD.voice_agent_id, OLD.language, OLD.fallback_number, OLD.status, OLD.token_hash)
        IS DISTINCT FROM (NEW.voice_agent_id, NEW.language, NEW.fallback_number, NEW.status, NEW.token_hash))
    EXECUTE FUNCTION tell_of_agent();
