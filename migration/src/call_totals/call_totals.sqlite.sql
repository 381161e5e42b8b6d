-- Minutes are those that the carrier bills: begun minutes of completed calls.
CREATE TRIGGER total_inserted AFTER INSERT ON calls
BEGIN
    INSERT INTO call_totals (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
        VALUES (NEW.tenant_id, date(NEW.started_at), NEW.phone_number_id, NEW.agent_id, 1,
            CASE WHEN NEW.status = 'completed'
                THEN coalesce((coalesce(NEW.duration_seconds, NEW.conversation_seconds) + 59) / 60, 0) ELSE 0 END, 1)
        ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
            SET calls = calls + 1, minutes = minutes + excluded.minutes, kept = kept + 1;
END;

CREATE TRIGGER total_updated AFTER UPDATE OF status, duration_seconds, conversation_seconds ON calls
    WHEN NEW.status = 'completed' OR OLD.status = 'completed'
BEGIN
    UPDATE call_totals SET minutes = minutes
            + CASE WHEN NEW.status = 'completed'
                THEN coalesce((coalesce(NEW.duration_seconds, NEW.conversation_seconds) + 59) / 60, 0) ELSE 0 END
            - CASE WHEN OLD.status = 'completed'
                THEN coalesce((coalesce(OLD.duration_seconds, OLD.conversation_seconds) + 59) / 60, 0) ELSE 0 END
        WHERE tenant_id = NEW.tenant_id AND day = date(NEW.started_at)
            AND phone_number_id = NEW.phone_number_id AND agent_id = NEW.agent_id;
END;

-- Only "kept" goes down: usage still counts deleted calls.
CREATE TRIGGER total_deleted AFTER DELETE ON calls
BEGIN
    UPDATE call_totals SET kept = kept - 1
        WHERE tenant_id = OLD.tenant_id AND day = date(OLD.started_at)
            AND phone_number_id = OLD.phone_number_id AND agent_id = OLD.agent_id;
END;

CREATE TRIGGER stay_in_total BEFORE UPDATE OF tenant_id, phone_number_id, agent_id, started_at ON calls
BEGIN
    SELECT RAISE(ABORT, 'tenant, number, agent and start of a call cannot change: its totals are kept under them');
END;

INSERT INTO call_totals (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
    SELECT tenant_id, date(started_at), phone_number_id, agent_id, count(*),
        sum(CASE WHEN status = 'completed'
            THEN coalesce((coalesce(duration_seconds, conversation_seconds) + 59) / 60, 0) ELSE 0 END), count(*)
    FROM calls GROUP BY 1, 2, 3, 4;
