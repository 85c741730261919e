//! Several processes at one store, and what is left when one is killed. The other process is this test binary again.

use crate::ground::{Ground, event, events};
use restage_core::Code;
use restage_core::name::RunId;
use restage_core::run::{Journal, Seq};
use restage_store::Store;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `<what> <run> <folder>`, set in the other process only.
const ORDER: &str = "RESTAGE_STORE_TEST_ORDER";
const ENTRY: &str = "crash::the_other_process";
const DONE: &str = "durable ";
const RACE_EVENTS: u64 = 300;

/// Does what the order says; without an order there is nothing to do.
#[tokio::test]
async fn the_other_process() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let [what, run, folder] = order.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
    let store = Store::open(folder).await.unwrap();
    let journal = store.journal(&RunId::parse(run).unwrap());
    let mut next = journal.read().await.unwrap().len() as u64;
    while what == "append" || next < RACE_EVENTS {
        match journal.append(Seq(next), &event(next)).await {
            Ok(()) => {
                let mut out = stdout().lock();
                writeln!(out, "\n{DONE}{next}").unwrap();
                out.flush().unwrap();
                next += 1;
            }
            Err(error) => {
                assert_eq!(error.code, Code::LeaseLost);
                next = journal.read().await.unwrap().len() as u64;
            }
        }
    }
}

fn start(what: &str, run: &RunId, folder: &Path) -> Child {
    let order = format!("{what} {run} {}", folder.display());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", ENTRY, "--nocapture"]).env(ORDER, order);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The places of the events that the process calls durable, as it says so.
fn durable(process: &mut Child) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| line.strip_prefix(DONE).and_then(|number| number.parse().ok()))
}

#[tokio::test]
async fn whatever_moment_a_writer_is_killed_its_journal_is_whole() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    let mut written = 0;
    for round in 0..12 {
        let mut process = start("append", &run, &ground.folder);
        let mut said = durable(&mut process);
        let seen = said.by_ref().nth(round * 3).unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        let last = said.last().unwrap_or(seen);
        let read = ground.store.journal(&run).read().await.unwrap();
        let count = read.len() as u64;
        assert!(count > last, "round {round}: event {last} was durable, {count} are left");
        assert!(count <= last + 2, "round {round}: only the event under way may be there unsaid, {last} was said of {count}");
        assert!(count > written);
        assert_eq!(read, events(count));
        written = count;
    }
}

#[tokio::test]
async fn of_two_processes_that_append_at_the_same_place_one_wins() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    let mut processes = [start("race", &run, &ground.folder), start("race", &run, &ground.folder)];
    let winners = processes.each_mut().map(|process| {
        let said = durable(process);
        std::thread::spawn(|| said.collect::<Vec<u64>>())
    });
    let mut won: Vec<u64> = winners.into_iter().flat_map(|winner| winner.join().unwrap()).collect();
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    won.sort_unstable();
    assert_eq!(won, (0..RACE_EVENTS).collect::<Vec<_>>());
    assert_eq!(ground.store.journal(&run).read().await.unwrap(), events(RACE_EVENTS));
}
