//! What goes wrong in a trial, and where.

use crate::random::Random;
use std::collections::BTreeMap;

/// A moment of a trial, counted over all its drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    /// A call of a provider.
    Call(u32),
    /// An event on its way into the journal.
    Append(u32),
    /// A job that is started.
    Job(u32),
}

/// Something that goes wrong, or that somebody asks, at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The call or append is told to have failed; whether it took effect is another matter.
    Fails(When, Lasting),
    /// This call and every later one of its kind fails, until the trouble is cleared.
    Outage(Lasting),
    /// The call never returns, and touches nothing.
    Hangs,
    /// The call happens twice.
    Twice,
    /// The process is killed.
    Crash(When),
    /// Somebody asks for something.
    Asks(Ask),
    /// The lease passes to another process.
    LeaseLost,
    /// Another process writes to the journal first.
    Overtaken,
    /// The job fails before its end.
    JobFails(Lasting),
    /// The job does not come to an end until the trouble is cleared.
    JobHangs,
    /// The condition that is looked at does not hold until the trouble is cleared.
    NeverHolds,
    /// Nobody knows what became of the job until the trouble is cleared.
    Doubt,
}

/// Where in a call: before its effect, between its two halves if it has halves, after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    Midway,
    After,
}

/// Whether a failure says that it may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    Passing,
    Permanent,
}

/// What a person asks of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Resume,
    Undo,
    Cancel,
}

/// The names under which a stranger's database may be in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InTheWay {
    OfShadow,
    OfOld,
}

/// All that goes wrong in one trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) troubles: BTreeMap<Point, Trouble>,
    pub(crate) stranger: Option<InTheWay>,
    /// What is asked once the run has come to an end by itself.
    pub(crate) finally: Option<Ask>,
}

impl Schedule {
    pub(crate) fn with(mut self, point: Point, trouble: Trouble) -> Self {
        self.troubles.insert(point, trouble);
        self
    }
}

const WHEN: [When; 2] = [When::Before, When::After];
const LASTING: [Lasting; 2] = [Lasting::Passing, Lasting::Permanent];
const ASKS: [Ask; 3] = [Ask::Cancel, Ask::Undo, Ask::Resume];

/// Everything that can go wrong at a call of that name.
pub(crate) fn of_call(call: &str) -> Vec<Trouble> {
    let mut troubles = vec![Trouble::Twice, Trouble::Hangs, Trouble::LeaseLost];
    troubles.extend(LASTING.map(Trouble::Outage));
    let moments: &[When] = if call == "swap" { &[When::Before, When::Midway, When::After] } else { &WHEN };
    for when in moments {
        troubles.extend(LASTING.map(|lasting| Trouble::Fails(*when, lasting)));
        troubles.push(Trouble::Crash(*when));
    }
    troubles.extend(ASKS.map(Trouble::Asks));
    match call {
        "look" => troubles.push(Trouble::NeverHolds),
        "fate" => troubles.push(Trouble::Doubt),
        _ => {}
    }
    troubles
}

/// Everything that can go wrong at an append.
pub(crate) fn of_append() -> Vec<Trouble> {
    let mut troubles = vec![Trouble::LeaseLost, Trouble::Overtaken];
    for when in WHEN {
        troubles.extend([Trouble::Crash(when), Trouble::Fails(when, Lasting::Permanent)]);
    }
    troubles.extend(ASKS.map(Trouble::Asks));
    troubles
}

/// Everything that can go wrong with a job.
pub(crate) fn of_job() -> Vec<Trouble> {
    vec![Trouble::JobFails(Lasting::Passing), Trouble::JobFails(Lasting::Permanent), Trouble::JobHangs]
}

/// How much a calm trial did: the points that there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extent {
    pub(crate) calls: Vec<&'static str>,
    pub(crate) appends: u32,
    pub(crate) jobs: u32,
}

impl Extent {
    /// Every single trouble, at every point from those on.
    pub(crate) fn troubles_since(&self, before: &Self) -> Vec<(Point, Trouble)> {
        let calls = (0..).zip(&self.calls).skip(before.calls.len());
        let calls = calls.flat_map(|(index, call)| of_call(call).into_iter().map(move |trouble| (Point::Call(index), trouble)));
        let appends = (before.appends..self.appends)
            .flat_map(|index| of_append().into_iter().map(move |trouble| (Point::Append(index), trouble)));
        let jobs = (before.jobs..self.jobs).flat_map(|index| of_job().into_iter().map(move |trouble| (Point::Job(index), trouble)));
        calls.chain(appends).chain(jobs).collect()
    }

    /// One trouble at one point, or a little behind the last one, for troubles that make a trial longer.
    pub(crate) fn random_trouble(&self, random: &mut Random) -> (Point, Trouble) {
        const BEYOND: u64 = 8;
        let at = |random: &mut Random, count: u64| u32::try_from(random.below(count + BEYOND)).unwrap_or(u32::MAX);
        match random.below(8) {
            0..4 => {
                let index = at(random, self.calls.len() as u64);
                let call = self.calls.get(index as usize).copied().unwrap_or("call");
                (Point::Call(index), *random.pick(&of_call(call)))
            }
            4..7 => (Point::Append(at(random, u64::from(self.appends))), *random.pick(&of_append())),
            _ => (Point::Job(at(random, u64::from(self.jobs))), *random.pick(&of_job())),
        }
    }
}
