UPDATE messages SET nth = position.nth
    FROM (SELECT id, row_number() OVER (PARTITION BY tenant_id ORDER BY created_at, id) AS nth
        FROM messages WHERE direction = 'outbound') AS position
    WHERE messages.id = position.id;
UPDATE messages SET redaction_due_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', created_at, '+3 days');

-- Counted are messages that the carrier has and that did not fail before they were sent: it charges no others.
CREATE TRIGGER messages_total_inserted AFTER INSERT ON messages WHEN NEW.status <> 'pending'
BEGIN
    INSERT INTO message_totals
        (tenant_id, day, phone_number_id, agent_id, messages, segments, charged, unpriced_segments)
        VALUES (NEW.tenant_id, date(NEW.created_at), NEW.phone_number_id, NEW.agent_id,
            NEW.status NOT IN ('pending', 'failed', 'canceled'),
            (NEW.status NOT IN ('pending', 'failed', 'canceled')) * coalesce(NEW.segments, 0),
            CAST(coalesce(round(NEW.price * 100000), 0) AS INTEGER),
            (NEW.status NOT IN ('pending', 'failed', 'canceled') AND NEW.price IS NULL) * coalesce(NEW.segments, 0))
        ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
            SET messages = messages + excluded.messages, segments = segments + excluded.segments,
                charged = charged + excluded.charged, unpriced_segments = unpriced_segments + excluded.unpriced_segments;
END;

CREATE TRIGGER messages_total_updated AFTER UPDATE OF status, segments, price ON messages
    WHEN NEW.status <> OLD.status OR NEW.segments IS NOT OLD.segments OR NEW.price IS NOT OLD.price
BEGIN
    INSERT INTO message_totals
        (tenant_id, day, phone_number_id, agent_id, messages, segments, charged, unpriced_segments)
        VALUES (NEW.tenant_id, date(NEW.created_at), NEW.phone_number_id, NEW.agent_id,
            (NEW.status NOT IN ('pending', 'failed', 'canceled')) - (OLD.status NOT IN ('pending', 'failed', 'canceled')),
            (NEW.status NOT IN ('pending', 'failed', 'canceled')) * coalesce(NEW.segments, 0)
                - (OLD.status NOT IN ('pending', 'failed', 'canceled')) * coalesce(OLD.segments, 0),
            CAST(coalesce(round(NEW.price * 100000), 0) - coalesce(round(OLD.price * 100000), 0) AS INTEGER),
            (NEW.status NOT IN ('pending', 'failed', 'canceled') AND NEW.price IS NULL) * coalesce(NEW.segments, 0)
                - (OLD.status NOT IN ('pending', 'failed', 'canceled') AND OLD.price IS NULL) * coalesce(OLD.segments, 0))
        ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
            SET messages = messages + excluded.messages, segments = segments + excluded.segments,
                charged = charged + excluded.charged, unpriced_segments = unpriced_segments + excluded.unpriced_segments;
END;

CREATE TRIGGER messages_stay_in_total BEFORE UPDATE OF tenant_id, phone_number_id, agent_id, created_at ON messages
BEGIN
    SELECT RAISE(ABORT, 'tenant, number, agent and time of a message cannot change: its totals are kept under them');
END;

INSERT INTO message_totals (tenant_id, day, phone_number_id, agent_id, messages, segments, charged, unpriced_segments)
    SELECT tenant_id, date(created_at), phone_number_id, agent_id,
        sum(status NOT IN ('pending', 'failed', 'canceled')),
        sum((status NOT IN ('pending', 'failed', 'canceled')) * coalesce(segments, 0)),
        sum(CAST(coalesce(round(price * 100000), 0) AS INTEGER)),
        sum((status NOT IN ('pending', 'failed', 'canceled') AND price IS NULL) * coalesce(segments, 0))
    FROM messages GROUP BY 1, 2, 3, 4;

-- Due at once.
INSERT INTO registration_checks (id, due_at) VALUES (1, '1970-01-01T00:00:00.000+00:00');
