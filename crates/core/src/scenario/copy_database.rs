//! The stage `copy-database`: a live PostgreSQL database into the target.

mod keep;
mod limits;
mod masking;
mod replace;
mod selection;

pub use keep::{Keep, OnCollision, OnConflict, OnMissing};
pub use limits::CopyLimits;
pub use replace::{DEFAULT_DRAIN, DEFAULT_RETAIN, DEFAULT_SWAP_WITHIN, Replace, Swap};
pub use selection::Selection;

use super::migrations::{Scripts, WrittenLocations};
use super::reading::Reading;
use crate::document::{At, Text};
use crate::duration::Duration;
use crate::mask::Mask;
use crate::name::DatabaseName;
use crate::schema::{ColumnPath, TableName, TablePattern};
use keep::WrittenKeep;
use limits::WrittenLimits;
use masking::WrittenMask;
use replace::{WrittenReplace, WrittenSwap};
use schemars::JsonSchema;
use selection::WrittenRows;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use super::stage::WrittenShadowStage;

/// The deadline for copying where none is given.
pub const DEFAULT_WITHIN: Duration = Duration::from_hours(12);
/// The longest deadline for copying.
pub const MAX_WITHIN: Duration = Duration::from_days(7);

/// Copies a live PostgreSQL database into the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyDatabase {
    /// The database, which both environments have.
    pub database: DatabaseName,
    /// How the migrations of both ends must compare.
    pub migrations: Migrations,
    /// What is copied.
    pub selection: Selection,
    /// The tables whose target rows survive.
    pub keep: BTreeMap<TableName, Keep>,
    /// The columns that are masked.
    pub masks: BTreeMap<ColumnPath, Mask>,
    /// Columns that look personal and are copied as they are on purpose.
    pub unmasked: BTreeSet<ColumnPath>,
    /// What happens to objects that only the target has.
    pub deltas: Deltas,
    /// How the new data takes the place of the old.
    pub replace: Replace,
    /// How the copy is verified.
    pub verify: Verify,
    /// Whether publications are copied.
    pub publications: Publications,
    /// The deadline for copying.
    pub within: Duration,
    /// How many tables are copied at a time; chosen by the number of cores where not given.
    pub workers: Option<NonZeroU16>,
    /// What it may ask of both servers.
    pub limits: CopyLimits,
}

/// How the migrations of both ends must compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrations {
    /// The table that records them; recognised where not given.
    pub history: Option<TableName>,
    /// What must hold.
    pub require: Require,
    /// What brings the copy to the target's version before it is swapped in.
    pub apply: Option<Scripts>,
}

/// What must hold between the migrations of both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "require")]
pub enum Require {
    /// Both ends have the same migrations.
    #[default]
    Same,
    /// The target may have migrations that the source lacks; the source has none that the target lacks.
    TargetAhead,
    /// Anything goes.
    Any,
}

/// What happens to tables, columns, views and foreign keys that only the target has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "deltas")]
pub enum Deltas {
    /// They are created again on top of the new data, tables with their rows; what no longer fits is refused in the
    /// plan.
    #[default]
    Restore,
    /// They are gone afterwards.
    Drop,
    /// The plan is refused if there are any.
    Refuse,
}

/// How a copy is verified before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "verify")]
pub enum Verify {
    /// By the number of rows of every table, the validity of constraints and the position of sequences.
    #[default]
    Counts,
    /// As `counts`, and by a checksum of every unmasked column; both databases are read once more.
    Checksums,
}

/// Whether publications and subscriptions of logical replication are copied; copied subscriptions are disabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "publications")]
pub enum Publications {
    /// They are left out.
    #[default]
    Skip,
    /// They are copied.
    Copy,
}

/// Copies a live PostgreSQL database from the `from` environment into the `to` environment.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "copy-database")]
pub(super) struct WrittenCopyDatabase {
    /// The database, by its name in the environments file; both environments must have it.
    database: Text<DatabaseName>,
    /// How the migrations of both ends must compare; default the same ones, in whatever table records them.
    #[serde(default)]
    migrations: WrittenMigrations,
    /// Copies only the tables that fit one of these patterns, `table` or `schema.table` with `*` and `?`; default all.
    #[schemars(length(min = 1))]
    only: Option<Vec<Text<TablePattern>>>,
    /// Leaves out the tables that fit one of these patterns, their structure included; default none.
    #[serde(default)]
    without: Vec<Text<TablePattern>>,
    /// Copies only the structure of the tables that fit one of these patterns; default none.
    #[serde(default)]
    without_rows: Vec<Text<TablePattern>>,
    /// Copies only some rows of a table; default all rows of all tables.
    #[serde(default)]
    rows: Vec<WrittenRows>,
    /// Tables whose rows in the target survive; default none. An item is a table, or a map with its options.
    #[serde(default)]
    keep: Vec<WrittenKeep>,
    /// Columns that are masked on their way out of the source; default none. Needs the scenario's `mask-secret`.
    #[serde(default)]
    mask: Vec<WrittenMask>,
    /// Columns that look personal and may be copied as they are, which silences the plan's warning; default none.
    #[serde(default)]
    unmasked: Vec<Text<ColumnPath>>,
    /// What happens to tables, columns, views and foreign keys that only the target has; default `restore`.
    #[serde(default)]
    deltas: Deltas,
    /// How the new data takes the place of the old; default `swap`.
    #[serde(default)]
    replace: WrittenReplace,
    /// How long the old database is kept after a swap, 0s to 90d; default 1d. The run can be undone until then.
    retain: Option<Text<Duration>>,
    /// How the copy is verified before it is used; default `counts`.
    #[serde(default)]
    verify: Verify,
    /// Whether publications of logical replication are copied; default `skip`.
    #[serde(default)]
    publications: Publications,
    /// Stages that run on the new database before it is swapped in: `sql`, `run`, `check-http`, `wait-for`, `approve`
    /// and `parallel`; default none.
    #[serde(default)]
    before_swap: Vec<WrittenShadowStage>,
    /// How the sessions of the target are ended for the swap.
    swap: Option<WrittenSwap>,
    /// The deadline for copying, 1m to 7d; default 12h.
    within: Option<Text<Duration>>,
    /// How many tables are copied at a time, 1 to 64; default by the number of cores.
    #[schemars(range(min = 1, max = 64))]
    workers: Option<NonZeroU16>,
    /// What the copy may ask of both servers; default what they have free.
    #[serde(default)]
    limits: WrittenLimits,
}

/// How the migrations of both ends must compare.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "migrations")]
struct WrittenMigrations {
    /// The table that records the migrations; default recognised: Flyway, Liquibase, Alembic, Rails, knex, Django, sqlx
    /// and Prisma.
    history: Option<Text<TableName>>,
    /// What must hold before anything is copied; default `same`, with `apply` the target may be ahead.
    require: Option<Require>,
    /// Scripts that bring the copy to the target's version before it is swapped in, and before the stages of `before-swap`: a
    /// folder, relative to the scenario's folder; a list of folders; or `locations`, `config`, `settings` and `models`. Default
    /// none.
    apply: Option<WrittenLocations>,
}

impl WrittenCopyDatabase {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<CopyDatabase> {
        let database = self.database(at.key("database"), reading);
        let history_at = at.key("migrations").key("history");
        let history = self.migrations.history.as_ref().map(|table| reading.findings.parse(history_at, table));
        let apply = self.migrations.apply.as_ref().map(|apply| self.apply(apply, at.key("migrations"), reading));
        let selection = self.selection(at, reading);
        let keep = keep::read(&self.keep, at.key("keep"), &selection, reading);
        let masks = masking::read(&self.mask, at.key("mask"), &selection, reading);
        let unmasked = masking::read_unmasked(&self.unmasked, at.key("unmasked"), &masks, reading);
        let replace = self.replace.read(self, at, reading);
        let within_limits = Duration::from_minutes(1)..=MAX_WITHIN;
        let within = reading.duration(at.key("within"), self.within.as_ref(), DEFAULT_WITHIN, within_limits);
        let limits = self.limits.read(at.key("limits"), reading);
        Some(CopyDatabase {
            database: database?,
            migrations: Migrations {
                history: match history {
                    Some(history) => Some(history?),
                    None => None,
                },
                require: self.migrations.require.unwrap_or(if apply.is_some() { Require::TargetAhead } else { Require::Same }),
                apply: match apply {
                    Some(apply) => Some(apply?),
                    None => None,
                },
            },
            selection,
            keep,
            masks,
            unmasked,
            deltas: self.deltas,
            replace: replace?,
            verify: self.verify,
            publications: self.publications,
            within: within?,
            workers: self.workers,
            limits,
        })
    }

    fn apply(&self, apply: &WrittenLocations, at: At<'_>, reading: &mut Reading<'_>) -> Option<Scripts> {
        if let Some(require @ (Require::Same | Require::Any)) = self.migrations.require {
            let word = if require == Require::Same { "same" } else { "any" };
            let finding = reading.findings.at(at.key("require"), format!("with `apply`, `require: {word}` says something else"));
            finding.help("leave `require` out: the target may be ahead by what `apply` applies");
        }
        apply.read(at.key("apply"), reading)
    }

    /// The database, which must be in both environments and not be the same place in both.
    fn database(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<DatabaseName> {
        let name = reading.findings.parse(at, &self.database)?;
        let (from, to) = (reading.from.clone(), reading.to.clone());
        let source = reading.address(&name, at, from.as_ref());
        let target = reading.address(&name, at, to.as_ref());
        if let (Some(source), Some(target), Some((from, _)), Some((to, _))) = (source, target, &from, &to)
            && source.is_same_place(target)
            && from != to
        {
            let message =
                format!("`{name}` of `{from}` and of `{to}` is the same database, {}/{}", target.endpoint, target.database);
            reading.findings.at(at, message).help("correct one of the two addresses in the environments file");
        }
        if !reading.copied.insert(name.clone()) {
            let finding = reading.findings.at(at, format!("the scenario copies `{name}` twice"));
            finding.help("remove one of the two stages");
        }
        Some(name)
    }
}
