-- A bucket of requests is the instant at which it will be full again; one that is full needs no row. Unlogged: what a crash
-- takes is a minute's count, and counting costs the disk nothing.
CREATE UNLOGGED TABLE rate_buckets (key text PRIMARY KEY, full_at timestamptz NOT NULL);
CREATE INDEX rate_buckets_by_time ON rate_buckets (full_at);

ALTER TABLE rate_buckets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- They tell of all callers at once: no tenant sees any. Not "true": the login role is a member of switchboard_system, so the
-- policy is put to it as well.
CREATE POLICY system_all ON rate_buckets TO switchboard_system
    USING (current_user = 'switchboard_system') WITH CHECK (current_user = 'switchboard_system');

GRANT SELECT, INSERT, UPDATE, DELETE ON rate_buckets TO switchboard_system;

-- Takes up to so many requests out of a bucket that holds a minute's and is refilled evenly. If there is none,
-- `free_at` is when there will be one.
CREATE FUNCTION take_requests(bucket text, wanted int, per_minute int, asked_at timestamptz)
    RETURNS TABLE (granted int, free_at timestamptz) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    minute CONSTANT interval := interval '1 minute';
    refill CONSTANT interval := minute / per_minute;
    from_then timestamptz;
BEGIN
    -- The update that changes nothing locks the row: servers take one after the other.
    INSERT INTO rate_buckets AS held (key, full_at) VALUES (bucket, asked_at)
        ON CONFLICT (key) DO UPDATE SET full_at = held.full_at
        RETURNING greatest(held.full_at, asked_at) INTO from_then;
    -- Further ahead than a whole minute is what a clock leaves that was set back.
    IF from_then > asked_at + minute THEN
        from_then := asked_at;
    END IF;
    granted := greatest(0, least(wanted,
        floor(extract(epoch FROM asked_at + minute - from_then) / extract(epoch FROM refill))::int));
    UPDATE rate_buckets SET full_at = from_then + granted * refill WHERE key = bucket;
    free_at := from_then + refill - minute;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION take_requests(text, int, int, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_requests(text, int, int, timestamptz) TO switchboard_system;
