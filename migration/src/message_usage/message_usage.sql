-- Existing messages get what new ones do. While FORCE is on, the owner sees no rows.
ALTER TABLE messages NO FORCE ROW LEVEL SECURITY;
UPDATE messages AS message SET nth = position.nth
    FROM (SELECT id, row_number() OVER (PARTITION BY tenant_id ORDER BY created_at, id) AS nth
        FROM messages WHERE direction = 'outbound') AS position
    WHERE message.id = position.id;
UPDATE messages SET redaction_due_at = created_at + interval '3 days';

-- Today's rows are updated with every message. Free space on their page keeps these updates out of the index (HOT).
ALTER TABLE message_totals SET (fillfactor = 70);

-- What a message adds to the totals. Counted are messages that the carrier has and that did not fail before they were sent:
-- it charges no others. The planner inlines these functions.
CREATE FUNCTION is_used_message(status text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT status NOT IN ('pending', 'failed', 'canceled')
$$;
CREATE FUNCTION charged_for_message(price numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(round(price * 100000), 0)::bigint
$$;
REVOKE ALL ON FUNCTION is_used_message(text), charged_for_message(numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_used_message(text), charged_for_message(numeric) TO switchboard_system;

-- One upsert with sorted keys, so that concurrent transactions lock totals in the same order and cannot deadlock. A tenant
-- stores messages that wait to be sent, which are not counted yet: for it nothing is written, and it may write no totals.
CREATE FUNCTION total_inserted_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM inserted WHERE status <> 'pending') THEN
        INSERT INTO message_totals AS total
            (tenant_id, day, phone_number_id, agent_id, messages, segments, charged, unpriced_segments)
            SELECT tenant_id, (created_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id,
                count(*) FILTER (WHERE is_used_message(status)),
                coalesce(sum(segments) FILTER (WHERE is_used_message(status)), 0),
                sum(charged_for_message(price)),
                coalesce(sum(segments) FILTER (WHERE is_used_message(status) AND price IS NULL), 0)
            FROM inserted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
            SET messages = total.messages + excluded.messages, segments = total.segments + excluded.segments,
                charged = total.charged + excluded.charged,
                unpriced_segments = total.unpriced_segments + excluded.unpriced_segments;
    END IF;
    RETURN NULL;
END
$$;

-- Most updates change no total: a message goes from "queued" to "sent" and "delivered", or is asked about later. A tenant says
-- which texts it has answered, and may write no totals.
CREATE FUNCTION total_updated_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM before JOIN after USING (id)
            WHERE (before.status, before.segments, before.price)
                IS DISTINCT FROM (after.status, after.segments, after.price)
    ) THEN
        RETURN NULL;
    END IF;
    INSERT INTO message_totals AS total
        (tenant_id, day, phone_number_id, agent_id, messages, segments, charged, unpriced_segments)
        SELECT tenant_id, (created_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id,
            coalesce(sum(sign) FILTER (WHERE is_used_message(status)), 0),
            coalesce(sum(sign * segments) FILTER (WHERE is_used_message(status)), 0),
            sum(sign * charged_for_message(price)),
            coalesce(sum(sign * segments) FILTER (WHERE is_used_message(status) AND price IS NULL), 0)
        FROM (
            SELECT tenant_id, created_at, phone_number_id, agent_id, status, segments, price, 1 AS sign FROM after
            UNION ALL
            SELECT tenant_id, created_at, phone_number_id, agent_id, status, segments, price, -1 FROM before
        ) AS change
        GROUP BY 1, 2, 3, 4
        HAVING coalesce(sum(sign) FILTER (WHERE is_used_message(status)), 0) <> 0
            OR coalesce(sum(sign * segments) FILTER (WHERE is_used_message(status)), 0) <> 0
            OR sum(sign * charged_for_message(price)) <> 0
            OR coalesce(sum(sign * segments) FILTER (WHERE is_used_message(status) AND price IS NULL), 0) <> 0
        ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
        SET messages = total.messages + excluded.messages, segments = total.segments + excluded.segments,
            charged = total.charged + excluded.charged,
            unpriced_segments = total.unpriced_segments + excluded.unpriced_segments;
    RETURN NULL;
END
$$;

CREATE FUNCTION messages_stay_in_their_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'tenant, number, agent and time of a message cannot change: its totals are kept under them'
        USING ERRCODE = 'check_violation';
END
$$;

CREATE TRIGGER total_inserted AFTER INSERT ON messages
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION total_inserted_messages();
CREATE TRIGGER total_updated AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION total_updated_messages();
CREATE TRIGGER stay_in_total BEFORE UPDATE OF tenant_id, phone_number_id, agent_id, created_at ON messages
    FOR EACH STATEMENT EXECUTE FUNCTION messages_stay_in_their_total();

-- Existing messages: none is missed or counted twice, because the table is locked until the migration commits.
INSERT INTO message_totals (tenant_id, day, phone_number_id, agent_id, messages, segments, charged, unpriced_segments)
    SELECT tenant_id, (created_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id,
        count(*) FILTER (WHERE is_used_message(status)),
        coalesce(sum(segments) FILTER (WHERE is_used_message(status)), 0),
        sum(charged_for_message(price)),
        coalesce(sum(segments) FILTER (WHERE is_used_message(status) AND price IS NULL), 0)
    FROM messages GROUP BY 1, 2, 3, 4;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;

-- Due at once.
INSERT INTO registration_checks (id, due_at) VALUES (1, '1970-01-01 00:00:00+00');

ALTER TABLE message_totals ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE messaging_registrations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE registration_checks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON message_totals TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));
CREATE POLICY tenant_isolation ON messaging_registrations TO switchboard_tenant
    USING (tenant_id = (SELECT auth.uid())) WITH CHECK (tenant_id = (SELECT auth.uid()));

-- Not "true": the login role is a member of switchboard_system, so the policy is put to it as well.
CREATE POLICY system_all ON message_totals TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');
CREATE POLICY system_all ON messaging_registrations TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');
CREATE POLICY system_all ON registration_checks TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

-- The triggers run as the role that writes messages.
GRANT SELECT ON message_totals, messaging_registrations TO switchboard_tenant;
GRANT SELECT, INSERT, UPDATE ON message_totals, messaging_registrations TO switchboard_system;
GRANT SELECT, UPDATE ON registration_checks TO switchboard_system;
