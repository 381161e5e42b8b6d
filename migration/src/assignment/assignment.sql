GRANT UPDATE (agent_id, label, pooled_at, primary_since) ON phone_numbers TO switchboard_tenant;

CREATE TRIGGER tell_of_assignment AFTER UPDATE OF agent_id, pooled_at ON phone_numbers
    FOR EACH ROW EXECUTE FUNCTION tell_of_number();
