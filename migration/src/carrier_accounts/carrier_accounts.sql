ALTER TABLE carrier_accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON carrier_accounts TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON carrier_accounts TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- A tenant writes tokens and secrets and never reads them, encrypted as they are.
GRANT SELECT (id, tenant_id, sid, kind, status, detail, operation_id, api_key_sid, previous_until, checked_at, created_at,
    updated_at, disconnected_at) ON carrier_accounts TO switchboard_tenant;
GRANT INSERT ON carrier_accounts TO switchboard_tenant;
GRANT UPDATE (status, detail, token, previous_token, previous_until, api_key_sid, api_key_secret, checked_at, updated_at,
    disconnected_at) ON carrier_accounts TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON carrier_accounts TO switchboard_system;

ALTER TABLE phone_numbers
    ADD CONSTRAINT phone_numbers_carrier_account
        FOREIGN KEY (tenant_id, carrier_account_id) REFERENCES carrier_accounts (tenant_id, id),
    ADD CONSTRAINT phone_numbers_other_account
        FOREIGN KEY (tenant_id, other_account_id) REFERENCES carrier_accounts (tenant_id, id);

GRANT UPDATE (other_account_id, moved_at, is_moving) ON phone_numbers TO switchboard_tenant;

-- Servers cache which account a number belongs to.
CREATE TRIGGER tell_of_account AFTER UPDATE OF carrier_account_id, is_moving ON phone_numbers
    FOR EACH ROW EXECUTE FUNCTION tell_of_number();
