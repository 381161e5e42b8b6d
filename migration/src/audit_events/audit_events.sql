ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON audit_events TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON audit_events TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- Append-only: nobody changes or deletes what happened.
GRANT SELECT, INSERT ON audit_events TO switchboard_tenant;
GRANT SELECT, INSERT ON audit_events TO switchboard_system;
