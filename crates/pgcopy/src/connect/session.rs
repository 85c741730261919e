//! Sessions on a server.

use super::copy_stream::{CopyIn, CopyOut};
use super::notices::Notices;
use super::socket;
use super::tap::{Boundaries, Tap, Tapped};
use super::{APPLICATION_NAME, CONNECT_LIMIT, Endpoint, SOURCE_LOCK_LIMIT, WATCH_CLIENT};
use crate::stop::Stop;
use crate::{Error, Kind, Result};
use restage_core::schema::TableName;
use secrecy::ExposeSecret;
use std::fmt::Display;
use std::future::{Future, Ready, poll_fn, ready};
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::TlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, Row, SimpleQueryMessage, SimpleQueryRow};

/// How many tables one statement locks.
const TABLES_PER_LOCK: usize = 500;

/// How long a cancelled statement may take to end before its connection is simply closed.
const CANCEL_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// What the server says to a division by zero, which is how a session that is not the login's own is noticed.
const NOT_OWN: &str = "22012";

/// A session that can only read.
pub struct SourceClient(Session);

/// A session that may write; also a `tokio_postgres::Client`.
pub struct TargetClient(Session);

/// Connects for reading: every transaction is `REPEATABLE READ READ ONLY`, row security fails loudly instead of hiding rows,
/// and no time limits of the server apply.
pub async fn source(endpoint: &Endpoint) -> Result<SourceClient> {
    let session = Session::open(endpoint).await?;
    let settings = format!(
        "SET default_transaction_read_only = on; SET default_transaction_isolation = 'repeatable read'; SET row_security = off; \
         SET lock_timeout = {}; {EVERY_SESSION}",
        SOURCE_LOCK_LIMIT.as_millis()
    );
    session.set_up(&settings).await?;
    Ok(SourceClient(session))
}

/// Connects for writing.
pub async fn target(endpoint: &Endpoint) -> Result<TargetClient> {
    let session = Session::open(endpoint).await?;
    session.set_up(EVERY_SESSION).await?;
    Ok(TargetClient(session))
}

/// The first version that limits whole transactions.
const TRANSACTION_TIMEOUT_SINCE: u32 = 170_000;

/// Names are looked up nowhere but where they say, values are printed the same everywhere, and nothing ends a quiet session.
const EVERY_SESSION: &str = "SET search_path = ''; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
     SET idle_session_timeout = 0; \
     SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3; SET bytea_output = 'hex'; \
     SET timezone = 'UTC'; SET xmloption = 'content'; SET standard_conforming_strings = on; SET synchronize_seqscans = off; \
     SET lc_monetary = 'C'; \
     SET client_min_messages = 'warning'";

/// Reads on either kind of session.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub(super) &'a Session);

impl Reader<'_> {
    /// Runs one query with parameters; `doing` is the rest of an error's "cannot …", such as `list the tables`.
    pub async fn query(&self, doing: impl Display, sql: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>> {
        self.0.query(doing, sql, parameters).await
    }

    /// Runs a query without parameters; every value comes as text.
    pub async fn rows(&self, doing: impl Display, sql: &str) -> Result<Vec<SimpleQueryRow>> {
        self.0.rows(doing, sql).await
    }

    /// The server's version as `server_version_num` has it, such as 150018.
    pub fn version(&self) -> u32 {
        self.0.version
    }

    /// Where this session is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }
}

impl SourceClient {
    /// Queries on this session.
    pub fn reader(&self) -> Reader<'_> {
        Reader(&self.0)
    }

    /// Runs one query with parameters; `doing` is the rest of an error's "cannot …".
    pub async fn query(&self, doing: impl Display, sql: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>> {
        self.0.query(doing, sql, parameters).await
    }

    /// Begins a transaction, on another session's snapshot if one is given; returns once it has its snapshot.
    pub async fn begin(&self, snapshot: Option<&str>) -> Result<()> {
        let import = snapshot.map(|name| format!("SET TRANSACTION SNAPSHOT {};", restage_core::schema::quote_literal(name)));
        let sql = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {} SELECT 1", import.unwrap_or_default());
        let begun = self.0.rows("begin reading", &sql).await;
        begun.map(drop).map_err(|error| match (snapshot, error.kind) {
            (Some(_), Kind::Query | Kind::Missing) => error.kind(Kind::SnapshotLost),
            _ => error,
        })
    }

    /// Begins a transaction that locks tables as readers do, before it has a snapshot: in that snapshot nobody has changed or
    /// emptied them, and nobody will while the transaction lasts.
    pub async fn begin_locking(&self, tables: &[TableName]) -> Result<()> {
        self.0.rows("begin reading", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        self.lock(tables).await
    }

    /// Locks tables as readers do, until the transaction ends.
    pub async fn lock(&self, tables: &[TableName]) -> Result<()> {
        for some in tables.chunks(TABLES_PER_LOCK) {
            let names: Vec<String> = some.iter().map(TableName::sql).collect();
            // `ONLY` before each: every partition and child is a table of its own here.
            let sql = format!("LOCK TABLE ONLY {} IN ACCESS SHARE MODE", names.join(", ONLY "));
            self.0.rows("lock tables against changes", &sql).await?;
        }
        Ok(())
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.0.client.is_closed()
    }

    /// Ends the transaction.
    pub async fn end(&self) -> Result<()> {
        self.0.rows("end reading", "COMMIT").await.map(drop)
    }

    /// Starts `COPY … TO STDOUT`; `what` names the rows in errors. One at a time per session.
    pub fn copy_out(&self, what: impl Display, sql: &str, boundaries: Boundaries) -> Result<CopyOut<'_>> {
        if !self.0.tap.start_taking(boundaries) {
            return Err(Kind::Query.error(format!("another copy out of {} has not ended", self.0.endpoint)));
        }
        let sql = sql.to_owned();
        Ok(CopyOut {
            tap: self.0.tap.clone(),
            command: Box::pin(async move { self.0.client.simple_query(&sql).await }),
            asked: false,
            answer: None,
            doing: super::copy_stream::copying(what, &*self.0.endpoint),
        })
    }

    /// The server's major version, such as 15.
    pub fn major(&self) -> u32 {
        self.0.version / 10_000
    }

    /// The process that serves this session, if the server has told it.
    pub fn process(&self) -> Option<i32> {
        self.0.tap.process()
    }

    /// Where this session is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Runs `work` on this session; when asked to stop, cancels the statement on the server and waits until it has ended.
    pub async fn guard<T>(&self, stop: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.0.guard(stop, work).await
    }
}

impl TargetClient {
    /// Queries on this session.
    pub fn reader(&self) -> Reader<'_> {
        Reader(&self.0)
    }

    /// Runs SQL of one or several statements; `doing` is the start of an error's message, such as ``create `public.users` ``.
    pub async fn run(&self, doing: impl Display, sql: &str) -> Result<()> {
        let done = self.0.client.batch_execute(sql).await;
        done.map_err(|error| self.0.failed(doing, &error))
    }

    /// Starts `COPY … FROM STDIN`; `what` names the rows in errors. One at a time per session.
    pub fn copy_in(&self, what: impl Display, sql: &str) -> Result<CopyIn<'_>> {
        self.0.copy_in(what, sql)
    }

    /// Lets the server end what this session runs next, even when nobody waits for it any more.
    pub async fn outlive(&self) -> Result<()> {
        self.run("let the server go on alone", "SET client_connection_check_interval = 0").await
    }

    /// The server's major version, such as 15.
    pub fn major(&self) -> u32 {
        self.0.version / 10_000
    }

    /// The process that serves this session, if the server has told it.
    pub fn process(&self) -> Option<i32> {
        self.0.tap.process()
    }

    /// Where this session is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Runs `work` on this session; when asked to stop, cancels the statement on the server and waits until it has ended.
    pub async fn guard<T>(&self, stop: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.0.guard(stop, work).await
    }
}

impl Deref for TargetClient {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.0.client
    }
}

pub(super) struct Session {
    pub(super) client: Client,
    pub(super) tap: Tap,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) version: u32,
    connection: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Left alone, the task would wait for a running statement's end; closing the socket makes the server give it up.
        self.connection.abort();
    }
}

impl Session {
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self> {
        Self::open_heard(endpoint, None).await
    }

    /// The same, and keeps what the server says beside its answers.
    pub(super) async fn open_heard(endpoint: &Endpoint, notices: Option<Notices>) -> Result<Self> {
        let (tapped, tap) = Tapped::new(socket::open(endpoint).await?);
        let mut config = Config::new();
        config.user(&endpoint.user).dbname(&endpoint.database).application_name(APPLICATION_NAME);
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        if let Some(password) = &endpoint.password {
            config.password(password.expose_secret());
        }
        let doing = format!("cannot log in to {endpoint} as `{}`", endpoint.user);
        let login = tokio::time::timeout(CONNECT_LIMIT, config.connect_raw(tapped, Connected)).await;
        let late = |_| {
            Kind::CannotConnect.error(format!(
                "{endpoint} does not let `{}` in within {} s",
                endpoint.user,
                CONNECT_LIMIT.as_secs()
            ))
        };
        let (client, mut connection) = login.map_err(late)?.map_err(|error| refused(&doing, &error))?;
        let version = connection.parameter("server_version").map_or(0, version_number);
        let connection = tokio::spawn(async move {
            // Whoever waits for an answer hears of the connection's end.
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let (AsyncMessage::Notice(said), Some(notices)) = (&message, &notices) {
                    notices.push(said);
                }
            }
        });
        Ok(Self { client, tap, endpoint: Arc::new(endpoint.clone()), version, connection })
    }

    async fn set_up(&self, settings: &str) -> Result<()> {
        let newer = if self.version >= TRANSACTION_TIMEOUT_SINCE { "; SET transaction_timeout = 0" } else { "" };
        // Behind a pooler the session is lent to others afterwards: the failing check takes the settings back with it.
        let own = self.tap.process().map(|process| format!("; SELECT 1 / (pg_backend_pid() = {process})::int"));
        let settings = format!("{settings}{newer}{}", own.unwrap_or_default());
        self.client.batch_execute(&settings).await.map_err(|error| {
            let error = self.failed("set the session up", &error);
            if error.sqlstate() == Some(NOT_OWN) { pooled(&self.endpoint) } else { error }
        })?;
        self.watch_client().await;
        Ok(())
    }

    /// Not every system's server can do this; there a killed client's statement runs to its end.
    pub(super) async fn watch_client(&self) {
        let watch = format!("SET client_connection_check_interval = {}", WATCH_CLIENT.as_millis());
        let _ = self.client.batch_execute(&watch).await;
    }

    pub(super) fn failed(&self, doing: impl Display, error: &tokio_postgres::Error) -> Error {
        Error::postgres(format!("cannot {doing} in {}", self.endpoint), error)
    }

    async fn query(&self, what: impl Display, sql: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>> {
        let parameters: Vec<_> = parameters.iter().map(|(value, kind)| (*value, kind.clone())).collect();
        self.client.query_typed(sql, &parameters).await.map_err(|error| self.failed(what, &error))
    }

    async fn rows(&self, what: impl Display, sql: &str) -> Result<Vec<SimpleQueryRow>> {
        let messages = self.client.simple_query(sql).await.map_err(|error| self.failed(what, &error))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    pub(super) fn copy_in(&self, what: impl Display, sql: &str) -> Result<CopyIn<'_>> {
        if !self.tap.start_giving() {
            return Err(Kind::Query.error(format!("another copy into {} has not ended", self.endpoint)));
        }
        let sql = sql.to_owned();
        Ok(CopyIn {
            tap: self.tap.clone(),
            command: Box::pin(async move { self.client.simple_query(&sql).await }),
            asked: false,
            over: false,
            doing: super::copy_stream::copying(what, &*self.endpoint),
        })
    }

    pub(super) async fn guard<T>(&self, stop: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            () = stop.asked() => {}
            done = &mut work => return done,
        }
        self.cancel().await;
        // The statement ends with an error of its own, which says less than why it was cancelled.
        let _ = tokio::time::timeout(CANCEL_LIMIT, work).await;
        Err(crate::stop::interrupted())
    }

    /// Asks the server to give up this session's statement; that it may have ended already is no error.
    async fn cancel(&self) {
        let token: CancelToken = self.client.cancel_token();
        let asking = async {
            let (tapped, _) = Tapped::new(socket::open(&self.endpoint).await?);
            token.cancel_query_raw(tapped, Connected).await.map_err(|error| self.failed("cancel a statement", &error))
        };
        // If it cannot be asked, the closed connection tells it.
        let _ = tokio::time::timeout(CANCEL_LIMIT, asking).await;
    }
}

/// Tells `tokio-postgres` that the stream is as encrypted as it will be.
struct Connected;

impl TlsConnect<Tapped> for Connected {
    type Stream = Tapped;
    type Error = io::Error;
    type Future = Ready<io::Result<Tapped>>;
    fn connect(self, stream: Tapped) -> Self::Future {
        ready(Ok(stream))
    }
}

fn pooled(endpoint: &Endpoint) -> Error {
    let error = Kind::Pooled
        .error(format!("{endpoint} is reached through a connection pooler: a session there is not a session of the server"));
    error.help("use the server's own address and port: a pooler lends its sessions out, and a copy needs sessions of its own")
}

fn refused(doing: &str, error: &tokio_postgres::Error) -> Error {
    let refused = Error::postgres(doing, error);
    match refused.kind {
        // Such as a missing password, or an authentication method that is not known here.
        Kind::Query => refused.kind(Kind::LoginRefused).help("check the user, the password and the server's `pg_hba.conf`"),
        Kind::ConnectionLost => refused.kind(Kind::CannotConnect),
        _ => refused,
    }
}

/// `15.17 (Debian …)` is 150017; `18beta1` is 180000.
fn version_number(text: &str) -> u32 {
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
    let major: u32 = parts.next().unwrap_or(0);
    let minor = if text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('.') { parts.next().unwrap_or(0) } else { 0 };
    major * 10_000 + minor
}

#[cfg(test)]
mod tests {
    use super::version_number;

    #[test]
    fn versions_are_numbers() {
        assert_eq!(version_number("15.17 (Debian 15.17-1.pgdg120+1)"), 150_017);
        assert_eq!(version_number("18beta1"), 180_000);
        assert_eq!(version_number("18.4"), 180_004);
    }
}
