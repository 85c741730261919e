//! The histories of migration tools, recognised by their tables, under whatever name where the columns are telling.

use crate::connect::Reader;
use crate::{Kind, Result};
use restage_core::facts::{AppliedMigration, MigrationHistory, MigrationTool};
use restage_core::schema::{Schema, TableName};
use std::collections::BTreeSet;

/// Reads every history that is found and may be read.
pub async fn histories(reader: Reader<'_>, schema: &Schema, unreadable: &BTreeSet<TableName>) -> Result<Vec<MigrationHistory>> {
    let mut histories = Vec::new();
    for (name, table) in schema.tables.iter().filter(|(name, _)| !unreadable.contains(name)) {
        let Some(tool) = MigrationTool::recording(name, table) else { continue };
        histories.push(MigrationHistory { tool, table: name.clone(), applied: read(reader, tool, name).await? });
    }
    Ok(histories)
}

async fn read(reader: Reader<'_>, tool: MigrationTool, table: &TableName) -> Result<Vec<AppliedMigration>> {
    let doing = format!("read {tool}'s history `{table}`");
    let rows = reader.query(&doing, &query(tool, table), &[]).await.map_err(|error| match error.kind {
        Kind::Missing | Kind::Query => {
            error.help(format!("`{table}` looks like {tool}'s history and is not; give it another name"))
        }
        _ => error,
    })?;
    Ok(rows.iter().map(|row| AppliedMigration { id: row.get(0), checksum: row.get(1), success: row.get(2) }).collect())
}

/// A query for identity, checksum and success, in the order of application.
fn query(tool: MigrationTool, table: &TableName) -> String {
    let table = table.sql();
    match tool {
        // A version counts from its last entry, for it may have been undone and applied again; a repeatable migration has no
        // version and is known by its script.
        MigrationTool::Flyway => format!(
            "SELECT id, checksum, success FROM ( \
               SELECT DISTINCT ON (1) coalesce(version::text, script::text) AS id, checksum::text, success, type::text, installed_rank \
               FROM {table} WHERE type::text <> 'SCHEMA' ORDER BY 1, installed_rank DESC) AS last \
             WHERE type NOT LIKE 'UNDO%' AND type <> 'DELETE' ORDER BY installed_rank"
        ),
        MigrationTool::Liquibase => format!(
            "SELECT filename::text || '::' || id::text || '::' || author::text, md5sum::text, exectype::text <> 'FAILED' \
             FROM {table} ORDER BY orderexecuted, filename, id, author"
        ),
        MigrationTool::Alembic => format!("SELECT version_num::text, NULL::text, true FROM {table} ORDER BY version_num"),
        MigrationTool::Rails => format!("SELECT version::text, NULL::text, true FROM {table} ORDER BY version"),
        MigrationTool::Knex => format!("SELECT name::text, NULL::text, true FROM {table} ORDER BY id"),
        MigrationTool::Django => format!("SELECT app::text || '.' || name::text, NULL::text, true FROM {table} ORDER BY id"),
        MigrationTool::Sqlx => {
            format!("SELECT version::text, encode(checksum, 'hex'), success FROM {table} ORDER BY {table}.version")
        }
        // A migration that was rolled back may have another row, of its second try.
        MigrationTool::Prisma => format!(
            "SELECT migration_name::text, checksum::text, finished_at IS NOT NULL FROM {table} \
             WHERE rolled_back_at IS NULL ORDER BY started_at"
        ),
    }
}
