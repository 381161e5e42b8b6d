-- Today's rows are updated with every call. Free space on their page keeps these updates out of the index (HOT).
ALTER TABLE call_totals SET (fillfactor = 70);

-- Minutes that the carrier bills for a call: begun minutes of a completed call. The planner inlines it.
CREATE FUNCTION billed_minutes(status text, duration_seconds integer, conversation_seconds integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN status = 'completed'
        THEN coalesce((coalesce(duration_seconds, conversation_seconds)::bigint + 59) / 60, 0) ELSE 0 END
$$;
REVOKE ALL ON FUNCTION billed_minutes(text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billed_minutes(text, integer, integer) TO switchboard_system;

-- Each trigger runs one upsert with sorted keys, so that concurrent transactions lock totals in the same order and cannot
-- deadlock. A transaction that writes calls should do so in one statement, and last.
CREATE FUNCTION total_inserted_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO call_totals AS total (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
        SELECT tenant_id, (started_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id,
            count(*), sum(billed_minutes(status, duration_seconds, conversation_seconds)), count(*)
        FROM inserted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
        SET calls = total.calls + excluded.calls, minutes = total.minutes + excluded.minutes,
            kept = total.kept + excluded.kept;
    RETURN NULL;
END
$$;

-- Most updates concern calls in progress, which have no minutes: skip the aggregation.
CREATE FUNCTION total_updated_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM after WHERE status = 'completed') OR EXISTS (SELECT FROM before WHERE status = 'completed') THEN
        INSERT INTO call_totals AS total (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
            SELECT tenant_id, (started_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id, 0, sum(minutes), 0
            FROM (
                SELECT tenant_id, started_at, phone_number_id, agent_id,
                    billed_minutes(status, duration_seconds, conversation_seconds) AS minutes FROM after
                UNION ALL
                SELECT tenant_id, started_at, phone_number_id, agent_id,
                    -billed_minutes(status, duration_seconds, conversation_seconds) FROM before
            ) AS change
            GROUP BY 1, 2, 3, 4 HAVING sum(minutes) <> 0 ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
            SET minutes = total.minutes + excluded.minutes;
    END IF;
    RETURN NULL;
END
$$;

-- Only "kept" goes down: usage still counts deleted calls. An upsert although the row exists, because UPDATE takes its row
-- locks in no fixed order.
CREATE FUNCTION total_deleted_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO call_totals AS total (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
        SELECT tenant_id, (started_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id, 0, 0, -count(*)
        FROM deleted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
        SET kept = total.kept + excluded.kept;
    RETURN NULL;
END
$$;

CREATE FUNCTION calls_stay_in_their_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'tenant, number, agent and start of a call cannot change: its totals are kept under them'
        USING ERRCODE = 'check_violation';
END
$$;

CREATE TRIGGER total_inserted AFTER INSERT ON calls
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION total_inserted_calls();
CREATE TRIGGER total_updated AFTER UPDATE ON calls
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION total_updated_calls();
CREATE TRIGGER total_deleted AFTER DELETE ON calls
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION total_deleted_calls();
CREATE TRIGGER stay_in_total BEFORE UPDATE OF tenant_id, phone_number_id, agent_id, started_at ON calls
    FOR EACH STATEMENT EXECUTE FUNCTION calls_stay_in_their_total();

-- Totals of existing calls. CREATE TRIGGER has locked "calls" against writes until the migration commits, so no call is
-- missed or counted twice. While FORCE is on, the owner sees no rows.
ALTER TABLE calls NO FORCE ROW LEVEL SECURITY;
INSERT INTO call_totals (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
    SELECT tenant_id, (started_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id,
        count(*), sum(billed_minutes(status, duration_seconds, conversation_seconds)), count(*)
    FROM calls GROUP BY 1, 2, 3, 4;
ALTER TABLE calls FORCE ROW LEVEL SECURITY;

ALTER TABLE call_totals ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON call_totals TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON call_totals TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- The triggers run as the role that writes calls.
GRANT SELECT ON call_totals TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON call_totals TO switchboard_system;
