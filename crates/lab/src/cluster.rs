use std::fmt::Write as _;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::config::{configure, server_command};
use crate::keeper::{Keeper, Stop, is_running};
use crate::scratch::Scratch;
use crate::{Config, Error, Installation, Major, Result, SUPERUSER, SUPERUSER_PASSWORD, template};

/// How long a server may take until it accepts connections.
const READY_LIMIT: Duration = Duration::from_mins(1);
const READY_POLL: Duration = Duration::from_millis(3);
/// How often a port may turn out to be taken between choosing and using it.
const PORT_ATTEMPTS: u32 = 8;
/// Below the ports that systems give to outgoing connections, which could take a stopped server's port.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// How much of the server's log an error shows.
const LOG_LINES: usize = 15;

/// A running PostgreSQL server of its own, which ends with this value or with this process, whichever ends first.
///
/// Nothing here is durable (`fsync` is off), and no two clusters share a system identifier.
pub struct Cluster {
    // The order matters: the keeper stops the server and empties the folder, then the folder's lock is released.
    keeper: Keeper,
    scratch: Scratch,
    config: Config,
    port: u16,
    pid: Option<u32>,
}

impl Cluster {
    /// Starts a cluster of one version with the usual configuration.
    pub fn start(major: Major) -> Result<Self> {
        Config::of(Installation::find(major)?).start()
    }

    /// Starts a cluster of whichever version is preferred here.
    pub fn any() -> Result<Self> {
        Config::of(Installation::any()?).start()
    }

    /// Starts a server on data that `fill` puts into a folder not yet there.
    pub(crate) fn with_data(
        mut config: Config,
        account: Account,
        fill: impl FnOnce(&Path, &Installation) -> Result<()>,
    ) -> Result<Self> {
        config.installation = template::reachable(config.installation, account)?;
        let scratch = Scratch::create()?;
        let (data, socket) = (scratch.path().join("data"), scratch.path().join("socket"));
        fs::create_dir(&socket).map_err(Error::file("create", &socket))?;
        account.give(&socket)?;
        fill(&data, &config.installation)?;
        configure(&data, &config)?;
        let keeper = Keeper::start(&scratch, &server_command(&config, account, scratch.path()))?;
        let mut cluster = Self { keeper, scratch, config, port: 0, pid: None };
        cluster.start_on_free_port()?;
        Ok(cluster)
    }

    /// The major version of the server.
    pub fn major(&self) -> Major {
        self.config.installation.major()
    }

    /// The programs that the server was started from, and the clients that fit it.
    pub fn installation(&self) -> &Installation {
        &self.config.installation
    }

    /// The port on 127.0.0.1, which stays the same when the server is started again.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server, if it was not stopped.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// The folder of the server's socket, usable as a host name.
    pub fn socket_dir(&self) -> PathBuf {
        self.scratch.path().join("socket")
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// The whole log of the server so far.
    pub fn log(&self) -> String {
        fs::read(self.scratch.path().join("log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// A connection URL over TCP, without a password.
    pub fn url(&self, database: &str, user: &str) -> String {
        format!("postgresql://{}@127.0.0.1:{}/{}", percent(user), self.port, percent(database))
    }

    /// A connection URL over TCP that carries a password.
    pub fn url_with_password(&self, database: &str, user: &str, password: &str) -> String {
        let (user, password) = (percent(user), percent(password));
        format!("postgresql://{user}:{password}@127.0.0.1:{}/{}", self.port, percent(database))
    }

    /// A connection URL over TCP for the superuser, with the password.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url_with_password(database, SUPERUSER, SUPERUSER_PASSWORD)
    }

    /// Stops the server cleanly; sessions are ended.
    pub fn stop(&mut self) -> Result<()> {
        self.end(Stop::Fast)
    }

    /// Ends the server as a power cut would; the next start recovers.
    pub fn crash(&mut self) -> Result<()> {
        self.end(Stop::Immediate)
    }

    /// Starts the server again after [`stop`](Self::stop) or [`crash`](Self::crash), on the same port.
    pub fn start_again(&mut self) -> Result<()> {
        if self.pid.is_some() {
            return Err(Error::State { state: "running" });
        }
        if self.config.free_bytes.is_some() {
            return Err(Error::State { state: "stopped, and its limited disk is gone" });
        }
        self.launch()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    fn end(&mut self, how: Stop) -> Result<()> {
        self.pid.take().ok_or(Error::State { state: "stopped" })?;
        self.keeper.stop_server(how)
    }

    fn start_on_free_port(&mut self) -> Result<()> {
        let mut failure = Error::State { state: "stopped" };
        for _ in 0..PORT_ATTEMPTS {
            self.port = free_port();
            match self.launch() {
                Ok(()) => return Ok(()),
                Err(error) => failure = error,
            }
            let taken = matches!(&failure, Error::Start { log } if log.contains("Address already in use"));
            if !taken {
                break;
            }
        }
        Err(failure)
    }

    fn launch(&mut self) -> Result<()> {
        let pid = self.keeper.start_server(self.port)?;
        let ready = self.await_ready(pid);
        if ready.is_err() {
            self.keeper.stop_server(Stop::Immediate)?;
        } else {
            self.pid = Some(pid);
        }
        ready
    }

    fn await_ready(&self, pid: u32) -> Result<()> {
        let status_file = self.data_dir().join("postmaster.pid");
        let started = Instant::now();
        while started.elapsed() < READY_LIMIT {
            if fs::read_to_string(&status_file).is_ok_and(|status| is_ready(&status, pid)) {
                return Ok(());
            }
            if !is_running(pid) {
                return Err(Error::Start { log: self.log_end() });
            }
            std::thread::sleep(READY_POLL);
        }
        Err(Error::Slow { what: "starting the server".to_owned(), limit: READY_LIMIT, seen: self.log_end() })
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cluster").field("config", &self.config).field("port", &self.port).finish_non_exhaustive()
    }
}

/// The lines of `postmaster.pid`: the first is the process, the eighth its state, "ready" once connections are accepted.
fn is_ready(status: &str, pid: u32) -> bool {
    let mut lines = status.lines();
    lines.next().is_some_and(|line| line.trim() == pid.to_string()) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

pub(crate) fn free_port() -> u16 {
    let offset = RandomState::new().hash_one(0) % u64::from(PORTS.end - PORTS.start);
    let first = PORTS.start + u16::try_from(offset).unwrap_or(0);
    (first..PORTS.end).chain(PORTS.start..first).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap_or(first)
}

/// Escapes what may not stand in a part of a URL.
fn percent(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_server_saying_ready_is_ready() {
        let status = "42\n/data\n1700000000\n20001\n/socket\n127.0.0.1\n  1 2\nready   \n";
        assert!(is_ready(status, 42));
        assert!(!is_ready(status, 43));
        assert!(!is_ready(&status.replace("ready   ", "starting"), 42));
        assert!(!is_ready("42\n", 42));
    }

    #[test]
    fn names_are_escaped_in_urls() {
        assert_eq!(percent("a b/ü@x"), "a%20b%2F%C3%BC%40x");
    }
}
