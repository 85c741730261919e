//! What a throwaway cluster promises, on real servers.

#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use restage_lab::{Cluster, Config, Error, Installation, Major, Pooler, Pooling, SUPERUSER_PASSWORD, TcpAuth};

fn usual() -> Config {
    Config::of(Installation::any().unwrap())
}

#[test]
fn every_version_starts_answers_and_leaves_nothing() {
    for major in Major::ALL {
        let cluster = Cluster::start(major).unwrap();
        assert_eq!(cluster.psql("postgres", "SHOW server_version_num").unwrap()[..2], major.to_string());
        let (pid, data) = (cluster.pid().unwrap(), cluster.data_dir());
        assert!(data.is_dir());
        drop(cluster);
        assert!(is_gone(pid, &data), "{major}: {pid} {}", data.display());
    }
}

#[test]
fn a_pooler_answers_for_its_cluster_and_leaves_nothing() {
    let cluster = Cluster::any().unwrap();
    for pooling in [Pooling::Session, Pooling::Transaction] {
        let pooler = Pooler::start(&cluster, pooling).unwrap();
        let mut psql = Command::new(cluster.installation().bin("psql"));
        psql.args(["-X", "-w", "-At", "-h", "127.0.0.1", "-p", &pooler.port().to_string(), "-U", "anybody", "-d", "postgres"]);
        let output = psql.args(["-c", "SELECT inet_server_port() IS NULL"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "t\n", "{output:?}");
        let (pid, settings) = (pooler.pid(), pooler.settings());
        drop(pooler);
        assert!(is_gone(pid, &settings), "{pid} {}", settings.display());
    }
}

#[test]
fn clusters_have_identities_and_ports_of_their_own() {
    let (one, two) = (Cluster::any().unwrap(), Cluster::any().unwrap());
    assert_ne!(one.system_identifier().unwrap(), two.system_identifier().unwrap());
    assert_ne!(one.port(), two.port());
}

#[test]
fn over_tcp_the_password_counts_unless_trust_is_asked_for() {
    let cluster = usual().start().unwrap();
    let connect = |url: String| {
        let mut psql = Command::new(cluster.installation().bin("psql"));
        psql.args(["-X", "-w", "-c", "SELECT 1", &url]).output().unwrap()
    };
    assert!(connect(cluster.superuser_url("postgres")).status.success());
    let refused = connect(cluster.url_with_password("postgres", "postgres", "wrong"));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("password authentication failed"), "{refused:?}");
    assert!(!connect(cluster.url("postgres", "postgres")).status.success());
    assert!(!cluster.log().contains(SUPERUSER_PASSWORD));

    let open = Config { tcp_auth: TcpAuth::Trust, ..usual() }.start().unwrap();
    assert!(connect(open.url("postgres", "postgres")).status.success());
}

#[test]
fn settings_are_applied_and_a_wrong_one_is_told_from_the_log() {
    let with = |name: &str, value: &str| Config { settings: vec![(name.to_owned(), value.to_owned())], ..usual() }.start();
    let cluster = with("cluster_name", "it's quoted").unwrap();
    assert_eq!(cluster.psql("postgres", "SHOW fsync").unwrap(), "off");
    assert_eq!(cluster.psql("postgres", "SHOW cluster_name").unwrap(), "it's quoted");
    let error = with("no_such_setting", "1").unwrap_err();
    assert!(matches!(&error, Error::Start { log } if log.contains("no_such_setting")), "{error:?}");
}

#[test]
fn a_stopped_or_crashed_server_starts_again_on_its_port_with_its_data() {
    let mut cluster = Cluster::any().unwrap();
    cluster.create_database("app \"x\"").unwrap();
    cluster.psql("app \"x\"", "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").unwrap();
    let (port, pid) = (cluster.port(), cluster.pid().unwrap());
    cluster.stop().unwrap();
    assert!(cluster.pid().is_none());
    assert!(cluster.psql("postgres", "SELECT 1").is_err());
    cluster.start_again().unwrap();
    assert!(matches!(cluster.start_again(), Err(Error::State { .. })));
    cluster.crash().unwrap();
    cluster.start_again().unwrap();
    assert_eq!(cluster.psql("app \"x\"", "SELECT count(*) FROM kept").unwrap(), "1");
    assert_eq!(cluster.port(), port);
    assert_ne!(cluster.pid().unwrap(), pid);
}

#[test]
fn a_standby_shows_what_its_primary_has_and_refuses_writes() {
    for major in [Major::V14, Major::V18] {
        let primary = Cluster::start(major).unwrap();
        primary.create_database("app").unwrap();
        let standby = Cluster::standby_of(&primary).unwrap();
        primary.psql("app", "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n").unwrap();
        standby.await_replay_of(&primary).unwrap();
        assert_eq!(standby.psql("app", "SELECT sum(n) FROM t").unwrap(), "500500");
        assert_eq!(standby.system_identifier().unwrap(), primary.system_identifier().unwrap());
        assert!(standby.psql("app", "DELETE FROM t").unwrap_err().to_string().contains("read-only transaction"));
    }
}

#[test]
fn a_limited_disk_is_full_when_it_is_full_and_the_server_lives_on() {
    let mut cluster = Config { free_bytes: Some(24 << 20), ..usual() }.start().unwrap();
    cluster.create_database("small").unwrap();
    let fill = "CREATE TABLE big AS SELECT repeat('x', 1000) AS line FROM generate_series(1, 60000)";
    let error = cluster.psql("small", fill).unwrap_err();
    assert!(error.to_string().contains("No space left on device"), "{error}");
    assert_eq!(cluster.psql("small", "SELECT count(*) FROM pg_class WHERE relname = 'big'").unwrap(), "0");
    cluster.stop().unwrap();
    assert!(matches!(cluster.start_again(), Err(Error::State { .. })));
    assert!(!std::fs::read_to_string("/proc/mounts").unwrap().contains("restage-lab"));
}

#[test]
fn two_dumps_of_one_database_are_equal_and_a_changed_row_shows() {
    let cluster = Cluster::start(Major::V18).unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2)").unwrap();
    let before = cluster.dump("app").unwrap();
    assert!(before.contains("CREATE TABLE public.t"));
    assert_eq!(cluster.dump("app").unwrap(), before);
    cluster.psql("app", "UPDATE t SET n = 3 WHERE n = 2").unwrap();
    assert_ne!(cluster.dump("app").unwrap(), before);
}

#[test]
fn a_killed_owner_leaves_neither_server_nor_files() {
    let place = Place::new("owner");
    let mut holder = place.hold();
    holder.process.kill().unwrap();
    holder.process.wait().unwrap();
    await_that(|| is_gone(holder.pid, &holder.data));
}

#[test]
fn when_the_keeper_is_killed_too_the_next_cluster_clears_away() {
    let place = Place::new("keeper");
    let mut holder = place.hold();
    kill(parent_of(holder.pid));
    holder.process.kill().unwrap();
    holder.process.wait().unwrap();
    assert!(holder.data.is_dir());
    let mut next = place.hold();
    await_that(|| is_gone(holder.pid, &holder.data));
    drop(next.process.stdin.take());
    next.process.wait().unwrap();
    assert!(is_gone(next.pid, &next.data));
}

/// A temporary folder of its own, so that no other test clears away what is looked for here.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lab-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Starts another process that owns a cluster.
    fn hold(&self) -> Holder {
        let mut command = Command::new(env!("CARGO_BIN_EXE_restage-lab"));
        command.env("TMPDIR", &self.0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace();
        let pid = words.next().unwrap().parse().unwrap();
        let data = PathBuf::from(words.next().unwrap());
        assert!(data.is_dir() && Path::new(&format!("/proc/{pid}")).exists());
        Holder { process, pid, data }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The other process, and the server that it owns.
struct Holder {
    process: Child,
    pid: u32,
    data: PathBuf,
}

fn parent_of(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn is_gone(pid: u32, data: &Path) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists() && !data.parent().unwrap().exists()
}

fn await_that(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "not within 20 s");
        std::thread::yield_now();
    }
}
