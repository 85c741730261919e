//! A throwaway server with what tests need to reach it.

use restage_core::environment::{DatabaseAddress, Endpoint, RootCertificate, SecretRef, ServerDatabase, SslMode};
use restage_core::facts::Identity;
use restage_core::name::{JobName, RunId, StepId};
use restage_core::provider::{Databases, Jobs, Own, Place, ShadowSpec, Surviving, SwapSpec, Watch, Work};
use restage_core::{Error, Result};
use restage_lab::{Cluster, Config, Installation, Major, SUPERUSER, SUPERUSER_PASSWORD};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::tools::Tools;
use restage_pgcopy::{archive, facts};
use restage_providers::aws::Aws;
use restage_providers::jobs::LocalJobs;
use restage_providers::migrator::Access;
use restage_providers::postgres::{Comment, Mark, Origin, Postgres, Role, Servers};
use restage_providers::secrets::Secrets;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything in these tests may take.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// The password of every role but the superuser; easily recognised where it must not appear.
pub(crate) const PASSWORD: &str = "site-password-4Kd8";

pub(crate) struct Site {
    pub(crate) cluster: Cluster,
    passwords: Arc<Mutex<BTreeMap<String, String>>>,
}

pub(crate) fn run_id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

pub(crate) fn job(run: &RunId, step: u32) -> JobName {
    JobName::of(run, StepId(step))
}

pub(crate) fn named(name: &str) -> ServerDatabase {
    ServerDatabase::parse(name).unwrap()
}

impl Site {
    pub(crate) fn start(major: Major) -> Self {
        Self::with(major, &[])
    }

    pub(crate) fn with(major: Major, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = Config { settings, ..Config::of(Installation::find(major).unwrap()) };
        let passwords = BTreeMap::from([(SUPERUSER.to_owned(), SUPERUSER_PASSWORD.to_owned())]);
        Self { cluster: config.start().unwrap(), passwords: Arc::new(Mutex::new(passwords)) }
    }

    /// A role that may log in.
    pub(crate) fn role(&self, name: &str, options: &str) {
        self.psql("postgres", &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' {options}"));
        self.set_password(name, PASSWORD);
    }

    /// What secrets say the password of a role is.
    pub(crate) fn set_password(&self, name: &str, password: &str) {
        self.passwords.lock().unwrap().insert(name.to_owned(), password.to_owned());
    }

    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        self.cluster.psql(database, sql).unwrap()
    }

    /// An address over TCP; the variable that holds the password is named after the role.
    pub(crate) fn address(&self, database: &str, user: &str) -> DatabaseAddress {
        DatabaseAddress {
            endpoint: Endpoint::Tcp { host: "127.0.0.1".into(), port: self.cluster.port() },
            database: named(database),
            user: user.into(),
            ssl: SslMode::Disable,
            root_certificate: RootCertificate::System,
            password: Some(SecretRef::Env(user.to_owned())),
            maintenance_database: named("postgres"),
        }
    }

    pub(crate) fn access(&self) -> Access {
        let passwords = self.passwords.clone();
        let secrets = Secrets::with_variables(move |name| passwords.lock().unwrap().get(name).map(Into::into));
        Access::new(Aws::default(), secrets)
    }

    pub(crate) fn servers(&self) -> Servers {
        self.access().servers
    }

    /// Reaches this server and another one.
    pub(crate) fn postgres_with(&self, other: &Self) -> Postgres {
        let (passwords, others) = (self.passwords.clone(), other.passwords.clone());
        let of = |from: &Mutex<BTreeMap<String, String>>, name: &str| from.lock().unwrap().get(name).map(Into::into);
        let secrets = Secrets::with_variables(move |name| of(&passwords, name).or_else(|| of(&others, name)));
        Postgres::new(Access::new(Aws::default(), secrets))
    }

    pub(crate) fn postgres(&self) -> Postgres {
        Postgres::new(self.access())
    }

    pub(crate) fn identity(&self, database: &str) -> Identity {
        let oid = self.psql("postgres", &format!("SELECT oid FROM pg_database WHERE datname = '{database}'"));
        Identity { system: self.cluster.system_identifier().unwrap().to_string(), oid: oid.parse().unwrap() }
    }

    /// The database's comment, marks included.
    pub(crate) fn comment(&self, database: &str) -> Comment {
        let sql = format!("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{database}'");
        Comment::parse(&self.psql("postgres", &sql))
    }

    pub(crate) fn databases(&self) -> Vec<String> {
        let names =
            self.psql("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1");
        names.lines().map(str::to_owned).collect()
    }

    pub(crate) async fn shadow_spec(&self, target: &DatabaseAddress, run: &RunId) -> ShadowSpec {
        let client = self.servers().read(target).await.unwrap();
        let tools = Tools::find(client.major(), client.major()).unwrap();
        let archive = archive::dump(&tools, client.endpoint(), None, &Stop::never()).await.unwrap();
        ShadowSpec {
            target: target.clone(),
            shadow: Place::Shadow(target.clone()).address(run),
            target_identity: self.identity(target.database.as_str()),
            target_structure: facts::schema_digest(&archive),
        }
    }

    pub(crate) async fn swap_spec(&self, target: &DatabaseAddress, run: &RunId) -> SwapSpec {
        SwapSpec {
            target: target.clone(),
            target_structure: self.shadow_spec(target, run).await.target_structure,
            surviving: Surviving::default(),
            shadow: Place::Shadow(target.clone()).address(run),
            old: Place::Old(target.clone()).address(run),
            source_identity: Identity { system: "1".into(), oid: 1 },
            target_identity: self.identity(target.database.as_str()),
            drain: Duration::from_millis(200),
            within: Duration::from_secs(10),
        }
    }

    /// Makes a shadow that passes for filled, with a table `new` in it.
    pub(crate) async fn filled_shadow(&self, target: &DatabaseAddress, run: &RunId) -> Own<DatabaseAddress> {
        let spec = self.shadow_spec(target, run).await;
        let shadow = self.postgres().ensure_shadow(&spec, run).await.unwrap();
        let name = shadow.get().database.as_str();
        self.psql(name, "CREATE TABLE new (n int); INSERT INTO new VALUES (1)");
        let comment = self.comment(name);
        let mark = comment.mark().unwrap().clone();
        let filled = comment.with(Mark { role: Role::Filled(origin()), ..mark });
        self.psql("postgres", &format!("COMMENT ON DATABASE \"{name}\" IS '{filled}'"));
        shadow
    }
}

pub(crate) fn origin() -> Origin {
    Origin { source: Identity { system: "1".into(), oid: 1 }, data_at: "2026-11-20T08:00:00Z".parse().unwrap() }
}

/// Watches a job to its end.
pub(crate) async fn finish<R: DeserializeOwned>(jobs: &LocalJobs, name: &JobName) -> Result<R> {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < LIMIT, "the job does not end");
        match jobs.watch(name, Duration::from_secs(1)).await? {
            Watch::Running(_) => {}
            Watch::Done(receipt) => return Ok(serde_json::from_value(receipt).unwrap()),
            Watch::Failed(error) => return Err(error),
        }
    }
}

pub(crate) async fn perform<R: DeserializeOwned>(jobs: &LocalJobs, name: &JobName, work: &Work) -> Result<R> {
    jobs.start(name, work).await?;
    finish(jobs, name).await
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < LIMIT, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An error with all its causes, as anybody could see it.
pub(crate) fn whole(error: &Error) -> String {
    format!("{error:?} {error} {:?} {:?}", error.help, restage_core::error::Failure::from(error))
}
