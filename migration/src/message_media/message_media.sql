ALTER TABLE message_media ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON message_media TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON message_media TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- Tenants read. What becomes of a file the servers decide.
GRANT SELECT ON message_media TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON message_media TO switchboard_system;
