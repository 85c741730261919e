//! The suite on broken variants of the product: it must catch each of them. A suite that passes these proves nothing.

use restage_core::name::JobName;
use restage_core::provider::{Fate, Jobs, Providers, Standing, Watch, Work};
use restage_core::run::{Believe, Direction, Next, Outcome, Rules, Run, Seq, Sound, StepState, What};
use restage_core::{Code, Result};
use restage_sim::suite::{Suite, Summary};
use restage_sim::{Strangers, Variant, samples};
use std::num::NonZeroUsize;
use std::time::Duration;

/// Tries every single trouble on the smallest plan that swaps.
fn tried(variant: Variant) -> Summary {
    let swap = samples::all().into_iter().filter(|sample| sample.name == "smallest swap-database").collect();
    Suite::new(swap, variant).enumerate(NonZeroUsize::MIN)
}

#[track_caller]
fn assert_caught(variant: Variant, because: &str) {
    let summary = tried(variant);
    assert!(summary.failed > 0, "nobody noticed: {summary}");
    assert!(summary.failures.iter().any(|failure| failure.why.contains(because)), "caught for another reason: {summary}");
}

#[test]
fn the_product_itself_passes() {
    let summary = tried(Variant::broken()); // in no way yet
    assert_eq!(summary.failed, 0, "{summary}");
}

/// Steps that began and did not finish are not taken back.
struct UndoesOnlyFinished;

#[async_trait::async_trait]
impl Rules for UndoesOnlyFinished {
    fn next(&self, run: &Run<'_>) -> Next {
        let end = match run.direction() {
            Direction::Forward => return run.next(),
            Direction::Back => Outcome::Undone,
            Direction::Cancelled => Outcome::Cancelled,
        };
        let finished = |state: &StepState| matches!(state, StepState::Done | StepState::Undoing | StepState::UndoFailed { .. });
        run.plan().ids().rev().find(|step| finished(run.state(*step))).map_or(Next::Ended(end), Next::Undo)
    }
    async fn believe(&self, believe: Believe<'_, '_>) -> Result<()> {
        Sound.believe(believe).await
    }
}

#[test]
fn undoing_only_finished_steps_is_caught() {
    assert_caught(Variant { rules: Box::new(UndoesOnlyFinished), ..Variant::broken() }, "Undone, but");
}

/// Where the journal really ends, whatever the run believes.
async fn end_of(believe: &Believe<'_, '_>) -> Result<Seq> {
    Ok(Seq(believe.journal.read().await?.len() as u64))
}

/// That a step begins, or is about to be taken back, is believed and never written down.
struct DoesNotJournalStarted;

#[async_trait::async_trait]
impl Rules for DoesNotJournalStarted {
    fn next(&self, run: &Run<'_>) -> Next {
        run.next()
    }
    async fn believe(&self, believe: Believe<'_, '_>) -> Result<()> {
        if !matches!(believe.event.what, What::StepStarted { .. } | What::UndoStarted { .. }) {
            believe.journal.append(end_of(&believe).await?, &believe.event).await?;
        }
        believe.run.apply(&believe.event)
    }
}

#[test]
fn not_journaling_that_a_step_started_is_caught() {
    assert_caught(Variant { rules: Box::new(DoesNotJournalStarted), ..Variant::broken() }, "cannot follow the events before it");
}

/// Events are believed first, and written down if that happens to work.
struct BelievesFirst;

#[async_trait::async_trait]
impl Rules for BelievesFirst {
    fn next(&self, run: &Run<'_>) -> Next {
        run.next()
    }
    async fn believe(&self, believe: Believe<'_, '_>) -> Result<()> {
        let end = end_of(&believe).await?;
        believe.run.apply(&believe.event)?;
        match believe.journal.append(end, &believe.event).await {
            Err(error) if error.code == Code::LeaseLost => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[test]
fn believing_an_event_before_it_is_durable_is_caught() {
    assert_caught(Variant { rules: Box::new(BelievesFirst), ..Variant::broken() }, "cannot follow the events before it");
}

#[test]
fn adopting_a_strangers_database_is_caught() {
    assert_caught(Variant { strangers: Strangers::Adopted, ..Variant::broken() }, "is not the run's");
}

/// Jobs with one call that does nothing.
struct Forgetful {
    jobs: Box<dyn Jobs>,
    forgets: Call,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Stop,
    Abandon,
}

#[async_trait::async_trait]
impl Jobs for Forgetful {
    async fn start(&self, name: &JobName, work: &Work) -> Result<()> {
        self.jobs.start(name, work).await
    }
    async fn watch(&self, name: &JobName, slice: Duration) -> Result<Watch> {
        self.jobs.watch(name, slice).await
    }
    async fn stop(&self, name: &JobName) -> Result<()> {
        if self.forgets == Call::Stop { Ok(()) } else { self.jobs.stop(name).await }
    }
    async fn fate(&self, name: &JobName) -> Result<Fate> {
        self.jobs.fate(name).await
    }
    async fn standing(&self, name: &JobName) -> Result<Standing> {
        self.jobs.standing(name).await
    }
    async fn abandon(&self) {
        if self.forgets != Call::Abandon {
            self.jobs.abandon().await;
        }
    }
}

#[test]
fn jobs_that_go_on_while_their_step_is_taken_back_are_caught() {
    let providers = |providers: Providers| {
        let jobs = Box::new(Forgetful { jobs: providers.jobs, forgets: Call::Stop });
        Providers { jobs, ..providers }
    };
    assert_caught(Variant { providers, ..Variant::broken() }, "with jobs at work");
}

#[test]
fn jobs_that_go_on_after_the_run_is_lost_are_caught() {
    let providers = |providers: Providers| {
        let jobs = Box::new(Forgetful { jobs: providers.jobs, forgets: Call::Abandon });
        Providers { jobs, ..providers }
    };
    assert_caught(Variant { providers, ..Variant::broken() }, "with jobs at work");
}
