//! Production and a target on servers of their own, and what copying between them takes.

use crate::site::{Site, run_id};
use jiff::Timestamp;
use restage_core::environment::DatabaseAddress;
use restage_core::facts::DatabaseFacts;
use restage_core::provider::{Carried, Databases, FillSpec, Own};
use restage_lab::Major;
use restage_pgcopy::archive::Archives;
use restage_pgcopy::copy;
use restage_pgcopy::facts::gather_database;
use restage_pgcopy::stop::Stop;
use restage_pgcopy::tools::Tools;
use restage_providers::jobs::{LocalJobs, NoOutput};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const RUN: &str = "0000000001";

pub(crate) struct Pair {
    pub(crate) production: Site,
    pub(crate) site: Site,
    pub(crate) source: DatabaseAddress,
    pub(crate) target: DatabaseAddress,
    folder: TempDir,
}

impl Pair {
    /// Production with 1,000 rows in `t`; a target with an old `t`, rows in `kept`, a setting that only a superuser may make.
    pub(crate) fn start() -> Self {
        let (production, site) = (Site::start(Major::V15), Site::start(Major::V15));
        production.role("reader", "");
        production.psql("postgres", "CREATE DATABASE prod");
        production.psql(
            "prod",
            "CREATE TABLE t (n int PRIMARY KEY, text text); INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 1000) n; \
             CREATE TABLE kept (id int PRIMARY KEY, name text); INSERT INTO kept VALUES (1, 'production''s'); \
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        );
        site.role("owner", "CREATEDB IN ROLE pg_signal_backend");
        site.psql("postgres", "CREATE DATABASE app OWNER owner; COMMENT ON DATABASE app IS 'the application'");
        site.psql("postgres", "ALTER DATABASE app SET app.mode TO 'test'");
        site.psql("app", "ALTER SCHEMA public OWNER TO owner");
        site.psql(
            "app",
            "SET ROLE owner; CREATE TABLE t (n int PRIMARY KEY, text text); INSERT INTO t VALUES (7, 'old'); \
             CREATE TABLE kept (id int PRIMARY KEY, name text); INSERT INTO kept VALUES (2, 'target''s')",
        );
        let (source, target) = (production.address("prod", "reader"), site.address("app", "owner"));
        Self { production, site, source, target, folder: tempfile::tempdir().unwrap() }
    }

    /// Jobs as a process sees them that has just been started.
    pub(crate) fn jobs(&self) -> LocalJobs {
        LocalJobs::new(self.folder.path(), self.site.postgres_with(&self.production), Arc::new(NoOutput))
    }

    /// The same, with keepers that outlive their copier for so long.
    pub(crate) fn jobs_kept(&self, outlives: Duration) -> LocalJobs {
        self.jobs().with_keepers(crate::keeper::keepers(outlives))
    }

    /// Where a job keeps what must survive.
    pub(crate) fn job_file(&self, job: &str, name: &str) -> std::path::PathBuf {
        self.folder.path().join(job).join(name)
    }

    pub(crate) async fn facts(&self, site: &Site, address: &DatabaseAddress) -> DatabaseFacts {
        let client = site.servers().read(address).await.unwrap();
        gather_database(&client, &Archives::default(), &Tools::find(15, 15).unwrap(), &Stop::never()).await.unwrap()
    }

    /// All of production.
    pub(crate) async fn everything(&self) -> Carried {
        copy::everything(&self.facts(&self.production, &self.source).await)
    }

    pub(crate) async fn shadow(&self) -> Own<DatabaseAddress> {
        let run = run_id(RUN);
        let spec = self.site.shadow_spec(&self.target, &run).await;
        self.site.postgres().ensure_shadow(&spec, &run).await.unwrap()
    }

    pub(crate) async fn fill_spec(&self, shadow: Own<DatabaseAddress>) -> FillSpec {
        let carried = self.everything().await;
        let deadline = Timestamp::now() + Duration::from_mins(10);
        FillSpec { run: run_id(RUN), source: self.source.clone(), shadow, target: self.target.clone(), carried, deadline }
    }
}
