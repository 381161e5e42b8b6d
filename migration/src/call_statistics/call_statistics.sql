-- Calls of one quarter hour, counted from 1970 in UTC: days of every time zone are whole quarter hours. A subject is an agent, or
-- the tenant itself for the calls to all its agents. Country and kind of the number decide the price of a minute. No CHECK on the
-- counts: a wrong one must not reject a call.
CREATE TABLE call_statistics (
    tenant_id uuid NOT NULL CONSTRAINT call_statistics_tenant REFERENCES tenants (id),
    subject_id uuid NOT NULL,
    quarter bigint NOT NULL,
    country text NOT NULL,
    kind text NOT NULL,
    agent_calls bigint NOT NULL,
    fallback_calls bigint NOT NULL,
    busy_calls bigint NOT NULL,
    unavailable_calls bigint NOT NULL,
    rejected_calls bigint NOT NULL,
    minutes bigint NOT NULL,
    PRIMARY KEY (tenant_id, subject_id, quarter, country, kind)
);

-- The one row: calls that started before this instant are counted in call_statistics. Readers count the others from "calls".
CREATE TABLE call_statistics_progress (
    id smallint PRIMARY KEY CONSTRAINT call_statistics_progress_one_row CHECK (id = 1),
    counted_until timestamptz NOT NULL
);
-- Calls from before this migration are not counted yet.
INSERT INTO call_statistics_progress (id, counted_until) VALUES (1, timestamptz 'epoch');

CREATE FUNCTION quarter_hour(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT floor(extract(epoch FROM at AT TIME ZONE 'UTC') / 900)::bigint
$$;
REVOKE ALL ON FUNCTION quarter_hour(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quarter_hour(timestamptz) TO switchboard_tenant, switchboard_system;

-- A worker counts calls at least 30 minutes after their start, and advances counted_until in the same transaction. Triggers count
-- what happens afterwards to a call that is counted already, and what no worker could count later. The rest of this comment is
-- the reason why no call is missed or counted twice.
--
-- 1. Who writes to call_statistics locks the row of call_statistics_progress first and until the transaction ends: triggers for
--    sharing, the worker alone. So counted_until does not move under a trigger, and the worker counts everything that such a
--    transaction wrote, or the trigger waits for the worker and sees how far it has counted.
-- 2. Triggers ignore calls that started less than 15 minutes ago: they take no lock. The worker therefore notes the time and a
--    transaction id, waits until all transactions with lower ids have ended, and only then counts calls that had started
--    30 minutes before that time. A transaction that it does not see has a higher id, so its triggers ran after that time.
--    To them these calls are older than 15 minutes, and rule 1 applies.
--
-- Rule 2 depends on no time limit of transactions. It needs a clock that is never set back by 15 minutes or more.
--
-- Each trigger runs one upsert with sorted keys, so that concurrent transactions lock rows in the same order and cannot
-- deadlock. Triggers fire in the order of their names: all of these must come after those of call_totals. Each statement of a
-- volatile function has its own snapshot.

-- Counts inserted calls that the worker has passed, and deleted calls that it has not reached. A counted call stays counted when
-- it is deleted.
CREATE FUNCTION statistics_of_inserted_or_deleted_calls() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted timestamptz;
BEGIN
    IF TG_OP = 'INSERT'
        AND NOT EXISTS (SELECT FROM written WHERE started_at < clock_timestamp() - interval '15 minutes')
    THEN
        RETURN NULL;
    END IF;
    SELECT counted_until INTO counted FROM call_statistics_progress FOR SHARE;
    INSERT INTO call_statistics AS total (tenant_id, subject_id, quarter, country, kind,
            agent_calls, fallback_calls, busy_calls, unavailable_calls, rejected_calls, minutes)
        SELECT call.tenant_id, subject.id, quarter_hour(call.started_at), number.country, number.kind,
            count(*) FILTER (WHERE outcome = 'agent'), count(*) FILTER (WHERE outcome = 'fallback'),
            count(*) FILTER (WHERE outcome = 'busy'), count(*) FILTER (WHERE outcome = 'unavailable'),
            count(*) FILTER (WHERE outcome = 'rejected'),
            sum(billed_minutes(status, duration_seconds, conversation_seconds))
        FROM written AS call
        -- LIMIT keeps the planner at one index look-up a row, however many rows it expects.
        CROSS JOIN LATERAL (SELECT country, kind FROM phone_numbers WHERE id = call.phone_number_id LIMIT 1) AS number
        CROSS JOIN LATERAL (VALUES (call.tenant_id), (call.agent_id)) AS subject (id)
        WHERE (call.started_at < counted) = (TG_OP = 'INSERT')
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (tenant_id, subject_id, quarter, country, kind) DO UPDATE SET
        agent_calls = total.agent_calls + excluded.agent_calls,
        fallback_calls = total.fallback_calls + excluded.fallback_calls,
        busy_calls = total.busy_calls + excluded.busy_calls,
        unavailable_calls = total.unavailable_calls + excluded.unavailable_calls,
        rejected_calls = total.rejected_calls + excluded.rejected_calls,
        minutes = total.minutes + excluded.minutes;
    RETURN NULL;
END
$$;

-- For calls that the worker has passed, subtracts what a call counted before and adds what it counts now. Most updates change
-- neither outcome nor minutes: they cancel out before anything is looked up.
CREATE FUNCTION statistics_of_updated_calls() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM after WHERE started_at < clock_timestamp() - interval '15 minutes') THEN
        RETURN NULL;
    END IF;
    SELECT counted_until INTO counted FROM call_statistics_progress FOR SHARE;
    INSERT INTO call_statistics AS total (tenant_id, subject_id, quarter, country, kind,
            agent_calls, fallback_calls, busy_calls, unavailable_calls, rejected_calls, minutes)
        SELECT call.tenant_id, subject.id, quarter_hour(call.started_at), number.country, number.kind,
            coalesce(sum(calls) FILTER (WHERE outcome = 'agent'), 0),
            coalesce(sum(calls) FILTER (WHERE outcome = 'fallback'), 0),
            coalesce(sum(calls) FILTER (WHERE outcome = 'busy'), 0),
            coalesce(sum(calls) FILTER (WHERE outcome = 'unavailable'), 0),
            coalesce(sum(calls) FILTER (WHERE outcome = 'rejected'), 0),
            sum(minutes)
        FROM (
            SELECT id, tenant_id, agent_id, phone_number_id, started_at, outcome,
                sum(calls)::bigint AS calls, sum(minutes)::bigint AS minutes
            FROM (
                SELECT id, tenant_id, agent_id, phone_number_id, started_at, outcome, 1 AS calls,
                    billed_minutes(status, duration_seconds, conversation_seconds) AS minutes FROM after
                UNION ALL
                SELECT id, tenant_id, agent_id, phone_number_id, started_at, outcome, -1,
                    -billed_minutes(status, duration_seconds, conversation_seconds) FROM before
            ) AS version
            WHERE started_at < counted
            GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(calls) <> 0 OR sum(minutes) <> 0
        ) AS call
        CROSS JOIN LATERAL (SELECT country, kind FROM phone_numbers WHERE id = call.phone_number_id LIMIT 1) AS number
        CROSS JOIN LATERAL (VALUES (call.tenant_id), (call.agent_id)) AS subject (id)
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (tenant_id, subject_id, quarter, country, kind) DO UPDATE SET
        agent_calls = total.agent_calls + excluded.agent_calls,
        fallback_calls = total.fallback_calls + excluded.fallback_calls,
        busy_calls = total.busy_calls + excluded.busy_calls,
        unavailable_calls = total.unavailable_calls + excluded.unavailable_calls,
        rejected_calls = total.rejected_calls + excluded.rejected_calls,
        minutes = total.minutes + excluded.minutes;
    RETURN NULL;
END
$$;

ALTER TABLE call_statistics ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE call_statistics_progress ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON call_statistics TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));
-- Every tenant needs the row to read its statistics, and it shows nothing about any of them.
CREATE POLICY tenants_read ON call_statistics_progress FOR SELECT TO switchboard_tenant
    USING ((SELECT auth.uid()) IS NOT NULL);

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON call_statistics TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');
CREATE POLICY system_all ON call_statistics_progress TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- The triggers run as the role that writes calls. A lock for sharing needs UPDATE.
GRANT SELECT ON call_statistics, call_statistics_progress TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON call_statistics TO switchboard_system;
GRANT SELECT, UPDATE ON call_statistics_progress TO switchboard_system;

CREATE TRIGGER totals_of_quarter_inserted AFTER INSERT ON calls
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION statistics_of_inserted_or_deleted_calls();
CREATE TRIGGER totals_of_quarter_updated AFTER UPDATE ON calls
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION statistics_of_updated_calls();
CREATE TRIGGER totals_of_quarter_deleted AFTER DELETE ON calls
    REFERENCING OLD TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION statistics_of_inserted_or_deleted_calls();
