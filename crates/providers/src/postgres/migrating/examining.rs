//! What a history looks like to somebody who only looks, and bringing it in order.

use super::{first_told, is_filled, models, settings, table_to_make};
use crate::migrator::{Access, differences_seen_by, first_of, told_of_migrations};
use restage_core::diagnosis::{
    BeginningSeen, Extent, HistorySeen, Observed, OddRow, Oddity, ScriptsSeen, SessionSeen, UnfinishedSeen,
};
use restage_core::environment::DatabaseAddress;
use restage_core::scenario::migrations::Scripts as Wanted;
use restage_core::{Code, Result};
use restage_migrate::history::{Row, RowType, Table};
use restage_migrate::reading;
use restage_migrate::repair::{self, Change};
use restage_migrate::runner::{Clock, Cx, Known, Runner, Silent, SystemClock};
use restage_migrate::scripts::{self, Scripts};
use restage_migrate::settings::{IgnorePattern, Settings};
use restage_migrate::state::{Migration, State, States};
use restage_migrate::validate::{When, disagreements};
use restage_pgcopy::connect::Reader;
use restage_pgcopy::stop::Stop;
use std::path::Path;

/// Who holds the lock of the history, whether there is one or not.
pub(in crate::postgres) async fn lock(reader: Reader<'_>, settings: &Settings) -> Result<Option<SessionSeen>> {
    let found = reading::history(reader, settings).await;
    // That its rows cannot be read is told by whoever wants to know them; the lock has the table's name.
    let table = found.ok().flatten().map_or_else(|| table_to_make(settings), |(table, _)| table);
    let holder = reading::holder(reader, &table).await.map_err(told_of_migrations)?;
    Ok(holder.map(|holder| SessionSeen {
        pid: holder.pid,
        application: holder.application,
        user: holder.user,
        address: holder.address,
        began: holder.since,
        run: None,
    }))
}

/// What the history says, compared with the scripts if some are named.
pub(in crate::postgres) async fn history(
    reader: Reader<'_>,
    address: &DatabaseAddress,
    settings: &Settings,
) -> Result<HistorySeen> {
    let found = reading::history(reader, settings).await.map_err(told_of_migrations)?;
    let exists = found.is_some();
    let (table, rows) = found.unwrap_or_else(|| (table_to_make(settings), vec![]));
    let unfinished = if exists { reading::unfinished(reader, &table).await.map_err(told_of_migrations)? } else { None };
    let unfinished =
        unfinished.map(|unfinished| UnfinishedSeen { script: unfinished.script.clone(), told: unfinished.to_string() });
    let failed = rows.iter().filter(|row| !row.success).map(|row| Change::DeleteFailed { row: row.clone() }.to_string());
    let seen = HistorySeen {
        table: exists.then(|| table.to_string()),
        version: version(&States::resolve(&Scripts::default(), &rows, settings).map_err(told_of_migrations)?),
        beginning: if exists { None } else { Some(seen_without(reader, settings).await?) },
        odd: rows.iter().filter(|row| !row.success).map(|row| odd(row, Oddity::Failed)).collect(),
        unfinished,
        scripts: Observed::NotAsked,
        repair_failed: failed.collect(),
        repair_all: vec![],
    };
    if settings.locations.is_empty() {
        return Ok(seen);
    }
    let settings = Settings { ignore_migration_patterns: without_future(settings), ..settings.clone() };
    match compared(address, &table, &rows, &settings) {
        Ok(compared) => {
            let Compared { version, scripts, odd, repair } = compared;
            Ok(HistorySeen { version, scripts: Observed::Seen(scripts), odd, repair_all: repair, ..seen })
        }
        Err(error) => Ok(HistorySeen { scripts: Observed::from(Err(error)), ..seen }),
    }
}

/// The version that a run goes on from.
fn version(states: &States<'_>) -> Option<String> {
    states.current().and_then(Migration::version).map(ToString::to_string)
}

/// What there is in place of a history.
async fn seen_without(reader: Reader<'_>, settings: &Settings) -> Result<BeginningSeen> {
    let like = reading::like_histories(reader).await.map_err(told_of_migrations)?;
    Ok(BeginningSeen {
        missing: settings.table.clone(),
        refused: is_filled(reader, settings).await? && !settings.baseline_on_migrate,
        like: like.iter().map(ToString::to_string).collect(),
    })
}

/// Flyway overlooks versions above all scripts unless told otherwise; whoever looks for what is wrong wants to see them.
fn without_future(settings: &Settings) -> Vec<IgnorePattern> {
    settings.ignore_migration_patterns.iter().copied().filter(|pattern| *pattern != IgnorePattern::FUTURE).collect()
}

struct Compared {
    version: Option<String>,
    scripts: ScriptsSeen,
    odd: Vec<OddRow>,
    repair: Vec<String>,
}

fn compared(address: &DatabaseAddress, table: &Table, rows: &[Row], settings: &Settings) -> Result<Compared> {
    let known = Known {
        table,
        role: &address.user,
        database: address.database.as_str(),
        timestamp: SystemClock.timestamp(),
        environment: "",
    };
    let placeholders = reading::placeholders(settings, &known).map_err(told_of_migrations)?;
    let scripts = expect_some(scripts::find(&settings.locations, settings, &placeholders).map_err(first_told)?)?;
    let states = States::resolve(&scripts, rows, settings).map_err(told_of_migrations)?;
    let found = disagreements(&states, settings, When::BeforeRun);
    let repair = repair::plan(&scripts, rows, settings, &address.user).map_err(told_of_migrations)?;
    Ok(Compared {
        version: version(&states),
        scripts: ScriptsSeen {
            count: scripts.migrations.len() as u64,
            pending: states.to_run(settings).into_iter().map(|script| script.file.script.clone()).collect(),
        },
        odd: found.iter().map(|(migration, _)| of_migration(migration)).collect(),
        repair: repair.iter().map(ToString::to_string).collect(),
    })
}

/// Without the right scripts every row of the history would look as if it were applied out of band.
fn expect_some(scripts: Scripts) -> Result<Scripts> {
    if let Some(missing) = scripts.missing.first() {
        let error = Code::FileUnreadable.error(format!("the location `{missing}` does not exist"));
        return Err(error.help("correct `--location`, or the locations of the scenario or configuration file"));
    }
    if scripts.migrations.is_empty() {
        let error = Code::MigrationsInvalid.error("there is not one script in the locations");
        return Err(error.help("name the folder that has them"));
    }
    Ok(scripts)
}

fn of_migration(migration: &Migration<'_>) -> OddRow {
    let oddity = match migration.state {
        state if state.is_failed() => Oddity::Failed,
        State::Future => Oddity::AboveAllScripts,
        State::Ignored => Oddity::LeftOut,
        _ => match (migration.row, migration.script) {
            (Some(row), Some(script)) => {
                let (sort, checksum) = (RowType::of(&script.sort), script.checksum.0.to_string());
                let (what, applied, script) = if sort != row.sort {
                    ("type", row.sort.to_string(), sort.to_string())
                } else if script.matches(row.checksum) {
                    ("description", row.description.clone(), script.description.clone())
                } else {
                    ("checksum", row.checksum.map_or_else(|| "nothing".to_owned(), |checksum| checksum.0.to_string()), checksum)
                };
                Oddity::Differs { what: what.to_owned(), applied, script }
            }
            _ => Oddity::ScriptGone,
        },
    };
    match migration.row {
        Some(row) => odd(row, oddity),
        None => OddRow {
            script: migration.script_name().to_owned(),
            version: migration.version().map(ToString::to_string),
            applied: None,
            oddity,
        },
    }
}

fn odd(row: &Row, oddity: Oddity) -> OddRow {
    let when = row.installed_on.as_ref().map_or_else(String::new, |moment| format!(" at {moment}"));
    OddRow {
        script: row.script.clone(),
        version: row.version.as_ref().map(ToString::to_string),
        applied: Some(format!("rank {}, begun or applied by `{}`{when}", row.installed_rank, row.installed_by)),
        oddity,
    }
}

/// Where the database differs from the models of the scripts.
pub(in crate::postgres) async fn differences(reader: Reader<'_>, wanted: &Wanted, folder: &Path) -> Result<Option<Vec<String>>> {
    let Some(models) = models(wanted, folder)? else { return Ok(None) };
    let differences = differences_seen_by(reader, &models).await?;
    Ok(Some(differences.into_iter().map(|difference| difference.message).collect()))
}

/// Repairs a history, if what is to be done is what was shown.
pub(in crate::postgres) async fn repair(
    access: &Access,
    address: &DatabaseAddress,
    wanted: &Wanted,
    folder: &Path,
    extent: Extent,
    shown: &[String],
) -> Result<()> {
    let settings = settings(access, wanted, folder).await.map_err(first_of)?;
    let ignore_migration_patterns = without_future(&settings);
    // Whoever holds the lock is at work, and must not be waited for.
    let settings = Settings { ignore_migration_patterns, lock_retry_count: 0, ..settings };
    let (stop, endpoint) = (Stop::never(), access.servers.endpoint(address).await?);
    let cx = Cx { settings: &settings, reporter: &Silent, clock: &SystemClock, stop: &stop, environment: "" };
    let runner = Box::pin(Runner::connect(&endpoint, cx)).await.map_err(told_of_migrations)?;
    let scripts = match extent {
        Extent::Failed => Scripts::default(),
        Extent::All => expect_some(runner.scripts().map_err(first_told)?)?,
    };
    let planned = runner.plan_repair(&scripts).await.map_err(told_of_migrations)?;
    let changes: Vec<Change> = planned.changes.into_iter().filter(|change| shown.contains(&change.to_string())).collect();
    if changes.len() != shown.len() {
        let error = Code::WrongMoment.error("the history is not what was shown any more");
        return Err(error.help("look at it once more"));
    }
    runner.repair_only(&scripts, &changes).await.map(drop).map_err(told_of_migrations)
}
