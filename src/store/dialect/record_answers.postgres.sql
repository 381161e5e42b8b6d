-- Records what a batch of calls was answered with: one row of $1 each, no call twice.
SELECT id, tenant_id, agent_id, sid FROM record_answers($1::json)
