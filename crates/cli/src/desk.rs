//! Where the store, the world and the engine meet: every command that drives a run goes through here.

pub(crate) mod folder;
mod log;

use crate::args::{Common, Format};
use crate::commands::keep_snapshot;
use crate::fault::{Fault, exit};
use crate::person::{holder, host, person};
use crate::render;
use crate::screen::Screen;
use log::Log;
use restage_core::name::{RunId, StepId};
use restage_core::plan::Plan;
use restage_core::provider::{Clock, Gone, Providers, Stay};
use restage_core::report::{Report, Status, report};
use restage_core::run::{
    Drive, Due, Event, Journal, Lease, Limits, Outcome, Person, Request, RequestId, Requests, Run, Sound, advance, retirable,
    retire,
};
use restage_core::{Code, Result};
use restage_providers::clock::SystemClock;
use restage_providers::jobs::{ANSWER_LIMIT, KEPT_LIMIT, Keepers};
use restage_providers::{Settings, TargetMark, World};
use restage_store::{LEASE_TTL, LeaseAsk, Mailbox, NewRun, RunJournal, SavedRun, Standing, Store, TargetKey, TargetLease};
use std::sync::Arc;
use std::time::Duration;

/// How long a driver at work may take to hear of a request.
const HEAR_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One command's access to runs.
pub(crate) struct Desk {
    store: Store,
    clock: Arc<SystemClock>,
    screen: Screen,
    world: World,
}

/// What is held while a run is driven: the store's leases and the marks on the targets themselves.
struct Held {
    leases: Vec<TargetLease>,
    marks: Vec<TargetMark>,
}

/// What a driver of one run works with.
struct Around<'a> {
    run: &'a RunId,
    saved: &'a SavedRun,
    held: &'a Held,
    journal: &'a RunJournal,
    mailbox: &'a Mailbox,
    providers: &'a Providers,
    observer: &'a render::Progress,
}

impl Desk {
    pub(crate) async fn open(common: &Common, screen: Screen) -> Result<Self> {
        Ok(Self::of(Store::open(folder::store(common)?).await?, screen))
    }
    fn of(store: Store, screen: Screen) -> Self {
        // The program that this process runs, whatever has become of its file since.
        let keepers = Keepers::Processes {
            program: "/proc/self/exe".into(),
            words: keep_snapshot::WORDS.map(Into::into).into(),
            outlives: KEPT_LIMIT,
            answers_within: ANSWER_LIMIT,
        };
        let output = Arc::new(Log::new(store.clone()));
        let clock = Arc::new(SystemClock);
        let queues = Arc::new(store.queues(clock.clone()));
        let world = World::new(Settings { jobs: store.path().join("jobs"), output, keepers, queues });
        Self { store, clock, screen, world }
    }
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
    /// The run that a person means.
    pub(crate) async fn find(&self, text: &str) -> Result<RunId> {
        self.store.find_run(text).await
    }
    /// Every run, newest first.
    pub(crate) async fn all(&self) -> Result<Vec<RunId>> {
        Ok(self.store.runs(usize::MAX).await?.into_iter().map(|record| record.id).collect())
    }
    /// A run with its journal.
    pub(crate) async fn load(&self, run: &RunId) -> Result<(SavedRun, Vec<Event>)> {
        let saved = self.store.run(run).await?;
        let events = self.store.journal(run).read().await?;
        Ok((saved, events))
    }
    pub(crate) async fn report(&self, run: &RunId) -> Result<Report> {
        let (saved, events) = self.load(run).await?;
        report(run, &saved.plan, &events)
    }
    pub(crate) async fn reports(&self, limit: usize) -> Result<Vec<Report>> {
        let mut reports = Vec::new();
        for record in self.store.runs(limit).await? {
            reports.push(self.report(&record.id).await?);
        }
        Ok(reports)
    }

    /// Saves a plan as a run that has not begun.
    pub(crate) async fn save(&self, plan: Plan, by: &Person) -> Result<RunId> {
        let id = fresh_id();
        self.store.save_run(NewRun { id: id.clone(), plan, by: by.clone(), at: self.clock.now() }).await?;
        Ok(id)
    }

    /// Whether a living process drives the run.
    pub(crate) async fn is_driven(&self, run: &RunId) -> Result<bool> {
        let now = self.clock.now();
        let holds = self.store.holds_of(run, &host()).await?;
        Ok(holds.iter().any(|hold| hold.standing != Standing::Gone && hold.expires > now))
    }
    /// Who drives the run, as a sentence.
    pub(crate) async fn driver_line(&self, run: &RunId) -> Result<String> {
        let now = self.clock.now();
        let holds = self.store.holds_of(run, &host()).await?;
        let alive = holds.iter().find(|hold| hold.standing != Standing::Gone && hold.expires > now);
        Ok(alive.map_or_else(
            || format!("No process drives it: it was cut off. `restage resume {run}` goes on, `restage undo {run}` takes it back."),
            |hold| format!("Driven by {} since {}.", hold.holder, render::time(hold.since)),
        ))
    }

    /// Asks something of a run; drives it to its next end unless another process is at it already.
    pub(crate) async fn ask(&self, run: &RunId, requests: &[Request]) -> Result<u8, Fault> {
        self.expect_timely(run, requests).await?;
        let mailbox = self.store.mailbox(run);
        let mut asked = Vec::new();
        for request in requests {
            asked.push(mailbox.ask(request, &person(), self.clock.now()).await?);
        }
        let answer = self.answer(run, requests, &asked).await;
        if answer.is_err() {
            // Whoever asked is told that it came to nothing: the next driver must not come upon it and obey.
            for request in asked {
                mailbox.settle(request).await?;
            }
        }
        answer
    }

    async fn expect_timely(&self, run: &RunId, requests: &[Request]) -> Result<()> {
        let (saved, events) = self.load(run).await?;
        let state = Run::replay(&saved.plan, &events)?;
        requests.iter().try_for_each(|request| is_timely(run, &state, request))
    }

    /// Waits until the run's driver has heard; becomes its driver if there is none, or none any more.
    async fn answer(&self, run: &RunId, requests: &[Request], asked: &[RequestId]) -> Result<u8, Fault> {
        let since = tokio::time::Instant::now();
        let mut told = false;
        loop {
            // In this order: once a driver is gone, nobody settles a request that is open then.
            let is_driven = self.is_driven(run).await?;
            if told && self.are_settled(run, asked).await? {
                self.screen.talk("It has heard.");
                return Ok(exit::DONE);
            }
            if !is_driven {
                return self.drive_as_asked(run, requests).await;
            }
            if !told {
                self.screen.talk(&self.driver_line(run).await?);
                told = true;
            }
            if since.elapsed() > HEAR_WITHIN {
                let error = Code::DeadlinePassed
                    .error(format!("the driver of run {run} does not answer"))
                    .help(format!("see `restage show {run}`; once the driver is gone, ask again"));
                return Err(error.into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn are_settled(&self, run: &RunId, asked: &[RequestId]) -> Result<bool> {
        let mailbox = self.store.mailbox(run);
        for request in asked {
            if !mailbox.is_settled(*request).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn drive_as_asked(&self, run: &RunId, requests: &[Request]) -> Result<u8, Fault> {
        // A driver that has just ended may have left a run of which this makes no sense any more.
        self.expect_timely(run, requests).await?;
        let code = self.drive(run).await?;
        let wanted = requests.iter().any(|request| matches!(request, Request::Undo | Request::Cancel));
        Ok(if wanted && matches!(code, exit::UNDONE | exit::CANCELLED) { exit::DONE } else { code })
    }

    /// Drives a run to where nothing more can be done, shows how it stands, and gives the exit code.
    pub(crate) async fn drive(&self, run: &RunId) -> Result<u8, Fault> {
        let saved = self.store.run(run).await?;
        let world = self.world();
        let held = self.hold(run, &saved.plan, world).await?;
        let providers = world.providers()?;
        let progress = render::Progress::new(&saved.plan, self.screen);
        let outcome = self.advance(run, &saved, &held, &providers, &progress).await;
        let has_ended = matches!(outcome, Ok(Outcome::Refreshed | Outcome::Undone | Outcome::Cancelled));
        if has_ended {
            // What jobs remember is for going on after a crash; that it cannot be removed now harms nobody.
            drop(world.forget(run).await);
        }
        held.release().await;
        let outcome = outcome?;
        let report = self.report(run).await?;
        match self.screen.format() {
            Format::Text => self.screen.data(&format!("\n{}", render::report(&report, self.screen))),
            Format::Json => self.screen.json_line(&report),
        }
        Ok(exit_of(outcome))
    }

    async fn advance(
        &self,
        run: &RunId,
        saved: &SavedRun,
        held: &Held,
        providers: &Providers,
        observer: &render::Progress,
    ) -> Result<Outcome> {
        let (journal, mailbox) = (self.store.journal(run).fenced(&held.leases), self.store.mailbox(run));
        let around = Around { run, saved, held, journal: &journal, mailbox: &mailbox, providers, observer };
        let drive = self.driving(&around);
        tokio::select! {
            outcome = advance(&drive) => outcome,
            () = interrupted() => {
                providers.jobs.abandon().await;
                Err(Code::Interrupted
                    .error("restage was interrupted; the run stays as it is")
                    .help(format!("`restage resume {run}` goes on with it, `restage undo {run}` takes it back")))
            }
        }
    }

    /// Retires what a run retains, if it is due; returns the steps, and when what they retained is gone.
    pub(crate) async fn retire(&self, run: &RunId, due: Due, stay: Stay) -> Result<Vec<(StepId, Gone)>> {
        let (saved, events) = self.load(run).await?;
        if retirable(&Run::replay(&saved.plan, &events)?, self.clock.now(), due).is_empty() {
            return Ok(vec![]);
        }
        let world = self.world();
        let held = self.hold(run, &saved.plan, world).await?;
        let providers = world.providers()?;
        let observer = render::Progress::new(&saved.plan, self.screen);
        let (journal, mailbox) = (self.store.journal(run).fenced(&held.leases), self.store.mailbox(run));
        let around = Around {
            run,
            saved: &saved,
            held: &held,
            journal: &journal,
            mailbox: &mailbox,
            providers: &providers,
            observer: &observer,
        };
        let retired = retire(&self.driving(&around), due, stay).await;
        held.release().await;
        retired
    }

    fn driving<'a>(&'a self, around: &Around<'a>) -> Drive<'a> {
        Drive {
            id: around.run.clone(),
            by: around.saved.record.by.clone(),
            driver: holder().to_string(),
            plan: &around.saved.plan,
            journal: around.journal,
            leases: around.held.all(),
            requests: around.mailbox,
            providers: around.providers,
            clock: &*self.clock,
            observer: around.observer,
            limits: Limits::of(&around.saved.plan),
            rules: &Sound,
        }
    }

    /// The world as this store's runs reach it.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Takes the lease and the mark of every target, or none.
    async fn hold(&self, run: &RunId, plan: &Plan, world: &World) -> Result<Held> {
        let mut held = Held { leases: vec![], marks: vec![] };
        match self.hold_each(run, plan, world, &mut held).await {
            Ok(()) => Ok(held),
            Err(error) => {
                held.release().await;
                Err(error)
            }
        }
    }

    async fn hold_each(&self, run: &RunId, plan: &Plan, world: &World, held: &mut Held) -> Result<()> {
        for target in &plan.targets {
            let ask = LeaseAsk { target: TargetKey::of(target), run: run.clone(), holder: holder(), ttl: LEASE_TTL };
            let clock: Arc<dyn Clock> = self.clock.clone();
            held.leases.push(self.store.lease(ask, clock).await?);
            held.marks.push(world.claim(target, run).await?);
        }
        Ok(())
    }
}

impl Held {
    fn all(&self) -> Vec<&dyn Lease> {
        let leases = self.leases.iter().map(|lease| lease as &dyn Lease);
        leases.chain(self.marks.iter().map(|mark| mark as &dyn Lease)).collect()
    }
    /// Gives everything back; what cannot be given back now goes with the process.
    async fn release(self) {
        for mark in self.marks {
            drop(mark.release().await);
        }
        for lease in self.leases {
            drop(lease.release().await);
        }
    }
}

/// Whether a request makes sense of a run that stands so.
fn is_timely(id: &RunId, run: &Run<'_>, request: &Request) -> Result<()> {
    let status = restage_core::report::status(run);
    let refuse = |why: String| Err(Code::WrongMoment.error(why).help(format!("see `restage show {id}`")));
    if matches!(status, Status::Undone | Status::Cancelled) {
        return refuse(format!("run {id} was undone; nothing of it is left to do"));
    }
    match request {
        Request::Resume if status == Status::Refreshed => refuse(format!("run {id} has reached its end")),
        Request::Cancel if status == Status::Refreshed => {
            refuse(format!("run {id} has reached its end; `restage undo {id}` takes it back"))
        }
        Request::Undo | Request::Cancel => match run.past_return() {
            None => Ok(()),
            Some(step) => {
                let title = &run.plan().step(step).title;
                Err(Code::CannotUndo
                    .error(format!("step {step} ({title}) of run {id} cannot be taken back any more"))
                    .help("run the scenario again, or restore the target from a backup"))
            }
        },
        Request::Resume | Request::Approve { .. } => Ok(()),
    }
}

fn exit_of(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Refreshed => exit::DONE,
        Outcome::Undone => exit::UNDONE,
        Outcome::Cancelled => exit::CANCELLED,
        Outcome::Held => exit::HELD,
        Outcome::Waiting => exit::WAITING,
        Outcome::Stuck => exit::STUCK,
    }
}

/// Ten characters of Crockford's base 32: 50 bits that nobody guesses.
fn fresh_id() -> RunId {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let id: String = (0..10).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())])).collect();
    RunId::parse(&id).expect("the alphabet fits the rules of names")
}

/// Returns when somebody asks the process to end.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(test)]
mod tests;
