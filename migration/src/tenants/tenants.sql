ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON tenants TO switchboard_tenant
    USING (id = (SELECT auth.uid())) WITH CHECK (id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON tenants TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- A tenant reads its plan; it does not write it.
GRANT SELECT ON tenants TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON tenants TO switchboard_system;
