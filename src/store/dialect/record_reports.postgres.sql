-- Records how a batch of calls goes or went: one row of $1 each, no call twice.
UPDATE calls SET
    status = told.status, ended_at = told.ended_at, duration_seconds = told.duration_seconds,
    sequence = calls.sequence + 1, updated_at = told.at
FROM json_to_recordset($1::json) AS told (
    id uuid, status text, ended_at timestamptz, duration_seconds int, at timestamptz
)
WHERE calls.id = told.id
