//! Applying scripts in a transaction: one by itself, or a group of them.

use std::time::{Duration, Instant};

use restage_pgcopy as pgcopy;

use super::Runner;
use super::failure::{Broken, Left, of_server};
use super::hooks::{Around, Hooks};
use super::lock::Lock;
use super::reporter::{File, Progress};
use super::run::Applied;
use super::script::{Mode, Shape, execute, hear, read};
use crate::callbacks::Event;
use crate::history::{Outcome, Row, next_rank};
use crate::scripts::Script;
use crate::statements::{Statement, split};
use crate::{Error, Kind, Result};

/// The events of a script that is applied.
pub(super) struct Each {
    pub(super) before: Event,
    pub(super) before_statement: Event,
    pub(super) after_statement: Event,
    pub(super) statement_error: Event,
    pub(super) after: Event,
    pub(super) error: Event,
}

/// The events of a migration.
pub(super) const MIGRATE: Each = Each {
    before: Event::BeforeEachMigrate,
    before_statement: Event::BeforeEachMigrateStatement,
    after_statement: Event::AfterEachMigrateStatement,
    statement_error: Event::AfterEachMigrateStatementError,
    after: Event::AfterEachMigrate,
    error: Event::AfterEachMigrateError,
};

/// The events of an undo migration.
pub(super) const UNDO: Each = Each {
    before: Event::BeforeEachUndo,
    before_statement: Event::BeforeEachUndoStatement,
    after_statement: Event::AfterEachUndoStatement,
    statement_error: Event::AfterEachUndoStatementError,
    after: Event::AfterEachUndo,
    error: Event::AfterEachUndoError,
};

/// A script to be applied, all of which was looked at.
#[derive(Clone, Copy)]
pub(super) struct Ready<'scripts> {
    pub(super) script: &'scripts Script,
    pub(super) shape: Shape,
}

/// What applying scripts needs and changes.
pub(super) struct Work<'work> {
    pub(super) hooks: &'work Hooks<'work>,
    pub(super) lock: &'work Lock,
    pub(super) each: &'static Each,
    /// The rows of the history.
    pub(super) rows: Vec<Row>,
    pub(super) applied: Vec<Applied>,
    /// Whether the last versioned migration is still to come.
    pub(super) versioned: bool,
}

/// Why a script failed.
pub(super) enum Step {
    /// By one of its statements.
    Broken(Broken),
    /// Otherwise.
    Other(Error),
}

impl From<Error> for Step {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Step {
    /// Whether the server refused what was sent, or the commit behind it, so that it has no effect.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Broken(broken) => !broken.lost_connection() && broken.error.report().is_some(),
            Self::Other(_) => false,
        }
    }
}

impl Runner<'_> {
    /// Reads all scripts and looks at them, so that none runs if one cannot.
    pub(super) fn ready<'scripts>(&self, scripts: &[&'scripts Script]) -> Result<Vec<Ready<'scripts>>> {
        let ready = scripts.iter().map(|script| {
            self.cx.stop.check().map_err(of_server)?;
            let (_, shape) = read(&script.file, self.cx.settings, &self.placeholders, self.major())?;
            self.cx.reporter.report(&Progress::Preparing(File::of(script)));
            Ok(Ready { script, shape })
        });
        ready.collect()
    }

    /// Applies scripts one after another, each in a transaction or none, or all in one.
    pub(super) async fn apply(&self, work: &mut Work<'_>, ready: &[Ready<'_>]) -> Result<()> {
        let together = self.cx.settings.group && self.groups(ready)?;
        let mut units: Vec<&[Ready<'_>]> = if together { vec![ready] } else { ready.chunks(1).collect() };
        units.retain(|unit| !unit.is_empty());
        for unit in units {
            self.cx.stop.check().map_err(of_server)?;
            work.lock.check()?;
            if !together && unit[0].script.sort.version().is_none() {
                self.leave_versions(work, Within::OwnTransaction).await?;
            }
            if unit[0].shape.mode == Mode::Transaction || self.cx.settings.skip_executing_migrations {
                self.apply_together(work, unit).await?;
            } else {
                self.apply_alone(work, unit[0]).await?;
            }
        }
        Ok(())
    }

    /// Whether scripts can be applied in one transaction; with and without one, they do not go together.
    fn groups(&self, ready: &[Ready<'_>]) -> Result<bool> {
        let in_transaction = |ready: &Ready<'_>| ready.shape.mode == Mode::Transaction;
        let Some(first) = ready.first() else { return Ok(true) };
        match ready.iter().find(|other| in_transaction(other) != in_transaction(first)) {
            Some(other) if !self.cx.settings.mixed => Err(Kind::Mixed
                .error(format_args!(
                    "`{}` and `{}` cannot be applied in one transaction, since one of them runs without",
                    first.script.file.script, other.script.file.script
                ))
                .help("apply them one by one without `group`, or set `mixed` to `true` to apply all without a transaction")
                .at(&other.script.file.path, None)),
            Some(_) => Ok(false),
            None => Ok(in_transaction(first)),
        }
    }

    /// What is called when no versioned migrations are left.
    pub(super) async fn leave_versions(&self, work: &mut Work<'_>, within: Within) -> Result<()> {
        if !std::mem::take(&mut work.versioned) {
            return Ok(());
        }
        for event in [Event::AfterVersioned, Event::BeforeRepeatables] {
            match within {
                Within::OwnTransaction => self.fire(work.hooks, event).await?,
                Within::Group => self.fire_within(work.hooks, event, Around::Transaction).await?,
            }
        }
        Ok(())
    }

    async fn apply_together(&self, work: &mut Work<'_>, unit: &[Ready<'_>]) -> Result<()> {
        self.session.begin().await?;
        let rows = work.rows.len();
        let mut applied = Vec::new();
        if let Err((failed, step)) = self.within(work, unit, &mut applied).await {
            self.session.roll_back().await;
            work.rows.truncate(rows);
            let left = match &step {
                Step::Broken(broken) if broken.lost_connection() && broken.number > failed.shape.statements => Left::AllOrNothing,
                _ => Left::Nothing,
            };
            let error = self.failed(work, failed, step, left).await;
            return Err(if unit.len() > 1 { error.of_group(unit.len()) } else { error });
        }
        for (ready, applied) in unit.iter().zip(applied) {
            self.cx.reporter.report(&Progress::Completed(File::of(ready.script)));
            work.applied.push(applied);
        }
        Ok(())
    }

    /// Runs scripts in the transaction that has begun, and commits.
    async fn within<'unit, 'scripts>(
        &self,
        work: &mut Work<'_>,
        unit: &'unit [Ready<'scripts>],
        applied: &mut Vec<Applied>,
    ) -> Result<(), (&'unit Ready<'scripts>, Step)> {
        for (index, ready) in unit.iter().enumerate() {
            let last = index + 1 == unit.len();
            let ran = self.one_of(work, ready, index > 0, last).await;
            applied.push(ran.map_err(|step| (ready, step))?);
        }
        Ok(())
    }

    async fn one_of(&self, work: &mut Work<'_>, ready: &Ready<'_>, again: bool, last: bool) -> Result<Applied, Step> {
        let Ready { script, shape } = *ready;
        if again {
            self.session.restore().await?;
            if script.sort.version().is_none() {
                self.leave_versions(work, Within::Group).await?;
            }
        }
        self.cx.reporter.report(&Progress::BeforeFile(File::of(script)));
        let started = Instant::now();
        if !self.cx.settings.skip_executing_migrations {
            self.fire_within(work.hooks, work.each.before, Around::Transaction).await?;
            let text = script.file.text_to_run(self.cx.settings, &self.placeholders)?;
            for (index, statement) in split(&text, &script.file.path).enumerate() {
                self.run_statement(work, &script.file.script, &statement?, index + 1).await?;
            }
            self.fire_within(work.hooks, work.each.after, Around::Transaction).await?;
        }
        self.cx.reporter.report(&Progress::AfterFile(File::of(script)));
        let took = if self.cx.settings.skip_executing_migrations { Duration::ZERO } else { started.elapsed() };
        let row = Row::of_script(script, next_rank(&work.rows), &self.installed_by, took, Outcome::Success);
        let written = if last {
            self.session.insert_and_commit(&self.table, &row).await
        } else {
            self.session.insert(&self.table, &row).await
        };
        // What a deferred trigger says.
        hear(self.cx, &self.session.client, &script.file.script, None);
        written.map_err(|error| Step::Broken(Broken { number: shape.statements + 1, line: None, error }))?;
        let applied = Applied::of(&row);
        work.rows.push(row);
        Ok(applied)
    }

    /// Runs one statement with the callbacks around it, in the transaction that there is.
    async fn run_statement(&self, work: &Work<'_>, script: &str, statement: &Statement<'_>, number: usize) -> Result<(), Step> {
        self.fire_within(work.hooks, work.each.before_statement, Around::Transaction).await?;
        execute(self.cx, &self.session.client, script, statement, number).await.map_err(Step::Broken)?;
        self.fire_within(work.hooks, work.each.after_statement, Around::Transaction).await?;
        Ok(())
    }

    /// The error of a script that failed and was rolled back as far as it can be; its callbacks are called.
    pub(super) async fn failed(&self, work: &Work<'_>, ready: &Ready<'_>, step: Step, left: Left) -> Error {
        let file = &ready.script.file;
        let error = match step {
            Step::Broken(broken) => {
                if broken.error.kind != pgcopy::Kind::Interrupted {
                    self.fire_after_failure(work.hooks, work.each.statement_error).await;
                }
                broken.into_error(&file.script, &file.path, ready.shape.statements, left)
            }
            Step::Other(error) => error.leaving(&file.script, ready.shape.statements, left),
        };
        self.fire_after_failure(work.hooks, work.each.error).await;
        error
    }
}

/// Where callbacks between migrations run.
#[derive(Clone, Copy)]
pub(super) enum Within {
    OwnTransaction,
    Group,
}
