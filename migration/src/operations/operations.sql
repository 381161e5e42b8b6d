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
