ALTER TABLE kept_numbers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON kept_numbers TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON kept_numbers TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- That a number has arrived, no tenant says.
CREATE POLICY no_arrival ON kept_numbers AS RESTRICTIVE FOR UPDATE TO switchboard_tenant
    USING (true) WITH CHECK (state NOT IN ('cut_over', 'done'));

-- A tenant asks for a port, and for its end. What becomes of it only the carrier's words decide.
GRANT SELECT, INSERT ON kept_numbers TO switchboard_tenant;
GRANT UPDATE (state, detail, port_operation_id, port_order, bill, bill_type, is_cancel_wanted, test_caller, test_from,
    test_until, updated_at) ON kept_numbers TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON kept_numbers TO switchboard_system;
