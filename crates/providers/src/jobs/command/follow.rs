//! Following a command to its end, from its start or from wherever it is.

use super::{END_GRACE, EXIT, LOOK_EVERY, Life, OUTPUT, PASSED_ON, PROCESS, end_session, exit_code, life, start};
use crate::jobs::folder::{JobFolder, remove, unusable};
use crate::jobs::name::JobParts;
use crate::jobs::output::Output;
use crate::postgres::{Caller, Servers};
use crate::secrets::Secrets;
use restage_core::provider::{CommandDone, CommandSpec};
use restage_core::{Code, Error, Result};
use restage_pgcopy::stop::Stop;
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// The greatest tail of the output that a receipt holds, in bytes.
const TAIL_BYTES: usize = 4 << 10;
/// Read before the tail, so that a secret at its beginning is seen whole.
const BEFORE_TAIL_BYTES: usize = 64 << 10;
/// The greatest part of the output that is passed on at once, in bytes.
const PART_BYTES: u64 = 256 << 10;
/// A line that is longer is passed on in pieces, in bytes.
const MAX_LINE_BYTES: usize = 64 << 10;
/// How often passing the last lines on is tried.
const LAST_ATTEMPTS: u32 = 20;

/// Starts the command, or finds it at work, passes on what it says, and tells how it ended. Asked to stop, this lets go of the
/// command and leaves it at work.
pub(in crate::jobs) async fn follow(
    folder: &JobFolder,
    spec: &CommandSpec,
    servers: &Servers,
    job: &JobParts,
    output: &dyn Output,
    stop: &Stop,
) -> Result<CommandDone> {
    let secrets = servers.secrets();
    if let Some(reference) = spec.database.as_ref().and_then(|database| database.password.as_ref()) {
        // Fetched for the command too; known here, it is hidden in what the command says.
        secrets.resolve(reference).await?;
    }
    if let Life::Over(lock) = life(folder)?
        && exit_code(folder)? != Some(0)
    {
        end_session(folder).await?; // what a killed script may have left
        let name = Caller::run(&job.run);
        let mut child = start(folder, lock, spec, servers, name.as_str()).await?;
        // Reaps the script; its end is seen by the lock.
        tokio::spawn(async move { child.wait().await });
    }
    let mut passing = Passing { folder, job, output, secrets };
    while matches!(life(folder)?, Life::Alive) {
        // What the log does not take now it gets later.
        let _ = passing.pass_on(Rest::Unfinished).await;
        let pause = async {
            tokio::time::sleep(LOOK_EVERY).await;
            Ok(())
        };
        stop.race(pause).await.map_err(crate::postgres::told)?;
    }
    passing.pass_on_the_rest().await;
    let tail = passing.tail()?;
    let done = conclude(folder, spec, tail);
    // What a command says may hold more than its lines in the log do.
    remove(&folder.file(OUTPUT))?;
    done
}

fn conclude(folder: &JobFolder, spec: &CommandSpec, tail: String) -> Result<CommandDone> {
    let code = exit_code(folder)?;
    if code == Some(0) {
        return Ok(CommandDone { tail, seconds: seconds(folder).unwrap_or_default() });
    }
    let how = match code {
        Some(126) => "cannot be run".to_owned(),
        Some(127) => "is not installed".to_owned(),
        Some(code @ 129..=192) => format!("was ended by signal {}", code - 128),
        Some(code) => format!("ended with exit code {code}"),
        None => "was killed, or the machine was restarted".to_owned(),
    };
    let error = failed(spec, &how);
    Err(if tail.is_empty() { error } else { error.because(tail) })
}

fn failed(spec: &CommandSpec, how: &str) -> Error {
    let error = Code::CommandFailed.error(format!("`{}` {how}", spec.command));
    error.help("see what it said with `restage logs`; then `restage resume` runs it again, `restage undo` takes the run back")
}

/// From the script's first act to its last.
fn seconds(folder: &JobFolder) -> Option<f64> {
    let written = |name| -> Option<SystemTime> { fs::metadata(folder.file(name)).ok()?.modified().ok() };
    let time: Duration = written(EXIT)?.duration_since(written(PROCESS)?).ok()?;
    Some(time.as_secs_f64())
}

/// Passes on what a command says.
struct Passing<'a> {
    folder: &'a JobFolder,
    job: &'a JobParts,
    output: &'a dyn Output,
    secrets: &'a Secrets,
}

/// What happens to a last line without an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// The command may yet finish it.
    Unfinished,
    /// It stays as it is.
    Final,
}

impl Passing<'_> {
    /// Passes on what there is; says whether there was anything.
    async fn pass_on(&mut self, rest: Rest) -> Result<bool> {
        let from = self.passed_on();
        let bytes = self.read(from, PART_BYTES)?;
        let used = lines_end(&bytes, rest);
        if used == 0 {
            return Ok(false);
        }
        let text = String::from_utf8_lossy(&bytes[..used]);
        let lines = text.lines().map(|line| self.secrets.redact(line)).collect();
        self.output.lines(&self.job.run, self.job.step, lines).await?;
        let now = from + used as u64;
        let path = self.folder.file(PASSED_ON);
        fs::write(&path, now.to_string()).map_err(|error| unusable(&path, "write", error))?;
        self.give_back(now);
        Ok(true)
    }

    async fn pass_on_the_rest(&mut self) {
        let mut failures = 0;
        while failures < LAST_ATTEMPTS {
            match self.pass_on(Rest::Final).await {
                Ok(true) => failures = 0,
                Ok(false) => return,
                Err(_) => {
                    failures += 1;
                    tokio::time::sleep(END_GRACE / LAST_ATTEMPTS).await;
                }
            }
        }
    }

    fn passed_on(&self) -> u64 {
        fs::read_to_string(self.folder.file(PASSED_ON)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn path(&self) -> PathBuf {
        self.folder.file(OUTPUT)
    }

    fn read(&self, from: u64, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = || -> io::Result<()> {
            let mut file = File::open(self.path())?;
            file.seek(SeekFrom::Start(from))?;
            file.take(limit).read_to_end(&mut bytes).map(drop)
        };
        let mut read = read;
        match read() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(&self.path(), "read", error)),
            _ => Ok(bytes),
        }
    }

    /// Gives the disk back what was passed on, but for the tail, so that a talkative command does not fill it.
    fn give_back(&self, passed_on: u64) {
        let keep = (TAIL_BYTES + BEFORE_TAIL_BYTES) as u64;
        let Some(length) = passed_on.checked_sub(keep).filter(|length| *length > 0) else { return };
        if let Ok(file) = OpenOptions::new().write(true).open(self.path()) {
            // Not every file system can; the file then stays as large as the output is.
            let _ = fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, length);
        }
    }

    /// The last lines, without secrets.
    fn tail(&self) -> Result<String> {
        let size = fs::metadata(self.path()).map_or(0, |metadata| metadata.len());
        let limit = (TAIL_BYTES + BEFORE_TAIL_BYTES) as u64;
        let bytes = self.read(size.saturating_sub(limit), limit)?;
        let text = self.secrets.redact(&String::from_utf8_lossy(&bytes));
        let start = text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES));
        Ok(text[start..].trim_end().to_owned())
    }
}

/// Where the last whole line of a part ends; a line that is too long is whole.
fn lines_end(bytes: &[u8], rest: Rest) -> usize {
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => at + 1,
        None if rest == Rest::Final || bytes.len() >= MAX_LINE_BYTES => bytes.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_at_lines_unless_nothing_more_will_come() {
        assert_eq!(lines_end(b"a\nb", Rest::Unfinished), 2);
        assert_eq!(lines_end(b"ab", Rest::Unfinished), 0);
        assert_eq!(lines_end(b"ab", Rest::Final), 2);
        assert_eq!(lines_end(&vec![b'x'; MAX_LINE_BYTES], Rest::Unfinished), MAX_LINE_BYTES);
    }
}
