//! A server that stands in for Amazon Web Services: moto, in a process of its own that knows nothing when it starts.
//!
//! It answers anybody, and some things otherwise than AWS does. What is told apart by tests must therefore not lean on what
//! it gets wrong: FIFO messages have no sequence number, and nobody is ever forbidden anything.

use std::env;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::cluster::free_port;
use crate::keeper::{Keeper, is_running};
use crate::scratch::Scratch;
use crate::{Error, Result};

/// The region that everything is in.
pub const REGION: &str = "us-east-1";
/// An access key; any will do.
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// Its secret.
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The account that everything belongs to.
pub const ACCOUNT: &str = "123456789012";

/// Where `tools/install` puts the server, unless the variable says otherwise.
const HOME: &str = ".tools/moto";
const HOME_VARIABLE: &str = "RESTAGE_MOTO_HOME";
/// How long the server may take until it accepts connections: it is written in Python and reads much.
const READY_LIMIT: Duration = Duration::from_mins(1);
const READY_POLL: Duration = Duration::from_millis(10);
/// How often a port may turn out to be taken between choosing and using it.
const PORT_ATTEMPTS: u32 = 8;

/// A running server, which ends with this value or with this process, whichever ends first.
pub struct Aws {
    // The keeper stops the server and empties the folder, then the folder's lock is released.
    keeper: Keeper,
    scratch: Scratch,
    port: u16,
}

impl Aws {
    /// Starts a server without queues and parameters.
    pub fn start() -> Result<Self> {
        let program = program();
        if !program.exists() {
            let source = std::io::ErrorKind::NotFound.into();
            return Err(Error::Spawn { program: program.display().to_string(), source });
        }
        let scratch = Scratch::create()?;
        let keeper = Keeper::start(&scratch, &command(&program))?;
        let mut server = Self { keeper, scratch, port: 0 };
        let mut attempts = 0;
        loop {
            server.port = free_port();
            attempts += 1;
            match server.launch() {
                Err(Error::Start { log }) if log.contains("in use") && attempts < PORT_ATTEMPTS => {}
                launched => return launched.map(|()| server),
            }
        }
    }

    /// The address that stands in for every service's.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn launch(&mut self) -> Result<()> {
        let pid = self.keeper.start_server(self.port)?;
        let log = || fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default();
        let started = Instant::now();
        while started.elapsed() < READY_LIMIT {
            if !is_running(pid) {
                return Err(Error::Start { log: log() });
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(READY_POLL);
        }
        Err(Error::Slow { what: "starting the server that stands in for AWS".to_owned(), limit: READY_LIMIT, seen: log() })
    }
}

fn program() -> PathBuf {
    let home = env::var_os(HOME_VARIABLE).map_or_else(|| PathBuf::from(HOME), PathBuf::from);
    home.join("bin/moto_server")
}

/// The command line, which the keeper completes with a port.
fn command(program: &Path) -> Command {
    // What a shell starts in the background ignores `QUIT`, with which the keeper ends it, unless told otherwise.
    let mut command = Command::new("env");
    command.args(["--default-signal=QUIT", "sh", "-c", "ulimit -c 0; exec \"$0\" -H 127.0.0.1 \"$@\""]).arg(program);
    command
}
