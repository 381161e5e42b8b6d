-- Records how a batch of calls goes or went: one row of ?1 each, no call twice.
UPDATE calls SET
    status = input.status, ended_at = input.ended_at, duration_seconds = input.duration_seconds,
    sequence = calls.sequence + 1, updated_at = input.at
FROM (
    SELECT
        unhex(value ->> 'id') AS id, value ->> 'status' AS status, value ->> 'ended_at' AS ended_at,
        value ->> 'duration_seconds' AS duration_seconds, value ->> 'at' AS at
    FROM json_each(?1)
) AS input
WHERE calls.id = input.id
