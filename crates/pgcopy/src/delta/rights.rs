//! Owners and grants of what came back: those it has on the target.

use super::making::Maker;
use super::selection::Selection;
use crate::archive::Entry;
use crate::keep::text;
use crate::{Kind, Result};
use restage_core::facts::ObjectKind;
use restage_core::schema::{quote_identifier, quote_literal};
use std::collections::BTreeSet;

/// Gives everything that was made to its owner, grants what the target grants on it, and comments on it.
///
/// What the server does not allow, because restage's role may not act for an owner, is left: the object stays usable.
pub(super) async fn give(maker: &mut Maker<'_>, selection: &Selection<'_>) -> Result<()> {
    let made: Vec<&Entry> = maker.made().to_vec();
    let login = login(maker).await?;
    // A column's sequence follows its table.
    let owned: BTreeSet<(&str, &str)> = made
        .iter()
        .filter(|entry| entry.kind == ObjectKind::SequenceOwnedBy)
        .map(|entry| (entry.schema.as_str(), entry.name.as_str()))
        .collect();
    for entry in &made {
        withdraw_defaults(maker, entry).await?;
        let follows = entry.kind == ObjectKind::Sequence && owned.contains(&(entry.schema.as_str(), entry.name.as_str()));
        if entry.owner != login && !entry.owner.is_empty() && !follows {
            give_away(maker, entry).await?;
        }
    }
    for entry in &selection.grants {
        allowed(maker.attempt(&format!("grant what `{}` says", entry.label()), &entry.sql).await)?;
    }
    for entry in &selection.remarks {
        allowed(maker.attempt(&format!("comment as `{}` says", entry.label()), &entry.sql).await)?;
    }
    Ok(())
}

async fn login(maker: &Maker<'_>) -> Result<String> {
    let rows = maker.shadow.reader().query("read the login role", "SELECT current_user::text", &[]).await?;
    rows.first().map_or_else(|| Ok(String::new()), |row| text(row, 0))
}

/// A new owner must be allowed to create in the schema at that moment.
async fn give_away(maker: &Maker<'_>, entry: &Entry) -> Result<()> {
    let Some(described) = entry.described().filter(|_| entry.kind.can_be_given()) else { return Ok(()) };
    let owner = quote_identifier(&entry.owner);
    let give = format!("ALTER {described} OWNER TO {owner}");
    let doing = format!("give `{}` to `{}`", entry.label(), entry.owner);
    if entry.schema.is_empty() || may_create(maker, entry).await? {
        return allowed(maker.attempt(&doing, &give).await);
    }
    let schema = quote_identifier(&entry.schema);
    let sql = format!("GRANT CREATE ON SCHEMA {schema} TO {owner}; {give}; REVOKE CREATE ON SCHEMA {schema} FROM {owner}");
    allowed(maker.attempt(&doing, &sql).await)
}

async fn may_create(maker: &Maker<'_>, entry: &Entry) -> Result<bool> {
    let sql = format!(
        "SELECT has_schema_privilege(r.oid, {}, 'CREATE')::text FROM pg_roles r WHERE r.rolname = {}",
        quote_literal(&entry.schema),
        quote_literal(&entry.owner)
    );
    let rows = maker.shadow.reader().query("look at the rights of an owner", &sql, &[]).await?;
    rows.first().map_or(Ok(false), |row| Ok(text(row, 0)? == "true"))
}

/// Default privileges gave the new relation grants that it does not have on the target.
async fn withdraw_defaults(maker: &Maker<'_>, entry: &Entry) -> Result<()> {
    if !entry.kind.is_relation() && entry.kind != ObjectKind::Sequence {
        return Ok(());
    }
    let name = restage_core::schema::TableName::new(entry.schema.clone(), entry.name.clone());
    let sql = format!(
        "SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END \
         FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = to_regclass({}) AND a.grantee <> c.relowner",
        quote_literal(&name.sql())
    );
    let word = if entry.kind == ObjectKind::Sequence { "SEQUENCE" } else { "TABLE" };
    for row in maker.shadow.reader().query("look at grants", &sql, &[]).await? {
        let revoke = format!("REVOKE ALL ON {word} {} FROM {}", name.sql(), text(&row, 0)?);
        allowed(maker.attempt(&format!("withdraw default grants on `{name}`"), &revoke).await)?;
    }
    Ok(())
}

fn allowed(done: Result<()>) -> Result<()> {
    match done {
        Err(error) if matches!(error.kind, Kind::PermissionDenied | Kind::Missing) => Ok(()),
        done => done,
    }
}
