//! Says what a migrator's messages and its command's end come to.

use super::super::cx::{Beside, Stands};
use super::super::hearing::{Hearing, LATE_MESSAGES, Overheard};
use super::{AwaitMigrator, Cx, MigratorDone};
use crate::error::{Code, Error, Result};
use crate::provider::Progress;
use crate::provider::queue::Sight;
use crate::signal::{Followed, State};
use jiff::{SignedDuration, Timestamp};

/// How long a command may go on after its migrator said that it has ended.
const COMMAND_GRACE: SignedDuration = SignedDuration::from_secs(30);
/// So many looks at the whole queue after a command's end prove that its migrator sent no last message.
const LAST_LOOKS: u32 = 2;

/// Follows one migrator.
pub(super) struct Judge<'s> {
    step: &'s AwaitMigrator,
    hearing: Hearing<'s>,
    /// When the migrator was found to have ended well.
    done_at: Option<Timestamp>,
    /// When its command was found to have ended.
    ended_at: Option<Timestamp>,
    /// Looks at the whole queue since then.
    looks: u32,
}

impl<'s> Judge<'s> {
    pub(super) fn new(step: &'s AwaitMigrator) -> Self {
        Self { step, hearing: step.hearing(), done_at: None, ended_at: None, looks: 0 }
    }

    /// A command that goes on for long has nothing to do with it any more.
    fn once_its_command_has_ended(&mut self, last: &Followed, command: &Stands, now: Timestamp) -> Option<MigratorDone> {
        let done_at = *self.done_at.get_or_insert(now);
        let how = match command {
            Stands::AtWork if now.duration_since(done_at) < COMMAND_GRACE => return None,
            Stands::AtWork => Some(format!("`{}` went on and was ended", self.step.command)),
            Stands::Failed(error) => Some(error.message.clone()),
            Stands::Ended => None,
        };
        Some(MigratorDone::of(last, how))
    }

    /// An error once a command has failed and no last message can be on its way any more.
    fn unless_it_is_cut_off(&mut self, heard: &Overheard, command: &Stands, now: Timestamp) -> Result<()> {
        let Stands::Failed(error) = command else { return Ok(()) };
        let ended_at = *self.ended_at.get_or_insert(now);
        self.looks += u32::from(heard.sight == Sight::Whole);
        if self.looks < LAST_LOOKS && now.duration_since(ended_at) < LATE_MESSAGES {
            return Ok(());
        }
        let last = match heard.migrators.last() {
            Some(last) => format!("of {last}, there is no last message"),
            None => "no migrator was heard".to_owned(),
        };
        let told = Code::MigratorSilent.error(format!("{}; {last}", error.message));
        Err(told.help(
            "see what it said with `restage logs`; `restage resume` waits until that migrator has ended or is taken for dead, and \
             runs the command again",
        ))
    }
}

impl Beside for Judge<'_> {
    type Told = MigratorDone;

    async fn look(&mut self, cx: &Cx<'_>, command: &Stands) -> Result<Option<MigratorDone>> {
        let heard = self.hearing.look(cx).await?;
        let now = cx.clock.now();
        let doing = match command {
            Stands::AtWork => heard.last(),
            Stands::Ended | Stands::Failed(_) => format!("the command has ended; {}", heard.last()),
        };
        cx.progress(&Progress { doing, ..Progress::default() });
        match heard.migrators.last() {
            Some(last) if last.state.is_success() && heard.are_over() => Ok(self.once_its_command_has_ended(last, command, now)),
            Some(last) if last.state.is_over() && !last.state.is_success() => Err(failed(last)),
            _ => self.unless_it_is_cut_off(&heard, command, now).map(|()| None),
        }
    }
}

/// The error for a migrator that is over and did not end well.
fn failed(migrator: &Followed) -> Error {
    let sender = &migrator.sender;
    match &migrator.state {
        State::Ended { status, heard } => {
            let help = format!("`restage explain {}` says what to do; then `restage resume` runs the command again", status.id());
            Code::MigratorFailed.error(format!("{status}: {sender}, at {heard:.0}")).help(help)
        }
        State::Silent { .. } => Code::MigratorSilent
            .error(format!("the migrator is {}: {sender}", migrator.state))
            .help("make sure that it does not run any more where it was started; then `restage resume` runs the command again"),
        state => Code::MigratorFailed
            .error(format!("the migrator {state}: {sender}"))
            .help("look into its log where it ran; then `restage resume` runs the command again"),
    }
}
