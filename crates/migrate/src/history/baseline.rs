//! Whether a history can be given a baseline, and how a run begins one.

use super::{Row, RowType, cut_description, cut_script, next_rank};
use crate::settings::Settings;
use crate::version::Version;
use crate::{Kind, Result};

/// What giving a baseline to a history comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Baselining {
    /// This row is written, in a table that may have to be created.
    Write(Row),
    /// The history has this baseline already.
    Done,
}

/// What giving the settings' baseline to a history with these rows comes to; a history that has begun otherwise refuses it.
pub fn baselining(rows: &[Row], settings: &Settings, installed_by: &str) -> Result<Baselining> {
    let version = &settings.baseline_version;
    let description = cut_description(&settings.baseline_description);
    let refused = |why: &str| {
        Err(Kind::Invalid
            .error(format_args!("the history `{}` cannot begin with version `{version}`: {why}", settings.table))
            .help("a baseline is for a database without history; look at the history with `restage migrate info`"))
    };
    // A baseline comes first, or second behind the schemas' row.
    if let Some(row) = rows.iter().take(2).find(|row| row.sort == RowType::Baseline) {
        if row.version.as_ref() == Some(version) && row.description == description {
            return Ok(Baselining::Done);
        }
        let found = row.version.as_ref().map_or("", Version::as_str);
        return refused(&format!("it began with version `{found}` (`{}`)", row.description));
    }
    if rows.iter().any(|row| row.sort == RowType::Schema) && Version::parse("0").is_ok_and(|zero| *version == zero) {
        return refused("version 0 stands for the created schemas");
    }
    if rows.iter().any(|row| !row.sort.is_synthetic() && !row.sort.is_undo()) {
        return refused("it already has migrations");
    }
    Ok(Baselining::Write(Row {
        installed_rank: next_rank(rows),
        version: Some(version.clone()),
        script: cut_script(&settings.baseline_description),
        description,
        sort: RowType::Baseline,
        checksum: None,
        installed_by: installed_by.to_owned(),
        execution_time: 0,
        success: true,
        installed_on: None,
    }))
}

/// What a run finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A history.
    History,
    /// No history, and schemas that are empty or missing.
    EmptySchemas,
    /// No history, and a schema that has objects.
    FilledSchema,
}

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It goes on with the history.
    GoOn,
    /// It creates schemas that are missing, if that is set, and the history.
    Create,
    /// It creates the history with the settings' baseline.
    Baseline,
}

/// How a run begins; a schema with objects but without history is refused unless it may be baselined.
pub fn beginning(found: Found, settings: &Settings) -> Result<Beginning> {
    match found {
        Found::History => Ok(Beginning::GoOn),
        Found::EmptySchemas => Ok(Beginning::Create),
        Found::FilledSchema if settings.baseline_on_migrate => Ok(Beginning::Baseline),
        Found::FilledSchema => Err(Kind::Invalid
            .error(format_args!("the schema has objects but no history `{}`", settings.table))
            .help("give it one with `restage migrate baseline`, or set `baselineOnMigrate` to `true`")),
    }
}
