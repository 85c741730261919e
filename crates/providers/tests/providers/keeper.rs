//! Processes that keep the snapshots of copies: they live for as long as somebody may need them, and no longer.

use crate::pair::{Pair, RUN};
use crate::site::{PASSWORD, finish, job, perform, run_id, until, whole};
use jiff::Timestamp;
use restage_core::Code;
use restage_core::provider::{FillSpec, Filled, Jobs, RowsTaken, TableTaken, Work};
use restage_core::schema::TableName;
use restage_providers::jobs::{ANSWER_LIMIT, Keepers, LocalJobs, keep_snapshot};
use restage_providers::postgres::Role;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const LONG: Duration = Duration::from_mins(5);
const SHORT: Duration = Duration::from_secs(1);
const JOB: &str = "0000000001-1";
/// Which of this program's tests the keeper is.
const KEEPER: &str = "keeper::this_program_keeps_a_snapshot_if_it_is_called_so";

/// This program as a keeper.
pub(crate) fn keepers(outlives: Duration) -> Keepers {
    let words = [KEEPER, "--exact", "--nocapture"].map(Into::into).into();
    Keepers::Processes { program: std::env::current_exe().unwrap(), words, outlives, answers_within: ANSWER_LIMIT }
}

/// Says nothing and reads nothing for as long as this program lives.
const SILENT: (&[&str], Duration, &str) =
    (&["/bin/sh", "-c", "exec tail -f --pid=$PPID /dev/null"], SHORT, "it did not answer within 1 s");

/// Another program in the place of a keeper.
fn imposter(program: &[&str], answers_within: Duration) -> Keepers {
    let words = program[1..].iter().map(Into::into).collect();
    Keepers::Processes { program: program[0].into(), words, outlives: LONG, answers_within }
}

#[tokio::test(flavor = "multi_thread")]
async fn this_program_keeps_a_snapshot_if_it_is_called_so() {
    let folder = PathBuf::from(std::env::args().next_back().unwrap());
    if folder.join("work.json").exists() {
        // What went wrong is in the folder.
        let _ = keep_snapshot(&folder).await;
    }
}

/// A copy that hangs in the middle.
async fn hanging(pair: &Pair) -> FillSpec {
    let mut spec = pair.fill_spec(pair.shadow().await).await;
    let slow = RowsTaken::Where("pg_sleep(600) IS NOT NULL".into());
    spec.carried.tables.get_mut(&TableName::new("public", "t")).unwrap().rows = slow;
    spec
}

async fn starts(pair: &Pair, jobs: &LocalJobs, spec: &FillSpec) {
    jobs.start(&job(&run_id(RUN), 1), &Work::Fill(spec.clone())).await.unwrap();
    until("rows are copied", || sessions(pair, "query LIKE '%pg_sleep(600)%'") == 1).await;
    assert!(is_kept(pair));
}

fn sessions(pair: &Pair, which: &str) -> u32 {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'restage' AND {which}");
    pair.production.psql("postgres", &sql).parse().unwrap()
}

/// Whether a process has the lock of those that keep.
fn is_kept(pair: &Pair) -> bool {
    File::open(pair.job_file(JOB, "keeper")).is_ok_and(|file| file.try_lock().is_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_lives_for_as_long_as_its_copier_and_then_ends_by_itself() {
    let pair = Pair::start();
    let jobs = pair.jobs_kept(SHORT);
    let spec = hanging(&pair).await;
    starts(&pair, &jobs, &spec).await;
    // It is alive for as long as its copier is.
    let began = std::time::Instant::now();
    until("more time than it would outlive it", || began.elapsed() > SHORT * 2).await;
    assert!(is_kept(&pair));
    jobs.abandon().await;
    until("the keeper has ended", || !is_kept(&pair)).await;
    until("production is left alone", || sessions(&pair, "true") == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_outlives_its_copier_and_ends_with_its_folder_and_with_its_session() {
    let pair = Pair::start();
    let spec = hanging(&pair).await;
    let jobs = pair.jobs_kept(LONG);
    starts(&pair, &jobs, &spec).await;
    jobs.abandon().await;
    until("only the keeper is left", || sessions(&pair, "true") == 1).await;
    assert!(is_kept(&pair));
    fs::rename(pair.job_file(JOB, ""), pair.job_file("elsewhere", "")).unwrap();
    until("the keeper has ended with its folder", || sessions(&pair, "true") == 0).await;

    let jobs = pair.jobs_kept(LONG);
    starts(&pair, &jobs, &spec).await;
    jobs.abandon().await;
    let keeper = "application_name = 'restage' AND state = 'idle in transaction'";
    pair.production.psql("postgres", &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {keeper}"));
    until("the keeper has ended with its session", || !is_kept(&pair)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_a_job_ends_its_keeper_in_this_process_and_in_a_later_one() {
    let pair = Pair::start();
    let (name, spec) = (job(&run_id(RUN), 1), hanging(&pair).await);
    let jobs = pair.jobs_kept(LONG);
    starts(&pair, &jobs, &spec).await;
    jobs.stop(&name).await.unwrap();
    assert!(!is_kept(&pair));
    starts(&pair, &jobs, &spec).await;
    jobs.abandon().await;
    assert!(is_kept(&pair));
    pair.jobs_kept(LONG).stop(&name).await.unwrap();
    assert!(!is_kept(&pair));
    until("production is left alone", || sessions(&pair, "true") == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_done_has_no_keeper_any_more_and_its_folder_no_password() {
    let pair = Pair::start();
    let name = job(&run_id(RUN), 1);
    let spec = pair.fill_spec(pair.shadow().await).await;
    let filled: Filled = perform(&pair.jobs_kept(LONG), &name, &Work::Fill(spec)).await.unwrap();
    assert_eq!(filled.tables[&TableName::new("public", "t")].rows_written, 1000);
    assert!(!is_kept(&pair) && pair.job_file(JOB, "keeper").exists());
    assert_eq!(notes_on_keepers(&filled), [""; 0]);
    for file in fs::read_dir(pair.job_file(JOB, "")).unwrap() {
        assert!(!String::from_utf8_lossy(&fs::read(file.unwrap().path()).unwrap()).contains(PASSWORD));
    }
}

fn signal(pair: &Pair, signal: &str) {
    let stat = fs::read_to_string(pair.job_file(JOB, "keeper-process")).unwrap();
    let process = stat.split(' ').next().unwrap();
    assert!(Command::new("/bin/kill").args([signal, process]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_of_a_copy_does_not_wait_for_its_keepers_end() {
    let pair = Pair::start();
    let (name, mut spec) = (job(&run_id(RUN), 1), pair.fill_spec(pair.shadow().await).await);
    let held_up = RowsTaken::Where("pg_advisory_xact_lock_shared(1) IS NOT NULL".into());
    spec.carried.tables.get_mut(&TableName::new("public", "t")).unwrap().rows = held_up;
    let place = restage_pgcopy::connect::target(&pair.production.servers().endpoint(&pair.source).await.unwrap()).await.unwrap();
    place.run("hold up", "SELECT pg_advisory_lock(1)").await.unwrap();
    let jobs = pair.jobs_kept(LONG);
    jobs.start(&name, &Work::Fill(spec)).await.unwrap();
    until("rows are copied", || sessions(&pair, "wait_event = 'advisory'") == 1).await;
    signal(&pair, "-STOP");
    place.run("let go", "SELECT pg_advisory_unlock(1)").await.unwrap();
    until("the receipt is there", || pair.job_file(JOB, "receipt.json").exists()).await;
    assert!(is_kept(&pair), "it cannot hear that it is dismissed");
    signal(&pair, "-CONT");
    finish::<Filled>(&jobs, &name).await.unwrap();
    assert!(!is_kept(&pair));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_a_crash_has_left_to_a_receipt_is_dismissed() {
    let pair = Pair::start();
    let (name, work) = (job(&run_id(RUN), 1), Work::Fill(pair.fill_spec(pair.shadow().await).await));
    let filled: Filled = perform(&pair.jobs_kept(LONG), &name, &work).await.unwrap();
    let keeper = File::open(pair.job_file(JOB, "keeper")).unwrap();
    keeper.lock().unwrap();
    fs::remove_file(pair.job_file(JOB, "keeper-dismissed")).unwrap();
    let hearing = async {
        until("it is dismissed", || pair.job_file(JOB, "keeper-dismissed").exists()).await;
        drop(keeper);
    };
    let jobs = pair.jobs_kept(LONG);
    let (again, ()) = tokio::join!(perform::<Filled>(&jobs, &name, &work), hearing);
    assert_eq!(again.unwrap(), filled);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_deadline_of_its_copy_a_keeper_keeps_nothing() {
    let pair = Pair::start();
    let past = FillSpec { deadline: Timestamp::UNIX_EPOCH, ..pair.fill_spec(pair.shadow().await).await };
    let name = job(&run_id(RUN), 1);
    let filled: Filled = perform(&pair.jobs_kept(LONG), &name, &Work::Fill(past)).await.unwrap();
    assert_eq!(notes_on_keepers(&filled), ["it ended without a word"]);
    assert!(!is_kept(&pair));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keeper_a_copy_keeps_its_snapshot_itself_and_says_why() {
    let pair = Pair::start();
    let spec = pair.fill_spec(pair.shadow().await).await;
    let cases: [(&[&str], Duration, &str); 3] = [
        (&["/nowhere/restage"], LONG, "`/nowhere/restage` cannot be started: No such file or directory (os error 2)"),
        (&["/bin/true"], LONG, "it ended without a word"),
        SILENT,
    ];
    for (step, (program, answers_within, why)) in (1..).zip(cases) {
        let (name, jobs) = (job(&run_id(RUN), step), pair.jobs().with_keepers(imposter(program, answers_within)));
        let filled: Filled = perform(&jobs, &name, &Work::Fill(spec.clone())).await.unwrap();
        assert_eq!(notes_on_keepers(&filled), [why]);
        assert_eq!(filled.tables[&TableName::new("public", "t")].rows_written, 1000);
        assert!(File::open(pair.job_file(name.as_str(), "keeper")).unwrap().try_lock().is_ok(), "{why}: nobody is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_does_not_listen_does_not_hold_its_copy_up() {
    let pair = Pair::start();
    let mut spec = pair.fill_spec(pair.shadow().await).await;
    // More than a pipe holds.
    let names = (0..2000).map(|n| TableName::new("public", format!("{n:060}")));
    spec.carried.tables.extend(names.map(|name| (name, TableTaken::default())));
    let jobs = pair.jobs().with_keepers(imposter(SILENT.0, SILENT.1));
    let error = perform::<Filled>(&jobs, &job(&run_id(RUN), 1), &Work::Fill(spec)).await.unwrap_err();
    // The copy itself has looked for the tables.
    assert_eq!(error.code, Code::PlanStale, "{}", whole(&error));
    assert!(!is_kept(&pair));
}

/// Why there was no keeper, as the notes of a copy say it.
fn notes_on_keepers(filled: &Filled) -> Vec<&str> {
    let start = "no other process could keep the snapshot of this copy, which would have begun anew had it broken off: ";
    filled.notes.iter().filter_map(|note| note.strip_prefix(start)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_keeper_meets_is_told_as_its_own_error() {
    let pair = Pair::start();
    let spec = pair.fill_spec(pair.shadow().await).await;
    pair.production.psql("prod", "REVOKE ALL ON t FROM reader");
    let error = perform::<Filled>(&pair.jobs_kept(LONG), &job(&run_id(RUN), 1), &Work::Fill(spec)).await.unwrap_err();
    assert_eq!(error.code, Code::PrivilegeMissing, "{}", whole(&error));
    // The copy, which would have met the same, has not begun.
    assert_eq!(pair.site.comment("app_restage_0000000001").mark().unwrap().role, Role::Empty);
    until("the keeper has ended", || !is_kept(&pair)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_sessions_on_the_source_a_copy_keeps_its_snapshot_itself() {
    let pair = Pair::start();
    let mut spec = pair.fill_spec(pair.shadow().await).await;
    spec.carried.limits.source_connections = std::num::NonZeroU16::new(2);
    perform::<Filled>(&pair.jobs_kept(LONG), &job(&run_id(RUN), 1), &Work::Fill(spec)).await.unwrap();
    assert!(!pair.job_file(JOB, "keeper").exists());
}
