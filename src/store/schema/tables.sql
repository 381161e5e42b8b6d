SELECT
    quote_ident(relname) AS name,
    EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped) AS of_tenants,
    relrowsecurity AND relforcerowsecurity AS forced,
    (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) AS policies,
    coalesce((
        SELECT has_any_column_privilege(r.oid, c.oid, 'SELECT') FROM pg_roles r WHERE rolname = 'switchboard_tenant'
    ), false) AS tenants_may_read,
    has_any_column_privilege(c.oid, 'SELECT') AS login_may_read
FROM pg_class c
WHERE relkind IN ('r', 'p')
    AND relnamespace = to_regnamespace(quote_ident(current_schema()))
    AND relname <> 'seaql_migrations'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
    AND (
        relowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('seaql_migrations'))
        OR EXISTS (
            SELECT FROM aclexplode(relacl) JOIN pg_roles r ON r.oid = grantee
            WHERE rolname IN ('switchboard_tenant', 'switchboard_system')
        )
    )
ORDER BY relname
