//! What a repair changes in a history, as data: it is shown before it is done.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::checksum::Checksum;
use crate::history::{Row, RowType, cut_description, next_rank};
use crate::scripts::{Script, Scripts};
use crate::settings::{Settings, Target};
use crate::state::{Migration, State, States, picks};

/// One change of a history; each is one statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The row of a failed migration goes.
    DeleteFailed {
        /// The row.
        row: Row,
    },
    /// A row whose script is gone counts no more, which another row says.
    MarkDeleted {
        /// The row whose script is gone.
        row: Row,
        /// The row to be written.
        mark: Row,
    },
    /// A row becomes what its script says.
    Align {
        /// The row as it is.
        row: Row,
        /// Its description to be.
        description: String,
        /// Its type to be.
        #[serde(rename = "type")]
        sort: RowType,
        /// Its checksum to be.
        checksum: Checksum,
    },
}

/// The changes that make a history valid again, in the order in which they are made; rows are in the order of their ranks.
pub fn plan(scripts: &Scripts, rows: &[Row], settings: &Settings, installed_by: &str) -> Result<Vec<Change>> {
    let (failed, kept): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| !row.success && is_picked(row, settings));
    let everything = Settings { target: Target::Latest, ..settings.clone() };
    let states = States::resolve_some(scripts, &kept, &everything)?;
    let mut changes: Vec<_> = failed.into_iter().map(|row| Change::DeleteFailed { row: row.clone() }).collect();
    let mut rank = kept.last().map_or_else(|| next_rank(&[]), |last| next_rank(std::slice::from_ref(last)));
    for row in states.migrations.iter().filter_map(|migration| gone(migration, settings)) {
        let mark = Row {
            installed_rank: rank,
            sort: RowType::Delete,
            installed_by: installed_by.to_owned(),
            execution_time: 0,
            installed_on: None,
            ..row.clone()
        };
        changes.push(Change::MarkDeleted { row: row.clone(), mark });
        rank = rank.saturating_add(1);
    }
    changes.extend(states.migrations.iter().filter_map(align));
    Ok(changes)
}

fn is_picked(row: &Row, settings: &Settings) -> bool {
    let picked = &settings.cherry_pick;
    picked.is_empty() || picked.iter().any(|pick| picks(pick, row.version.as_ref(), &row.description))
}

/// The row of a migration whose script is gone, unless such are ignored.
///
/// Programs are not gone, they are only never seen here: marked as deleted, Flyway would run them once more.
fn gone<'data>(migration: &Migration<'data>, settings: &Settings) -> Option<&'data Row> {
    let row = migration.row.filter(|row| row.sort.is_sql() && !row.sort.is_undo())?;
    let missing = matches!(migration.state, State::Missing | State::MissingFailed | State::Future | State::FutureFailed);
    let ignored = settings.ignore_migration_patterns.iter().any(|pattern| pattern.matches(migration.migrations(), migration.state));
    (missing && !ignored).then_some(row)
}

fn align(migration: &Migration<'_>) -> Option<Change> {
    let (row, script) = (migration.row?, migration.script?);
    if row.sort.is_synthetic() || matches!(migration.state, State::Undone | State::Ignored) || !differs(row, script) {
        return None;
    }
    Some(Change::Align {
        row: row.clone(),
        description: cut_description(&script.description),
        sort: RowType::of(&script.sort),
        checksum: script.checksum,
    })
}

/// Whether a row has to follow its script; that of a changed repeatable migration has not, for the script is applied again.
fn differs(row: &Row, script: &Script) -> bool {
    if row.version.is_none() {
        return script.matches_only_raw_text(row.checksum);
    }
    !script.matches(row.checksum)
        || row.description != cut_description(&script.description)
        || row.sort != RowType::of(&script.sort)
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |row: &Row| match &row.version {
            Some(version) => format!("rank {}, version `{version}` (`{}`)", row.installed_rank, row.script),
            None => format!("rank {}, `{}` (`{}`)", row.installed_rank, row.description, row.script),
        };
        match self {
            Self::DeleteFailed { row } => write!(formatter, "delete the failed row of {}", named(row)),
            Self::MarkDeleted { row, mark } => {
                write!(formatter, "mark {} as deleted, in a row of rank {}", named(row), mark.installed_rank)
            }
            Self::Align { row, description, sort, checksum } => {
                write!(formatter, "align {}:", named(row))?;
                let mut changes = Vec::new();
                if row.description != *description {
                    changes.push(format!(" description `{}` becomes `{description}`", row.description));
                }
                if row.sort != *sort {
                    changes.push(format!(" type {} becomes {sort}", row.sort));
                }
                if row.checksum != Some(*checksum) {
                    let before = row.checksum.map_or("nothing".to_owned(), |before| before.0.to_string());
                    changes.push(format!(" checksum {before} becomes {}", checksum.0));
                }
                formatter.write_str(&changes.join(","))
            }
        }
    }
}
