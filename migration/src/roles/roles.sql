-- Roles belong to the cluster, not to the database: another database's migration may have made them.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['switchboard_tenant', 'switchboard_system'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), wanted);
    END LOOP;
END
$$;

-- From Postgres 16 on, who creates a role administers it but may not become it without being told so.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        EXECUTE format('GRANT switchboard_tenant, switchboard_system TO %I WITH SET TRUE', current_user);
    END IF;
END
$$;

-- Supabase has auth.uid() and its own way to keep it; anywhere else it is ours.
DO $$
BEGIN
    IF to_regprocedure('auth.uid()') IS NULL THEN
        CREATE SCHEMA IF NOT EXISTS auth;
        CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
        -- After a transaction the setting reads '' rather than NULL.
        'SELECT nullif(nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'', '''')::uuid';
    END IF;
    IF NOT has_schema_privilege('switchboard_tenant', 'auth', 'USAGE') THEN
        GRANT USAGE ON SCHEMA auth TO switchboard_tenant;
    END IF;
END
$$;

-- The migrations' own table holds their names and nothing of any tenant. It is not forced, since its owner
-- must read and write it through no door; everybody else may at most read it.
ALTER TABLE seaql_migrations ENABLE ROW LEVEL SECURITY;
CREATE POLICY migrations_read ON seaql_migrations FOR SELECT TO switchboard_system USING (true);
GRANT SELECT ON seaql_migrations TO switchboard_system;
