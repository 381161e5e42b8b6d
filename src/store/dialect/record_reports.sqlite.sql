-- Records how a batch of calls goes or went: one row of ?1 each, no call twice.
UPDATE calls SET
    status = told.status, ended_at = told.ended_at, duration_seconds = told.duration_seconds,
    sequence = calls.sequence + 1, updated_at = told.at
FROM (
    SELECT
        unhex(value ->> 'id') AS id, value ->> 'status' AS status, value ->> 'ended_at' AS ended_at,
        value ->> 'duration_seconds' AS duration_seconds, value ->> 'at' AS at
    FROM json_each(?1)
) AS told
WHERE calls.id = told.id
