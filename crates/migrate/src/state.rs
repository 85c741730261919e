//! What history and scripts say together: every migration that either knows, each in one state.
//!
//! The rules are Flyway's, oddities included, so that both tools show the same and apply the same.

mod resolve;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::{Row, RowType, cut_description};
use crate::name::Sort;
use crate::scripts::{Script, Scripts};
use crate::settings::{IgnorePattern, Migrations, Settings, Target};
use crate::version::Version;
use crate::{Kind, Result};

pub(crate) use resolve::picks;

/// All migrations of a history and its scripts.
#[derive(Clone, Debug)]
pub struct States<'data> {
    /// Those below a baseline, those that were applied as they were, and those that were not by version and description.
    pub migrations: Vec<Migration<'data>>,
    /// The highest baseline that was applied.
    pub(crate) applied_baseline: Option<&'data Version>,
}

/// A migration that has a row, a script, or both.
#[derive(Clone, Copy, Debug)]
pub struct Migration<'data> {
    /// Its row in the history.
    pub row: Option<&'data Row>,
    /// Its script.
    pub script: Option<&'data Script>,
    /// What is the matter with it.
    pub state: State,
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The state of a migration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum State {
            $($(#[$doc])* $name,)*
        }

        impl State {
            /// Flyway's name for it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

states! {
    /// To be applied by the next run.
    Pending = "Pending",
    /// Not applied, and not by a run either, for its target is lower.
    AboveTarget = "Above Target",
    /// Not applied, as a baseline stands for it.
    BelowBaseline = "Below Baseline",
    /// Not applied, as a baseline of its own version stands for it.
    BaselineIgnored = "Ignored (Baseline)",
    /// A baseline that was applied.
    Baseline = "Baseline",
    /// Not applied, as a higher version was; or left out by its own `.conf` or by what is picked.
    Ignored = "Ignored",
    /// Applied, and its script is gone.
    Missing = "Missing",
    /// Failed, and its script is gone.
    MissingFailed = "Failed (Missing)",
    /// Applied.
    Success = "Success",
    /// Applied and undone.
    Undone = "Undone",
    /// An undo script that can be run.
    Available = "Available",
    /// Failed.
    Failed = "Failed",
    /// Applied after a higher version.
    OutOfOrder = "Out of Order",
    /// Applied, with a version above those of all scripts.
    Future = "Future",
    /// Failed, with a version above those of all scripts.
    FutureFailed = "Failed (Future)",
    /// A repeatable migration whose script has changed since.
    Outdated = "Outdated",
    /// A repeatable migration that was applied again later.
    Superseded = "Superseded",
    /// Applied, and counted no more after a repair.
    Deleted = "Deleted",
}

impl State {
    /// Whether the history has it.
    pub fn is_applied(self) -> bool {
        !matches!(
            self,
            Self::Pending | Self::AboveTarget | Self::BelowBaseline | Self::BaselineIgnored | Self::Ignored | Self::Available
        )
    }

    /// Whether it has failed.
    pub fn is_failed(self) -> bool {
        matches!(self, Self::Failed | Self::MissingFailed | Self::FutureFailed)
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl<'data> Migration<'data> {
    /// Its version; of row and script the row counts, here and below.
    pub fn version(&self) -> Option<&'data Version> {
        match (self.row, self.script) {
            (Some(row), _) => row.version.as_ref(),
            (None, script) => script.and_then(|script| script.sort.version()),
        }
    }

    /// Its description.
    pub fn description(&self) -> &'data str {
        match (self.row, self.script) {
            (Some(row), _) => &row.description,
            (None, script) => script.map_or("", |script| &script.description),
        }
    }

    /// What its row is or would be about.
    pub fn row_type(&self) -> RowType {
        match (self.row, self.script) {
            (Some(row), _) => row.sort,
            (None, script) => script.map_or(RowType::Sql, |script| RowType::of(&script.sort)),
        }
    }

    /// What its script is called in the history.
    pub fn script_name(&self) -> &'data str {
        match (self.row, self.script) {
            (Some(row), _) => &row.script,
            (None, script) => script.map_or("", |script| &script.file.script),
        }
    }

    /// Which patterns it is matched by.
    pub fn migrations(&self) -> Migrations {
        if self.version().is_some() { Migrations::Versioned } else { Migrations::Repeatable }
    }

    /// Whether its version is one that the schema has or may have; that of an undo is one it has no more.
    fn is_versioned(&self) -> bool {
        self.version().is_some() && !self.row_type().is_undo()
    }

    /// Whether it is part of what the schema is now.
    fn is_live(&self) -> bool {
        self.state.is_applied()
            && !matches!(self.state, State::Deleted | State::Undone)
            && self.row_type() != RowType::Delete
            && !self.row_type().is_undo()
    }
}

impl<'data> States<'data> {
    /// Every migration of the scripts and of the history's rows, which are in the order of their ranks.
    ///
    /// It is an error if the target is a version that neither has, or if a row was deleted twice.
    pub fn resolve(scripts: &'data Scripts, rows: &'data [Row], settings: &Settings) -> Result<Self> {
        resolve::resolve(scripts, &rows.iter().collect::<Vec<_>>(), settings)
    }

    /// As [`States::resolve`], of some of the rows.
    pub(crate) fn resolve_some(scripts: &'data Scripts, rows: &[&'data Row], settings: &Settings) -> Result<Self> {
        resolve::resolve(scripts, rows, settings)
    }

    /// The migration that the schema is at: the one applied with the highest version; without versions, the last repeatable one.
    pub fn current(&self) -> Option<&Migration<'data>> {
        let live = || self.migrations.iter().filter(|migration| migration.is_live());
        // Of equal versions the first counts, as for Flyway.
        let highest = live()
            .filter(|migration| migration.is_versioned())
            .reduce(|best, next| if next.version() > best.version() { next } else { best });
        highest.or_else(|| live().rfind(|migration| migration.version().is_none()))
    }

    /// Those that are pending, in the order in which they are applied.
    pub fn pending(&self) -> impl Iterator<Item = &Migration<'data>> {
        self.migrations.iter().filter(|migration| migration.state == State::Pending)
    }

    /// The scripts that a run applies, one after another: versioned ones, then repeatable ones; those picked in their order.
    pub fn to_run(&self, settings: &Settings) -> Vec<&'data Script> {
        let mut scripts: Vec<_> = self.pending().filter_map(|migration| migration.script).collect();
        if !settings.cherry_pick.is_empty() {
            let place = |script: &&Script| {
                settings.cherry_pick.iter().position(|pick| picks(pick, script.sort.version(), &script.description))
            };
            scripts.sort_by_key(place);
        }
        if settings.target == Target::Next && !settings.group {
            scripts.truncate(1);
        }
        scripts
    }

    /// Why nothing may be run: a migration has failed; one alone from the future does not count if such are ignored.
    pub fn blocked(&self, settings: &Settings) -> Result<()> {
        let failed: Vec<_> = self.migrations.iter().filter(|migration| migration.state.is_failed()).collect();
        let (Some(first), ignored) = (failed.first(), ignores(&settings.ignore_migration_patterns, State::Future)) else {
            return Ok(());
        };
        if failed.len() == 1 && first.state == State::FutureFailed && ignored {
            return Ok(());
        }
        let what = match first.version() {
            Some(version) => format!("the migration to version `{version}` (`{}`) has failed before", first.script_name()),
            None => format!("the repeatable migration `{}` has failed before", first.description()),
        };
        Err(Kind::Invalid.error(what).help("take back what it left half done, then run `restage migrate repair`"))
    }

    /// The scripts that undo the current version, or with a version all above that one; the newest first.
    ///
    /// It is an error if one of these versions has no undo script.
    pub fn to_undo(&self, down_to: Option<&Version>) -> Result<Vec<&'data Script>> {
        let mut applied: Vec<_> =
            self.migrations.iter().filter(|migration| migration.is_live() && migration.is_versioned()).collect();
        applied.retain(|migration| !migration.row_type().is_synthetic() && !migration.row_type().is_baseline());
        applied.sort_by(|left, right| right.version().cmp(&left.version()));
        match down_to {
            None => applied.truncate(1),
            Some(version) => applied.retain(|migration| migration.version() > Some(version)),
        }
        applied.into_iter().map(|migration| self.undo_of(migration)).collect()
    }

    fn undo_of(&self, migration: &Migration<'data>) -> Result<&'data Script> {
        let script = self.migrations.iter().find_map(|candidate| {
            let script = candidate.script.filter(|script| matches!(script.sort, Sort::Undo(_)))?;
            (candidate.state == State::Available && candidate.version() == migration.version()).then_some(script)
        });
        script.ok_or_else(|| {
            let version = migration.version().map_or("", Version::as_str);
            Kind::Invalid
                .error(format_args!("version `{version}` (`{}`) has no undo script", migration.script_name()))
                .help(format_args!("write one, whose name begins with `U{version}__`"))
        })
    }
}

/// Whether patterns together match all migrations in a state.
pub(crate) fn ignores(patterns: &[IgnorePattern], state: State) -> bool {
    [Migrations::Versioned, Migrations::Repeatable]
        .into_iter()
        .all(|migrations| patterns.iter().any(|pattern| pattern.matches(migrations, state)))
}

/// Whether a script's description is the one that a row has.
pub(crate) fn same_description(script: &Script, row: &Row) -> bool {
    // What databases that know no empty text have for one; a history may have come from there.
    if row.description == "<< no description >>" {
        return script.description.is_empty();
    }
    cut_description(&script.description) == row.description
}
