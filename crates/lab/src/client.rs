//! Arranging and inspecting databases with PostgreSQL's own programs.

use std::env;
use std::process::Command;
use std::time::Duration;

use crate::{Cluster, Error, Result, SUPERUSER, SUPERUSER_PASSWORD, tool};

/// How long one `psql` or `pg_dump` may take.
const CLIENT_LIMIT: Duration = Duration::from_mins(10);

impl Cluster {
    /// Runs SQL as the superuser and returns what it selects: a line per row, fields separated by `|`.
    ///
    /// The first error ends it; statements before it stay done.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String> {
        let mut command = self.client("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d", database]);
        let mut output = text(&tool::run(command, sql, CLIENT_LIMIT)?);
        if output.ends_with('\n') {
            output.pop();
        }
        Ok(output)
    }

    /// Dumps a database as SQL, without the lines that differ between two dumps of the same content.
    pub fn dump(&self, database: &str) -> Result<String> {
        let mut command = self.client("pg_dump");
        command.args(["-d", database]);
        let dump = text(&tool::run(command, "", CLIENT_LIMIT)?);
        Ok(dump.split_inclusive('\n').filter(|line| !differs_always(line)).collect())
    }

    /// Creates a database owned by the superuser.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.psql("postgres", &format!("CREATE DATABASE {}", quote(name))).map(drop)
    }

    /// The identifier that tells this server from all others.
    pub fn system_identifier(&self) -> Result<u64> {
        let answer = self.psql("postgres", "SELECT system_identifier FROM pg_control_system()")?;
        answer.parse().map_err(|_| Error::Tool { program: "psql".to_owned(), said: answer })
    }

    /// A command for one of this installation's programs, set up to reach this cluster as its superuser through the socket.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.installation().bin(program));
        forget_environment(&mut command);
        command.env("PGHOST", self.socket_dir()).env("PGPORT", self.port().to_string());
        command.env("PGUSER", SUPERUSER).env("PGPASSWORD", SUPERUSER_PASSWORD);
        command.env("PGCLIENTENCODING", "UTF8").env("LC_ALL", "C");
        command
    }
}

/// Removes what the environment of the tests would tell PostgreSQL's programs.
pub(crate) fn forget_environment(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
}

/// The dump's own versions, and the random words that newer dumps carry.
fn differs_always(line: &str) -> bool {
    ["-- Dumped from", "-- Dumped by", "\\restrict ", "\\unrestrict "].iter().any(|start| line.starts_with(start))
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
