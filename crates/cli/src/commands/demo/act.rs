//! Plays restage's own commands, as a person would type them.

use super::stage::Stage;
use crate::screen::{Screen, Style};
use restage_core::{Code, Error};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the run that is to be killed may take to begin copying.
const BEGIN_WITHIN: Duration = Duration::from_mins(2);
/// How often its state is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) struct Act<'a> {
    stage: &'a Stage,
    screen: Screen,
    program: PathBuf,
}

fn broken(cause: std::io::Error) -> Error {
    Code::CommandFailed.error("restage cannot start itself").help("run the demo from an installed binary").because(cause)
}

impl<'a> Act<'a> {
    pub(super) fn new(stage: &'a Stage, screen: Screen) -> Result<Self, Error> {
        Ok(Self { stage, screen, program: std::env::current_exe().map_err(broken)? })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env("RESTAGE_DIRECTORY", self.stage.folder()).env("RESTAGE_STORE", self.stage.store());
        command.envs(self.stage.variables()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end and expects that exit code.
    pub(super) fn must(&self, words: &[&str], exit: u8) -> Result<(), Error> {
        self.screen.talk(&self.screen.paint(Style::Dim, &format!("$ restage {}", words.join(" "))));
        let status = self.command(words).status().map_err(broken)?;
        if status.code() == Some(exit.into()) {
            return Ok(());
        }
        Err(Code::CommandFailed
            .error(format!("`restage {}` ended with {status}", words.join(" ")))
            .help("this is a bug of restage; please report it"))
    }

    /// Starts a run and kills it once it is copying.
    pub(super) fn run_and_kill(&self) -> Result<(), Error> {
        let mut run =
            self.command(&["run", "preprod", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(broken)?;
        let since = Instant::now();
        while !self.is_copying() {
            if since.elapsed() > BEGIN_WITHIN || run.try_wait().map_err(broken)?.is_some() {
                run.kill().and_then(|()| run.wait()).map_err(broken)?;
                return Err(Code::DeadlinePassed
                    .error("the run that was to be killed did not get to copying")
                    .help("this is a bug of restage; please report it"));
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
        self.screen.talk(&format!("$ kill -9 {}   # while it copies", run.id()));
        run.kill().and_then(|()| run.wait()).map(drop).map_err(broken)
    }

    /// Whether the shadow of the run has tables by now.
    fn is_copying(&self) -> bool {
        let shadow = "select datname from pg_database where datname like 'app\\_restage\\_%'";
        let server = self.stage.preprod();
        let name = server.psql("postgres", shadow).unwrap_or_default();
        if name.trim().is_empty() {
            return false;
        }
        // The shadow may vanish between the two questions.
        let rows = server.psql(name.trim(), "select count(*) from pg_stat_progress_copy").unwrap_or_default();
        rows.trim().parse::<u32>().is_ok_and(|copies| copies > 0)
    }
}
