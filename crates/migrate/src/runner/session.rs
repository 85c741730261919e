//! The session that scripts run on: what it was like at first, so that no script leaves its role or search path to the next.

use std::time::Duration;

use restage_pgcopy::connect::{Endpoint, PlainClient, plain};
use restage_pgcopy::stop::Stop;
use tokio_postgres::types::{ToSql, Type};

use super::Cx;
use super::failure::of_server;
use crate::history::{Row, Table, quote};
use crate::{Error, Kind, Result};

/// How long to wait before connecting is tried again; doubled each time, up to [`CONNECT_WAIT_LIMIT`].
const CONNECT_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two attempts to connect.
const CONNECT_WAIT_LIMIT: Duration = Duration::from_mins(2);

pub(super) struct Session {
    pub(super) client: PlainClient,
    /// The session's user at first.
    login: String,
    /// The current role at first.
    pub(super) role: String,
    pub(super) database: String,
    /// The schema that new objects go into at first, if there is one.
    pub(super) current_schema: Option<String>,
    search_path: String,
}

impl Session {
    /// Connects as often as settings say, and begins with their statements.
    pub(super) async fn connect(endpoint: &Endpoint, cx: Cx<'_>) -> Result<Self> {
        let client = connect(endpoint, cx).await?;
        if let Some(sql) = &cx.settings.init_sql {
            client.guard(cx.stop, client.run("run `init_sql`", sql)).await.map_err(of_server)?;
        }
        let sql = "SELECT current_user, current_database(), current_schema(), pg_catalog.current_setting('search_path'), \
                   session_user";
        let rows = client.reader().rows("look at the session", sql).await.map_err(of_server)?;
        let text = |column| rows.first().and_then(|row| row.get(column)).map(str::to_owned);
        let search_path = text(3).unwrap_or_default();
        let search_path = match cx.settings.history_schema() {
            Some(schema) => with_schema(schema, &search_path),
            None => search_path,
        };
        Ok(Self {
            client,
            login: text(4).unwrap_or_default(),
            role: text(0).unwrap_or_default(),
            database: text(1).unwrap_or_default(),
            current_schema: text(2),
            search_path,
        })
    }

    /// Makes role and search path what they were at first.
    pub(super) async fn restore(&self) -> Result<()> {
        self.client.run("restore role and search path", &self.restoring()).await.map_err(of_server)
    }

    /// The same in a transaction, which begins.
    pub(super) async fn begin(&self) -> Result<()> {
        self.client.run("begin a transaction", &format!("BEGIN; {}", self.restoring())).await.map_err(of_server)
    }

    pub(super) async fn commit(&self) -> Result<()> {
        self.client.run("commit", "COMMIT").await.map_err(of_server)
    }

    /// Rolls back; a connection that broke has done so by itself.
    pub(super) async fn roll_back(&self) {
        let _ = self.client.run("roll back", "ROLLBACK").await;
    }

    /// Runs one guarded statement of restage's own.
    pub(super) async fn run(&self, stop: &Stop, doing: &str, sql: &str) -> Result<()> {
        self.client.guard(stop, self.client.run(doing, sql)).await.map_err(of_server)
    }

    /// Writes a row into the history, by the role that there was at first.
    pub(super) async fn insert(&self, table: &Table, row: &Row) -> Result<(), restage_pgcopy::Error> {
        let (role, sql, values) = (self.role_sql(), table.insert(), Values::of(row));
        let parameters = values.parameters();
        let (restored, inserted) = futures::join!(self.client.batch_execute(&role), self.client.execute_typed(&sql, &parameters));
        let written = restored.and(inserted);
        written.map(drop).map_err(|error| self.client.failed("write into the history", &error))
    }

    /// The same, and commits: all are sent at once, for which one answer is waited.
    pub(super) async fn insert_and_commit(&self, table: &Table, row: &Row) -> Result<(), restage_pgcopy::Error> {
        let (role, sql, values) = (self.role_sql(), table.insert(), Values::of(row));
        let parameters = values.parameters();
        let (restored, inserted, committed) = futures::join!(
            self.client.batch_execute(&role),
            self.client.execute_typed(&sql, &parameters),
            self.client.batch_execute("COMMIT")
        );
        // A commit behind a failure rolls back, and says nothing of it.
        let written = restored.and(inserted).map(drop);
        written.map_err(|error| self.client.failed("write into the history", &error))?;
        committed.map_err(|error| self.client.failed("commit", &error))
    }

    /// The role that there was at first, taken by the login that there was: another one may not be allowed to. With it the encoding
    /// that everything is sent in.
    fn role_sql(&self) -> String {
        let (login, role) = (quote(&self.login), quote(&self.role));
        format!("SET SESSION AUTHORIZATION {login}; SET ROLE {role}; SET client_encoding = 'UTF8'")
    }

    fn restoring(&self) -> String {
        format!("{}; SELECT pg_catalog.set_config('search_path', {}, false)", self.role_sql(), literal(&self.search_path))
    }
}

async fn connect(endpoint: &Endpoint, cx: Cx<'_>) -> Result<PlainClient> {
    let mut wait = CONNECT_WAIT;
    for _ in 0..cx.settings.connect_retries {
        match cx.stop.race(plain(endpoint)).await {
            Err(error) if error.kind.may_pass() => {}
            connected => return connected.map_err(of_server),
        }
        let waited = async {
            cx.clock.wait(wait).await;
            Ok(())
        };
        cx.stop.race(waited).await.map_err(of_server)?;
        wait = (wait * 2).min(CONNECT_WAIT_LIMIT);
    }
    cx.stop.race(plain(endpoint)).await.map_err(of_server)
}

/// The search path with the schema of the history before all else, as Flyway has it.
fn with_schema(schema: &str, search_path: &str) -> String {
    if search_path == schema || search_path.starts_with(&format!("{schema},")) {
        return search_path.to_owned();
    }
    let first = quote(schema);
    if search_path.is_empty() { first } else { format!("{first},{search_path}") }
}

/// A literal that means the same whatever `standard_conforming_strings` is.
pub(crate) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A row's columns as parameters.
struct Values<'row> {
    row: &'row Row,
    version: Option<&'row str>,
    sort: &'static str,
    checksum: Option<i32>,
}

impl<'row> Values<'row> {
    fn of(row: &'row Row) -> Self {
        let (version, checksum) =
            (row.version.as_ref().map(crate::version::Version::as_str), row.checksum.map(|checksum| checksum.0));
        Self { row, version, sort: row.sort.as_str(), checksum }
    }

    fn parameters(&self) -> [(&(dyn ToSql + Sync), Type); 9] {
        let row = self.row;
        [
            (&row.installed_rank, Type::INT4),
            (&self.version, Type::TEXT),
            (&row.description, Type::TEXT),
            (&self.sort, Type::TEXT),
            (&row.script, Type::TEXT),
            (&self.checksum, Type::INT4),
            (&row.installed_by, Type::TEXT),
            (&row.execution_time, Type::INT4),
            (&row.success, Type::BOOL),
        ]
    }
}

/// The error that the session names no schema for a history.
pub(super) fn no_schema() -> Error {
    Kind::Setting
        .error("no schema of the search path exists, so that there is none for the history")
        .help("set `default_schema` or `schemas`, or give the role a search path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_the_history_comes_first_once() {
        assert_eq!(with_schema("app", "\"$user\", public"), "\"app\",\"$user\", public");
        assert_eq!(with_schema("public", "public"), "public");
        assert_eq!(with_schema("public", "public,other"), "public,other");
        assert_eq!(with_schema("a\"b", ""), "\"a\"\"b\"");
    }

    #[test]
    fn literals_mean_themselves() {
        assert_eq!(literal("a'b\\"), "E'a''b\\\\'");
    }
}
