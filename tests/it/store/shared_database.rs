//! A database that others have as well, as on Supabase: its schema `auth` and its roles are theirs, and so is `public`.
//! Postgres only. Our login role is no superuser, does not own the database, and has a schema of its own name.

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use switchboard::domain::Clock;
use switchboard::store::{AgentFilter, Database, DatabaseConfig};

use crate::support::database::TestDatabase;
use crate::support::fixtures::{self, first};

/// What Supabase's own scripts leave behind, as far as it could matter to us.
const THEIRS: &str = "
DO $$ DECLARE theirs text; BEGIN
    FOREACH theirs IN ARRAY ARRAY['anon', 'authenticated', 'service_role', 'their_auth_admin'] LOOP
        BEGIN EXECUTE format('CREATE ROLE %I NOLOGIN', theirs);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
    END LOOP;
    EXECUTE format('GRANT their_auth_admin TO %I', current_user);
EXCEPTION WHEN unique_violation THEN NULL; END $$;
CREATE SCHEMA auth AUTHORIZATION their_auth_admin;
SET ROLE their_auth_admin;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
RESET ROLE;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
CREATE TABLE public.tenants (id uuid PRIMARY KEY, note text);
INSERT INTO public.tenants VALUES (gen_random_uuid(), 'not ours');
ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.tenants TO authenticated USING (id = auth.uid());
GRANT SELECT ON public.tenants TO authenticated;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
";

/// Everything outside of our schema that a migration could have touched, one row an object.
const INVENTORY: &str = "
SELECT 'schema ' || nspname || ' ' || nspowner::regrole || ' ' || coalesce(nspacl::text, '') FROM pg_namespace
    WHERE nspname IN ('auth', 'public')
UNION ALL SELECT 'function ' || oid::regprocedure || ' ' || proowner::regrole || ' ' || coalesce(proacl::text, '') || prosrc
    FROM pg_proc WHERE pronamespace IN ('auth'::regnamespace, 'public'::regnamespace)
UNION ALL SELECT 'relation ' || oid::regclass || ' ' || relowner::regrole || ' ' || coalesce(relacl::text, '')
    || relrowsecurity || relforcerowsecurity FROM pg_class
    WHERE relnamespace IN ('auth'::regnamespace, 'public'::regnamespace)
UNION ALL SELECT 'policy ' || schemaname || tablename || policyname || roles::text || qual FROM pg_policies
    WHERE schemaname IN ('auth', 'public')
UNION ALL SELECT 'role ' || rolname || rolsuper || rolinherit || rolcreaterole || rolbypassrls || rolcanlogin FROM pg_roles
    WHERE rolname IN ('anon', 'authenticated', 'service_role', 'their_auth_admin')
UNION ALL SELECT 'member ' || roleid::regrole || ' ' || member::regrole FROM pg_auth_members
    WHERE roleid::regrole::text ~ '^(anon|authenticated|service_role|their_)'
    OR member::regrole::text ~ '^(anon|authenticated|service_role|their_)'
ORDER BY 1";

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
}

async fn inventory(connection: &mut PgConnection) -> Vec<String> {
    let rows = sqlx::query(INVENTORY).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Opens it as our login role.
async fn open(test: &TestDatabase, login: &str) -> Database {
    let mut url: url::Url = test.url.parse().unwrap();
    url.set_username(login).unwrap();
    url.set_password(Some("of-the-tests")).unwrap();
    let url = SecretString::from(String::from(url));
    let acquire_timeout = std::time::Duration::from_secs(20);
    Database::connect(
        &DatabaseConfig { url, listen_url: None, max_connections: 2, acquire_timeout },
        Clock::system(),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn what_is_not_ours_is_used_as_it_is_and_left_alone() {
    // The roles are the cluster's: another database's migration may have made them before.
    if !TestDatabase::create().await.is_postgres() {
        println!("skipped: SQLite has neither schemas nor roles");
        return;
    }
    let test = TestDatabase::create_empty().await;
    let mut admin = test.raw().await;
    let login = format!("app_{}", fixtures::uuid().simple());
    run(&mut admin, THEIRS).await;
    run(
        &mut admin,
        &format!(
            "CREATE ROLE {login} LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE PASSWORD 'of-the-tests';
             GRANT switchboard_tenant, switchboard_system TO {login} WITH ADMIN OPTION;
             GRANT {login} TO CURRENT_USER;
             CREATE SCHEMA {login} AUTHORIZATION {login}"
        ),
    )
    .await;

    let db = open(&test, &login).await;
    let before = inventory(&mut admin).await;
    let refused = db.migrate().await.unwrap_err();
    let why = std::error::Error::source(&refused).unwrap().to_string();
    let remedy = format!("GRANT USAGE ON SCHEMA auth TO {login}");
    assert!(why.contains(&remedy), "{why}");
    assert_eq!(inventory(&mut admin).await, before, "a migration that fails leaves nothing");
    run(&mut admin, &format!("SET ROLE their_auth_admin; {remedy}; RESET ROLE")).await;

    let (before, waiting) = (inventory(&mut admin).await, db.migrations().await.unwrap().pending);
    assert!(waiting.len() > 5, "{waiting:?}");
    assert_eq!(db.migrate().await.unwrap(), waiting);
    assert_eq!(inventory(&mut admin).await, before);
    // The doors would find their table `tenants` instead of ours.
    let faults = db.isolation_faults().await.unwrap();
    let remedy = faults[0].split_once(": ").unwrap().1.split_once(';').unwrap().0;
    assert!(faults.len() == 1 && remedy.starts_with("ALTER ROLE"), "{faults:?}");
    run(&mut admin, remedy).await;
    db.close().await;
    let db = open(&test, &login).await;

    // It works: each tenant sees its own rows, told apart by a function that is not ours; and others see none of it.
    let (mine, theirs) = (fixtures::tenant(&db).await, fixtures::tenant(&db).await);
    let agent = fixtures::agent(&db, mine).await;
    let seen = db.read_as(mine).await.unwrap().agents(&AgentFilter::default(), first(5)).await.unwrap();
    assert!(seen.items.iter().map(|(_, agent)| agent.id).eq([agent.id]));
    assert_eq!(db.read_as(theirs).await.unwrap().count_agents(&AgentFilter::default()).await.unwrap(), 0);
    assert_eq!(db.isolation_faults().await.unwrap(), Vec::<String>::new());
    let lets_in = format!(
        "SELECT role || ' ' || oid::regclass FROM pg_class, unnest(ARRAY['anon', 'authenticated', 'service_role']) role
         WHERE relnamespace = '{login}'::regnamespace AND relkind = 'r'
         AND has_table_privilege(role, oid, 'SELECT, INSERT, UPDATE, DELETE')"
    );
    assert!(sqlx::query(AssertSqlSafe(lets_in)).fetch_all(&mut admin).await.unwrap().is_empty());
    admin.close().await.unwrap();
}

#[tokio::test]
async fn a_login_role_without_the_roles_gets_an_error_with_the_statement_that_grants_them() {
    if !TestDatabase::create().await.is_postgres() {
        println!("skipped: SQLite has neither schemas nor roles");
        return;
    }
    let test = TestDatabase::create_empty().await;
    let mut admin = test.raw().await;
    // A second login role of the cluster: another's migration made the roles.
    let login = format!("app_{}", fixtures::uuid().simple());
    let create = format!(
        "CREATE ROLE {login} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE PASSWORD 'of-the-tests';
         GRANT {login} TO CURRENT_USER;
         CREATE SCHEMA {login} AUTHORIZATION {login}"
    );
    run(&mut admin, &create).await;
    let db = open(&test, &login).await;
    let database = test.url.rsplit('/').next().unwrap();
    for remedy in [
        format!("GRANT switchboard_tenant, switchboard_system TO {login}"),
        format!("GRANT CREATE ON DATABASE {database} TO {login}"),
    ] {
        let refused = db.migrate().await.unwrap_err();
        let why = std::error::Error::source(&refused).unwrap().to_string();
        assert!(why.contains(&remedy), "{why}");
        run(&mut admin, &remedy).await;
    }
    assert!(!db.migrate().await.unwrap().is_empty());
    db.close().await;
    admin.close().await.unwrap();
}
