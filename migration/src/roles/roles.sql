-- Roles belong to the cluster, not to the database: another database's migration may have made them.
DO $$
DECLARE
    wanted text;
    -- From Postgres 16 on, who creates a role administers it but may not become it without being told so.
    become text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['switchboard_tenant', 'switchboard_system'] LOOP
        -- One that is not even allowed to try may find it there all the same.
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'the role % may not create the role %: have an administrator run "ALTER ROLE % CREATEROLE", then migrate again',
                        current_user, wanted, quote_ident(current_user);
            END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, become) THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', wanted, current_user);
            EXCEPTION WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role % was made by another login role of this cluster, and % may not grant it to itself: have an administrator run "GRANT switchboard_tenant, switchboard_system TO %", then migrate again',
                    wanted, current_user, quote_ident(current_user);
            END;
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), wanted);
    END LOOP;
END
$$;

-- Supabase has auth.uid() and its own way to keep it; anywhere else it is ours. A policy finds the function when it is
-- made and calls it ever after, so that the two roles need nothing of the schema.
DO $$
BEGIN
    IF NOT coalesce(has_schema_privilege(to_regnamespace('auth')::oid, 'USAGE'), true) THEN
        RAISE EXCEPTION 'the schema auth is another role''s, and its function auth.uid() is needed: have an administrator run "GRANT USAGE ON SCHEMA auth TO %"',
            quote_ident(current_user);
    END IF;
    IF to_regprocedure('auth.uid()') IS NULL THEN
        BEGIN
            CREATE SCHEMA IF NOT EXISTS auth;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the role % may not create the schema auth in this database: have an administrator run "GRANT CREATE ON DATABASE % TO %", then migrate again',
                current_user, quote_ident(current_database()), quote_ident(current_user);
        END;
        CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
        -- After a transaction the setting reads '' rather than NULL.
        'SELECT nullif(nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'', '''')::uuid';
    END IF;
END
$$;

-- The migrations' own table holds their names and nothing of any tenant. It is not forced, since its owner
-- must read and write it through no door; everybody else may at most read it.
ALTER TABLE seaql_migrations ENABLE ROW LEVEL SECURITY;
CREATE POLICY migrations_read ON seaql_migrations FOR SELECT TO switchboard_system USING (true);
GRANT SELECT ON seaql_migrations TO switchboard_system;
