-- The calls with the ids in ?1; the transaction has the write lock already.
SELECT * FROM calls WHERE sid IN (SELECT value FROM json_each(?1))
