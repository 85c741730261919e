//! Migrations: the table of a history, and what a migrator found and did.

use super::{Table, fold, plural, seconds};
use crate::commands::migrate::info::{Entry, Known, Mark};
use crate::screen::{Screen, Style};
use restage_core::facts::MigrationHistory;
use restage_providers::migrator::{Ended, Found};

/// Scripts that are named before a run; the rest is counted.
const NAMED: usize = 5;
/// From this width on, in characters, there is room for how long each took.
const ROOMY: usize = 100;
/// What is said of the highest version where its script has failed: the history counts it, as it does for Flyway.
const FAILED: &str = "whose script did not end";

/// All migrations of a database.
pub(crate) fn migrations(known: &Known, screen: Screen, width: usize) -> String {
    let mut lines = vec![fold(&screen.paint(Style::Bold, &heading(known)), 0, 2, width), String::new()];
    if !known.migrations.is_empty() {
        let columns = if width < ROOMY { Columns::Few } else { Columns::All };
        let mut table = heading_of(columns);
        known.migrations.iter().for_each(|entry| table.row(row(entry, columns)));
        let marks = std::iter::once(None).chain(known.migrations.iter().map(Some));
        lines.extend(table.lines(0, width).iter().zip(marks).map(|(line, entry)| painted(line, entry, screen)));
        lines.push(String::new());
    }
    if let Some(unfinished) = &known.unfinished {
        let decide = "; `restage migrate run --go-on-at STATEMENT` or `restage migrate repair` settles it";
        lines.push(screen.paint(Style::Red, &fold(&format!("{unfinished}{decide}"), 0, 2, width)));
    }
    if let Some(holder) = &known.holder {
        lines.push(screen.paint(Style::Yellow, &fold(&format!("The lock of the history is held by {holder}."), 0, 2, width)));
    }
    lines.extend(known.others.iter().map(|history| fold(&other(history), 0, 2, width)));
    lines.join("\n").trim_end().to_owned()
}

fn heading(known: &Known) -> String {
    let half_done = |version: &String| {
        known.migrations.iter().any(|entry| entry.version.as_ref() == Some(version) && entry.state.starts_with("Failed"))
    };
    let at = match (&known.version, known.exists) {
        (Some(version), _) if half_done(version) => format!("the schema is at version {version}, {FAILED}"),
        (Some(version), _) => format!("the schema is at version {version}"),
        (None, true) => "no version was applied yet".to_owned(),
        (None, false) => "there is no history yet".to_owned(),
    };
    let pending = if known.pending == 0 {
        "nothing is pending".to_owned()
    } else {
        format!("{} pending", plural(known.pending as u64, "script"))
    };
    format!("{}, history {}: {at}, {pending}", known.database, known.table)
}

/// Which columns there is room for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Columns {
    All,
    Few,
}

fn heading_of(columns: Columns) -> Table {
    match columns {
        Columns::All => Table::new(&["version", "state", "applied", "took", "description"], &[3]),
        Columns::Few => Table::new(&["version", "state", "applied", "description"], &[]),
    }
}

fn row(entry: &Entry, columns: Columns) -> Vec<String> {
    let moment = entry.installed_on.as_deref().and_then(|moment| moment.split('.').next());
    let mut cells =
        vec![entry.version.clone().unwrap_or_else(|| "-".to_owned()), entry.state.to_owned(), moment.unwrap_or("-").to_owned()];
    if columns == Columns::All {
        cells.push(entry.execution_time_ms.map_or_else(|| "-".to_owned(), |took_ms| seconds(f64::from(took_ms) / 1e3)));
    }
    cells.push(entry.description.clone());
    cells
}

fn painted(line: &str, entry: Option<&Entry>, screen: Screen) -> String {
    match entry.map(|entry| entry.mark) {
        None => screen.paint(Style::Bold, line),
        Some(Mark::Good) => line.to_owned(),
        Some(Mark::Open) => screen.paint(Style::Yellow, line),
        Some(Mark::Bad) => screen.paint(Style::Red, line),
    }
}

fn other(history: &MigrationHistory) -> String {
    let last = history.applied.last().map(|last| format!(", last `{}`", last.id)).unwrap_or_default();
    format!(
        "{} keeps a history in {}, which is read and not continued: {}{last}.",
        history.tool,
        history.table,
        plural(history.applied.len() as u64, "migration")
    )
}

/// What a migrator found, before it does anything.
pub(crate) fn found(found: &Found<'_>) -> String {
    let unfinished = found.info.unfinished.as_ref().and_then(|unfinished| unfinished.version.as_ref()).map(ToString::to_string);
    let at = match (&found.version, found.info.exists) {
        (Some(version), _) if unfinished.as_ref() == Some(version) => format!("the schema is at version {version}, {FAILED}"),
        (Some(version), _) => format!("the schema is at version {version}"),
        (None, true) => "the history has no version".to_owned(),
        (None, false) => "there is no history yet".to_owned(),
    };
    let unfinished = match &found.info.unfinished {
        Some(unfinished) => unfinished.to_string(),
        None => "nothing is left half done".to_owned(),
    };
    let more = found.pending.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names = found.pending.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let pending = if names.is_empty() { "nothing to apply".to_owned() } else { format!("to apply: {names}{more}") };
    format!("found: {at}; {unfinished}; {pending}")
}

/// What a migrator has done, if it ended well or compared.
pub(crate) fn migrated(ended: &Ended) -> Option<String> {
    let ran = ended.ran.as_ref()?;
    let at = ran.after.as_ref().map_or("no version".to_owned(), |version| format!("version {version}"));
    let applied = if ended.applied.is_empty() {
        "nothing was to apply".to_owned()
    } else {
        format!("{} applied", plural(ended.applied.len() as u64, "migration"))
    };
    let models = ended.models.map(|tables| format!("; compared with the models: {}", plural(tables, "table"))).unwrap_or_default();
    Some(format!("{applied}; the schema is at {at}{models}"))
}

#[cfg(test)]
mod tests;
