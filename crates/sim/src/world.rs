//! The world: everything there is, shared by the processes that drive a run in it.

use crate::clock::Time;
use crate::content::{Content, Database, Door, Spot, Tag};
use crate::faults::{Ask, Extent, InTheWay, Lasting, Point, Schedule, Trouble, When};
use crate::jobs::Job;
use crate::journal::Papers;
use crate::queues::{self, QueueFaults};
use crate::random::Random;
use crate::scene::Scene;
use crate::variant::{Variant, Watched};
use restage_core::facts::Identity;
use restage_core::name::{JobName, RunId};
use restage_core::plan::Plan;
use restage_core::provider::Record;
use restage_core::run::{Event, Request, What};
use restage_core::signal::SchemaVersion;
use restage_core::{Code, Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The world; a clone is the same world, [`World::fork`] makes another one just like it.
#[derive(Clone, Debug)]
pub(crate) struct World(Arc<Mutex<State>>);

/// Everything there is.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) run: RunId,
    pub(crate) scene: Arc<Scene>,
    pub(crate) random: Random,
    pub(crate) time: Time,
    pub(crate) databases: BTreeMap<Spot, Database>,
    /// The databases when the trial began.
    pub(crate) before: BTreeMap<Spot, Database>,
    pub(crate) effects: BTreeMap<String, Effect>,
    pub(crate) jobs: BTreeMap<JobName, Job>,
    /// SQL jobs whose transaction was committed, as the database itself remembers.
    pub(crate) committed: BTreeSet<JobName>,
    /// Looks that each condition needs before it holds.
    pub(crate) looks_left: BTreeMap<String, u64>,
    pub(crate) queues: queues::Content,
    /// What is recorded of versions.
    pub(crate) records: BTreeMap<Record, SchemaVersion>,
    pub(crate) papers: Papers,
    pub(crate) processes: u32,
    /// Processes that have ended, or know that the run is no longer theirs.
    pub(crate) gone: BTreeSet<u32>,
    /// Who holds the lease.
    pub(crate) holder: Option<u32>,
    pub(crate) crashed: bool,
    pub(crate) strangers: Strangers,
    pub(crate) watched: Watched,
    pub(crate) schedule: Schedule,
    pub(crate) lasting: BTreeMap<&'static str, Trouble>,
    pub(crate) extent: Extent,
    /// Why a driver may end with an error.
    pub(crate) excuse: Option<Code>,
    /// Whether a job could not be stopped because of what was made to go wrong.
    pub(crate) unstoppable: bool,
    pub(crate) violations: Vec<String>,
    pub(crate) names: u32,
}

/// What became of a command's effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) stands: Stands,
    /// How often the command ran to its end.
    pub(crate) runs: u32,
    /// How often it failed or was stopped before.
    pub(crate) broken_off: u32,
}

/// How a command's effect stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stands {
    #[default]
    Absent,
    Begun,
    There,
}

/// What providers do about a stranger's database under a name they need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// They leave it alone and fail.
    #[default]
    Respected,
    /// They take it for their own: what the suite must catch.
    Adopted,
}

/// Whether a call does all it does, or the first of two halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Portion {
    Half,
    Whole,
}

/// One process that drives the run: what its providers, clock and journal reach the world through.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) world: World,
    pub(crate) id: u32,
}

impl World {
    pub(crate) fn new(plan: &Plan, run: RunId, seed: u64, schedule: Schedule, variant: &Variant) -> Self {
        let mut random = Random::new(seed);
        let scene = Scene::of(plan, &run);
        let mut databases = scene.databases();
        if let Some(in_the_way) = schedule.stranger {
            databases.extend(stranger(&scene, in_the_way));
        }
        let looks_left = scene.conditions.iter().map(|condition| (format!("{condition:?}"), random.below(3))).collect();
        let records = scene.records.iter().filter_map(|(record, version)| Some((record.clone(), version.clone()?)));
        let records = records.collect();
        let time = Time::new();
        let state = State {
            run,
            scene: Arc::new(scene),
            random,
            queues: queues::Content::new(seed, QueueFaults::All, time.now),
            records,
            time,
            before: databases.clone(),
            databases,
            effects: BTreeMap::new(),
            jobs: BTreeMap::new(),
            committed: BTreeSet::new(),
            looks_left,
            papers: Papers::default(),
            processes: 0,
            gone: BTreeSet::new(),
            holder: None,
            crashed: false,
            strangers: variant.strangers,
            watched: variant.watched,
            schedule,
            lasting: BTreeMap::new(),
            extent: Extent::default(),
            excuse: None,
            unstoppable: false,
            violations: vec![],
            names: 0,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic inside has failed the trial already; its message says more than the poison.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another world, just like this one from here on.
    pub(crate) fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }
}

/// A stranger's database under a name that the run will want for its first target.
fn stranger(scene: &Scene, in_the_way: InTheWay) -> Option<(Spot, Database)> {
    let target = scene.targets.values().next()?;
    let spot = match in_the_way {
        InTheWay::OfShadow => &target.shadow,
        InTheWay::OfOld => &target.old,
    };
    let identity = Identity { system: target.identity.system.clone(), oid: 66_666 };
    Some((spot.clone(), Database { identity, tag: Tag::Stranger, door: Door::Open, content: Content::grown_at(spot) }))
}

impl State {
    /// Notes that something happened which must never happen.
    pub(crate) fn violate(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// A number that nothing else has.
    pub(crate) fn fresh(&mut self) -> u32 {
        self.names += 1;
        self.names
    }

    /// A database that may be written.
    pub(crate) fn write(&mut self, spot: &Spot) -> Result<&mut Database> {
        if self.scene.production.contains_key(spot) {
            self.violate(format!("production's {spot} was to be written"));
            return Err(Code::ProductionAsTarget.error(format!("`{spot}` is production")));
        }
        self.databases.get_mut(spot).ok_or_else(|| no_database(spot))
    }

    /// A database.
    pub(crate) fn read(&self, spot: &Spot) -> Result<&Database> {
        self.databases.get(spot).ok_or_else(|| no_database(spot))
    }

    /// From here on nothing goes wrong; what people asked and nobody heard is forgotten.
    pub(crate) fn clear_troubles(&mut self) {
        self.schedule = Schedule::default();
        self.lasting.clear();
        self.papers.requests.clear();
        for job in self.jobs.values_mut() {
            job.trouble = None;
        }
    }

    /// Somebody takes the stranger's database away.
    pub(crate) fn remove_strangers(&mut self) {
        self.databases.retain(|_, database| database.tag != Tag::Stranger);
        self.before.retain(|_, database| database.tag != Tag::Stranger);
    }

    fn trouble_at_call(&mut self, name: &'static str) -> Option<Trouble> {
        let index = u32::try_from(self.extent.calls.len()).unwrap_or(u32::MAX);
        self.extent.calls.push(name);
        let trouble = self.schedule.troubles.get(&Point::Call(index)).copied();
        if let Some(lasting @ (Trouble::Outage(_) | Trouble::NeverHolds | Trouble::Doubt)) = trouble {
            self.lasting.insert(name, lasting);
        }
        trouble.or_else(|| self.lasting.get(name).copied())
    }

    /// Somebody asks for something; the run hears of it when it listens.
    pub(crate) fn ask(&mut self, ask: Ask) {
        let request = match ask {
            Ask::Resume => Request::Resume,
            Ask::Undo => Request::Undo,
            Ask::Cancel => Request::Cancel,
        };
        self.papers.request("carol", request);
    }

    /// A run that was told to stop begins nothing more that others would notice.
    fn begin(&mut self, call: &str) {
        let is_stop = |event: &Event| matches!(event.what, What::UndoAsked { .. } | What::CancelAsked { .. });
        if matches!(call, "ensure-shadow" | "swap") && self.papers.events().iter().any(is_stop) {
            self.violate(format!("`{call}` began after the run was told to stop"));
        }
    }

    /// What a call has to obey before it touches anything: a process that is gone touches nothing.
    pub(crate) fn enter(&mut self, process: u32, call: &str) {
        if self.watched == Watched::Closely && self.gone.contains(&process) {
            self.violate(format!("`{call}` was called by a driver that had ended or had lost the run"));
        }
    }
}

fn no_database(spot: &Spot) -> Error {
    Code::CannotConnect.error(format!("there is no database `{spot}`"))
}

pub(crate) fn broken(lasting: Lasting) -> Error {
    let error = Code::ConnectionLost.error("the simulated connection broke").help("go on: this is a simulation");
    if lasting == Lasting::Passing { error.passing() } else { error }
}

impl Process {
    /// Makes a call: what a provider does goes through here, so that it can go wrong.
    pub(crate) async fn call<T: Send>(
        &self,
        name: &'static str,
        mut effect: impl FnMut(&mut State, Portion) -> Result<T> + Send,
    ) -> Result<T> {
        self.world.lock().begin(name);
        self.latency().await;
        match self.try_call(name, &mut effect) {
            Some(result) => result,
            None => futures::future::pending().await,
        }
    }

    /// The call's result, or nothing if it hangs or the process is killed by then.
    fn try_call<T>(&self, name: &'static str, effect: &mut impl FnMut(&mut State, Portion) -> Result<T>) -> Option<Result<T>> {
        let mut state = self.world.lock();
        if state.crashed {
            return None;
        }
        state.enter(self.id, name);
        let mut happen = |state: &mut State, when: When| match when {
            When::Before => {}
            When::Midway => drop(effect(state, Portion::Half)),
            When::After => drop(effect(state, Portion::Whole)),
        };
        let result = match state.trouble_at_call(name) {
            Some(Trouble::Fails(when, lasting)) => {
                happen(&mut state, when);
                Err(broken(lasting))
            }
            Some(Trouble::Outage(lasting)) => Err(broken(lasting)),
            Some(Trouble::Hangs) => {
                state.unstoppable |= name == "stop";
                return None;
            }
            Some(Trouble::Crash(when)) => {
                happen(&mut state, when);
                state.crashed = true;
                return None;
            }
            Some(Trouble::Twice) => {
                happen(&mut state, When::After);
                effect(&mut state, Portion::Whole)
            }
            Some(Trouble::Asks(ask)) => {
                state.ask(ask);
                effect(&mut state, Portion::Whole)
            }
            Some(Trouble::LeaseLost) => {
                state.holder = None;
                effect(&mut state, Portion::Whole)
            }
            Some(Trouble::NeverHolds | Trouble::Doubt | Trouble::Overtaken | Trouble::JobFails(_) | Trouble::JobHangs) | None => {
                effect(&mut state, Portion::Whole)
            }
        };
        state.unstoppable |= name == "stop" && result.is_err();
        state.look_at_targets(name);
        Some(result)
    }

    /// Calls take a moment, so that steps at work at the same time get in each other's way.
    pub(crate) async fn latency(&self) {
        const MOST_MS: u64 = 40;
        let time = Duration::from_millis(self.world.lock().random.below(MOST_MS));
        if !time.is_zero() {
            self.world.sleep(time).await;
        }
    }
}
