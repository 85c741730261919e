//! The shell that owns a server process, so that nothing outlives the tests.
//!
//! A pipe connects it to this process. The kernel closes the pipe however this process ends, and the keeper then stops the
//! server and removes its folder. It is the server's parent, so it can wait for it, and a process id is never reused under it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::{Error, Result};

const SCRIPT: &str = include_str!("keeper.sh");

/// How a server is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Sessions are ended and everything is written: a clean shutdown.
    Fast,
    /// As in a crash: the next start has to recover.
    Immediate,
}

pub(crate) struct Keeper {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    /// Starts the keeper of `scratch`; `server` is the command line that it completes with a port.
    pub(crate) fn start(scratch: &crate::scratch::Scratch, server: &Command) -> Result<Self> {
        let failed = |source| Error::Spawn { program: "sh".to_owned(), source };
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "restage-lab-keeper"]).arg(scratch.path()).arg(server.get_program()).args(server.get_args());
        for (name, value) in server.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // A group of its own: an interrupt typed at the terminal reaches the tests, and only through them the server.
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(scratch.owner()?);
        let mut shell = command.spawn().map_err(failed)?;
        let (Some(orders), Some(answers)) = (shell.stdin.take(), shell.stdout.take()) else {
            unreachable!("both were piped");
        };
        Ok(Self { shell, orders: Some(orders), answers: BufReader::new(answers) })
    }

    /// Starts the server and returns its process id; it is not ready yet.
    pub(crate) fn start_server(&mut self, port: u16) -> Result<u32> {
        let answer = self.order(&format!("start {port}\n"))?;
        answer.trim().parse().map_err(|_| Error::Start { log: format!("the keeper answered `{}`", answer.trim()) })
    }

    /// Stops the server and waits until it has ended.
    pub(crate) fn stop_server(&mut self, how: Stop) -> Result<()> {
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        self.order(&format!("stop {signal}\n")).map(drop)
    }

    fn order(&mut self, line: &str) -> Result<String> {
        let failed = Error::file("talk to the keeper through", "pipe");
        let Some(orders) = self.orders.as_mut() else { unreachable!("closed only by drop") };
        let mut answer = String::new();
        match orders.write_all(line.as_bytes()).and_then(|()| self.answers.read_line(&mut answer)) {
            Ok(_) => Ok(answer),
            Err(error) => Err(failed(error)),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Without orders it stops the server, which ends its last sessions after five seconds at most, and goes.
        let _ = self.shell.wait();
    }
}

/// Whether a process runs: it exists and has not ended already, waiting for its parent to notice.
pub(crate) fn is_running(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    // The state follows the program's name, which stands in parentheses and may contain anything.
    status.is_ok_and(|text| text.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}
