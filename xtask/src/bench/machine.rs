//! Where and with what was measured: figures mean nothing without it.

use std::fs;
use std::process::Command;

use restage_lab::Installation;

use super::Course;
use crate::program::must;
use crate::site::told;

/// One paragraph.
pub(super) fn describe(course: &Course) -> Result<String, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let version = |program: &std::path::Path| {
        let mut command = Command::new(program);
        command.arg("--version");
        must(command).map(|line| line.trim().to_owned())
    };
    let postgres = version(&Installation::any().map_err(told)?.bin("postgres"))?.replace("postgres (PostgreSQL)", "PostgreSQL");
    let restage = version(&course.program)?;
    // Nothing waits there, which flatters whoever commits most.
    let files = if std::env::temp_dir().starts_with("/dev/shm") { "files in memory" } else { "files on a disk" };
    let profile = format!("{files}, fsync on, autovacuum off, shared_buffers 512 MB, maintenance_work_mem 256 MB");
    Ok(format!(
        "{}: {} with {cores} cores and {:.0} GB of memory, Linux {}; {restage}, {postgres}; both servers ({profile}) and the \
         client on this machine; medians of {}, scale {}.",
        jiff::Zoned::now().date(),
        processor(),
        memory_gigabytes(),
        kernel(&read("/proc/sys/kernel/osrelease")),
        course.rounds,
        course.scale,
    ))
}

/// The kernel's version, without what its builder adds.
fn kernel(release: &str) -> String {
    release.split(['.', '-']).take(2).collect::<Vec<_>>().join(".")
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn memory_gigabytes() -> f64 {
    let text = read("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes: f64 = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0.0);
    kibibytes * 1024.0 / 1e9
}

/// What cannot be read is left out of the description.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
