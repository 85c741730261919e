//! Applying a script without a transaction around it: what is done stays, and is noted at once.

use std::time::{Duration, Instant};

use super::Runner;
use super::apply::{Ready, Step, Work};
use super::failure::{Broken, Left};
use super::hooks::Around;
use super::notes::{Notes, Unfinished};
use super::reporter::{File, Progress};
use super::run::Applied;
use super::script::{Mode, execute};
use crate::checksum::Checksum;
use crate::history::{Outcome, Row, next_rank};
use crate::scripts::Scripts;
use crate::statements::{Control, Statement, split};
use crate::{Error, Kind, Result};

impl Runner<'_> {
    /// Applies one script from its beginning.
    pub(super) async fn apply_alone(&self, work: &mut Work<'_>, ready: Ready<'_>) -> Result<()> {
        let text = ready.script.file.text_to_run(self.cx.settings, &self.placeholders)?;
        let mut row = Row::of_script(ready.script, next_rank(&work.rows), &self.installed_by, Duration::ZERO, Outcome::Failure);
        let first = line_of(&text, ready, 1)?;
        let notes = Notes::begin(self, &row, ready.shape.statements, first).await?;
        let took_ms = self.run_alone(work, ready, &text, &notes, 0).await?;
        (row.success, row.execution_time) = (true, took_ms);
        work.applied.push(Applied::of(&row));
        work.rows.push(row);
        self.cx.reporter.report(&Progress::Completed(File::of(ready.script)));
        Ok(())
    }

    /// Goes on with a script that did not come to its end, at a statement; those before it count as done.
    pub(super) async fn go_on(&self, work: &mut Work<'_>, scripts: &Scripts, unfinished: &Unfinished, at: usize) -> Result<()> {
        let script = scripts
            .migrations
            .iter()
            .find(|script| script.file.script == unfinished.script)
            .ok_or_else(|| refused(unfinished, "its script is in none of the locations", "bring the script back as it was"))?;
        if unfinished.checksum != Some(script.checksum) {
            let applied = unfinished.checksum.unwrap_or(Checksum(0));
            let why = format!("its script has the checksum {} and had {applied} when it was begun", script.checksum);
            return Err(refused(unfinished, &why, "bring the script back as it was, or run `restage migrate repair`"));
        }
        let ready = self.ready(&[script])?[0];
        if at == 0 || at > ready.shape.statements + 1 {
            let why = format!("its script has {} statements and none is number {at}", ready.shape.statements);
            return Err(refused(unfinished, &why, "name the first statement that is not done, or one more than there are"));
        }
        let text = script.file.text_to_run(self.cx.settings, &self.placeholders)?;
        let notes = Notes::go_on(self, unfinished, at - 1, line_of(&text, ready, at)?).await?;
        let took_ms = self.run_alone(work, ready, &text, &notes, at - 1).await?;
        work.rows = self.rows().await?;
        let row = work.rows.iter().find(|row| row.installed_rank == unfinished.installed_rank);
        work.applied.extend(row.map(|row| Applied { execution_time_ms: took_ms, ..Applied::of(row) }));
        self.cx.reporter.report(&Progress::Completed(File::of(script)));
        Ok(())
    }

    /// Runs the statements behind the first `skipped` ones; returns how long it took, in milliseconds.
    async fn run_alone(&self, work: &Work<'_>, ready: Ready<'_>, text: &str, notes: &Notes, skipped: usize) -> Result<i32> {
        let started = Instant::now();
        let took_ms = || i32::try_from(started.elapsed().as_millis()).unwrap_or(i32::MAX);
        self.cx.reporter.report(&Progress::BeforeFile(File::of(ready.script)));
        let mut run = Run { done: skipped, running: None, control: None, open: false };
        let ran = self.run_noting(work, ready, text, notes, &mut run).await;
        if let Err(step) = ran {
            return Err(self.stopped_alone(work, ready, notes, run, step, took_ms()).await);
        }
        self.cx.reporter.report(&Progress::AfterFile(File::of(ready.script)));
        notes.succeeded(took_ms()).await?;
        Ok(took_ms())
    }

    async fn run_noting(&self, work: &Work<'_>, ready: Ready<'_>, text: &str, notes: &Notes, run: &mut Run) -> Result<(), Step> {
        self.session.restore().await?;
        self.fire_within(work.hooks, work.each.before, Around::Nothing).await?;
        let skipped = run.done;
        let mut statements = split(text, &ready.script.file.path).skip(skipped).peekable();
        let mut number = skipped;
        while let Some(statement) = statements.next() {
            let statement = statement?;
            number += 1;
            self.fire_within(work.hooks, work.each.before_statement, run.around()).await?;
            run.send(&statement);
            execute(self.cx, &self.session.client, &ready.script.file.script, &statement, number).await.map_err(Step::Broken)?;
            run.take();
            let next = match statements.peek() {
                Some(Ok(next)) => Some(next.line),
                _ => None,
            };
            if next.is_none() && run.open {
                // What a script begins and does not end, its end does.
                run.control = Some(Control::Ends);
                let committed = self.session.client.run("commit", "COMMIT").await;
                committed.map_err(|error| Step::Broken(Broken { number: number + 1, line: None, error }))?;
                run.open = false;
            }
            if !run.open {
                notes.done(number, next).await?;
                run.done = number;
            }
            run.running = None;
            self.fire_within(work.hooks, work.each.after_statement, run.around()).await?;
        }
        self.fire_within(work.hooks, work.each.after, Around::Nothing).await?;
        Ok(())
    }

    /// The error of a script that stopped, after what can be taken back was, and what cannot was noted.
    async fn stopped_alone(&self, work: &Work<'_>, ready: Ready<'_>, notes: &Notes, run: Run, step: Step, took_ms: i32) -> Error {
        if ready.shape.mode == Mode::Own {
            self.session.roll_back().await;
        }
        let (done, refused) = (run.done, step.is_refusal());
        let left = match run.running {
            Some(_) if !refused && run.may_last() => Left::InDoubt { done },
            _ if done == 0 && (run.running.is_none() || ready.shape.mode == Mode::Own) => Left::Nothing,
            _ => Left::Statements { done },
        };
        // That a note cannot be written is worth less than why the script stopped; without it, the statement is in doubt.
        let _ = match left {
            Left::Nothing => notes.forget().await,
            // Where to go on is where the transaction begins, not where it failed.
            Left::Statements { .. } if refused => notes.failed(run.running.filter(|_| !run.open), took_ms).await,
            Left::Statements { .. } | Left::InDoubt { .. } | Left::AllOrNothing => Ok(()),
        };
        self.failed(work, &ready, step, left).await
    }
}

/// How far a script without a transaction came.
struct Run {
    done: usize,
    /// Where the statement begins that was sent and is not noted yet.
    running: Option<usize>,
    /// What that statement does with the transaction that it is in.
    control: Option<Control>,
    /// Whether a transaction of the script's own is open.
    open: bool,
}

impl Run {
    fn around(&self) -> Around {
        if self.open { Around::Transaction } else { Around::Nothing }
    }

    fn send(&mut self, statement: &Statement<'_>) {
        (self.running, self.control) = (Some(statement.line), statement.control());
    }

    /// Whether what was sent can have an effect that lasts; of a transaction that is open and not about to end, nothing can.
    fn may_last(&self) -> bool {
        !self.open || self.control.is_some()
    }

    /// What was sent is done.
    fn take(&mut self) {
        match self.control {
            Some(Control::Begins) => self.open = true,
            Some(Control::Ends) => self.open = false,
            None => {}
        }
    }
}

fn line_of(text: &str, ready: Ready<'_>, number: usize) -> Result<Option<usize>> {
    let statement = split(text, &ready.script.file.path).nth(number - 1).transpose()?;
    Ok(statement.map(|statement| statement.line))
}

fn refused(unfinished: &Unfinished, why: &str, help: &str) -> Error {
    Kind::Unfinished.error(format_args!("`{}` cannot be gone on with: {why}", unfinished.script)).help(help)
}
