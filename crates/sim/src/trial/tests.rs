//! Promises that need more than one trouble, or a closer look, than the suite has.

use super::*;
use crate::content::{Spot, Tag};
use crate::faults::{Lasting, Point, Trouble, When};
use crate::samples;
use restage_core::Code;
use restage_core::duration::Duration;
use restage_core::run::{Person, StepState, What};
use restage_core::steps::Step;

fn sample(name: &str) -> Sample {
    samples::all().into_iter().find(|sample| sample.name == name).unwrap()
}

fn world(sample: &Sample, schedule: &Schedule, variant: &Variant) -> World {
    World::new(&sample.plan, RunId::parse("s1mu1ated0").unwrap(), 1, schedule.clone(), variant)
}

/// Drives the sample once, and gives its outcome and the codes of what failed.
fn driven(name: &str, schedule: &Schedule) -> (Outcome, Vec<Code>) {
    let (sample, variant) = (sample(name), Variant::sound());
    let world = world(&sample, schedule, &variant);
    let outcome = world.drive(&sample.plan, &variant).unwrap();
    let events = world.lock().papers.events().to_vec();
    let run = Run::replay(&sample.plan, &events).unwrap();
    (outcome, run.failures().into_iter().map(|(_, failure)| failure.code).collect())
}

#[test]
fn a_job_that_never_ends_fails_at_its_deadline() {
    let schedule = Schedule::default().with(Point::Job(0), Trouble::JobHangs);
    assert_eq!(driven("smallest run-command", &schedule), (Outcome::Held, vec![Code::DeadlinePassed]));
}

#[test]
fn a_condition_that_never_holds_fails_at_its_deadline() {
    let schedule = Schedule::default().with(Point::Call(0), Trouble::NeverHolds);
    assert_eq!(driven("smallest await-condition", &schedule), (Outcome::Held, vec![Code::ConditionUnmet]));
}

/// Waits in vain, with an hour between two looks and a minute in all; gives the outcome and the seconds it took.
fn waiting_in_vain(schedule: &Schedule) -> (Outcome, f64) {
    let (mut sample, variant) = (sample("smallest await-condition"), Variant::sound());
    let Step::AwaitCondition(step) = &mut sample.plan.steps[0].step else { panic!("another step") };
    step.every = Duration::from_hours(1);
    sample.plan.steps[0].within = Duration::from_minutes(1);
    let world = world(&sample, schedule, &variant);
    world.lock().looks_left.values_mut().for_each(|left| *left = u64::MAX);
    let outcome = world.drive(&sample.plan, &variant).unwrap();
    let events = world.lock().papers.events().to_vec();
    (outcome, events[events.len() - 1].at.duration_since(events[0].at).as_secs_f64())
}

#[test]
fn a_long_pause_between_two_looks_does_not_outlast_the_deadline() {
    let (outcome, seconds) = waiting_in_vain(&Schedule::default());
    assert!(outcome == Outcome::Held && (60.0..65.0).contains(&seconds), "{outcome:?} after {seconds} s");
}

#[test]
fn a_long_pause_between_two_looks_does_not_hold_up_a_cancellation() {
    let (outcome, seconds) = waiting_in_vain(&Schedule::default().with(Point::Call(0), Trouble::Asks(Ask::Cancel)));
    assert!(outcome == Outcome::Cancelled && seconds < 5.0, "{outcome:?} after {seconds} s");
}

#[test]
fn a_call_that_hangs_fails_at_its_steps_deadline() {
    let schedule = Schedule::default().with(Point::Call(0), Trouble::Hangs);
    assert_eq!(driven("smallest create-shadow", &schedule), (Outcome::Held, vec![Code::DeadlinePassed]));
}

#[test]
fn a_call_that_hangs_does_not_hold_up_a_cancellation() {
    let (sample, variant) = (sample("smallest create-shadow"), Variant::sound());
    let begun = Point::Append(2);
    let schedule = Schedule::default().with(Point::Call(0), Trouble::Hangs).with(begun, Trouble::Asks(Ask::Cancel));
    let world = world(&sample, &schedule, &variant);
    assert_eq!(world.drive(&sample.plan, &variant), Ok(Outcome::Cancelled));
    let events = world.lock().papers.events().to_vec();
    let broken_off = |event: &Event| matches!(&event.what, What::StepFailed { failure, .. } if failure.code == Code::Interrupted);
    let failed = events.iter().find(|event| broken_off(event)).expect("the step was told to stop");
    let seconds = failed.at.duration_since(events[0].at).as_secs_f64();
    assert!(seconds < 20.0, "heard after {seconds} s, and the step had a minute");
}

#[test]
fn a_call_that_hangs_while_a_step_is_taken_back_is_given_up_and_tried_again() {
    let (sample, variant) = (sample("smallest create-shadow"), Variant::sound());
    let world = world(&sample, &Schedule::default(), &variant);
    assert_eq!(world.drive(&sample.plan, &variant), Ok(Outcome::Refreshed));
    {
        let mut state = world.lock();
        let stopping_the_job_comes_first = u32::try_from(state.extent.calls.len() + 1).unwrap();
        state.schedule = Schedule::default().with(Point::Call(stopping_the_job_comes_first), Trouble::Hangs);
        state.ask(Ask::Undo);
    }
    assert_eq!(world.drive(&sample.plan, &variant), Ok(Outcome::Undone));
    assert_eq!(world.lock().extent.calls.iter().filter(|call| **call == "find-own").count(), 2);
}

#[test]
fn a_call_that_hangs_while_the_old_database_is_retired_is_given_up() {
    let (sample, variant) = (sample("smallest swap-database"), Variant::sound());
    let world = world(&sample, &Schedule::default(), &variant);
    assert_eq!(world.drive(&sample.plan, &variant), Ok(Outcome::Refreshed));
    world.lock().lasting.insert("find-own", Trouble::Hangs);
    let hung = world.retire(&sample.plan, &variant, Stay::ToTheEnd);
    assert_eq!(hung, Err("retiring failed: the step's deadline has passed".into()));
    world.lock().clear_troubles();
    assert_eq!(world.retire(&sample.plan, &variant, Stay::ToTheEnd).map(|retired| retired.len()), Ok(1));
}

#[test]
fn a_job_that_cannot_be_stopped_is_among_the_causes_of_its_steps_failure() {
    let (sample, variant) = (sample("smallest run-command"), Variant::sound());
    let world = world(&sample, &Schedule::default().with(Point::Job(0), Trouble::JobHangs), &variant);
    world.lock().lasting.insert("stop", Trouble::Outage(Lasting::Permanent));
    assert_eq!(world.drive(&sample.plan, &variant), Ok(Outcome::Held));
    let events = world.lock().papers.events().to_vec();
    let run = Run::replay(&sample.plan, &events).unwrap();
    let (_, failure) = run.failures()[0];
    assert_eq!(failure.code, Code::DeadlinePassed, "what went wrong first");
    let cause = "the job `s1mu1ated0-0` may still be at work, for stopping it failed too: the simulated connection broke";
    assert_eq!(failure.causes, [cause]);
}

#[test]
fn a_failure_that_may_pass_is_tried_again_up_to_the_limit() {
    let schedule = Schedule::default().with(Point::Call(0), Trouble::Outage(Lasting::Passing));
    let (sample, variant) = (sample("smallest create-shadow"), Variant::sound());
    let world = world(&sample, &schedule, &variant);
    assert_eq!(world.drive(&sample.plan, &variant), Ok(Outcome::Held));
    let starts = |event: &&Event| matches!(event.what, What::StepStarted { .. });
    assert_eq!(world.lock().papers.events().iter().filter(starts).count(), 3);
}

#[test]
fn a_step_that_waits_for_its_next_attempt_does_not_begin_once_the_run_is_cancelled() {
    let (sample, variant) = (sample("smallest swap-database"), Variant::sound());
    let trial = |schedule| Trial { sample: &sample, seed: 1, schedule, variant: &variant, afterwards: Afterwards::Nothing };
    let calm = trial(Schedule::default()).run().unwrap();
    let swap = calm.whole.calls.iter().position(|call| *call == "swap").unwrap();
    let swap = Point::Call(u32::try_from(swap).unwrap());
    for append in 0..calm.whole.appends + 4 {
        let failing = Schedule::default().with(swap, Trouble::Fails(When::Before, Lasting::Passing));
        let schedule = failing.with(Point::Append(append), Trouble::Asks(Ask::Cancel));
        let verdict = trial(schedule).run();
        assert!(verdict.is_ok(), "cancelled at append {append}: {verdict:?}");
    }
}

#[test]
fn only_the_right_person_approves_and_only_the_plan_that_is_run() {
    let (sample, variant) = (sample("smallest await-approval"), Variant::sound());
    let world = world(&sample, &Schedule::default(), &variant);
    let step = restage_core::name::StepId(0);
    let ask = |by: &str, plan: String| {
        world.lock().papers.request(by, Request::Approve { step, plan });
        world.drive(&sample.plan, &variant).unwrap()
    };
    assert_eq!(ask("alice", sample.plan.digest()), Outcome::Waiting, "alice started the run");
    assert_eq!(ask("bob", "another digest".into()), Outcome::Waiting, "bob read another plan");
    assert_eq!(ask("bob", sample.plan.digest()), Outcome::Refreshed);
    let events = world.lock().papers.events().to_vec();
    let run = Run::replay(&sample.plan, &events).unwrap();
    assert_eq!(run.approval(step), Some(&Person("bob".into())));
}

#[test]
fn a_refresh_that_another_run_has_replaced_is_not_taken_back() {
    let (sample, variant) = (sample("smallest swap-database"), Variant::sound());
    let world = world(&sample, &Schedule::default(), &variant);
    assert_eq!(world.drive(&sample.plan, &variant), Ok(Outcome::Refreshed));
    let later = {
        let mut state = world.lock();
        let identity = restage_core::facts::Identity { system: "7200000000000000002".into(), oid: 77_777 };
        let spot = state.scene.targets.keys().next().unwrap().clone();
        let target = state.databases.get_mut(&spot).unwrap();
        (target.identity, target.tag) = (identity, Tag::Run(RunId::parse("an0ther000").unwrap()));
        state.ask(Ask::Undo);
        state.databases.clone()
    };
    assert_eq!(world.drive(&sample.plan, &variant), Ok(Outcome::Stuck));
    assert_eq!(world.lock().databases, later, "nothing was touched");
    let events = world.lock().papers.events().to_vec();
    let run = Run::replay(&sample.plan, &events).unwrap();
    let last = sample.plan.ids().next_back().unwrap();
    assert!(matches!(run.state(last), StepState::UndoFailed { failure, .. } if failure.code == Code::CannotUndo));
    assert_eq!(run.times(last).attempts_in_a_row, 1, "what is hopeless is not tried again");
}

#[test]
fn production_cannot_be_written() {
    let (sample, variant) = (sample("smallest fill-shadow"), Variant::sound());
    let world = world(&sample, &Schedule::default(), &variant);
    let mut state = world.lock();
    let production: Vec<Spot> = state.scene.production.keys().cloned().collect();
    for spot in &production {
        assert!(state.write(spot).is_err());
    }
    assert_eq!(state.violations.len(), production.len());
}
