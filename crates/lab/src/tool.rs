//! Running a program to its end, within a limit.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::{Error, Result};

/// Runs `command` with `input` on its standard input and returns its standard output.
pub(crate) fn run(mut command: Command, input: &str, limit: Duration) -> Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| Error::Spawn { program: program.clone(), source })?;
    let said = converse(&mut child, input.as_bytes(), limit);
    if said.is_none() {
        // It may have ended by itself a moment ago; then there is nothing to kill.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|source| Error::Spawn { program: program.clone(), source })?;
    let Some((output, errors)) = said else {
        return Err(Error::Slow { what: format!("`{program}`"), limit, seen: "it was killed".to_owned() });
    };
    if status.success() {
        Ok(output)
    } else {
        Err(Error::Tool { program, said: String::from_utf8_lossy(&errors).trim().to_owned() })
    }
}

/// Writes the input while reading both outputs, so that no full pipe can block the other side; `None` at the limit.
fn converse(child: &mut Child, input: &[u8], limit: Duration) -> Option<(Vec<u8>, Vec<u8>)> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        unreachable!("all three were piped");
    };
    let output = read_aside(stdout);
    let errors = read_aside(stderr);
    let input = input.to_owned();
    // A program that stops reading early reports why on its own; the broken pipe here says nothing more.
    thread::spawn(move || stdin.write_all(&input));
    let output = output.recv_timeout(limit).ok()?;
    Some((output, errors.recv_timeout(limit).ok()?))
}

fn read_aside(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        if pipe.read_to_end(&mut all).is_ok() {
            // Nobody listens any more once the limit has passed.
            let _ = sender.send(all);
        }
    });
    receiver
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
    fn large_input_and_output_do_not_block_each_other() {
        let input = "line\n".repeat(200_000);
        let output = run(shell("cat; cat >&2 </dev/null"), &input, Duration::from_secs(30)).unwrap();
        assert_eq!(output.len(), input.len());
    }

    #[test]
    fn a_failure_carries_what_the_program_said() {
        let error = run(shell("echo why >&2; exit 3"), "", Duration::from_secs(30)).unwrap_err();
        assert_eq!(error.to_string(), "`sh` failed: why");
    }

    #[test]
    fn a_program_past_its_limit_is_killed() {
        let error = run(shell("exec sleep 60"), "", Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, Error::Slow { .. }), "{error:?}");
    }
}
