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
	('01a21c34-931d-7a9d-94a6-c4b49e33b974', '00000000-0000-0000-0000-000000000001', 'agent_330a01b4783848d1b4ca92936db5', 'Dr. Smith''s Office Assistant', 'de', 'Hello!', 'Be brief.', NULL, '+12125550142', 'active', '651748e3fb690caf813b1f37305b10ce1b8daab20db39e4c4240ae63d76bdd81', 'vami_agent_Jqgy…', 1, 1, 0, NULL, 0, NULL, NULL, 0, '2026-11-27 08:52:17.309298+00', '2026-11-27 08:52:17.327324+00', 750),
	('01a21c34-940e-7c6a-9a49-268336b72dc9', '00000000-0000-0000-0000-000000000001', 'agent_dfa7f108ee694412b20d153d6b8c', 'Inactive', 'en', NULL, NULL, NULL, NULL, 'inactive', '031be6765cec546613e0b0b7584b1b44c7a4a1d39ad8e2c6bd25fdf6687077aa', 'vami_agent_Rq48…', 1, 1, 0, NULL, 0, NULL, NULL, 0, '2026-11-27 08:52:17.550498+00', '2026-11-27 08:52:17.567358+00', 793),
	('01a21c34-9423-76d3-ba49-5bd3badeb995', '00000000-0000-0000-0000-000000000001', 'agent_53bb786e905c49cfb3305974ec2a', 'Deleted', 'en', NULL, NULL, NULL, NULL, 'deleted', '363d39b347f51bdfc256a393cc62546ceccb38e0957fc428a7484d35b566c2e4', 'vami_agent_g8XL…', 1, 1, 0, NULL, 0, NULL, NULL, 0, '2026-11-27 08:52:17.571882+00', '2026-11-27 08:52:17.598553+00', 800),
	('00000000-0000-0000-0000-000000f00001', '00000000-0000-0000-0000-000000000001', NULL, 'Copy 0', 'en', NULL, NULL, NULL, NULL, 'active', '0000000000000000000000000000000000000000000000000000000000000000', 'vami_agent_Rq48…', 2, 1, 2, '{"code": "VOICE_PROVIDER_REJECTED", "message": "The voice is unknown."}', 0, NULL, NULL, 0, '2026-11-27 08:52:17.550498+00', '2026-11-27 08:52:17.567358+00', 804),
	('00000000-0000-0000-0000-000000f00002', '00000000-0000-0000-0000-000000000001', NULL, 'Copy 1', 'en', NULL, NULL, NULL, NULL, 'deleted', '0000000000000000000000000000000000000000000000000000000000000001', 'vami_agent_Rq48…', 2, 1, 2, '{"code": "VOICE_PROVIDER_REJECTED", "message": "The voice is unknown."}', 0, NULL, NULL, 0, '2026-11-27 08:52:17.550498+00', '2026-11-27 08:52:17.567358+00', 805),
	('00000000-0000-0000-0000-000000f00003', '00000000-0000-0000-0000-000000000001', NULL, 'Copy 2', 'en', NULL, NULL, NULL, NULL, 'inactive', '0000000000000000000000000000000000000000000000000000000000000002', 'vami_agent_Rq48…', 2, 1, 2, '{"code": "VOICE_PROVIDER_REJECTED", "message": "The voice is unknown."}', 0, NULL, NULL, 0, '2026-11-27 08:52:17.550498+00', '2026-11-27 08:52:17.567358+00', 806),
	('00000000-0000-0000-0000-000000f00004', '00000000-0000-0000-0000-000000000001', NULL, 'Copy 3', 'en', NULL, NULL, NULL, NULL, 'pending', '0000000000000000000000000000000000000000000000000000000000000003', 'vami_agent_Rq48…', 2, 1, 2, '{"code": "VOICE_PROVIDER_REJECTED", "message": "The voice is unknown."}', 0, NULL, NULL, 0, '2026-11-27 08:52:17.550498+00', '2026-11-27 08:52:17.567358+00', 807);

INSERT INTO public.audit_events VALUES
	('01a21c34-9322-738b-b517-70b3935d824f', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'createAgent', 'agent_01a21c34931d7a9d94a6c4b49e33b974', 'accepted', '01a21c3491c27dd1a9273f29d74cda8f', '2026-11-27 08:52:17.314988+00'),
	('01a21c34-9346-7417-8cc1-cf98903c4abc', '00000000-0000-0000-0000-000000000001', 'system', 'createAgent', 'operation_01a21c3493207cfaa710a2ed58faa330', 'succeeded', '01a21c3491c27dd1a9273f29d74cda8f', '2026-11-27 08:52:17.350918+00'),
	('01a21c34-9352-74ce-ae00-532beefc72bd', '00000000-0000-0000-0000-000000000001', 'operator:00000000-0000-0000-0000-00000000ffff', 'setTenantPlan', 'tenant_00000000000000000000000000000001', 'succeeded', '01a21c3493507d7f9b8eaf565e081678', '2026-11-27 08:52:17.362337+00'),
	('01a21c34-93a4-7d8e-a6e6-e3e69fc9f1a9', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'setRoutingRules', 'number_01a21c3493337b72a6ee7ff20ea4ab0b', 'succeeded', '01a21c3493987656812bd56edd7f1177', '2026-11-27 08:52:17.444581+00'),
	('01a21c34-93db-795a-96bd-d6173b099789', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'provisionPhoneNumber', 'agent_01a21c34931d7a9d94a6c4b49e33b974', 'accepted', '01a21c3493d57e59a4900d7b09c66f76', '2026-11-27 08:52:17.499464+00'),
	('01a21c34-93f2-73ae-8f2a-44e839a8fd42', '00000000-0000-0000-0000-000000000001', 'system', 'provisionPhoneNumber', 'operation_01a21c3493d973939d845624c676e4ad', 'succeeded', '01a21c3493d57e59a4900d7b09c66f76', '2026-11-27 08:52:17.522413+00'),
	('01a21c34-93fd-78e8-a170-1624bdbf0d8a', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'releasePhoneNumber', 'number_01a21c3493e373bbbc396bc24d431042', 'accepted', '01a21c3493f97ee1b6000bf8712efc8d', '2026-11-27 08:52:17.533206+00'),
	('01a21c34-9403-75df-9348-f6314844f5a4', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'provisionPhoneNumber', 'agent_01a21c34931d7a9d94a6c4b49e33b974', 'accepted', '01a21c3494007d2fae8ebc7cb316d14e', '2026-11-27 08:52:17.539605+00'),
	('01a21c34-9408-782b-b063-5df0fff2ad0d', '00000000-0000-0000-0000-000000000001', 'system', 'provisionPhoneNumber', 'operation_01a21c34940275d1a7dfe5b880856803', 'failed: NO_AVAILABLE_NUMBERS', '01a21c3494007d2fae8ebc7cb316d14e', '2026-11-27 08:52:17.544794+00'),
	('01a21c34-9410-7635-b0e1-5c3e3ff246d8', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'createAgent', 'agent_01a21c34940e7c6a9a49268336b72dc9', 'accepted', '01a21c34940b7ced9c72b5b4583d97ab', '2026-11-27 08:52:17.552582+00'),
	('01a21c34-9417-7094-90e0-6a895e75f745', '00000000-0000-0000-0000-000000000001', 'system', 'createAgent', 'operation_01a21c34940f7c428538538d6a8692e3', 'succeeded', '01a21c34940b7ced9c72b5b4583d97ab', '2026-11-27 08:52:17.559652+00'),
	('01a21c34-9420-7e60-b96c-692230fe3eee', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'updateAgent', 'agent_01a21c34940e7c6a9a49268336b72dc9', 'succeeded', '01a21c34941d73a280943db56caca8f7', '2026-11-27 08:52:17.568325+00'),
	('01a21c34-9425-7c45-a7a4-d611e0ce48a1', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'createAgent', 'agent_01a21c34942376d3ba495bd3badeb995', 'accepted', '01a21c349421700b8b6c1dcdd2f31618', '2026-11-27 08:52:17.57357+00'),
	('01a21c34-942d-7eb3-aa29-be9fbd2e175e', '00000000-0000-0000-0000-000000000001', 'system', 'createAgent', 'operation_01a21c3494247d988fecfc4dd54b16e7', 'succeeded', '01a21c349421700b8b6c1dcdd2f31618', '2026-11-27 08:52:17.581883+00'),
	('01a21c34-9439-717f-9432-e2c4c42dab65', '00000000-0000-0000-0000-000000000001', 'tenant:00000000-0000-0000-0000-000000000001', 'deleteAgent', 'agent_01a21c34942376d3ba495bd3badeb995', 'accepted', '01a21c3494347d5c88b966f0c7b65bbb', '2026-11-27 08:52:17.59302+00'),
	('01a21c34-943f-7d4d-a0be-539f0c0049ef', '00000000-0000-0000-0000-000000000001', 'system', 'deleteAgent', 'operation_01a21c34943876f188df6f5c27d6c2a3', 'succeeded', '01a21c3494347d5c88b966f0c7b65bbb', '2026-11-27 08:52:17.59987+00');

INSERT INTO public.call_totals VALUES
	('00000000-0000-0000-0000-000000000001', '2026-11-27', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '01a21c34-931d-7a9d-94a6-c4b49e33b974', 12, 3, 12);

INSERT INTO public.calls VALUES
	('01a21c34-9357-7f20-8863-e8a1025844d9', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA78a7f58c07ff429198090a6721d22e30', 'inbound', '+13125550199', NULL, '+12125550100', 'completed', 'agent', true, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', 'conv_e66d2bf52e52495e9ca22e096b89', NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_e66d2bf52e52495e9ca22e096b89\"/></Stream></Connect></Response>", "conversation_id": "conv_e66d2bf52e52495e9ca22e096b89"}', 'first', '2026-11-27 08:52:17.374841+00', NULL, NULL, 42, 42, 3, '2026-11-27 08:52:17.367139+00', '2026-11-27 08:52:59+00', '2026-11-27 08:52:17.391892+00'),
	('01a21c34-936d-7890-a2f7-603e6f161e6e', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CAada54675fb4c4cdfb4bdeafeac71532b', 'inbound', '+13125550199', NULL, '+12125550100', 'busy', 'agent', true, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', 'conv_a9da42660cdf465abb0cf2e880f5', NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_a9da42660cdf465abb0cf2e880f5\"/></Stream></Connect></Response>", "conversation_id": "conv_a9da42660cdf465abb0cf2e880f5"}', 'first', '2026-11-27 08:52:17.395708+00', NULL, NULL, NULL, NULL, 2, '2026-11-27 08:52:17.389709+00', '2026-11-27 08:52:17.399543+00', '2026-11-27 08:52:17.401229+00'),
	('01a21c34-937a-7ffa-ab69-40497b775e30', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CAf6716c83fd054d22acbd2b1309942a2b', 'inbound', '+13125550199', NULL, '+12125550100', 'ringing', 'agent', true, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', 'conv_200821c9034245c7be2d2052c907', '2026-11-27 08:52:17.406583+00', '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_200821c9034245c7be2d2052c907\"/></Stream></Connect></Response>", "conversation_id": "conv_200821c9034245c7be2d2052c907"}', 'first', '2026-11-27 08:52:17.406464+00', NULL, NULL, NULL, NULL, 1, '2026-11-27 08:52:17.402984+00', NULL, '2026-11-27 08:52:17.406583+00'),
	('00000000-0000-0000-0000-000000f0000f', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA00000000000000000000000000000005', 'outbound', '+13125550199', 'A', '+12125550100', 'no_answer', 'agent', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_e66d2bf52e52495e9ca22e096b89\"/></Stream></Connect></Response>", "conversation_id": "conv_e66d2bf52e52495e9ca22e096b89"}', 'after_failure', '2026-11-27 08:52:17.374841+00', NULL, NULL, 5, NULL, 1, '2026-11-27 08:52:17.367139+00', '2026-11-27 08:52:59+00', '2026-11-27 08:52:17.391892+00'),
	('01a21c34-93ab-7d50-b225-797feeeeb8f2', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA92274dba9a44416e8498d983e73d445d', 'inbound', 'anonymous', NULL, '+12125550100', 'no_answer', 'rejected', false, '{"rule": {"name": "Blocked", "action": {"kind": "reject"}, "version": 1}, "reason": "the rule \"Blocked\" applies: the caller shows no number; the call is rejected"}', NULL, NULL, '{"kind": "reject"}', 'first', '2026-11-27 08:52:17.453294+00', NULL, NULL, 0, NULL, 2, '2026-11-27 08:52:17.451591+00', '2026-11-27 08:52:17.451591+00', '2026-11-27 08:52:17.457267+00'),
	('01a21c34-93b6-7273-98e4-5f05df175563', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CAc889d428709242e781a40ac9a1f0290c', 'inbound', '+13125550199', NULL, '+12125550100', 'completed', 'fallback', true, '{"rule": {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "version": 1}, "reason": "the rule \"Rest\" applies: it is for every call; another number rings first"}', NULL, NULL, '{"kind": "dial", "number": "+12125550142", "caller_id": null, "ring_seconds": 15, "if_unanswered": "agent"}', 'first', '2026-11-27 08:52:17.468555+00', NULL, NULL, 30, NULL, 2, '2026-11-27 08:52:17.46291+00', '2026-11-27 08:52:47+00', '2026-11-27 08:52:17.473997+00'),
	('00000000-0000-0000-0000-000000f0000a', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA00000000000000000000000000000000', 'inbound', '+13125550199', 'A', '+12125550100', 'busy', 'agent', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_e66d2bf52e52495e9ca22e096b89\"/></Stream></Connect></Response>", "conversation_id": "conv_e66d2bf52e52495e9ca22e096b89"}', 'after_dial', '2026-11-27 08:52:17.374841+00', NULL, NULL, 0, NULL, 1, '2026-11-27 08:52:17.367139+00', '2026-11-27 08:52:59+00', '2026-11-27 08:52:17.391892+00'),
	('00000000-0000-0000-0000-000000f0000b', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA00000000000000000000000000000001', 'outbound', '+13125550199', 'A', '+12125550100', 'canceled', 'busy', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_e66d2bf52e52495e9ca22e096b89\"/></Stream></Connect></Response>", "conversation_id": "conv_e66d2bf52e52495e9ca22e096b89"}', 'after_failure', '2026-11-27 08:52:17.374841+00', NULL, NULL, 1, NULL, 1, '2026-11-27 08:52:17.367139+00', '2026-11-27 08:52:59+00', '2026-11-27 08:52:17.391892+00'),
	('00000000-0000-0000-0000-000000f0000c', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA00000000000000000000000000000002', 'inbound', '+13125550199', 'A', '+12125550100', 'completed', 'fallback', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_e66d2bf52e52495e9ca22e096b89\"/></Stream></Connect></Response>", "conversation_id": "conv_e66d2bf52e52495e9ca22e096b89"}', 'after_forward', '2026-11-27 08:52:17.374841+00', NULL, NULL, 2, NULL, 1, '2026-11-27 08:52:17.367139+00', '2026-11-27 08:52:59+00', '2026-11-27 08:52:17.391892+00'),
	('00000000-0000-0000-0000-000000f0000d', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA00000000000000000000000000000003', 'outbound', '+13125550199', 'A', '+12125550100', 'failed', 'rejected', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_e66d2bf52e52495e9ca22e096b89\"/></Stream></Connect></Response>", "conversation_id": "conv_e66d2bf52e52495e9ca22e096b89"}', 'first', '2026-11-27 08:52:17.374841+00', NULL, NULL, 3, NULL, 1, '2026-11-27 08:52:17.367139+00', '2026-11-27 08:52:59+00', '2026-11-27 08:52:17.391892+00'),
	('00000000-0000-0000-0000-000000f0000e', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA00000000000000000000000000000004', 'inbound', '+13125550199', 'A', '+12125550100', 'in_progress', 'unavailable', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_e66d2bf52e52495e9ca22e096b89\"/></Stream></Connect></Response>", "conversation_id": "conv_e66d2bf52e52495e9ca22e096b89"}', 'after_dial', '2026-11-27 08:52:17.374841+00', NULL, NULL, 4, NULL, 1, '2026-11-27 08:52:17.367139+00', NULL, '2026-11-27 08:52:17.391892+00'),
	('00000000-0000-0000-0000-000000f00010', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', 'CA00000000000000000000000000000006', 'inbound', '+13125550199', 'A', '+12125550100', 'ringing', 'busy', false, '{"rule": null, "reason": "the number has no rules; the agent takes it"}', NULL, NULL, '{"kind": "connect", "handover": "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect><Stream url=\"wss://api.us.elevenlabs.io/v1/convai/conversation\"><Parameter name=\"conversation_id\" value=\"conv_e66d2bf52e52495e9ca22e096b89\"/></Stream></Connect></Response>", "conversation_id": "conv_e66d2bf52e52495e9ca22e096b89"}', 'after_forward', '2026-11-27 08:52:17.374841+00', NULL, NULL, 6, NULL, 1, '2026-11-27 08:52:17.367139+00', NULL, '2026-11-27 08:52:17.391892+00');

INSERT INTO public.operations VALUES
	('01a21c34-9320-7cfa-a710-a2ed58faa330', '00000000-0000-0000-0000-000000000001', 'create_agent', 'succeeded', 'done', 1, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, NULL, NULL, '01a21c3491c27dd1a9273f29d74cda8f', '2026-11-27 08:52:17.348632+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', '2026-11-27 08:52:17.348632+00'),
	('01a21c34-93d9-7393-9d84-5624c676e4ad', '00000000-0000-0000-0000-000000000001', 'provision_number', 'succeeded', 'done', 1, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-93e3-73bb-bc39-6bc24d431042', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "305", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+13055550101", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0101", "needs_address": false}, {"kind": "local", "number": "+13055550102", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0102", "needs_address": false}, {"kind": "local", "number": "+13055550103", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0103", "needs_address": false}, {"kind": "local", "number": "+13055550104", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0104", "needs_address": false}, {"kind": "local", "number": "+13055550105", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0105", "needs_address": false}, {"kind": "local", "number": "+13055550106", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0106", "needs_address": false}, {"kind": "local", "number": "+13055550107", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0107", "needs_address": false}, {"kind": "local", "number": "+13055550108", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0108", "needs_address": false}, {"kind": "local", "number": "+13055550109", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0109", "needs_address": false}, {"kind": "local", "number": "+13055550110", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0110", "needs_address": false}, {"kind": "local", "number": "+13055550111", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0111", "needs_address": false}, {"kind": "local", "number": "+13055550112", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0112", "needs_address": false}, {"kind": "local", "number": "+13055550113", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0113", "needs_address": false}, {"kind": "local", "number": "+13055550114", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0114", "needs_address": false}, {"kind": "local", "number": "+13055550115", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0115", "needs_address": false}, {"kind": "local", "number": "+13055550116", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0116", "needs_address": false}, {"kind": "local", "number": "+13055550117", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0117", "needs_address": false}, {"kind": "local", "number": "+13055550118", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0118", "needs_address": false}, {"kind": "local", "number": "+13055550119", "region": "FL", "country": "US", "locality": "Miami", "offered_at": "2026-11-27T08:52:11.998468615Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(305) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.998468615Z"}}', NULL, NULL, NULL, '01a21c3493d57e59a4900d7b09c66f76', '2026-11-27 08:52:17.519717+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.49751+00', '2026-11-27 08:52:17.519717+00', '2026-11-27 08:52:17.519717+00'),
	('01a21c34-9402-75d1-a7df-e5b880856803', '00000000-0000-0000-0000-000000000001', 'provision_number', 'failed', 'search_numbers', 1, '01a21c34-931d-7a9d-94a6-c4b49e33b974', NULL, '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "909", "any_in_country": false}, "refused": null, "searches": 0, "elsewhere": false, "regulated": 0, "voice_url": null, "candidates": [], "offered_at": null}}', '{"code": "NO_AVAILABLE_NUMBERS", "field": ["input", "areaCode"], "message": "no numbers can be had in area code 909: choose another one, or set ifUnavailable to ANY_IN_COUNTRY", "suggested_area_codes": ["212", "646"]}', NULL, NULL, '01a21c3494007d2fae8ebc7cb316d14e', '2026-11-27 08:52:17.543859+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.538731+00', '2026-11-27 08:52:17.543859+00', '2026-11-27 08:52:17.543859+00'),
	('01a21c34-940f-7c42-8538-538d6a8692e3', '00000000-0000-0000-0000-000000000001', 'create_agent', 'succeeded', 'done', 1, '01a21c34-940e-7c6a-9a49-268336b72dc9', NULL, '{"purchase": null}', NULL, NULL, NULL, '01a21c34940b7ced9c72b5b4583d97ab', '2026-11-27 08:52:17.558025+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.551395+00', '2026-11-27 08:52:17.558025+00', '2026-11-27 08:52:17.558025+00'),
	('01a21c34-9424-7d98-8fec-fc4dd54b16e7', '00000000-0000-0000-0000-000000000001', 'create_agent', 'succeeded', 'done', 1, '01a21c34-9423-76d3-ba49-5bd3badeb995', NULL, '{"purchase": null}', NULL, NULL, NULL, '01a21c349421700b8b6c1dcdd2f31618', '2026-11-27 08:52:17.579258+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.572411+00', '2026-11-27 08:52:17.579258+00', '2026-11-27 08:52:17.579258+00'),
	('01a21c34-9438-76f1-88df-6f5c27d6c2a3', '00000000-0000-0000-0000-000000000001', 'delete_agent', 'succeeded', 'done', 1, '01a21c34-9423-76d3-ba49-5bd3badeb995', NULL, '{"was": "active", "why": null, "kept": []}', NULL, NULL, NULL, '01a21c3494347d5c88b966f0c7b65bbb', '2026-11-27 08:52:17.598553+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.592096+00', '2026-11-27 08:52:17.598553+00', '2026-11-27 08:52:17.598553+00'),
	('01a21c34-93fc-7db4-82ef-ccf58a0ee6c5', '00000000-0000-0000-0000-000000000001', 'release_number', 'pending', 'release_number', 0, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-93e3-73bb-bc39-6bc24d431042', '{"was": "active"}', NULL, NULL, NULL, '01a21c3493f97ee1b6000bf8712efc8d', '2999-01-01 00:00:00+00', NULL, NULL, 0, NULL, NULL, '2026-11-27 08:52:17.532203+00', '2026-11-27 08:52:17.532203+00', NULL),
	('00000000-0000-0000-0000-000000f00011', '00000000-0000-0000-0000-000000000001', 'check_number', 'failed', 'buy_number', 0, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-0', '0000000000000000000000000000000000000000000000000000000000000000', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', '2026-11-27 08:52:17.348632+00'),
	('00000000-0000-0000-0000-000000f00012', '00000000-0000-0000-0000-000000000001', 'create_agent', 'pending', 'check_number', 1, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-1', '0000000000000000000000000000000000000000000000000000000000000001', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', NULL),
	('00000000-0000-0000-0000-000000f00013', '00000000-0000-0000-0000-000000000001', 'delete_agent', 'running', 'claim_number', 2, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-2', '0000000000000000000000000000000000000000000000000000000000000002', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', NULL),
	('00000000-0000-0000-0000-000000f00014', '00000000-0000-0000-0000-000000000001', 'provision_number', 'succeeded', 'create_voice_agent', 3, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-3', '0000000000000000000000000000000000000000000000000000000000000003', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', '2026-11-27 08:52:17.348632+00'),
	('00000000-0000-0000-0000-000000f00015', '00000000-0000-0000-0000-000000000001', 'release_number', 'failed', 'delete_voice_agent', 4, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-4', '0000000000000000000000000000000000000000000000000000000000000004', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', '2026-11-27 08:52:17.348632+00'),
	('00000000-0000-0000-0000-000000f00016', '00000000-0000-0000-0000-000000000001', 'repair_number', 'pending', 'done', 5, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-5', '0000000000000000000000000000000000000000000000000000000000000005', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', NULL),
	('00000000-0000-0000-0000-000000f00017', '00000000-0000-0000-0000-000000000001', 'restore_voice_agent', 'running', 'release_number', 6, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-6', '0000000000000000000000000000000000000000000000000000000000000006', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', NULL),
	('00000000-0000-0000-0000-000000f00018', '00000000-0000-0000-0000-000000000001', 'check_number', 'succeeded', 'repair_number', 7, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-7', '0000000000000000000000000000000000000000000000000000000000000007', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', '2026-11-27 08:52:17.348632+00'),
	('00000000-0000-0000-0000-000000f00019', '00000000-0000-0000-0000-000000000001', 'create_agent', 'failed', 'search_numbers', 8, '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '{"purchase": {"wanted": {"kind": "local", "number": null, "country": "US", "area_code": "212", "any_in_country": false}, "refused": null, "searches": 1, "elsewhere": false, "regulated": 0, "voice_url": "http://127.0.0.1:37929/api/webhooks/call/incoming", "candidates": [{"kind": "local", "number": "+12125550101", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0101", "needs_address": false}, {"kind": "local", "number": "+12125550102", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0102", "needs_address": false}, {"kind": "local", "number": "+12125550103", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0103", "needs_address": false}, {"kind": "local", "number": "+12125550104", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0104", "needs_address": false}, {"kind": "local", "number": "+12125550105", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0105", "needs_address": false}, {"kind": "local", "number": "+12125550106", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0106", "needs_address": false}, {"kind": "local", "number": "+12125550107", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0107", "needs_address": false}, {"kind": "local", "number": "+12125550108", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0108", "needs_address": false}, {"kind": "local", "number": "+12125550109", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0109", "needs_address": false}, {"kind": "local", "number": "+12125550110", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0110", "needs_address": false}, {"kind": "local", "number": "+12125550111", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0111", "needs_address": false}, {"kind": "local", "number": "+12125550112", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0112", "needs_address": false}, {"kind": "local", "number": "+12125550113", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0113", "needs_address": false}, {"kind": "local", "number": "+12125550114", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0114", "needs_address": false}, {"kind": "local", "number": "+12125550115", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0115", "needs_address": false}, {"kind": "local", "number": "+12125550116", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0116", "needs_address": false}, {"kind": "local", "number": "+12125550117", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0117", "needs_address": false}, {"kind": "local", "number": "+12125550118", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0118", "needs_address": false}, {"kind": "local", "number": "+12125550119", "region": "NY", "country": "US", "locality": "New York", "offered_at": "2026-11-27T08:52:11.997746984Z", "capabilities": {"mms": true, "sms": true, "voice": true}, "monthly_cost": "1.15", "friendly_name": "(212) 555-0119", "needs_address": false}], "offered_at": "2026-11-27T08:52:11.997746984Z"}}', NULL, 'key-8', '0000000000000000000000000000000000000000000000000000000000000008', '01a21c3491c27dd1a9273f29d74cda8f', '2999-01-01 00:00:00+00', NULL, NULL, 1, NULL, NULL, '2026-11-27 08:52:17.312672+00', '2026-11-27 08:52:17.348632+00', '2026-11-27 08:52:17.348632+00');

INSERT INTO public.phone_numbers VALUES
	('01a21c34-9333-7b72-a6ee-7ff20ea4ab0b', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9320-7cfa-a710-a2ed58faa330', '+12125550100', '(212) 555-0100', 'PNa04de8d5bfde4d89925fde8459dc9a52', 'twilio', 'local', 'active', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 1, '2026-11-27 08:52:17.331831+00', '2026-11-27 08:52:17.348632+00', NULL, 771),
	('01a21c34-93e3-73bb-bc39-6bc24d431042', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-93d9-7393-9d84-5624c676e4ad', '+13055550100', '(305) 555-0100', 'PN272abd7507284cfbb91ba1a11601b8be', 'twilio', 'local', 'releasing', true, true, true, 'US', 'Miami', 'FL', 1.1500, '[]', 0, '2026-11-27 08:52:17.507318+00', '2026-11-27 08:52:17.519717+00', NULL, 786),
	('00000000-0000-0000-0000-000000f00005', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9320-7cfa-a710-a2ed58faa330', '+14155557000', '(212) 555-0100', 'PN00000000000000000000000000007000', 'elevenlabs', 'local', 'active', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:52:17.331831+00', '2026-11-27 08:52:17.348632+00', NULL, 808),
	('00000000-0000-0000-0000-000000f00006', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9320-7cfa-a710-a2ed58faa330', '+14155557001', '(212) 555-0100', 'PN00000000000000000000000000007001', 'twilio', 'mobile', 'inactive', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:52:17.331831+00', '2026-11-27 08:52:17.348632+00', NULL, 809),
	('00000000-0000-0000-0000-000000f00007', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9320-7cfa-a710-a2ed58faa330', '+14155557002', '(212) 555-0100', 'PN00000000000000000000000000007002', 'elevenlabs', 'toll_free', 'pending', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:52:17.331831+00', '2026-11-27 08:52:17.348632+00', NULL, 810),
	('00000000-0000-0000-0000-000000f00008', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9320-7cfa-a710-a2ed58faa330', '+14155557003', '(212) 555-0100', 'PN00000000000000000000000000007003', 'twilio', 'local', 'released', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:52:17.331831+00', '2026-11-27 08:52:17.348632+00', '2026-11-27 08:52:17.348632+00', 811),
	('00000000-0000-0000-0000-000000f00009', '00000000-0000-0000-0000-000000000001', '01a21c34-931d-7a9d-94a6-c4b49e33b974', '01a21c34-9320-7cfa-a710-a2ed58faa330', '+14155557004', '(212) 555-0100', 'PN00000000000000000000000000007004', 'elevenlabs', 'mobile', 'releasing', true, true, true, 'US', 'New York', 'NY', 1.1500, '[{"name": "Blocked", "action": {"kind": "reject"}, "condition": {"when": null, "callers": ["+1900", "anonymous"]}}, {"name": "Nights", "action": {"kind": "message", "text": "Closed."}, "condition": {"when": {"days": ["Mon", "Fri"], "dates": ["2026-12-25"], "window": {"to": "08:00:00", "from": "18:00:00"}, "time_zone": "Europe/Berlin"}, "callers": []}}, {"name": "Rest", "action": {"to": "+12125550142", "kind": "forward_then_agent", "ring_seconds": 15}, "condition": {"when": null, "callers": []}}]', 0, '2026-11-27 08:52:17.331831+00', '2026-11-27 08:52:17.348632+00', NULL, 812);

INSERT INTO public.rate_buckets VALUES
	('a tenant', '2999-01-01 00:00:00+00');

INSERT INTO public.reconciliations VALUES
	('01a21c34-949a-7541-8756-ec0342561a7b', '01a21c34-949a-7755-8457-2740cca2c3b0', '2026-11-27 08:53:17.690185+00', '2026-11-27 08:52:17.690185+00', '2026-11-27 08:52:17.712116+00', '{"numbers": 2, "incomplete": null, "started_at": "2026-11-27T08:52:17.690185Z", "differences": [], "finished_at": "2026-11-27T08:52:17.712066Z", "voice_agents": 2}');

INSERT INTO public.seaql_migrations VALUES
	('m20261127_000001_roles', 1795769536),
	('m20261127_000002_tenants', 1795769536),
	('m20261127_000003_agents', 1795769536),
	('m20261127_000004_operations', 1795769536),
	('m20261127_000005_phone_numbers', 1795769536),
	('m20261127_000006_calls', 1795769536),
	('m20261127_000007_audit_events', 1795769536),
	('m20261127_000008_reconciliations', 1795769536),
	('m20261127_000009_voice_events', 1795769536),
	('m20261127_000010_call_totals', 1795769536),
	('m20261127_000011_rate_buckets', 1795769536);

INSERT INTO public.tenants VALUES
	('00000000-0000-0000-0000-000000000001', 'Clinic', 12, 30, 'DE,US', false, '2026-11-27 08:52:16.963944+00');

INSERT INTO public.voice_events VALUES
	('01a21c34-9368-75c9-89a2-f6ff6510e2d6', '00000000-0000-0000-0000-000000000001', '01a21c34-9357-7f20-8863-e8a1025844d9', 'post_call_transcription', 'conv_e66d2bf52e52495e9ca22e096b89', 'CA78a7f58c07ff429198090a6721d22e30', NULL, 42, '[{"text": "Hello, how can I help?", "by_agent": true, "at_seconds": 0}, {"text": "Are you open today?", "by_agent": false, "at_seconds": 3}]', '2026-11-27 08:52:17+00', '2026-11-27 08:52:17.384865+00', NULL),
	('01a21c34-9377-70a4-8a4c-6a1a9d825530', '00000000-0000-0000-0000-000000000001', '01a21c34-936d-7890-a2f7-603e6f161e6e', 'call_initiation_failure', 'conv_a9da42660cdf465abb0cf2e880f5', 'CAada54675fb4c4cdfb4bdeafeac71532b', 'busy', NULL, NULL, '2026-11-27 08:52:17.399543+00', '2026-11-27 08:52:17.399579+00', NULL);

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

