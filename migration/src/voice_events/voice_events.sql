ALTER TABLE voice_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- Until an event's call is found it has no tenant, and none sees it.
CREATE POLICY tenant_isolation ON voice_events TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON voice_events TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

GRANT SELECT ON voice_events TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON voice_events TO switchboard_system;
