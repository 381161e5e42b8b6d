//! Checks that the database still keeps tenants apart as the migrations set it up, before anything is served: somebody may have
//! changed a role, a policy or a table.
//!
//! The tables are read from the catalogue ([`tables`]), so that a table of a new migration is checked without being listed
//! here. On each of them Row Level Security must be forced, and a policy may admit a tenant, by the table's own key, or the
//! system role. A table without such a key admits no tenant at all; [`SHARED`] is the exception.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use crate::domain::TenantId;
use crate::store::doors::{self, Pool};
use crate::store::{StoreError, dialect};

/// A table of the server's schema.
struct Table {
    /// The name, quoted if SQL requires it.
    name: String,
    /// The column with a row's tenant; `None` for a table whose rows concern all tenants.
    tenant_key: Option<&'static str>,
    /// Whether Row Level Security is enabled, and forced on the table's owner too.
    is_forced: bool,
    policies: i64,
    /// Whether the tenants' role may read any column.
    tenants_may_read: bool,
    /// Whether the login role may read any column.
    login_may_read: bool,
}

/// The table that every tenant may read, and none may write: until when calls are counted. It holds no tenant's data.
const SHARED: &str = "call_statistics_progress";

/// The bytes of a table that are sampled for rows that must not be visible.
const SAMPLED_BYTES: u32 = 512 * 1024;

/// The reasons why tenants are not kept apart, each with the SQL that repairs it. `stranger` is a tenant that does not exist.
pub(in crate::store) async fn faults(db: &Pool, stranger: TenantId) -> Result<Vec<String>, StoreError> {
    if !dialect::has_policies(db) {
        return Ok(Vec::new());
    }
    let mut faults = roles(db).await?;
    faults.extend(search_path(db).await?);
    let tables = tables(db).await?;
    if tables.is_empty() {
        faults.push("the database has no tables of this server: run \"switchboard migrate\"".to_owned());
    }
    faults.extend(tables.iter().filter_map(unfenced));
    faults.extend(policies(db, &tables).await?);
    faults.extend(append_only(db).await?);
    // The tables themselves are queried last: they show whether all of the above works.
    if faults.is_empty() {
        faults.extend(strangers_rows(db, &tables, stranger).await?);
    }
    // The login role owns the tables: only forced policies keep their rows from it.
    for table in tables.iter().filter(|table| table.login_may_read) {
        faults.extend(unscoped_rows(db, &table.name).await?);
    }
    Ok(faults)
}

async fn query(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<QueryResult>, StoreError> {
    Ok(db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?)
}

async fn roles(db: &Pool) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT rolname::text AS name, rolsuper OR rolbypassrls AS above, rolname = session_user AS login, \
               pg_has_role(session_user, oid, 'MEMBER') AS member, quote_ident(session_user) AS session \
               FROM pg_roles WHERE rolname IN (session_user, 'switchboard_tenant', 'switchboard_system')";
    let mut faults = Vec::new();
    for row in query(db, sql).await? {
        let name: String = row.try_get("", "name")?;
        let session: String = row.try_get("", "session")?;
        if row.try_get("", "above")? {
            faults.push(format!(
                "the role \"{name}\" bypasses row level security: connect as another, or ALTER ROLE \"{name}\" \
                 NOSUPERUSER NOBYPASSRLS;"
            ));
        }
        if !row.try_get::<bool>("", "login")? && !row.try_get::<bool>("", "member")? {
            faults.push(format!("the login role may not become \"{name}\": GRANT {name} TO {session};"));
        }
    }
    Ok(faults)
}

/// Store connections act as another role, so a search path that depends on the role name finds other tables there.
async fn search_path(db: &Pool) -> Result<Option<String>, StoreError> {
    let sql = "SELECT quote_ident(session_user) AS name FROM pg_roles WHERE rolname = session_user \
               AND current_schema() = session_user AND current_setting('search_path') LIKE '%\"$user\"%'";
    let Some(row) = query(db, sql).await?.into_iter().next() else { return Ok(None) };
    let name: String = row.try_get("", "name")?;
    Ok(Some(format!(
        "the tables are in a schema that is found only by the login role's name: ALTER ROLE {name} SET \
         search_path = {name}; (it applies to new connections)"
    )))
}

/// The tables of the server's schema: those owned by the role that ran the migrations, and those that one of our roles may use.
/// Tables of other programs and of extensions in the same schema are not checked. Neither is the migrations' own table: it
/// holds no tenant's data, and its owner must read it without a tenant.
async fn tables(db: &Pool) -> Result<Vec<Table>, StoreError> {
    let mut tables = Vec::new();
    for row in query(db, include_str!("tables.sql")).await? {
        let name: String = row.try_get("", "name")?;
        let tenant_key = match name.as_str() {
            "tenants" => Some("id"),
            _ if row.try_get("", "of_tenants")? => Some("tenant_id"),
            _ => None,
        };
        tables.push(Table {
            name,
            tenant_key,
            is_forced: row.try_get("", "forced")?,
            policies: row.try_get("", "policies")?,
            tenants_may_read: row.try_get("", "tenants_may_read")?,
            login_may_read: row.try_get("", "login_may_read")?,
        });
    }
    Ok(tables)
}

fn unfenced(table: &Table) -> Option<String> {
    let name = &table.name;
    if !table.is_forced {
        return Some(format!(
            "row level security is not forced on {name}: ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL \
             SECURITY;"
        ));
    }
    (table.policies == 0).then(|| {
        format!("{name} has no policies: {}{}", tenant_policy(table).unwrap_or_default(), system_policy(name))
    })
}

/// Checks that each policy that admits somebody is one of the migrations' two, with its original condition. Restrictive
/// policies can only exclude more.
async fn policies(db: &Pool, tables: &[Table]) -> Result<Vec<String>, StoreError> {
    // A policy without one of its two conditions is judged by the other, as Postgres applies it.
    let sql = "SELECT quote_ident(tablename) AS relation, quote_ident(policyname) AS policy, \
               array_to_string(roles, ',') AS roles, cmd = 'SELECT' AS reads, coalesce(qual, with_check, '') AS qual, coalesce(with_check, qual, '') AS check \
               FROM pg_policies WHERE schemaname = current_schema() AND permissive = 'PERMISSIVE' \
               ORDER BY tablename, policyname";
    let mut faults = Vec::new();
    for row in query(db, sql).await? {
        let (name, policy): (String, String) = (row.try_get("", "relation")?, row.try_get("", "policy")?);
        let Some(table) = tables.iter().find(|table| table.name == name) else { continue };
        let roles: String = row.try_get("", "roles")?;
        let (test, remedy) = match (roles.as_str(), tenant_policy(table)) {
            ("switchboard_tenant", Some(policy)) => ("auth.uid()", policy),
            ("switchboard_system", _) => ("CURRENT_USER = 'switchboard_system'", system_policy(&name)),
            _ => ("", String::new()),
        };
        // An alternative would admit further rows.
        let keeps = |condition: &str| condition.contains(test) && !condition.contains(" OR ");
        // Both must hold: one decides which rows are visible, the other which may be written.
        let conditions: [String; 2] = [row.try_get("", "qual")?, row.try_get("", "check")?];
        let may_only_read = name != SHARED || roles == "switchboard_system" || row.try_get("", "reads")?;
        if test.is_empty() || !may_only_read || !conditions.iter().all(|condition| keeps(condition)) {
            faults.push(format!(
                "the policy {policy} on {name} admits other roles ({roles}): DROP POLICY {policy} ON {name}; {remedy}"
            ));
        }
    }
    Ok(faults)
}

/// Checks that none of our roles, the owner of the table included, may change or delete entries of the audit trail.
async fn append_only(db: &Pool) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT rolname::text AS role FROM pg_roles WHERE rolname IN ('switchboard_tenant', 'switchboard_system') \
               AND to_regclass('audit_events') IS NOT NULL \
               AND has_table_privilege(rolname, 'audit_events', 'UPDATE, DELETE, TRUNCATE')";
    let mut faults = Vec::new();
    for row in query(db, sql).await? {
        let role: String = row.try_get("", "role")?;
        faults.push(format!(
            "{role} may change the audit trail: REVOKE UPDATE, DELETE, TRUNCATE ON audit_events FROM {role};"
        ));
    }
    // `O` and `A`: the trigger fires in an ordinary session.
    let sql = "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass('audit_events') AND tgname = 'append_only' \
               AND tgenabled IN ('O', 'A')";
    if query(db, sql).await?.is_empty() {
        faults.push(
            "the audit trail's owner may change it: DROP TRIGGER IF EXISTS append_only ON audit_events; CREATE TRIGGER \
             append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION \
             audit_events_append_only();"
                .to_owned(),
        );
    }
    Ok(faults)
}

/// Checks that a tenant that does not exist sees no rows, as it would see none of another tenant.
async fn strangers_rows(
    db: &Pool,
    tables: &[Table],
    stranger: TenantId,
) -> Result<Option<String>, StoreError> {
    // Never committed: rolled back when dropped.
    // By the same door as real tenants, so that the role and the claims it sets are tested too.
    let transaction = doors::begin_as(db, stranger).await?;
    let of_tenants = tables.iter().filter(|table| table.tenants_may_read && table.name != SHARED);
    for Table { name: table, .. } in of_tenants {
        if sees_rows(&transaction, table).await? {
            return Ok(Some(format!(
                "a tenant sees another tenant's rows of {table}, so auth.uid() does not return the caller: CREATE OR REPLACE FUNCTION \
                 auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$SELECT \
                 nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid$$;"
            )));
        }
    }
    Ok(None)
}

/// Checks that the login role sees no rows without a tenant.
async fn unscoped_rows(db: &Pool, table: &str) -> Result<Option<String>, StoreError> {
    if !sees_rows(db, table).await? {
        return Ok(None);
    }
    Ok(Some(format!(
        "the login role sees rows of {table} without being a tenant: ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, \
         FORCE ROW LEVEL SECURITY; and drop policies of other roles than switchboard_tenant and switchboard_system"
    )))
}

/// Whether any row of a table is visible, by a sample of [`SAMPLED_BYTES`]. A role that sees nothing would otherwise read the
/// whole table, at every start and every minute.
async fn sees_rows(db: &impl ConnectionTrait, table: &str) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT 1 FROM {table} TABLESAMPLE SYSTEM (least(100, {SAMPLED_BYTES} * 100.0 / greatest(1, \
         pg_relation_size('{table}')))) LIMIT 1"
    );
    Ok(!query(db, &sql).await?.is_empty())
}

/// The policy that shows a tenant its own rows, or those of [`SHARED`]; `None` for a table that no tenant may see.
fn tenant_policy(table: &Table) -> Option<String> {
    let name = &table.name;
    if name == SHARED {
        return Some(format!(
            "DROP POLICY IF EXISTS tenants_read ON {name}; CREATE POLICY tenants_read ON {name} FOR SELECT TO \
             switchboard_tenant USING ((SELECT auth.uid()) IS NOT NULL); "
        ));
    }
    let key = table.tenant_key?;
    Some(format!(
        "CREATE POLICY tenant_isolation ON {name} TO switchboard_tenant USING ({key} = (SELECT auth.uid())) WITH CHECK \
         ({key} = (SELECT auth.uid())); "
    ))
}

fn system_policy(table: &str) -> String {
    format!(
        "CREATE POLICY system_all ON {table} TO switchboard_system USING (current_user = 'switchboard_system') WITH CHECK \
         (current_user = 'switchboard_system');"
    )
}
