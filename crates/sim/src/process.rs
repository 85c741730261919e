//! Drives a run in the world: one process after the other, until one of them comes to an end by itself.

use crate::variant::{Variant, Watched};
use crate::world::{Process, World};
use restage_core::error::Result;
use restage_core::name::StepId;
use restage_core::plan::Plan;
use restage_core::provider::{Providers, Stay};
use restage_core::run::{Believe, Drive, Due, Lease, Limits, Next, Outcome, Person, Rules, Run, advance, retire};
use std::sync::Mutex;
use std::time::Duration;

/// More processes than any trial needs.
const MAX_PROCESSES: u32 = 40;

impl World {
    /// Starts processes until the run has come to an end; what it came to, or what must never have happened.
    pub(crate) fn drive(&self, plan: &Plan, variant: &Variant) -> Result<Outcome, String> {
        for _ in 0..MAX_PROCESSES {
            let process = self.begin_process();
            let providers = (variant.providers)(process.providers());
            let rules = variant.rules.as_ref();
            let mirrored = Mirrored { rules, world: self.clone(), plan, mirror: Mutex::new(None) };
            let rules: &dyn Rules = if variant.watched == Watched::Closely { &mirrored } else { rules };
            let drive = process.drive(plan, &providers, rules);
            let result = self.block_on(advance(&drive));
            self.end_process(&process, result.as_ref());
            self.no_violation()?;
            match result {
                Some(Ok(outcome)) => return Ok(outcome),
                Some(Err(error)) => self.excused(&error)?,
                None => {}
            }
            let idle = self.lock().random.below(3_000);
            self.pass(Duration::from_millis(idle));
        }
        Err(format!("the run did not come to an end in {MAX_PROCESSES} processes"))
    }

    /// Gives up what the run retains for its undo.
    pub(crate) fn retire(&self, plan: &Plan, variant: &Variant, stay: Stay) -> Result<Vec<StepId>, String> {
        let process = self.begin_process();
        let providers = process.providers();
        let drive = process.drive(plan, &providers, variant.rules.as_ref());
        let retired = self.block_on(retire(&drive, Due::Now, stay));
        self.end_process(&process, None);
        self.no_violation()?;
        match retired {
            Some(Ok(retired)) => Ok(retired.into_iter().map(|(step, _)| step).collect()),
            Some(Err(error)) => Err(format!("retiring failed: {error}")),
            None => Err("retiring did not come to an end".into()),
        }
    }

    fn begin_process(&self) -> Process {
        let mut state = self.lock();
        state.processes += 1;
        state.holder = Some(state.processes);
        state.crashed = false;
        state.excuse = None;
        state.unstoppable = false;
        Process { world: self.clone(), id: state.processes }
    }

    /// A driver that has ended by itself must have nothing at work any more; what lives in its process dies with it.
    fn end_process(&self, process: &Process, result: Option<&Result<Outcome>>) {
        let mut state = self.lock();
        let running: Vec<String> = match result {
            Some(Ok(_)) => state.running().map(ToString::to_string).collect(),
            Some(Err(_)) => state.running_in(process.id).map(ToString::to_string).collect(),
            None => vec![],
        };
        if !running.is_empty() && !state.unstoppable {
            state.violate(format!("the driver ended ({}) with jobs at work: {}", ending(result), running.join(", ")));
        }
        state.gone.insert(process.id);
        state.forget_jobs_of(process.id);
    }

    pub(crate) fn no_violation(&self) -> Result<(), String> {
        match self.lock().violations.first() {
            Some(violation) => Err(violation.clone()),
            None => Ok(()),
        }
    }

    /// A driver may give up only over what was made to go wrong.
    fn excused(&self, error: &restage_core::Error) -> Result<(), String> {
        if self.lock().excuse == Some(error.code) {
            Ok(())
        } else {
            Err(format!("the driver gave up: {error} [{}]", error.code.id()))
        }
    }
}

fn ending(result: Option<&Result<Outcome>>) -> String {
    match result {
        Some(Ok(outcome)) => format!("{outcome:?}"),
        Some(Err(error)) => error.to_string(),
        None => "killed".into(),
    }
}

impl Process {
    fn providers(&self) -> Providers {
        Providers {
            databases: Box::new(self.clone()),
            jobs: Box::new(self.clone()),
            probes: Box::new(self.clone()),
            queues: Box::new(self.clone()),
            versions: Box::new(self.clone()),
        }
    }

    fn drive<'a>(&'a self, plan: &'a Plan, providers: &'a Providers, rules: &'a dyn Rules) -> Drive<'a> {
        let leases: Vec<&dyn Lease> = vec![self];
        Drive {
            id: self.world.lock().run.clone(),
            by: Person("alice".into()),
            driver: format!("process {}", self.id),
            plan,
            journal: self,
            leases,
            requests: self,
            providers,
            clock: self,
            observer: self,
            limits: Limits { concurrent_steps: usize::from(plan.limits.concurrent_steps.get()), ..Limits::default() },
            rules,
        }
    }
}

/// Compares the live run with one replayed from the journal, after every event.
struct Mirrored<'r, 'p> {
    rules: &'r dyn Rules,
    world: World,
    plan: &'p Plan,
    mirror: Mutex<Option<Run<'p>>>,
}

#[async_trait::async_trait]
impl Rules for Mirrored<'_, '_> {
    fn next(&self, run: &Run<'_>) -> Next {
        self.rules.next(run)
    }
    async fn believe(&self, believe: Believe<'_, '_>) -> Result<()> {
        let Believe { run, journal, event } = believe;
        self.rules.believe(Believe { run: &mut *run, journal, event }).await?;
        self.compare(run)
    }
}

impl Mirrored<'_, '_> {
    fn compare(&self, live: &Run<'_>) -> Result<()> {
        let mut slot = self.mirror.lock().expect("nothing panics while it is held");
        let mut state = self.world.lock();
        let events = state.papers.events();
        let mirror = match (slot.take(), events.last()) {
            (Some(mut mirror), Some(last)) => {
                mirror.apply(last)?;
                mirror
            }
            _ => Run::replay(self.plan, events)?,
        };
        let same = live.next() == mirror.next()
            && live.direction() == mirror.direction()
            && live.events() == mirror.events()
            && self.plan.ids().all(|step| live.state(step) == mirror.state(step) && live.times(step) == mirror.times(step));
        if !same {
            let after = format!("{:?}", events.last());
            state.violate(format!("replaying the journal gives another state after {after}"));
        }
        *slot = Some(mirror);
        Ok(())
    }
}
