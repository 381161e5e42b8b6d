-- The calls with the ids in $1, locked until the transaction ends. Every batch locks in the same order, the index's, so that
-- no two wait for each other.
SELECT found.*
FROM (SELECT sid FROM json_array_elements_text($1::json) AS told (sid) ORDER BY sid) AS told
-- LIMIT keeps the planner at one index look-up a call, however many rows it expects.
CROSS JOIN LATERAL (SELECT * FROM calls WHERE calls.sid = told.sid LIMIT 1 FOR NO KEY UPDATE) AS found
