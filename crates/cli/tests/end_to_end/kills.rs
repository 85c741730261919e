//! `kill -9` at random moments of a real refresh: `resume` finishes it, or `undo` brings the old preprod back.
//!
//! `RESTAGE_KILL_ROUNDS` says how often in all (default 30), `RESTAGE_KILL_SEED` which moments; the seed is printed.

use crate::look::{Both, looks, made_by_runs, nothing_is_at_work, same};
use crate::play::{Playing, exit};
use crate::truth::Truth;
use crate::world::{APP, World};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::time::{Duration, Instant};

const ROUNDS: u32 = 30;
/// How often, in one of so many rounds, the command that mends is killed as well.
const KILLED_AGAIN: f64 = 0.3;

#[test]
fn a_run_killed_at_any_moment_is_finished_by_resume() {
    play("resume", Place::resumed);
}

#[test]
fn a_run_killed_at_any_moment_is_taken_back_by_undo() {
    play("undo", Place::undone);
}

/// Plays half of the rounds, at moments spread over a whole run, each a random one of its part.
fn play(how: &str, mend: impl Fn(&mut Place)) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = u32::try_from(number("RESTAGE_KILL_ROUNDS").unwrap_or(ROUNDS.into())).unwrap().div_ceil(2);
    let seed = number("RESTAGE_KILL_SEED").unwrap_or_else(rand::random);
    println!("RESTAGE_KILL_SEED={seed}");
    let mut place = Place::new(seed);
    let mut parts: Vec<u32> = (0..rounds).collect();
    parts.shuffle(&mut place.random);
    for (round, part) in parts.into_iter().enumerate() {
        let moment = place.whole.mul_f64((f64::from(part) + place.random.random::<f64>()) / f64::from(rounds));
        println!("{how} {round}: killed after {} ms of {}", moment.as_millis(), place.whole.as_millis());
        place.kill_a_run(moment);
        mend(&mut place);
        place.before.nothing_was_touched(&place.world);
    }
}

/// A preprod, how it looks when it is refreshed, and how long that takes.
struct Place {
    world: World,
    before: Both,
    refreshed: Vec<String>,
    whole: Duration,
    random: StdRng,
    runs: usize,
}

impl Place {
    fn new(seed: u64) -> Self {
        let world = World::drifted();
        let (before, truth) = (Both::of(&world), Truth::of(&world));
        let since = Instant::now();
        world.restage(&["run", "preprod", "--yes"]).ends(exit::DONE);
        let whole = since.elapsed();
        let refreshed = lines(&world);
        truth.holds_in(&world);
        world.restage(&["undo"]).ends(exit::DONE);
        before.nothing_was_touched(&world);
        Self { world, before, refreshed, whole, random: StdRng::seed_from_u64(seed), runs: 1 }
    }

    /// Starts a run and kills it at that moment. What is seen then is the old preprod or the new one, or a closed door.
    fn kill_a_run(&mut self, moment: Duration) {
        kill(self.world.start(&["run", "preprod", "--yes"]), moment);
        self.before.production_is_as_before(&self.world);
        let open = "select datallowconn from pg_database where datname = 'app'";
        if self.world.preprod.psql("postgres", open).unwrap() == "t" {
            let name = made_by_runs(&self.world).into_iter().find(|name| name.contains("_before_"));
            match name {
                None => self.before.preprod_is_as_before(&self.world),
                Some(_) => self.is_refreshed(),
            }
        }
    }

    /// How the killed run stands, if it came so far that it has begun: only then it is the one that `last` means.
    fn status(&mut self) -> Option<String> {
        let runs = self.world.restage(&["runs", "--output", "json", "--limit", "100000"]).ends(exit::DONE).json();
        let runs = runs.as_array().unwrap();
        let is_new = runs.len() > self.runs;
        self.runs = runs.len();
        let status = runs.first().filter(|_| is_new)?["status"].as_str().unwrap();
        (status != "planned").then(|| status.to_owned())
    }

    fn resumed(&mut self) {
        match self.status().as_deref() {
            None => return,
            Some("refreshed") => {}
            Some(_) => self.mend("resume"),
        }
        nothing_is_at_work(&self.world);
        self.is_refreshed();
        self.before.production_is_as_before(&self.world);
        self.world.restage(&["undo"]).ends(exit::DONE);
    }

    fn undone(&mut self) {
        if self.status().is_some() {
            self.mend("undo");
        }
    }

    /// Runs the command, killed itself at times, until it has done its work.
    fn mend(&mut self, word: &str) {
        while self.random.random_bool(KILLED_AGAIN) {
            let moment = self.whole.mul_f64(self.random.random());
            println!("  {word} killed after {} ms", moment.as_millis());
            kill(self.world.start(&[word]), moment);
            let status = self.world.restage(&["show", "--output", "json"]).ends(exit::DONE).json()["status"].clone();
            if status == "refreshed" && word == "resume" || status == "undone" {
                return;
            }
        }
        self.world.restage(&[word]).ends(exit::DONE);
    }

    #[track_caller]
    fn is_refreshed(&self) {
        same("the refreshed preprod", &self.refreshed.join("\n"), &lines(&self.world).join("\n"));
    }
}

fn kill(command: Playing, moment: Duration) {
    std::thread::sleep(moment); // the moment is what is tried, there is nothing to wait for
    command.kill();
}

/// Preprod without what differs between two runs: the order of rows, and the mark in the database's comment.
fn lines(world: &World) -> Vec<String> {
    let dump = looks(&world.preprod, APP);
    let mut lines: Vec<String> = dump.lines().filter(|line| !line.starts_with("COMMENT ON DATABASE")).map(str::to_owned).collect();
    lines.sort();
    lines
}
