//! Streaming hot standbys.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::{Cluster, Error, Result, SUPERUSER, tool};

/// How long copying a primary may take.
const BACKUP_LIMIT: Duration = Duration::from_mins(10);
/// How long a standby may stay behind its primary.
const REPLAY_LIMIT: Duration = Duration::from_mins(1);
const REPLAY_POLL: Duration = Duration::from_millis(20);

impl Cluster {
    /// Starts a hot standby that streams from `primary`; it answers read-only queries.
    pub fn standby_of(primary: &Self) -> Result<Self> {
        let account = Account::choose()?;
        Self::with_data(primary.config().clone(), account, |data, _| copy(primary, account, data))
    }

    /// Waits until this standby shows everything its primary has committed by now.
    pub fn await_replay_of(&self, primary: &Self) -> Result<()> {
        let target = primary.psql("postgres", "SELECT pg_current_wal_insert_lsn()")?;
        let caught_up = format!("SELECT pg_last_wal_replay_lsn() >= '{target}'");
        let started = Instant::now();
        while started.elapsed() < REPLAY_LIMIT {
            if self.psql("postgres", &caught_up)? == "t" {
                return Ok(());
            }
            std::thread::sleep(REPLAY_POLL);
        }
        Err(Error::Slow { what: "replay on the standby".to_owned(), limit: REPLAY_LIMIT, seen: self.log() })
    }
}

fn copy(primary: &Cluster, account: Account, data: &Path) -> Result<()> {
    std::fs::create_dir(data).map_err(Error::file("create", data))?;
    // The server insists that its directory is private.
    std::fs::set_permissions(data, Permissions::from_mode(0o700)).map_err(Error::file("close to others", data))?;
    account.give(data)?;
    let mut command = account.command(&primary.installation().bin("pg_basebackup"));
    crate::client::forget_environment(&mut command);
    let source = format!("host={} port={} user={SUPERUSER}", primary.socket_dir().display(), primary.port());
    command.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
    command.args(["-d", &source]).arg("-D").arg(data);
    tool::run(command, "", BACKUP_LIMIT).map(drop)
}
