//! `restage migrate info`

use super::asked::Asked;
use super::{connected, failed, passed_over};
use crate::args::migrate::Info as Args;
use crate::args::{Common, Format};
use crate::render;
use crate::screen::{Screen, width};
use restage_core::facts::MigrationHistory;
use restage_core::signal::ExitStatus;
use restage_migrate::runner::{Holder, Unfinished};
use restage_migrate::state::{Migration, State};
use restage_providers::migrator::stop::Stop;
use restage_providers::migrator::{Access, Ended, other_histories, overlooked, told_of_migrations};
use serde::Serialize;

/// What is known of a database's migrations.
#[derive(Default, Serialize)]
pub(crate) struct Known {
    /// Always 0; in the same place as that of an error.
    pub(crate) exit: u8,
    /// How people call the database.
    pub(crate) database: String,
    /// The table of the history.
    pub(crate) table: String,
    /// Whether it exists.
    pub(crate) exists: bool,
    /// The version of the schema.
    pub(crate) version: Option<String>,
    /// How many scripts the next run applies.
    pub(crate) pending: usize,
    /// Every migration, in order.
    pub(crate) migrations: Vec<Entry>,
    /// The one that did not come to its end.
    pub(crate) unfinished: Option<Unfinished>,
    /// Who migrates at present.
    pub(crate) holder: Option<Holder>,
    /// What other tools have applied.
    pub(crate) others: Vec<MigrationHistory>,
    /// None; in the same place as those of a failure.
    pub(crate) errors: [(); 0],
}

/// One migration.
#[derive(Serialize)]
pub(crate) struct Entry {
    /// Its version; repeatable ones have none.
    pub(crate) version: Option<String>,
    /// Its description.
    pub(crate) description: String,
    /// What its row is about.
    #[serde(rename = "type")]
    pub(crate) sort: String,
    /// What the history calls its script.
    pub(crate) script: String,
    /// Its file, if it was found.
    pub(crate) file: Option<String>,
    /// Flyway's name for its state.
    pub(crate) state: &'static str,
    /// Whether somebody should look at it.
    #[serde(skip)]
    pub(crate) mark: Mark,
    /// The checksum of its row, or of its script.
    pub(crate) checksum: Option<i32>,
    /// The place of its row.
    pub(crate) installed_rank: Option<i32>,
    /// When it was applied, as the server writes it.
    pub(crate) installed_on: Option<String>,
    /// Who applied it.
    pub(crate) installed_by: Option<String>,
    /// How long it took.
    pub(crate) execution_time_ms: Option<i32>,
}

/// How a state is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Done.
    Good,
    /// Still to be done.
    Open,
    /// To be looked at.
    Bad,
}

pub(super) async fn run(common: &Common, access: &Access, args: &Args, screen: Screen) -> Result<(), Ended> {
    let (asked, resolved) = Asked::resolved(common, screen, access, &args.which, &args.scripts, None).await?;
    let stop = Stop::never();
    let runner = connected(&resolved, &stop).await?;
    let scripts = runner
        .scripts()
        .map_err(|errors| Ended::by(ExitStatus::MigrationFailed, errors.into_iter().map(told_of_migrations).collect()))?;
    passed_over(&overlooked(&scripts), screen);
    let found = runner.info(&scripts).await.map_err(failed)?;
    let states = found.states(&scripts, &resolved.settings).map_err(failed)?;
    let others = other_histories(&resolved.endpoint).await?;
    let compared = if resolved.settings.locations.is_empty() { Compared::WithNothing } else { Compared::WithScripts };
    let known = Known {
        exit: ExitStatus::Success.number(),
        database: asked.name,
        table: format!("{}.{}", runner.table().schema, runner.table().name),
        exists: found.exists,
        version: states.current().and_then(Migration::version).map(ToString::to_string),
        pending: states.to_run(&resolved.settings).len(),
        migrations: states.migrations.iter().map(|migration| entry(migration, compared)).collect(),
        unfinished: found.unfinished.clone(),
        holder: found.holder.clone(),
        others,
        errors: [],
    };
    match screen.format() {
        Format::Json => screen.json(&known),
        Format::Text => {
            screen.data(&render::migrations(&known, screen, width()));
            if compared == Compared::WithNothing {
                screen.talk("Nothing says where the scripts are, so that none were compared; `--location DIR` does.");
            }
        }
    }
    Ok(())
}

/// What a history was compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    WithScripts,
    /// Every row is above all scripts, of which there are none; nobody need look at them for that.
    WithNothing,
}

fn entry(migration: &Migration<'_>, compared: Compared) -> Entry {
    let (row, script) = (migration.row, migration.script);
    Entry {
        version: migration.version().map(ToString::to_string),
        description: migration.description().to_owned(),
        sort: migration.row_type().to_string(),
        script: migration.script_name().to_owned(),
        file: script.map(|script| script.file.path.display().to_string()),
        state: migration.state.name(),
        mark: mark(migration.state, compared),
        checksum: row.map_or_else(|| script.map(|script| script.checksum), |row| row.checksum).map(|checksum| checksum.0),
        installed_rank: row.map(|row| row.installed_rank),
        installed_on: row.and_then(|row| row.installed_on.clone()),
        installed_by: row.map(|row| row.installed_by.clone()),
        execution_time_ms: row.map(|row| row.execution_time),
    }
}

fn mark(state: State, compared: Compared) -> Mark {
    match state {
        State::Future if compared == Compared::WithNothing => Mark::Good,
        State::Pending | State::Outdated => Mark::Open,
        State::Failed | State::MissingFailed | State::FutureFailed | State::Missing | State::Future | State::Ignored => Mark::Bad,
        _ => Mark::Good,
    }
}
