SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;

CREATE SCHEMA auth;

CREATE FUNCTION auth.uid() RETURNS uuid
    LANGUAGE sql STABLE
    AS $$SELECT nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid$$;

CREATE FUNCTION public.audit_events_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION public.billed_minutes(status text, duration_seconds integer, conversation_seconds integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE WHEN status = 'completed'
        THEN coalesce((coalesce(duration_seconds, conversation_seconds)::bigint + 59) / 60, 0) ELSE 0 END
$$;

CREATE FUNCTION public.calls_stay_in_their_total() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'tenant, number, agent and start of a call cannot change: its totals are kept under them'
        USING ERRCODE = 'check_violation';
END
$$;

CREATE FUNCTION public.calls_with_slot(of_tenants uuid[], sids text[]) RETURNS SETOF text
    LANGUAGE plpgsql ROWS 32
    SET plan_cache_mode TO 'force_generic_plan'
    SET lock_timeout TO '1s'
    AS $$
BEGIN
    -- LIMIT keeps the planner at one index look-up a row, here and below, however many rows it expects.
    PERFORM FROM (SELECT DISTINCT unnest(of_tenants) AS id ORDER BY 1) AS wanted
    CROSS JOIN LATERAL (SELECT FROM tenants WHERE tenants.id = wanted.id LIMIT 1 FOR NO KEY UPDATE) AS locked;
    RETURN QUERY
        SELECT wanting.sid
        FROM (
            SELECT told.tenant, told.sid, row_number() OVER (PARTITION BY told.tenant ORDER BY told.nth) AS turn
            FROM unnest(of_tenants, sids) WITH ORDINALITY AS told (tenant, sid, nth)
            WHERE (SELECT true FROM calls WHERE calls.sid = told.sid LIMIT 1) IS NULL
        ) AS wanting
        JOIN (
            SELECT wanted.id, (SELECT concurrent_calls FROM tenants WHERE tenants.id = wanted.id LIMIT 1) - (
                SELECT count(*) FROM calls
                WHERE calls.tenant_id = wanted.id AND admitted AND status IN ('ringing', 'in_progress')
            ) AS free
            FROM (SELECT DISTINCT unnest(of_tenants) AS id) AS wanted
        ) AS plan ON plan.id = wanting.tenant
        WHERE wanting.turn <= plan.free;
END
$$;

CREATE FUNCTION public.mark_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.changed := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.record_answers(told json) RETURNS TABLE(id uuid, tenant_id uuid, agent_id uuid, sid text)
    LANGUAGE plpgsql ROWS 32
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
#variable_conflict use_column
DECLARE
    answers jsonb;
    sids text[];
BEGIN
    SELECT jsonb_object_agg(answer ->> 'sid', answer), array_agg(answer ->> 'sid') INTO answers, sids
        FROM json_array_elements(told) AS answer;
    RETURN QUERY
        UPDATE calls SET
            outcome = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN calls.outcome ELSE answers -> calls.sid ->> 'outcome' END,
            decision = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN calls.decision ELSE answers -> calls.sid -> 'decision' END,
            answer = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN calls.answer ELSE answers -> calls.sid -> 'answer' END,
            answer_stage = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN calls.answer_stage ELSE answers -> calls.sid ->> 'stage' END,
            answered_at = greatest(calls.answered_at, (answers -> calls.sid ->> 'answered_at')::timestamptz),
            admitted = calls.admitted AND (answers -> calls.sid ->> 'keeps_slot')::boolean,
            answering_by = NULL,
            answering_until = NULL,
            conversation_id = CASE WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                THEN coalesce(calls.conversation_id, answers -> calls.sid ->> 'conversation_id')
                ELSE coalesce(answers -> calls.sid ->> 'conversation_id', calls.conversation_id) END,
            conversation_due_at = CASE
                WHEN answers -> calls.sid ->> 'conversation_id' IS NULL THEN calls.conversation_due_at
                WHEN calls.answered_at > (answers -> calls.sid ->> 'answered_at')::timestamptz
                    AND calls.conversation_id IS NOT NULL THEN calls.conversation_due_at
                ELSE (answers -> calls.sid ->> 'at')::timestamptz END,
            sequence = calls.sequence + 1,
            updated_at = (answers -> calls.sid ->> 'at')::timestamptz
        WHERE calls.sid = ANY (sids)
        RETURNING calls.id, calls.tenant_id, calls.agent_id, calls.sid;
END
$$;

CREATE FUNCTION public.record_reports(told json) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    reports jsonb;
    ids uuid[];
BEGIN
    SELECT jsonb_object_agg((report ->> 'id')::uuid, report), array_agg((report ->> 'id')::uuid) INTO reports, ids
        FROM json_array_elements(told) AS report;
    UPDATE calls SET
        status = reports -> calls.id::text ->> 'status',
        ended_at = (reports -> calls.id::text ->> 'ended_at')::timestamptz,
        duration_seconds = (reports -> calls.id::text ->> 'duration_seconds')::int,
        sequence = calls.sequence + 1,
        updated_at = (reports -> calls.id::text ->> 'at')::timestamptz
    WHERE calls.id = ANY (ids);
END
$$;

CREATE FUNCTION public.take_requests(bucket text, wanted integer, per_minute integer, asked_at timestamp with time zone) RETURNS TABLE(granted integer, free_at timestamp with time zone)
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.tell_of_agent() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('switchboard_changes',
        concat_ws(' ', 'agent', NEW.tenant_id, NEW.id, current_setting('application_name')));
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_of_number() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('switchboard_changes', concat_ws(' ', CASE NEW.status WHEN 'released' THEN 'released' ELSE 'number' END,
        NEW.tenant_id, NEW.id, current_setting('application_name')));
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_of_operation() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('switchboard_changes',
        concat_ws(' ', 'operation', NEW.tenant_id, NEW.id, current_setting('application_name')));
    RETURN NULL;
END
$$;

CREATE FUNCTION public.total_deleted_calls() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO call_totals AS total (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
        SELECT tenant_id, (started_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id, 0, 0, -count(*)
        FROM deleted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
        SET kept = total.kept + excluded.kept;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.total_inserted_calls() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO call_totals AS total (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
        SELECT tenant_id, (started_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id,
            count(*), sum(billed_minutes(status, duration_seconds, conversation_seconds)), count(*)
        FROM inserted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
        SET calls = total.calls + excluded.calls, minutes = total.minutes + excluded.minutes,
            kept = total.kept + excluded.kept;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.total_updated_calls() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM after WHERE status = 'completed') OR EXISTS (SELECT FROM before WHERE status = 'completed') THEN
        INSERT INTO call_totals AS total (tenant_id, day, phone_number_id, agent_id, calls, minutes, kept)
            SELECT tenant_id, (started_at AT TIME ZONE 'UTC')::date, phone_number_id, agent_id, 0, sum(minutes), 0
            FROM (
                SELECT tenant_id, started_at, phone_number_id, agent_id,
                    billed_minutes(status, duration_seconds, conversation_seconds) AS minutes FROM after
                UNION ALL
                SELECT tenant_id, started_at, phone_number_id, agent_id,
                    -billed_minutes(status, duration_seconds, conversation_seconds) FROM before
            ) AS change
            GROUP BY 1, 2, 3, 4 HAVING sum(minutes) <> 0 ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, day, phone_number_id, agent_id) DO UPDATE
            SET minutes = total.minutes + excluded.minutes;
    END IF;
    RETURN NULL;
END
$$;

CREATE TABLE public.agents (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    voice_agent_id text,
    name text NOT NULL,
    language text NOT NULL,
    first_message text,
    prompt text,
    voice_id text,
    fallback_number text,
    status text NOT NULL,
    token_hash text NOT NULL,
    token_preview text NOT NULL,
    revision integer NOT NULL,
    synced_revision integer NOT NULL,
    refused_revision integer DEFAULT 0 NOT NULL,
    sync_error jsonb,
    sync_attempts integer DEFAULT 0 NOT NULL,
    sync_due_at timestamp with time zone,
    sync_lease_until timestamp with time zone,
    sync_fencing_token bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    changed bigint DEFAULT 0 NOT NULL,
    CONSTRAINT agents_check CHECK (((synced_revision >= 0) AND (synced_revision <= revision))),
    CONSTRAINT agents_check1 CHECK (((refused_revision >= 0) AND (refused_revision <= revision))),
    CONSTRAINT agents_fallback_number_check CHECK ((fallback_number ~ '^\+[1-9][0-9]{6,14}$'::text)),
    CONSTRAINT agents_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT agents_revision_check CHECK ((revision >= 0)),
    CONSTRAINT agents_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'inactive'::text, 'deleted'::text]))),
    CONSTRAINT agents_token_hash_check CHECK ((length(token_hash) = 64))
);

ALTER TABLE ONLY public.agents FORCE ROW LEVEL SECURITY;

CREATE TABLE public.audit_events (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text,
    outcome text NOT NULL,
    request_id text NOT NULL,
    at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.audit_events FORCE ROW LEVEL SECURITY;

CREATE TABLE public.call_totals (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    phone_number_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    calls bigint NOT NULL,
    minutes bigint NOT NULL,
    kept bigint NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY public.call_totals FORCE ROW LEVEL SECURITY;

CREATE TABLE public.calls (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    phone_number_id uuid NOT NULL,
    sid text NOT NULL,
    direction text NOT NULL,
    caller text NOT NULL,
    caller_attestation text,
    called text NOT NULL,
    status text NOT NULL,
    outcome text NOT NULL,
    admitted boolean NOT NULL,
    decision jsonb NOT NULL,
    conversation_id text,
    conversation_due_at timestamp with time zone,
    answer jsonb,
    answer_stage text,
    answered_at timestamp with time zone,
    answering_by uuid,
    answering_until timestamp with time zone,
    duration_seconds integer,
    conversation_seconds integer,
    sequence bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT calls_answer_stage_check CHECK ((answer_stage = ANY (ARRAY['first'::text, 'after_failure'::text, 'after_forward'::text, 'after_dial'::text]))),
    CONSTRAINT calls_called_check CHECK ((called ~ '^\+[1-9][0-9]{6,14}$'::text)),
    CONSTRAINT calls_check CHECK (((answer IS NULL) = (answer_stage IS NULL))),
    CONSTRAINT calls_check1 CHECK (((answer IS NULL) = (answered_at IS NULL))),
    CONSTRAINT calls_check2 CHECK (((status = ANY (ARRAY['ringing'::text, 'in_progress'::text])) = (ended_at IS NULL))),
    CONSTRAINT calls_conversation_seconds_check CHECK ((conversation_seconds >= 0)),
    CONSTRAINT calls_direction_check CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
    CONSTRAINT calls_duration_seconds_check CHECK ((duration_seconds >= 0)),
    CONSTRAINT calls_outcome_check CHECK ((outcome = ANY (ARRAY['agent'::text, 'fallback'::text, 'busy'::text, 'unavailable'::text, 'rejected'::text]))),
    CONSTRAINT calls_sequence_check CHECK ((sequence >= 0)),
    CONSTRAINT calls_status_check CHECK ((status = ANY (ARRAY['ringing'::text, 'in_progress'::text, 'completed'::text, 'busy'::text, 'failed'::text, 'no_answer'::text, 'canceled'::text])))
);

ALTER TABLE ONLY public.calls FORCE ROW LEVEL SECURITY;

CREATE TABLE public.operations (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    step text NOT NULL,
    attempts integer NOT NULL,
    agent_id uuid,
    phone_number_id uuid,
    data jsonb NOT NULL,
    error jsonb,
    idempotency_key text,
    input_hash text,
    request_id text NOT NULL,
    run_after timestamp with time zone NOT NULL,
    lease_owner uuid,
    lease_until timestamp with time zone,
    fencing_token bigint NOT NULL,
    outcome_unknown_at timestamp with time zone,
    awaited_event text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT operations_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT operations_check CHECK (((idempotency_key IS NULL) = (input_hash IS NULL))),
    CONSTRAINT operations_check1 CHECK (((lease_owner IS NULL) = (lease_until IS NULL))),
    CONSTRAINT operations_check2 CHECK (((state = ANY (ARRAY['succeeded'::text, 'failed'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT operations_check3 CHECK (((awaited_event IS NULL) OR (state = 'running'::text))),
    CONSTRAINT operations_fencing_token_check CHECK ((fencing_token >= 0)),
    CONSTRAINT operations_kind_check CHECK ((kind = ANY (ARRAY['create_agent'::text, 'provision_number'::text, 'release_number'::text, 'repair_number'::text, 'check_number'::text, 'delete_agent'::text, 'restore_voice_agent'::text]))),
    CONSTRAINT operations_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'succeeded'::text, 'failed'::text]))),
    CONSTRAINT operations_step_check CHECK ((step = ANY (ARRAY['create_voice_agent'::text, 'search_numbers'::text, 'claim_number'::text, 'buy_number'::text, 'release_number'::text, 'repair_number'::text, 'check_number'::text, 'delete_voice_agent'::text, 'done'::text])))
);

ALTER TABLE ONLY public.operations FORCE ROW LEVEL SECURITY;

CREATE TABLE public.phone_numbers (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    number text NOT NULL,
    friendly_name text NOT NULL,
    sid text,
    provider text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    voice boolean NOT NULL,
    sms boolean NOT NULL,
    mms boolean NOT NULL,
    country text NOT NULL,
    locality text,
    region text,
    monthly_cost numeric(12,4) NOT NULL,
    routing_rules jsonb DEFAULT '[]'::jsonb NOT NULL,
    routing_version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    provisioned_at timestamp with time zone,
    released_at timestamp with time zone,
    changed bigint DEFAULT 0 NOT NULL,
    CONSTRAINT phone_numbers_check CHECK (((status = 'released'::text) = (released_at IS NOT NULL))),
    CONSTRAINT phone_numbers_check1 CHECK (((status <> ALL (ARRAY['active'::text, 'inactive'::text])) OR ((sid IS NOT NULL) AND (provisioned_at IS NOT NULL)))),
    CONSTRAINT phone_numbers_country_check CHECK (((length(country) = 2) AND (country = upper(country)))),
    CONSTRAINT phone_numbers_kind_check CHECK ((kind = ANY (ARRAY['local'::text, 'toll_free'::text, 'mobile'::text]))),
    CONSTRAINT phone_numbers_monthly_cost_check CHECK ((monthly_cost >= (0)::numeric)),
    CONSTRAINT phone_numbers_number_check CHECK ((number ~ '^\+[1-9][0-9]{6,14}$'::text)),
    CONSTRAINT phone_numbers_provider_check CHECK ((provider = ANY (ARRAY['twilio'::text, 'elevenlabs'::text]))),
    CONSTRAINT phone_numbers_routing_version_check CHECK ((routing_version >= 0)),
    CONSTRAINT phone_numbers_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'inactive'::text, 'releasing'::text, 'released'::text])))
);

ALTER TABLE ONLY public.phone_numbers FORCE ROW LEVEL SECURITY;

CREATE UNLOGGED TABLE public.rate_buckets (
    key text NOT NULL,
    full_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.rate_buckets FORCE ROW LEVEL SECURITY;

CREATE TABLE public.reconciliations (
    id uuid NOT NULL,
    owner uuid NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    report jsonb,
    CONSTRAINT reconciliations_check CHECK (((finished_at IS NULL) = (report IS NULL)))
);

ALTER TABLE ONLY public.reconciliations FORCE ROW LEVEL SECURITY;

CREATE TABLE public.seaql_migrations (
    version character varying NOT NULL,
    applied_at bigint NOT NULL
);

CREATE TABLE public.tenants (
    id uuid NOT NULL,
    plan text NOT NULL,
    concurrent_calls integer NOT NULL,
    phone_numbers integer NOT NULL,
    dial_countries text,
    dial_premium boolean,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT tenants_concurrent_calls_check CHECK (((concurrent_calls >= 0) AND (concurrent_calls <= 65535))),
    CONSTRAINT tenants_phone_numbers_check CHECK (((phone_numbers >= 0) AND (phone_numbers <= 65535)))
);

ALTER TABLE ONLY public.tenants FORCE ROW LEVEL SECURITY;

CREATE TABLE public.voice_events (
    id uuid NOT NULL,
    tenant_id uuid,
    call_id uuid,
    kind text NOT NULL,
    conversation_id text NOT NULL,
    call_sid text,
    failed text,
    duration_seconds integer,
    transcript jsonb,
    at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    CONSTRAINT voice_events_check CHECK (((tenant_id IS NULL) = (call_id IS NULL))),
    CONSTRAINT voice_events_duration_seconds_check CHECK ((duration_seconds >= 0)),
    CONSTRAINT voice_events_kind_check CHECK ((kind = ANY (ARRAY['post_call_transcription'::text, 'call_initiation_failure'::text])))
);

ALTER TABLE ONLY public.voice_events FORCE ROW LEVEL SECURITY;

INSERT INTO public.agents VALUES
	('01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '00000000-0000-0000-0000-000000000001', 'agent_0fcdeb7269e34948aab1af94e12e', 'Dr. Smith''s Office Assistant', 'de', 'Hello!', 'Be brief.', NULL, '+12125550142', 'active', 'c5c2e373e4a0d5fad771b12b13f07efbec365d32d39a37d010e14037348c80b5', 'vami_agent_XpYX…', 1, 1, 0, NULL, 0, NULL, NULL, 0, '2026-11-27 08:44:40.510886+00', '2026-11-27 08:44:40.526627+00', 750),
	('01a21c2d-9b9f-7031-8765-3eb2a2e645ce', '00000000-0000-0000-0000-000000000001', 'agent_9943ecff3ae34a5d85b22e0ddb25', 'Inactive', 'en', NULL, NULL, NULL, NULL, 'inactive', 'f42e1fff2b0296b00889276d05717124509d4463f70910e80c9b154da9f49e8b', 'vami_agent_QD3H…', 1, 1, 0, NULL, 0, NULL, NULL, 0, '2026-11-27 08:44:40.735161+00', '2026-11-27 08:44:40.750414+00', 793),
	('01a21c2d-9bb2-7c7d-841a-bf97edee70e4', '00000000-0000-0000-0000-000000000001', 'agent_6f1a4404820d4f968c87330f31bd', 'Deleted', 'en', NULL, NULL, NULL, NULL, 'deleted', 'ff9543c6c6ac55faf57d1250c96f49119db81ad51e75122cc8c812aaa18c3479', 'vami_agent_3wM9…', 1, 1, 0, NULL, 0, NULL, NULL, 0, '2026-11-27 08:44:40.754457+00', '2026-11-27 08:44:40.77753+00', 800),
	('00000000-0000-0000-0000-000000f00001', '00000000-0000-0000-0000-000000000001', NULL, 'Copy 0', 'en', NULL, NULL, NULL, NULL, 'active', '0000000000000000000000000000000000000000000000000000000000000000', 'vami_agent_QD3H…', 2, 1, 2, '{"code": "VOICE_PROVIDER_REJECTED", "message": "The voice is unknown."}', 0, NULL, NULL, 0, '2026-11-27 08:44:40.735161+00', '2026-11-27 08:44:40.750414+00', 804),
	('00000000-0000-0000-0000-000000f00002', '00000000-0000-0000-0000-000000000001', NULL, 'Copy 1', 'en', NULL, NULL, NULL, NULL, 'deleted', '0000000000000000000000000000000000000000000000000000000000000001', 'vami_agent_QD3H…', 2, 1, 2, '{"code": "VOICE_PROVIDER_REJECTED", "message": "The voice is unknown."}', 0, NULL, NULL, 0, '2026-11-27 08:44:40.735161+00', '2026-11-27 08:44:40.750414+00', 805),
	('00000000-0000-0000-0000-000000f00003', '00000000-0000-0000-0000-000000000001', NULL, 'Copy 2', 'en', NULL, NULL, NULL, NULL, 'inactive', '0000000000000000000000000000000000000000000000000000000000000002', 'vami_agent_QD3H…', 2, 1, 2, '{"code": "VOICE_PROVIDER_REJECTED", "message": "The voice is unknown."}', 0, NULL, NULL, 0, '2026-11-27 08:44:40.735161+00', '2026-11-27 08:44:40.750414+00', 806),
	('00000000-0000-0000-0000-000000f00004', '00000000-0000-0000-0000-000000000001', NULL, 'Copy 3', 'en', NULL, NULL, NULL, NULL, 'pending', '0000000000000000000000000000000000000000000000000000000000000003', 'vami_agent_QD3H…', 2, 1, 2, '{"code": "VOICE_PROVIDER_REJECTED", "message": "The voice is unknown."}', 0, NULL, NULL, 0, '2026-11-27 08:44:40.735161+00', '2026-11-27 08:44:40.750414+00', 807);

INSERT INTO public.audit_events VALUES
	('01a21c2d-9ac4-75be-90f7-9267e8964326', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'createAgent', 'agent_01a21c2d9abe77f3a70e3bd9e10590c8', 'accepted', '01a21c2d99697bd5b8ac57853d8a63a7', '2026-11-27 08:44:40.51602+00'),
	('01a21c2d-9ae2-78ba-acf4-17a46a0b4b7f', '00000000-0000-0000-0000-000000000001', 'system', 'createAgent', 'operation_01a21c2d9ac2779d9d34a2c5de1da0ad', 'succeeded', '01a21c2d99697bd5b8ac57853d8a63a7', '2026-11-27 08:44:40.546995+00'),
	('01a21c2d-9aee-715c-a7c3-e7ddabd635ae', '00000000-0000-0000-0000-000000000001', 'operator:00000000-0000-0000-0000-00000000ffff', 'setTenantPlan', 'tenant_00000000000000000000000000000001', 'succeeded', '01a21c2d9aec7892974a40629016f47a', '2026-11-27 08:44:40.558137+00'),
	('01a21c2d-9b3a-71cd-87e1-3b7b576361e9', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'setRoutingRules', 'number_01a21c2d9ad27c86ab5a1f42c0773597', 'succeeded', '01a21c2d9b2f76eaa9555252a5979794', '2026-11-27 08:44:40.634985+00'),
	('01a21c2d-9b74-74a3-a28e-a61866d3b2d6', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'provisionPhoneNumber', 'agent_01a21c2d9abe77f3a70e3bd9e10590c8', 'accepted', '01a21c2d9b6f7f0bbcfbe35343fa217f', '2026-11-27 08:44:40.692522+00'),
	('01a21c2d-9b86-7a6a-9616-057cf927d7c8', '00000000-0000-0000-0000-000000000001', 'system', 'provisionPhoneNumber', 'operation_01a21c2d9b7279b694a66731fa23a9ea', 'succeeded', '01a21c2d9b6f7f0bbcfbe35343fa217f', '2026-11-27 08:44:40.710105+00'),
	('01a21c2d-9b8e-7b8b-93ab-c61adb085ade', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'releasePhoneNumber', 'number_01a21c2d9b7a717598ffc35eacc79664', 'accepted', '01a21c2d9b8a7560a3c471c45da8af69', '2026-11-27 08:44:40.718367+00'),
	('01a21c2d-9b94-73e9-881d-f34ac76dff00', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'provisionPhoneNumber', 'agent_01a21c2d9abe77f3a70e3bd9e10590c8', 'accepted', '01a21c2d9b9174c79cf15eb1953dc770', '2026-11-27 08:44:40.724208+00'),
	('01a21c2d-9b99-7135-aa9a-c7dd1ff31982', '00000000-0000-0000-0000-000000000001', 'system', 'provisionPhoneNumber', 'operation_01a21c2d9b93786a854ad70635c1f770', 'failed: NO_AVAILABLE_NUMBERS', '01a21c2d9b9174c79cf15eb1953dc770', '2026-11-27 08:44:40.729415+00'),
	('01a21c2d-9ba0-7584-b307-965b1b0c0ab0', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'createAgent', 'agent_01a21c2d9b9f703187653eb2a2e645ce', 'accepted', '01a21c2d9b9c72c688b4ff5744f7e576', '2026-11-27 08:44:40.736691+00'),
	('01a21c2d-9ba7-7a88-9e5f-d51b1b86a322', '00000000-0000-0000-0000-000000000001', 'system', 'createAgent', 'operation_01a21c2d9b9f712aaafd4ee28bf9f8c6', 'succeeded', '01a21c2d9b9c72c688b4ff5744f7e576', '2026-11-27 08:44:40.743839+00'),
	('01a21c2d-9baf-7108-8769-4f1e6dd8aaa9', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'updateAgent', 'agent_01a21c2d9b9f703187653eb2a2e645ce', 'succeeded', '01a21c2d9bac77cc8276463b1065c1d2', '2026-11-27 08:44:40.751249+00'),
	('01a21c2d-9bb4-7767-82c3-0b61025ddd87', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'createAgent', 'agent_01a21c2d9bb27c7d841abf97edee70e4', 'accepted', '01a21c2d9bb07ed2b3b43a3a607a88e3', '2026-11-27 08:44:40.756028+00'),
	('01a21c2d-9bba-79dd-aaab-483c57b2bd58', '00000000-0000-0000-0000-000000000001', 'system', 'createAgent', 'operation_01a21c2d9bb27be19e8f481b46b60c17', 'succeeded', '01a21c2d9bb07ed2b3b43a3a607a88e3', '2026-11-27 08:44:40.762804+00'),
	('01a21c2d-9bc3-7641-a62f-976a519646ad', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'deleteAgent', 'agent_01a21c2d9bb27c7d841abf97edee70e4', 'accepted', '01a21c2d9bbf736c9ac3136aac53cfca', '2026-11-27 08:44:40.771861+00'),
	('01a21c2d-9bca-77a8-ab9d-e522744f3dfc', '00000000-0000-0000-0000-000000000001', 'system', 'deleteAgent', 'operation_01a21c2d9bc27f8f8ac4811930b984c1', 'succeeded', '01a21c2d9bbf736c9ac3136aac53cfca', '2026-11-27 08:44:40.778424+00');

INSERT INTO public.call_totals VALUES
	('00000000-0000-0000-0000-000000000001', '2026-11-27', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', 12, 3, 12);

INSERT INTO public.calls VALUES
	('01a21c2d-9af1-711f-a527-a52cfb975a11', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA7860517d29294badbc4d9a70103faba1', 'inbound', '+13125550199', NULL, '+12125550100', 'completed', 'agent', true, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', 'conv_60a56caddd984e89b50204770d7f', NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_60a56caddd984e89b50204770d7f\"/></Stream></Connect></Response>", "conversation_id": "conv_60a56caddd984e89b50204770d7f"}', 'first', '2026-11-27 08:44:40.569353+00', NULL, NULL, 42, 42, 3, '2026-11-27 08:44:40.56174+00', '2026-11-27 08:45:22+00', '2026-11-27 08:44:40.583367+00'),
	('01a21c2d-9b06-79da-97e0-8c777f23b6a8', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA0fbc519bca90415ab8b3ed8d5bc9f248', 'inbound', '+13125550199', NULL, '+12125550100', 'busy', 'agent', true, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', 'conv_302a647f8e01420ca4582f8902b6', NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_302a647f8e01420ca4582f8902b6\"/></Stream></Connect></Response>", "conversation_id": "conv_302a647f8e01420ca4582f8902b6"}', 'first', '2026-11-27 08:44:40.585005+00', NULL, NULL, NULL, NULL, 2, '2026-11-27 08:44:40.582066+00', '2026-11-27 08:44:40.588495+00', '2026-11-27 08:44:40.590966+00'),
	('01a21c2d-9b10-7f53-a26a-048f55a08f4e', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA04860c45613d430f982076575ca2c7a0', 'inbound', '+13125550199', NULL, '+12125550100', 'ringing', 'agent', true, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', 'conv_d04719b74af24c0b9ddbe4507a68', '2026-11-27 08:44:40.597195+00', '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_d04719b74af24c0b9ddbe4507a68\"/></Stream></Connect></Response>", "conversation_id": "conv_d04719b74af24c0b9ddbe4507a68"}', 'first', '2026-11-27 08:44:40.59708+00', NULL, NULL, NULL, NULL, 1, '2026-11-27 08:44:40.592493+00', NULL, '2026-11-27 08:44:40.597195+00'),
	('00000000-0000-0000-0000-000000f0000f', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA00000000000000000000000000000005', 'outbound', '+13125550199', 'A', '+12125550100', 'no_answer', 'agent', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_60a56caddd984e89b50204770d7f\"/></Stream></Connect></Response>", "conversation_id": "conv_60a56caddd984e89b50204770d7f"}', 'after_failure', '2026-11-27 08:44:40.569353+00', NULL, NULL, 5, NULL, 1, '2026-11-27 08:44:40.56174+00', '2026-11-27 08:45:22+00', '2026-11-27 08:44:40.583367+00'),
	('01a21c2d-9b42-7c64-80ad-9a787c6d9e7b', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CAbe08ff4c6f5e4c24862c18d27e191895', 'inbound', 'anonymous', NULL, '+12125550100', 'no_answer', 'rejected', false, '{"rule": {"name": "Blocked", "action": {"kind": "reject"}, "version": 1}, "reason": "the rule \"Blocked\" applies: the caller shows no number; the call is rejected"}', NULL, NULL, '{"kind": "reject"}', 'first', '2026-11-27 08:44:40.643539+00', NULL, NULL, 0, NULL, 2, '2026-11-27 08:44:40.642197+00', '2026-11-27 08:44:40.642197+00', '2026-11-27 08:44:40.646919+00'),
	('01a21c2d-9b4b-77da-afd7-3c758985ecc2', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA7d322f1f86044052b6a03a1134865c58', 'inbound', '+13125550199', NULL, '+12125550100', 'completed', 'fallback', true, '{"rule": {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "version": 1}, "reason": "the rule \"Rest\" applies: it is for every call; another number rings first"}', NULL, NULL, '{"kind": "dial", "number": "+12125550142", "caller_id": null, "ring_seconds": 15, "if_unanswered": "agent"}', 'first', '2026-11-27 08:44:40.653791+00', NULL, NULL, 30, NULL, 2, '2026-11-27 08:44:40.651474+00', '2026-11-27 08:45:10+00', '2026-11-27 08:44:40.657774+00'),
	('00000000-0000-0000-0000-000000f0000a', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA00000000000000000000000000000000', 'inbound', '+13125550199', 'A', '+12125550100', 'busy', 'agent', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_60a56caddd984e89b50204770d7f\"/></Stream></Connect></Response>", "conversation_id": "conv_60a56caddd984e89b50204770d7f"}', 'after_dial', '2026-11-27 08:44:40.569353+00', NULL, NULL, 0, NULL, 1, '2026-11-27 08:44:40.56174+00', '2026-11-27 08:45:22+00', '2026-11-27 08:44:40.583367+00'),
	('00000000-0000-0000-0000-000000f0000b', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA00000000000000000000000000000001', 'outbound', '+13125550199', 'A', '+12125550100', 'canceled', 'busy', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_60a56caddd984e89b50204770d7f\"/></Stream></Connect></Response>", "conversation_id": "conv_60a56caddd984e89b50204770d7f"}', 'after_failure', '2026-11-27 08:44:40.569353+00', NULL, NULL, 1, NULL, 1, '2026-11-27 08:44:40.56174+00', '2026-11-27 08:45:22+00', '2026-11-27 08:44:40.583367+00'),
	('00000000-0000-0000-0000-000000f0000c', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA00000000000000000000000000000002', 'inbound', '+13125550199', 'A', '+12125550100', 'completed', 'fallback', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_60a56caddd984e89b50204770d7f\"/></Stream></Connect></Response>", "conversation_id": "conv_60a56caddd984e89b50204770d7f"}', 'after_forward', '2026-11-27 08:44:40.569353+00', NULL, NULL, 2, NULL, 1, '2026-11-27 08:44:40.56174+00', '2026-11-27 08:45:22+00', '2026-11-27 08:44:40.583367+00'),
	('00000000-0000-0000-0000-000000f0000d', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA00000000000000000000000000000003', 'outbound', '+13125550199', 'A', '+12125550100', 'failed', 'rejected', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_60a56caddd984e89b50204770d7f\"/></Stream></Connect></Response>", "conversation_id": "conv_60a56caddd984e89b50204770d7f"}', 'first', '2026-11-27 08:44:40.569353+00', NULL, NULL, 3, NULL, 1, '2026-11-27 08:44:40.56174+00', '2026-11-27 08:45:22+00', '2026-11-27 08:44:40.583367+00'),
	('00000000-0000-0000-0000-000000f0000e', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA00000000000000000000000000000004', 'inbound', '+13125550199', 'A', '+12125550100', 'in_progress', 'unavailable', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_60a56caddd984e89b50204770d7f\"/></Stream></Connect></Response>", "conversation_id": "conv_60a56caddd984e89b50204770d7f"}', 'after_dial', '2026-11-27 08:44:40.569353+00', NULL, NULL, 4, NULL, 1, '2026-11-27 08:44:40.56174+00', NULL, '2026-11-27 08:44:40.583367+00'),
	('00000000-0000-0000-0000-000000f00010', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', 'CA00000000000000000000000000000006', 'inbound', '+13125550199', 'A', '+12125550100', 'ringing', 'busy', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_60a56caddd984e89b50204770d7f\"/></Stream></Connect></Response>", "conversation_id": "conv_60a56caddd984e89b50204770d7f"}', 'after_forward', '2026-11-27 08:44:40.569353+00', NULL, NULL, 6, NULL, 1, '2026-11-27 08:44:40.56174+00', NULL, '2026-11-27 08:44:40.583367+00');

INSERT INTO public.operations VALUES
	('01a21c2d-9ac2-779d-9d34-a2c5de1da0ad', '00000000-0000-0000-0000-000000000001', 'create_agent', 'succeeded', 'done', 1, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, NULL, NULL, '01a21c2d99697bd5b8ac57853d8a63a7', '2026-11-27 08:44:40.54484+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', '2026-11-27 08:44:40.54484+00'),
	('01a21c2d-9b72-79b6-94a6-6731fa23a9ea', '00000000-0000-0000-0000-000000000001', 'provision_number', 'succeeded', 'done', 1, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9b7a-7175-98ff-c35eacc79664', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "305", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+13055550101", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0101", "needs_address": false}, {"kind": "local", "number": "+13055550102", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0102", "needs_address": false}, {"kind": "local", "number": "+13055550103", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0103", "needs_address": false}, {"kind": "local", "number": "+13055550104", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0104", "needs_address": false}, {"kind": "local", "number": "+13055550105", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0105", "needs_address": false}, {"kind": "local", "number": "+13055550106", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0106", "needs_address": false}, {"kind": "local", "number": "+13055550107", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0107", "needs_address": false}, {"kind": "local", "number": "+13055550108", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0108", "needs_address": false}, {"kind": "local", "number": "+13055550109", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0109", "needs_address": false}, {"kind": "local", "number": "+13055550110", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0110", "needs_address": false}, {"kind": "local", "number": "+13055550111", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0111", "needs_address": false}, {"kind": "local", "number": "+13055550112", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0112", "needs_address": false}, {"kind": "local", "number": "+13055550113", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0113", "needs_address": false}, {"kind": "local", "number": "+13055550114", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0114", "needs_address": false}, {"kind": "local", "number": "+13055550115", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0115", "needs_address": false}, {"kind": "local", "number": "+13055550116", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0116", "needs_address": false}, {"kind": "local", "number": "+13055550117", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0117", "needs_address": false}, {"kind": "local", "number": "+13055550118", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0118", "needs_address": false}, {"kind": "local", "number": "+13055550119", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:44:34.998595113Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.998595113Z"}}', NULL, NULL, NULL, '01a21c2d9b6f7f0bbcfbe35343fa217f', '2026-11-27 08:44:40.7084+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.690769+00', '2026-11-27 08:44:40.7084+00', '2026-11-27 08:44:40.7084+00'),
	('01a21c2d-9b93-786a-854a-d70635c1f770', '00000000-0000-0000-0000-000000000001', 'provision_number', 'failed', 'search_numbers', 1, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', NULL, '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "909", "any_in_country": false}, "refused": null, "searches": 0, "elsewhere": false, "regulated": 0, "voice_url": null, "candidates": [], "offered_at": null}}', '{"code": "NO_AVAILABLE_NUMBERS", "field": ["input", "areaCode"], "message": "no numbers can be had in area code 909: choose another one, or set ifUnavailable to ANY_IN_COUNTRY", "suggested_area_codes": ["212", "646"]}', NULL, NULL, '01a21c2d9b9174c79cf15eb1953dc770', '2026-11-27 08:44:40.728365+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.723365+00', '2026-11-27 08:44:40.728365+00', '2026-11-27 08:44:40.728365+00'),
	('01a21c2d-9b9f-712a-aafd-4ee28bf9f8c6', '00000000-0000-0000-0000-000000000001', 'create_agent', 'succeeded', 'done', 1, '01a21c2d-9b9f-7031-8765-3eb2a2e645ce', NULL, '{"purchase": null}', NULL, NULL, NULL, '01a21c2d9b9c72c688b4ff5744f7e576', '2026-11-27 08:44:40.741813+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.735824+00', '2026-11-27 08:44:40.741813+00', '2026-11-27 08:44:40.741813+00'),
	('01a21c2d-9bb2-7be1-9e8f-481b46b60c17', '00000000-0000-0000-0000-000000000001', 'create_agent', 'succeeded', 'done', 1, '01a21c2d-9bb2-7c7d-841a-bf97edee70e4', NULL, '{"purchase": null}', NULL, NULL, NULL, '01a21c2d9bb07ed2b3b43a3a607a88e3', '2026-11-27 08:44:40.761399+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.754964+00', '2026-11-27 08:44:40.761399+00', '2026-11-27 08:44:40.761399+00'),
	('01a21c2d-9bc2-7f8f-8ac4-811930b984c1', '00000000-0000-0000-0000-000000000001', 'delete_agent', 'succeeded', 'done', 1, '01a21c2d-9bb2-7c7d-841a-bf97edee70e4', NULL, '{"was": "active", "why": null, "kept": []}', NULL, NULL, NULL, '01a21c2d9bbf736c9ac3136aac53cfca', '2026-11-27 08:44:40.77753+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.770974+00', '2026-11-27 08:44:40.77753+00', '2026-11-27 08:44:40.77753+00'),
	('01a21c2d-9b8d-795b-ad24-f25e9de1c4b4', '00000000-0000-0000-0000-000000000001', 'release_number', 'pending', 'release_number', 0, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9b7a-7175-98ff-c35eacc79664', '{"was": "active"}', NULL, NULL, NULL, '01a21c2d9b8a7560a3c471c45da8af69', '2999-01-01 00:00:00+00', NULL, NULL, 0, NULL, NULL, '2026-11-27 08:44:40.717129+00', '2026-11-27 08:44:40.717129+00', NULL),
	('00000000-0000-0000-0000-000000f00011', '00000000-0000-0000-0000-000000000001', 'check_number', 'failed', 'buy_number', 0, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-0', '0000000000000000000000000000000000000000000000000000000000000000', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', '2026-11-27 08:44:40.54484+00'),
	('00000000-0000-0000-0000-000000f00012', '00000000-0000-0000-0000-000000000001', 'create_agent', 'pending', 'check_number', 1, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-1', '0000000000000000000000000000000000000000000000000000000000000001', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', NULL),
	('00000000-0000-0000-0000-000000f00013', '00000000-0000-0000-0000-000000000001', 'delete_agent', 'running', 'claim_number', 2, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-2', '0000000000000000000000000000000000000000000000000000000000000002', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', NULL),
	('00000000-0000-0000-0000-000000f00014', '00000000-0000-0000-0000-000000000001', 'provision_number', 'succeeded', 'create_voice_agent', 3, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-3', '0000000000000000000000000000000000000000000000000000000000000003', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', '2026-11-27 08:44:40.54484+00'),
	('00000000-0000-0000-0000-000000f00015', '00000000-0000-0000-0000-000000000001', 'release_number', 'failed', 'delete_voice_agent', 4, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-4', '0000000000000000000000000000000000000000000000000000000000000004', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', '2026-11-27 08:44:40.54484+00'),
	('00000000-0000-0000-0000-000000f00016', '00000000-0000-0000-0000-000000000001', 'repair_number', 'pending', 'done', 5, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-5', '0000000000000000000000000000000000000000000000000000000000000005', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', NULL),
	('00000000-0000-0000-0000-000000f00017', '00000000-0000-0000-0000-000000000001', 'restore_voice_agent', 'running', 'release_number', 6, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-6', '0000000000000000000000000000000000000000000000000000000000000006', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', NULL),
	('00000000-0000-0000-0000-000000f00018', '00000000-0000-0000-0000-000000000001', 'check_number', 'succeeded', 'repair_number', 7, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-7', '0000000000000000000000000000000000000000000000000000000000000007', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', '2026-11-27 08:44:40.54484+00'),
	('00000000-0000-0000-0000-000000f00019', '00000000-0000-0000-0000-000000000001', 'create_agent', 'failed', 'search_numbers', 8, '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:40615/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:44:34.996834999Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:44:34.996834999Z"}}', NULL, 'key-8', '0000000000000000000000000000000000000000000000000000000000000008', '01a21c2d99697bd5b8ac57853d8a63a7', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:44:40.51412+00', '2026-11-27 08:44:40.54484+00', '2026-11-27 08:44:40.54484+00');

INSERT INTO public.phone_numbers VALUES
	('01a21c2d-9ad2-7c86-ab5a-1f42c0773597', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ac2-779d-9d34-a2c5de1da0ad', '+12125550100', '(212) 555-0100', 'PNf0b0d43501fa41e8af20e3da22ab9e9f', 'twilio', 'local', 'active', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 1, '2026-11-27 08:44:40.530589+00', '2026-11-27 08:44:40.54484+00', NULL, 771),
	('01a21c2d-9b7a-7175-98ff-c35eacc79664', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9b72-79b6-94a6-6731fa23a9ea', '+13055550100', '(305) 555-0100', 'PNe07d020533244128a800818933e6b1a3', 'twilio', 'local', 'releasing', true, true, true, 'US', 'Miami', 'FL', 1.1500, '[]', 0, '2026-11-27 08:44:40.698778+00', '2026-11-27 08:44:40.7084+00', NULL, 786),
	('00000000-0000-0000-0000-000000f00005', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ac2-779d-9d34-a2c5de1da0ad', '+14155557000', '(212) 555-0100', 'PN00000000000000000000000000007000', 'elevenlabs', 'local', 'active', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:44:40.530589+00', '2026-11-27 08:44:40.54484+00', NULL, 808),
	('00000000-0000-0000-0000-000000f00006', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ac2-779d-9d34-a2c5de1da0ad', '+14155557001', '(212) 555-0100', 'PN00000000000000000000000000007001', 'twilio', 'mobile', 'inactive', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:44:40.530589+00', '2026-11-27 08:44:40.54484+00', NULL, 809),
	('00000000-0000-0000-0000-000000f00007', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ac2-779d-9d34-a2c5de1da0ad', '+14155557002', '(212) 555-0100', 'PN00000000000000000000000000007002', 'elevenlabs', 'toll_free', 'pending', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:44:40.530589+00', '2026-11-27 08:44:40.54484+00', NULL, 810),
	('00000000-0000-0000-0000-000000f00008', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ac2-779d-9d34-a2c5de1da0ad', '+14155557003', '(212) 555-0100', 'PN00000000000000000000000000007003', 'twilio', 'local', 'released', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:44:40.530589+00', '2026-11-27 08:44:40.54484+00', '2026-11-27 08:44:40.54484+00', 811),
	('00000000-0000-0000-0000-000000f00009', '00000000-0000-0000-0000-000000000001', '01a21c2d-9abe-77f3-a70e-3bd9e10590c8', '01a21c2d-9ac2-779d-9d34-a2c5de1da0ad', '+14155557004', '(212) 555-0100', 'PN00000000000000000000000000007004', 'elevenlabs', 'mobile', 'releasing', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:44:40.530589+00', '2026-11-27 08:44:40.54484+00', NULL, 812);

INSERT INTO public.rate_buckets VALUES
	('a tenant', '2999-01-01 00:00:00+00');

INSERT INTO public.reconciliations VALUES
	('01a21c2d-9c1d-75c1-98f9-24c2f34f0d73', '01a21c2d-9c1d-7c81-9d93-cca1a5725d5c', '2026-11-27 08:45:40.861711+00', '2026-11-27 08:44:40.861711+00', '2026-11-27 08:44:40.879563+00', '{"numbers": 2, "incomplete": null, "started_at": "2026-11-27T08:44:40.861711Z", "differences": [], "finished_at": "2026-11-27T08:44:40.879522Z", "voice_agents": 2}');

INSERT INTO public.seaql_migrations VALUES
	('m20261127_000001_roles', 1795769079),
	('m20261127_000002_tenants', 1795769079),
	('m20261127_000003_agents', 1795769079),
	('m20261127_000004_operations', 1795769079),
	('m20261127_000005_phone_numbers', 1795769079),
	('m20261127_000006_calls', 1795769079),
	('m20261127_000007_audit_events', 1795769079),
	('m20261127_000008_reconciliations', 1795769079),
	('m20261127_000009_voice_events', 1795769079),
	('m20261127_000010_call_totals', 1795769079),
	('m20261127_000011_rate_buckets', 1795769079);

INSERT INTO public.tenants VALUES
	('00000000-0000-0000-0000-000000000001', 'Clinic', 12, 30, 'DE,US', false, '2026-11-27 08:44:40.170956+00');

INSERT INTO public.voice_events VALUES
	('01a21c2d-9b01-799a-8a66-b63c90608f2c', '00000000-0000-0000-0000-000000000001', '01a21c2d-9af1-711f-a527-a52cfb975a11', 'post_call_transcription', 'conv_60a56caddd984e89b50204770d7f', 'CA7860517d29294badbc4d9a70103faba1', NULL, 42, '[{"text": "Hello, how can I help?", "by_agent": true, "at_seconds": 0}, {"text": "Are you open today?", "by_agent": false, "at_seconds": 3}]', '2026-11-27 08:44:40+00', '2026-11-27 08:44:40.57739+00', NULL),
	('01a21c2d-9b0c-72e5-affb-e676903e1961', '00000000-0000-0000-0000-000000000001', '01a21c2d-9b06-79da-97e0-8c777f23b6a8', 'call_initiation_failure', 'conv_302a647f8e01420ca4582f8902b6', 'CA0fbc519bca90415ab8b3ed8d5bc9f248', 'busy', NULL, NULL, '2026-11-27 08:44:40.588495+00', '2026-11-27 08:44:40.588524+00', NULL);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_voice_agent_id_key UNIQUE (voice_agent_id);

ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.call_totals
    ADD CONSTRAINT call_totals_pkey PRIMARY KEY (tenant_id, day, phone_number_id, agent_id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_sid_key UNIQUE (sid);

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.phone_numbers
    ADD CONSTRAINT phone_numbers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rate_buckets
    ADD CONSTRAINT rate_buckets_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.seaql_migrations
    ADD CONSTRAINT seaql_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.voice_events
    ADD CONSTRAINT voice_events_pkey PRIMARY KEY (id);

CREATE INDEX agents_changed ON public.agents USING btree (changed, id);

CREATE UNIQUE INDEX agents_of_tenant ON public.agents USING btree (tenant_id, id);

CREATE INDEX agents_page ON public.agents USING btree (tenant_id, created_at, id);

CREATE INDEX agents_unsynced ON public.agents USING btree (updated_at) WHERE ((revision > synced_revision) AND (revision > refused_revision));

CREATE UNIQUE INDEX audit_events_of_tenant ON public.audit_events USING btree (tenant_id, id);

CREATE INDEX audit_events_page ON public.audit_events USING btree (tenant_id, at, id);

CREATE INDEX calls_by_conversation ON public.calls USING btree (conversation_id) WHERE (conversation_id IS NOT NULL);

CREATE INDEX calls_by_end ON public.calls USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX calls_live ON public.calls USING btree (tenant_id, started_at, id) WHERE (status = ANY (ARRAY['ringing'::text, 'in_progress'::text]));

CREATE INDEX calls_of_agent ON public.calls USING btree (agent_id, started_at, id);

CREATE INDEX calls_of_phone_number ON public.calls USING btree (phone_number_id, started_at, id);

CREATE UNIQUE INDEX calls_of_tenant ON public.calls USING btree (tenant_id, id);

CREATE INDEX calls_page ON public.calls USING btree (tenant_id, started_at, id);

CREATE INDEX calls_unsuccessful ON public.calls USING btree (tenant_id, status, started_at, id) WHERE ((status = 'busy'::text) OR (status = 'failed'::text) OR (status = 'no_answer'::text) OR (status = 'canceled'::text));

CREATE INDEX calls_untold ON public.calls USING btree (conversation_due_at) WHERE (conversation_due_at IS NOT NULL);

CREATE INDEX operations_by_event ON public.operations USING btree (awaited_event) WHERE (awaited_event IS NOT NULL);

CREATE INDEX operations_due ON public.operations USING btree (run_after) WHERE (state = ANY (ARRAY['pending'::text, 'running'::text]));

CREATE UNIQUE INDEX operations_idempotency ON public.operations USING btree (tenant_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX operations_of_agent ON public.operations USING btree (agent_id);

CREATE UNIQUE INDEX operations_of_tenant ON public.operations USING btree (tenant_id, id);

CREATE INDEX operations_page ON public.operations USING btree (tenant_id, created_at, id);

CREATE INDEX phone_numbers_by_country ON public.phone_numbers USING btree (country);

CREATE INDEX phone_numbers_by_time ON public.phone_numbers USING btree (created_at);

CREATE INDEX phone_numbers_changed ON public.phone_numbers USING btree (changed, id);

CREATE UNIQUE INDEX phone_numbers_live ON public.phone_numbers USING btree (number) WHERE (status <> 'released'::text);

CREATE INDEX phone_numbers_of_agent ON public.phone_numbers USING btree (agent_id, created_at, id);

CREATE UNIQUE INDEX phone_numbers_of_tenant ON public.phone_numbers USING btree (tenant_id, id);

CREATE INDEX phone_numbers_page ON public.phone_numbers USING btree (tenant_id, created_at, id);

CREATE INDEX rate_buckets_by_time ON public.rate_buckets USING btree (full_at);

CREATE INDEX reconciliations_by_time ON public.reconciliations USING btree (started_at);

CREATE INDEX tenants_dialing ON public.tenants USING btree (id) WHERE ((dial_countries IS NOT NULL) OR (dial_premium IS NOT NULL));

CREATE INDEX voice_events_by_time ON public.voice_events USING btree (accepted_at);

CREATE INDEX voice_events_due ON public.voice_events USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX voice_events_of_call ON public.voice_events USING btree (tenant_id, call_id);

CREATE UNIQUE INDEX voice_events_once ON public.voice_events USING btree (kind, conversation_id);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_events FOR EACH STATEMENT EXECUTE FUNCTION public.audit_events_append_only();

CREATE TRIGGER mark BEFORE INSERT OR UPDATE ON public.agents FOR EACH ROW EXECUTE FUNCTION public.mark_change();

CREATE TRIGGER mark BEFORE INSERT OR UPDATE ON public.phone_numbers FOR EACH ROW EXECUTE FUNCTION public.mark_change();

CREATE TRIGGER stay_in_total BEFORE UPDATE OF tenant_id, phone_number_id, agent_id, started_at ON public.calls FOR EACH STATEMENT EXECUTE FUNCTION public.calls_stay_in_their_total();

CREATE TRIGGER tell AFTER UPDATE OF voice_agent_id, language, fallback_number, status, token_hash ON public.agents FOR EACH ROW WHEN ((((((old.voice_agent_id IS DISTINCT FROM new.voice_agent_id) OR (old.language IS DISTINCT FROM new.language)) OR (old.fallback_number IS DISTINCT FROM new.fallback_number)) OR (old.status IS DISTINCT FROM new.status)) OR (old.token_hash IS DISTINCT FROM new.token_hash))) EXECUTE FUNCTION public.tell_of_agent();

CREATE TRIGGER tell AFTER INSERT OR UPDATE OF state, step, attempts, phone_number_id, data, error ON public.operations FOR EACH ROW EXECUTE FUNCTION public.tell_of_operation();

CREATE TRIGGER tell AFTER UPDATE OF status, routing_version ON public.phone_numbers FOR EACH ROW EXECUTE FUNCTION public.tell_of_number();

CREATE TRIGGER total_deleted AFTER DELETE ON public.calls REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION public.total_deleted_calls();

CREATE TRIGGER total_inserted AFTER INSERT ON public.calls REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION public.total_inserted_calls();

CREATE TRIGGER total_updated AFTER UPDATE ON public.calls REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION public.total_updated_calls();

ALTER TABLE ONLY public.agents
    ADD CONSTRAINT agents_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);

ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);

ALTER TABLE ONLY public.call_totals
    ADD CONSTRAINT call_totals_agent FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);

ALTER TABLE ONLY public.call_totals
    ADD CONSTRAINT call_totals_phone_number FOREIGN KEY (tenant_id, phone_number_id) REFERENCES public.phone_numbers(tenant_id, id);

ALTER TABLE ONLY public.call_totals
    ADD CONSTRAINT call_totals_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_agent FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_phone_number FOREIGN KEY (tenant_id, phone_number_id) REFERENCES public.phone_numbers(tenant_id, id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_agent FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_phone_number FOREIGN KEY (tenant_id, phone_number_id) REFERENCES public.phone_numbers(tenant_id, id);

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);

ALTER TABLE ONLY public.phone_numbers
    ADD CONSTRAINT phone_numbers_agent FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agents(tenant_id, id);

ALTER TABLE ONLY public.phone_numbers
    ADD CONSTRAINT phone_numbers_operation FOREIGN KEY (tenant_id, operation_id) REFERENCES public.operations(tenant_id, id);

ALTER TABLE ONLY public.phone_numbers
    ADD CONSTRAINT phone_numbers_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);

ALTER TABLE ONLY public.voice_events
    ADD CONSTRAINT voice_events_call FOREIGN KEY (tenant_id, call_id) REFERENCES public.calls(tenant_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.voice_events
    ADD CONSTRAINT voice_events_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenants(id);

ALTER TABLE public.agents ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.call_totals ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.calls ENABLE ROW LEVEL SECURITY;

CREATE POLICY migrations_read ON public.seaql_migrations FOR SELECT TO switchboard_system USING (true);

ALTER TABLE public.operations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.phone_numbers ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.rate_buckets ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.reconciliations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.seaql_migrations ENABLE ROW LEVEL SECURITY;

CREATE POLICY system_all ON public.agents TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.audit_events TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.call_totals TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.calls TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.operations TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.phone_numbers TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.rate_buckets TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.reconciliations TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.tenants TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY system_all ON public.voice_events TO switchboard_system USING ((CURRENT_USER = 'switchboard_system'::name)) WITH CHECK ((CURRENT_USER = 'switchboard_system'::name));

CREATE POLICY take_back ON public.operations AS RESTRICTIVE FOR UPDATE TO switchboard_tenant USING (((kind = 'release_number'::text) AND (state = 'pending'::text))) WITH CHECK ((state = 'failed'::text));

CREATE POLICY tenant_isolation ON public.agents TO switchboard_tenant USING ((tenant_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((tenant_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY tenant_isolation ON public.audit_events TO switchboard_tenant USING ((tenant_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((tenant_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY tenant_isolation ON public.call_totals TO switchboard_tenant USING ((tenant_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((tenant_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY tenant_isolation ON public.calls TO switchboard_tenant USING ((tenant_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((tenant_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY tenant_isolation ON public.operations TO switchboard_tenant USING ((tenant_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((tenant_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY tenant_isolation ON public.phone_numbers TO switchboard_tenant USING ((tenant_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((tenant_id = ( SELECT auth.uid() AS uid)));

CREATE POLICY tenant_isolation ON public.tenants TO switchboard_tenant USING ((id = ( SELECT auth.uid() AS uid))) WITH CHECK ((id = ( SELECT auth.uid() AS uid)));

CREATE POLICY tenant_isolation ON public.voice_events TO switchboard_tenant USING ((tenant_id = ( SELECT auth.uid() AS uid))) WITH CHECK ((tenant_id = ( SELECT auth.uid() AS uid)));

ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.voice_events ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA public TO switchboard_tenant;
GRANT USAGE ON SCHEMA public TO switchboard_system;

REVOKE ALL ON FUNCTION public.billed_minutes(status text, duration_seconds integer, conversation_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.billed_minutes(status text, duration_seconds integer, conversation_seconds integer) TO switchboard_system;

REVOKE ALL ON FUNCTION public.calls_with_slot(of_tenants uuid[], sids text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.calls_with_slot(of_tenants uuid[], sids text[]) TO switchboard_system;

REVOKE ALL ON FUNCTION public.record_answers(told json) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_answers(told json) TO switchboard_system;

REVOKE ALL ON FUNCTION public.record_reports(told json) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_reports(told json) TO switchboard_system;

REVOKE ALL ON FUNCTION public.take_requests(bucket text, wanted integer, per_minute integer, asked_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_requests(bucket text, wanted integer, per_minute integer, asked_at timestamp with time zone) TO switchboard_system;

GRANT SELECT,INSERT ON TABLE public.agents TO switchboard_tenant;
GRANT SELECT,INSERT,UPDATE ON TABLE public.agents TO switchboard_system;

GRANT UPDATE(name) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(language) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(first_message) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(prompt) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(voice_id) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(fallback_number) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(status) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(token_hash) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(token_preview) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(revision) ON TABLE public.agents TO switchboard_tenant;

GRANT UPDATE(updated_at) ON TABLE public.agents TO switchboard_tenant;

GRANT SELECT,INSERT ON TABLE public.audit_events TO switchboard_tenant;
GRANT SELECT,INSERT ON TABLE public.audit_events TO switchboard_system;

GRANT SELECT ON TABLE public.call_totals TO switchboard_tenant;
GRANT SELECT,INSERT,UPDATE ON TABLE public.call_totals TO switchboard_system;

GRANT SELECT ON TABLE public.calls TO switchboard_tenant;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.calls TO switchboard_system;

GRANT SELECT,INSERT ON TABLE public.operations TO switchboard_tenant;
GRANT SELECT,INSERT,UPDATE ON TABLE public.operations TO switchboard_system;

GRANT UPDATE(state) ON TABLE public.operations TO switchboard_tenant;

GRANT UPDATE(error) ON TABLE public.operations TO switchboard_tenant;

GRANT UPDATE(updated_at) ON TABLE public.operations TO switchboard_tenant;

GRANT UPDATE(finished_at) ON TABLE public.operations TO switchboard_tenant;

GRANT SELECT ON TABLE public.phone_numbers TO switchboard_tenant;
GRANT SELECT,INSERT,UPDATE ON TABLE public.phone_numbers TO switchboard_system;

GRANT UPDATE(status) ON TABLE public.phone_numbers TO switchboard_tenant;

GRANT UPDATE(routing_rules) ON TABLE public.phone_numbers TO switchboard_tenant;

GRANT UPDATE(routing_version) ON TABLE public.phone_numbers TO switchboard_tenant;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.rate_buckets TO switchboard_system;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.reconciliations TO switchboard_system;

GRANT SELECT ON TABLE public.seaql_migrations TO switchboard_system;

GRANT SELECT ON TABLE public.tenants TO switchboard_tenant;
GRANT SELECT,INSERT,UPDATE ON TABLE public.tenants TO switchboard_system;

GRANT SELECT ON TABLE public.voice_events TO switchboard_tenant;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.voice_events TO switchboard_system;

