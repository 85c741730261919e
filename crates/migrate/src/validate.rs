//! Where history and scripts disagree, migration by migration, with Flyway's meaning and in Flyway's order.

use crate::history::RowType;
use crate::settings::{IgnorePattern, Settings};
use crate::state::{Migration, State, States, ignores, same_description};
use crate::version::Version;
use crate::{Error, Kind};

/// When history and scripts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// By itself: what is pending is a disagreement.
    Alone,
    /// Before a run, which applies what is pending.
    BeforeRun,
}

/// Every disagreement, at most one of each migration; none if history and scripts agree.
pub fn validate(states: &States<'_>, settings: &Settings, when: When) -> Vec<Error> {
    disagreements(states, settings, when).into_iter().map(|(_, error)| error).collect()
}

/// The same with the migration that each is about.
pub fn disagreements<'data>(states: &States<'data>, settings: &Settings, when: When) -> Vec<(Migration<'data>, Error)> {
    let mut patterns = settings.ignore_migration_patterns.clone();
    if when == When::BeforeRun {
        patterns.push(IgnorePattern::PENDING);
    }
    let mut ignored: Vec<_> = [State::Pending, State::Missing, State::Future, State::Ignored].to_vec();
    // What is not picked is ignored on purpose.
    ignored.retain(|state| ignores(&patterns, *state) || (*state == State::Ignored && !settings.cherry_pick.is_empty()));
    let validation = Validation { ignored, applied_baseline: states.applied_baseline, patterns };
    let told = |migration: &Migration<'data>| Some((*migration, validation.disagreement(migration)?));
    states.migrations.iter().filter_map(told).collect()
}

struct Validation<'data> {
    patterns: Vec<IgnorePattern>,
    /// What is ignored of versioned and repeatable migrations alike, which counts for more than the state itself.
    ignored: Vec<State>,
    applied_baseline: Option<&'data Version>,
}

impl Validation<'_> {
    fn ignores(&self, state: State) -> bool {
        self.ignored.contains(&state)
    }

    fn disagreement(&self, migration: &Migration<'_>) -> Option<Error> {
        let state = migration.state;
        let out_of_scope = matches!(state, State::Undone | State::AboveTarget | State::Deleted)
            || self.patterns.iter().any(|pattern| pattern.matches(migration.migrations(), state));
        if out_of_scope {
            return None;
        }
        if state.is_failed() && !(self.ignores(State::Future) && state == State::FutureFailed) {
            return Some(failed(migration));
        }
        if self.is_gone(migration) {
            return Some(gone(migration));
        }
        match state {
            State::Ignored
                if !self.ignores(State::Ignored) && !migration.row_type().is_baseline() && !migration.row_type().is_undo() =>
            {
                migration.script.filter(|script| script.file.should_execute()).map(|_| ignored(migration))
            }
            State::Pending if !self.ignores(State::Pending) => Some(pending(migration)),
            State::Outdated if !self.ignores(State::Pending) => Some(outdated(migration)),
            _ => self.mismatch(migration),
        }
    }

    fn is_gone(&self, migration: &Migration<'_>) -> bool {
        let row_type = migration.row_type();
        let ignored = match migration.state {
            State::Missing | State::MissingFailed => self.ignores(State::Missing),
            State::Future | State::FutureFailed => self.ignores(State::Future),
            State::Superseded => true,
            _ => false,
        };
        migration.script.is_none() && !row_type.is_synthetic() && !row_type.is_undo() && !ignored
    }

    /// Where row and script differ, unless a baseline stands for the version.
    fn mismatch(&self, migration: &Migration<'_>) -> Option<Error> {
        let (row, script) = (migration.row?, migration.script?);
        let below = row.version.as_ref().is_some_and(|version| self.applied_baseline.is_some_and(|baseline| version <= baseline));
        if below || row.sort == RowType::Delete || row.sort.is_undo() {
            return None;
        }
        let script_type = RowType::of(&script.sort);
        if script_type != row.sort {
            return Some(differs(migration, "type", row.sort, script_type));
        }
        let hashed_again = row.version.is_some()
            || (self.ignores(State::Pending) && !matches!(migration.state, State::Outdated | State::Superseded));
        if hashed_again && !script.matches(row.checksum) {
            let applied = row.checksum.map_or("nothing".to_owned(), |checksum| checksum.0.to_string());
            return Some(differs(migration, "checksum", applied, script.checksum.0));
        }
        (!same_description(script, row)).then(|| differs(migration, "description", &row.description, &script.description))
    }
}

/// How a migration is called in messages.
fn called(migration: &Migration<'_>) -> String {
    match migration.version() {
        Some(version) => format!("the migration to version `{version}` (`{}`)", migration.script_name()),
        None => format!("the repeatable migration `{}` (`{}`)", migration.description(), migration.script_name()),
    }
}

fn invalid(migration: &Migration<'_>, message: impl std::fmt::Display, help: impl std::fmt::Display) -> Error {
    let error = Kind::Invalid.error(message).help(help);
    match migration.script {
        Some(script) => error.at(&script.file.path, None),
        None => error,
    }
}

fn failed(migration: &Migration<'_>) -> Error {
    let message = format!("{} has failed", called(migration));
    invalid(migration, message, "take back what it left half done, then run `restage migrate repair`")
}

fn gone(migration: &Migration<'_>) -> Error {
    if !migration.row_type().is_sql() {
        let message = format!("{} was applied as {}, which only Flyway itself runs", called(migration), migration.row_type());
        return invalid(migration, message, "ignore `*:missing`, or validate and repair with Flyway");
    }
    let message = format!("{} was applied, but its script is in none of the locations", called(migration));
    invalid(migration, message, "bring the script back; if it was removed on purpose, run `restage migrate repair`")
}

fn ignored(migration: &Migration<'_>) -> Error {
    let message = format!("{} was not applied, and a higher version was", called(migration));
    invalid(migration, message, "give it a higher version, or set `outOfOrder` to `true`, or ignore `*:ignored`")
}

fn pending(migration: &Migration<'_>) -> Error {
    let message = format!("{} was not applied", called(migration));
    invalid(migration, message, "run `restage migrate run`, or ignore `*:pending`")
}

fn outdated(migration: &Migration<'_>) -> Error {
    let message = format!("{} has changed since it was applied", called(migration));
    invalid(migration, message, "run `restage migrate run` to apply it again")
}

fn differs(migration: &Migration<'_>, what: &str, applied: impl std::fmt::Display, script: impl std::fmt::Display) -> Error {
    let message = format!("the {what} of {} is `{applied}` in the history and `{script}` in its script", called(migration));
    invalid(migration, message, "take back what was changed in the script; if the change is right, run `restage migrate repair`")
}
