//! What is known by its name alone: extensions, schemas, roles, publications, subscriptions and event triggers.

use super::{EVENT_TRIGGERS_OF_USERS, MADE_BY_USERS};
use crate::Result;
use crate::connect::Reader;
use restage_core::schema::{Schema, TableName};
use std::collections::BTreeSet;

pub(super) async fn read(reader: Reader<'_>, schema: &mut Schema) -> Result<()> {
    let extensions = reader.query("list the extensions", "SELECT extname, extversion FROM pg_extension", &[]).await?;
    schema.extensions = extensions.iter().map(|row| (row.get(0), row.get(1))).collect();
    schema.namespaces = column(
        reader,
        "list the schemas",
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'",
    )
    .await?;
    schema.roles = column(reader, "list the roles", ROLES).await?;
    schema.publications = column(reader, "list the publications", "SELECT pubname FROM pg_publication").await?;
    let of_everything = "SELECT pubname FROM pg_publication WHERE puballtables";
    schema.publications_of_everything = column(reader, "list the publications", of_everything).await?;
    let subscriptions =
        "SELECT s.subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()";
    schema.subscriptions = column(reader, "list the subscriptions", subscriptions).await?;
    let event_triggers = format!("SELECT evtname FROM pg_event_trigger t WHERE {EVENT_TRIGGERS_OF_USERS}");
    schema.event_triggers = column(reader, "list the event triggers", &event_triggers).await?;
    let forced = format!("{FORCED_POLICIES} AND {MADE_BY_USERS}");
    let forced = reader.query("list the tables with forced policies", &forced, &[]).await?;
    schema.forced_policies = forced.iter().map(|row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1))).collect();
    Ok(())
}

const FORCED_POLICIES: &str = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relrowsecurity AND c.relforcerowsecurity";

/// Owners and grantees. The bootstrap superuser is in no dependency, so owners are also looked up directly.
const ROLES: &str = "SELECT r.rolname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.refobjid \
     WHERE d.datname = current_database() AND s.refclassid = 'pg_authid'::regclass \
     UNION SELECT pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
     UNION SELECT pg_get_userbyid(p.proowner) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
     UNION SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

async fn column(reader: Reader<'_>, doing: &str, sql: &str) -> Result<BTreeSet<String>> {
    let rows = reader.query(doing, sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
