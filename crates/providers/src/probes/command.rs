//! Whether a command succeeds.

use super::{LOOK_LIMIT, short};
use crate::jobs::surround;
use crate::postgres::{Caller, Servers};
use restage_core::provider::{CommandSpec, Look};
use restage_core::scenario::run::Command;
use restage_core::{Code, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Child;

/// The greatest part of what the command says that is read, in bytes.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;

/// Runs it once, and ends it with what it started when it takes too long.
pub(super) async fn look(spec: &CommandSpec, servers: &Servers) -> Result<Look> {
    look_within(spec, servers, LOOK_LIMIT).await
}

async fn look_within(spec: &CommandSpec, servers: &Servers, limit: Duration) -> Result<Look> {
    Ok(match run_within(spec, servers, limit).await? {
        None => Look::NotYet(too_long(limit)),
        Some((status, said)) if status.success() => Look::Holds(if said.is_empty() { "it succeeds".into() } else { said }),
        Some((status, said)) => Look::NotYet(if said.is_empty() { status.to_string() } else { format!("{status}: {said}") }),
    })
}

/// What is said of a command that did not end in time.
pub(crate) fn too_long(limit: Duration) -> String {
    format!("it did not end within {} s", limit.as_secs_f64())
}

/// Its exit status and what it said, in one line; none where it took too long.
pub(crate) async fn run_within(spec: &CommandSpec, servers: &Servers, limit: Duration) -> Result<Option<(ExitStatus, String)>> {
    let mut command = match &spec.command {
        Command::Shell(text) => {
            let mut shell = tokio::process::Command::new("sh");
            shell.args(["-c", text]);
            shell
        }
        Command::Program { program, arguments } => {
            let mut command = tokio::process::Command::new(program);
            command.args(arguments);
            command
        }
    };
    surround(&mut command, spec, servers, Caller::looking().as_str()).await?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(|cause| {
        let error = Code::CommandFailed.error(format!("`{}` cannot be run", spec.command));
        error.help("install the program, or correct `command:` in the scenario").because(cause)
    })?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let seen = tokio::time::timeout(limit, run(&mut child)).await;
    if let Some(group) = group {
        // What it left behind must not pile up with every look; that there is nothing is no error.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let Ok(seen) = seen else { return Ok(None) };
    let (status, said) =
        seen.map_err(|cause| Code::CommandFailed.error(format!("`{}` cannot be watched", spec.command)).because(cause))?;
    Ok(Some((status, short(&servers.secrets().redact(&said)))))
}

async fn run(child: &mut Child) -> std::io::Result<(ExitStatus, String)> {
    let mut said = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout.take(MAX_OUTPUT_BYTES);
        stdout.read_to_end(&mut said).await?;
        tokio::io::copy(stdout.get_mut(), &mut tokio::io::sink()).await?;
    }
    Ok((child.wait().await?, String::from_utf8_lossy(&said).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(script: &str) -> CommandSpec {
        CommandSpec {
            command: Command::Shell(script.into()),
            env: [("WORD".to_owned(), "up".to_owned())].into(),
            directory: ".".into(),
            database: None,
        }
    }

    async fn seen(script: &str) -> Look {
        look_within(&spec(script), &Servers::default(), Duration::from_secs(1)).await.unwrap()
    }

    #[tokio::test]
    async fn the_exit_code_decides_and_what_it_says_is_seen() {
        assert_eq!(seen("echo $WORD").await, Look::Holds("up".into()));
        assert_eq!(seen("true").await, Look::Holds("it succeeds".into()));
        assert_eq!(seen("echo no; exit 3").await, Look::NotYet("exit status: 3: no".into()));
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", path.display());
        assert!(matches!(seen(&script).await, Look::NotYet(why) if why.contains("did not end")));
        let pid = std::fs::read_to_string(path).unwrap().trim().to_owned();
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let gone = || state().is_none_or(|stat| stat.contains(") Z "));
        let began = std::time::Instant::now();
        while !gone() {
            assert!(began.elapsed() < Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_an_error() {
        let command = Command::Program { program: "restage-no-such-program".into(), arguments: vec![] };
        let error = look(&CommandSpec { command, ..spec("") }, &Servers::default()).await.unwrap_err();
        assert_eq!(error.code, Code::CommandFailed);
    }
}
