//! Runs: who started them, on what, with which plan.

mod lookup;

use crate::journal::chain;
use crate::plans;
use crate::store::Store;
use crate::target::TargetKey;
use crate::trouble::{self, Trouble};
use jiff::Timestamp;
use restage_core::name::{RunId, ScenarioName};
use restage_core::plan::Plan;
use restage_core::run::Person;
use restage_core::{Code, Error, Result};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

pub use lookup::MAX_CANDIDATES;

/// A run to be saved.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Its plan.
    pub plan: Plan,
    /// Who starts it.
    pub by: Person,
    /// The present moment.
    pub at: Timestamp,
}

/// What is known of a run without its plan and its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// The scenario it was made from.
    pub scenario: ScenarioName,
    /// The scenario's title.
    pub title: String,
    /// What it works on.
    pub targets: Vec<TargetKey>,
    /// The plan's digest, to which approvals are bound.
    pub plan_digest: String,
    /// Who started it.
    pub by: Person,
    /// When it was saved.
    pub at: Timestamp,
    /// Events in its journal so far.
    pub events: u64,
}

/// A run with its plan.
#[derive(Clone, Debug)]
pub struct SavedRun {
    /// All but the plan.
    pub record: RunRecord,
    /// The plan.
    pub plan: Plan,
}

impl Store {
    /// Saves a run with an empty journal; [`Code::WrongMoment`] if there is one of that id.
    pub async fn save_run(&self, run: NewRun) -> Result<RunRecord> {
        self.write(move |transaction| {
            if exists(transaction, &run.id)? {
                return Err(Code::WrongMoment
                    .error(format!("there is a run `{}` already", run.id))
                    .help(format!("`restage show {}` shows it; a new run needs a new id", run.id))
                    .into());
            }
            let plan = plans::Written::of(&run.plan);
            transaction.execute(
                "INSERT INTO runs (id, scenario, title, plan, plan_sum, plan_digest, started_by, created_at, head)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    run.id.as_str(),
                    run.plan.scenario.as_str(),
                    run.plan.title,
                    plan.json,
                    plan.sum,
                    run.plan.digest(),
                    run.by.0,
                    run.at.to_string(),
                    chain::first(&run.id)
                ],
            )?;
            for address in &run.plan.targets {
                transaction.execute(
                    "INSERT OR IGNORE INTO run_targets (run, target) VALUES (?, ?)",
                    params![run.id.as_str(), TargetKey::of(address).as_str()],
                )?;
            }
            record(transaction, &run.id)
        })
        .await
    }

    /// The run of that id; [`Code::RunUnknown`] if there is none.
    pub async fn run(&self, id: &RunId) -> Result<SavedRun> {
        let id = id.clone();
        self.read(move |transaction| {
            let record = record(transaction, &id)?;
            let (json, sum) = transaction.query_row("SELECT plan, plan_sum FROM runs WHERE id = ?", [id.as_str()], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            let plan = plans::Written { json, sum }.read().map_err(|wrong| {
                Code::JournalCorrupt
                    .error(format!("the plan of run `{id}` is damaged: {wrong}"))
                    .help("restore the store's folder from a backup; until then look at the run's target by hand")
            })?;
            Ok(SavedRun { record, plan })
        })
        .await
    }

    /// The latest runs, newest first, at most `limit`.
    pub async fn runs(&self, limit: usize) -> Result<Vec<RunRecord>> {
        self.read(move |transaction| {
            let ids = ids(transaction, "SELECT id FROM runs ORDER BY number DESC LIMIT ?", [sql_limit(limit)])?;
            ids.iter().map(|id| record(transaction, id)).collect()
        })
        .await
    }

    /// The latest runs on that target, newest first, at most `limit`.
    pub async fn runs_on(&self, target: &TargetKey, limit: usize) -> Result<Vec<RunRecord>> {
        let target = target.clone();
        self.read(move |transaction| {
            let query = "SELECT id FROM runs JOIN run_targets ON run = id WHERE target = ? ORDER BY number DESC LIMIT ?";
            let ids = ids(transaction, query, params![target.as_str(), sql_limit(limit)])?;
            ids.iter().map(|id| record(transaction, id)).collect()
        })
        .await
    }

    /// The run that a person means by `last`, an id, or the first characters of only one id.
    ///
    /// Errs with [`Code::RunUnknown`], naming those that could be meant.
    pub async fn find_run(&self, text: &str) -> Result<RunId> {
        let text = text.trim().to_lowercase();
        self.read(move |transaction| lookup::find(transaction, &text)).await
    }
}

/// [`Code::RunUnknown`] unless there is such a run.
pub(crate) fn expect(connection: &Connection, id: &RunId) -> Result<(), Trouble> {
    if exists(connection, id)? { Ok(()) } else { Err(unknown(id.as_str()).into()) }
}

pub(crate) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A moment as the store wrote it.
pub(crate) fn moment(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|error| trouble::damaged(format!("`{text}` is no moment")).because(Box::new(error) as Box<_>))
}

fn unknown(text: &str) -> Error {
    Code::RunUnknown.error(format!("there is no run `{text}`")).help("`restage runs` lists them")
}

fn exists(connection: &Connection, id: &RunId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM runs WHERE id = ?")?.exists([id.as_str()])
}

fn ids(connection: &Connection, query: &str, params: impl rusqlite::Params) -> Result<Vec<RunId>, Trouble> {
    let mut statement = connection.prepare_cached(query)?;
    let texts = statement.query_map(params, |row| row.get::<_, String>(0))?;
    texts.map(|text| run_id(text?)).collect()
}

pub(crate) fn run_id(text: String) -> Result<RunId, Trouble> {
    Ok(RunId::try_from(text).map_err(|wrong| trouble::damaged(format!("the id of a run is unreadable; {wrong}")))?)
}

type Columns = (String, String, String, String, String, u64);

fn record(connection: &Connection, id: &RunId) -> Result<RunRecord, Trouble> {
    let columns = |row: &Row<'_>| -> rusqlite::Result<Columns> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    };
    let query = "SELECT scenario, title, plan_digest, started_by, created_at, events FROM runs WHERE id = ?";
    let found = connection.prepare_cached(query)?.query_row([id.as_str()], columns).optional()?;
    let Some((scenario, title, plan_digest, by, at, events)) = found else { return Err(unknown(id.as_str()).into()) };
    let mut statement = connection.prepare_cached("SELECT target FROM run_targets WHERE run = ? ORDER BY target")?;
    let targets = statement.query_map([id.as_str()], |row| row.get(0))?;
    Ok(RunRecord {
        id: id.clone(),
        scenario: ScenarioName::try_from(scenario)
            .map_err(|wrong| trouble::damaged(format!("the scenario of run `{id}` is unreadable; {wrong}")))?,
        title,
        targets: targets.map(|target| target.map(TargetKey::stored)).collect::<rusqlite::Result<_>>()?,
        plan_digest,
        by: Person(by),
        at: moment(&at)?,
        events,
    })
}
