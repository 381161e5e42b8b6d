//! What a database holds, by its own catalogue: tables, the words their columns may hold, the whole schema.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use super::database::TestDatabase;

/// The rows of a query with one text column; on Postgres as the system's role, which sees every row.
pub(crate) async fn texts(test: &TestDatabase, sql: &str) -> Vec<String> {
    if test.is_postgres() {
        let mut connection = PgConnection::connect(&test.url).await.unwrap();
        sqlx::raw_sql("SET ROLE switchboard_system").execute(&mut connection).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    } else {
        let mut connection = SqliteConnection::connect(&test.url).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// Every table but the migrations' own, in order.
pub(crate) async fn tables(test: &TestDatabase) -> Vec<String> {
    let sql = if test.is_postgres() {
        "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relname <> 'seaql_migrations' \
         AND relnamespace = current_schema()::regnamespace ORDER BY relname COLLATE \"C\""
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('seaql_migrations', 'sqlite_sequence') \
         AND name NOT LIKE 'sqlite_stat%' ORDER BY name"
    };
    texts(test, sql).await
}

/// Every index that a statement created, as `name ON table (columns)`.
pub(crate) async fn indexes(test: &TestDatabase) -> Vec<String> {
    let sql = if test.is_postgres() {
        "SELECT indexname || ' ON ' || tablename || ' ' || substring(indexdef FROM '\\(.*') FROM pg_indexes \
         WHERE schemaname = current_schema()"
    } else {
        "SELECT name || ' ON ' || tbl_name || ' ' || substr(sql, instr(sql, '(')) FROM sqlite_master \
         WHERE type = 'index' AND sql IS NOT NULL"
    };
    let definitions = texts(test, sql).await;
    let plain = |text: &String| text.replace('"', "").replace("( ", "(").replace(" )", ")");
    definitions.iter().map(plain).collect()
}

/// The tables that hold rows of tenants: `tenants`, and those with a column `tenant_id`.
pub(crate) async fn tables_of_tenants(test: &TestDatabase) -> Vec<String> {
    let sql = if test.is_postgres() {
        "SELECT relname::text FROM pg_class c WHERE relkind IN ('r', 'p') \
         AND relnamespace = current_schema()::regnamespace AND (relname = 'tenants' OR EXISTS (SELECT FROM pg_attribute \
         WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped)) ORDER BY relname COLLATE \"C\""
    } else {
        "SELECT name FROM sqlite_master m WHERE type = 'table' AND (name = 'tenants' OR EXISTS \
         (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'tenant_id')) ORDER BY name"
    };
    texts(test, sql).await
}

/// Each column, as `table.column`, with a check constraint that lists words, and those words in order.
pub(crate) async fn words(test: &TestDatabase) -> BTreeMap<String, Vec<String>> {
    let sql = if test.is_postgres() {
        "SELECT conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
         WHERE contype = 'c' AND connamespace = current_schema()::regnamespace"
    } else {
        "SELECT name || ' ' || sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL"
    };
    let definitions = texts(test, sql).await;
    let definitions = definitions.iter().map(|definition| definition.split_once(' ').unwrap());
    definitions
        .flat_map(|(table, sql)| {
            sql.split("CHECK (").skip(1).filter_map(move |check| words_of_check(table, check))
        })
        .collect()
}

/// The column and the words of a check that says which words a column may hold, after `CHECK (`: `"status" IN ('a', 'b'))`, or,
/// on Postgres, `(status = ANY (ARRAY['a'::text, 'b'::text])))`.
fn words_of_check(table: &str, check: &str) -> Option<(String, Vec<String>)> {
    let check = check.trim_start_matches('(');
    let (column, list) = [" IN (", " = ANY ("].iter().find_map(|operator| check.split_once(operator))?;
    let column = column.trim_matches('"');
    if !column.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return None;
    }
    let (list, rest) = list.split_once(')')?;
    // A list that is only a part of the condition says nothing of the column alone.
    if rest.trim_start_matches(')').starts_with(" = ") {
        return None;
    }
    let mut words: Vec<_> = list.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
    words.sort();
    Some((format!("{table}.{column}"), words))
}

/// What there is no row of: tables without any, and words that no row has.
pub(crate) async fn without_rows(test: &TestDatabase) -> Vec<String> {
    let mut lacking = Vec::new();
    for table in tables(test).await {
        if texts(test, &format!("SELECT 'a row' FROM \"{table}\" LIMIT 1")).await.is_empty() {
            lacking.push(table);
        }
    }
    for (column, words) in words(test).await {
        let (table, name) = column.split_once('.').unwrap();
        let found =
            texts(test, &format!("SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL")).await;
        lacking
            .extend(words.iter().filter(|word| !found.contains(word)).map(|word| format!("{column} {word}")));
    }
    lacking
}

/// Every definition of the schema, a line each, in order.
pub(crate) async fn schema(test: &TestDatabase) -> Vec<String> {
    let sql = if test.is_postgres() {
        POSTGRES_SCHEMA
    } else {
        "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"
    };
    let mut definitions = texts(test, sql).await;
    if test.is_postgres() {
        // A condition that was printed, read and printed again has fewer brackets.
        definitions.iter_mut().for_each(|definition| definition.retain(|c| !matches!(c, '(' | ')')));
    }
    definitions.sort();
    definitions
}

const POSTGRES_SCHEMA: &str = r"
WITH tables AS (SELECT * FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p'))
SELECT concat_ws(' ', 'table', relname, relpersistence, relrowsecurity, relforcerowsecurity, reloptions) FROM tables
UNION ALL
SELECT concat_ws(' ', 'column', relname, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
FROM tables JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL
SELECT concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(pg_constraint.oid))
FROM tables JOIN pg_constraint ON conrelid = tables.oid
UNION ALL
SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid)) FROM tables JOIN pg_index ON indrelid = tables.oid
UNION ALL
SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(pg_trigger.oid))
FROM tables JOIN pg_trigger ON tgrelid = tables.oid AND NOT tgisinternal
UNION ALL
SELECT concat_ws(' ', 'policy', relname, polname, polcmd, polpermissive,
    (SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE pg_roles.oid = ANY (polroles)),
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
FROM tables JOIN pg_policy ON polrelid = tables.oid
UNION ALL
SELECT concat_ws(' ', 'grant', relname, attname, rolname, privilege_type)
FROM (
    SELECT relname, NULL AS attname, relacl AS acl, relowner AS owner FROM tables
    UNION ALL
    SELECT relname, attname, attacl, relowner FROM tables JOIN pg_attribute ON attrelid = tables.oid
) AS granted, aclexplode(acl) JOIN pg_roles ON pg_roles.oid = grantee WHERE grantee <> owner
UNION ALL
SELECT concat_ws(' ', 'function', pg_get_functiondef(pg_proc.oid), (
    SELECT string_agg(rolname, ',' ORDER BY rolname) FROM aclexplode(proacl) JOIN pg_roles ON pg_roles.oid = grantee
    WHERE grantee <> proowner))
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
";
