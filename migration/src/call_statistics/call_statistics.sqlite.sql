-- Calls of one quarter hour, counted from 1970 in UTC: days of every time zone are whole quarter hours. A subject is an agent, or
-- the tenant itself for the calls to all its agents. Country and kind of the number decide the price of a minute. WITHOUT ROWID
-- keeps a subject's rows together in their order.
CREATE TABLE call_statistics (
    tenant_id uuid_text NOT NULL CONSTRAINT call_statistics_tenant REFERENCES tenants (id),
    subject_id uuid_text NOT NULL,
    quarter integer NOT NULL,
    country text NOT NULL,
    kind text NOT NULL,
    agent_calls integer NOT NULL,
    fallback_calls integer NOT NULL,
    busy_calls integer NOT NULL,
    unavailable_calls integer NOT NULL,
    rejected_calls integer NOT NULL,
    minutes integer NOT NULL,
    PRIMARY KEY (tenant_id, subject_id, quarter, country, kind)
) WITHOUT ROWID;

-- The one row: calls that started before this instant are counted in call_statistics. Readers count the others from "calls". A
-- worker counts calls at least 30 minutes after their start, and advances counted_until in the same transaction. Triggers count
-- what happens afterwards to a call that is counted already, and what no worker could count later. SQLite has one writer at a
-- time, so none of them sees another's half-done work.
CREATE TABLE call_statistics_progress (
    id integer PRIMARY KEY CONSTRAINT call_statistics_progress_one_row CHECK (id = 1),
    counted_until timestamp_with_timezone_text NOT NULL
);
-- Calls from before this migration are not counted yet.
INSERT INTO call_statistics_progress (id, counted_until) VALUES (1, '1970-01-01T00:00:00+00:00');

-- Times are compared as text, which is their order: all have the same form and are in UTC.
-- The first 19 characters of a time are its whole seconds: SQLite would round the rest up. Minutes are those that the carrier
-- bills: begun minutes of completed calls.
CREATE TRIGGER totals_of_quarter_inserted AFTER INSERT ON calls
    WHEN NEW.started_at < (SELECT counted_until FROM call_statistics_progress)
BEGIN
    INSERT INTO call_statistics (tenant_id, subject_id, quarter, country, kind,
            agent_calls, fallback_calls, busy_calls, unavailable_calls, rejected_calls, minutes)
        SELECT NEW.tenant_id, subject.id, unixepoch(substr(NEW.started_at, 1, 19)) / 900, number.country, number.kind,
            NEW.outcome = 'agent', NEW.outcome = 'fallback', NEW.outcome = 'busy', NEW.outcome = 'unavailable',
            NEW.outcome = 'rejected',
            CASE WHEN NEW.status = 'completed'
                THEN coalesce((coalesce(NEW.duration_seconds, NEW.conversation_seconds) + 59) / 60, 0) ELSE 0 END
        FROM phone_numbers AS number, (SELECT NEW.tenant_id AS id UNION ALL SELECT NEW.agent_id) AS subject
        WHERE number.id = NEW.phone_number_id
        ON CONFLICT (tenant_id, subject_id, quarter, country, kind) DO UPDATE SET
            agent_calls = agent_calls + excluded.agent_calls,
            fallback_calls = fallback_calls + excluded.fallback_calls,
            busy_calls = busy_calls + excluded.busy_calls,
            unavailable_calls = unavailable_calls + excluded.unavailable_calls,
            rejected_calls = rejected_calls + excluded.rejected_calls,
            minutes = minutes + excluded.minutes;
END;

-- The rows are there since the call was counted.
CREATE TRIGGER totals_of_quarter_updated AFTER UPDATE OF outcome, status, duration_seconds, conversation_seconds ON calls
    WHEN (NEW.outcome <> OLD.outcome OR NEW.status = 'completed' OR OLD.status = 'completed')
        AND NEW.started_at < (SELECT counted_until FROM call_statistics_progress)
BEGIN
    UPDATE call_statistics SET
        agent_calls = agent_calls + (NEW.outcome = 'agent') - (OLD.outcome = 'agent'),
        fallback_calls = fallback_calls + (NEW.outcome = 'fallback') - (OLD.outcome = 'fallback'),
        busy_calls = busy_calls + (NEW.outcome = 'busy') - (OLD.outcome = 'busy'),
        unavailable_calls = unavailable_calls + (NEW.outcome = 'unavailable') - (OLD.outcome = 'unavailable'),
        rejected_calls = rejected_calls + (NEW.outcome = 'rejected') - (OLD.outcome = 'rejected'),
        minutes = minutes
            + CASE WHEN NEW.status = 'completed'
                THEN coalesce((coalesce(NEW.duration_seconds, NEW.conversation_seconds) + 59) / 60, 0) ELSE 0 END
            - CASE WHEN OLD.status = 'completed'
                THEN coalesce((coalesce(OLD.duration_seconds, OLD.conversation_seconds) + 59) / 60, 0) ELSE 0 END
        WHERE tenant_id = NEW.tenant_id AND subject_id IN (NEW.tenant_id, NEW.agent_id)
            AND quarter = unixepoch(substr(NEW.started_at, 1, 19)) / 900
            AND country = (SELECT country FROM phone_numbers WHERE id = NEW.phone_number_id)
            AND kind = (SELECT kind FROM phone_numbers WHERE id = NEW.phone_number_id);
END;

-- A call that was counted stays counted. One that was not is counted now: nobody can count it later.
CREATE TRIGGER totals_of_quarter_deleted AFTER DELETE ON calls
    WHEN OLD.started_at >= (SELECT counted_until FROM call_statistics_progress)
BEGIN
    INSERT INTO call_statistics (tenant_id, subject_id, quarter, country, kind,
            agent_calls, fallback_calls, busy_calls, unavailable_calls, rejected_calls, minutes)
        SELECT OLD.tenant_id, subject.id, unixepoch(substr(OLD.started_at, 1, 19)) / 900, number.country, number.kind,
            OLD.outcome = 'agent', OLD.outcome = 'fallback', OLD.outcome = 'busy', OLD.outcome = 'unavailable',
            OLD.outcome = 'rejected',
            CASE WHEN OLD.status = 'completed'
                THEN coalesce((coalesce(OLD.duration_seconds, OLD.conversation_seconds) + 59) / 60, 0) ELSE 0 END
        FROM phone_numbers AS number, (SELECT OLD.tenant_id AS id UNION ALL SELECT OLD.agent_id) AS subject
        WHERE number.id = OLD.phone_number_id
        ON CONFLICT (tenant_id, subject_id, quarter, country, kind) DO UPDATE SET
            agent_calls = agent_calls + excluded.agent_calls,
            fallback_calls = fallback_calls + excluded.fallback_calls,
            busy_calls = busy_calls + excluded.busy_calls,
            unavailable_calls = unavailable_calls + excluded.unavailable_calls,
            rejected_calls = rejected_calls + excluded.rejected_calls,
            minutes = minutes + excluded.minutes;
END;
