//! Callbacks, read before anything runs, and run at their events.

use super::failure::Left;
use super::reporter::Progress;
use super::script::{Mode, Shape, execute, hear, read};
use super::{Runner, failure::Broken};
use crate::callbacks::Event;
use crate::scripts::{ScriptFile, Scripts};
use crate::statements::split;
use crate::{Error, Kind, Result};

/// All callbacks of the scripts.
pub(super) struct Hooks<'scripts>(Vec<Hook<'scripts>>);

struct Hook<'scripts> {
    event: Event,
    file: &'scripts ScriptFile,
    text: String,
    shape: Shape,
}

/// What is around a callback that runs within a migration.
#[derive(Clone, Copy)]
pub(super) enum Around {
    /// A transaction, which is the migration's.
    Transaction,
    /// Nothing: what each statement does stays.
    Nothing,
}

impl<'scripts> Hooks<'scripts> {
    /// Whether anything runs at an event.
    pub(super) fn any(&self, event: Event) -> bool {
        self.of(event).next().is_some()
    }

    fn of(&self, event: Event) -> impl Iterator<Item = &Hook<'scripts>> {
        self.0.iter().filter(move |hook| hook.event == event)
    }
}

impl Runner<'_> {
    pub(super) fn hooks<'scripts>(&self, scripts: &'scripts Scripts) -> Result<Hooks<'scripts>> {
        let wanted = scripts.callbacks.iter().filter(|callback| callback.file.should_execute());
        let read = wanted.map(|callback| {
            let (text, shape) = read(&callback.file, self.cx.settings, &self.placeholders, self.major())?;
            if shape.mode == Mode::Own && callback.event.runs_within(self.cx.settings) {
                return Err(ends_transaction(&callback.file, &text));
            }
            Ok(Hook { event: callback.event, file: &callback.file, text, shape })
        });
        Ok(Hooks(read.collect::<Result<_>>()?))
    }

    /// Runs the callbacks of an event, each in a transaction of its own unless it refuses one.
    pub(super) async fn fire(&self, hooks: &Hooks<'_>, event: Event) -> Result<()> {
        for hook in hooks.of(event) {
            let left = match hook.shape.mode {
                Mode::Transaction => Some(Left::Nothing),
                Mode::Alone | Mode::Own => None,
            };
            if left.is_some() {
                self.session.begin().await?;
            } else {
                self.session.restore().await?;
            }
            let ran = self.run_hook(hook, left).await;
            match (ran, hook.shape.mode) {
                (ran, Mode::Alone) => ran?,
                (Ok(()), Mode::Transaction | Mode::Own) => self.commit_hook(hook).await?,
                // What one of its own has begun and not ended would be the next one's.
                (Err(error), Mode::Transaction | Mode::Own) => {
                    self.session.roll_back().await;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Commits what a callback did, if there is a transaction.
    async fn commit_hook(&self, hook: &Hook<'_>) -> Result<()> {
        let Hook { file, shape, .. } = hook;
        let client = &self.session.client;
        client.notices();
        let committed = client.run("commit", "COMMIT").await;
        if shape.mode == Mode::Transaction {
            hear(self.cx, client, &file.script, None);
        }
        committed.map_err(|error| {
            let broken = Broken { number: shape.statements + 1, line: None, error };
            let left = if broken.lost_connection() { Left::AllOrNothing } else { Left::Nothing };
            broken.into_error(&file.script, &file.path, shape.statements, left)
        })
    }

    /// Runs the callbacks of an event in the transaction that there is, if there is one; it takes back what they did, if they fail.
    pub(super) async fn fire_within(&self, hooks: &Hooks<'_>, event: Event, around: Around) -> Result<()> {
        let left = match around {
            Around::Transaction => Some(Left::Nothing),
            Around::Nothing => None,
        };
        for hook in hooks.of(event) {
            self.run_hook(hook, left).await?;
        }
        Ok(())
    }

    /// Runs the callbacks of a failure; that they fail themselves does not hide it.
    pub(super) async fn fire_after_failure(&self, hooks: &Hooks<'_>, event: Event) {
        if !hooks.any(event) || self.session.client.is_closed() {
            return;
        }
        if let Err(error) = self.fire(hooks, event).await {
            let script = hooks.of(event).next().map_or("", |hook| hook.file.script.as_str());
            self.cx.reporter.report(&Progress::CallbackFailed { script, message: error.message });
        }
    }

    /// What is left is what was done before, unless something else is said.
    async fn run_hook(&self, hook: &Hook<'_>, left: Option<Left>) -> Result<()> {
        let Hook { file, text, shape, .. } = hook;
        for (index, statement) in split(text, &file.path).enumerate() {
            let ran: Result<(), Broken> = execute(self.cx, &self.session.client, &file.script, &statement?, index + 1).await;
            let left = left.unwrap_or(Left::Statements { done: index });
            ran.map_err(|broken| broken.into_error(&file.script, &file.path, shape.statements, left))?;
        }
        Ok(())
    }
}

/// What it ends would be the migration's: half of that would stay if the other half failed.
fn ends_transaction(file: &ScriptFile, text: &str) -> Error {
    let mut statements = split(text, &file.path).filter_map(Result::ok);
    let line = statements.find_map(|statement| statement.control().map(|_| statement.line));
    Kind::Mixed
        .error(format_args!("`{}` begins or ends a transaction, and runs within that of a migration", file.path.display()))
        .help("remove the statement, or call it at another event, such as `beforeMigrate` or `afterMigrate`")
        .at(&file.path, line)
}
