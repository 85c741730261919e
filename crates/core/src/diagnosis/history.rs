//! The history: rows of migrations that failed, rows that the scripts do not explain, and what the models say.

use super::life::{Life, Verdict};
use super::symptoms::{DatabaseSeen, HistorySeen, LeaseSeen, Observed, OddRow, Oddity, Protection, Standing, Symptoms};
use super::{Extent, Finding, Fix, NextCommand, Notes, Severity, next};
use crate::words::plural;

/// Differences from the models that are listed.
const LISTED: usize = 20;

pub(super) fn look(notes: &mut Notes<'_>) {
    let Some(database) = notes.symptoms.database.seen() else { return };
    match &database.history {
        Observed::NotAsked => {}
        Observed::Failed(failure) => {
            notes.unchecked("history", format!("the history of `{}` could not be read", database.name), failure);
        }
        Observed::Seen(history) => {
            told(database, history, notes);
            missing(database, history, notes);
            failed(database, history, notes);
            disagreeing(database, history, notes);
        }
    }
    models(database, notes);
}

fn told(database: &DatabaseSeen, history: &HistorySeen, notes: &mut Notes<'_>) {
    let seen = match (&history.table, &history.version) {
        (None, _) => format!("`{}` has none yet", database.name),
        (Some(table), None) => format!("`{table}` has no version yet"),
        (Some(table), Some(version)) => format!("`{table}` is at version {version}"),
    };
    notes.check("history", seen);
    match &history.scripts {
        Observed::NotAsked => notes.check("scripts", "not compared: name them with --location or --config"),
        Observed::Failed(failure) => {
            notes.unchecked("scripts", "the scripts could not be compared with the history".into(), failure);
        }
        Observed::Seen(scripts) => {
            let pending = match scripts.pending.len() {
                0 => "none is pending".to_owned(),
                _ => format!("pending: {}", scripts.pending.join(", ")),
            };
            notes.check("scripts", format!("{}, {pending}", plural(scripts.count, "script")));
        }
    }
}

/// A history under another name, or one that no run would begin. Where nobody named scripts, the database may have no need of one.
fn missing(database: &DatabaseSeen, history: &HistorySeen, notes: &mut Notes<'_>) {
    let Some(beginning) = &history.beginning else { return };
    let is_refused = beginning.refused && !matches!(history.scripts, Observed::NotAsked);
    if !is_refused && beginning.like.is_empty() {
        return;
    }
    let finding = format!("`{}` has objects and no history `{}`", database.name, beginning.missing);
    let evidence = beginning.like.iter().map(|table| format!("`{table}` has the columns of a history")).collect();
    let mut commands = Vec::new();
    if !beginning.like.is_empty() {
        let does = "compares with that history; write `flyway.table` with its name, and `flyway.defaultSchema`, into the file";
        commands.push(next(format!("restage migrate info --database {} --config flyway.conf", database.name), does));
    }
    let does = "lets a history begin at the version that the database has";
    commands.push(next(format!("restage migrate baseline --database {} --set baselineVersion=VERSION", database.name), does));
    let severity = if is_refused { Severity::Blocking } else { Severity::Warning };
    notes.find(Finding { severity, finding, evidence, next: commands, fix: None });
}

/// Failed rows, unless somebody is at work: the row of a script without a transaction counts as failed until its end.
fn failed(database: &DatabaseSeen, history: &HistorySeen, notes: &mut Notes<'_>) {
    let rows: Vec<&OddRow> = history.odd.iter().filter(|row| row.oddity == Oddity::Failed).collect();
    if rows.is_empty() {
        return;
    }
    let at_work = notes.symptoms.lock().is_some_and(|session| Life::of_holder(session, notes.symptoms).verdict != Verdict::Dead);
    let in_use = is_in_use(notes.symptoms);
    let mut evidence: Vec<String> = rows.iter().map(|row| row.told()).collect();
    evidence.extend(history.unfinished.iter().map(|unfinished| unfinished.told.clone()));
    let finding = match (&history.unfinished, rows.as_slice()) {
        (Some(unfinished), _) if at_work => {
            format!("`{}` is being applied to `{}` without a transaction", unfinished.script, database.name)
        }
        (Some(unfinished), _) => {
            format!("`{}` was begun on `{}` without a transaction and did not end", unfinished.script, database.name)
        }
        (None, [only]) => format!("the migration `{}` failed on `{}`", only.script, database.name),
        (None, _) => format!("{} failed on `{}`", plural(rows.len() as u64, "migration"), database.name),
    };
    let mut commands = Vec::new();
    let mut fix = None;
    if in_use {
        commands.push(next(&notes.symptoms.command, "again, once nobody works on the database any more"));
    } else {
        if history.unfinished.is_some() {
            commands.push(next("restage migrate run --help", "tells how to go on at a statement instead of starting again"));
        }
        fix = repair(database, Extent::Failed, &history.repair_failed);
        let does = "deletes the failed row; take back by hand, before, what the script has done already";
        commands.push(repairing(database, "", does, notes));
    }
    notes.find(Finding { severity: Severity::Blocking, finding, evidence, next: commands, fix });
}

/// Whether a migrator or a run may be at work: nothing is changed under its hands.
pub(super) fn is_in_use(symptoms: &Symptoms) -> bool {
    let is_dead = |lease: &LeaseSeen| match lease.standing {
        Standing::Gone => true,
        Standing::Unknown => lease.expires < symptoms.now,
        Standing::Alive => false,
    };
    let migrates = symptoms.lock().is_some_and(|session| Life::of_holder(session, symptoms).verdict != Verdict::Dead);
    let lease = symptoms.lease.seen().and_then(Option::as_ref);
    let mark = symptoms.database.seen().and_then(|database| database.mark.seen()).and_then(Option::as_ref);
    let of_the_dead = lease.filter(|lease| is_dead(lease)).map(|lease| &lease.run);
    let marked = mark.is_some_and(|session| session.run.is_none() || session.run.as_ref() != of_the_dead);
    migrates || marked || lease.is_some_and(|lease| !is_dead(lease))
}

fn repair(database: &DatabaseSeen, extent: Extent, changes: &[String]) -> Option<Fix> {
    let may = database.protection == Protection::None && !changes.is_empty();
    may.then(|| Fix::RepairHistory { extent, changes: changes.to_vec() })
}

fn repairing(database: &DatabaseSeen, option: &str, does: &str, notes: &Notes<'_>) -> NextCommand {
    match database.protection {
        Protection::None => notes.fixing(option, does),
        Protection::Production => {
            let command = format!("restage migrate repair --database {} --location FOLDER", database.name);
            next(command, format!("{does}; it shows what it would do and asks, for a diagnosis never changes production"))
        }
    }
}

/// Rows that the scripts do not explain.
fn disagreeing(database: &DatabaseSeen, history: &HistorySeen, notes: &mut Notes<'_>) {
    let may_change = notes.consent.history == Extent::All && !is_in_use(notes.symptoms);
    let mut fix = may_change.then(|| repair(database, Extent::All, &history.repair_all)).flatten();
    for row in history.odd.iter().filter(|row| row.oddity != Oddity::Failed) {
        let name = row
            .version
            .as_ref()
            .map_or_else(|| format!("`{}`", row.script), |version| format!("version {version}, `{}`,", row.script));
        let (severity, finding, by_hand) = match &row.oddity {
            Oddity::Failed => continue,
            Oddity::ScriptGone => (
                Severity::Blocking,
                format!("{name} was applied out of band: its script is in none of the locations"),
                "bring the script back, or take back what it did",
            ),
            Oddity::AboveAllScripts => (
                Severity::Warning,
                format!("{name} was applied and is above all scripts: a development version, or scripts that are too old"),
                "use the newer scripts, or take back what it did",
            ),
            Oddity::Differs { what, .. } => (
                Severity::Blocking,
                format!("{name} was edited after it was applied: its {what} is another one"),
                "take back what was changed in the script",
            ),
            Oddity::LeftOut => (
                Severity::Blocking,
                format!("{name} was not applied, although a higher version was"),
                "give it a higher version, or set `outOfOrder`",
            ),
        };
        let mut commands = vec![next(format!("git log -p -- '*{}'", row.script), format!("shows what happened to it; {by_hand}"))];
        if row.oddity != Oddity::LeftOut {
            let does = match &row.oddity {
                Oddity::Differs { .. } => "takes the script for right, and gives the history what the script has",
                _ => "marks the row as deleted, so that the history counts it no more",
            };
            commands.push(repairing(database, " --align-history", does, notes));
        }
        let fix = if row.oddity == Oddity::LeftOut { None } else { fix.take() };
        notes.find(Finding { severity, finding, evidence: vec![row.told()], next: commands, fix });
    }
}

impl OddRow {
    /// What the history has of it.
    fn told(&self) -> String {
        let applied = self.applied.as_deref().unwrap_or("it has no row in the history");
        match &self.oddity {
            Oddity::Differs { what, applied: before, script } => {
                format!("`{}`: {applied}; {what} `{before}` in the history, `{script}` in the script", self.script)
            }
            _ => format!("`{}`: {applied}", self.script),
        }
    }
}

fn models(database: &DatabaseSeen, notes: &mut Notes<'_>) {
    let differences = match &database.models {
        Observed::NotAsked => return,
        Observed::Failed(failure) => {
            return notes.unchecked("models", format!("`{}` could not be compared with its models", database.name), failure);
        }
        Observed::Seen(differences) => differences,
    };
    if differences.is_empty() {
        return notes.check("models", format!("`{}` is what they say", database.name));
    }
    notes.check("models", plural(differences.len() as u64, "difference"));
    let mut evidence: Vec<String> = differences.iter().take(LISTED).cloned().collect();
    if differences.len() > LISTED {
        evidence.push(format!("and {} more", differences.len() - LISTED));
    }
    let finding = format!("`{}` is not what the models say: a migrator would end with exit status 3", database.name);
    let next = vec![next(
        &notes.symptoms.command,
        "again, once the models are corrected, or a migration was written that changes the database",
    )];
    notes.find(Finding { severity: Severity::Blocking, finding, evidence, next, fix: None });
}
