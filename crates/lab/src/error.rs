use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::Major;

/// Why a throwaway cluster could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No binaries of this major version are installed.
    #[error("no PostgreSQL {major} was found in {searched:?}")]
    NotInstalled {
        /// The version looked for.
        major: Major,
        /// The folders that would have been used, in order.
        searched: Vec<PathBuf>,
    },
    /// No binaries of any major version are installed.
    #[error("no PostgreSQL server was found")]
    NothingInstalled,
    /// The tests run as root, and there is nobody else to run the server as.
    #[error("neither `postgres` nor `nobody` is in `/etc/passwd`")]
    NoAccount,
    /// A file operation failed.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`")]
    Spawn {
        /// The program's path.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("`{program}` failed: {said}")]
    Tool {
        /// The program's path.
        program: String,
        /// What it wrote to standard error.
        said: String,
    },
    /// Something took longer than its limit.
    #[error("{what} took longer than {limit:?}: {seen}")]
    Slow {
        /// What was awaited.
        what: String,
        /// The limit.
        limit: Duration,
        /// What is known about it, such as the end of the server's log.
        seen: String,
    },
    /// The server ended while it was starting.
    #[error("the server did not start: {log}")]
    Start {
        /// The end of the server's log.
        log: String,
    },
    /// `global/pg_control` is not in a form this crate can read.
    #[error("`{}` has no checksum where one was expected", path.display())]
    ControlFile {
        /// The file.
        path: PathBuf,
    },
    /// The cluster is not in a state that allows the request.
    #[error("the server is {state}")]
    State {
        /// Running or stopped.
        state: &'static str,
    },
}

impl Error {
    /// Says what to do about it, where something can be said.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NotInstalled { .. } | Self::NothingInstalled => {
                Some("run `tools/install`, or set RESTAGE_POSTGRES_HOME to a folder with one sub-folder per major version")
            }
            Self::NoAccount => Some("create a user named `postgres`, or do not run as root"),
            Self::Spawn { .. } => Some("run `tools/install`"),
            _ => None,
        }
    }

    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
