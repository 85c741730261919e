//! A job that is a command: a process of its own, in a session of its own, that outlives restage.
//!
//! The command runs under a small shell script that writes down who it is and how the command ended, and that holds the lock
//! on a file of the job's folder for as long as it lives. So any later process can tell whether the command is still at work,
//! without trusting a process id.

mod follow;
mod process;

pub(super) use follow::follow;

use super::folder::{JobFolder, remove, unusable};
use crate::postgres::Servers;
pub(super) use process::Session;
use restage_core::provider::{CommandSpec, Fate, Standing};
use restage_core::scenario::run::Command;
use restage_core::{Code, Error, Result};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Child;

/// Held by the script for as long as it lives.
const LOCK: &str = "lock";
/// The script's line of `/proc/<pid>/stat`: process id, session and start time.
const PROCESS: &str = "process";
/// What the command says, both streams.
const OUTPUT: &str = "output";
/// How much of the output was passed on, in bytes.
const PASSED_ON: &str = "passed-on";
/// The command's exit code.
const EXIT: &str = "exit";

/// How long commands may take to end after they were asked to, before they are killed; and after that.
const END_GRACE: Duration = Duration::from_secs(10);
const KILL_GRACE: Duration = Duration::from_secs(10);
/// How long a script may take to write down who it is.
const PROCESS_GRACE: Duration = Duration::from_secs(10);
/// How often is looked at a process.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The script. Its standard input is the lock; the command gets an empty one, and nothing of the lock.
const SCRIPT: &str = r#"
folder=$1
shift
exec 3<&0 </dev/null >>"$folder/output" 2>&1
read -r stat <"/proc/$$/stat" || exit 125
printf '%s\n' "$stat" >"$folder/process.new" && mv "$folder/process.new" "$folder/process" || exit 125
(exec "$@" 3<&-)
code=$?
printf '%s\n' "$code" >"$folder/exit.new" && mv "$folder/exit.new" "$folder/exit"
"#;

/// Whether the script of that job is alive; while it is not, this holds the lock.
enum Life {
    Alive,
    Over(File),
}

/// Looks whether the script is alive.
fn life(folder: &JobFolder) -> Result<Life> {
    let path = folder.file(LOCK);
    let failed = |error| unusable(&path, "lock", error);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Life::Over(file)),
        Err(TryLockError::WouldBlock) => Ok(Life::Alive),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The exit code, if the script wrote it down.
fn exit_code(folder: &JobFolder) -> Result<Option<i32>> {
    let path = folder.file(EXIT);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(&path, "read", error)),
    }
}

/// What became of a command whose receipt was not written.
pub(super) fn fate(folder: &JobFolder) -> Result<Fate> {
    if exit_code(folder)? == Some(0) {
        return Ok(Fate::Happened);
    }
    // Once a script has begun, nobody knows what its command did.
    Ok(if folder.file(PROCESS).exists() { Fate::Unknown } else { Fate::Never })
}

/// How a command stands whose receipt was not written.
pub(super) fn standing(folder: &JobFolder) -> Result<Standing> {
    Ok(match life(folder)? {
        Life::Alive => Standing::AtWork,
        Life::Over(_) if exit_code(folder)? == Some(0) => Standing::Done,
        Life::Over(_) => Standing::Over,
    })
}

/// Ends the command with everything it started; returns once nothing of it is left.
pub(super) async fn end(folder: &JobFolder) -> Result<()> {
    if matches!(life(folder)?, Life::Alive) {
        // It may have been started a moment ago.
        let began = tokio::time::Instant::now();
        while !folder.file(PROCESS).exists() && began.elapsed() < PROCESS_GRACE && matches!(life(folder)?, Life::Alive) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    end_session(folder).await
}

/// Ends what a script that is known to have begun, or to be over, may have left.
async fn end_session(folder: &JobFolder) -> Result<()> {
    let Some(session) = Session::read(&folder.file(PROCESS))? else { return Ok(()) };
    session.end(END_GRACE, KILL_GRACE).await
}

/// Starts the script. The lock goes with it: it is released when the script ends, however it ends.
async fn start(folder: &JobFolder, lock: File, spec: &CommandSpec, servers: &Servers, session: &str) -> Result<Child> {
    for name in [PROCESS, OUTPUT, PASSED_ON, EXIT] {
        remove(&folder.file(name))?;
    }
    let mut command = tokio::process::Command::new("setsid");
    command.args(["sh", "-c", SCRIPT, "restage-job"]).arg(folder.path());
    match &spec.command {
        Command::Shell(text) => command.args(["sh", "-c", text]),
        Command::Program { program, arguments } => command.arg(program).args(arguments),
    };
    surround(&mut command, spec, servers, session).await?;
    command.stdin(Stdio::from(lock)).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(false);
    command.spawn().map_err(|cause| not_started(spec, cause))
}

/// The command's working directory and environment.
pub(crate) async fn surround(
    command: &mut tokio::process::Command,
    spec: &CommandSpec,
    servers: &Servers,
    session: &str,
) -> Result<()> {
    let directory = &spec.directory;
    if !directory.is_dir() {
        let error = Code::CommandFailed.error(format!("`{}` is not a folder to run `{}` in", directory.display(), spec.command));
        return Err(error.help("correct `directory:` in the scenario"));
    }
    command.current_dir(directory);
    if let Some(database) = &spec.database {
        // What the user has set for his own use of PostgreSQL's programs would lead them to another server.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command.envs(servers.endpoint(database).await?.environment()).env("PGAPPNAME", session);
    }
    command.envs(&spec.env);
    Ok(())
}

fn not_started(spec: &CommandSpec, cause: io::Error) -> Error {
    let error = Code::ToolMissing.error(format!("`setsid` cannot be run, and so neither can `{}`", spec.command));
    error.help("install `setsid`, which Debian has in `util-linux`").because(cause)
}
