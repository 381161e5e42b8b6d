-- A tenant that answers a text itself, or takes its thread over, ends the wait for an automatic answer.
GRANT UPDATE (handling_set) ON message_threads TO switchboard_tenant;
GRANT UPDATE (awaits_answer) ON messages TO switchboard_tenant;
