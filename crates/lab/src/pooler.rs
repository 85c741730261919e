//! A connection pooler in front of a cluster.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::cluster::free_port;
use crate::keeper::{Keeper, is_running};
use crate::scratch::Scratch;
use crate::{Cluster, Error, Result, SUPERUSER};

const PROGRAM: &str = "/usr/sbin/pgbouncer";
/// The file in its folder.
const SETTINGS: &str = "pgbouncer.ini";
/// How long the pooler may take until it accepts connections.
const READY_LIMIT: Duration = Duration::from_secs(20);
const READY_POLL: Duration = Duration::from_millis(3);
/// How often a port may turn out to be taken between choosing and using it.
const PORT_ATTEMPTS: u32 = 8;

/// How long a client has a session of the server to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Until it leaves.
    Session,
    /// Until its transaction ends.
    Transaction,
}

/// A running `PgBouncer`, which ends with this value or with this process, whichever ends first.
///
/// It lets anybody in, and logs in to every database of its cluster as the superuser.
pub struct Pooler {
    // The keeper stops the pooler and empties the folder, then the folder's lock is released.
    keeper: Keeper,
    scratch: Scratch,
    port: u16,
    pid: u32,
}

impl Pooler {
    /// Starts a pooler in front of a cluster.
    pub fn start(cluster: &Cluster, pooling: Pooling) -> Result<Self> {
        let program = Path::new(PROGRAM);
        if !program.exists() {
            return Err(Error::Spawn { program: PROGRAM.to_owned(), source: io::ErrorKind::NotFound.into() });
        }
        let scratch = Scratch::create()?;
        let settings = scratch.path().join(SETTINGS);
        let keeper = Keeper::start(&scratch, &command(Account::choose()?, program, &settings))?;
        let mut pooler = Self { keeper, scratch, port: 0, pid: 0 };
        let mut attempts = 0;
        loop {
            pooler.port = free_port();
            let text = configuration(cluster, pooling, pooler.port);
            fs::write(&settings, text).map_err(Error::file("write", &settings))?;
            attempts += 1;
            match pooler.launch() {
                Err(Error::Start { log }) if log.contains("Address already in use") && attempts < PORT_ATTEMPTS => {}
                launched => return launched.map(|()| pooler),
            }
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file with its settings.
    pub fn settings(&self) -> PathBuf {
        self.scratch.path().join(SETTINGS)
    }

    fn launch(&mut self) -> Result<()> {
        self.pid = self.keeper.start_server(self.port)?;
        let log = || fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default();
        let started = Instant::now();
        while started.elapsed() < READY_LIMIT {
            if !is_running(self.pid) {
                return Err(Error::Start { log: log() });
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(READY_POLL);
        }
        Err(Error::Slow { what: "starting the pooler".to_owned(), limit: READY_LIMIT, seen: log() })
    }
}

fn configuration(cluster: &Cluster, pooling: Pooling, port: u16) -> String {
    let mode = match pooling {
        Pooling::Session => "session",
        Pooling::Transaction => "transaction",
    };
    let (host, server) = (cluster.socket_dir(), cluster.port());
    format!(
        "[databases]\n* = host={} port={server} user={SUPERUSER}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n",
        host.display()
    )
}

/// The command line, which the keeper completes with a port that the pooler would not take there.
fn command(account: Account, program: &Path, settings: &Path) -> Command {
    // What a shell starts in the background ignores `QUIT`, with which the keeper ends it, unless told otherwise.
    let mut command = match account {
        Account::Own => Command::new("env"),
        Account::Other { uid, gid } => {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into(), "--".into(), "env".into()]);
            command
        }
    };
    command.args(["--default-signal=QUIT", "sh", "-c", "exec \"$0\" \"$1\""]).arg(program).arg(settings);
    command
}
