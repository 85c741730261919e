//! What a run's events amount to, and what is to be done next.

use super::event::{Event, Person, What};
use crate::error::{Code, Failure, Result};
use crate::name::StepId;
use crate::plan::{Plan, Reversal};
use crate::scenario::OnFailure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum StepState {
    /// Not begun.
    #[default]
    Waiting,
    /// Begun, end unknown.
    Running,
    /// Ended well.
    Done,
    /// Failed; tried again by itself if `again`.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether another attempt follows without anyone's asking.
        again: bool,
    },
    /// Being taken back.
    Undoing,
    /// Taking it back failed; tried again by itself if `again`.
    UndoFailed {
        /// Why.
        failure: Failure,
        /// Whether another attempt follows without anyone's asking.
        again: bool,
    },
    /// Taken back.
    Undone,
    /// Being retired: what undo needed is going.
    Retiring,
    /// Retired: it can no longer be taken back.
    Retired,
}

/// Where a run is heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "direction", rename_all = "kebab-case")]
pub enum Direction {
    /// Towards the end of its plan.
    Forward,
    /// Back to where it began, because a step failed or somebody asked.
    Back,
    /// Back to where it began, because somebody cancelled.
    Cancelled,
}

/// How a run stands when nothing more is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every step is done.
    Refreshed,
    /// Every step that started was taken back.
    Undone,
    /// Cancelled, and every step that started was taken back.
    Cancelled,
    /// A step failed; the run waits for `resume` or `undo`.
    Held,
    /// Waiting for a person at a gate.
    Waiting,
    /// Taking a step back failed for good; a person must act.
    Stuck,
}

/// A gate that waits for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Park {
    /// The gate.
    pub step: StepId,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Start these steps, or go on with them after a crash; they do not need each other.
    Start(Vec<StepId>),
    /// Take this step back.
    Undo(StepId),
    /// Nothing.
    Ended(Outcome),
}

/// When a step began and ended, in its latest attempt and over all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTimes {
    /// The first start.
    pub first_start: Option<Timestamp>,
    /// The latest start.
    pub last_start: Option<Timestamp>,
    /// The latest end, good or bad.
    pub end: Option<Timestamp>,
    /// Attempts so far, at doing it.
    pub attempts: u32,
    /// Attempts since the last time a person asked.
    pub attempts_in_a_row: u32,
}

/// A run: the fold of its events over its plan.
#[derive(Clone, Debug)]
pub struct Run<'p> {
    plan: &'p Plan,
    states: Vec<StepState>,
    times: Vec<StepTimes>,
    receipts: BTreeMap<StepId, Value>,
    approvals: BTreeMap<StepId, Person>,
    direction: Direction,
    started: Option<(Timestamp, Person)>,
    last: Option<Timestamp>,
    events: u64,
}

impl<'p> Run<'p> {
    /// A run of which nothing is known.
    pub fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            states: vec![StepState::Waiting; plan.steps.len()],
            times: vec![StepTimes::default(); plan.steps.len()],
            receipts: BTreeMap::new(),
            approvals: BTreeMap::new(),
            direction: Direction::Forward,
            started: None,
            last: None,
            events: 0,
        }
    }

    /// A run from its whole journal.
    pub fn replay(plan: &'p Plan, events: &[Event]) -> Result<Self> {
        let mut run = Self::new(plan);
        events.iter().try_for_each(|event| run.apply(event))?;
        Ok(run)
    }

    /// The plan.
    pub fn plan(&self) -> &'p Plan {
        self.plan
    }
    /// What is known of a step.
    pub fn state(&self, step: StepId) -> &StepState {
        &self.states[step.index()]
    }
    /// When a step began and ended.
    pub fn times(&self, step: StepId) -> StepTimes {
        self.times[step.index()]
    }
    /// The receipts of finished steps.
    pub fn receipts(&self) -> &BTreeMap<StepId, Value> {
        &self.receipts
    }
    /// Who approved at a gate.
    pub fn approval(&self, step: StepId) -> Option<&Person> {
        self.approvals.get(&step)
    }
    /// Where the run is heading.
    pub fn direction(&self) -> &Direction {
        &self.direction
    }
    /// When it began, and who began it.
    pub fn started(&self) -> Option<&(Timestamp, Person)> {
        self.started.as_ref()
    }
    /// The time of its latest event.
    pub fn last_event(&self) -> Option<Timestamp> {
        self.last
    }
    /// How many events it has.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Legal transitions, all of them, in one place. Anything else means a damaged journal.
    pub fn apply(&mut self, event: &Event) -> Result<()> {
        let fits = match event.what.step() {
            None => self.apply_to_run(event),
            Some(step) if step.index() < self.states.len() => self.apply_to_step(step, event),
            Some(_) => false,
        };
        if !fits {
            let at = self.events;
            return Err(Code::JournalCorrupt
                .error(format!("event {at} of the journal cannot follow the events before it"))
                .help("keep the store's folder as it is and restore the journal from a backup; then look at both databases before any other run"));
        }
        self.last = Some(event.at);
        self.events += 1;
        Ok(())
    }

    fn apply_to_run(&mut self, event: &Event) -> bool {
        match &event.what {
            What::RunStarted { by, .. } if self.started.is_none() => self.started = Some((event.at, by.clone())),
            // A crash is no failed attempt.
            What::DriverStarted { .. } => self.times.iter_mut().for_each(|times| times.attempts_in_a_row = 0),
            What::ResumeAsked { .. } => self.reset(),
            What::UndoAsked { .. } => {
                self.direction = Direction::Back;
                self.reset();
            }
            What::CancelAsked { .. } => {
                self.direction = Direction::Cancelled;
                self.reset();
            }
            _ => return false,
        }
        true
    }

    /// Somebody asked for another try: failures count as passing, and attempts are counted anew.
    fn reset(&mut self) {
        for state in &mut self.states {
            if let StepState::Failed { again, .. } | StepState::UndoFailed { again, .. } = state {
                *again = true;
            }
        }
        self.times.iter_mut().for_each(|times| times.attempts_in_a_row = 0);
    }

    fn apply_to_step(&mut self, step: StepId, event: &Event) -> bool {
        use StepState as S;
        if let What::Approved { by, .. } = &event.what {
            self.approvals.entry(step).or_insert_with(|| by.clone());
            return true;
        }
        let state = match (&self.states[step.index()], &event.what) {
            (S::Waiting | S::Running | S::Failed { .. }, What::StepStarted { .. }) => S::Running,
            (S::Running, What::StepDone { receipt, .. }) => {
                self.receipts.insert(step, receipt.clone());
                S::Done
            }
            (S::Running, What::StepFailed { failure, again, .. }) => S::Failed { failure: failure.clone(), again: *again },
            (S::Running | S::Done | S::Failed { .. } | S::Undoing | S::UndoFailed { .. }, What::UndoStarted { .. }) => S::Undoing,
            (S::Undoing, What::UndoDone { .. }) => S::Undone,
            (S::Undoing, What::UndoFailed { failure, again, .. }) => S::UndoFailed { failure: failure.clone(), again: *again },
            (S::Done | S::Retiring, What::RetireStarted { .. }) => S::Retiring,
            (S::Retiring, What::RetireDone { .. }) => S::Retired,
            _ => return false,
        };
        self.note_time(step, event, &state);
        self.states[step.index()] = state;
        true
    }

    fn note_time(&mut self, step: StepId, event: &Event, state: &StepState) {
        let times = &mut self.times[step.index()];
        match state {
            StepState::Running | StepState::Undoing => {
                times.first_start.get_or_insert(event.at);
                times.last_start = Some(event.at);
                times.end = None;
                times.attempts += u32::from(*state == StepState::Running);
                times.attempts_in_a_row += 1;
            }
            StepState::Retiring | StepState::Retired => {}
            _ => times.end = Some(event.at),
        }
        if *state == StepState::Undoing
            && matches!(self.states[step.index()], StepState::Running | StepState::Done | StepState::Failed { .. })
        {
            self.times[step.index()].attempts_in_a_row = 1; // attempts at undoing count from here
        }
    }

    /// What to do now. Pure: same events, same answer.
    pub fn next(&self) -> Next {
        match self.direction {
            Direction::Forward => self.next_forward(),
            Direction::Back => self.next_back(Outcome::Undone),
            Direction::Cancelled => self.next_back(Outcome::Cancelled),
        }
    }

    fn next_forward(&self) -> Next {
        let failed = |state: &StepState| matches!(state, StepState::Failed { again: false, .. });
        if self.states.iter().any(failed) {
            return Next::Ended(Outcome::Held);
        }
        let open = |step: &StepId| matches!(self.state(*step), StepState::Waiting | StepState::Running | StepState::Failed { .. });
        let unfinished: Vec<StepId> = self.plan.ids().filter(open).collect();
        if unfinished.is_empty() {
            return Next::Ended(Outcome::Refreshed);
        }
        let met = |step: &StepId| matches!(self.state(*step), StepState::Done | StepState::Retiring | StepState::Retired);
        let ready = |step: &StepId| self.plan.step(*step).needs.iter().all(met) && !self.is_parked(*step);
        let ready: Vec<StepId> = unfinished.into_iter().filter(ready).collect();
        if ready.is_empty() { Next::Ended(Outcome::Waiting) } else { Next::Start(ready) }
    }

    /// Every step that *started* is taken back, in reverse order: what began may have touched the world.
    fn next_back(&self, end: Outcome) -> Next {
        use StepState as S;
        if self.states.iter().any(|state| matches!(state, S::UndoFailed { again: false, .. })) {
            return Next::Ended(Outcome::Stuck);
        }
        let touched = |step: &StepId| {
            matches!(self.state(*step), S::Running | S::Done | S::Failed { .. } | S::Undoing | S::UndoFailed { .. })
        };
        self.plan.ids().rev().find(touched).map_or(Next::Ended(end), Next::Undo)
    }

    fn is_parked(&self, step: StepId) -> bool {
        self.plan.step(step).step.is_gate() && !self.approvals.contains_key(&step)
    }

    /// The gates that wait for a person right now.
    pub fn parked(&self) -> Vec<Park> {
        let met = |step: &StepId| *self.state(*step) == StepState::Done;
        let waits = |step: &StepId| {
            self.is_parked(*step) && *self.state(*step) == StepState::Waiting && self.plan.step(*step).needs.iter().all(met)
        };
        if self.direction == Direction::Forward {
            self.plan.ids().filter(waits).map(|step| Park { step }).collect()
        } else {
            vec![]
        }
    }

    /// Whether `on-failure: undo` asks for undoing now.
    pub fn wants_undo(&self) -> bool {
        self.direction == Direction::Forward
            && self.plan.on_failure == OnFailure::Undo
            && self.next() == Next::Ended(Outcome::Held)
            && self.past_return().is_none()
    }

    /// The finished step that cannot be taken back, if one is.
    pub fn past_return(&self) -> Option<StepId> {
        let gone = |step: &StepId| match self.state(*step) {
            StepState::Retiring | StepState::Retired => true,
            StepState::Done => matches!(self.plan.step(*step).reversal, Reversal::Never(_)),
            _ => false,
        };
        self.plan.ids().find(gone)
    }

    /// The steps that failed for good, or could not be taken back.
    pub fn failures(&self) -> Vec<(StepId, &Failure)> {
        let failure = |step: StepId| match self.state(step) {
            StepState::Failed { failure, .. } | StepState::UndoFailed { failure, .. } => Some((step, failure)),
            _ => None,
        };
        self.plan.ids().filter_map(failure).collect()
    }
}
