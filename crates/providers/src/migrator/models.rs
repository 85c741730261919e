//! Models of what an application expects, and the schema that they are compared with.

use super::ended::Ended;
use super::status::of_working;
use super::unreadable;
use crate::postgres::told;
use restage_core::document::Source;
use restage_core::schema::{Schema, TablePattern};
use restage_core::signal::ExitStatus;
use restage_core::{Code, Error, Result};
use restage_migrate::models::{Models, Which, compare};
use restage_migrate::others::{self, MigrationHistory};
use restage_pgcopy::catalog;
use restage_pgcopy::connect::{self, Endpoint, Reader};
use std::path::Path;

use super::trouble::told_of_migrations;

/// Reads a models file; the cause of an error has every problem of it.
pub fn read_models(path: &Path) -> Result<Models> {
    let bytes = std::fs::read(path).map_err(|cause| unreadable(path, cause))?;
    let source = Source::from_bytes(path.display().to_string(), bytes);
    source.and_then(|source| Models::parse(&source)).map_err(|problems| {
        let error = Code::InvalidFile.error(format!("`{}` cannot be used", path.display()));
        error.help("correct it; `restage migrate snapshot` writes one of a good database").because(problems.to_string())
    })
}

/// Every difference between models and a database, each an error with its place; none where there are none.
pub async fn differences(endpoint: &Endpoint, models: &Models) -> Result<Vec<Error>, Ended> {
    let client = connect::source(endpoint).await.map_err(Ended::of_reading)?;
    differences_seen_by(client.reader(), models).await.map_err(|error| Ended::by(ExitStatus::Unexpected, vec![error]))
}

pub(crate) async fn differences_seen_by(reader: Reader<'_>, models: &Models) -> Result<Vec<Error>> {
    let schema = catalog::read(reader).await.map_err(told)?;
    Ok(compare(models, &schema).found.into_iter().map(told_of_migrations).collect())
}

/// The histories that other tools keep in a database.
pub async fn other_histories(endpoint: &Endpoint) -> Result<Vec<MigrationHistory>, Ended> {
    let client = connect::source(endpoint).await.map_err(Ended::of_reading)?;
    others::histories(client.reader()).await.map_err(Ended::of_reading)
}

/// The models of a database as it is: of all its tables, or of those that fit a pattern.
pub async fn snapshot(endpoint: &Endpoint, only: &[TablePattern]) -> Result<Models, Ended> {
    let client = connect::source(endpoint).await.map_err(Ended::of_reading)?;
    let schema: Schema = catalog::read(client.reader()).await.map_err(Ended::of_reading)?;
    let which = if only.is_empty() { Which::Every } else { Which::Matching(only) };
    Models::of(&schema, which).map_err(|error| Ended::of(of_working(&error), error))
}
