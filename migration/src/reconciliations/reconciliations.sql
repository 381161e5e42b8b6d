ALTER TABLE reconciliations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- They tell of all tenants at once: no tenant sees any. Not "true": the login role is a member of switchboard_system,
-- so the policy is put to it as well.
CREATE POLICY system_all ON reconciliations TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

GRANT SELECT, INSERT, UPDATE, DELETE ON reconciliations TO switchboard_system;
