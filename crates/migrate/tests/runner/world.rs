//! A database, a folder of scripts, and runs of them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use restage_lab::{Cluster, SUPERUSER, SUPERUSER_PASSWORD};
use restage_migrate::runner::{Clock, Cx, File, GoOn, Progress, Ran, Reporter, Runner};
use restage_migrate::scripts::Scripts;
use restage_migrate::settings::Settings;
use restage_migrate::{Error, Result};
use restage_pgcopy::connect::{Endpoint, Tls, TlsMode};
use restage_pgcopy::stop::Stop;

/// Keeps what it hears, as words.
#[derive(Default)]
pub(crate) struct Ear(Mutex<Vec<String>>);

impl Ear {
    pub(crate) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Reporter for Ear {
    fn report(&self, progress: &Progress<'_>) {
        let file = |stage: &str, file: &File<'_>| format!("{stage} {}", file.migration_file);
        let word = match progress {
            Progress::Connected => "Connected".to_owned(),
            Progress::Waiting { attempts, holder } => {
                format!("Waiting {attempts} {}", holder.as_ref().map_or("nobody", |holder| holder.application.as_str()))
            }
            Progress::BeforeValidate => "BeforeValidate".to_owned(),
            Progress::AfterValidate => "AfterValidate".to_owned(),
            Progress::BeforeMigration => "BeforeMigration".to_owned(),
            Progress::Preparing(of) => file("Preparing", of),
            Progress::BeforeFile(of) => file("BeforeFile", of),
            Progress::AfterFile(of) => file("AfterFile", of),
            Progress::Completed(of) => file("Completed", of),
            Progress::AfterMigration => "AfterMigration".to_owned(),
            Progress::Notice { script, line, notice } => {
                format!("{} {script}:{} {notice}", notice.severity, line.unwrap_or_default())
            }
            Progress::NoticesLeftOut { script, count } => format!("NoticesLeftOut {script} {count}"),
            Progress::CallbackFailed { script, message } => format!("CallbackFailed {script}: {message}"),
        };
        self.0.lock().unwrap().push(word);
    }
}

/// A clock on which waiting takes no time; what happens meanwhile can be said.
pub(crate) struct Quick {
    pub(crate) meanwhile: Box<dyn Fn(Duration) + Send + Sync>,
}

impl Default for Quick {
    fn default() -> Self {
        Self { meanwhile: Box::new(|_| {}) }
    }
}

impl Clock for Quick {
    fn wait(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move { (self.meanwhile)(time) })
    }
    fn timestamp(&self) -> String {
        "2026-01-31 10:11:12".to_owned()
    }
}

/// A database of a cluster, with the settings and scripts of its migrations.
pub(crate) struct World<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) database: String,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) settings: Settings,
    pub(crate) clock: Quick,
    pub(crate) ear: Ear,
    pub(crate) stop: Stop,
    pub(crate) user: Option<(String, String)>,
}

impl<'a> World<'a> {
    pub(crate) fn new(cluster: &'a Cluster, database: &str) -> Self {
        cluster.create_database(database).unwrap();
        Self::of(cluster, database)
    }

    /// Of a database that is there.
    pub(crate) fn of(cluster: &'a Cluster, database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let locations = vec![folder.path().to_str().unwrap().parse().unwrap()];
        let settings = Settings { locations, lock_retry_count: 0, ..Settings::default() };
        Self {
            cluster,
            database: database.to_owned(),
            folder,
            settings,
            clock: Quick::default(),
            ear: Ear::default(),
            stop: Stop::never(),
            user: None,
        }
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let (user, password) = self.user.clone().unwrap_or_else(|| (SUPERUSER.to_owned(), SUPERUSER_PASSWORD.to_owned()));
        endpoint(self.cluster.port(), &self.database, &user, &password)
    }

    pub(crate) fn cx(&self) -> Cx<'_> {
        Cx { settings: &self.settings, reporter: &self.ear, clock: &self.clock, stop: &self.stop, environment: "test" }
    }

    pub(crate) async fn runner(&self) -> Result<Runner<'_>> {
        Runner::connect(&self.endpoint(), self.cx()).await
    }

    pub(crate) async fn with_scripts(&self) -> Result<(Runner<'_>, Scripts)> {
        let runner = self.runner().await?;
        let scripts = runner.scripts().map_err(|mut errors| errors.remove(0))?;
        Ok((runner, scripts))
    }

    pub(crate) async fn run(&self) -> Result<Ran> {
        self.run_going_on(GoOn::Refused).await
    }

    pub(crate) async fn run_going_on(&self, go_on: GoOn) -> Result<Ran> {
        let (runner, scripts) = self.with_scripts().await?;
        runner.run(&scripts, go_on).await
    }

    /// What the run applied.
    pub(crate) async fn applied(&self) -> Vec<String> {
        scripts_of(&self.run().await.unwrap_or_else(|error| panic!("{}", told(&error))))
    }

    pub(crate) async fn refused(&self) -> Error {
        self.run().await.unwrap_err()
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.cluster.psql(&self.database, sql).unwrap()
    }

    /// Rank, type, version, script and success of each row of the history.
    pub(crate) fn history(&self) -> Vec<String> {
        let rows = self.sql(
            "SELECT concat_ws(' ', installed_rank, type, version, script, CASE WHEN success THEN '' ELSE 'failed' END) \
             FROM flyway_schema_history ORDER BY installed_rank",
        );
        rows.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Whether there is a table of this name.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.sql(&format!("SELECT to_regclass('{table}') IS NOT NULL")) == "t"
    }
}

pub(crate) fn endpoint(port: u16, database: &str, user: &str, password: &str) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".into(),
        port,
        user: user.into(),
        password: Some(password.into()),
        database: database.into(),
        tls: Tls { mode: TlsMode::Prefer, root_certificate: None },
    }
}

pub(crate) fn scripts_of(ran: &Ran) -> Vec<String> {
    ran.applied.iter().map(|applied| applied.script.clone()).collect()
}

/// An error with its causes.
pub(crate) fn told(error: &Error) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(" / ")
}

/// Where an error is.
pub(crate) fn place(error: &Error) -> (String, Option<usize>) {
    let place = error.place.as_ref().unwrap_or_else(|| panic!("no place: {error:?}"));
    (name(&place.file), place.line)
}

pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
