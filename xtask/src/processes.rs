//! What `/proc` tells about processes: processor time, memory, who started whom.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The line of `/proc/PID/stat`, as far as it is needed.
struct Stat {
    parent: u32,
    /// Processor time of the process itself.
    own: Duration,
    /// Processor time of its children that have ended and been waited for, with all below them.
    waited: Duration,
}

/// Processor time of a process and of everything below it, ended or not.
pub(crate) fn processor_time(pid: u32) -> Result<Duration, String> {
    let all = all()?;
    let tree = below(pid, &all);
    let root = all.get(&pid).ok_or_else(|| format!("process {pid} is gone"))?;
    Ok(tree.iter().filter_map(|pid| all.get(pid)).chain([root]).map(|stat| stat.own + stat.waited).sum())
}

/// Processor time of the children of this process that have ended, with all below them.
pub(crate) fn processor_time_of_ended_children() -> Result<Duration, String> {
    let pid = std::process::id();
    stat(pid).map(|stat| stat.waited).ok_or_else(|| format!("process {pid} cannot be seen in /proc"))
}

/// The most memory that a process has had in use so far, in bytes; none if it has ended.
pub(crate) fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// Ends a child and everything below it, and waits for the child.
pub(crate) fn end(child: &mut Child) -> Result<(), String> {
    let pid = child.id();
    let tree = all().map(|all| below(pid, &all)).unwrap_or_default();
    // The child first, so that it starts no more; a process that has ended meanwhile is what is wanted.
    let failed = |error| format!("process {pid} cannot be ended: {error}");
    child.kill().map_err(failed)?;
    for pid in tree.into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
        let _ = kill_process(pid, Signal::KILL);
    }
    child.wait().map(drop).map_err(failed)
}

/// Every process below `root`.
fn below(root: u32, all: &BTreeMap<u32, Stat>) -> Vec<u32> {
    let mut tree = vec![root];
    let mut looked_at = 0;
    while let Some(parent) = tree.get(looked_at).copied() {
        tree.extend(all.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
        looked_at += 1;
    }
    tree.remove(0);
    tree
}

fn all() -> Result<BTreeMap<u32, Stat>, String> {
    let entries = fs::read_dir("/proc").map_err(|error| format!("cannot list `/proc`: {error}"))?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // Processes come and go while they are listed.
    Ok(pids.filter_map(|pid: u32| Some((pid, stat(pid)?))).collect())
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, rustix::param::clock_ticks_per_second())
}

/// The fields follow the program's name, which stands in parentheses and may contain anything.
fn parse(line: &str, ticks_per_second: u64) -> Option<Stat> {
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
    // Counted as proc(5) counts, where the state behind the name is the third.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let time = |user: usize, system: usize| {
        let milliseconds = (number(user)? + number(system)?) * 1_000 / ticks_per_second;
        Some(Duration::from_millis(milliseconds))
    };
    Some(Stat { parent: u32::try_from(number(4)?).ok()?, own: time(14, 15)?, waited: time(16, 17)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn fields_are_found_behind_any_name() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 900 0 0 0 150 50 20 5 20 0 1 0 1000 0 0";
        let stat = parse(line, 100).unwrap();
        assert_eq!((stat.parent, stat.own, stat.waited), (7, Duration::from_secs(2), Duration::from_millis(250)));
        assert!(parse("42 (cut", 100).is_none());
    }

    #[test]
    fn a_tree_is_followed_to_its_leaves() {
        let stat = |parent| Stat { parent, own: Duration::ZERO, waited: Duration::ZERO };
        let all = BTreeMap::from([(1, stat(0)), (2, stat(1)), (3, stat(2)), (4, stat(2)), (5, stat(0))]);
        assert_eq!(below(1, &all), [2, 3, 4]);
    }

    #[test]
    fn the_work_of_a_child_is_seen_while_it_runs_and_all_of_it_ends() {
        let mut child = Command::new("sh").args(["-c", "sh -c 'while :; do :; done'; true"]).stdin(Stdio::null()).spawn().unwrap();
        while processor_time(child.id()).unwrap() < Duration::from_millis(50) {
            std::thread::yield_now();
        }
        assert!(peak_memory(child.id()).unwrap() > 100_000);
        let tree = below(child.id(), &all().unwrap());
        assert_eq!(tree.len(), 1);
        end(&mut child).unwrap();
        let spins = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|line| line.contains(") R "));
        while spins(tree[0]) {
            std::thread::yield_now();
        }
    }
}
