//! Migrators of this machine, of which the system itself knows whether they live.

use jiff::Timestamp;
use restage_core::diagnosis::{LocalProcess, QueueSeen};
use restage_core::signal::{MigratorId, Sender};
use std::collections::BTreeMap;
use std::path::Path;

/// Where the system shows its processes.
const PROCESSES: &str = "/proc";

pub(super) fn of(queue: &QueueSeen, now: Timestamp) -> BTreeMap<MigratorId, LocalProcess> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if !Path::new(PROCESSES).join("self").exists() {
        return BTreeMap::new();
    }
    let senders = queue.following().migrators(now).into_iter().map(|migrator| migrator.sender);
    senders
        .filter_map(|sender| match sender {
            Sender::Migrator(id) if id.host.0 == host => {
                let runs = Path::new(PROCESSES).join(id.pid.to_string()).exists();
                Some((id, if runs { LocalProcess::Runs } else { LocalProcess::Gone }))
            }
            _ => None,
        })
        .collect()
}
