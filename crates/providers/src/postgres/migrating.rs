//! Migrations: what of some scripts is still to be applied, and applying it.

mod aloud;
pub(super) mod examining;

use super::servers::{Caller, Servers};
use super::work::Setting;
use crate::jobs::Teller;
use crate::migrator::{
    Access, Signals, Sources, all_applied, differences_seen_by, first_of, read_models, told_in_queue, told_of_migrations,
};
use restage_core::environment::DatabaseAddress;
use restage_core::error::Failure;
use restage_core::facts::{PendingFacts, PendingScript};
use restage_core::provider::{MigrateSpec, Migrated, Progress};
use restage_core::scenario::migrations::{Parameters, Scripts};
use restage_core::schema::quote_literal;
use restage_core::signal::SchemaVersion;
use restage_core::{Code, Error, Result};
use restage_migrate::history::{self, Baselining, Beginning, Found, Row, Table, baselining};
use restage_migrate::models::Models;
use restage_migrate::name::Sort;
use restage_migrate::runner::{Clock, Cx, GoOn, Known, Reporter, Runner, SystemClock};
use restage_migrate::scripts::{self, Script};
use restage_migrate::settings::Settings;
use restage_migrate::state::{Migration, States};
use restage_migrate::validate::{When, validate};
use restage_migrate::{reading, runner};
use restage_pgcopy::connect::Reader;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// The schema of a history that is still to be made, unless settings name one.
const USUAL_SCHEMA: &str = "public";

/// What errors call the settings that stand in a scenario.
const IN_SCENARIO: &str = "settings of the scenario";

/// What a database without a history comes to.
#[derive(Clone, Copy)]
enum Missing {
    /// A run will begin one, if it may.
    IsBegun,
    /// Somebody who was to migrate has not.
    IsRefused,
}

/// Compares scripts with the history of one database, which is only read; they will run with `address`'s role on its database.
pub(super) async fn pending(
    access: &Access,
    of: &DatabaseAddress,
    address: &DatabaseAddress,
    scripts: &Scripts,
    folder: &Path,
) -> Result<PendingFacts> {
    compared(access, of, address, scripts, folder, Missing::IsBegun).await
}

async fn compared(
    access: &Access,
    of: &DatabaseAddress,
    address: &DatabaseAddress,
    scripts: &Scripts,
    folder: &Path,
    missing: Missing,
) -> Result<PendingFacts> {
    let settings = match settings(access, scripts, folder).await {
        Ok(settings) => settings,
        Err(errors) => return refused(access, errors),
    };
    models(scripts, folder)?;
    let client = access.servers.read(of).await?;
    let found = reading::history(client.reader(), &settings).await.map_err(told_of_migrations)?;
    let exists = found.is_some();
    let (table, rows) = match (found, missing) {
        (Some(found), _) => found,
        (None, Missing::IsRefused) => return Err(nothing_done(of, &settings)),
        (None, Missing::IsBegun) => match beginning(client.reader(), &settings, &address.user).await {
            Ok(begun) => begun,
            Err(error) => return refused(access, vec![error]),
        },
    };
    let known = Known {
        table: &table,
        role: &address.user,
        database: address.database.as_str(),
        timestamp: SystemClock.timestamp(),
        environment: "",
    };
    let placeholders = reading::placeholders(&settings, &known).map_err(told_of_migrations)?;
    let scripts = match scripts::find(&settings.locations, &settings, &placeholders) {
        Ok(scripts) => scripts,
        Err(errors) => return refused(access, errors.into_iter().map(told_of_migrations).collect()),
    };
    let states = States::resolve(&scripts, &rows, &settings).map_err(told_of_migrations)?;
    let mut errors = if settings.validate_on_migrate { validate(&states, &settings, When::BeforeRun) } else { vec![] };
    errors.extend(states.blocked(&settings).err().filter(|_| errors.is_empty()));
    Ok(PendingFacts {
        version: states.current().filter(|_| exists).and_then(Migration::version).map(ToString::to_string),
        newest: newest(&scripts),
        pending: states.to_run(&settings).into_iter().map(planned).collect(),
        refusals: kept(access, &errors.into_iter().map(told_of_migrations).collect::<Vec<_>>()),
    })
}

/// Errors as a plan keeps them.
fn kept(access: &Access, errors: &[Error]) -> Vec<Failure> {
    errors.iter().map(|error| access.failure_without_secrets(error)).collect()
}

fn nothing_done(address: &DatabaseAddress, settings: &Settings) -> Error {
    let error = Code::VerifyMismatch.error(format!("{address} has no history `{}`", settings.table));
    error.help("find out whether the migrator has another database, or another name for the history")
}

/// Everything that keeps scripts from being applied, unless it may pass.
fn refused(access: &Access, errors: Vec<Error>) -> Result<PendingFacts> {
    if errors.iter().any(|error| error.code == Code::CannotConnect) {
        return Err(first_of(errors));
    }
    Ok(PendingFacts { refusals: kept(access, &errors), ..PendingFacts::default() })
}

fn newest(scripts: &scripts::Scripts) -> Option<SchemaVersion> {
    let leads_on = |script: &&Script| matches!(script.sort, Sort::Versioned(_) | Sort::Baseline(_));
    let versions = scripts.migrations.iter().filter(leads_on).filter_map(|script| script.sort.version());
    versions.max().map(|version| SchemaVersion(version.to_string()))
}

/// The history that a run would make, with the row that it would begin with.
async fn beginning(reader: Reader<'_>, settings: &Settings, role: &str) -> Result<(Table, Vec<Row>)> {
    let table = table_to_make(settings);
    let found = if is_filled(reader, settings).await? { Found::FilledSchema } else { Found::EmptySchemas };
    let rows = match history::beginning(found, settings).map_err(told_of_migrations)? {
        Beginning::Baseline => match baselining(&[], settings, role).map_err(told_of_migrations)? {
            Baselining::Write(row) => vec![row],
            Baselining::Done => vec![],
        },
        Beginning::GoOn | Beginning::Create => vec![],
    };
    Ok((table, rows))
}

/// Whether there are objects where a run makes its history.
async fn is_filled(reader: Reader<'_>, settings: &Settings) -> Result<bool> {
    let schemas = if settings.schemas.is_empty() { vec![table_to_make(settings).schema] } else { settings.schemas.clone() };
    let filled = !settings.skip_executing_migrations && reading::are_filled(reader, &schemas).await.map_err(told_of_migrations)?;
    Ok(filled)
}

fn table_to_make(settings: &Settings) -> Table {
    Table { schema: settings.history_schema().unwrap_or(USUAL_SCHEMA).to_owned(), name: settings.table.clone() }
}

fn planned(script: &Script) -> PendingScript {
    PendingScript {
        script: script.file.script.clone(),
        version: script.sort.version().map(ToString::to_string),
        description: script.description.clone(),
        checksum: Some(script.checksum.0),
    }
}

fn first_told(errors: Vec<restage_migrate::Error>) -> Error {
    first_of(errors.into_iter().map(told_of_migrations).collect())
}

/// Applies what the plan says is pending, and nothing else; tells of it where it is to be told.
pub(super) async fn migrate(access: &Access, spec: &MigrateSpec, setting: &Setting) -> Result<Migrated> {
    let Some(signals) = &spec.signals else { return Box::pin(apply(access, spec, setting, None)).await };
    let queues = setting.queues.clone().ok_or_else(|| Code::QueueMissing.error("no queue can be reached from here"))?;
    let work = async |signals: Arc<Signals>| Box::pin(apply(access, spec, setting, Some(&signals))).await;
    Box::pin(aloud::aloud(queues, signals, work)).await
}

/// What a database has of some scripts, without touching it.
pub(super) async fn observed(access: &Access, spec: &MigrateSpec) -> Result<Migrated> {
    let started = Instant::now();
    let facts = Box::pin(compared(access, &spec.address, &spec.address, &spec.scripts, &spec.folder, Missing::IsRefused)).await?;
    if let Some(refusal) = facts.refusals.into_iter().next() {
        return Err(refusal.into());
    }
    if let Some(first) = facts.pending.first() {
        let count = facts.pending.len();
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        let message = format!("`{}`{more} is not in the history of {}", first.script, spec.address);
        return Err(Code::VerifyMismatch
            .error(message)
            .help("find out whether the migrator has other scripts, or another database"));
    }
    let models = match models(&spec.scripts, &spec.folder)? {
        Some(models) => compare(&access.servers, &spec.address, &models).await?,
        None => 0,
    };
    Ok(Migrated { applied: vec![], version: facts.version, models, notes: vec![], seconds: started.elapsed().as_secs_f64() })
}

async fn apply(access: &Access, spec: &MigrateSpec, setting: &Setting, signals: Option<&Signals>) -> Result<Migrated> {
    let started = Instant::now();
    let models = models(&spec.scripts, &spec.folder)?;
    let mut settings = settings(access, &spec.scripts, &spec.folder).await.map_err(first_of)?;
    // By this name its sessions are found again after a crash.
    let name = format!("SET application_name = {};", quote_literal(Caller::job(&setting.job).as_str()));
    settings.init_sql = Some(format!("{name} {}", settings.init_sql.unwrap_or_default()));
    let endpoint = access.servers.endpoint(&spec.address).await?;
    let telling = Telling { reporter: &setting.reporter, signals };
    let cx = Cx { settings: &settings, reporter: &telling, clock: &SystemClock, stop: &setting.stop, environment: "" };
    let runner = Box::pin(Runner::connect(&endpoint, cx)).await.map_err(told_of_migrations)?;
    let scripts = runner.scripts().map_err(first_told)?;
    let seen = runner.look().await.map_err(told_of_migrations)?;
    let rows = if seen.exists {
        seen.rows.clone()
    } else {
        beginning(access.servers.read(&spec.address).await?.reader(), &settings, &spec.address.user).await?.1
    };
    let states = States::resolve(&scripts, &rows, &settings).map_err(told_of_migrations)?;
    let is_applied = |wanted: &&PendingScript| seen.rows.iter().any(|row| row.success && row.script == wanted.script);
    let left: Vec<&PendingScript> = spec.expected.iter().filter(|wanted| !is_applied(wanted)).collect();
    expect(&left, &states.to_run(&settings))?;
    let ran = Box::pin(runner.run(&scripts, GoOn::Refused)).await.map_err(told_of_migrations)?;
    if let Some(signals) = signals {
        signals.tell(all_applied(ran.after.as_ref()));
    }
    let tables = match models {
        Some(models) => compare(&access.servers, &spec.address, &models).await?,
        None => 0,
    };
    Ok(Migrated {
        applied: spec.expected.iter().map(|script| script.script.clone()).collect(),
        version: ran.after.map(|version| version.to_string()),
        models: tables,
        notes: vec![],
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Fails if something else is pending than what the plan says. A repeatable script may hash otherwise by what its placeholders
/// stand for.
fn expect(left: &[&PendingScript], pending: &[&Script]) -> Result<()> {
    let is_same = |(wanted, script): (&&PendingScript, &&Script)| {
        let hashes = wanted.version.is_none() || wanted.checksum == Some(script.checksum.0);
        wanted.script == script.file.script && hashes
    };
    if left.len() == pending.len() && left.iter().zip(pending).all(is_same) {
        return Ok(());
    }
    let names = |scripts: Vec<&str>| if scripts.is_empty() { "nothing".to_owned() } else { format!("`{}`", scripts.join("`, `")) };
    let planned = names(left.iter().map(|script| script.script.as_str()).collect());
    let found = names(pending.iter().map(|script| script.file.script.as_str()).collect());
    let what = if planned == found {
        "scripts were edited since the plan was made".to_owned()
    } else {
        format!("{found} is pending, and the plan says {planned}")
    };
    Err(Code::PlanStale.error(what).help("undo what the run did so far, then plan again"))
}

/// The settings of scripts. The environment of whoever runs restage has no say in a plan.
pub(super) async fn settings(access: &Access, scripts: &Scripts, folder: &Path) -> Result<Settings, Vec<Error>> {
    let Parameters { below, place } = &scripts.parameters;
    let sources = Sources {
        files: scripts.config.iter().map(|path| folder.join(path)).collect(),
        parameters: below.clone(),
        values: scripts.settings.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        values_from: IN_SCENARIO,
        locations: scripts.locations.clone(),
        folder: folder.to_owned(),
        ..Sources::default()
    };
    let fetched = access.below(below, place).await?;
    sources.read(&fetched).map(|reading| reading.settings)
}

fn models(scripts: &Scripts, folder: &Path) -> Result<Option<Models>> {
    scripts.models.as_ref().map(|path| read_models(&folder.join(path))).transpose()
}

/// Compares the database with models; the number of tables if it is what they say.
async fn compare(servers: &Servers, address: &DatabaseAddress, models: &Models) -> Result<u64> {
    let client = servers.read(address).await?;
    let found = differences_seen_by(client.reader(), models).await?;
    let Some(first) = found.first() else { return Ok(models.tables.len() as u64) };
    let more = match found.len() {
        1 => String::new(),
        2 => ", and one more difference".to_owned(),
        all => format!(", and {} more differences", all - 1),
    };
    let error = Code::ModelsDiffer.error(format!("the database is not what the models say: {}{more}", first.message));
    let all: Vec<&str> = found.iter().map(|difference| difference.message.as_str()).collect();
    Err(error.help("correct the models, or bring the database in line with a migration").because(all.join("\n")))
}

/// Tells a run's progress as a job does, and in its queue.
struct Telling<'a> {
    reporter: &'a Teller,
    signals: Option<&'a Signals>,
}

impl Reporter for Telling<'_> {
    fn report(&self, progress: &runner::Progress<'_>) {
        use runner::Progress as Said;
        if let (Some(signals), Some(progress)) = (self.signals, told_in_queue(progress)) {
            signals.tell(progress);
        }
        let doing = match progress {
            Said::BeforeFile(file) => format!("run `{}`", file.migration_file),
            Said::Waiting { holder: Some(holder), .. } => format!("wait for {holder}, which migrates"),
            Said::Waiting { holder: None, .. } => "wait for another migrator".to_owned(),
            _ => return,
        };
        restage_pgcopy::reporter::Reporter::progress(self.reporter, Progress { doing, ..Progress::default() });
    }
}
