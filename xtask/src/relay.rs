//! Running a command whose output people want to see while it comes, within a limit.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::{processes, program};

/// Prints every line as it comes, hands it to `read`, and tells how the command ended.
pub(crate) fn relay(mut command: Command, within: Duration, mut read: impl FnMut(&str)) -> Result<ExitStatus, String> {
    let line = program::line(&command);
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start `{line}`: {error}"))?;
    let (sender, lines) = mpsc::channel();
    pass_on(child.stdout.take(), sender.clone());
    pass_on(child.stderr.take(), sender);
    loop {
        match lines.recv_timeout(within.saturating_sub(started.elapsed())) {
            Ok(text) => {
                println!("{text}");
                read(&text);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                processes::end(&mut child)?;
                return Err(format!("`{line}` did not end within {} minutes", within.as_secs() / 60));
            }
        }
    }
    child.wait().map_err(|error| format!("`{line}` cannot be waited for: {error}"))
}

fn pass_on(pipe: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(pipe) = pipe else { return };
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            // Nobody listens any more once the limit has passed.
            if sender.send(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_of_both_outputs_are_read_and_the_end_is_told() {
        let mut lines = Vec::new();
        let status =
            relay(shell("echo one; echo two >&2; exit 3"), Duration::from_mins(1), |line| lines.push(line.to_owned())).unwrap();
        lines.sort();
        assert_eq!((status.code(), lines), (Some(3), vec!["one".to_owned(), "two".to_owned()]));
    }

    #[test]
    fn a_command_past_its_limit_is_ended_with_all_below_it() {
        let mut below = 0;
        let error = relay(shell("sleep 600 & echo $!; wait"), Duration::from_millis(300), |line| below = line.parse().unwrap());
        assert!(error.unwrap_err().contains("did not end within"));
        let runs = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|line| line.contains(") S "));
        while runs(below) {
            thread::yield_now();
        }
    }
}
