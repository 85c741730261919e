//! A session of processes, as `/proc` shows it.

use crate::jobs::folder::unusable;
use restage_core::{Code, Result};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often is looked whether processes have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The session that a job's script leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) struct Session {
    leader: Process,
}

/// One line of `/proc/<pid>/stat`, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    id: i32,
    is_over: bool,
    group: i32,
    session: i32,
    /// In clock ticks since the machine started.
    started: u64,
}

impl Session {
    /// The session written down in that file, if one is.
    pub(in crate::jobs) fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(path, "read", error)),
        };
        let leader = Process::parse(&text).filter(|process| process.id == process.session);
        let leader = leader.ok_or_else(|| {
            Code::StoreUnusable
                .error(format!("`{}` is damaged", path.display()))
                .help("move the job's folder away; then `restage resume`")
        })?;
        Ok(Some(Self { leader }))
    }

    /// Ends every process of the session: asks first, kills after `grace`, and errs if some are left after `last`.
    pub(in crate::jobs) async fn end(&self, grace: Duration, last: Duration) -> Result<()> {
        for (signal, limit) in [(Signal::TERM, grace), (Signal::KILL, last)] {
            let began = Instant::now();
            self.signal(signal)?;
            while !self.members()?.is_empty() {
                if began.elapsed() > limit {
                    break;
                }
                sleep(LOOK_EVERY).await;
                if signal == Signal::KILL {
                    // Whoever was started in the meantime.
                    self.signal(signal)?;
                }
            }
        }
        let left = self.members()?;
        if left.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = left.iter().map(|process| process.id.to_string()).collect();
        Err(Code::InDoubt
            .error(format!("processes of the job could not be ended: {}", ids.join(", ")))
            .help("find out what they wait for and end them; then try again"))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let members = self.members()?;
        if members.iter().any(|process| process.group == self.leader.id) {
            // One that has ended meanwhile is as good as ended.
            let _ = Pid::from_raw(self.leader.id).map(|group| kill_process_group(group, signal));
        }
        for process in members.iter().filter(|process| process.group != self.leader.id) {
            match Pid::from_raw(process.id).map_or(Ok(()), |id| kill_process(id, signal)) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(cause) => {
                    let error = Code::InDoubt.error(format!("process {} of the job cannot be ended", process.id));
                    return Err(error.help("end it by hand; then try again").because(io::Error::from(cause)));
                }
            }
        }
        Ok(())
    }

    /// Everybody in the session who has not ended. While anybody is in it, its number is given to nobody else; once the leader's
    /// number is another process's, the session is gone.
    fn members(&self) -> Result<Vec<Process>> {
        let unreadable = |error| unusable(Path::new("/proc"), "read", error);
        let now = self.leader.id;
        if Process::of(now).is_some_and(|process| process.started != self.leader.started) {
            return Ok(vec![]);
        }
        let entries = fs::read_dir("/proc").map_err(unreadable)?;
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let processes = ids.filter_map(Process::of);
        Ok(processes.filter(|process| process.session == self.leader.id && !process.is_over).collect())
    }
}

impl Process {
    fn of(id: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    fn parse(stat: &str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(')')?;
        let id = before.split_once(' ')?.0.parse().ok()?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        Some(Self {
            id,
            is_over: matches!(*fields.first()?, "Z" | "X"),
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_program_is_called() {
        let line = "4242 (a) b (c)) S 1 4242 4240 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        let process = Process::parse(line).unwrap();
        assert_eq!(process, Process { id: 4242, is_over: false, group: 4242, session: 4240, started: 987_654 });
        assert!(Process::parse("4242 (sh) Z 1 4242 4240").is_none());
        assert_eq!(Process::parse(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap().id, std::process::id().cast_signed());
    }

    #[test]
    fn a_number_that_is_another_process_by_now_is_nobodys_session() {
        let own = Process::of(std::process::id().cast_signed()).unwrap();
        let session = Session { leader: Process { started: own.started + 1, session: own.id, ..own } };
        assert!(session.members().unwrap().is_empty());
    }
}
