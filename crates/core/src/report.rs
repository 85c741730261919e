//! The report of a run: a fold of its events, for people and for JSON.

mod runbook;

pub use runbook::{NextCommand, Runbook};

use crate::error::{Failure, Result};
use crate::name::{RunId, ScenarioName, StepId};
use crate::plan::Plan;
use crate::provider::{Deltas, Kept, Swapped, TableFilled, Verified, Waits};
use crate::run::{Direction, Event, Next, Outcome, Person, Run, StepState, What};
use crate::schema::TableName;
use crate::steps::Summary;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All there is to tell of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The run.
    pub run: RunId,
    /// Its scenario.
    pub scenario: ScenarioName,
    /// The scenario's title.
    pub title: String,
    /// The plan's digest.
    pub plan: String,
    /// How it stands.
    pub status: Status,
    /// Who started it.
    pub by: Option<Person>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// The time of its latest event.
    pub last_event: Option<Timestamp>,
    /// Seconds between the two.
    pub seconds: f64,
    /// Every step.
    pub steps: Vec<StepReport>,
    /// The moment that the copied data shows.
    pub data_of: Option<Timestamp>,
    /// The identity of the source, as copied from.
    pub source: Option<String>,
    /// The swap with the target's identities before and after.
    pub swapped: Option<Swapped>,
    /// What was copied, by table.
    pub tables: BTreeMap<TableName, TableFilled>,
    /// Seconds of each sort of work of the copies, from the first to the last of it; sorts overlap.
    pub copying: BTreeMap<String, f64>,
    /// What copied rows waited for.
    pub waits: Waits,
    /// What would have made the copies faster.
    pub advice: Vec<String>,
    /// Large objects copied.
    pub large_objects: u64,
    /// What only the target had and was brought back.
    pub deltas: Option<Deltas>,
    /// What became of kept rows.
    pub kept: Option<Kept>,
    /// What was compared, over all steps that compare.
    pub verified: Verified,
    /// Seconds in which the target could not be used.
    pub outage_seconds: Option<f64>,
    /// Other things worth knowing, a line each.
    pub lines: Vec<String>,
    /// Until when the run can be undone, if its end is behind it and something is retained.
    pub undo_until: Option<Timestamp>,
    /// How the target stands, for a run that is under way or was cut off.
    pub target: Option<String>,
    /// What to do, for a run that is held, stuck or waiting.
    pub runbook: Option<Runbook>,
    /// Why a run that was taken back had not succeeded.
    pub failed_by: Vec<String>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Planned, not begun.
    Planned,
    /// Under way, or cut off: the lease tells which.
    Running,
    /// Under way back.
    Undoing,
    /// Every step is done.
    Refreshed,
    /// Every step that started was taken back.
    Undone,
    /// Cancelled and taken back.
    Cancelled,
    /// A step failed; waits for `resume` or `undo`.
    Held,
    /// Waits for an approval.
    Waiting,
    /// A person must act.
    Stuck,
}

/// One step of the report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepReport {
    /// Its place.
    pub step: StepId,
    /// Its stage.
    pub stage: String,
    /// What it does.
    pub title: String,
    /// How it stands.
    #[serde(flatten)]
    pub state: StepState,
    /// When it first began.
    pub started: Option<Timestamp>,
    /// Seconds of its latest attempt.
    pub seconds: Option<f64>,
    /// Seconds that the plan expected.
    pub expected_seconds: Option<f64>,
    /// Attempts at doing it.
    pub attempts: u32,
    /// Who approved, at a gate.
    pub approved_by: Option<Person>,
}

/// Folds a run's journal into its report.
pub fn report(id: &RunId, plan: &Plan, events: &[Event]) -> Result<Report> {
    let run = Run::replay(plan, events)?;
    let mut report = blank(id, &run);
    for (step, receipt) in run.receipts() {
        let summary = plan.step(*step).step.action().summary(receipt.clone())?;
        report.take(summary);
        let ended = run.times(*step).end;
        let retained = plan.step(*step).step.action().retained().filter(|kept_for| !kept_for.is_zero());
        if let (Some(kept_for), Some(end), StepState::Done) = (retained, ended, run.state(*step)) {
            let until = end.saturating_add(kept_for).unwrap_or(Timestamp::MAX);
            report.undo_until = Some(report.undo_until.map_or(until, |other| other.min(until)));
        }
    }
    let under_way = matches!(report.status, Status::Running | Status::Undoing);
    report.target = under_way.then(|| runbook::target(&run));
    report.runbook = runbook::write(id, &run, report.status);
    if report.status == Status::Undone {
        report.failed_by = events.iter().filter_map(|event| failed_by(plan, event)).collect();
    }
    Ok(report)
}

/// What went wrong in a step, as one line.
fn failed_by(plan: &Plan, event: &Event) -> Option<String> {
    let What::StepFailed { step, failure, .. } = &event.what else { return None };
    let causes: String = failure.causes.iter().map(|cause| format!(": {cause}")).collect();
    Some(format!("step {step} ({}) failed: {}{causes} [{}]", plan.step(*step).title, failure.message, failure.code.id()))
}

/// How a run stands.
pub fn status(run: &Run<'_>) -> Status {
    if run.started().is_none() {
        return Status::Planned;
    }
    match (run.next(), run.direction()) {
        (Next::Ended(Outcome::Refreshed), _) => Status::Refreshed,
        (Next::Ended(Outcome::Undone), _) => Status::Undone,
        (Next::Ended(Outcome::Cancelled), _) => Status::Cancelled,
        (Next::Ended(Outcome::Held), _) => Status::Held,
        (Next::Ended(Outcome::Waiting), _) => Status::Waiting,
        (Next::Ended(Outcome::Stuck), _) => Status::Stuck,
        (_, Direction::Forward) => Status::Running,
        (_, Direction::Back | Direction::Cancelled) => Status::Undoing,
    }
}

fn blank(id: &RunId, run: &Run<'_>) -> Report {
    let plan = run.plan();
    let started = run.started().map(|(at, _)| *at);
    Report {
        run: id.clone(),
        scenario: plan.scenario.clone(),
        title: plan.title.clone(),
        plan: plan.digest(),
        status: status(run),
        by: run.started().map(|(_, by)| by.clone()),
        started,
        last_event: run.last_event(),
        seconds: between(started, run.last_event()).unwrap_or(0.0),
        steps: plan.ids().map(|step| step_report(step, run)).collect(),
        data_of: None,
        source: None,
        swapped: None,
        tables: BTreeMap::new(),
        large_objects: 0,
        copying: BTreeMap::new(),
        waits: Waits::default(),
        advice: vec![],
        deltas: None,
        kept: None,
        verified: Verified::default(),
        outage_seconds: None,
        lines: vec![],
        undo_until: None,
        target: None,
        runbook: None,
        failed_by: vec![],
    }
}

fn step_report(step: StepId, run: &Run<'_>) -> StepReport {
    let planned = run.plan().step(step);
    let times = run.times(step);
    StepReport {
        step,
        stage: planned.stage.clone(),
        title: planned.title.clone(),
        state: run.state(step).clone(),
        started: times.first_start,
        seconds: between(times.last_start, times.end),
        expected_seconds: run.plan().outlook.steps.get(&step).map(|outlook| outlook.seconds),
        attempts: times.attempts,
        approved_by: run.approval(step).cloned(),
    }
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    Some(to?.duration_since(from?).as_secs_f64())
}

impl Report {
    fn take(&mut self, summary: Summary) {
        if let Some(filled) = summary.filled {
            self.data_of = Some(self.data_of.map_or(filled.snapshot_at, |other| other.min(filled.snapshot_at)));
            self.source = Some(filled.source.to_string());
            self.tables.extend(filled.tables);
            self.large_objects += filled.large_objects;
            for (sort, seconds) in filled.seconds {
                *self.copying.entry(sort).or_default() += seconds;
            }
            self.waits.add(filled.waits);
            self.advice.extend(filled.advice);
            self.lines.extend(filled.notes);
        }
        if let Some(verified) = summary.verified {
            self.verified.tables += verified.tables;
            self.verified.rows += verified.rows;
            self.verified.checksums += verified.checksums;
            self.verified.constraints += verified.constraints;
            self.verified.sequences += verified.sequences;
            self.verified.kept_rows += verified.kept_rows;
        }
        if let Some(deltas) = summary.deltas {
            let all = self.deltas.get_or_insert_with(|| Deltas { restored: vec![], rows: BTreeMap::new() });
            all.restored.extend(deltas.restored);
            all.rows.extend(deltas.rows);
        }
        if let Some(kept) = summary.kept {
            self.kept.get_or_insert_with(Kept::default).tables.extend(kept.tables);
        }
        if let Some(seconds) = summary.outage_seconds {
            self.outage_seconds = Some(self.outage_seconds.unwrap_or(0.0) + seconds);
        }
        if let Some(swapped) = summary.swapped {
            // It takes settings over once more, and then meets what the shadow's step has met.
            let new: Vec<String> = swapped.notes.iter().filter(|note| !self.lines.contains(note)).cloned().collect();
            self.lines.extend(new);
            self.swapped = Some(swapped);
        }
        self.lines.extend(summary.lines);
    }
    /// The failures of steps that failed or could not be taken back.
    pub fn failures(&self) -> impl Iterator<Item = (&StepReport, &Failure)> {
        self.steps.iter().filter_map(|step| match &step.state {
            StepState::Failed { failure, .. } | StepState::UndoFailed { failure, .. } => Some((step, failure)),
            _ => None,
        })
    }
}
