//! Finding the run that a person means.

use super::{ids, record, sql_limit, unknown};
use crate::trouble::Trouble;
use restage_core::name::RunId;
use restage_core::{Code, Error};
use rusqlite::{Connection, params};

/// Runs named in an error about an unknown or ambiguous run; more are not helpful.
pub const MAX_CANDIDATES: usize = 5;

const LAST: &str = "last";

/// `text` is in lower case, as ids are.
pub(super) fn find(connection: &Connection, text: &str) -> Result<RunId, Trouble> {
    if text == LAST {
        // A run that never began, because another one held its target, is not what anybody means.
        let last = ids(connection, "SELECT id FROM runs ORDER BY events = 0, number DESC LIMIT 1", [])?;
        return last.into_iter().next().ok_or_else(|| none_yet(text).into());
    }
    let query = "SELECT id FROM runs WHERE ?1 <> '' AND substr(id, 1, length(?1)) = ?1 ORDER BY id <> ?1, number DESC LIMIT ?2";
    let mut matching = ids(connection, query, params![text, sql_limit(MAX_CANDIDATES + 1)])?;
    match matching.as_slice() {
        [] => Err(unknown_among_latest(connection, text)?.into()),
        [one] => Ok(one.clone()),
        [first, ..] if first.as_str() == text => Ok(matching.swap_remove(0)),
        several => Err(ambiguous(connection, text, several)?.into()),
    }
}

fn none_yet(text: &str) -> Error {
    Code::RunUnknown.error(format!("there is no run `{text}`: the store is empty")).help("`restage run` starts the first one")
}

fn unknown_among_latest(connection: &Connection, text: &str) -> Result<Error, Trouble> {
    let latest = ids(connection, "SELECT id FROM runs ORDER BY number DESC LIMIT ?", [sql_limit(MAX_CANDIDATES)])?;
    if latest.is_empty() {
        return Ok(none_yet(text));
    }
    let latest = described(connection, &latest)?;
    Ok(unknown(text).help(format!("name one of the latest: {latest}; `restage runs` lists more")))
}

fn ambiguous(connection: &Connection, text: &str, several: &[RunId]) -> Result<Error, Trouble> {
    let shown = &several[..several.len().min(MAX_CANDIDATES)];
    let more = if several.len() > shown.len() { " and more" } else { "" };
    let candidates = described(connection, shown)?;
    Ok(Code::RunUnknown
        .error(format!("several runs begin with `{text}`"))
        .help(format!("add characters to name one of {candidates}{more}")))
}

fn described(connection: &Connection, runs: &[RunId]) -> Result<String, Trouble> {
    let described = runs.iter().map(|id| {
        let run = record(connection, id)?;
        Ok(format!("`{id}` ({}, {})", run.scenario, run.at.strftime("%Y-%m-%d %H:%M UTC")))
    });
    Ok(described.collect::<Result<Vec<_>, Trouble>>()?.join(", "))
}
