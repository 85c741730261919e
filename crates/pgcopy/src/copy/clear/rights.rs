//! What every database has from its beginning, and a copy changes: the schema `public`, and who may do what.

use super::super::statements::{Failure, Runner, Statement};
use crate::Result;
use crate::connect::Reader;
use restage_core::schema::quote_identifier;

/// Makes all of it what it is in a database that was just made; returns notes on what could not be.
pub(super) async fn restore(target: Reader<'_>, runner: &Runner<'_>) -> Result<Vec<String>> {
    // Rights name the owner, so that they come after it.
    let mut notes = runner.run(&public_schema(target).await?).await?;
    notes.extend(runner.run(&privileges(target).await?).await?);
    Ok(notes)
}

/// Whoever granted the first rights on it owned it then.
const PUBLIC: &str = "SELECT CASE WHEN first.owner <> n.nspowner THEN pg_get_userbyid(first.owner) END, \
            obj_description(n.oid, 'pg_namespace') IS DISTINCT FROM 'standard public schema' \
     FROM pg_namespace n, \
       (SELECT i.objoid, min(a.grantor::int8)::oid FROM pg_init_privs i, aclexplode(i.initprivs) a \
         WHERE i.classoid = 'pg_namespace'::regclass GROUP BY 1) AS first (schema, owner) \
     WHERE n.nspname = 'public' AND first.schema = n.oid";

async fn public_schema(target: Reader<'_>) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    for row in target.query("look at the schema `public`", PUBLIC, &[]).await? {
        if let Some(owner) = row.get::<_, Option<String>>(0) {
            let sql = format!("ALTER SCHEMA public OWNER TO {};", quote_identifier(&owner));
            statements.push(noted(format!("give the schema `public` back to `{owner}`"), sql));
        }
        if row.get(1) {
            let sql = "COMMENT ON SCHEMA public IS 'standard public schema';".to_owned();
            statements.push(noted("comment on the schema `public`".to_owned(), sql));
        }
    }
    Ok(statements)
}

/// Default privileges, of which there are none at first, and rights on what the server brings; a table's include its columns'.
/// Below 16384 are the object ids of what was there first.
const PRIVILEGES: &str = "WITH standing (prefix, what, acl, wanted) AS ( \
       SELECT 'ALTER DEFAULT PRIVILEGES FOR ROLE ' || quote_ident(pg_get_userbyid(d.defaclrole)) \
                || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), '') || ' ', \
              CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' \
                WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END, \
              d.defaclacl, \
              CASE WHEN d.defaclnamespace <> 0 THEN NULL WHEN d.defaclobjtype = 'S' THEN acldefault('s', d.defaclrole) \
                ELSE acldefault(d.defaclobjtype, d.defaclrole) END \
         FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace \
       UNION ALL \
       SELECT '', o.what, coalesce(o.acl, acldefault(o.class, o.owner)), coalesce(i.initprivs, acldefault(o.class, o.owner)) \
         FROM (SELECT 'pg_namespace'::regclass, oid, 'SCHEMA ' || quote_ident(nspname), nspacl, nspowner, 'n'::\"char\" FROM pg_namespace \
               UNION ALL SELECT 'pg_class'::regclass, oid, 'TABLE ' || oid::regclass, relacl, relowner, 'r' FROM pg_class WHERE relkind IN ('r', 'v') \
               UNION ALL SELECT 'pg_proc'::regclass, oid, 'ROUTINE ' || oid::regprocedure, proacl, proowner, 'f' FROM pg_proc \
               UNION ALL SELECT 'pg_language'::regclass, oid, 'LANGUAGE ' || quote_ident(lanname), lanacl, lanowner, 'l' FROM pg_language \
              ) AS o (catalog, oid, what, acl, owner, class) \
           LEFT JOIN pg_init_privs i ON i.classoid = o.catalog AND i.objoid = o.oid AND i.objsubid = 0 \
         WHERE o.oid < 16384) \
     SELECT prefix, what, \
            ARRAY(SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END \
                    FROM aclexplode(acl)), \
            ARRAY(SELECT privilege_type || ' ON ' || what || ' TO ' \
                           || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END \
                           || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END \
                    FROM aclexplode(wanted)) \
     FROM standing WHERE wanted IS NULL OR NOT (acl @> wanted AND wanted @> acl)";

async fn privileges(target: Reader<'_>) -> Result<Vec<Statement>> {
    let rows = target.query("look who may do what", PRIVILEGES, &[]).await?;
    let statement = |row: &tokio_postgres::Row| {
        let (prefix, what): (&str, &str) = (row.get(0), row.get(1));
        let (grantees, wanted): (Vec<&str>, Vec<&str>) = (row.get(2), row.get(3));
        let revoke = grantees.iter().map(|grantee| format!("{prefix}REVOKE ALL ON {what} FROM {grantee} CASCADE;"));
        let grant = wanted.iter().map(|wanted| format!("{prefix}GRANT {wanted};"));
        noted(format!("take back who may use `{what}`"), revoke.chain(grant).collect())
    };
    Ok(rows.iter().map(statement).collect())
}

fn noted(doing: String, sql: String) -> Statement {
    Statement { doing, sql, failure: Failure::Noted }
}
