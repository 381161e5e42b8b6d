ALTER TABLE agents ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON agents TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON agents TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- What only the voice provider's answers decide (voice_agent_id, synced_revision) is not a tenant's to write.
GRANT SELECT, INSERT ON agents TO switchboard_tenant;
GRANT UPDATE (name, language, first_message, prompt, voice_id, fallback_number, status, token_hash, token_preview,
    revision, updated_at) ON agents TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON agents TO switchboard_system;

CREATE FUNCTION mark_changed_agents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$$;
CREATE TRIGGER mark BEFORE INSERT OR UPDATE ON agents FOR EACH ROW EXECUTE FUNCTION mark_changed_agents();
