-- The calls with the ids in $1, locked until the transaction ends. Every batch locks in the same order, so that no two
-- wait for each other.
SELECT * FROM calls
WHERE sid IN (SELECT json_array_elements_text($1::json))
ORDER BY sid
FOR NO KEY UPDATE
