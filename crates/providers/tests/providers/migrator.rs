//! A migrator that breaks off, and one that is asked to stop before it begins.

use jiff::Timestamp;
use restage_core::document::Source;
use restage_core::environment::{AwsPlace, Environments};
use restage_core::provider::Queues;
use restage_core::provider::queue::{LocalQueue, Queue};
use restage_core::signal::{ExitStatus, Format, HostName, MigratorId, ProcessId, Signal};
use restage_lab::{Cluster, SUPERUSER, SUPERUSER_PASSWORD};
use restage_migrate::runner::{GoOn, Progress};
use restage_providers::aws::{Aws, Parameters};
use restage_providers::clock::SystemClock;
use restage_providers::migrator::stop::{Stop, stop};
use restage_providers::migrator::{Access, Audience, Configuration, Migrator, Sources, Telling};
use restage_providers::postgres::Servers;
use restage_providers::secrets::Secrets;
use restage_sim::queues::{QueueFaults, SimQueues};
use std::fs;
use std::sync::{Arc, Mutex};

/// Breaks off as soon as a script is about to run.
struct Breaking;

impl Audience for Breaking {
    fn progress(&self, progress: &Progress<'_>) {
        assert!(!matches!(progress, Progress::AfterFile(_)), "this audience has a bug");
    }
}

/// Hears nothing.
struct Deaf;

impl Audience for Deaf {}

/// Keeps what the server says beside its answers, and what callbacks fail of.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<String>>>);

impl Audience for Ear {
    fn progress(&self, progress: &Progress<'_>) {
        let said = match progress {
            Progress::Notice { notice, .. } => notice.to_string(),
            Progress::CallbackFailed { message, .. } => message.clone(),
            _ => return,
        };
        self.0.lock().unwrap().push(said);
    }
}

struct Site {
    cluster: Cluster,
    folder: tempfile::TempDir,
    queues: Arc<SimQueues>,
}

impl Site {
    fn new() -> Self {
        let (cluster, folder) = (Cluster::any().unwrap(), tempfile::tempdir().unwrap());
        cluster.create_database("app").unwrap();
        fs::write(folder.path().join("V1__t.sql"), "create table t (id int);").unwrap();
        Self { cluster, folder, queues: Arc::new(SimQueues::new(1, QueueFaults::None)) }
    }

    fn configuration(&self) -> Configuration {
        let url = self.cluster.url("app", SUPERUSER);
        let text = format!("environments: {{ e: {{ databases: {{ d: {{ url: \"{url}\", password: {{ env: PASSWORD }} }} }} }} }}");
        let environments = Environments::parse(&Source::new("test", text)).unwrap();
        let (_, environment) = environments.iter().next().unwrap();
        Configuration {
            address: environment.databases.values().next().unwrap().clone(),
            password: None,
            environment: "e".to_owned(),
            sources: Sources { locations: vec![self.folder.path().display().to_string()], ..Sources::default() },
            place: AwsPlace::default(),
            models: None,
        }
    }

    fn migrator(&self, audience: impl Audience + 'static, stop: Stop) -> Migrator {
        let secrets = Secrets::with_variables(|name| (name == "PASSWORD").then(|| SUPERUSER_PASSWORD.into()));
        let telling = Telling { queues: self.queues.clone(), queue: queue(), format: Format::Current, heartbeat: None };
        Migrator {
            access: Access { servers: Servers::new(secrets.clone()), parameters: Parameters::new(Aws::default(), secrets) },
            id: MigratorId { host: HostName("h".into()), pid: ProcessId(1), started: Timestamp::UNIX_EPOCH },
            telling: Some(telling),
            audience: Arc::new(audience),
            stop,
            clock: Arc::new(SystemClock),
        }
    }

    /// How the messages say that it ended.
    async fn told(&self) -> Option<ExitStatus> {
        let messages = self.queues.peek(&queue()).await.unwrap().messages;
        let mut ends = messages.iter().filter_map(|message| match Signal::decode(&message.text) {
            Signal::Current(message) => message.exit_code,
            _ => None,
        });
        ends.next_back()
    }
}

fn queue() -> Queue {
    Queue::Local(LocalQueue::parse("migrator").unwrap())
}

#[tokio::test]
async fn a_migrator_that_breaks_off_says_so_and_leaves_nothing_of_the_script() {
    let site = Site::new();
    let ended = site.migrator(Breaking, Stop::never()).run(&site.configuration(), GoOn::Refused).await;
    assert_eq!((ended.status, site.told().await), (ExitStatus::Unexpected, Some(ExitStatus::Unexpected)));
    let causes = restage_core::error::Failure::from(&ended.errors[0]).causes;
    assert_eq!(causes, ["this audience has a bug"]);
    assert_eq!(site.cluster.psql("app", "select to_regclass('t') is null").unwrap().trim(), "t");
    let again = site.migrator(Deaf, Stop::never()).run(&site.configuration(), GoOn::Refused).await;
    assert_eq!((again.status, again.applied), (ExitStatus::Success, vec!["V1__t.sql".to_owned()]));
}

#[tokio::test]
async fn a_migrator_that_is_stopped_before_it_begins_says_so_and_has_done_nothing() {
    let site = Site::new();
    let (stopper, stop) = stop();
    stopper.stop();
    let ended = site.migrator(Deaf, stop).run(&site.configuration(), GoOn::Refused).await;
    assert_eq!((ended.status, site.told().await), (ExitStatus::Unexpected, Some(ExitStatus::Unexpected)));
    assert_eq!(site.cluster.psql("app", "select count(*) from pg_stat_user_tables").unwrap().trim(), "0");
}

#[tokio::test]
async fn what_a_server_says_while_it_migrates_is_told_without_secrets() {
    let site = Site::new();
    let write = |name: &str, text: String| fs::write(site.folder.path().join(name), text).unwrap();
    let raise = |severity: &str| {
        let more = format!("using detail = 'is {SUPERUSER_PASSWORD}', hint = 'no {SUPERUSER_PASSWORD}'");
        format!("do $$ begin raise {severity} 'it is {SUPERUSER_PASSWORD}' {more}; end $$;")
    };
    write("V1__t.sql", raise("notice") + "\nselect 1 / 0;");
    write("afterMigrateError.sql", raise("exception"));
    let ear = Ear::default();
    let ended = site.migrator(ear.clone(), Stop::never()).run(&site.configuration(), GoOn::Refused).await;
    assert_eq!(ended.status, ExitStatus::MigrationFailed);
    let heard = ear.0.lock().unwrap().clone();
    assert_eq!((heard.len(), heard[0].as_str()), (2, "it is ***; detail: is ***; hint: no ***"));
    assert!(heard[1].contains("it is ***"), "{}", heard[1]);
}
