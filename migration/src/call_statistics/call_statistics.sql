-- Calls of one quarter hour, counted from 1970 in UTC: days of every time zone are whole quarter hours. A subject is an agent, or
-- the tenant itself for the calls to all its agents. Country and kind of the number decide the price of a minute. No CHECK on the
-- counts: a wrong one must not reject a call. Rows of the present are updated with every call; free space on their page keeps
-- these updates out of the index (HOT).
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
) WITH (fillfactor = 70);

-- A tenant's calls before this quarter hour are not counted yet. A tenant without a row has none.
CREATE TABLE call_statistics_backlog (
    tenant_id uuid PRIMARY KEY CONSTRAINT call_statistics_backlog_tenant REFERENCES tenants (id),
    quarter bigint NOT NULL
);

CREATE FUNCTION quarter_hour(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT floor(extract(epoch FROM at AT TIME ZONE 'UTC') / 900)::bigint
$$;
REVOKE ALL ON FUNCTION quarter_hour(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quarter_hour(timestamptz) TO switchboard_tenant, switchboard_system;

-- Each trigger runs one upsert with sorted keys, so that concurrent transactions lock rows in the same order and cannot
-- deadlock. Triggers fire in the order of their names: all of these must come after those of call_totals.
--
-- While a tenant has a backlog, its row is locked for sharing until the transaction ends: the worker that moves it counts all
-- changes of this transaction, or this transaction sees it moved. Each statement of a volatile function has its own snapshot.
CREATE FUNCTION statistics_of_inserted_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM call_statistics_backlog) THEN
        PERFORM FROM call_statistics_backlog
            WHERE tenant_id IN (SELECT tenant_id FROM inserted) ORDER BY tenant_id FOR SHARE;
    END IF;
    INSERT INTO call_statistics AS total (tenant_id, subject_id, quarter, country, kind,
            agent_calls, fallback_calls, busy_calls, unavailable_calls, rejected_calls, minutes)
        SELECT call.tenant_id, subject.id, quarter_hour(call.started_at), number.country, number.kind,
            count(*) FILTER (WHERE outcome = 'agent'), count(*) FILTER (WHERE outcome = 'fallback'),
            count(*) FILTER (WHERE outcome = 'busy'), count(*) FILTER (WHERE outcome = 'unavailable'),
            count(*) FILTER (WHERE outcome = 'rejected'),
            sum(billed_minutes(status, duration_seconds, conversation_seconds))
        FROM inserted AS call
        -- LIMIT keeps the planner at one index look-up a row, however many rows it expects.
        CROSS JOIN LATERAL (SELECT country, kind FROM phone_numbers WHERE id = call.phone_number_id LIMIT 1) AS number
        CROSS JOIN LATERAL (VALUES (call.tenant_id), (call.agent_id)) AS subject (id)
        WHERE NOT EXISTS (
            SELECT FROM call_statistics_backlog AS backlog
            WHERE backlog.tenant_id = call.tenant_id AND backlog.quarter > quarter_hour(call.started_at)
        )
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

-- What a call counted before is subtracted, and what it counts now added. Most updates change neither outcome nor minutes:
-- they cancel out before anything is looked up.
CREATE FUNCTION statistics_of_updated_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM call_statistics_backlog) THEN
        PERFORM FROM call_statistics_backlog
            WHERE tenant_id IN (SELECT tenant_id FROM after) ORDER BY tenant_id FOR SHARE;
    END IF;
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
            GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(calls) <> 0 OR sum(minutes) <> 0
        ) AS call
        CROSS JOIN LATERAL (SELECT country, kind FROM phone_numbers WHERE id = call.phone_number_id LIMIT 1) AS number
        CROSS JOIN LATERAL (VALUES (call.tenant_id), (call.agent_id)) AS subject (id)
        WHERE NOT EXISTS (
            SELECT FROM call_statistics_backlog AS backlog
            WHERE backlog.tenant_id = call.tenant_id AND backlog.quarter > quarter_hour(call.started_at)
        )
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

-- A call that was counted stays counted. One that was not is counted now: nobody can count it later.
CREATE FUNCTION statistics_of_deleted_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM call_statistics_backlog) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM call_statistics_backlog
        WHERE tenant_id IN (SELECT tenant_id FROM deleted) ORDER BY tenant_id FOR SHARE;
    INSERT INTO call_statistics AS total (tenant_id, subject_id, quarter, country, kind,
            agent_calls, fallback_calls, busy_calls, unavailable_calls, rejected_calls, minutes)
        SELECT call.tenant_id, subject.id, quarter_hour(call.started_at), number.country, number.kind,
            count(*) FILTER (WHERE outcome = 'agent'), count(*) FILTER (WHERE outcome = 'fallback'),
            count(*) FILTER (WHERE outcome = 'busy'), count(*) FILTER (WHERE outcome = 'unavailable'),
            count(*) FILTER (WHERE outcome = 'rejected'),
            sum(billed_minutes(status, duration_seconds, conversation_seconds))
        FROM deleted AS call
        CROSS JOIN LATERAL (SELECT country, kind FROM phone_numbers WHERE id = call.phone_number_id LIMIT 1) AS number
        CROSS JOIN LATERAL (VALUES (call.tenant_id), (call.agent_id)) AS subject (id)
        WHERE EXISTS (
            SELECT FROM call_statistics_backlog AS backlog
            WHERE backlog.tenant_id = call.tenant_id AND backlog.quarter > quarter_hour(call.started_at)
        )
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
ALTER TABLE call_statistics_backlog ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON call_statistics TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));
CREATE POLICY tenant_isolation ON call_statistics_backlog TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON call_statistics TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');
CREATE POLICY system_all ON call_statistics_backlog TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- The triggers run as the role that writes calls.
GRANT SELECT ON call_statistics, call_statistics_backlog TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON call_statistics TO switchboard_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON call_statistics_backlog TO switchboard_system;

CREATE TRIGGER totals_of_quarter_inserted AFTER INSERT ON calls
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION statistics_of_inserted_calls();
CREATE TRIGGER totals_of_quarter_updated AFTER UPDATE ON calls
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION statistics_of_updated_calls();
CREATE TRIGGER totals_of_quarter_deleted AFTER DELETE ON calls
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION statistics_of_deleted_calls();

-- After CREATE TRIGGER, which has locked "calls" against writes until the migration commits: every call is either seen here or
-- counted by the triggers. Nothing of these tenants is counted before the worker begins: the quarter hour is that of the year
-- 10000. The system's role sees the rows of all tenants, but may not find the tables without their schema.
DO $$
DECLARE
    place text := quote_ident(current_schema());
    former text := current_setting('role');
BEGIN
    SET LOCAL ROLE switchboard_system;
    EXECUTE format(
        'INSERT INTO %1$s.call_statistics_backlog (tenant_id, quarter)
            SELECT id, 281558112 FROM %1$s.tenants WHERE EXISTS (SELECT FROM %1$s.calls WHERE calls.tenant_id = tenants.id)',
        place
    );
    PERFORM set_config('role', former, true);
END
$$;
