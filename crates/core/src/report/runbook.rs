//! The runbook of a run that cannot go on by itself: cause, evidence, next command.

use super::Status;
use crate::error::{Code, Failure};
use crate::name::{RunId, StepId};
use crate::run::{Run, StepState};
use crate::words::plural;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What to do about a run, written from its own events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runbook {
    /// Why it does not go on, one sentence each.
    pub causes: Vec<String>,
    /// What was seen, and where more is to be seen.
    pub evidence: Vec<String>,
    /// How the target stands.
    pub target: String,
    /// What to run next, best first, each with what it does.
    pub next: Vec<NextCommand>,
}

/// A command with its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextCommand {
    /// The command.
    pub command: String,
    /// What it does.
    pub does: String,
}

fn command(command: String, does: impl Into<String>) -> NextCommand {
    NextCommand { command, does: does.into() }
}

pub(super) fn write(id: &RunId, run: &Run<'_>, status: Status) -> Option<Runbook> {
    match status {
        Status::Held => Some(held(id, run)),
        Status::Stuck => Some(stuck(id, run)),
        Status::Waiting => Some(waiting(id, run)),
        Status::Planned | Status::Running | Status::Undoing | Status::Refreshed | Status::Undone | Status::Cancelled => None,
    }
}

fn held(id: &RunId, run: &Run<'_>) -> Runbook {
    let failures = run.failures();
    let is_script = |(_, failure): &(StepId, &Failure)| failure.code == Code::MigrationFailed;
    let again = if failures.iter().any(is_script) {
        "tries the failed step again with the scripts of the plan; for scripts that were corrected undo, then make a new run"
    } else {
        "tries the failed step again and goes on from there"
    };
    let mut next = vec![command(format!("restage resume {id}"), again)];
    match run.past_return() {
        None => next
            .push(command(format!("restage undo {id}"), "takes back every step that started; the target is then as it was before")),
        Some(step) => {
            next.push(command(format!("restage show {id}"), format!("undo is refused: step {step} cannot be taken back")));
        }
    }
    next.extend(failures.iter().map(|(_, failure)| explain(failure)));
    Runbook { causes: causes(&failures, run), evidence: evidence(id, &failures, run), target: target(run), next }
}

fn stuck(id: &RunId, run: &Run<'_>) -> Runbook {
    let failures = run.failures();
    let mut next = vec![command(format!("restage undo {id}"), "tries to take back again what could not be taken back")];
    for (step, failure) in &failures {
        let by_hand = by_hand(id, run, *step);
        next.extend(by_hand.into_iter().map(|line| command(line, format!("by hand, for step {step}"))));
        next.push(explain(failure));
    }
    Runbook { causes: causes(&failures, run), evidence: evidence(id, &failures, run), target: target(run), next }
}

fn by_hand(id: &RunId, run: &Run<'_>, step: StepId) -> Vec<String> {
    run.plan().step(step).step.action().by_hand(id)
}

fn waiting(id: &RunId, run: &Run<'_>) -> Runbook {
    let gates = run.parked();
    let causes = gates.iter().map(|park| format!("step {} waits: {}", park.step, run.plan().step(park.step).title)).collect();
    let digest = run.plan().digest();
    let approve =
        command(format!("restage approve {id}"), "lets the run pass; the approval is bound to the plan's digest and recorded");
    let cancel = || command(format!("restage cancel {id}"), "takes the run back instead");
    Runbook {
        next: std::iter::once(approve).chain(run.past_return().is_none().then(cancel)).collect(),
        causes,
        evidence: vec![format!("the plan's digest is {digest}")],
        target: target(run),
    }
}

fn explain(failure: &Failure) -> NextCommand {
    command(format!("restage explain {}", failure.code.id()), "tells what the code means and what usually causes it")
}

fn causes(failures: &[(StepId, &Failure)], run: &Run<'_>) -> Vec<String> {
    let line = |(step, failure): &(StepId, &Failure)| {
        let undoing = if matches!(run.state(*step), StepState::UndoFailed { .. }) { " could not be taken back" } else { " failed" };
        format!("step {step} ({}){undoing}: {} [{}]", run.plan().step(*step).title, failure.message, failure.code.id())
    };
    failures.iter().map(line).collect()
}

fn evidence(id: &RunId, failures: &[(StepId, &Failure)], run: &Run<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for (step, failure) in failures {
        lines.extend(failure.causes.iter().map(|cause| format!("step {step}: {cause}")));
        lines.extend(failure.help.iter().map(|help| format!("step {step}: {help}")));
        let times = run.times(*step);
        let at = |time: Option<Timestamp>| time.map_or_else(|| "?".into(), |time| time.strftime("%F %T UTC").to_string());
        let attempts = plural(u64::from(times.attempts), "attempt");
        lines.push(format!("step {step}: {attempts}, from {} to {}", at(times.first_start), at(times.end)));
    }
    lines.push(format!("the whole output: restage logs {id}"));
    lines
}

/// What the target is like now, for someone who has to decide in the night.
pub(super) fn target(run: &Run<'_>) -> String {
    use crate::steps::Step;
    let replacing = |step: &StepId| matches!(run.plan().step(*step).step, Step::SwapDatabase(_) | Step::RefreshInPlace(_));
    let steps: Vec<StepId> = run.plan().ids().filter(replacing).collect();
    let begun = |step: &&StepId| *run.state(**step) != StepState::Waiting;
    let sentences: Vec<&str> = steps.iter().filter(begun).map(|step| replaced(run.state(*step))).collect();
    match sentences.as_slice() {
        [] if stages_touched_it(run) => "the target's data was not replaced; what its stages did so far stands".into(),
        [] => "the target has not been touched and is in use as before".into(),
        [first, rest @ ..] if steps.len() == sentences.len() && rest.iter().all(|other| other == first) => (*first).into(),
        _ => "some databases of the target are replaced and others are not; the steps above tell which, and none is half-replaced"
            .into(),
    }
}

/// What a step that replaces a database has left there.
fn replaced(state: &StepState) -> &'static str {
    match state {
        StepState::Done | StepState::Retiring | StepState::Retired => "the target shows the refreshed data",
        StepState::Undone => "the target shows its old data again",
        _ => "the target shows either its old data or the refreshed data, never a mixture, and may be closed to new sessions",
    }
}

/// Whether a stage of the user's own has begun on the live target, or could have reached it, and was not taken back.
fn stages_touched_it(run: &Run<'_>) -> bool {
    use crate::provider::Place;
    use crate::steps::Step;
    let on_live = |step: &Step| match step {
        Step::RunSql(sql) => matches!(sql.place, Place::Live(_)),
        Step::RunMigrations(migrations) => matches!(migrations.place, Place::Live(_)),
        Step::RunCommand(_) => true,
        _ => false,
    };
    let begun = |step: StepId| !matches!(run.state(step), StepState::Waiting | StepState::Undone);
    run.plan().ids().any(|step| on_live(&run.plan().step(step).step) && begun(step))
}
