//! What the login role may do.

use crate::Result;
use crate::catalog::EVENT_TRIGGERS_OF_USERS;
use crate::connect::Reader;
use restage_core::facts::Privileges;
use restage_core::schema::TableName;
use std::collections::BTreeSet;

pub(super) async fn read(reader: Reader<'_>) -> Result<Privileges> {
    let sql = "SELECT r.rolsuper, r.rolsuper OR r.rolcreatedb, pg_has_role(d.datdba, 'MEMBER'), \
                      r.rolsuper OR pg_has_role('pg_signal_backend', 'MEMBER'), r.rolsuper OR r.rolbypassrls \
               FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()";
    let rows = reader.query("read the login role's privileges", sql, &[]).await?;
    let row = &rows[0];
    let unreadable = unreadable(reader).await?;
    // Since version 16 a member may be forbidden to act for its role.
    let act = if reader.version() < 160_000 { "MEMBER" } else { "SET" };
    let owners =
        format!("SELECT DISTINCT pg_get_userbyid(owner) FROM ({OWNERS}) AS o(owner) WHERE NOT pg_has_role(owner, '{act}')");
    let owners = reader.query("list the owners", &owners, &[]).await?;
    let event_triggers = format!(
        "SELECT t.evtname FROM pg_event_trigger t WHERE {EVENT_TRIGGERS_OF_USERS} AND NOT pg_has_role(t.evtowner, '{act}')"
    );
    let event_triggers = reader.query("list the event triggers", &event_triggers, &[]).await?;
    Ok(Privileges {
        superuser: row.get(0),
        create_database: row.get(1),
        owns_database: row.get(2),
        signal_backends: row.get(3),
        bypass_row_security: row.get(4),
        unreadable,
        unreadable_large_objects: unreadable_large_objects(reader).await?,
        foreign_owners: owners.iter().map(|row| row.get(0)).collect(),
        foreign_event_triggers: event_triggers.iter().map(|row| row.get(0)).collect(),
    })
}

/// The tables and sequences that the login role may not read.
pub async fn unreadable(reader: Reader<'_>) -> Result<BTreeSet<TableName>> {
    let rows = reader.query("list the tables that cannot be read", UNREADABLE, &[]).await?;
    Ok(rows.iter().map(|row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1))).collect())
}

async fn unreadable_large_objects(reader: Reader<'_>) -> Result<u64> {
    let may_read = if reader.version() < 180_000 { MAY_READ_LARGE_OBJECT } else { "has_largeobject_privilege(m.oid, 'SELECT')" };
    let sql = format!("SELECT count(*) FROM pg_largeobject_metadata m WHERE NOT ({may_read})");
    let rows = reader.query("count the large objects that cannot be read", &sql, &[]).await?;
    Ok(rows[0].get::<_, i64>(0).unsigned_abs())
}

/// What servers before version 18 ask themselves and have no function for. `pg_read_all_data` is no answer to it.
const MAY_READ_LARGE_OBJECT: &str = "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \
     OR current_setting('lo_compat_privileges')::bool \
     OR EXISTS (SELECT FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a \
                WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))";

/// Tables with rows of their own and sequences; row security would hide rows, which must not pass for there being none.
const UNREADABLE: &str = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't' \
       AND (NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
            OR c.oid IN (SELECT unnest(e.extconfig) FROM pg_extension e)) \
       AND NOT (has_schema_privilege(n.oid, 'USAGE') AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') \
                ELSE has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid) END)";

/// Members of extensions are left out: they belong to whoever the server made them for, and come with the extension. So are the
/// constructors of range types, which always belong to the server's first superuser.
const OWNERS: &str = "SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
       WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.oid NOT IN (\
         SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e') \
     UNION SELECT p.proowner FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
       WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND p.oid NOT IN (\
         SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.deptype IN ('e', 'i')) \
     UNION SELECT t.typowner FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
       WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.typrelid = 0 AND t.typelem = 0 AND t.oid NOT IN (\
         SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.deptype = 'e') \
     UNION SELECT nspowner FROM pg_namespace n WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') AND n.oid NOT IN (\
         SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.deptype = 'e')";
