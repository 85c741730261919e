//! One trial: a plan, a seed, and what goes wrong; driven to its end and looked at from all sides.

use crate::faults::{Ask, Extent, Schedule};
use crate::invariants::{Held, OldOne, gates_were_kept, require};
use crate::samples::Sample;
use crate::variant::Variant;
use crate::world::World;
use restage_core::name::RunId;
use restage_core::plan::Plan;
use restage_core::provider::Stay;
use restage_core::report::{self, Runbook, Status};
use restage_core::run::{Event, Outcome, Request, Run};

/// More gates than any sample has.
const MAX_GATES: u32 = 8;

/// One trial.
pub(crate) struct Trial<'a> {
    pub(crate) sample: &'a Sample,
    pub(crate) seed: u64,
    pub(crate) schedule: Schedule,
    pub(crate) variant: &'a Variant,
    pub(crate) afterwards: Afterwards,
}

/// Whether a refreshed run is also undone, and retired, each in a world of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    Nothing,
    UndoAndRetire,
}

/// How a trial went.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// How much was done until the run came to an end by itself.
    pub(crate) forward: Extent,
    /// How much was done in all.
    pub(crate) whole: Extent,
}

/// Why a trial failed, with the journal as far as it went.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) why: String,
    pub(crate) journal: Vec<String>,
}

/// How closely a run that has come to an end is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Its outcome is true.
    Plain,
    /// And what its report says to do next does what it says.
    Thorough,
}

impl Trial<'_> {
    pub(crate) fn run(&self) -> Result<Verdict, Broken> {
        let run = RunId::parse("s1mu1ated0").expect("ten letters and digits");
        let world = World::new(&self.sample.plan, run, self.seed, self.schedule.clone(), self.variant);
        self.run_in(&world).map_err(|why| Broken { why, journal: world.lock().papers.lines() })
    }

    fn run_in(&self, world: &World) -> Result<Verdict, String> {
        let mut outcome = self.go(world, Look::Thorough)?;
        let forward = world.lock().extent.clone();
        if let Some(ask) = self.schedule.finally {
            world.lock().ask(ask);
            outcome = self.go(world, Look::Thorough)?;
        }
        if outcome == Outcome::Refreshed && self.afterwards == Afterwards::UndoAndRetire {
            self.undo_afterwards(world)?;
            self.retire_afterwards(world)?;
        }
        let whole = world.lock().extent.clone();
        Ok(Verdict { outcome, forward, whole })
    }

    fn plan(&self) -> &Plan {
        &self.sample.plan
    }

    /// Drives the run until it is over or held, approving wherever it waits.
    fn go(&self, world: &World, look: Look) -> Result<Outcome, String> {
        for _ in 0..MAX_GATES {
            let outcome = world.drive(self.plan(), self.variant)?;
            self.look(world, outcome, look).map_err(|why| format!("{outcome:?}, but {why}"))?;
            if outcome != Outcome::Waiting {
                return Ok(outcome);
            }
            self.approve(world)?;
        }
        Err(format!("the run waits at more than {MAX_GATES} gates"))
    }

    /// Somebody who may approves at every gate where the run waits.
    fn approve(&self, world: &World) -> Held {
        let events = world.lock().papers.events().to_vec();
        let parked = self.replay(&events)?.parked();
        require(!parked.is_empty(), || "it waits at no gate".into())?;
        let plan = self.plan().digest();
        for park in parked {
            world.lock().papers.request("bob", Request::Approve { step: park.step, plan: plan.clone() });
        }
        Ok(())
    }

    fn replay(&self, events: &[Event]) -> Result<Run<'_>, String> {
        Run::replay(self.plan(), events).map_err(|error| format!("the journal cannot be replayed: {error}"))
    }

    fn look(&self, world: &World, outcome: Outcome, look: Look) -> Held {
        let events = world.lock().papers.events().to_vec();
        let run = world.lock().run.clone();
        gates_were_kept(self.plan(), &events)?;
        match outcome {
            Outcome::Refreshed => world.lock().is_refreshed(OldOne::Retained)?,
            Outcome::Undone | Outcome::Cancelled => world.lock().is_as_before()?,
            Outcome::Held | Outcome::Waiting | Outcome::Stuck => {}
        }
        let replayed = self.replay(&events)?;
        require(status(outcome) == report::status(&replayed), || format!("the journal says {:?}", report::status(&replayed)))?;
        if is_over(outcome) || look == Look::Plain {
            return Ok(());
        }
        let report = report::report(&run, self.plan(), &events).map_err(|error| format!("there is no report: {error}"))?;
        let runbook = report.runbook.ok_or("its report has no runbook")?;
        self.is_truthful(world, outcome, &runbook, &replayed)
    }

    /// What the report says to do next does what it says.
    fn is_truthful(&self, world: &World, outcome: Outcome, runbook: &Runbook, run: &Run<'_>) -> Held {
        crate::truth::of_target(&runbook.target, &world.lock())?;
        let id = world.lock().run.clone();
        let named = |command: &str| runbook.next.iter().any(|next| next.command == format!("restage {command} {id}"));
        let past_return = run.past_return().is_some();
        match outcome {
            Outcome::Held => {
                require(named("resume"), || "its runbook does not name `resume`".into())?;
                self.leads_to(world, Ask::Resume, &[Outcome::Refreshed])?;
                require(named("undo") != past_return, || "its runbook names `undo` and must not, or the other way round".into())?;
                self.leads_to(world, Ask::Undo, if past_return { &[Outcome::Held] } else { undone(world, Outcome::Undone) })
            }
            Outcome::Waiting => {
                require(named("approve"), || "its runbook does not name `approve`".into())?;
                require(named("cancel") != past_return, || {
                    "its runbook names `cancel` and must not, or the other way round".into()
                })?;
                self.leads_to(
                    world,
                    Ask::Cancel,
                    if past_return { &[Outcome::Refreshed, Outcome::Held] } else { undone(world, Outcome::Cancelled) },
                )
            }
            _ => {
                require(named("undo"), || "its runbook does not name `undo`".into())?;
                self.leads_to(world, Ask::Undo, undone(world, Outcome::Undone))
            }
        }
    }

    /// In another world just like this one, with no more trouble, what is asked must lead there.
    fn leads_to(&self, world: &World, ask: Ask, wanted: &[Outcome]) -> Held {
        let fork = world.fork();
        {
            let mut state = fork.lock();
            if ask == Ask::Resume {
                state.remove_strangers();
            }
            state.clear_troubles();
            state.ask(ask);
        }
        let outcome = self.go(&fork, Look::Plain).map_err(|why| format!("`{ask:?}` went wrong: {why}"))?;
        require(wanted.contains(&outcome), || format!("`{ask:?}` led to {outcome:?}, not to {wanted:?}"))
    }

    fn undo_afterwards(&self, world: &World) -> Held {
        let past_return = self.plan().point_of_no_return().is_some();
        self.leads_to(world, Ask::Undo, if past_return { &[Outcome::Refreshed] } else { &[Outcome::Undone] })
    }

    /// Once what undo needs is given up, undo is refused.
    fn retire_afterwards(&self, world: &World) -> Held {
        let fork = world.fork();
        fork.lock().clear_troubles();
        fork.retire(self.plan(), self.variant, Stay::UntilCertain)?;
        let again = fork.retire(self.plan(), self.variant, Stay::ToTheEnd)?;
        require(again.is_empty(), || format!("{again:?} were retired twice"))?;
        fork.lock().is_refreshed(OldOne::Retired).map_err(|why| format!("retired, but {why}"))?;
        if self.plan().steps.iter().any(|planned| planned.step.action().retained().is_some()) {
            fork.lock().ask(Ask::Undo);
            let outcome = fork.drive(self.plan(), self.variant)?;
            require(outcome == Outcome::Refreshed, || format!("`Undo` after retiring led to {outcome:?}"))?;
            return fork.lock().is_refreshed(OldOne::Retired).map_err(|why| format!("undone after retiring, but {why}"));
        }
        Ok(())
    }
}

/// Whether nobody has to do anything any more.
fn is_over(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Refreshed | Outcome::Undone | Outcome::Cancelled)
}

fn status(outcome: Outcome) -> Status {
    match outcome {
        Outcome::Refreshed => Status::Refreshed,
        Outcome::Undone => Status::Undone,
        Outcome::Cancelled => Status::Cancelled,
        Outcome::Held => Status::Held,
        Outcome::Waiting => Status::Waiting,
        Outcome::Stuck => Status::Stuck,
    }
}

/// What taking back must come to: as before, unless a refresh in place was committed and nobody learned of it.
fn undone(world: &World, outcome: Outcome) -> &'static [Outcome] {
    match (world.lock().is_past_return(), outcome) {
        (true, _) => &[Outcome::Stuck],
        (false, Outcome::Cancelled) => &[Outcome::Cancelled],
        (false, _) => &[Outcome::Undone],
    }
}

#[cfg(test)]
mod tests;
