-- Records how a batch of calls goes or went: one row of $1 each, no call twice.
SELECT record_reports($1::json)
