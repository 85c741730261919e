//! Histories of schema migrations, compared by identity and never by their number.

use crate::schema::{Table, TableName, TypeKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A tool that records the migrations it applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationTool {
    /// Flyway (`flyway_schema_history`, or another name with its columns).
    Flyway,
    /// Liquibase (`databasechangelog`).
    Liquibase,
    /// Alembic (`alembic_version`).
    Alembic,
    /// Rails (`schema_migrations`).
    Rails,
    /// knex (`knex_migrations`).
    Knex,
    /// Django (`django_migrations`).
    Django,
    /// sqlx (`_sqlx_migrations`).
    Sqlx,
    /// Prisma (`_prisma_migrations`).
    Prisma,
}

impl MigrationTool {
    /// The tool whose history a table is, told by its columns where these are telling, and by its name where they are not.
    pub fn recording(name: &TableName, table: &Table) -> Option<Self> {
        let has = |wanted: &[&str]| wanted.iter().all(|column| table.columns.iter().any(|known| known.name.0 == *column));
        let only = |wanted: &[&str]| table.columns.len() == wanted.len() && has(wanted);
        if has(&["installed_rank", "version", "description", "type", "script", "checksum", "success"]) {
            return Some(Self::Flyway);
        }
        if has(&["id", "author", "filename", "orderexecuted", "exectype", "md5sum"]) {
            return Some(Self::Liquibase);
        }
        if has(&["migration_name", "checksum", "finished_at", "rolled_back_at", "applied_steps_count"]) {
            return Some(Self::Prisma);
        }
        if has(&["version", "description", "installed_on", "success", "checksum", "execution_time"]) {
            return Some(Self::Sqlx);
        }
        if only(&["id", "name", "batch", "migration_time"]) {
            return Some(Self::Knex);
        }
        if only(&["version_num"]) {
            return Some(Self::Alembic);
        }
        if name.name == "django_migrations" && has(&["app", "name", "applied"]) {
            return Some(Self::Django);
        }
        // Other tools have a table of this name with a number in it, and more columns.
        let text = |table: &Table| matches!(table.columns[0].kind, TypeKind::Text { .. });
        // An application may put a prefix before the names of all its tables, or a suffix behind them.
        (name.name.contains("schema_migrations") && only(&["version"]) && text(table)).then_some(Self::Rails)
    }

    /// The tool that keeps a table for itself: its history, or what it has beside that, such as a lock.
    pub fn keeping(name: &TableName, table: &Table) -> Option<Self> {
        let only = |wanted: &[&str]| {
            table.columns.len() == wanted.len() && table.columns.iter().all(|column| wanted.contains(&column.name.0.as_str()))
        };
        if only(&["id", "locked", "lockgranted", "lockedby"]) {
            return Some(Self::Liquibase);
        }
        if name.name.ends_with("_lock") && (only(&["index", "is_locked"]) || only(&["is_locked"])) {
            return Some(Self::Knex);
        }
        if name.name.contains("ar_internal_metadata") && only(&["key", "value", "created_at", "updated_at"]) {
            return Some(Self::Rails);
        }
        Self::recording(name, table)
    }
}

impl fmt::Display for MigrationTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flyway => "Flyway",
            Self::Liquibase => "Liquibase",
            Self::Alembic => "Alembic",
            Self::Rails => "Rails",
            Self::Knex => "knex",
            Self::Django => "Django",
            Self::Sqlx => "sqlx",
            Self::Prisma => "Prisma",
        })
    }
}

/// The migrations that a database's history says were applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationHistory {
    /// Whose history it is.
    pub tool: MigrationTool,
    /// The table.
    pub table: TableName,
    /// What was applied, in the order of application.
    pub applied: Vec<AppliedMigration>,
}

/// One applied migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedMigration {
    /// What makes it this migration and no other: version or script or id, as the tool has it.
    pub id: String,
    /// The checksum of its content, if the tool records one.
    pub checksum: Option<String>,
    /// Whether it succeeded.
    pub success: bool,
}

/// How two histories differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationDifference {
    /// Applied in production only.
    pub source_only: Vec<String>,
    /// Applied on the target only.
    pub target_only: Vec<String>,
    /// Applied on both with different content.
    pub changed: Vec<String>,
    /// Recorded as failed, on either side.
    pub failed: Vec<String>,
}

impl MigrationDifference {
    /// Compares two histories of the same tool.
    pub fn between(source: &MigrationHistory, target: &MigrationHistory) -> Self {
        let by_id = |history: &'_ MigrationHistory| -> BTreeMap<String, Option<String>> {
            let good = history.applied.iter().filter(|migration| migration.success);
            good.map(|migration| (migration.id.clone(), migration.checksum.clone())).collect()
        };
        let (ours, theirs) = (by_id(source), by_id(target));
        let only = |these: &BTreeMap<String, _>, those: &BTreeMap<String, _>| -> Vec<String> {
            these.keys().filter(|id| !those.contains_key(*id)).cloned().collect()
        };
        let changed =
            ours.iter().filter(|(id, sum)| theirs.get(*id).is_some_and(|other| sum.is_some() && other.is_some() && other != *sum));
        let failed = source.applied.iter().chain(&target.applied).filter(|migration| !migration.success);
        Self {
            source_only: only(&ours, &theirs),
            target_only: only(&theirs, &ours),
            changed: changed.map(|(id, _)| id.clone()).collect(),
            failed: failed.map(|migration| migration.id.clone()).collect(),
        }
    }
    /// Whether there is no difference at all.
    pub fn is_none(&self) -> bool {
        self == &Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(ids: &[(&str, &str)]) -> MigrationHistory {
        let applied =
            ids.iter().map(|(id, sum)| AppliedMigration { id: (*id).into(), checksum: Some((*sum).into()), success: true });
        MigrationHistory {
            tool: MigrationTool::Flyway,
            table: TableName::new("public", "flyway_schema_history"),
            applied: applied.collect(),
        }
    }

    #[test]
    fn the_same_number_of_different_migrations_is_a_difference() {
        let difference = MigrationDifference::between(&history(&[("1", "a"), ("2", "b")]), &history(&[("1", "a"), ("3", "c")]));
        assert_eq!((difference.source_only, difference.target_only), (vec!["2".to_owned()], vec!["3".to_owned()]));
    }

    #[test]
    fn changed_content_is_a_difference() {
        let difference = MigrationDifference::between(&history(&[("1", "a")]), &history(&[("1", "b")]));
        assert_eq!(difference.changed, ["1"]);
    }
}
